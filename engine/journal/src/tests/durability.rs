//! What is counted, and what happens when the disk or the writer fails.

#![expect(clippy::disallowed_methods, reason = "a database is opened behind the journal's back")]

use std::fs;

use naestro_kernel::Amount;
use naestro_policy::port::{Contents as _, Durability, Journal as _, JournalError};
use rusqlite::Connection;

use super::{STATE, event, fill, home, numbered, numbers, open, printed, run, wait};
use crate::SqliteJournal;
use crate::stats::Stats;
use crate::writer::Need;

/// What was counted while `work` was done.
fn counted(journal: &SqliteJournal, work: impl FnOnce()) -> Stats {
    let before = journal.stats();
    work();
    let after = journal.stats();
    Stats {
        commits: after.commits - before.commits,
        jobs: after.jobs - before.jobs,
        fsyncs: after.fsyncs - before.fsyncs,
        blob_fsyncs: after.blob_fsyncs - before.blob_fsyncs,
        notes: after.notes - before.notes,
        note_fsyncs: after.note_fsyncs - before.note_fsyncs,
        log_checkpoints: after.log_checkpoints - before.log_checkpoints,
    }
}

#[test]
fn a_barrier_is_one_sync_and_a_buffered_append_is_none() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    let append = |durability| {
        for number in 0..10 {
            wait(journal.append(run(1), vec![numbered(number)], durability)).unwrap();
        }
    };
    let buffered = counted(&journal, || append(Durability::Buffered));
    assert_eq!((buffered.commits, buffered.fsyncs, buffered.blob_fsyncs), (10, 0, 0));
    let barriers = counted(&journal, || append(Durability::Barrier));
    assert_eq!((barriers.commits, barriers.fsyncs, barriers.blob_fsyncs), (10, 10, 0));
}

#[test]
fn a_barrier_syncs_the_files_written_before_it() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    let bytes: Vec<Vec<u8>> = (0..20).map(|byte| vec![byte; 40_000]).collect();
    let barrier = || wait(journal.append(run(1), vec![numbered(1)], Durability::Barrier)).unwrap();
    journal.put(&bytes[0]).unwrap();
    assert_eq!(counted(&journal, barrier).blob_fsyncs, 2, "the file and its folder");
    for bytes in &bytes {
        journal.put(bytes).unwrap();
    }
    assert_eq!(counted(&journal, barrier).blob_fsyncs, 1, "many files: the file system");
    assert_eq!(counted(&journal, barrier).blob_fsyncs, 0);
}

#[test]
fn appends_that_wait_together_are_committed_and_synced_together() {
    let home = home();
    let journal = open(&home);
    (1..=16).for_each(|number| fill(&journal, run(number), 0));
    let other = Connection::open(home.path().join("journal.db")).unwrap();
    let together = counted(&journal, || {
        // While another process holds the lock, the first append waits for it and the others for the first.
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let answers: Vec<_> = (1..=16).map(|number| journal.append(run(number), vec![numbered(1)], Durability::Barrier)).collect();
        other.execute_batch("COMMIT").unwrap();
        answers.into_iter().for_each(|answer| wait(answer).unwrap());
    });
    assert_eq!(together.jobs, 16);
    assert!((1..=2).contains(&together.commits), "{together:?}");
    assert_eq!(together.fsyncs, together.commits);
}

#[test]
fn the_log_is_copied_back_before_it_grows_long() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    let copied = counted(&journal, || {
        for _ in 0..2_000 {
            wait(journal.append(run(1), vec![printed("x".repeat(4_000))], Durability::Buffered)).unwrap();
        }
    });
    assert!(copied.log_checkpoints >= 2, "{copied:?}");
    assert_eq!(copied.fsyncs, 0);
    let log = fs::metadata(home.path().join("journal.db-wal")).unwrap().len();
    assert!(log < 6 << 20, "{log}");
}

#[test]
fn a_reader_that_keeps_the_log_from_starting_anew_costs_no_copy_per_commit() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    let reader = Connection::open(home.path().join("journal.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM events;").unwrap();
    let append = || wait(journal.append(run(1), vec![printed("x".repeat(4_000))], Durability::Buffered)).unwrap();
    let copied = counted(&journal, || (0..2_000).for_each(|_| append()));
    assert!((2..=12).contains(&copied.log_checkpoints), "{copied:?}");
    reader.execute_batch("COMMIT").unwrap();
    let copied = counted(&journal, || (0..2_000).for_each(|_| append()));
    assert!((2..=12).contains(&copied.log_checkpoints), "{copied:?}");
}

