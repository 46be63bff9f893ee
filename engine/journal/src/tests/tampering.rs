//! What verification finds: every changed byte, every lost tail.

#![expect(clippy::disallowed_methods, reason = "a database is opened behind the journal's back")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use naestro_kernel::{RunId, RunOutcome, What};
use naestro_policy::port::{Contents as _, Durability, Journal as _, JournalError};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{STATE, event, fill, finished, home, numbered, numbers, open, printed, run, wait};
use crate::SqliteJournal;
use crate::blob::Blobs;
use crate::chain::Link;
use crate::schema::place;

/// A way into the database that is not the journal's.
fn back_door(home: &TempDir) -> Connection {
    let conn = Connection::open(home.path().join("journal.db")).unwrap();
    conn.pragma_update(None, "synchronous", "off").unwrap();
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    conn
}

/// A journal with a run that ended, a fork of it, and blobs in a row and in files.
fn lived_in(home: &TempDir) -> SqliteJournal {
    let journal = open(home);
    fill(&journal, run(1), 1);
    let large = noise(20_000);
    wait(journal.append(run(1), vec![printed("a".repeat(20_000)), printed(large), finished(RunOutcome::Failed)], Durability::Barrier))
        .unwrap();
    wait(journal.release(run(1), STATE)).unwrap();
    wait(journal.fork(run(1), 1, run(2), event(3, What::Forked { run: run(2), parent: run(1), index: 1 }))).unwrap();
    wait(journal.append(run(2), vec![numbered(4)], Durability::Barrier)).unwrap();
    journal.put(b"kept in a row").unwrap();
    settle(&journal);
    assert_eq!(journal.verify(None), Ok(Vec::new()));
    journal
}

