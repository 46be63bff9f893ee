//! Runners that hang, print nonsense, are missing or kill themselves, and suites that are huge.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::super::tests::folder;
use super::super::libtest;
use super::{PASSES, call, packages, workspace};

/// A pytest project whose runner is this script instead.
fn with_runner(tag: &str, script: &str, more: &Value) -> (TempDir, Value) {
    let root = folder(&[
        ("p/pyproject.toml", &format!("[project]\nname = \"{tag}-p\"\n")),
        ("p/test_a.py", "def test_a(): pass\n"),
        ("run.sh", &format!("#!/bin/sh\n{script}\n")),
    ]);
    let run = root.path().join("run.sh");
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut args = packages(tag, &["p"]);
    args["runners"] = json!({ "p": [run.display().to_string()] });
    more.as_object().unwrap().iter().for_each(|(name, value)| args[name] = value.clone());
    (root, args)
}

#[test]
fn a_runner_that_hangs_is_ended_by_the_budget() {
    let (root, args) = with_runner("hangs", "sleep 600", &json!({"wall_s": 1}));
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.starts_with("incomplete: "), "{}", answer.text);
    assert_eq!(answer.data.unwrap()["packages"][0]["state"], json!("not_finished"));
}

#[test]
fn nonsense_is_never_called_passed() {
    let (root, args) = with_runner("nonsense", "head -c 100000 /dev/urandom; echo; echo 'words at the end'; exit 3", &json!({}));
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.contains("(the runner)") && answer.text.contains("words at the end"), "{}", answer.text);
}

#[test]
fn a_runner_that_kills_itself_is_a_failure_with_its_signal() {
    let (root, args) = with_runner("kills", "echo before; kill -KILL $$", &json!({}));
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.contains("ended by signal 9") && answer.text.contains("before"), "{}", answer.text);
}

#[test]
fn a_missing_runner_and_a_command_that_is_none_are_said() {
    let (root, mut args) = with_runner("missing", "", &json!({}));
    args["runners"] = json!({"p": ["no-such-program-anywhere"]});
    let answer = call(&root, &args, 60).unwrap();
    assert_eq!(answer.data.unwrap()["packages"][0]["state"], json!("missing"));
    for wrong in [json!([]), json!("x"), json!([1]), json!([""])] {
        args["runners"] = json!({ "p": wrong });
        let answer = call(&root, &args, 60).unwrap();
        assert_eq!(answer.text, "the command of \"p\" in \"runners\" must be a list of words that is not empty");
    }
}

#[test]
fn the_users_own_cargo_runs_the_tests() {
    let root = workspace("mine", PASSES, "", &[("cargo.sh", "#!/bin/sh\necho \"$1\" >> \"$(dirname \"$0\")/seen\"\nexec cargo \"$@\"\n")]);
    let run = root.path().join("cargo.sh");
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut args = packages("mine", &["good"]);
    args["runners"] = json!({ "mine-good": [run.display().to_string()] });
    assert!(call(&root, &args, 300).unwrap().ok);
    assert_eq!(std::fs::read_to_string(root.path().join("seen")).unwrap(), "test\ntest\n");
}

#[test]
fn the_options_of_the_users_own_command_are_kept() {
    let root = workspace("opts", "#[cfg(feature = \"more\")]\n#[test]\nfn more() {}\n", "", &[]);
    std::fs::write(root.path().join("good/Cargo.toml"), "[package]\nname = \"opts-good\"\nedition = \"2024\"\n[features]\nmore = []\n")
        .unwrap();
    let mut args = packages("opts", &["good"]);
    args["runners"] = json!({ "good": ["cargo", "test", "--features", "more"] });
    let answer = call(&root, &args, 300).unwrap();
    assert!(answer.ok && answer.text.starts_with("passed: 1 test passed"), "{}", answer.text);
    args["runners"] = json!({ "good": ["cargo", "test", "--", "--ignored"] });
    let answer = call(&root, &args, 300).unwrap();
    assert!(!answer.ok && answer.text.contains("must not hold \"--\""), "{}", answer.text);
}

#[test]
fn a_runner_that_says_nothing_and_ends_well_has_run_nothing() {
    let (root, args) = with_runner("silent", "echo 'all is well'", &json!({}));
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.starts_with("incomplete: ") && answer.text.contains("all is well"), "{}", answer.text);
}

