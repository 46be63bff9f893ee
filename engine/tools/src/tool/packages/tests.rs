//! What is said about the packages a change concerns.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::tests::{answer, folder};

const PACKAGE: &str = "[package]\nname = \"one\"\n";

fn changes(paths: &[&str]) -> Value {
    let files: Vec<Value> = paths.iter().map(|path| json!({"path": path, "status": "modified"})).collect();
    json!({"changes": {"base": "x", "files": files, "more": 0}})
}

#[track_caller]
fn check(root: &TempDir, args: &Value, expect: Expect) {
    expect.assert_eq(&answer(root.path(), "packages", args).unwrap().text);
}

#[test]
fn it_says_what_to_test_and_why_or_why_nothing() {
    let root = folder(&[("Cargo.toml", PACKAGE), ("in/Cargo.toml", "[package"), ("src/lib.rs", "")]);
    check(
        &root,
        &changes(&["src/lib.rs"]),
        expect![[r#"
            1 of 1 package to test
              one                      cargo test     src/lib.rs changed
            left out: in/Cargo.toml cannot be read: unclosed table, expected `]`"#]],
    );
    check(
        &root,
        &changes(&["README.md"]),
        expect![[r#"
        nothing to test: only documentation changed
        left out: in/Cargo.toml cannot be read: unclosed table, expected `]`"#]],
    );
    check(
        &root,
        &changes(&[]),
        expect![[r#"
        nothing to test: no file changed
        left out: in/Cargo.toml cannot be read: unclosed table, expected `]`"#]],
    );
    check(
        &folder(&[("a.c", "")]),
        &changes(&["a.c"]),
        expect![[r#"
            nothing to test: no package of a known kind (cargo, pytest, vitest, jest, node --test, go, maven, gradle, ctest) was found
            files no package owns: a.c"#]],
    );
    check(
        &folder(&[("Cargo.toml", "[package")]),
        &changes(&["a.rs"]),
        expect!["Cargo.toml cannot be read: unclosed table, expected `]`; mend it, then try again"],
    );
    check(
        &root,
        &json!({"changes": {}}),
        expect![[r#"the argument "changes" must hold "files", a list of objects with "path"; take the data of changes"#]],
    );
    check(
        &root,
        &json!({"changes": {"files": [1]}}),
        expect![[r#"the argument "changes" must hold "files", a list of objects with "path"; take the data of changes"#]],
    );
}

#[test]
fn a_submodule_no_package_owns_is_tested_as_a_repository_of_its_own() {
    let root = folder(&[("a/Cargo.toml", PACKAGE), ("ws/b/Cargo.toml", "[package]\nname = \"two\"\n")]);
    let mut changes = changes(&["ws"]);
    changes["changes"]["submodules"] = json!(["ws"]);
    check(
        &root,
        &changes,
        expect![[r#"
        nothing to test: no package owns a file that changed
        ws is a submodule: naestro test --workspace ws"#]],
    );
    check(
        &folder(&[("Cargo.toml", PACKAGE)]),
        &changes,
        expect![[r#"
        1 of 1 package to test
          one                      cargo test     ws changed"#]],
    );
}

#[test]
fn what_there_is_none_of_is_said() {
    let plain = folder(&[("notes.txt", "")]);
    check(
        &plain,
        &changes(&["notes.txt"]),
        expect![
            "nothing to test: no package of a known kind (cargo, pytest, vitest, jest, node --test, go, maven, gradle, ctest) was found"
        ],
    );
    check(
        &plain,
        &changes(&[]),
        expect![
            "nothing to test: no package of a known kind (cargo, pytest, vitest, jest, node --test, go, maven, gradle, ctest) was found"
        ],
    );
}

#[test]
fn its_data_is_what_the_tool_test_takes() {
    let root = folder(&[("Cargo.toml", PACKAGE), ("deploy.sh", "")]);
    let data = answer(root.path(), "packages", &changes(&["src/lib.rs"])).unwrap().data.unwrap();
    expect![[r#"{"packages":[{"name":"one","runner":"cargo test","dir":"","command":["cargo","test","--no-fail-fast","-p","one"],"reason":"src/lib.rs changed","changed":true}],"unowned":[],"verdict":"1 of 1 package to test","compared":null,"submodules":[]}"#]].assert_eq(&data.to_string());
}
