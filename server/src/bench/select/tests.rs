//! The whole way of a project, with a script in the place of `naestro`: what it reports follows from what is in the files.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const SOURCE: &str = "def low(a, b):\n    return a < b\n\n\ndef other(a):\n    return a\n";

/// `low` and `high` are broken by what changes the comparison, and only `low` is selected for it. `shaky` fails once, when it is
/// run first after the change; `other` never fails.
const SCRIPT: &str = r#"#!/bin/sh
for workspace; do :; done
test() { printf '{"id":"%s","package":"p","runner":"pytest","path":"t.py","state":"%s"}' "$1" "$2"; }
broken=failed shaky=passed
if grep -q 'a < b' "$workspace/low.py"; then
    broken=passed
elif [ "$2" = --all ] && [ ! -e "$workspace.seen" ]; then
    : >"$workspace.seen"
    shaky=failed
fi
case "$2" in
--list) tests=$(test low listed) ;;
--all) tests="$(test low $broken),$(test high $broken),$(test shaky $shaky),$(test other passed)" ;;
esac
printf '{"type":"tests","report":{"verdict":"","tests":[%s],"widened":[]}}\n' "$tests"
"#;

#[test]
fn a_project_is_measured_and_stays_as_it_is() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (project, program) = (root.path().join("demo"), root.path().join("naestro"));
    fs::create_dir(&project).expect("a folder");
    fs::write(project.join("low.py"), SOURCE).expect("a file");
    fs::write(&program, SCRIPT).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a script that can be started");
    let place = Folder(root.path().join("place"));
    fs::create_dir(&place.0).expect("a folder");
    let args = Args { projects: root.path().to_owned(), mutants: 1, seed: 1, only: None, wall: "1m".into(), json: false };
    let figures = args.measure(&program, &project, &place).expect("figures").json();
    for (field, expect) in [
        ("tests", json!(4)),
        ("usable", json!(1)),
        ("unbuilt", json!(0)),
        ("unsteady", json!(1)),
        ("recall_mean", json!(0.5)),
        ("selected_median", json!(0.25)),
        ("everything", json!(0)),
    ] {
        assert_eq!(figures[field], expect, "{field}");
    }
    assert_eq!(figures["worst"]["missed"], json!([{ "package": "p", "id": "high" }]));
    assert_eq!(figures["worst"]["mutant"]["line"], 2);
    for folder in [&project, &place.0.join("demo")] {
        assert_eq!(fs::read_to_string(folder.join("low.py")).expect("a file"), SOURCE);
    }
}

#[test]
fn a_change_is_taken_back_even_if_nobody_asks() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let file = root.path().join("src/a.py");
    fs::create_dir(root.path().join("src")).expect("a folder");
    fs::write(&file, "a < b").expect("a file");
    let written = Written::write(root.path(), &Mutant::example("f")).expect("a change");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "a <= b");
    drop(written);
    assert_eq!(fs::read_to_string(&file).expect("a file"), "a < b");
}

#[test]
fn only_folders_with_a_repository_are_projects() {
    let root = tempfile::tempdir().expect("a temporary folder");
    for path in ["b/.git", "a/.git", "c"] {
        fs::create_dir_all(root.path().join(path)).expect("a folder");
    }
    let chosen = |only: Option<&str>| {
        let only = only.map(str::to_owned);
        let args = Args { projects: root.path().to_owned(), mutants: 1, seed: 1, only, wall: "1m".into(), json: false };
        args.chosen().map(|folders| folders.iter().map(|folder| name(folder)).collect::<Vec<_>>()).map_err(|error| error.message)
    };
    assert_eq!(chosen(None), Ok(vec!["a".into(), "b".into()]));
    assert_eq!(chosen(Some("b")), Ok(vec!["b".into()]));
    assert!(chosen(Some("c")).is_err_and(|message| message.starts_with("find the project c in ")));
}