/// Waits until the checkpoint knows all there is: one that is drawn up later would take down what a test has changed by then.
fn settle(journal: &SqliteJournal) {
    let knows_all = || journal.checkpoint().read_settled().is_ok_and(|heads| heads.get(&run(2)).is_some_and(|head| head.events == 4));
    let deadline = Instant::now() + Duration::from_secs(10);
    while !knows_all() {
        assert!(Instant::now() < deadline, "the checkpoint was never brought up to date");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Changes each byte of a column in every row, one at a time, and looks whether verification notices.
#[track_caller]
fn every_byte_counts(table: &str, column: &str) {
    let home = home();
    let journal = lived_in(&home);
    let conn = back_door(&home);
    let mut find = conn.prepare(&format!("SELECT rowid, CAST({column} AS BLOB) FROM {table} WHERE {column} IS NOT NULL")).unwrap();
    let rows: Vec<(i64, Vec<u8>)> = find.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(!rows.is_empty());
    let kind: String =
        conn.query_row(&format!("SELECT typeof({column}) FROM {table} WHERE {column} IS NOT NULL"), [], |row| row.get(0)).unwrap();
    let cast = if kind == "text" { "CAST(?1 AS TEXT)" } else { "?1" };
    let update = format!("UPDATE {table} SET {column} = {cast} WHERE rowid = ?2");
    for (rowid, bytes) in rows {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            conn.execute(&update, (&changed, rowid)).unwrap();
            assert_ne!(journal.verify(None), Ok(Vec::new()), "byte {at} of {column} in row {rowid} of {table}");
        }
        conn.execute(&update, (&bytes, rowid)).unwrap();
        assert_eq!(journal.verify(None), Ok(Vec::new()));
    }
}

/// Changes each bit of a column of numbers.
#[track_caller]
fn every_number_counts(table: &str, column: &str) {
    let home = home();
    let journal = lived_in(&home);
    let conn = back_door(&home);
    let mut find = conn.prepare(&format!("SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL")).unwrap();
    let rows: Vec<(i64, i64)> = find.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(!rows.is_empty());
    let update = format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2");
    for (rowid, number) in rows {
        for bit in 0..64 {
            conn.execute(&update, (number ^ (1 << bit), rowid)).unwrap();
            assert_ne!(journal.verify(None), Ok(Vec::new()), "bit {bit} of {column} in row {rowid} of {table}");
        }
        conn.execute(&update, (number, rowid)).unwrap();
    }
}

#[test]
fn every_changed_byte_of_a_record_is_found() {
    every_byte_counts("events", "record");
}

#[test]
fn every_changed_byte_of_a_link_is_found() {
    every_byte_counts("events", "chain");
}

#[test]
fn every_changed_time_of_a_record_is_found() {
    every_number_counts("events", "at");
}

#[test]
fn every_changed_byte_of_a_blob_row_is_found() {
    every_byte_counts("blobs", "bytes");
    every_byte_counts("blobs", "digest");
}

#[test]
fn every_change_of_what_a_list_shows_is_found() {
    for column in ["id", "session", "workspace", "title", "outcome", "state", "seal"] {
        every_byte_counts("runs", column);
    }
    for column in ["opened", "base", "state_events"] {
        every_number_counts("runs", column);
    }
}

#[test]
fn a_record_moved_to_another_place_is_found() {
    let home = home();
    let journal = lived_in(&home);
    let conn = back_door(&home);
    for (from, to) in [(place(1, 4), place(1, 5)), (place(1, 0), place(2, 9)), (place(2, 3), place(77, 3))] {
        conn.execute("UPDATE events SET place = ?2 WHERE place = ?1", [from, to]).unwrap();
        assert_ne!(journal.verify(None), Ok(Vec::new()));
        conn.execute("UPDATE events SET place = ?2 WHERE place = ?1", [to, from]).unwrap();
        assert_eq!(journal.verify(None), Ok(Vec::new()));
    }
}

#[test]
fn every_changed_byte_of_a_blob_file_is_found() {
    let home = home();
    let journal = lived_in(&home);
    let files = Blobs::new(home.path().join("blobs")).files().unwrap();
    let packed = |path: &Path| path.extension().is_some();
    assert!(files.iter().any(|(path, _)| packed(path)) && files.iter().any(|(path, _)| !packed(path)), "one of each kind: {files:?}");
    for (path, digest) in files {
        let digest = digest.unwrap();
        let bytes = fs::read(&path).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        for (at, byte) in bytes.iter().enumerate() {
            file.write_all_at(&[byte ^ 1], at as u64).unwrap();
            assert!(Blobs::check(&path, &digest).is_err(), "byte {at} of {}", path.display());
            file.write_all_at(&[*byte], at as u64).unwrap();
        }
        file.write_all_at(&[bytes[0] ^ 1], 0).unwrap();
        assert_ne!(journal.verify(None), Ok(Vec::new()), "{}", path.display());
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_ne!(journal.verify(None), Ok(Vec::new()), "{} cut short", path.display());
        fs::write(&path, &bytes).unwrap();
        assert_eq!(journal.verify(None), Ok(Vec::new()));
    }
}

#[test]
fn a_corrupt_record_is_named_and_everything_before_it_can_be_read() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 5);
    back_door(&home).execute("UPDATE events SET record = CAST('{}' AS BLOB) WHERE place = ?1", [place(1, 3)]).unwrap();
    let Err(JournalError::Corrupt { run: Some(bad), index: Some(3), .. }) = journal.read(run(1), 0, 99) else { panic!() };
    assert_eq!(bad, run(1));
    assert_eq!(journal.read(run(1), 0, 3).unwrap().len(), 3);
    let wrong = journal.verify(Some(run(1))).unwrap();
    assert!(matches!(wrong[..], [JournalError::Corrupt { index: Some(3), .. }]), "{wrong:?}");
}

#[test]
fn a_record_of_a_newer_format_is_not_guessed_at() {
    let home = home();
    let journal = open(&home);
    fill(&journal, run(1), 1);
    let conn = back_door(&home);
    let record = br#"{"v":2,"what":{"dreamt":{}}}"#;
    let before: [u8; 32] = conn.query_row("SELECT chain FROM events WHERE place = ?1", [place(1, 0)], |row| row.get(0)).unwrap();
    let link = Link(before).next(run(1), 1, 1, record);
    conn.execute("UPDATE events SET record = ?1, chain = ?2 WHERE place = ?3", (record, link.0, place(1, 1))).unwrap();
    assert!(matches!(journal.read(run(1), 0, 9), Err(JournalError::Newer(_))));
    assert_eq!(journal.read(run(1), 0, 1).unwrap().len(), 1);
}

/// Where a copy of the log is cut, and what the checkpoint then knows that is not there.
fn cut(home: &TempDir, keep: impl FnOnce(u64) -> u64) {
    let log = home.path().join("journal.db-wal");
    let length = fs::metadata(&log).unwrap().len();
    fs::File::options().write(true).open(&log).unwrap().set_len(keep(length)).unwrap();
    fs::remove_file(home.path().join("journal.db-shm")).unwrap();
}