#[test]
fn a_full_disk_stops_appends_with_a_reason_and_loses_nothing() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 2);
    let allow = |pages: i64| {
        let set =
            move |books: &mut crate::append::Books| Ok(books.conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?);
        journal.writer().unwrap().wait(Need::Look, set).unwrap();
    };
    allow(1);
    let big = || vec![printed("x".repeat(15_000))];
    let refused = wait(journal.append(run(1), big(), Durability::Barrier));
    let Err(JournalError::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("full"), "{why}");
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1, 2]));
    allow(1_000_000);
    wait(journal.append(run(1), big(), Durability::Barrier)).unwrap();
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1, 2, 0]));
    assert_eq!(journal.verify(None), Ok(Vec::new()));
}

#[test]
fn when_the_writer_panics_callers_hear_of_it_and_the_run_can_be_taken() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 1);
    let unavailable = |result: Result<(), JournalError>| matches!(result, Err(JournalError::Unavailable(_)));
    assert!(unavailable(journal.writer().unwrap().wait(Need::Write, |_| panic!("on purpose"))));
    assert!(unavailable(wait(journal.append(run(1), vec![numbered(2)], Durability::Buffered))));
    assert!(unavailable(wait(journal.release(run(1), STATE))));
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1]), "reading goes on");
    let next = open(&home);
    assert_eq!(wait(next.own(run(1))), Ok(true));
    wait(next.append(run(1), vec![numbered(2)], Durability::Buffered)).unwrap();
}

#[test]
fn a_refused_job_does_not_undo_those_beside_it() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    let answers = [
        journal.append(run(1), vec![numbered(1)], Durability::Buffered),
        journal.append(run(9), vec![numbered(1)], Durability::Buffered),
        journal.append(run(1), vec![numbered(2)], Durability::Buffered),
    ];
    let results: Vec<_> = answers.into_iter().map(wait).collect();
    assert_eq!(results, [Ok(()), Err(JournalError::Unknown(run(9))), Ok(())]);
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1, 2]));
}

#[test]
fn an_append_is_done_whether_or_not_anyone_waits() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 0);
    drop(journal.append(run(1), vec![numbered(1)], Durability::Buffered));
    wait(journal.append(run(1), vec![numbered(2)], Durability::Buffered)).unwrap();
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1, 2]));
}

#[test]
fn a_journal_of_a_newer_format_is_read_and_never_written() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 1);
    wait(journal.release(run(1), STATE)).unwrap();
    drop(journal);
    Connection::open(home.path().join("journal.db")).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let before = fs::read(home.path().join("journal.db")).unwrap();
    let journal = open(&home);
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1]));
    let newer = |result: Result<(), JournalError>| matches!(result, Err(JournalError::Newer(_)));
    assert!(newer(wait(journal.own(run(1))).map(drop)));
    assert!(newer(wait(journal.append(run(1), vec![numbered(2)], Durability::Buffered))));
    assert!(newer(journal.put(b"bytes").map(drop)));
    assert!(newer(journal.remove(run(1))));
    assert!(newer(wait(journal.post(run(1), Vec::new()))));
    drop(journal);
    assert_eq!(fs::read(home.path().join("journal.db")).unwrap(), before);
}

#[test]
fn opened_for_reading_it_reads_and_refuses_writes() {
    let home = home();
    assert!(SqliteJournal::open_read_only(home.path()).is_err(), "there is nothing to read");
    fill(&open(&home), run(1), 1);
    let journal = SqliteJournal::open_read_only(home.path()).unwrap();
    assert_eq!(numbers(&journal, run(1)), Ok(vec![0, 1]));
    assert_eq!(journal.verify(None), Ok(Vec::new()));
    let refused = wait(journal.append(run(1), vec![event(1, naestro_kernel::What::Reserved(Amount::default()))], Durability::Buffered));
    assert!(matches!(refused, Err(JournalError::Unavailable(_))));
}

#[test]
fn what_is_no_journal_is_not_touched() {
    let home = home();
    fs::write(home.path().join("journal.db"), "just some text of another program, longer than a header of SQLite's would be").unwrap();
    assert!(matches!(SqliteJournal::open(home.path()).map(drop), Err(JournalError::Corrupt { .. })));
    fs::write(home.path().join("file"), "").unwrap();
    assert!(matches!(SqliteJournal::open(&home.path().join("file")).map(drop), Err(JournalError::Unavailable(_))));
}
