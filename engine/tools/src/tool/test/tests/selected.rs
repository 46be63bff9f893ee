//! Running only what a change affects, or what a person names; and running it again.

use expect_test::expect;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::super::tests::folder;
use super::{call, check, packages, workspace};

/// Which tests were run or listed, each with its state and reason.
fn tests(data: &Value) -> String {
    let line = |test: &Value| {
        let reason = test["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{} {}{reason}", test["id"].as_str().unwrap_or_default(), test["state"].as_str().unwrap_or_default())
    };
    data["tests"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What the tool affected would say of these tests.
fn affected(names: &Value, tests: &[(&str, &[&str])], widened: &Value) -> Value {
    let test =
        |(path, name): &(&str, &[&str])| json!({"path": path, "name": name, "line": 1, "reason": "it calls two", "causes": [[0, 1]]});
    json!({
        "changed": [{"path": "good/src/lib.rs", "name": "two", "line": 4}], "tests": tests.iter().map(test).collect::<Vec<_>>(),
        "widened": widened, "known": names.as_array().unwrap().len(), "names": names, "files": ["good/src/lib.rs"],
    })
}

const LIBRARY: &str = "pub mod inner;\n/// ```\n/// assert!(true);\n/// ```\npub fn two() -> u32 { 3 }\nmacro_rules! make { ($name:ident) => { #[test] fn $name() {} } }\nmake!(made);\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn is_two() { assert_eq!(super::two(), 2) }\n    #[test]\n    fn other() {}\n}\n";

fn project(tag: &str) -> TempDir {
    let inner = "#[test]\nfn inside() {}\n#[test]\nfn aside() {}\n";
    let own = "#[test]\nfn is_two() {}\n#[test]\nfn alone() {}\n";
    workspace(tag, LIBRARY, "#[test]\nfn never() { panic!() }\n", &[("good/src/inner.rs", inner), ("good/tests/own.rs", own)])
}

fn names() -> Value {
    json!([
        ["good/src/lib.rs", ["tests", "is_two"]],
        ["good/src/lib.rs", ["tests", "other"]],
        ["good/src/inner.rs", ["inside"]],
        ["good/src/inner.rs", ["aside"]],
        ["good/tests/own.rs", ["is_two"]],
        ["good/tests/own.rs", ["alone"]],
        ["bad/src/lib.rs", ["never"]],
    ])
}

#[test]
fn of_a_cargo_package_only_what_is_affected_or_not_known_is_run() {
    let root = project("some");
    let picks: &[(&str, &[&str])] = &[("good/src/lib.rs", &["tests", "is_two"]), ("good/src/inner.rs", &["inside"])];
    let mut args = packages("some", &["good", "bad"]);
    args["packages"]["packages"][1]["changed"] = json!(false);
    args["affected"] = affected(&names(), picks, &json!([]));
    let answer = call(&root, &args, 300).unwrap();
    let data = answer.data.unwrap();
    expect![[r#"
        good/src/lib.rs - two (line 2) passed (good/src/lib.rs changed)
        inner::inside passed (it calls two)
        made passed (the code index does not know it)
        tests::is_two failed (it calls two)"#]]
    .assert_eq(&tests(&data));
    assert_eq!((&data["packages"][1]["state"], &data["known"], &data["ok"]), (&json!("unaffected"), &json!(7), &json!(false)));
    let failed = &data["tests"][3];
    expect![[r#"["good/src/lib.rs","good/src/lib.rs:11","2","3",2,"`two` in good/src/lib.rs:4 changed; it calls two"]"#]].assert_eq(
        &json!([failed["path"], failed["place"], failed["expected"], failed["actual"], failed["attempts"], failed["cause"]]).to_string(),
    );
    args["list"] = json!(true);
    let listed = call(&root, &args, 300).unwrap();
    assert!(listed.ok && listed.text.starts_with("listed: 4 tests named, none run"), "{}", listed.text);
}

#[test]
fn what_is_widened_is_run_whole_and_said() {
    let root = project("wide");
    let widened = json!([{"file": "good/tests/own.rs", "scope": "good/tests", "reason": "it is included by a macro"}]);
    let mut args = packages("wide", &["good"]);
    args["affected"] = affected(&names(), &[("good/src/gone.rs", &["gone"])], &widened);
    args["affected"]["files"] = json!([]);
    args["affected"]["changed"] = json!([]);
    let answer = call(&root, &args, 300).unwrap();
    expect![[r#"
        made passed (the code index does not know it)
        tests/own.rs::alone passed (good/tests/own.rs: it is included by a macro)
        tests/own.rs::is_two passed (good/tests/own.rs: it is included by a macro)"#]]
    .assert_eq(&tests(answer.data.as_ref().unwrap()));
    assert!(answer.text.contains("widened to good/tests: good/tests/own.rs: it is included by a macro"), "{}", answer.text);
    assert!(answer.text.contains("affected, but its runner does not know: good/src/gone.rs:1 gone"), "{}", answer.text);
    args["affected"]["widened"] = json!([{"file": "Cargo.lock", "scope": "", "reason": "it concerns everything"}]);
    let all = call(&root, &args, 300).unwrap().data.unwrap();
    assert_eq!((&all["packages"][0]["passed"], &all["packages"][0]["failed"]), (&json!(7), &json!(1)));
    assert_eq!(all["tests"][0]["reason"], json!("Cargo.lock: it concerns everything"));
}

#[test]
fn a_person_names_a_file_a_test_in_it_or_a_part_of_a_name() {
    let root = project("named");
    let run = |select: Value| {
        let mut args = packages("named", &["good"]);
        args["select"] = select;
        call(&root, &args, 300).unwrap()
    };
    expect![[r#"
        inner::aside passed (it matches good/src/inner.rs)
        inner::inside passed (it matches good/src/inner.rs)
        tests/own.rs::alone passed (it matches alone)"#]]
    .assert_eq(&tests(&run(json!(["good/src/inner.rs", "alone"])).data.unwrap()));
    expect!["tests/own.rs::is_two passed (it matches good/tests/own.rs::is_two)"]
        .assert_eq(&tests(&run(json!(["good/tests/own.rs::is_two"])).data.unwrap()));
    let none = run(json!(["alnoe"]));
    assert_eq!((none.ok, none.text.as_str()), (false, "no test matches \"alnoe\"; near it: alone"));
    let one = run(json!(["alnoe", "aside"]));
    assert!(!one.ok && one.text.starts_with("incomplete: ") && one.text.contains("no test matches \"alnoe\""), "{}", one.text);
}

/// A test that fails every other time, by a file it leaves.
const WAVERS: &str = "#[test]\nfn wavers() {\n    let mark = concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/mark\");\n    if std::fs::remove_file(mark).is_ok() { return }\n    std::fs::write(mark, \"\").unwrap();\n    panic!(\"not yet\")\n}\n#[test]\nfn holds() {}\n";

#[test]
fn a_test_that_passes_when_it_is_run_again_is_flaky_and_fails_nothing() {
    let root = workspace("flaky", WAVERS, "", &[]);
    check(
        &root,
        &packages("flaky", &["good"]),
        expect![[r#"
            ok: true
            passed, but 1 test is flaky: wavers; 1 test passed in flaky-good (T s)
              flaky-good     1 passed    0 failed    1 flaky    0 skipped  T s

              flaky: flaky-good: wavers (failed and passed with nothing changed between)"#]],
    );
    let mut args = packages("flaky", &["good"]);
    args["retries"] = json!(0);
    assert!(!call(&root, &args, 300).unwrap().ok);
    args["repeat"] = json!(3);
    let data = call(&root, &args, 300).unwrap().data.unwrap();
    let told = |at: usize| [&data["tests"][at]["state"], &data["tests"][at]["attempts"]].map(Value::to_string).join(" ");
    assert_eq!((told(0), told(1)), ("\"passed\" 3".into(), "\"flaky\" 3".into()));
    assert_eq!(data["tests"][1]["message"], json!("not yet"));
}

#[test]
fn of_a_pytest_project_only_what_is_affected_or_not_known_is_run() {
    let tests_a = "import pytest\n\nclass TestIt:\n    def test_one(self): assert [1] == [2]\n    def test_two(self): pass\n\n@pytest.mark.parametrize('x', [1, 2])\ndef test_each(x): pass\n\ndef made():\n    def test(): pass\n    return test\n\ntest_made = made()\n";
    let root = folder(&[
        ("p/pyproject.toml", "[project]\nname = \"pick-p\"\n"),
        ("p/tests/test_a.py", tests_a),
        ("p/tests/test_b.py", "def test_b(): assert False\n"),
    ]);
    let path = "p/tests/test_a.py";
    let names =
        json!([[path, ["TestIt", "test_one"]], [path, ["TestIt", "test_two"]], [path, ["test_each"]], ["p/tests/test_b.py", ["test_b"]]]);
    let mut args = packages("pick", &["p"]);
    args["affected"] = affected(&names, &[(path, &["TestIt", "test_one"]), (path, &["test_each"])], &json!([]));
    let answer = call(&root, &args, 300).unwrap();
    if answer.text.contains("is not installed") {
        eprintln!("SKIPPED: {}", answer.text);
        return;
    }
    let data = answer.data.unwrap();
    expect![[r#"
        tests/test_a.py::TestIt::test_one failed (it calls two)
        tests/test_a.py::test_each[1] passed (it calls two)
        tests/test_a.py::test_each[2] passed (it calls two)
        tests/test_a.py::test_made passed (the code index does not know it)"#]]
    .assert_eq(&tests(&data));
    let failed = &data["tests"][0];
    expect![[r#"["p/tests/test_a.py","p/tests/test_a.py:4",4,"[2]","[1]",2]"#]].assert_eq(
        &json!([failed["path"], failed["place"], failed["line"], failed["expected"], failed["actual"], failed["attempts"]]).to_string(),
    );
}

#[test]
fn of_a_nextest_project_only_what_is_affected_is_run() {
    if super::super::located(std::path::Path::new("/"), vec!["cargo-nextest".into()]).is_none() {
        eprintln!("SKIPPED: cargo-nextest is not installed; get it with: cargo install --locked cargo-nextest");
        return;
    }
    let own = "#[test]\nfn is_two() {}\n#[test]\n#[ignore]\nfn alone() {}\n";
    let root = workspace("nexts", LIBRARY, "", &[(".config/nextest.toml", ""), ("good/src/inner.rs", ""), ("good/tests/own.rs", own)]);
    let mut args = packages("nexts", &["good"]);
    let picks: &[(&str, &[&str])] = &[("good/src/lib.rs", &["tests", "is_two"]), ("good/tests/own.rs", &["alone"])];
    args["affected"] = affected(&names(), picks, &json!([]));
    let data = call(&root, &args, 300).unwrap().data.unwrap();
    expect![[r#"
        made passed (the code index does not know it)
        good/tests/own.rs::alone skipped (it calls two)
        tests::is_two failed (it calls two)"#]]
    .assert_eq(&tests(&data).replace("tests/own.rs", "good/tests/own.rs").replace("good/good/", "good/"));
    assert!(data["tests"].as_array().unwrap().iter().all(|test| test["seconds"].is_number() || test["state"] == "skipped"), "{data}");
}
