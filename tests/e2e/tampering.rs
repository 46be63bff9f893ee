//! Every changed byte of a record or blob, and a cut tail, is found by `trace verify`.

use std::path::{Path, PathBuf};

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Reply, Scenario, Scripted};
use rusqlite::{Connection, params};
use serde_json::json;

use super::dice::Dice;
use super::naestro::Naestro;

/// How many changed bytes are tried, all kinds together.
const BYTES: usize = 520;

/// A finished run with small blobs in rows and large ones in files.
fn recorded() -> (Project, Naestro) {
    let project = Project::plain();
    let mut dice = Dice::new("contents");
    let large: String = (0..3000).map(|_| format!("{:016x}\n", dice.next())).collect();
    let model = Scripted::spawn(Scenario::of([
        Reply::call("write", json!({ "path": "large.txt", "content": large })),
        Reply::call("edit", json!({ "path": "notes.txt", "old": "two", "new": "2" })),
        Reply::text("Written."),
    ]));
    let naestro = Naestro::new(&project).model(&model).damaged();
    naestro.run(["orchestrate", "write it", "--mode", "auto", "--json"]).exits(0);
    assert_eq!(naestro.problems(), Vec::<serde_json::Value>::new());
    (project, naestro)
}

fn database(naestro: &Naestro) -> Connection {
    let database = Connection::open(naestro.home().join("journal.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    database
}

/// Where a byte is.
enum Place {
    /// In the row of a table, in that column.
    Row(&'static str, &'static str, i64, usize),
    File(PathBuf, usize),
}

impl Place {
    /// Changes the byte; doing it twice undoes it.
    fn flip(&self, database: &Connection, mask: u8) {
        match self {
            Self::Row(table, column, row, at) => {
                let read = format!("SELECT {column} FROM {table} WHERE rowid = ?");
                let mut bytes: Vec<u8> = database.query_row(&read, [row], |row| row.get(0)).unwrap();
                bytes[*at] ^= mask;
                database.execute(&format!("UPDATE {table} SET {column} = ? WHERE rowid = ?"), params![bytes, row]).unwrap();
            }
            Self::File(path, at) => {
                let mut bytes = std::fs::read(path).unwrap();
                bytes[*at] ^= mask;
                std::fs::write(path, bytes).unwrap();
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Row(table, column, row, at) => format!("byte {at} of {table}.{column}, row {row}"),
            Self::File(path, at) => format!("byte {at} of {}", path.display()),
        }
    }
}

fn rows(database: &Connection, table: &'static str, column: &'static str) -> Vec<Place> {
    let mut query = database.prepare(&format!("SELECT rowid, length({column}) FROM {table}")).unwrap();
    let lengths = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?))).unwrap();
    lengths
        .flat_map(|row| row.map(|(row, length)| (0..length as usize).map(move |at| Place::Row(table, column, row, at))).unwrap())
        .collect()
}

fn files(folder: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            places.append(&mut files(&path));
        } else {
            let length = std::fs::read(&path).unwrap().len();
            places.extend((0..length).map(|at| Place::File(path.clone(), at)));
        }
    }
    places
}

/// So many of them, evenly spread.
fn spread(places: Vec<Place>, count: usize) -> Vec<Place> {
    let step = (places.len() / count).max(1);
    places.into_iter().step_by(step).collect()
}

#[track_caller]
fn each_change_is_found(naestro: &Naestro, places: &[Place]) {
    let database = database(naestro);
    let mut dice = Dice::new("bits");
    for place in places {
        let mask = 1 << dice.below(8);
        place.flip(&database, mask);
        let problems = naestro.problems();
        assert!(!problems.is_empty(), "nothing is said about {} (bits {mask:#04x})", place.name());
        place.flip(&database, mask);
    }
    assert_eq!(naestro.problems(), Vec::<serde_json::Value>::new(), "it was all put back");
    println!("{} changed bytes, each was found", places.len());
}

#[test]
fn every_changed_byte_of_a_record_is_found() {
    let (_project, naestro) = recorded();
    let places = rows(&database(&naestro), "events", "record");
    each_change_is_found(&naestro, &spread(places, BYTES / 2));
}

#[test]
fn every_changed_byte_of_a_link_or_a_blob_is_found() {
    let (_project, naestro) = recorded();
    let database = database(&naestro);
    let blobs = files(&naestro.home().join("blobs"));
    assert!(!blobs.is_empty(), "no blob is in a file");
    let mut places = spread(rows(&database, "events", "chain"), BYTES / 8);
    places.extend(spread(rows(&database, "blobs", "bytes"), BYTES / 4));
    places.extend(spread(blobs, BYTES / 4));
    each_change_is_found(&naestro, &places);
}

/// A damaged record is named with its run and index, and what is before it stays usable.
#[test]
fn a_damaged_record_is_named_and_what_is_before_it_stays_usable() {
    let (_project, naestro) = recorded();
    let run = naestro.only_run();
    database(&naestro).execute("UPDATE events SET record = X'6e6f6e73656e7365' WHERE place & 4294967295 = 5", []).unwrap();
    let problem = naestro.problems()[0].clone();
    assert_eq!((problem["run"].as_str(), problem["seq"].as_u64()), (Some(run.as_str()), Some(5)), "{problem}");
    let shown = naestro.json(["trace", "show", &run]).exits(5);
    super::naestro::says(&shown.error(), &["journal_corrupt", &run, "5"]);
    let mut rpc = super::rpc::Rpc::start(&naestro);
    let before = rpc.ask("events.since", &json!({ "run": run, "limit": 5 }));
    assert_eq!(before["events"].as_array().unwrap().len(), 5);
    rpc.end().exits(0);
}

/// The chain of what is left is whole; the checkpoint file tells that there was more.
#[test]
fn records_that_were_removed_from_the_end_are_missed() {
    let (_project, naestro) = recorded();
    database(&naestro).execute("DELETE FROM events WHERE place = (SELECT max(place) FROM events)", []).unwrap();
    assert!(!naestro.problems().is_empty(), "one record less, and nobody noticed");
}

#[test]
fn a_run_that_was_removed_by_hand_is_missed() {
    let (_project, naestro) = recorded();
    let database = database(&naestro);
    database.execute("DELETE FROM events", []).unwrap();
    database.execute("DELETE FROM runs", []).unwrap();
    assert!(!naestro.problems().is_empty(), "no run is left, and nobody noticed");
}

/// The log of the database is cut, as a disk that lies about its writes would.
#[test]
fn a_log_that_was_cut_is_missed() {
    let (_project, naestro) = recorded();
    let log = naestro.home().join("journal.db-wal");
    let length = std::fs::metadata(&log).unwrap().len();
    let file = std::fs::File::options().write(true).open(&log).unwrap();
    file.set_len(length / 2).unwrap();
    // The log's index is rebuilt from it, as after a power cut.
    std::fs::remove_file(naestro.home().join("journal.db-shm")).unwrap();
    assert!(!naestro.problems().is_empty(), "half the log is gone, and nobody noticed");
}
