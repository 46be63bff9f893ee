//! What a coverage run adds to a selection, what it takes away, and when it is not believed.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use naestro_kernel::code::Change;

use crate::affected::affected;
use crate::coverage::{Coverage, Covered};
use crate::fixture::{BEFORE, Memory, Patient};
use crate::{Commit, Facts as _};

/// When the old commit was made.
const COMMITTED: i64 = 1_000;

const FIXTURE: &str = "
//- calc.py
LIMIT = 4

class Sum:
    # Larger now.
    def size(self):
        return 2

class Bag:
    def size(self):
        return 3
//- calc.py @before
LIMIT = 4

class Sum:
    def size(self):
        return 1

class Bag:
    def size(self):
        return 3
//- tests/test_calc.py
from calc import Sum

def test_might(thing):
    assert thing.size() == 3

def test_might_too(thing):
    assert thing.size() == 1

def test_hidden(called):
    assert called('si' + 'ze') == 1

def test_other():
    assert True

class TestIt:
    def test_names(self):
        assert Sum.size(Sum()) == 1
";

/// A record of `calc.py`: the lines each context ran.
fn record(taken: i64, is_stale: bool, ran: &[(&str, &[u32])]) -> Coverage {
    let contexts = ran.iter().map(|(context, _)| (*context).to_owned()).collect();
    let ran = ran.iter().enumerate().map(|(at, (_, lines))| (at, lines.iter().copied().collect())).collect();
    let files = BTreeMap::from([("calc.py".to_owned(), Covered { is_stale, ran })]);
    Coverage { path: ".coverage".to_owned(), taken, contexts, files }
}

#[track_caller]
fn check(fixture: &str, coverage: Result<Coverage, String>, expect: Expect) {
    let mut memory = Memory::parse(fixture);
    let commit = Commit { id: BEFORE.to_owned(), parent: None, title: "t".to_owned(), author: "a".to_owned(), time: COMMITTED };
    memory.commits.push(commit);
    memory.coverage.push(coverage);
    let change = Change { since: Some(BEFORE.to_owned()), files: memory.changed_files() };
    let found = affected(&memory, &memory, &change, &Patient).unwrap();
    assert!(found.tests.len() <= memory.tests().unwrap().len());
    let mut lines: Vec<String> = found.tests.iter().map(|test| format!("{}: {}", test.name.join("."), test.reason)).collect();
    lines.extend(found.notes);
    expect.assert_eq(&lines.join("\n"));
}

/// Lines of the old commit: 1 and 3 to 9 hold code that runs when it is loaded, 5 and 9 are what the two methods do.
const LOADED: (&str, &[u32]) = ("", &[1, 3, 4, 7, 8]);