#[test]
fn a_binary_of_tests_that_ends_well_before_its_tests_do_has_not_passed() {
    let root = workspace("exits", "#[test]\nfn leaves() { std::process::exit(0) }\n#[test]\nfn stays() {}\n", PASSES, &[]);
    let answer = call(&root, &packages("exits", &["good", "bad"]), 300).unwrap();
    assert!(!answer.ok && answer.text.contains("ended before its tests did"), "{}", answer.text);
}

#[test]
fn a_package_that_was_not_wholly_run_is_no_success_beside_one_that_passed() {
    let (root, mut args) = with_runner("beside", "sleep 600", &json!({"wall_s": 8}));
    let files = [("c/Cargo.toml", "[package]\nname = \"beside-c\"\nedition = \"2024\"\n"), ("c/src/lib.rs", PASSES)];
    for (path, text) in files {
        std::fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        std::fs::write(root.path().join(path), text).unwrap();
    }
    args["packages"] = packages("beside", &["c", "p"])["packages"].clone();
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.starts_with("incomplete: 1 not wholly run, 1 test passed"), "{}", answer.text);
}

#[test]
fn pytest_that_is_left_early_has_not_passed() {
    for leave in ["__import__('os')._exit(0)", "pytest.exit('enough', returncode=0)"] {
        let test = format!("import pytest\n\ndef test_a(): pass\ndef test_b(): {leave}\ndef test_c(): assert False\n");
        let root = folder(&[("p/pyproject.toml", "[project]\nname = \"left-p\"\n"), ("p/test_a.py", &test)]);
        let answer = call(&root, &packages("left", &["p"]), 60).unwrap();
        if answer.text.contains("is not installed") {
            eprintln!("SKIPPED: {}", answer.text);
            return;
        }
        assert!(!answer.ok && answer.text.starts_with("incomplete: "), "{leave}: {}", answer.text);
    }
}

#[test]
fn a_test_that_fails_once_does_not_have_the_rest_left_out() {
    let test = "import os, pathlib\n\ndef test_a():\n    seen = pathlib.Path('seen')\n    before = seen.exists()\n    seen.touch()\n    assert before\n\ndef test_b(): assert False\n";
    let project = "[project]\nname = \"first-p\"\n[tool.pytest.ini_options]\naddopts = \"-x\"\n";
    let root = folder(&[("p/pyproject.toml", project), ("p/test_a.py", test)]);
    let answer = call(&root, &packages("first", &["p"]), 60).unwrap();
    if answer.text.contains("is not installed") {
        eprintln!("SKIPPED: {}", answer.text);
        return;
    }
    assert!(!answer.ok && answer.text.contains("failed: first-p test_a.py::test_b"), "{}", answer.text);
}

