//! Which packages a change concerns, and why.

mod kinds;

use std::fs;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;

/// A workspace of three packages in a row, one outside it, and a Python project.
const WORKSPACE: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"alone\"]\n[workspace.dependencies]\nbase = { path = \"crates/base\" }\n",
    ),
    ("crates/base/Cargo.toml", "[package]\nname = \"base\"\n"),
    ("crates/base/src/lib.rs", ""),
    ("crates/middle/Cargo.toml", "[package]\nname = \"middle\"\n[dependencies]\nbase.workspace = true\n"),
    (
        "crates/top/Cargo.toml",
        "[package]\nname = \"top\"\n[dev-dependencies]\nmiddle = { path = \"../middle\" }\n[[test]]\nname = \"main\"\npath = \"../../checks/main.rs\"\n",
    ),
    ("crates/base/fixtures/Cargo.toml", "[package]\nname = \"never\"\n"),
    ("alone/Cargo.toml", "[package]\nname = \"alone\"\n"),
    ("script/pyproject.toml", "[project]\nname = \"script\"\n"),
    ("script/tests/test_a.py", ""),
];

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

#[track_caller]
fn check(files: &[(&str, &str)], changed: &[&str], expect: Expect) {
    let folder = folder(files);
    let survey = survey(folder.path());
    let changed: Vec<String> = changed.iter().map(|path| (*path).to_owned()).collect();
    let selection = select(&survey.packages, &changed, None);
    let mut lines: Vec<String> =
        selection.concerned.iter().map(|concerned| format!("{}: {}", concerned.package.name, concerned.reason)).collect();
    lines.extend(selection.unowned.iter().map(|file| format!("unowned: {file}")));
    lines.extend(survey.problems.iter().map(|(path, why)| format!("problem: {path}: {why}")));
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn the_package_of_a_file_comes_first_then_what_depends_on_it() {
    check(
        WORKSPACE,
        &["crates/base/src/lib.rs"],
        expect![[r#"
        base: crates/base/src/lib.rs changed
        middle: depends on base
        top: depends on middle"#]],
    );
    check(
        WORKSPACE,
        &["crates/middle/build.rs", "crates/middle/src/lib.rs"],
        expect![[r#"
        middle: crates/middle/build.rs changed
        top: depends on middle"#]],
    );
    check(WORKSPACE, &["crates/top/src/deleted.rs"], expect!["top: crates/top/src/deleted.rs changed"]);
}

#[test]
fn what_concerns_everyone_widens_to_the_whole_workspace_and_no_further() {
    check(
        WORKSPACE,
        &["Cargo.lock"],
        expect![[r#"
        base: Cargo.lock concerns every package
        middle: Cargo.lock concerns every package
        top: Cargo.lock concerns every package"#]],
    );
    check(
        WORKSPACE,
        &[".cargo/config.toml", "crates/base/src/lib.rs"],
        expect![[r#"
        base: .cargo/config.toml concerns every package
        middle: .cargo/config.toml concerns every package
        top: .cargo/config.toml concerns every package"#]],
    );
}

#[test]
fn a_package_outside_the_workspace_is_tested_alone_and_a_stray_manifest_belongs_to_its_owner() {
    check(WORKSPACE, &["alone/src/lib.rs"], expect!["alone: alone/src/lib.rs changed"]);
    check(
        WORKSPACE,
        &["crates/base/fixtures/src/lib.rs"],
        expect![[r#"
        base: crates/base/fixtures/src/lib.rs changed
        middle: depends on base
        top: depends on middle"#]],
    );
}

#[test]
fn targets_outside_their_package_are_owned_by_it() {
    check(WORKSPACE, &["checks/main.rs"], expect!["top: checks/main.rs changed"]);
}

#[test]
fn documentation_and_strangers_concern_nobody() {
    check(WORKSPACE, &["README.md", "docs/a.svg", "LICENSE-MIT", "deploy.sh"], expect!["unowned: deploy.sh"]);
    check(
        WORKSPACE,
        &["crates/base/src/long.md", "script/requirements.txt"],
        expect![[r#"
        base: crates/base/src/long.md changed
        script: script/requirements.txt changed
        middle: depends on base
        top: depends on middle"#]],
    );
}

#[test]
fn python_projects_are_found_by_manifest_or_by_their_tests() {
    check(&[("tests/test_a.py", ""), ("lib.py", "")], &["lib.py"], expect!["python: lib.py changed"]);
    check(
        &[("a/tests/test_a.py", ""), ("b/pytest.ini", ""), ("b/x_test.py", "")],
        &["a/x.py", "b/y.py", "c.py"],
        expect![[r#"
        a: a/x.py changed
        b: b/y.py changed
        unowned: c.py"#]],
    );
    check(&[("pyproject.toml", ""), ("no_tests.py", "")], &["no_tests.py"], expect!["unowned: no_tests.py"]);
    let in_rust = &[("Cargo.toml", "[package]\nname = \"r\"\n"), ("tests/data/test_x.py", "")];
    check(in_rust, &["tests/data/test_x.py"], expect!["r: tests/data/test_x.py changed"]);
}

#[test]
fn a_broken_manifest_is_named_and_the_others_are_used() {
    let files = &[("a/Cargo.toml", "[package"), ("b/Cargo.toml", "[package]\nname = \"b\"\n")];
    check(
        files,
        &["a/x.rs", "b/x.rs"],
        expect![[r#"
        b: b/x.rs changed
        unowned: a/x.rs
        problem: a/Cargo.toml: unclosed table, expected `]`"#]],
    );
}

#[test]
fn where_the_list_of_changes_was_cut_everything_is_tested() {
    let folder = folder(WORKSPACE);
    let survey = survey(folder.path());
    let selection = select(&survey.packages, &[], Some("too much changed"));
    assert_eq!(selection.concerned.len(), survey.packages.len());
}

#[test]
fn commands_are_those_a_person_would_type() {
    let mut files = WORKSPACE.to_vec();
    files.push(("script/.venv/bin/python3", ""));
    let folder = folder(&files);
    let survey = survey(folder.path());
    let lines: Vec<String> =
        survey.packages.iter().map(|package| format!("in {:?}: {}", package.home, package.command.join(" "))).collect();
    expect![[r#"
        in "alone": cargo test --no-fail-fast -p alone
        in "": cargo test --no-fail-fast -p base
        in "": cargo test --no-fail-fast -p middle
        in "": cargo test --no-fail-fast -p top
        in "script": ./.venv/bin/python3 -m pytest -q"#]]
    .assert_eq(&lines.join("\n"));
}
