//! Several processes, and several threads, that ask about one root at once.

#![expect(clippy::disallowed_methods, reason = "processes are what these tests are about")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::{Bench, Patience, defined};
use crate::{Facts as _, Index};

/// Names the folder to a process that [`child`] started.
const FOLDER: &str = "NAESTRO_INDEX_TEST_FOLDER";

fn child(bench: &Bench) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["index::tests::processes::asks_about_a_folder", "--exact", "--ignored", "--nocapture"]);
    command.env(FOLDER, bench.folder.path()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn asks_about_a_folder() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let index = Index::new(folder.join("state"));
    for _ in 0..5 {
        let asked = index.ask(folder.join("code").to_str().unwrap(), &[], &Patience::endless(), |facts, _| {
            Ok((facts.files()?.len(), defined(facts, "f299")?))
        });
        assert_eq!(asked.unwrap(), (300, String::from("299.rs:1")));
    }
}

fn bench() -> Bench {
    let bench = Bench::new(&[]);
    (0..300).for_each(|number| bench.write(&format!("{number}.rs"), format!("fn f{number}() {{}}\n")));
    bench
}

#[test]
fn processes_build_together_and_all_have_answers() {
    let bench = bench();
    let mut children: Vec<Child> = (0..3).map(|_| child(&bench)).collect();
    assert_eq!(bench.ask(|facts, _| defined(facts, "f7")), "7.rs:1");
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(bench.ask(|facts, _| facts.files().map(|files| files.len())), 300);
}

#[test]
fn a_process_that_is_killed_leaves_what_it_had() {
    let bench = bench();
    let mut child = child(&bench);
    while !bench.home().join("index").exists() {
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bench.ask(|facts, _| defined(facts, "f299")), "299.rs:1");
}

#[test]
fn threads_and_instances_see_each_others_work() {
    let bench = bench();
    let other = Index::new(bench.home());
    let root = bench.root();
    thread::scope(|scope| {
        for index in [&bench.index, &other, &bench.index, &other] {
            scope.spawn(|| {
                for _ in 0..5 {
                    let count = |facts: &crate::store::Snapshot| facts.files().map(|files| files.len());
                    assert_eq!(index.ask(root.to_str().unwrap(), &[], &Patience::endless(), |facts, _| count(facts)), Ok(300));
                }
            });
        }
    });
    for turn in 0..5 {
        bench.write("7.rs", format!("fn edited{turn}() {{}}\n"));
        let index = if turn % 2 == 0 { &other } else { &bench.index };
        let found = index.ask(root.to_str().unwrap(), &[], &Patience::endless(), |facts, _| defined(facts, &format!("edited{turn}")));
        assert_eq!(found.as_deref(), Ok("7.rs:1"));
    }
}

#[test]
fn an_answer_keeps_its_state_while_another_refreshes() {
    let bench = bench();
    let before = bench.ask(|facts, _| {
        bench.write("7.rs", "fn edited() {}\n");
        assert_eq!(bench.ask_anew(|facts, _| defined(facts, "edited")), "7.rs:1");
        Ok((defined(facts, "edited")?, defined(facts, "f7")?))
    });
    assert_eq!(before, (String::new(), String::from("7.rs:1")));
}

#[test]
fn who_waits_for_a_builder_may_give_up() {
    let bench = bench();
    bench.ask(|facts, _| defined(facts, "f7"));
    let lock = bench.database().with_extension("lock");
    let held = std::fs::File::open(lock).unwrap();
    held.lock().unwrap();
    let asked = bench.index.ask(bench.root().to_str().unwrap(), &[], &Patience::of(0), |_, _| Ok(()));
    assert_eq!(asked, Err(naestro_kernel::code::Fault::Cancelled));
}
