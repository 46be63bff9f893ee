//! Which listed tests a change chooses.

use expect_test::{Expect, expect};
use serde_json::json;

use super::super::case::Verdict;
use super::*;

fn affected() -> Affected {
    let test = |path: &str, name: &[&str], reason: &str, causes: &[(usize, u32)]| json!({"path": path, "name": name, "line": 3, "reason": reason, "causes": causes});
    Affected::read(&json!({
        "changed": [
            {"path": "src/a.rs", "name": "Reader::parse", "line": 10},
            {"path": "src/b.rs", "name": "load", "line": 4},
        ],
        "tests": [
            test("src/a.rs", &["tests", "parses"], "it calls parse", &[(0, 1), (1, 3)]),
            test("src/odd.rs", &["oddly"], "it calls load", &[(1, 1)]),
            test("t/test_a.py", &["TestIt", "test_one"], "it calls load", &[]),
        ],
        "widened": [{"file": "src/m.rs", "scope": "src/gen", "reason": "it is a macro"}],
        "known": 4,
        "names": [
            ["src/a.rs", ["tests", "parses"]], ["src/a.rs", ["tests", "other"]], ["src/odd.rs", ["oddly"]], ["t/test_a.py", ["TestIt", "test_one"]],
            ["src/b.rs", ["tests", "parses"]],
        ],
        "files": ["src/c.rs"],
    }))
    .unwrap_or_else(|stop| panic!("{stop:?}"))
}

fn case(path: &str, name: &str) -> Case {
    let name: Vec<String> = name.split("::").map(str::to_owned).collect();
    let path = (!path.is_empty()).then(|| path.to_owned());
    Case { path, name, ..Case::new("id", Verdict::Listed) }
}

#[track_caller]
fn check(path: &str, name: &str, expect: Expect) {
    expect.assert_eq(&affected().reason(&case(path, name)).unwrap_or_else(|| "not run".into()));
}

#[test]
fn a_test_is_matched_by_its_file_and_name() {
    check("src/a.rs", "tests::parses", expect!["it calls parse"]);
    check("src/a.rs", "tests::other", expect!["not run"]);
    check("src/b.rs", "tests::parses", expect!["not run"]);
}

#[test]
fn cases_of_a_test_are_that_test() {
    check("src/a.rs", "tests::parses::case_1_empty", expect!["it calls parse"]);
    check("src/a.rs", "tests::other::case_1", expect!["not run"]);
    check("t/test_a.py", "TestIt::test_one[x-[1]]", expect!["it calls load"]);
}

#[test]
fn where_the_file_is_another_the_name_decides() {
    check("src/lib.rs", "renamed::oddly", expect!["it calls load"]);
    check("", "oddly", expect!["src/m.rs: it is a macro"]);
}

#[test]
fn what_is_not_known_or_cannot_be_reasoned_about_is_run() {
    check("src/a.rs", "tests::made_by_a_macro", expect!["the code index does not know it"]);
    check("src/gen/x.rs", "tests::other", expect!["src/m.rs: it is a macro"]);
}

#[test]
fn an_example_in_documentation_is_run_where_its_file_changed() {
    let doc = |path: &str| {
        let id = format!("{path} - parse (line 3)");
        let case = Case { path: Some(path.into()), name: vec![id.clone()], ..Case::new(&id, Verdict::Listed) };
        affected().reason(&case)
    };
    assert_eq!(doc("src/c.rs").as_deref(), Some("src/c.rs changed"));
    assert_eq!(doc("src/b.rs").as_deref(), Some("src/b.rs changed"));
    assert_eq!(doc("src/d.rs"), None);
}

#[test]
fn the_likeliest_cause_is_what_the_failure_names_or_else_the_nearest() {
    let cause = |message: &str| affected().cause(&case("src/a.rs", "tests::parses").says(message));
    expect!["`Reader::parse` in src/a.rs:10 changed; it calls parse"].assert_eq(&cause("assertion failed").unwrap());
    expect!["`load` in src/b.rs:4 changed; it calls parse"].assert_eq(&cause("load said no").unwrap());
    assert_eq!(affected().cause(&case("src/a.rs", "tests::other")), None);
    assert_eq!(affected().cause(&case("t/test_a.py", "TestIt::test_one")), None);
}

#[test]
fn affected_tests_no_runner_has_are_named() {
    let listed = [case("src/a.rs", "tests::parses")];
    assert_eq!(affected().missed(&listed, |path| path.starts_with("src/")), ["src/odd.rs:3 oddly"]);
}

/// Twenty thousand tests, half of them affected, all of one last name: nothing here may compare each with each.
#[test]
fn a_huge_suite_is_matched_in_time() {
    let name = |at: usize| vec![format!("m{at}"), "works".to_owned()];
    let tests: Vec<Value> =
        (0..10_000).map(|at| json!({"path": "src/a.rs", "name": name(at), "line": 1, "reason": "r", "causes": []})).collect();
    let names: Vec<Value> = (0..20_000).map(|at| json!(["src/a.rs", name(at)])).collect();
    let affected = Affected::read(&json!({"changed": [], "tests": tests, "widened": [], "known": 20_000, "names": names}));
    let affected = affected.unwrap_or_else(|stop| panic!("{stop:?}"));
    let begun = std::time::Instant::now();
    let run = |path: &str| (0..20_000).filter(|at| affected.reason(&case(path, &format!("m{at}::works"))).is_some()).count();
    assert_eq!((run("src/a.rs"), run("elsewhere.rs")), (10_000, 10_000));
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn a_runner_that_cannot_list_runs_all_where_a_part_is_widened() {
    let whole = Package::for_tests(crate::project::Runner::Maven, "p", "src", "src");
    assert_eq!(affected().picks(std::slice::from_ref(&whole), &whole), None);
    let other = Package::for_tests(crate::project::Runner::Maven, "t", "t", "t");
    assert_eq!(affected().picks(std::slice::from_ref(&other), &other), Some(vec![]));
}