/// What verification says of a run.
fn said_of(journal: &SqliteJournal, run: RunId) -> Vec<JournalError> {
    let wrong = journal.verify(None).unwrap();
    wrong.into_iter().filter(|error| matches!(error, JournalError::Corrupt { run: Some(of), .. } if *of == run)).collect()
}

/// A closed journal with 20 events whose last is a barrier.
fn closed(home: &TempDir) {
    let journal = open(home);
    fill(&journal, run(1), 18);
    wait(journal.append(run(1), vec![numbered(19)], Durability::Barrier)).unwrap();
}

#[test]
fn a_log_cut_short_is_found() {
    let home = home();
    closed(&home);
    cut(&home, |length| length * 3 / 4);
    let journal = open(&home);
    let left = journal.entry(run(1)).unwrap().events;
    assert!(left < 20);
    assert_eq!(numbers(&journal, run(1)).unwrap().len() as u64, left, "what is left can be read");
    let said = said_of(&journal, run(1));
    assert!(matches!(said[..], [JournalError::Corrupt { index: Some(index), .. }] if index == left), "{said:?}");
}

#[test]
fn a_loss_stays_known_when_the_journal_goes_on() {
    let home = home();
    closed(&home);
    cut(&home, |_| 0);
    let journal = open(&home);
    assert_eq!(journal.entry(run(1)), Err(JournalError::Unknown(run(1))));
    fill(&journal, run(2), 0);
    wait(journal.append(run(2), vec![numbered(1)], Durability::Barrier)).unwrap();
    drop(journal);
    let journal = open(&home);
    assert_eq!(said_of(&journal, run(1)).len(), 1);
    assert_eq!(said_of(&journal, run(2)), []);
}

#[test]
fn records_deleted_from_the_end_are_found() {
    let home = home();
    closed(&home);
    back_door(&home).execute("DELETE FROM events WHERE place >= ?1", [place(1, 17)]).unwrap();
    let journal = open(&home);
    assert!(matches!(said_of(&journal, run(1))[..], [JournalError::Corrupt { index: Some(17), .. }]));
    assert_eq!(journal.verify(Some(run(1))), Ok(said_of(&journal, run(1))));
}

#[test]
fn a_run_ahead_of_its_checkpoint_is_well() {
    let home = home();
    closed(&home);
    let checkpoint = fs::read(home.path().join("checkpoint")).unwrap();
    let journal = open(&home);
    wait(journal.own(run(1))).unwrap();
    wait(journal.append(run(1), vec![numbered(20)], Durability::Barrier)).unwrap();
    drop(journal);
    assert_ne!(fs::read(home.path().join("checkpoint")).unwrap(), checkpoint);
    fs::write(home.path().join("checkpoint"), checkpoint).unwrap();
    assert_eq!(open(&home).verify(None), Ok(Vec::new()));
}

#[test]
fn a_changed_or_missing_checkpoint_is_told_and_not_forgotten() {
    let home = home();
    closed(&home);
    let path = home.path().join("checkpoint");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(" 20 ", " 10 ")).unwrap();
    let journal = open(&home);
    assert_eq!(journal.verify(None).unwrap().len(), 1);
    wait(journal.own(run(1))).unwrap();
    wait(journal.append(run(1), vec![numbered(20)], Durability::Barrier)).unwrap();
    drop(journal);
    assert_eq!(open(&home).verify(None).unwrap().len(), 1, "a new checkpoint does not hide it");
    fs::remove_file(home.path().join("checkpoint.damaged")).unwrap();
    assert_eq!(open(&home).verify(None), Ok(Vec::new()));
    fs::remove_file(&path).unwrap();
    assert_eq!(open(&home).verify(None).unwrap().len(), 1);
}

#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let outer = home();
    let home: PathBuf = outer.path().join("state/naestro");
    let journal = SqliteJournal::open(&home).unwrap();
    fill(&journal, run(1), 0);
    wait(journal.append(run(1), vec![printed(noise(20_000))], Durability::Barrier)).unwrap();
    drop(journal);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    let names = ["journal.db", "journal.db-wal", "journal.db-shm", "checkpoint", "checkpoint.key", "checkpoint.lock"];
    assert_eq!(names.map(|name| mode(&home.join(name))), [0o600; 6]);
    let files = Blobs::new(home.join("blobs")).files().unwrap();
    assert_eq!(files.iter().map(|(path, _)| mode(path)).collect::<Vec<_>>(), [0o600]);
}