#[test]
fn the_words_of_a_huge_suite_are_read_in_time() {
    let mut output = String::from("     Running unittests src/lib.rs (target/debug/deps/huge-0)\n\nrunning 20000 tests\n");
    for at in 0..20_000 {
        writeln!(output, "test m::t{at} ... {}", if at % 2 == 0 { "ok" } else { "FAILED" }).unwrap();
    }
    output.push_str("\nfailures:\n\n");
    for at in (1..20_000).step_by(2) {
        writeln!(output, "---- m::t{at} stdout ----\n\nthread 'm::t{at}' panicked at src/lib.rs:3:9:\nno\n").unwrap();
    }
    output.push_str("test result: FAILED. 10000 passed; 10000 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n");
    let begun = std::time::Instant::now();
    let sections = libtest::sections(&output);
    assert_eq!((sections[0].cases.len(), sections[0].unnamed), (20_000, 0));
    assert_eq!(sections[0].cases[19_999].place.as_deref(), Some("src/lib.rs:3"));
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

#[test]
fn a_pytest_suite_of_twenty_thousand_tests_is_selected_and_run_in_time() {
    let mut tests = String::from("import pytest\n\n");
    for at in 0..200 {
        writeln!(tests, "@pytest.mark.parametrize('x', range(100))\ndef test_{at}(x): pass\n").unwrap();
    }
    let root = folder(&[("p/pyproject.toml", "[project]\nname = \"huge-p\"\n"), ("p/test_a.py", &tests)]);
    let names: Vec<Value> = (0..200).map(|at| json!(["p/test_a.py", [format!("test_{at}")]])).collect();
    let picks = (0..20).map(|at| json!({"path": "p/test_a.py", "name": [format!("test_{at}")], "line": 1, "reason": "r", "causes": []}));
    let mut args = packages("huge", &["p"]);
    args["affected"] = json!({"changed": [], "tests": picks.collect::<Vec<_>>(), "widened": [], "known": 200, "names": names, "files": []});
    let answer = call(&root, &args, 300).unwrap();
    if answer.text.contains("is not installed") {
        eprintln!("SKIPPED: {}", answer.text);
        return;
    }
    let data = answer.data.unwrap();
    assert_eq!((&data["packages"][0]["passed"], data["tests"].as_array().unwrap().len()), (&json!(2_000), 2_000), "{}", answer.text);
    eprintln!("2000 of 20000 tests: {} s", data["seconds"]);
}

/// A project of pytest with these files, or nothing where pytest is not installed.
fn python(tag: &str, files: &[(&str, &str)]) -> Option<TempDir> {
    let root = folder(&[&[("p/pyproject.toml", &*format!("[project]\nname = \"{tag}-p\"\n"))], files].concat());
    let mut args = packages(tag, &["p"]);
    args["list"] = true.into();
    let answer = call(&root, &args, 60).unwrap();
    if answer.text.contains("is not installed") {
        eprintln!("SKIPPED: {}", answer.text);
        return None;
    }
    Some(root)
}

#[test]
fn a_test_that_ends_the_run_is_named_and_the_rest_has_no_result() {
    let test = "import os\n\ndef test_a(): pass\ndef test_exit(): os._exit(0)\ndef test_c(): pass\n";
    let Some(root) = python("middle", &[("p/test_a.py", test)]) else { return };
    let mut args = packages("middle", &["p"]);
    let answer = call(&root, &args, 60).unwrap();
    let words = "the run ended in the middle of test_a.py::test_exit, with status 0; 2 tests have no result";
    assert!(!answer.ok && answer.text.contains(words), "{}", answer.text);
    args["select"] = json!(["test_exit"]);
    let answer = call(&root, &args, 60).unwrap();
    let words = "the run ended in the middle of test_a.py::test_exit, with status 0; 1 test has no result";
    assert!(!answer.ok && answer.text.starts_with("incomplete: ") && answer.text.contains(words), "{}", answer.text);
}

#[test]
fn a_test_that_hangs_is_named() {
    let Some(root) = python("hang", &[("p/test_a.py", "import time\n\ndef test_a(): pass\ndef test_hang(): time.sleep(600)\n")]) else {
        return;
    };
    let mut args = packages("hang", &["p"]);
    args["wall_s"] = 3.into();
    let answer = call(&root, &args, 60).unwrap();
    let words = "the budget ended while this was running: test_a.py::test_hang; 1 test has no result";
    assert!(!answer.ok && answer.text.contains(words), "{}", answer.text);
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_being_run() {
    let files = [("p/test_a.py", "def test_add(): pass\n"), ("p/test_b.py", "import nothing_of_that_name\n\ndef test_b(): pass\n")];
    let Some(root) = python("sibling", &files) else { return };
    let mut args = packages("sibling", &["p"]);
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.contains("1 passed    1 failed"), "{}", answer.text);
    args["select"] = json!(["test_add"]);
    let answer = call(&root, &args, 60).unwrap();
    let unknown = "test_b.py could not be read, so its tests are not known (ModuleNotFoundError: No module named 'nothing_of_that_name')";
    assert!(answer.ok && answer.text.starts_with("passed: 1 test passed") && answer.text.contains(unknown), "{}", answer.text);
    args["select"] = json!(["test_zzz"]);
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.contains("no test matches \"test_zzz\"") && answer.text.contains(unknown), "{}", answer.text);
    args["select"] = json!([]);
    args["list"] = true.into();
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.contains("test_a.py::test_add") && answer.text.contains(unknown), "{}", answer.text);
}

