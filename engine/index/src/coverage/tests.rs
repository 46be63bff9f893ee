//! Records as coverage.py writes them, and what is none.

#![expect(clippy::disallowed_methods, reason = "databases that another program made, and that program, are what these tests are about")]

use std::fs;
use std::process::Command;

use expect_test::{Expect, expect};

use super::coverage;

#[track_caller]
fn check(root: &std::path::Path, files: &[&str], expect: Expect) {
    let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    let mut lines = Vec::new();
    for found in coverage(&root.canonicalize().unwrap(), &files, None) {
        match found {
            Err(why) => lines.push(why),
            Ok(found) => {
                for (path, covered) in &found.files {
                    lines.push(format!("{} of {path}{}", found.path, if covered.is_stale { ", stale" } else { "" }));
                    let mut ran: Vec<String> =
                        covered.ran.iter().map(|(context, lines)| format!("  {:?} {lines:?}", found.contexts[*context])).collect();
                    ran.sort();
                    lines.extend(ran);
                }
            }
        }
    }
    expect.assert_eq(&lines.join("\n"));
}

/// A project with a record by coverage.py's own schema: lines of one file, steps of another.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir(root.join("app")).unwrap();
    ["app/a.py", "app/b.py", "app/c.py"].iter().for_each(|file| fs::write(root.join(file), "x = 1\n").unwrap());
    let conn = rusqlite::Connection::open(root.join(".coverage")).unwrap();
    let tables = "CREATE TABLE file (id integer primary key, path text, unique (path)); \
                  CREATE TABLE context (id integer primary key, context text, unique (context)); \
                  CREATE TABLE line_bits (file_id integer, context_id integer, numbits blob, unique (file_id, context_id)); \
                  CREATE TABLE arc (file_id integer, context_id integer, fromno integer, tono integer); \
                  INSERT INTO context VALUES (1, ''), (4, 'test_a.test_one'); \
                  INSERT INTO line_bits VALUES (7, 1, x'2A8103'), (7, 4, x'20'), (7, 99, x'20'); \
                  INSERT INTO arc VALUES (8, 4, -1, 2), (8, 4, 2, 5), (8, 4, 5, -1);";
    conn.execute_batch(tables).unwrap();
    let absolute = root.join("app/a.py");
    conn.execute("INSERT INTO file VALUES (7, ?1), (8, 'app/b.py'), (9, '/elsewhere/app/c.py')", [absolute.to_str().unwrap()]).unwrap();
    folder
}

#[test]
fn lines_and_steps_are_read_for_the_files_that_are_asked_about() {
    let folder = project();
    check(
        folder.path(),
        &["app/a.py", "app/b.py", "app/c.py", "app/none.py"],
        expect![[r#"
        .coverage of app/a.py
          "" {1, 3, 5, 8, 15, 16, 17}
          "test_a.test_one" {5}
        .coverage of app/b.py
          "test_a.test_one" {2, 5}"#]],
    );
    check(folder.path(), &["app/c.py"], expect![[""]]);
}

#[test]
fn a_file_that_changed_or_went_since_is_stale() {
    let folder = project();
    let later = fs::metadata(folder.path().join(".coverage")).unwrap().modified().unwrap() + std::time::Duration::from_secs(2);
    fs::File::options().write(true).open(folder.path().join("app/a.py")).unwrap().set_modified(later).unwrap();
    fs::remove_file(folder.path().join("app/b.py")).unwrap();
    check(
        folder.path(),
        &["app/a.py", "app/b.py"],
        expect![[r#"
        .coverage of app/a.py, stale
          "" {1, 3, 5, 8, 15, 16, 17}
          "test_a.test_one" {5}
        .coverage of app/b.py, stale
          "test_a.test_one" {2, 5}"#]],
    );
}

#[test]
fn rows_of_one_file_are_taken_together_and_a_file_without_lines_is_not_known() {
    let folder = project();
    let conn = rusqlite::Connection::open(folder.path().join(".coverage")).unwrap();
    conn.execute_batch("INSERT INTO file VALUES (10, 'app/a.py'), (11, 'app/c.py'); INSERT INTO line_bits VALUES (10, 4, x'0200')")
        .unwrap();
    check(
        folder.path(),
        &["app/a.py", "app/c.py"],
        expect![[r#"
        .coverage of app/a.py
          "" {1, 3, 5, 8, 15, 16, 17}
          "test_a.test_one" {1, 5}"#]],
    );
}

#[test]
fn a_record_from_before_the_last_checkout_is_not_used() {
    let folder = project();
    let root = folder.path().canonicalize().unwrap();
    let later = fs::metadata(root.join(".coverage")).unwrap().modified().unwrap() + std::time::Duration::from_secs(2);
    let found = coverage(&root, &["app/a.py".to_owned()], Some(later));
    assert_eq!(found, [Err("the coverage record .coverage is not used: it is older than the last commit or checkout".to_owned())]);
}

#[test]
fn what_is_no_record_says_why() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("app")).unwrap();
    fs::write(folder.path().join(".coverage"), "words").unwrap();
    fs::write(folder.path().join("app/.coverage"), "").unwrap();
    check(
        folder.path(),
        &["app/a.py"],
        expect![[r#"
            the coverage record .coverage is not used: file is not a database
            the coverage record app/.coverage is not used: it has not the tables of coverage.py"#]],
    );
}

#[test]
fn a_record_that_carries_something_out_when_it_is_read_is_not_read() {
    for made in [
        "ALTER TABLE context RENAME TO real; CREATE VIEW context AS SELECT id, context FROM real",
        "DROP TABLE context; CREATE TABLE context (id, context AS (length(zeroblob(100000)) || id))",
        "DROP TABLE context; CREATE VIRTUAL TABLE context USING fts5 (id, name)",
    ] {
        let folder = project();
        rusqlite::Connection::open(folder.path().join(".coverage")).unwrap().execute_batch(made).unwrap();
        check(folder.path(), &["app/a.py"], expect!["the coverage record .coverage is not used: it has not the tables of coverage.py"]);
    }
}

#[test]
fn nothing_is_left_beside_a_record_whatever_its_journal() {
    let folder = project();
    let conn = rusqlite::Connection::open(folder.path().join(".coverage")).unwrap();
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    drop(conn);
    let found = coverage(&folder.path().canonicalize().unwrap(), &["app/a.py".to_owned()], None);
    assert!(found.first().is_some_and(Result::is_ok), "{found:?}");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn what_coverage_py_writes_is_read() {
    let python = |arguments: &[&str], folder: &std::path::Path| Command::new("python3").args(arguments).current_dir(folder).output();
    if !python(&["-c", "import coverage"], std::path::Path::new("/")).is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: python3 with coverage is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("calc.py"), "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n").unwrap();
    fs::write(root.join("test_calc.py"), "import calc\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n\n\ntest_add()\n").unwrap();
    fs::write(root.join(".coveragerc"), "[run]\ndynamic_context = test_function\n").unwrap();
    let output = python(&["-m", "coverage", "run", "-m", "test_calc"], root).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check(
        root,
        &["calc.py"],
        expect![[r#"
        .coverage of calc.py
          "" {1, 5}
          "__main__.test_add" {2}"#]],
    );
}
