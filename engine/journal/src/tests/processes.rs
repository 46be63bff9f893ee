//! Several owners and several processes: leases, fencing, death, letters.

#![expect(clippy::disallowed_methods, reason = "processes and databases beside the journal's own are what these tests are about")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use naestro_policy::port::{Contents as _, Durability, Journal as _, JournalError, Letter};
use rusqlite::Connection;

use super::{STATE, fill, home, numbered, numbers, open, printed, run, wait};
use crate::SqliteJournal;

/// Names the folder to a process that [`child`] started.
const HOME: &str = "NAESTRO_JOURNAL_TEST_HOME";

/// Starts one of the ignored tests below in a process of its own.
fn child(test: &str, home: &Path) -> Child {
    let test = format!("tests::processes::{test}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&test, "--exact", "--ignored", "--nocapture"]).env(HOME, home).stdout(Stdio::piped()).spawn().unwrap()
}

fn child_home() -> PathBuf {
    std::env::var_os(HOME).unwrap().into()
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn append_for_ever() {
    let journal = SqliteJournal::open(&child_home()).unwrap();
    fill(&journal, run(1), 0);
    for number in 1.. {
        let durability = if number % 10 == 0 { Durability::Barrier } else { Durability::Buffered };
        wait(journal.append(run(1), vec![numbered(number)], durability)).unwrap();
        println!("acknowledged {number}");
    }
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn append_a_hundred() {
    fill(&SqliteJournal::open(&child_home()).unwrap(), run(2), 100);
}

/// Runs one of the ignored tests below with a mount of its own; false, said aloud, where such mounts are refused.
fn succeeds_with_mount(mount: &str, test: &str, home: &Path) -> bool {
    let allowed = Command::new("unshare").args(["-Urm", "true"]).status().is_ok_and(|status| status.success());
    if !allowed {
        eprintln!("SKIPPED: {test} needs a mount namespace, and this system refuses one");
        return true;
    }
    let script = format!("{mount} && exec \"$0\" \"$@\"");
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(["-Urm", "sh", "-c", &script]).arg(exe).args([&format!("tests::processes::{test}"), "--exact", "--ignored"]);
    command.env(HOME, home).status().unwrap().success()
}

#[test]
fn a_full_disk_is_told_and_nothing_acknowledged_is_lost() {
    let home = home();
    assert!(succeeds_with_mount(&format!("mount -t tmpfs -o size=2m none ${HOME}"), "fill_a_small_disk", home.path()));
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn fill_a_small_disk() {
    let home = child_home();
    let ballast = home.join("ballast");
    std::fs::write(&ballast, vec![1; 500_000]).unwrap();
    let journal = SqliteJournal::open(&home).unwrap();
    fill(&journal, run(1), 0);
    let append = |number| wait(journal.append(run(1), vec![numbered(number), printed("x".repeat(12_000))], Durability::Barrier));
    let failed = (1..1_000).map(append).position(|result| result.is_err()).unwrap() as u64;
    assert!(matches!(append(failed + 1), Err(JournalError::Unavailable(_))));
    assert!(matches!(journal.put(&[9; 16_000]), Err(JournalError::Unavailable(_))));
    assert_eq!(journal.read(run(1), 0, usize::MAX).unwrap().len() as u64, 1 + 2 * failed);
    std::fs::remove_file(ballast).unwrap();
    append(failed + 1).unwrap();
    assert_eq!(journal.read(run(1), 0, usize::MAX).unwrap().len() as u64, 3 + 2 * failed);
    drop(journal);
    assert_eq!(SqliteJournal::open(&home).unwrap().verify(None), Ok(Vec::new()));
}

#[test]
fn a_disk_that_cannot_be_written_is_read() {
    let home = home();
    fill(&open(&home), run(1), 2);
    let mount = format!("mount --bind ${HOME} ${HOME} && mount -o remount,bind,ro ${HOME}");
    assert!(succeeds_with_mount(&mount, "read_what_cannot_be_written", home.path()));
    assert_eq!(numbers(&open(&home), run(1)), Ok(vec![0, 1, 2]));
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn read_what_cannot_be_written() {
    let journal = SqliteJournal::open(&child_home()).unwrap();
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1, 2]));
    assert_eq!(journal.verify(None), Ok(Vec::new()));
    assert!(matches!(wait(journal.own(run(1))), Err(JournalError::Unavailable(_))));
    assert!(matches!(journal.put(b"bytes"), Err(JournalError::Unavailable(_))));
    assert!(matches!(journal.put(&[1; 20_000]), Err(JournalError::Unavailable(_))));
    assert!(matches!(journal.remove(run(1)), Err(JournalError::Unavailable(_))));
}

/// Reads what the child acknowledges; stops it by SIGKILL once `enough` was, and reads the rest.
fn acknowledged_until_killed(mut child: Child, enough: u64, mut while_it_lives: impl FnMut(&Child)) -> u64 {
    let mut last = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        // The harness's own words may stand before the first.
        let Some((_, number)) = line.rsplit_once("acknowledged ") else { continue };
        last = number.parse().unwrap();
        if last == enough {
            while_it_lives(&child);
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    last
}

#[test]
fn everything_acknowledged_outlives_a_killed_process() {
    let home = home();
    let journal = open(&home);
    let last = acknowledged_until_killed(child("append_for_ever", home.path()), 200, |child| {
        assert_eq!(wait(journal.own(run(1))), Err(JournalError::Owned { pid: child.id() }));
        assert!(journal.entry(run(1)).unwrap().owned);
    });
    assert!(last >= 200);
    let numbers = numbers(&journal, run(1)).unwrap();
    assert!(numbers.len() as u64 > last, "{} of {last}", numbers.len());
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(journal.verify(None), Ok(Vec::new()));
    assert!(!journal.entry(run(1)).unwrap().owned);
    assert_eq!(wait(journal.own(run(1))), Ok(true), "its death is known at once");
    wait(journal.append(run(1), vec![numbered(0)], Durability::Barrier)).unwrap();
}

#[test]
fn two_processes_append_to_runs_of_their_own() {
    let home = home();
    let journal = open(&home);
    let mut other = child("append_a_hundred", home.path());
    fill(&journal, run(1), 100);
    assert!(other.wait().unwrap().success());
    assert_eq!(numbers(&journal, run(1)), numbers(&journal, run(2)));
    assert_eq!(numbers(&journal, run(2)).unwrap().len(), 101);
    assert_eq!(journal.verify(None), Ok(Vec::new()));
}

#[test]
fn a_run_has_one_owner_until_it_is_let_go() {
    let home = home();
    let (first, second) = (open(&home), open(&home));
    fill(&first, run(1), 0);
    let owned = Err(JournalError::Owned { pid: std::process::id() });
    assert_eq!(wait(second.own(run(1))), owned);
    assert_eq!(wait(second.append(run(1), vec![numbered(1)], Durability::Buffered)), Err(JournalError::Fenced));
    wait(first.release(run(1), STATE)).unwrap();
    assert_eq!(wait(first.append(run(1), vec![numbered(1)], Durability::Buffered)), Err(JournalError::Fenced));
    assert_eq!(wait(second.own(run(1))), Ok(false), "it was let go");
    assert_eq!(wait(second.own(run(9))), Err(JournalError::Unknown(run(9))));
}

#[test]
fn an_owner_that_was_only_asleep_is_kept_out() {
    let home = home();
    let (sleeper, next) = (open(&home), open(&home));
    fill(&sleeper, run(1), 1);
    let conn = Connection::open(home.path().join("journal.db")).unwrap();
    conn.execute("UPDATE leases SET beat = beat - 9000", []).unwrap();
    assert!(wait(next.own(run(1))).is_err(), "ten seconds have not passed");
    conn.execute("UPDATE leases SET beat = beat - 2000", []).unwrap();
    assert_eq!(wait(next.own(run(1))), Ok(true));
    assert_eq!(wait(sleeper.append(run(1), vec![numbered(7)], Durability::Buffered)), Err(JournalError::Fenced));
    assert_eq!(wait(sleeper.release(run(1), STATE)), Err(JournalError::Fenced));
    wait(next.append(run(1), vec![numbered(2)], Durability::Buffered)).unwrap();
    assert_eq!(numbers(&next, run(1)), Ok(vec![0, 1, 2]));
}

#[test]
fn a_journal_dropped_without_letting_go_counts_as_dead() {
    let home = home();
    fill(&open(&home), run(1), 0);
    assert_eq!(wait(open(&home).own(run(1))), Ok(true));
}

#[test]
fn a_process_id_that_was_used_again_is_not_the_owner() {
    let home = home();
    let journal = open(&home);
    fill(&open(&home), run(1), 0);
    let conn = Connection::open(home.path().join("journal.db")).unwrap();
    conn.execute("UPDATE leases SET pid = 1, birth = '12345678901'", []).unwrap();
    assert_eq!(wait(journal.own(run(1))), Ok(true));
}

#[test]
fn an_owner_in_another_boot_holds_until_its_lease_lapses() {
    let home = home();
    let journal = open(&home);
    fill(&open(&home), run(1), 0);
    let conn = Connection::open(home.path().join("journal.db")).unwrap();
    conn.execute("UPDATE leases SET pid = 7, boot = 'another'", []).unwrap();
    assert_eq!(wait(journal.own(run(1))), Err(JournalError::Owned { pid: 7 }));
    conn.execute("UPDATE leases SET beat = 0", []).unwrap();
    assert_eq!(wait(journal.own(run(1))), Ok(true));
}

#[test]
fn letters_reach_the_owner_once() {
    let home = home();
    let (owner, other) = (open(&home), open(&home));
    fill(&owner, run(1), 0);
    let bodies = |letters: Vec<Letter>| letters.into_iter().map(|letter| letter.body).collect::<Vec<_>>();
    let changed = owner.changed();
    wait(other.post(run(1), b"cancel".to_vec())).unwrap();
    wait(changed);
    wait(other.post(run(1), b"answer".to_vec())).unwrap();
    let letters = wait(owner.inbox(run(1), 0)).unwrap();
    assert_eq!(bodies(letters.clone()), [b"cancel", b"answer"]);
    assert_eq!(bodies(wait(owner.inbox(run(1), letters[0].id)).unwrap()), [b"answer"]);
    assert_eq!(bodies(wait(owner.inbox(run(1), letters[1].id)).unwrap()), Vec::<Vec<u8>>::new());
    assert_eq!(wait(other.post(run(9), Vec::new())), Err(JournalError::Unknown(run(9))));
    assert_eq!(wait(other.inbox(run(1), 0)), Err(JournalError::Fenced));
}

#[test]
fn letters_handed_out_are_done_with_when_the_run_is_let_go_and_the_others_wait() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    wait(journal.post(run(1), b"suspend".to_vec())).unwrap();
    assert_eq!(wait(journal.inbox(run(1), 0)).unwrap().len(), 1);
    wait(journal.post(run(1), b"too late".to_vec())).unwrap();
    wait(journal.release(run(1), STATE)).unwrap();
    wait(journal.own(run(1))).unwrap();
    let letters = wait(journal.inbox(run(1), 0)).unwrap();
    assert_eq!(letters.iter().map(|letter| letter.body.as_slice()).collect::<Vec<_>>(), [b"too late"]);
}

#[test]
fn letters_of_a_process_that_died_are_handed_out_again() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    wait(journal.post(run(1), b"cancel".to_vec())).unwrap();
    assert_eq!(wait(journal.inbox(run(1), 0)).unwrap().len(), 1);
    drop(journal);
    let next = open(&home);
    assert_eq!(wait(next.own(run(1))), Ok(true));
    assert_eq!(wait(next.inbox(run(1), 0)).unwrap().len(), 1);
}

#[test]
fn ones_own_changes_wake_nobody() {
    let home = home();
    let (owner, other) = (open(&home), open(&home));
    fill(&owner, run(1), 0);
    let mut changed = owner.changed();
    let woken = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        owner.append(run(1), vec![numbered(1)], Durability::Buffered).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(100), &mut changed).await.is_ok();
        other.post(run(1), Vec::new()).await.unwrap();
        (early, tokio::time::timeout(Duration::from_secs(5), changed).await.is_ok())
    });
    assert_eq!(woken, (false, true));
}