#[test]
fn what_ran_it_is_added_and_what_only_might_reach_it_and_did_not_is_left_out() {
    let ran: &[(&str, &[u32])] = &[
        LOADED,
        ("tests/test_calc.py::test_might[x]|run", &[9]),
        ("tests/test_calc.py::test_might_too|run", &[5]),
        ("tests/test_calc.py::test_hidden|run", &[5]),
        ("tests/test_calc.py::TestIt::test_names|run", &[9]),
    ];
    check(
        FIXTURE,
        Ok(record(COMMITTED, true, ran)),
        expect![[r#"
            test_might_too: test_might_too → size (changed)
            test_hidden: it ran `Sum.size` when .coverage was recorded
            TestIt.test_names: test_names → size (changed)
            by .coverage: 1 added that ran what changed, 1 left out that only might reach it and did not run it"#]],
    );
}

#[test]
fn names_of_functions_are_contexts_too_and_lines_of_now_are_read_where_nothing_changed_since() {
    let ran: &[(&str, &[u32])] = &[
        ("", &[1, 3, 5, 8, 9]),
        ("test_calc.test_might", &[10]),
        ("tests.test_calc.test_hidden", &[6]),
        ("test_calc.TestIt.test_names", &[6]),
    ];
    check(
        FIXTURE,
        Ok(record(COMMITTED + 9, false, ran)),
        expect![[r#"
            test_might_too: test_might_too → size (changed)
            test_hidden: it ran `Sum.size` when .coverage was recorded
            TestIt.test_names: test_names → size (changed)
            by .coverage: 1 added that ran what changed, 1 left out that only might reach it and did not run it"#]],
    );
}

#[test]
fn a_record_that_is_older_or_does_not_fit_is_not_believed() {
    // Older than the commit; a line without code; a line behind the end; a class that was never loaded.
    let partly: (&str, &[u32]) = ("", &[1, 3, 4]);
    for (taken, line, loaded) in [(COMMITTED - 1, 9, LOADED), (COMMITTED, 6, LOADED), (COMMITTED, 10, LOADED), (COMMITTED, 9, partly)] {
        check(
            FIXTURE,
            Ok(record(taken, true, &[loaded, ("test_calc.test_might", &[line])])),
            expect![[r#"
                test_might: test_might → size (changed)
                test_might_too: test_might_too → size (changed)
                TestIt.test_names: test_names → size (changed)
                the coverage record .coverage does not fit calc.py, and is not used for it"#]],
        );
    }
}

#[test]
fn what_tests_share_leaves_none_out() {
    let shared: &[(&str, &[u32])] =
        &[LOADED, ("tests/test_calc.py::test_hidden|setup", &[5]), ("tests/test_calc.py::test_might|run", &[9])];
    check(
        FIXTURE,
        Ok(record(COMMITTED, true, shared)),
        expect![[r#"
            test_might: test_might → size (changed)
            test_might_too: test_might_too → size (changed)
            test_hidden: it ran `Sum.size` when .coverage was recorded
            TestIt.test_names: test_names → size (changed)
            by .coverage: 1 added that ran what changed, 0 left out that only might reach it and did not run it"#]],
    );
}

/// How many tests a record leaves out of what is selected without one.
#[track_caller]
fn check_left_out(fixture: &str, coverage: &[Coverage], expect: &[&str]) {
    let selected = |coverage: &[Coverage]| {
        let mut memory = Memory::parse(fixture);
        let commit = Commit { id: BEFORE.to_owned(), parent: None, title: "t".to_owned(), author: "a".to_owned(), time: COMMITTED };
        memory.commits.push(commit);
        memory.coverage = coverage.iter().cloned().map(Ok).collect();
        let change = Change { since: Some(BEFORE.to_owned()), files: memory.changed_files() };
        let found = affected(&memory, &memory, &change, &Patient).unwrap();
        found.tests.into_iter().map(|test| test.name.join(".")).collect::<Vec<String>>()
    };
    let with = selected(coverage);
    let out: Vec<String> = selected(&[]).into_iter().filter(|test| !with.contains(test)).collect();
    assert_eq!(out, expect);
}

const MIGHT: (&str, &[u32]) = ("test_calc.test_might", &[9]);

#[test]
fn what_is_not_known_of_a_record_leaves_none_out() {
    let record = |ran: &[(&str, &[u32])]| record(COMMITTED, true, ran);
    check_left_out(FIXTURE, &[record(&[LOADED, MIGHT])], &["test_might"]);
    // A fixture that is named like a test, or a test that another inherits.
    check_left_out(FIXTURE, &[record(&[LOADED, MIGHT, ("conftest.test_client", &[5])])], &[]);
    // It was skipped: only its set-up ran.
    check_left_out(FIXTURE, &[record(&[LOADED, ("tests/test_calc.py::test_might|setup", &[9])])], &[]);
    // Another record saw the test, and this one the change.
    let other = Coverage { files: BTreeMap::new(), ..record(&[LOADED, MIGHT]) };
    check_left_out(FIXTURE, &[other, record(&[LOADED, ("test_calc.test_other", &[9])])], &[]);
    // Two files have a test of that name.
    let twice = format!("{FIXTURE}//- more/test_calc.py\ndef test_might(thing):\n    assert thing.size() == 3\n");
    check_left_out(&twice, &[record(&[LOADED, MIGHT])], &[]);
}

#[test]
fn what_others_notice_without_running_it_leaves_none_out() {
    let ran: &[(&str, &[u32])] = &[("", &[1, 3, 4, 5, 8, 9]), ("test_calc.test_might", &[10])];
    let now = |ran| record(COMMITTED + 9, false, ran);
    check_left_out(FIXTURE, &[now(&[("", &[1, 3, 5, 8, 9]), ("test_calc.test_might", &[10])])], &["test_might"]);
    let head = FIXTURE.replacen("    def size(self):\n        return 2", "    def size(self, of=1):\n        return 2", 1);
    check_left_out(&head, &[now(ran)], &[]);
    let decorated = FIXTURE.replacen("    # Larger now.\n", "    @kept\n", 1).replacen(
        "class Sum:\n    def size",
        "class Sum:\n    @kept\n    def size",
        1,
    );
    check_left_out(&decorated, &[now(ran)], &[]);
}

#[test]
fn pytest_names_files_from_its_own_root() {
    let ran: &[(&str, &[u32])] = &[LOADED, ("tests/test_calc.py::test_might|run", &[9])];
    let below = Coverage { path: "tests/.coverage".to_owned(), ..record(COMMITTED, true, ran) };
    check_left_out(FIXTURE, &[below], &["test_might"]);
}

#[test]
fn what_no_record_judges_keeps_its_tests() {
    let member = |value: u32| format!("        return 3\n\n    TOP = {value}\n");
    let also =
        FIXTURE.replacen("        return 3\n", &member(2), 1).replace("        return 3\n//- tests", &format!("{}//- tests", member(1)));
    let also = also.replace("assert thing.size() == 3", "assert thing.size() == thing.TOP");
    let ran: &[(&str, &[u32])] = &[LOADED, ("test_calc.test_might", &[9]), ("test_calc.test_might_too", &[9])];
    check(
        &also,
        Ok(record(COMMITTED, true, ran)),
        expect![[r#"
        test_might: test_might → size (changed)
        TestIt.test_names: test_names → size (changed)
        by .coverage: 0 added that ran what changed, 1 left out that only might reach it and did not run it"#]],
    );
}

#[test]
fn a_record_without_contexts_or_that_cannot_be_read_is_named() {
    check(
        FIXTURE,
        Ok(record(COMMITTED, true, &[("", &[1, 3, 4, 5])])),
        expect![[r#"
        test_might: test_might → size (changed)
        test_might_too: test_might_too → size (changed)
        TestIt.test_names: test_names → size (changed)
        the coverage record .coverage does not say which test ran what: record it with contexts"#]],
    );
    check(
        FIXTURE,
        Err("the coverage record .coverage is not used: file is not a database".to_owned()),
        expect![[r#"
        test_might: test_might → size (changed)
        test_might_too: test_might_too → size (changed)
        TestIt.test_names: test_names → size (changed)
        the coverage record .coverage is not used: file is not a database"#]],
    );
}