#[test]
fn a_line_of_a_file_chooses_the_test_around_it() {
    let Some(root) = python("line", &[("p/test_a.py", "def test_a():\n    pass\n\ndef test_b():\n    x = 1\n    assert x\n")]) else {
        return;
    };
    let mut args = packages("line", &["p"]);
    for (line, expect) in [("p/test_a.py:5", "test_a.py::test_b"), ("p/test_a.py:2", "test_a.py::test_a")] {
        args["select"] = json!([line]);
        let tests = call(&root, &args, 60).unwrap().data.unwrap()["tests"].clone();
        assert_eq!((tests.as_array().unwrap().len(), &tests[0]["id"]), (1, &json!(expect)), "{line}");
    }
}

#[test]
fn a_file_of_node_that_leaves_before_its_tests_end_has_not_passed() {
    if super::super::located(std::path::Path::new("/"), vec!["node".into()]).is_none() {
        eprintln!("SKIPPED: node is not installed");
        return;
    }
    let late = "await new Promise((done) => setTimeout(done, 200));";
    let test = |pause: &str| {
        format!(
            "import test from 'node:test'\ntest('adds', () => {{}})\ntest('leaves', async () => {{ {pause} process.exit(0) }})\ntest('throws', () => {{ throw new Error('no') }})\n"
        )
    };
    let manifest = r#"{"name":"leaves-p","type":"module","scripts":{"test":"node --test"}}"#;
    for pause in ["", late] {
        let root = folder(&[("p/package.json", manifest), ("p/a.test.js", &test(pause)), ("p/b.test.js", "import 'node:assert'\n")]);
        let answer = call(&root, &packages("leaves", &["p"]), 60).unwrap();
        let words = "the run ended in the middle of a.test.js";
        assert!(!answer.ok && answer.text.starts_with("incomplete: ") && answer.text.contains(words), "{pause}: {}", answer.text);
    }
}

#[test]
fn a_test_of_node_that_hangs_is_named() {
    if super::super::located(std::path::Path::new("/"), vec!["node".into()]).is_none() {
        eprintln!("SKIPPED: node is not installed");
        return;
    }
    let test = "import test from 'node:test'\ntest('adds', () => {})\ntest('hangs', async () => { await new Promise((done) => setTimeout(done, 600000)) })\n";
    let manifest = r#"{"name":"hangs-p","type":"module","scripts":{"test":"node --test"}}"#;
    let root = folder(&[("p/package.json", manifest), ("p/a.test.js", test)]);
    let mut args = packages("hangs", &["p"]);
    args["wall_s"] = 3.into();
    let answer = call(&root, &args, 60).unwrap();
    let words = "the budget ended while this was running: a.test.js > hangs";
    assert!(!answer.ok && answer.text.contains(words), "{}", answer.text);
}

#[test]
fn a_runner_that_cannot_name_its_tests_says_so_and_names_those_that_are_known() {
    let root =
        folder(&[("p/pom.xml", "<project><artifactId>mute-p</artifactId></project>"), ("p/src/test/java/ATest.java", "class ATest {}")]);
    let mut args = packages("mute", &["p"]);
    args["list"] = true.into();
    let answer = call(&root, &args, 60).unwrap();
    let words = "maven cannot name its tests without running them; run it without --list to see them";
    assert!(answer.ok && answer.text.starts_with("listed: 0 tests named") && answer.text.contains(words), "{}", answer.text);
    let names = json!([["p/src/test/java/ATest.java", ["ATest", "holds"]]]);
    let widened = json!([{"file": "", "scope": "", "reason": "all may be affected"}]);
    args["affected"] = json!({"changed": [], "tests": [], "widened": widened, "known": 1, "names": names, "files": []});
    let answer = call(&root, &args, 60).unwrap();
    assert!(answer.ok && answer.text.contains("p/src/test/java/ATest.java::ATest::holds"), "{}", answer.text);
}

#[test]
fn a_test_is_not_called_missing_where_its_package_could_not_be_asked() {
    let (root, mut args) = with_runner("unasked", "", &json!({"select": ["test_a"]}));
    args["runners"] = json!({"p": ["no-such-program-anywhere"]});
    let answer = call(&root, &args, 60).unwrap();
    assert!(!answer.ok && answer.text.contains(" in unasked-p (") && answer.text.contains("could not be asked"), "{}", answer.text);
    assert!(!answer.text.contains("no test matches"), "{}", answer.text);
}
