//! What calling a tool does, as a specification.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// A folder with these files.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

pub(super) fn answer(root: &Path, tool: &str, args: &Value) -> Result<Answer, Fault> {
    let (cancel, args) = (Cancel::default(), args.to_string());
    invoke(&Invocation { root, tool, args: args.as_bytes(), timeout: Duration::from_secs(20), cancel: &cancel, code: None })
}

/// `yes: ` or `no: ` and the text.
fn says(root: &Path, tool: &str, args: &Value) -> String {
    let answer = answer(root, tool, args).unwrap();
    format!("{}: {}", if answer.ok { "yes" } else { "no" }, answer.text)
}

#[track_caller]
fn check(root: &TempDir, tool: &str, args: Value, expect: Expect) {
    expect.assert_eq(&says(root.path(), tool, &args));
}

#[test]
fn every_schema_is_closed_and_every_field_is_explained() {
    for tool in registry() {
        let schema: Value = serde_json::from_str(&tool.spec.schema).unwrap();
        assert_eq!(schema["additionalProperties"], json!(false), "{}", tool.facts.name);
        assert_eq!(tool.facts.name, tool.spec.name);
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].as_str().unwrap().len() > 5, "{} {name}", tool.facts.name);
        }
    }
}

#[test]
fn agents_have_seven_tools_and_only_three_may_write() {
    let shown: Vec<String> =
        registry().iter().filter(|tool| tool.facts.for_agents).map(|tool| format!("{} {:?}", tool.facts.name, tool.facts.access)).collect();
    expect!["read Read, list Read, search Read, edit Write, write Write, exec Write, explain None"].assert_eq(&shown.join(", "));
}

