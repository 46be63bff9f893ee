//! What happens on disk between two answers.

use std::fs;

use expect_test::expect;

use super::{Bench, Patience, defined, listed, mentioned};
use crate::Facts as _;

/// Does something, and lets an index that has seen the state before, and one that has seen nothing, tell what there is.
#[track_caller]
fn check(files: &[(&str, &str)], happens: impl Fn(&Bench), expect: expect_test::Expect) {
    let bench = Bench::new(files);
    bench.settle();
    bench.ask(|facts, _| listed(facts));
    bench.settle();
    bench.ask(|facts, _| listed(facts));
    happens(&bench);
    let told = |facts: &crate::store::Snapshot| Ok(format!("{}\nf: {}", listed(facts)?, defined(facts, "f")?));
    let seen = bench.ask(|facts, _| told(facts));
    assert_eq!(bench.ask_anew(|facts, _| told(facts)), seen);
    expect.assert_eq(&seen);
}

const FILES: &[(&str, &str)] = &[("a.rs", "fn f() {}\n"), ("sub/b.rs", "fn g() {}\n"), ("sub/deep/c.rs", "\nfn f() {}\n")];

#[test]
fn nothing() {
    check(
        FILES,
        |_| {},
        expect![[r#"
        a.rs
        sub/b.rs
        sub/deep/c.rs
        f: a.rs:1 sub/deep/c.rs:2"#]],
    );
}

#[test]
fn an_edit_in_place() {
    check(
        FILES,
        |bench| bench.write("sub/b.rs", "fn f() {}\n"),
        expect![[r#"
        a.rs
        sub/b.rs
        sub/deep/c.rs
        f: a.rs:1 sub/b.rs:1 sub/deep/c.rs:2"#]],
    );
}

#[test]
fn an_edit_by_another_file_in_its_place() {
    check(
        FILES,
        |bench| {
            bench.write("sub/new", "fn f() {}\n");
            fs::rename(bench.root().join("sub/new"), bench.root().join("sub/b.rs")).unwrap();
        },
        expect![[r#"
            a.rs
            sub/b.rs
            sub/deep/c.rs
            f: a.rs:1 sub/b.rs:1 sub/deep/c.rs:2"#]],
    );
}

#[test]
fn an_edit_of_the_same_length_with_the_old_time() {
    check(
        FILES,
        |bench| {
            let path = bench.root().join("sub/b.rs");
            let before = fs::metadata(&path).unwrap().modified().unwrap();
            bench.write("sub/b.rs", "fn f() {}\n");
            fs::File::options().write(true).open(path).unwrap().set_modified(before).unwrap();
        },
        expect![[r#"
            a.rs
            sub/b.rs
            sub/deep/c.rs
            f: a.rs:1 sub/b.rs:1 sub/deep/c.rs:2"#]],
    );
}

#[test]
fn a_new_file_and_a_new_folder() {
    check(
        FILES,
        |bench| {
            bench.write("sub/d.rs", "fn f() {}\n");
            bench.write("other/deep/e.rs", "fn f() {}\n");
        },
        expect![[r#"
            a.rs
            other/deep/e.rs
            sub/b.rs
            sub/d.rs
            sub/deep/c.rs
            f: a.rs:1 other/deep/e.rs:1 sub/d.rs:1 sub/deep/c.rs:2"#]],
    );
}

#[test]
fn a_file_and_a_folder_go() {
    check(
        FILES,
        |bench| {
            bench.remove("a.rs");
            fs::remove_dir_all(bench.root().join("sub/deep")).unwrap();
        },
        expect![[r#"
            sub/b.rs
            f: "#]],
    );
}

#[test]
fn a_folder_gets_another_name() {
    check(
        FILES,
        |bench| fs::rename(bench.root().join("sub"), bench.root().join("lib")).unwrap(),
        expect![[r#"
            a.rs
            lib/b.rs
            lib/deep/c.rs
            f: a.rs:1 lib/deep/c.rs:2"#]],
    );
}

#[test]
fn a_folder_becomes_a_file() {
    check(
        FILES,
        |bench| {
            fs::remove_dir_all(bench.root().join("sub")).unwrap();
            bench.write("sub", "no code\n");
        },
        expect![[r#"
            a.rs
            sub
            f: a.rs:1"#]],
    );
}

#[test]
fn files_are_ignored_from_now_on() {
    check(
        FILES,
        |bench| bench.write(".gitignore", "deep/\n"),
        expect![[r#"
        a.rs
        sub/b.rs
        f: a.rs:1"#]],
    );
}

#[test]
fn files_are_not_ignored_any_more() {
    let ignored = [FILES, &[("sub/.gitignore", "*.rs\n")]].concat();
    check(
        &ignored,
        |bench| bench.write("sub/.gitignore", "b.rs\n"),
        expect![[r#"
        a.rs
        sub/deep/c.rs
        f: a.rs:1 sub/deep/c.rs:2"#]],
    );
    check(
        &ignored,
        |bench| bench.remove("sub/.gitignore"),
        expect![[r#"
        a.rs
        sub/b.rs
        sub/deep/c.rs
        f: a.rs:1 sub/deep/c.rs:2"#]],
    );
}

#[test]
fn a_folder_becomes_a_repository_of_its_own_and_again_not() {
    check(
        FILES,
        |bench| bench.write("sub/.git", "gitdir: elsewhere\n"),
        expect![[r#"
        a.rs
        sub: a repository of its own, which is left out
        f: a.rs:1"#]],
    );
    let apart = [FILES, &[("sub/.git", "gitdir: elsewhere\n")]].concat();
    check(
        &apart,
        |bench| bench.remove("sub/.git"),
        expect![[r#"
        a.rs
        sub/b.rs
        sub/deep/c.rs
        f: a.rs:1 sub/deep/c.rs:2"#]],
    );
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let bench = Bench::new(FILES);
    bench.settle();
    bench.ask(|facts, _| listed(facts));
    assert_eq!(bench.reads(), 0);
    bench.write("a.rs", "fn other() {}\n");
    assert_eq!(bench.reads(), 1);
    bench.settle();
    assert!(bench.reads() <= 1, "it may have been read too shortly after its change to be trusted");
    assert_eq!(bench.reads(), 0);
}

#[test]
fn a_build_that_was_interrupted_goes_on() {
    let bench = Bench::new(&[]);
    (0..50).for_each(|number| bench.write(&format!("{number:02}.rs"), format!("fn f{number}() {{}}\n")));
    bench.settle();
    let interrupted = crate::Index::new(bench.home()).ask(bench.root().to_str().unwrap(), &[], &Patience::of(20), |_, _| Ok(()));
    assert_eq!(interrupted, Err(naestro_kernel::code::Fault::Cancelled));
    assert_eq!(bench.reads(), 30);
    assert_eq!(bench.ask(|facts, _| defined(facts, "f49")), "49.rs:1");
    assert_eq!(bench.ask(|facts, _| facts.files().map(|files| files.len())), 50);
}

#[test]
fn words_are_found_whatever_they_stand_in_and_by_their_case() {
    let bench = Bench::new(&[
        ("a.rs", "// speaks of HashMap\nfn f() { hashmap() }\n"),
        ("b.md", "A HashMap, `x::HASHMAP`."),
        ("c.txt", "HashMaps hash_map"),
    ]);
    let found = |name: &'static str| bench.ask(move |facts, _| mentioned(facts, name));
    assert_eq!(found("HashMap"), "a.rs b.md");
    assert_eq!(found("hashmap"), "a.rs");
    assert_eq!(found("HASHMAP"), "b.md");
    assert_eq!(found("hash_map"), "c.txt");
    assert_eq!(found("HashM"), "");
    assert_eq!(found("\" OR \"a"), "");
}

#[test]
fn tests_and_dynamic_files_are_listed() {
    let bench = Bench::new(&[
        ("b.rs", "#[test]\nfn works() {}\nfn helps() {}\n"),
        ("a.py", "import importlib\nm = importlib.import_module(name)\n\ndef test_it():\n    pass\n"),
    ]);
    let tests = bench.ask(|facts, _| {
        let tests = facts.tests()?.into_iter();
        tests.map(|(file, number)| Ok(facts.outline(file)?.symbols[number as usize].name.clone())).collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(tests, ["test_it", "works"]);
    assert_eq!(bench.ask(|facts, _| Ok(facts.dynamic()?.len())), 1);
}

#[test]
fn names_that_come_near() {
    let bench = Bench::new(&[("a.rs", "struct Parser;\nfn parse() {}\nfn render() {}\n")]);
    assert_eq!(bench.ask(|facts, _| facts.near("prase", 3)), ["parse", "Parser"]);
}
