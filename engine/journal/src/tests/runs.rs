//! Runs: made, appended to, read, forked, owned, let go, removed.

use naestro_kernel::{RunOutcome, What};
use naestro_policy::port::{Contents as _, Durability, Journal as _, JournalError};

use super::{STATE, entry, event, fill, finished, home, numbered, numbers, open, opened, printed, run, wait};

#[test]
fn what_was_appended_is_read_in_order_and_by_a_journal_opened_later() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 3);
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1, 2, 3]));
    assert_eq!(journal.read(run(1), 2, 1), Ok(vec![numbered(2)]));
    drop(journal);
    assert_eq!(numbers(&open(&home), run(1)), Ok(vec![0, 1, 2, 3]));
}

#[test]
fn large_bodies_come_back_whole() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    let events = vec![printed("x".repeat(100_000)), printed((0..=255).cycle().take(70_000).collect::<Vec<u8>>()), printed("")];
    wait(journal.append(run(1), events.clone(), Durability::Barrier)).unwrap();
    assert_eq!(journal.read(run(1), 1, 9), Ok(events));
    assert_eq!(journal.verify(None), Ok(Vec::new()));
}

#[test]
fn a_list_shows_the_newest_first_and_how_each_ended() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    wait(journal.append(run(1), vec![finished(RunOutcome::Failed)], Durability::Barrier)).unwrap();
    wait(journal.release(run(1), STATE)).unwrap();
    fill(&journal, run(2), 4);
    let list = journal.list(9).unwrap();
    let shown: Vec<_> = list.iter().map(|entry| (entry.run, entry.events, entry.outcome, entry.owned)).collect();
    assert_eq!(shown, [(run(2), 5, None, true), (run(1), 2, Some(RunOutcome::Failed), false)]);
    assert_eq!(journal.entry(run(2)).unwrap(), list[0]);
    assert_eq!(journal.state_digest(run(1)), Ok(Some(STATE)));
    assert_eq!(journal.state_digest(run(2)), Ok(None));
    assert_eq!(journal.entry(run(3)), Err(JournalError::Unknown(run(3))));
}

#[test]
fn a_fork_reads_as_its_parent_up_to_where_it_was_forked() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 4);
    let forked = |child, parent, index| event(50, What::Forked { run: run(child), parent: run(parent), index });
    wait(journal.fork(run(1), 2, run(2), forked(2, 1, 2))).unwrap();
    wait(journal.append(run(2), vec![numbered(7)], Durability::Buffered)).unwrap();
    assert_eq!(numbers(&journal, run(2)), Ok(vec![0, 1, 2, 0, 7]));
    // A fork of the fork, from before the place it was forked at itself.
    wait(journal.fork(run(2), 1, run(3), forked(3, 2, 1))).unwrap();
    assert_eq!(numbers(&journal, run(3)), Ok(vec![0, 1, 0]));
    assert_eq!(journal.entry(run(3)).unwrap().events, 3);
    assert_eq!(journal.read(run(2), 3, 1), Ok(vec![forked(2, 1, 2)]));
    assert_eq!(journal.verify(None), Ok(Vec::new()));
    let missing = wait(journal.fork(run(1), 99, run(4), forked(4, 1, 99)));
    assert!(matches!(missing, Err(JournalError::Corrupt { index: Some(99), .. })));
}

#[test]
fn a_run_is_made_once() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    assert!(matches!(wait(journal.create(entry(run(1)), vec![opened(run(1))])), Err(JournalError::Corrupt { .. })));
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0]));
}

#[test]
fn a_run_begins_with_all_of_its_first_events_or_not_at_all() {
    let home = home();
    let journal = open(&home);
    wait(journal.create(entry(run(1)), vec![opened(run(1)), numbered(1), numbered(2)])).unwrap();
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1, 2]));
    assert_eq!(journal.stats().commits, 1, "in one transaction");
    // The second event's body cannot be written where a file stands in the way of its folder.
    std::fs::write(home.path().join("blobs"), b"").unwrap();
    let large = printed("x".repeat(100_000));
    assert!(matches!(wait(journal.create(entry(run(2)), vec![opened(run(2)), large])), Err(JournalError::Unavailable(_))));
    assert_eq!(journal.entry(run(2)), Err(JournalError::Unknown(run(2))));
    let none = wait(journal.create(entry(run(3)), Vec::new())).unwrap_err().to_string();
    assert!(none.ends_with("a run begins with at least one event"), "{none}");
    assert_eq!(journal.entry(run(3)), Err(JournalError::Unknown(run(3))));
}

#[test]
fn bytes_are_kept_once_under_their_digest() {
    let home = home();
    let journal = open(&home);
    for bytes in [
        b"small".to_vec(),
        vec![b'y'; 50_000],
        (0..60_000_u32).flat_map(|at| blake3::hash(&at.to_le_bytes()).as_bytes()[..1].to_vec()).collect(),
    ] {
        let digest = journal.put(&bytes).unwrap();
        assert_eq!(journal.put(&bytes), Ok(digest));
        assert!(journal.has(&digest));
        assert_eq!(journal.get(&digest), Ok(bytes));
    }
    assert!(!journal.has(&STATE));
    assert!(matches!(journal.get(&STATE), Err(JournalError::Corrupt { .. })));
}
