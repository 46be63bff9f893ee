//! A database that is not what it should be is made anew; one that cannot be written says so.

#![expect(clippy::disallowed_methods, reason = "databases that another program made, or broke, are what these tests are about")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use naestro_kernel::code::Fault;
use rusqlite::Connection;

use super::{Bench, Patience, defined, exists};
use crate::Facts as _;

/// The size of the database's pages, in bytes.
const PAGE: usize = 16_384;

/// Breaks the database while nobody has it open, and while somebody has.
#[track_caller]
fn check(damage: impl Fn(&Path)) {
    for open in [false, true] {
        let bench = Bench::new(&[]);
        (0..200).for_each(|number| bench.write(&format!("{number}.rs"), format!("/// Text.\nfn f{number}() {{ g{number}() }}\n")));
        bench.ask_anew(|facts, _| defined(facts, "f7"));
        if open {
            bench.ask(|facts, _| defined(facts, "f7"));
        }
        damage(&bench.database());
        assert_eq!(bench.ask(|facts, _| defined(facts, "f7")), "7.rs:2");
        assert_eq!(bench.ask_anew(|facts, _| facts.files().map(|files| files.len())), 200);
    }
}

/// Copies the log into the database, so that the database alone is what is read.
fn settle(database: &Path) -> Connection {
    let conn = Connection::open(database).unwrap();
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    conn
}

#[test]
fn a_file_of_nonsense() {
    check(|database| {
        drop(settle(database));
        fs::write(database, "nonsense".repeat(4096)).unwrap();
    });
}

#[test]
fn half_a_file() {
    check(|database| {
        drop(settle(database));
        let half = fs::metadata(database).unwrap().len() / 2;
        fs::File::options().write(true).open(database).unwrap().set_len(half).unwrap();
    });
}

#[test]
fn pages_overwritten() {
    check(|database| {
        drop(settle(database));
        let file = fs::File::options().write(true).open(database).unwrap();
        let pages = file.metadata().unwrap().len() / PAGE as u64;
        (2..pages).for_each(|page| file.write_all_at(&[0xa5; PAGE], page * PAGE as u64).unwrap());
    });
}

#[test]
fn a_file_that_is_gone() {
    check(|database| fs::remove_file(database).unwrap());
}

#[test]
fn another_format_or_other_rules() {
    check(|database| settle(database).pragma_update(None, "user_version", 99).unwrap());
    check(|database| settle(database).execute_batch("UPDATE meta SET value = 'other' WHERE key = 'rules'").unwrap());
    check(|database| settle(database).pragma_update(None, "application_id", 7).unwrap());
    check(|database| settle(database).execute_batch("DROP TABLE names").unwrap());
}

#[test]
fn outlines_that_are_none() {
    check(|database| settle(database).execute_batch("UPDATE outlines SET body = x'ffffffffffff'").unwrap());
}

#[test]
fn a_file_of_another_boot_is_checked_as_a_whole() {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n")]);
    bench.ask_anew(|facts, _| defined(facts, "f"));
    let count = |database: &Path| {
        let conn = settle(database);
        conn.execute("UPDATE meta SET value = 'another' WHERE key = 'boot'", []).unwrap();
        conn.query_row("SELECT seq FROM sqlite_sequence WHERE name = 'files'", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let before = count(&bench.database());
    assert_eq!(bench.ask_anew(|facts, _| defined(facts, "f")), "a.rs:1");
    assert_eq!(count(&bench.database()), before, "a whole one is kept");
}

#[test]
fn a_state_directory_that_cannot_be_made() {
    let bench = Bench::new(&[("a.rs", "")]);
    fs::write(bench.home(), "in the way").unwrap();
    let asked = bench.index.ask(bench.root().to_str().unwrap(), &[], &Patience::endless(), |_, _| Ok(()));
    assert!(matches!(asked, Err(Fault::Unavailable(why)) if why.starts_with("lock the index with ")));
    assert!(!exists(&bench.home().join("index")));
}

#[test]
fn a_disk_that_is_full() {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n")]);
    bench.ask_anew(|facts, _| defined(facts, "f"));
    // SQLite says the same of a database that may not grow as of a disk that is full.
    let result = bench.index.ask(bench.root().to_str().unwrap(), &[], &Patience::endless(), |facts, _| {
        facts.store().conn.pragma_update_and_check(None, "max_page_count", 1, |_| Ok(())).unwrap();
        Ok(())
    });
    assert_eq!(result, Ok(()));
    (0..300).for_each(|number| bench.write(&format!("{number}.rs"), format!("fn f{number}() {{}}\n").repeat(20)));
    let asked = bench.index.ask(bench.root().to_str().unwrap(), &[], &Patience::endless(), |_, _| Ok(()));
    assert!(matches!(&asked, Err(Fault::Unavailable(why)) if why.starts_with("use the index: ")), "{asked:?}");
    let places = bench.ask_anew(|facts, _| defined(facts, "f299"));
    assert_eq!(places.split(' ').count(), 20, "who has room goes on");
}

#[test]
fn a_database_that_another_process_made_anew() {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n"), ("b.rs", "fn g() {}\n")]);
    for turn in 0..3 {
        assert_eq!(bench.ask(|facts, _| defined(facts, "g")), "b.rs:1");
        fs::remove_file(bench.database()).unwrap();
        bench.write(&format!("a{turn}.rs"), "fn f() {}\n");
        assert_eq!(bench.ask_anew(|facts, _| defined(facts, "g")), "b.rs:1");
    }
}