#[test]
fn bad_arguments_are_answered_with_the_field_and_the_next_step() {
    let root = folder(&[]);
    check(&root, "read", json!({}), expect![[r#"no: the argument "path" is missing: the file, relative to the workspace"#]]);
    check(&root, "read", json!({"path": 3}), expect![[r#"no: the argument "path" must be a string: the file, relative to the workspace"#]]);
    check(
        &root,
        "read",
        json!({"path": "a", "limit": 0}),
        expect![[r#"no: the argument "limit" must be a whole number from 1 to 5000: the most lines wanted; 2000 if left out"#]],
    );
    check(&root, "read", json!({"file": "a"}), expect![[r#"no: there is no argument "file"; use only: path, offset, limit"#]]);
    check(&root, "read", json!([]), expect!["no: the arguments are no JSON object; send one, for example {}"]);
    check(
        &root,
        "fly",
        json!({}),
        expect![[
            r#"no: there is no tool "fly"; use one of: read, list, search, edit, write, exec, explain, citations, changes, packages, affected, test"#
        ]],
    );
    let broken =
        Invocation { root: root.path(), tool: "read", args: b"{", timeout: Duration::from_secs(1), cancel: &Cancel::default(), code: None };
    expect!["the arguments are no JSON (EOF while parsing an object at line 1 column 1); send one JSON object"]
        .assert_eq(&invoke(&broken).unwrap().text);
}

#[test]
fn a_root_that_is_not_there_is_a_fault() {
    let fault = answer(Path::new("/nowhere/at/all"), "list", &json!({})).unwrap_err();
    expect!["open the folder /nowhere/at/all: No such file or directory (os error 2)"].assert_eq(&fault.to_string());
}

#[test]
fn paths_that_lead_outside_are_refused_by_every_file_tool() {
    let root = folder(&[("in/a", "a\n")]);
    let outside = folder(&[("secret", "s\n")]);
    symlink(outside.path(), root.path().join("away")).unwrap();
    symlink(outside.path().join("new"), root.path().join("dangling")).unwrap();
    let absolute = outside.path().join("secret").display().to_string();
    for path in ["../x", "in/../../x", "away/secret", "away/../x", "dangling", absolute.as_str(), "/etc/passwd", "a\0b"] {
        for (tool, args) in [
            ("read", json!({"path": path})),
            ("list", json!({"path": path})),
            ("search", json!({"path": path, "pattern": "."})),
            ("edit", json!({"path": path, "old": "s", "new": "t"})),
            ("write", json!({"path": path, "content": "t"})),
        ] {
            let said = says(root.path(), tool, &args);
            let refused = said.contains("leads outside the workspace") || said.contains("cannot be followed");
            assert!(refused && said.starts_with("no: "), "{tool} {path:?}: {said}");
        }
    }
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "s\n");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn paths_that_stay_inside_work_however_they_are_spelled() {
    let root = folder(&[("in/a", "a\n")]);
    symlink("in", root.path().join("link")).unwrap();
    let absolute = root.path().join("in/a").display().to_string();
    for path in ["in/a", "./in/a", "in/../in/a", "link/a", "link/../in/a", absolute.as_str()] {
        assert_eq!(says(root.path(), "read", &json!({"path": path})), "yes: 1\ta\n", "{path}");
    }
}

#[test]
fn what_belongs_to_git_is_never_written() {
    let root = folder(&[(".git/config", "old"), (".gitignore", "x\n")]);
    symlink(".git", root.path().join("door")).unwrap();
    for path in [".git/config", ".git/hooks/pre-commit", "door/config", ".git", "sub/.GIT/config"] {
        let said = says(root.path(), "write", &json!({"path": path, "content": "new"}));
        assert!(said.contains("belongs to git"), "{path}: {said}");
    }
    check(&root, "edit", json!({"path": ".gitignore", "old": "x", "new": "y"}), expect!["yes: edited .gitignore at line 1"]);
}

#[test]
fn read_numbers_lines_and_names_what_it_does_not_show() {
    let root = folder(&[("a", "one\ntwo\r\nthree"), ("empty", ""), ("many", &"x\n".repeat(9000)), ("d/f", "")]);
    fs::write(root.path().join("bin"), b"\x7fELF\0\0").unwrap();
    fs::write(root.path().join("latin"), b"caf\xe9\n").unwrap();
    fs::write(root.path().join("wide"), "y".repeat(1_000_000) + "\nnext\n").unwrap();
    check(&root, "read", json!({"path": "a"}), expect!["yes: 1\tone\n2\ttwo\n3\tthree\n"]);
    check(
        &root,
        "read",
        json!({"path": "a", "offset": 2, "limit": 1}),
        expect![[r#"
        yes: 2	two
        [cut here; go on with offset 3]
    "#]],
    );
    check(&root, "read", json!({"path": "a", "offset": 9}), expect!["yes: [a has only 3 lines]"]);
    check(&root, "read", json!({"path": "empty"}), expect!["yes: [empty is empty]"]);
    check(&root, "read", json!({"path": "bin"}), expect!["yes: bin is a binary file of 6 bytes; it is not shown"]);
    check(
        &root,
        "read",
        json!({"path": "latin"}),
        expect![[r#"
        yes: 1	caf�
    "#]],
    );
    check(&root, "read", json!({"path": "d"}), expect!["no: d is a folder; use list to see what it holds"]);
    check(&root, "read", json!({"path": "none"}), expect![[r#"no: there is no "none"; use list or search to find the right path"#]]);
    check(
        &root,
        "read",
        json!({"path": ""}),
        expect![[r#"no: the path is empty; name one relative to the workspace, or "." for all of it"#]],
    );
    assert!(says(root.path(), "read", &json!({"path": "many"})).ends_with("2000\tx\n[cut here; go on with offset 2001]\n"));
    let wide = says(root.path(), "read", &json!({"path": "wide"}));
    assert!(wide.len() < 3000 && wide.ends_with("2\tnext\n"), "{}", &wide[wide.len() - 100..]);
}

#[test]
fn a_pipe_is_not_waited_for() {
    let root = folder(&[]);
    nix::unistd::mkfifo(&root.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    check(&root, "read", json!({"path": "pipe"}), expect!["no: pipe is no regular file; use another path"]);
    check(&root, "search", json!({"pattern": "x"}), expect!["yes: [no match]"]);
    check(&root, "edit", json!({"path": "pipe", "old": "x", "new": "y"}), expect!["no: pipe is no regular file; use another path"]);
}

#[test]
fn list_leaves_out_what_git_ignores() {
    let root = folder(&[("src/a/b/c.rs", ""), ("target/x", ""), (".gitignore", "target/\n"), (".git/HEAD", ""), ("z", "")]);
    symlink("z", root.path().join("y")).unwrap();
    check(
        &root,
        "list",
        json!({}),
        expect![[r#"
        yes: .gitignore
        src/
        src/a/
        y -> z
        z
    "#]],
    );
    check(
        &root,
        "list",
        json!({"path": "src", "depth": 9}),
        expect![[r#"
        yes: src/a/
        src/a/b/
        src/a/b/c.rs
    "#]],
    );
    check(
        &root,
        "list",
        json!({"path": "src/a/b/c.rs"}),
        expect![[r#"
        yes: src/a/b/c.rs
    "#]],
    );
    let many: Vec<(String, &str)> = (0..3000).map(|n| (format!("a-rather-long-file-name-{n:05}"), "")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let said = says(folder(&many).path(), "list", &json!({}));
    assert!(said.len() < 34_000 && said.ends_with("[cut here; list one of the folders, or less deep]\n"));
}

#[test]
fn search_shows_lines_with_their_places() {
    let root = folder(&[
        ("a.rs", "fn one() {}\nfn two() {}\n\nlet x;\n"),
        ("b/c.py", "def one(): pass\n"),
        ("skip/d.rs", "fn one\n"),
        (".gitignore", "skip\n"),
    ]);
    fs::write(root.path().join("bin"), b"one\0one").unwrap();
    check(
        &root,
        "search",
        json!({"pattern": "one"}),
        expect![[r#"
        yes: a.rs:1:fn one() {}
        b/c.py:1:def one(): pass
    "#]],
    );
    check(
        &root,
        "search",
        json!({"pattern": "ONE", "case_insensitive": true, "glob": "*.py"}),
        expect![[r#"
        yes: b/c.py:1:def one(): pass
    "#]],
    );
    check(
        &root,
        "search",
        json!({"pattern": "two", "context": 1}),
        expect![[r#"
        yes: a.rs-1-fn one() {}
        a.rs:2:fn two() {}
        a.rs-3-
    "#]],
    );
    check(
        &root,
        "search",
        json!({"pattern": "fn", "limit": 1}),
        expect![[r#"
        yes: a.rs:1:fn one() {}
        [cut here; there may be more: narrow it with path or glob, or raise limit]
    "#]],
    );
    check(
        &root,
        "search",
        json!({"pattern": "one", "path": "b"}),
        expect![[r#"
        yes: b/c.py:1:def one(): pass
    "#]],
    );
    check(&root, "search", json!({"pattern": "nowhere"}), expect!["yes: [no match]"]);
    check(
        &root,
        "search",
        json!({"pattern": "("}),
        expect![[r#"
        no: the argument "pattern" is no regular expression for one line: regex parse error:
            (?:()
            ^
        error: unclosed group; escape special signs with \"#]],
    );
    check(
        &root,
        "search",
        json!({"pattern": "a\nb"}),
        expect![[
            r#"no: the argument "pattern" is no regular expression for one line: the literal "\n" is not allowed in a regex; escape special signs with \"#
        ]],
    );
    check(
        &root,
        "search",
        json!({"pattern": "a", "glob": "{"}),
        expect![[
            r#"no: the argument "glob" is no glob: error parsing glob '**/{': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?); use one such as *.rs"#
        ]],
    );
}

#[test]
fn a_line_too_long_to_hold_is_skipped_and_named() {
    let root = folder(&[("b", "needle\n")]);
    fs::write(root.path().join("a"), vec![b'x'; 40 * 1024 * 1024]).unwrap();
    let said = says(root.path(), "search", &json!({"pattern": "needle"}));
    assert!(said.contains("[a was skipped: ") && said.contains("b:1:needle"), "{said}");
}

#[test]
fn edit_replaces_exactly_one_place_or_says_why_not() {
    let root = folder(&[("a", "one\ntwo\ntwo\n    three(1)\n"), ("dos", "a\r\nb\r\nc\r\n"), ("aaa", "aaaa")]);
    check(&root, "edit", json!({"path": "a", "old": "one", "new": "1"}), expect!["yes: edited a at line 1"]);
    check(
        &root,
        "edit",
        json!({"path": "a", "old": "two", "new": "2"}),
        expect![[r#"no: "old" occurs 2 times in a (lines 2, 3); give more of the lines around the one you mean, or set all"#]],
    );
    check(
        &root,
        "edit",
        json!({"path": "a", "old": "two", "new": "2", "all": true}),
        expect!["yes: edited a at 2 places, the first at line 2"],
    );
    check(
        &root,
        "edit",
        json!({"path": "a", "old": "2\nthree(1)", "new": "x"}),
        expect![[r#"
        no: "old" does not occur in a; only blanks at the ends of lines differ from:
        3	2
        4	    three(1)"#]],
    );
    check(
        &root,
        "edit",
        json!({"path": "a", "old": "three(2)", "new": "x"}),
        expect![[r#"
        no: "old" does not occur in a; the closest is:
        4	    three(1)"#]],
    );
    check(
        &root,
        "edit",
        json!({"path": "a", "old": "quite another thing", "new": "x"}),
        expect![[r#"no: "old" does not occur in a; no line is close to it; read the file and copy the text from there"#]],
    );
    check(
        &root,
        "edit",
        json!({"path": "a", "old": "", "new": "x"}),
        expect![[r#"no: the argument "old" is empty; give the text to replace, or use write for a whole file"#]],
    );
    check(
        &root,
        "edit",
        json!({"path": "a", "old": "x", "new": "x"}),
        expect![[r#"no: the arguments "old" and "new" are the same; nothing would change"#]],
    );
    check(
        &root,
        "edit",
        json!({"path": "none", "old": "x", "new": "y"}),
        expect![[r#"no: there is no "none"; use list or search to find the right path"#]],
    );
    check(&root, "edit", json!({"path": "dos", "old": "a\nb", "new": "x\ny\nz"}), expect!["yes: edited dos at line 1"]);
    check(
        &root,
        "edit",
        json!({"path": "aaa", "old": "aaa", "new": "b"}),
        expect![[r#"no: "old" occurs 2 times in aaa (lines 1, 1); give more of the lines around the one you mean, or set all"#]],
    );
    check(
        &root,
        "edit",
        json!({"path": "aaa", "old": "aa", "new": "b", "all": true}),
        expect!["yes: edited aaa at 2 places, the first at line 1"],
    );
    let held = |name: &str| fs::read_to_string(root.path().join(name)).unwrap();
    expect!["1\n2\n2\n    three(1)\n|x\r\ny\r\nz\r\nc\r\n|bb"].assert_eq(&format!("{}|{}|{}", held("a"), held("dos"), held("aaa")));
}

#[test]
fn edit_keeps_mode_and_bytes_that_are_no_text() {
    let root = folder(&[]);
    let path = root.path().join("run.sh");
    fs::write(&path, b"caf\xe9 old\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o751)).unwrap();
    check(&root, "edit", json!({"path": "run.sh", "old": "old", "new": "new"}), expect!["yes: edited run.sh at line 1"]);
    assert_eq!(fs::read(&path).unwrap(), b"caf\xe9 new\n");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o751);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn write_makes_folders_and_replaces_whole_files() {
    let root = folder(&[("a", "old")]);
    check(&root, "write", json!({"path": "x/y/z", "content": "1\n2\n"}), expect!["yes: made x/y/z: 2 lines, 4 bytes"]);
    check(&root, "write", json!({"path": "a", "content": "new"}), expect!["yes: replaced a: 1 lines, 3 bytes"]);
    check(&root, "write", json!({"path": "a", "content": "new"}), expect!["yes: a already holds exactly that"]);
    check(&root, "write", json!({"path": "x", "content": "new"}), expect!["no: x is a folder or no regular file; use another path"]);
    check(
        &root,
        "write",
        json!({"path": "a/b", "content": "new"}),
        expect![[r#"no: "a/b" cannot be followed (Not a directory (os error 20)); use another path"#]],
    );
    check(
        &root,
        "write",
        json!({"path": "new/../../b", "content": "new"}),
        expect![[r#"no: "new/../../b" goes up from a folder that is not there; leave out "..""#]],
    );
    check(
        &root,
        "write",
        json!({"path": "n".repeat(300), "content": "new"}),
        expect![[
            r#"no: "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" cannot be followed (File name too long (os error 36)); use another path"#
        ]],
    );
    assert_eq!(fs::read_to_string(root.path().join("x/y/z")).unwrap(), "1\n2\n");
    let mode = root.path().join("x/y/z").metadata().unwrap().permissions().mode();
    assert_ne!(mode & 0o044, 0, "a new file is as readable as the umask allows");
}

#[test]
fn a_cancelled_or_late_call_ends_as_a_fault() {
    let root = folder(&[("a", "x\n")]);
    let cancel = Cancel::default();
    let late =
        Invocation { root: root.path(), tool: "search", args: br#"{"pattern":"x"}"#, timeout: Duration::ZERO, cancel: &cancel, code: None };
    assert_eq!(invoke(&late), Err(Fault::TimedOut));
    cancel.cancel();
    assert_eq!(invoke(&Invocation { timeout: Duration::from_secs(9), ..late }), Err(Fault::Cancelled));
}
