//! A process that lives on hears of changes instead of looking for them, and misses none.

use std::fs;

use super::{Bench, defined, listed};
use crate::Facts as _;

/// An index that listens to a folder.
fn listening() -> Bench {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n"), ("sub/b.rs", "fn g() {}\n")]);
    (0..4).for_each(|_| drop(bench.ask(|facts, _| listed(facts))));
    bench
}

#[test]
fn edits_are_in_the_very_next_answer() {
    let bench = listening();
    for turn in 0..50 {
        bench.write("sub/b.rs", format!("fn edited{turn}() {{}}\n"));
        assert_eq!(bench.ask(move |facts, _| defined(facts, &format!("edited{turn}"))), "sub/b.rs:1");
    }
}

#[test]
fn files_and_folders_that_come_and_go() {
    let bench = listening();
    bench.write("sub/c.rs", "fn c() {}\n");
    assert_eq!(bench.ask(|facts, _| defined(facts, "c")), "sub/c.rs:1");
    bench.remove("a.rs");
    bench.write("new/deep/d.rs", "fn d() {}\n");
    assert_eq!(bench.ask(|facts, _| listed(facts)), "new/deep/d.rs\nsub/b.rs\nsub/c.rs");
    bench.write("new/deep/d.rs", "fn other() {}\n");
    assert_eq!(bench.ask(|facts, _| defined(facts, "other")), "new/deep/d.rs:1");
    fs::remove_dir_all(bench.root().join("new")).unwrap();
    bench.write("new/deep/d.rs", "fn again() {}\n");
    assert_eq!(bench.ask(|facts, _| defined(facts, "again")), "new/deep/d.rs:1");
    bench.write("new/deep/d.rs", "fn once_more() {}\n");
    assert_eq!(bench.ask(|facts, _| defined(facts, "once_more")), "new/deep/d.rs:1");
}

#[test]
fn a_folder_with_another_name_is_heard_under_it() {
    let bench = listening();
    fs::rename(bench.root().join("sub"), bench.root().join("lib")).unwrap();
    assert_eq!(bench.ask(|facts, _| listed(facts)), "a.rs\nlib/b.rs");
    for turn in 0..4 {
        bench.write("lib/b.rs", format!("fn edited{turn}() {{}}\n"));
        assert_eq!(bench.ask(move |facts, _| defined(facts, &format!("edited{turn}"))), "lib/b.rs:1");
    }
}

#[test]
fn rules_that_change_are_obeyed() {
    let bench = listening();
    bench.write("sub/.gitignore", "*.rs\n");
    assert_eq!(bench.ask(|facts, _| listed(facts)), "a.rs");
    bench.write("sub/.gitignore", "");
    assert_eq!(bench.ask(|facts, _| listed(facts)), "a.rs\nsub/b.rs");
}

#[test]
fn more_than_is_kept_in_mind() {
    let bench = listening();
    for number in 0..12_000 {
        fs::write(bench.root().join("sub").join(format!("{number}.txt")), "").unwrap();
    }
    assert_eq!(bench.ask(|facts, _| facts.files().map(|files| files.len())), 12_002);
}

#[test]
fn what_another_process_wrote_is_known() {
    let bench = listening();
    bench.write("a.rs", "fn edited() {}\n");
    assert_eq!(bench.ask_anew(|facts, _| defined(facts, "edited")), "a.rs:1");
    assert_eq!(bench.ask(|facts, _| defined(facts, "edited")), "a.rs:1");
    bench.write("a.rs", "fn f() {}\n");
    assert_eq!(bench.ask(|facts, _| defined(facts, "f")), "a.rs:1");
}
