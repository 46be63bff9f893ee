//! What go 1.19 and newer wrote of real tests.

use expect_test::{Expect, expect};

use super::*;
use crate::project::Runner;

fn package() -> Package {
    Package::for_tests(Runner::Go, "example.com/demo", "m", "m")
}

#[track_caller]
fn check(output: &str, overdue: bool, expect: Expect) {
    let mut files = Files { home: "/nowhere".into(), known: BTreeMap::new() };
    let cases = told(output).cases(&package(), &mut files, overdue, Path::new("/r"));
    let lines: Vec<String> =
        cases.iter().map(|case| format!("{}: {:?} at {:?}: {}", case.id, case.verdict, case.place, case.message)).collect();
    expect.assert_eq(&lines.join("\n"));
}

/// An event for each line: the action, the test, the output.
fn events(lines: &[(&str, &str, &str)]) -> String {
    let event = |(action, test, output): &(&str, &str, &str)| {
        let mut event =
            serde_json::json!({ "Time": "2026-01-01T00:00:00Z", "Action": action, "Package": "example.com/demo/sub", "Elapsed": 0.5 });
        for (key, value) in [("Test", test), ("Output", output)] {
            if !value.is_empty() {
                event[key] = serde_json::json!(value);
            }
        }
        format!("{event}\n")
    };
    lines.iter().map(event).collect()
}

#[test]
fn a_failing_test_says_where_and_so_does_what_is_tested_within_it() {
    let output = events(&[
        ("start", "", ""),
        ("run", "TestTable", ""),
        ("output", "TestTable", "=== RUN   TestTable\n"),
        ("run", "TestTable/two_words", ""),
        ("output", "TestTable/two_words", "    a_test.go:15: no\n"),
        ("output", "TestTable/two_words", "          more: got 1, want 2\n"),
        ("output", "TestTable/two_words", "    --- FAIL: TestTable/two_words (0.00s)\n"),
        ("fail", "TestTable/two_words", ""),
        ("fail", "TestTable", ""),
        ("output", "TestSkips", "    a_test.go:21: later\n"),
        ("skip", "TestSkips", ""),
        ("pass", "TestHolds", ""),
        ("output", "", "FAIL\n"),
        ("fail", "", ""),
    ]);
    check(
        &output,
        false,
        expect![[r#"
        example.com/demo/sub TestTable: Failed at None: something tested within it failed
        example.com/demo/sub TestTable/two_words: Failed at Some("sub/a_test.go:15"): a_test.go:15: no
                  more: got 1, want 2
        example.com/demo/sub TestSkips: Skipped at None: 
        example.com/demo/sub TestHolds: Passed at None: "#]],
    );
}

#[test]
fn a_panic_is_placed_in_the_projects_own_code() {
    let output = events(&[
        ("output", "TestPanics", "panic: assignment to entry in nil map [recovered]\n"),
        ("output", "TestPanics", "\t/usr/lib/go-1.19/src/testing/testing.go:1396 +0x24e\n"),
        ("output", "TestPanics", "\t/r/m/sub/s_test.go:7 +0x2e\n"),
        ("fail", "TestPanics", ""),
        ("fail", "", ""),
    ]);
    check(
        &output,
        false,
        expect![[r#"
        example.com/demo/sub TestPanics: Failed at Some("/r/m/sub/s_test.go:7"): panic: assignment to entry in nil map [recovered]
        	/usr/lib/go-1.19/src/testing/testing.go:1396 +0x24e
        	/r/m/sub/s_test.go:7 +0x2e"#]],
    );
}

#[test]
fn a_test_that_did_not_end_has_failed_or_was_not_finished() {
    let output = events(&[
        ("run", "TestKills", ""),
        ("output", "TestKills", "=== RUN   TestKills\n"),
        ("output", "", "signal: killed\n"),
        ("fail", "", ""),
    ]);
    check(
        &output,
        false,
        expect![[r#"
        example.com/demo/sub TestKills: Failed at None: it ended the whole test binary

        signal: killed"#]],
    );
    check(&output, true, expect!["example.com/demo/sub TestKills: NotRun at None: "]);
}

#[test]
fn what_does_not_compile_is_told_by_its_package_in_both_ways_go_says_it() {
    check(
        "# example.com/demo/bad [example.com/demo/bad.test]\nbad/b_test.go:5:32: undefined: undefined\nFAIL\texample.com/demo/bad [build failed]\n",
        false,
        expect![[r#"example.com/demo/bad (build): Failed at Some("bad/b_test.go:5"): bad/b_test.go:5:32: undefined: undefined"#]],
    );
    check(
        "{\"ImportPath\":\"example.com/demo/bad [example.com/demo/bad.test]\",\"Action\":\"build-output\",\"Output\":\"# example.com/demo/bad [example.com/demo/bad.test]\\n\"}\n{\"ImportPath\":\"example.com/demo/bad [example.com/demo/bad.test]\",\"Action\":\"build-output\",\"Output\":\"bad/b_test.go:5:32: undefined: undefined\\n\"}\n{\"Action\":\"start\",\"Package\":\"example.com/demo/bad\"}\n{\"Action\":\"output\",\"Package\":\"example.com/demo/bad\",\"Output\":\"FAIL\\texample.com/demo/bad [build failed]\\n\"}\n{\"Action\":\"fail\",\"Package\":\"example.com/demo/bad\",\"Elapsed\":0,\"FailedBuild\":\"example.com/demo/bad [example.com/demo/bad.test]\"}\n",
        false,
        expect![[r#"example.com/demo/bad (build): Failed at Some("bad/b_test.go:5"): bad/b_test.go:5:32: undefined: undefined"#]],
    );
    check("no go at all\n{\"Action\":3}\n{", false, expect![[""]]);
}

#[test]
fn picks_become_folders_and_functions() {
    let pick = |path: &str, name: &[&str], id: Option<&str>| Pick {
        path: path.into(),
        name: name.iter().map(|part| (*part).to_owned()).collect(),
        id: id.map(str::to_owned),
    };
    let picks = [
        pick("m/a_test.go", &["TestTwo"], None),
        pick("", &[], Some("example.com/demo TestTable/two_words")),
        pick("m/sub/s_test.go", &["TestPanics"], None),
        pick("m/sub/s_test.go", &["helper"], None),
        pick("m/other/o_test.go", &[], None),
    ];
    expect![[r#"{"": Some({"TestTable", "TestTwo"}), "other": None, "sub": None}"#]]
        .assert_eq(&format!("{:?}", choice(&package(), &picks)));
}

#[test]
fn functions_and_methods_of_test_files_are_known_by_their_lines() {
    assert_eq!(function("func TestA(t *testing.T) {").as_deref(), Some("TestA"));
    assert_eq!(function("func (s *Suite) TestB() {").as_deref(), Some(".TestB"));
    assert_eq!((function("func helper() {"), function("\tfunc TestC() {"), function("type T struct{}")), (None, None, None));
}
