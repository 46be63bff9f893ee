//! What is said about the tests a change affects.

use expect_test::{Expect, expect};
use naestro_kernel::code::Changed;
use serde_json::json;

use super::super::known::fake::{Fake, answer};
use super::super::tests::folder;
use super::*;

fn found() -> Affected {
    Affected {
        changed: vec![Changed { path: "src/a.rs".into(), name: "parse".into(), line: 10 }],
        tests: vec![AffectedTest {
            path: "src/a.rs".into(),
            name: vec!["tests".into(), "parses".into()],
            line: 20,
            reason: "calls parse".into(),
            causes: vec![(0, 1)],
        }],
        widened: vec![Widened { file: "build.rs".into(), scope: String::new(), reason: "it runs before everything".into() }],
        known: vec![("src/a.rs".into(), vec!["tests".into(), "parses".into()]), ("src/a.rs".into(), vec!["other".into()])],
        notes: vec!["2 tests were left out by .coverage".into()],
    }
}

#[track_caller]
fn check(affected: Result<Affected, code::Fault>, args: &Value, expect: Expect) {
    let code = Fake { affected, ..Fake::default() };
    let answer = answer(&code, folder(&[]).path(), "affected", args).unwrap();
    expect.assert_eq(&format!("{}\n{}", answer.text, answer.data.unwrap_or_default()));
}

fn changes() -> Value {
    json!({"changes": {"since": "ab", "files": [{"path": "src/a.rs"}], "more": 0}})
}

#[test]
fn tests_are_told_with_their_way_to_the_change() {
    check(
        Ok(found()),
        &changes(),
        expect![[r#"
            1 of 2 known tests reaches what changed:
              src/a.rs:20 tests::parses: calls parse
            widened to everything: build.rs: it runs before everything
            2 tests were left out by .coverage
            {"changed":[{"path":"src/a.rs","name":"parse","line":10}],"tests":[{"path":"src/a.rs","name":["tests","parses"],"line":20,"reason":"calls parse","causes":[[0,1]]}],"widened":[{"file":"build.rs","scope":"","reason":"it runs before everything"}],"known":2,"names":[["src/a.rs",["tests","parses"]],["src/a.rs",["other"]]],"files":["src/a.rs"],"notes":["2 tests were left out by .coverage"]}"#]],
    );
}

#[test]
fn where_it_cannot_be_told_everything_is_affected() {
    let unavailable = || Err(code::Fault::Unavailable("read the index".into()));
    check(
        unavailable(),
        &changes(),
        expect![[r#"
        0 of 0 known tests reach what changed
        widened to everything: what is known about the code could not be asked (failed to read the index)
        {"changed":[],"tests":[],"widened":[{"file":"","scope":"","reason":"what is known about the code could not be asked (failed to read the index)"}],"known":0,"names":[],"files":["src/a.rs"]}"#]],
    );
    let mut many = changes();
    many["changes"]["more"] = json!(3);
    check(
        Ok(found()),
        &many,
        expect![[r#"
        0 of 0 known tests reach what changed
        widened to everything: more files changed than were looked at
        {"changed":[],"tests":[],"widened":[{"file":"","scope":"","reason":"more files changed than were looked at"}],"known":0,"names":[],"files":["src/a.rs"]}"#]],
    );
}

#[test]
fn a_cancelled_question_and_wrong_arguments_are_no_answers() {
    let code = Fake { affected: Err(code::Fault::Cancelled), ..Fake::default() };
    assert_eq!(answer(&code, folder(&[]).path(), "affected", &changes()), Err(super::super::Fault::Cancelled));
    let wrong = answer(&code, folder(&[]).path(), "affected", &json!({"changes": {"files": [1]}})).unwrap();
    expect![[r#"the argument "changes" must hold "files", a list of objects with "path"; take the data of changes"#]]
        .assert_eq(&wrong.text);
}
