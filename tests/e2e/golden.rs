//! Golden journals: what is written today looks like what was written then, and what was written then still replays.
//!
//! `UPDATE_EXPECT=1` renews the exports, `UPDATE_GOLDEN=1` the recorded journal. A change of either is a change of format:
//! journals of that format are out there.

use std::path::{Path, PathBuf};

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Reply, Scenario, Scripted};
use rusqlite::Connection;
use serde_json::json;

use super::naestro::{Naestro, text};
use super::redact::Redactor;

fn golden() -> PathBuf {
    crate::root().join("tests/golden")
}

/// A run with every kind of effect but a command that takes its time: reads, an edit, a check that fails first, an import.
fn mended(project: &Project) -> (Naestro, String) {
    let model = Scripted::spawn(Scenario::of([
        Reply::call("read", json!({ "path": "notes.txt" })).used(100, 10),
        Reply::text("It is fine as it is.").used(120, 5),
        Reply::call("edit", json!({ "path": "notes.txt", "old": "two", "new": "zwei" })).used(140, 20),
        Reply::text("Now it is German.").used(160, 5),
    ]));
    let naestro = Naestro::new(project).model(&model);
    let accept = "grep -q zwei notes.txt";
    let done = naestro.run(["orchestrate", "translate it", "--mode", "auto", "--apply", "--accept", accept, "--json"]).exits(0);
    let run = done.run();
    (naestro, run)
}

/// A run of the recipe `check`, which here finds nothing to test.
fn checked(project: &Project) -> (Naestro, String) {
    let naestro = Naestro::new(project);
    let run = naestro.run(["orchestrate", "--recipe", "check", "--json"]).exits(0).run();
    (naestro, run)
}

#[track_caller]
fn compare(file: &str, record: impl Fn(&Project) -> (Naestro, String)) {
    let project = Project::plain();
    let (naestro, run) = record(&project);
    let exported = naestro.run(["trace", "export", &run]).exits(0).out;
    let redacted = Redactor::new(&project).text(&exported);
    expect_test::expect_file![golden().join(file)].assert_eq(&redacted);
}

#[test]
fn the_journal_of_a_mended_project_is_written_as_it_was() {
    compare("mended.jsonl", mended);
}

#[test]
fn the_journal_of_a_check_is_written_as_it_was() {
    compare("checked.jsonl", checked);
}

/// A journal that an earlier build wrote: today's reads it, finds it whole, and comes to the same states.
#[test]
fn a_journal_written_earlier_replays_to_the_same_states() {
    let recorded = golden().join("journal");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        record(&recorded);
    }
    let naestro = Naestro::new(&Project::plain());
    copy(&recorded, &naestro.home());
    let mut states = String::new();
    for run in naestro.runs() {
        let replayed = naestro.trace(["replay", &run]);
        assert_eq!(replayed["identical"], true, "{replayed}");
        states.push_str(&format!("{run} {} {}\n", replayed["events"], text(&replayed["digest"])));
    }
    expect_test::expect_file![golden().join("states.txt")].assert_eq(&states);
    let size: u64 = files(&recorded).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(size < 100_000, "{size} bytes in the repository");
}

/// Records a journal of both runs, and one that waits for an answer.
fn record(to: &Path) {
    let project = Project::plain();
    let (naestro, _) = mended(&project);
    naestro.run(["orchestrate", "--recipe", "check", "--workspace", &project.root().to_string_lossy(), "--json"]).exits(0);
    let model = Scripted::spawn(super::models::calls("exec", json!({ "command": "make it" })));
    let naestro = naestro.model(&model);
    naestro.run(["orchestrate", "make it", "--json"]).exits(4);
    let database = Connection::open(naestro.home().join("journal.db")).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(database);
    let _ = std::fs::remove_dir_all(to);
    let kept = |file: &PathBuf| ["journal.db", "checkpoint", "checkpoint.key"].iter().any(|name| file.ends_with(name));
    for file in files(&naestro.home()).into_iter().filter(kept) {
        let place = to.join(file.strip_prefix(naestro.home()).unwrap());
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(&file, place).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let place = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(&file, place).unwrap();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}
