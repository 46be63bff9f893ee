//! What is removed, and what is kept because something still needs it.

use naestro_kernel::{Digest, RunId, RunOutcome, What};
use naestro_policy::digest_bytes;
use naestro_policy::port::{Contents as _, Durability, Journal as _, JournalError};

use super::{STATE, event, fill, finished, home, numbers, open, printed, run, wait};
use crate::SqliteJournal;
use crate::append::Books;
use crate::error::Stop;
use crate::writer::Need;

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

#[test]
fn runs_that_share_a_blob_are_swept_as_far_as_the_limit_asks() {
    let home = home();
    let journal = open(&home);
    let shared = blob_of(9, 200_000);
    for number in 1..=4 {
        fill(&journal, run(number), 0);
        let text = blob_of(number, 100_000);
        let events = vec![printed(shared.as_str()), printed(text), finished(RunOutcome::Succeeded)];
        wait(journal.append(run(number), events, Durability::Buffered)).unwrap();
        wait(journal.release(run(number), STATE)).unwrap();
    }
    let loose = journal.put(&[7; 30_000]).unwrap();
    // What all share stays with the last: only what each has alone is gained.
    let whole = bytes(&home);
    assert_eq!(wait(journal.sweep(whole - 120_000)), Ok(2));
    assert_eq!(journal.list(9).unwrap().iter().map(|entry| entry.run).collect::<Vec<_>>(), [run(4), run(3)]);
    assert!(journal.has(&digest_bytes(shared.as_bytes())) && !journal.has(&loose));
    assert_eq!(journal.verify(None), Ok(Vec::new()));
}

#[test]
fn a_sweep_collects_as_often_for_many_runs_as_for_few() {
    let home = home();
    let journal = open(&home);
    for number in 1..=40 {
        printer(&journal, run(number), &blob_of(number, 10_000));
    }
    let (removed, collections) = counted(&journal, |books| books.sweep(0));
    assert_eq!((removed, collections), (40, 2), "one for what is loose, one for what was erased");
}

#[test]
fn files_are_kept_where_the_commit_fails() {
    let home = home();
    let journal = open(&home);
    let text = "a".repeat(20_000);
    printer(&journal, run(1), &text);
    // A later job of the same transaction breaks it, after the run was erased and its blobs collected.
    let broken = wait(journal.writer().unwrap().submit(Need::Barrier, |books| {
        books.remove(run(1))?;
        assert!(!books.doomed.is_empty());
        Err::<(), _>(Stop::Broken(JournalError::Unavailable(String::from("the disk is full"))))
    }));
    assert_eq!(broken, Err(JournalError::Unavailable(String::from("the disk is full"))));
    assert!(journal.has(&digest_bytes(text.as_bytes())));
    wait(journal.own(run(1))).unwrap();
    wait(journal.release(run(1), STATE)).unwrap();
    assert!(journal.has(&digest_bytes(text.as_bytes())), "nor does a later commit remove them");
    assert_eq!(journal.read(run(1), 1, 1), Ok(vec![printed(text.as_str())]));
    journal.remove(run(1)).unwrap();
    assert!(!journal.has(&digest_bytes(text.as_bytes())));
}

#[test]
fn a_file_that_is_wanted_again_before_it_is_unlinked_is_kept() {
    let home = home();
    let journal = open(&home);
    let text = "a".repeat(20_000);
    printer(&journal, run(1), &text);
    let wanted = text.clone();
    wait(journal.writer().unwrap().submit(Need::Barrier, move |books| {
        books.remove(run(1))?;
        Ok(books.blobs.put(&digest_bytes(wanted.as_bytes()), wanted.as_bytes())?)
    }))
    .unwrap();
    assert!(journal.has(&digest_bytes(text.as_bytes())));
}

#[test]
fn a_large_tree_keeps_what_it_names_and_no_other_large_blob_does() {
    let home = home();
    let journal = open(&home);
    let file = journal.put(b"fn main() {}").unwrap();
    let text = format!("naestro-tree 1\n{}", format!("{file} main.rs\n").repeat(1000));
    let tree = journal.put(text.as_bytes()).unwrap();
    let mention = journal.put(format!("no tree, only text: {file}\n").repeat(1000).as_bytes()).unwrap();
    printer(&journal, run(1), &mention.to_string());
    printer(&journal, run(2), &tree.to_string());
    printer(&journal, run(3), "nothing");
    journal.remove(run(3)).unwrap();
    assert_eq!([file, tree, mention].map(|digest| journal.has(&digest)), [true, true, true]);
    journal.remove(run(2)).unwrap();
    assert_eq!([file, tree, mention].map(|digest| journal.has(&digest)), [false, false, true]);
}

/// What a job on the books came to, and how many collections it took.
fn counted(journal: &SqliteJournal, job: impl FnOnce(&mut Books) -> Result<usize, Stop> + Send + 'static) -> (usize, usize) {
    let counting = move |books: &mut Books| {
        let before = books.collections;
        let done = job(books)?;
        Ok((done, books.collections - before))
    };
    wait(journal.writer().unwrap().submit(Need::Barrier, counting)).unwrap()
}

/// The bytes of the journal's files, but for the log.
fn bytes(home: &tempfile::TempDir) -> u64 {
    let journal = open(home);
    wait(journal.writer().unwrap().submit(Need::Look, |books| books.size())).unwrap()
}

/// Text that does not compress well.
fn blob_of(number: u8, length: usize) -> String {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&[number]).finalize_xof().fill(&mut bytes);
    bytes.iter().map(|byte| char::from(byte & 0x3f | 0x40)).collect::<String>().repeat(2)
}
