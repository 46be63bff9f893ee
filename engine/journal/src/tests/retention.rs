//! What is removed, and what is kept because something still needs it.

use naestro_kernel::{Digest, RunId, RunOutcome, What};
use naestro_policy::digest_bytes;
use naestro_policy::port::{Contents as _, Durability, Journal as _, JournalError};

use super::{STATE, event, fill, finished, home, numbers, open, printed, run, wait};
use crate::SqliteJournal;

/// Makes a finished run that printed `text`.
fn printer(journal: &SqliteJournal, run: RunId, text: &str) {
    fill(journal, run, 0);
    wait(journal.append(run, vec![printed(text), finished(RunOutcome::Succeeded)], Durability::Buffered)).unwrap();
    wait(journal.release(run, STATE)).unwrap();
}

fn fork(journal: &SqliteJournal, parent: RunId, index: u64, child: RunId) {
    wait(journal.fork(parent, index, child, event(9, What::Forked { run: child, parent, index }))).unwrap();
    wait(journal.release(child, STATE)).unwrap();
}

#[test]
fn a_removed_run_takes_along_the_blobs_no_other_run_holds() {
    let home = home();
    let journal = open(&home);
    let (own, shared) = ("a".repeat(20_000), "b".repeat(20_000));
    printer(&journal, run(1), &own);
    printer(&journal, run(2), &shared);
    printer(&journal, run(3), &shared);
    let loose = journal.put(b"held by nobody").unwrap();
    journal.remove(run(1)).unwrap();
    journal.remove(run(2)).unwrap();
    assert_eq!(journal.list(9).unwrap().iter().map(|entry| entry.run).collect::<Vec<_>>(), [run(3)]);
    assert_eq!(journal.read(run(1), 0, 9), Err(JournalError::Unknown(run(1))));
    let has = |text: &str| journal.has(&digest_bytes(text.as_bytes()));
    assert_eq!((has(&own), has(&shared), journal.has(&loose)), (false, true, false));
    assert_eq!(journal.verify(None), Ok(Vec::new()), "the checkpoint does not miss them");
    drop(journal);
    assert_eq!(open(&home).verify(None), Ok(Vec::new()));
}

#[test]
fn a_tree_keeps_what_it_names() {
    let home = home();
    let journal = open(&home);
    let file = journal.put(b"fn main() {}").unwrap();
    let inner = journal.put(format!("naestro-tree 1\n{file} main.rs\n").as_bytes()).unwrap();
    let outer = journal.put(format!("naestro-tree 1\n{inner} src\n").as_bytes()).unwrap();
    let mention = journal.put(format!("no tree, only text: {file}").as_bytes()).unwrap();
    printer(&journal, run(1), &outer.to_string());
    printer(&journal, run(2), "nothing");
    let held = || [file, inner, outer, mention].map(|digest: Digest| journal.has(&digest));
    journal.remove(run(2)).unwrap();
    assert_eq!(held(), [true, true, true, false]);
    journal.remove(run(1)).unwrap();
    assert_eq!(held(), [false; 4]);
}

#[test]
fn while_a_run_goes_on_fresh_blobs_are_kept() {
    let home = home();
    let journal = open(&home);
    printer(&journal, run(1), "nothing");
    fill(&journal, run(2), 0);
    let small = journal.put(b"for a record that is not written yet").unwrap();
    let large = journal.put(&[7; 30_000]).unwrap();
    journal.remove(run(1)).unwrap();
    assert!(journal.has(&small) && journal.has(&large));
}

#[test]
fn an_owned_run_is_not_removed() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    assert_eq!(journal.remove(run(1)), Err(JournalError::Owned { pid: std::process::id() }));
    assert_eq!(journal.remove(run(2)), Err(JournalError::Unknown(run(2))));
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0]));
}

#[test]
fn what_a_fork_continues_is_kept_until_the_fork_is_removed() {
    let home = home();
    let journal = open(&home);
    let secret = "s".repeat(20_000);
    fill(&journal, run(1), 3);
    wait(journal.append(run(1), vec![printed(secret.as_str())], Durability::Buffered)).unwrap();
    wait(journal.release(run(1), STATE)).unwrap();
    fork(&journal, run(1), 2, run(2));
    fork(&journal, run(1), 1, run(3));
    journal.remove(run(1)).unwrap();
    assert_eq!(numbers(&journal, run(2)), Ok(vec![0, 1, 2, 0]));
    assert_eq!(journal.entry(run(1)), Err(JournalError::Unknown(run(1))));
    assert_eq!(journal.list(9).unwrap().len(), 2);
    assert!(!journal.has(&digest_bytes(secret.as_bytes())), "what no fork continues is gone");
    assert_eq!(journal.verify(None), Ok(Vec::new()));
    journal.remove(run(2)).unwrap();
    assert_eq!(numbers(&journal, run(3)), Ok(vec![0, 1, 0]));
    journal.remove(run(3)).unwrap();
    let left: i64 = journal.with_reader(|conn| Ok(conn.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap())).unwrap();
    assert_eq!(left, 0);
    drop(journal);
    assert_eq!(open(&home).verify(None), Ok(Vec::new()));
}

#[test]
fn a_size_limit_removes_the_oldest_finished_runs_first() {
    let home = home();
    let journal = open(&home);
    let texts: Vec<String> = (0..5).map(|number: u8| blob_of(number, 200_000)).collect();
    for (text, number) in texts.iter().zip(1..) {
        printer(&journal, run(number), text);
    }
    fill(&journal, run(9), 1);
    wait(journal.release(run(9), STATE)).unwrap();
    assert_eq!(wait(journal.sweep(u64::MAX)), Ok(0));
    assert_eq!(wait(journal.sweep(450_000)), Ok(3));
    assert_eq!(journal.list(9).unwrap().iter().map(|entry| entry.run).collect::<Vec<_>>(), [run(9), run(5), run(4)]);
    assert_eq!(wait(journal.sweep(0)), Ok(2), "a run that has not ended is kept");
    assert_eq!(numbers(&journal, run(9)), Ok(vec![0, 1]));
    assert_eq!(journal.verify(None), Ok(Vec::new()));
}

/// Text that does not compress well.
fn blob_of(number: u8, length: usize) -> String {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&[number]).finalize_xof().fill(&mut bytes);
    bytes.iter().map(|byte| char::from(byte & 0x3f | 0x40)).collect::<String>().repeat(2)
}
