//! Tests of real projects with real runners.

mod bad;
mod real;
mod selected;

use std::fs;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::tests::folder;
use super::super::{Answer, Cancel, Fault, Invocation, command, invoke};

/// What a library holds whose tests pass.
const PASSES: &str = "#[test]\nfn holds() {}\n#[test]\n#[ignore]\nfn later() {}\n";

/// A workspace of the packages `TAG-good` and `TAG-bad` with these libraries.
///
/// Every test has a tag of its own: where `CARGO_TARGET_DIR` is set, packages of one name would be built over each other.
fn workspace(tag: &str, good: &str, bad: &str, more: &[(&str, &str)]) -> TempDir {
    let manifest = |name: &str| format!("[package]\nname = \"{tag}-{name}\"\nedition = \"2024\"\n");
    let (one, two) = (manifest("good"), manifest("bad"));
    let root = "[workspace]\nresolver = \"3\"\nmembers = [\"good\", \"bad\"]\n";
    let files =
        [("Cargo.toml", root), ("good/Cargo.toml", &one), ("bad/Cargo.toml", &two), ("good/src/lib.rs", good), ("bad/src/lib.rs", bad)];
    folder(&[&files, more].concat())
}

fn call(root: &TempDir, args: &Value, timeout: u64) -> Result<Answer, Fault> {
    let args = args.to_string();
    let timeout = Duration::from_secs(timeout);
    invoke(&Invocation { root: root.path(), tool: "test", args: args.as_bytes(), timeout, cancel: &Cancel::default(), code: None })
}

/// Arguments that ask for these folders; the names are the folders' with `tag` before them.
fn packages(tag: &str, dirs: &[&str]) -> Value {
    let one = |dir: &&str| json!({"name": format!("{tag}-{dir}"), "dir": dir, "command": ["false"]});
    json!({"packages": {"packages": dirs.iter().map(one).collect::<Vec<_>>()}})
}

/// The report with times and the folder's name replaced.
#[track_caller]
fn check(root: &TempDir, args: &Value, expect: Expect) {
    let answer = call(root, args, 300).unwrap();
    let text = answer.text.replace(&root.path().canonicalize().unwrap().display().to_string(), "ROOT");
    let lines: Vec<String> = text.lines().map(|line| redacted(line.trim_end())).collect();
    expect.assert_eq(&format!("ok: {}\n{}", answer.ok, lines.join("\n")));
}

/// Seconds such as ` 0.1 s` become `T s`; cargo's hash at the end of a binary's name goes.
fn redacted(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let time = |at: usize| {
        words.get(at + 1).is_some_and(|next| next.trim_end_matches(')') == "s") && words[at].trim_start_matches('(').parse::<f64>().is_ok()
    };
    let shown = words.iter().enumerate().map(|(at, word)| if time(at) { if word.starts_with('(') { "(T" } else { "T" } } else { word });
    shown.collect::<Vec<_>>().join(" ").replace("    T s", " T s")
}

#[test]
fn a_failing_test_is_named_with_its_place_and_message() {
    let fails = "pub fn two() -> u32 { 3 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn two_is_two() {\n        assert_eq!(super::two(), 2, \"two\");\n    }\n    #[test]\n    fn says() -> Result<(), String> { Err(\"no\".into()) }\n    #[test]\n    #[should_panic]\n    fn panics() {}\n    #[test]\n    fn holds() {}\n}\n";
    let root = workspace("place", PASSES, fails, &[]);
    check(
        &root,
        &packages("place", &["good", "bad"]),
        expect![[r#"
            ok: false
            failed: 3 of 5 tests failed in 2 packages (T s)
              place-good     1 passed    0 failed    1 skipped  T s
              place-bad      1 passed    3 failed    0 skipped  T s

              failed: place-bad tests::panics
                  note: test did not panic as expected at bad/src/lib.rs:12:8

              failed: place-bad tests::says
                  Error: "no"

              failed: place-bad tests::two_is_two   at bad/src/lib.rs:6
                  assertion `left == right` failed: two
                    left: 3
                   right: 2
                  expected 2, got 3"#]],
    );
}

#[test]
fn a_package_that_does_not_build_does_not_keep_the_others_from_being_tested() {
    let root = workspace("build", PASSES, "pub fn x() -> u32 { \"no\" }\n", &[]);
    check(
        &root,
        &packages("build", &["bad", "good"]),
        expect![[r#"
            ok: false
            failed: 1 did not build, 1 test passed in 2 packages (T s)
              build-bad  did not build
              build-good     1 passed    0 failed    1 skipped  T s

              failed: build-bad build   at bad/src/lib.rs:1
                  error[E0308]: mismatched types
                   --> bad/src/lib.rs:1:21
                    |
                  1 | pub fn x() -> u32 { "no" }
                    |               ---   ^^^^ expected `u32`, found `&str`
                    |               |
                    |               expected `u32` because of return type

            build-bad: it does not compile; nothing of it was run"#]],
    );
}

#[test]
fn a_binary_that_ends_before_its_tests_do_has_failed() {
    let dies = "#[test]\nfn dies() { std::process::abort() }\n";
    let root = workspace("abort", PASSES, dies, &[("bad/tests/own.rs", "#[test]\nfn holds() {}\n")]);
    let answer = call(&root, &packages("abort", &["good", "bad"]), 300).unwrap();
    let data = answer.data.unwrap();
    assert!(!answer.ok);
    assert_eq!((&data["packages"][0]["state"], &data["packages"][1]["state"]), (&json!("passed"), &json!("failed")));
    assert_eq!((&data["packages"][1]["passed"], &data["packages"][1]["failed"]), (&json!(1), &json!(1)));
    assert!(answer.text.contains("abort_bad (ended before its tests did)") && answer.text.contains("SIGABRT"), "{}", answer.text);
}

#[test]
fn documentation_tests_and_targets_of_the_same_name_count_for_their_own_package() {
    let doc = "/// ```\n/// assert!(false);\n/// ```\npub fn shown() {}\n";
    let (one, two) = (("good/tests/main.rs", "#[test]\nfn one() {}\n"), ("bad/tests/main.rs", "#[test]\nfn two() { panic!(\"here\") }\n"));
    let root = workspace("same", doc, "", &[one, two]);
    let answer = call(&root, &packages("same", &["good", "bad"]), 300).unwrap();
    let data = answer.data.unwrap();
    let summary: Vec<String> = data["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let of = |test: &&Value| test["package"] == package["name"] && test["state"] == "failed";
            let tests: Vec<&str> = data["tests"].as_array().unwrap().iter().filter(of).map(|test| test["id"].as_str().unwrap()).collect();
            format!("{} {} {} {}", package["name"], package["passed"], package["failed"], tests.join(","))
        })
        .collect();
    expect![[r#"
        "same-good" 1 1 good/src/lib.rs - shown (line 1)
        "same-bad" 0 1 tests/main.rs::two"#]]
    .assert_eq(&summary.join("\n"));
}

#[test]
fn what_the_budget_cuts_short_is_not_called_passed() {
    let hangs = "#[test]\nfn hangs() { std::thread::sleep(std::time::Duration::from_secs(600)) }\n";
    let root = workspace("cut", PASSES, hangs, &[]);
    let built = command(root.path(), "cargo test --no-run", Duration::from_secs(300), &Cancel::default()).unwrap();
    assert_eq!(built.code, Some(0), "{}", built.output);
    let mut list = packages("cut", &["bad", "good"]);
    list["packages"]["packages"][1]["changed"] = json!(false);
    list["wall_s"] = json!(4);
    let answer = call(&root, &list, 300).unwrap();
    let data = answer.data.unwrap();
    assert_eq!((&data["packages"][0]["state"], &data["packages"][1]["state"]), (&json!("not_finished"), &json!("not_run")));
    assert!(answer.text.starts_with("incomplete: ") && !answer.ok, "{}", answer.text);
}

#[test]
fn a_projects_lock_file_stays_as_it_was_and_its_tests_know_that_they_run() {
    let tells = "#[test]\nfn tells() { std::fs::write(\"../seen\", std::env::var(\"NAESTRO_TESTING\").unwrap()).unwrap() }\n";
    let root = workspace("lock", PASSES, tells, &[]);
    assert!(call(&root, &packages("lock", &["bad"]), 300).unwrap().ok);
    assert!(!root.path().join("Cargo.lock").exists());
    let seen = fs::read_to_string(root.path().join("seen")).unwrap();
    assert!(super::lists(seen.as_ref(), &root.path().canonicalize().unwrap()));
    assert!(!super::lists(seen.as_ref(), std::path::Path::new("/")));
}

#[test]
fn a_harness_of_its_own_is_judged_by_how_it_ends() {
    let manifest = "[package]\nname = \"own-p\"\nedition = \"2024\"\n[[test]]\nname = \"own\"\nharness = false\n";
    let root = folder(&[("p/Cargo.toml", manifest), ("p/tests/own.rs", "fn main() { println!(\"no good\"); std::process::exit(1) }\n")]);
    let answer = call(&root, &packages("own", &["p"]), 300).unwrap();
    assert!(!answer.ok && answer.text.contains("own (a harness of its own)") && answer.text.contains("no good"), "{}", answer.text);
}

#[test]
fn what_is_not_here_and_what_is_misspelled_is_said() {
    let root = folder(&[]);
    check(
        &root,
        &packages("it", &["gone"]),
        expect![[r#"
            ok: false
            incomplete: 1 not wholly run, 0 tests passed in it-gone (T s)
              it-gone not run

            it-gone: it is not in this folder"#]],
    );
    check(
        &root,
        &json!({"packages": {"packages": [], "unowned": ["a.c"], "verdict": "nothing to test: no package owns a file that changed"}}),
        expect![[r#"
            ok: true
            nothing to test: no package owns a file that changed

            no package owns, so nothing tested: a.c"#]],
    );
    check(
        &root,
        &json!({"packages": {"packages": [{"name": 3}]}}),
        expect![[r#"
        ok: false
        the argument "packages" must hold "packages", a list of objects with "name" and "dir"; take the data of packages"#]],
    );
    check(
        &root,
        &json!({"packages": {}}),
        expect![[r#"
        ok: false
        the argument "packages" must hold "packages", a list of objects with "name" and "dir"; take the data of packages"#]],
    );
}

#[test]
fn a_manifest_cargo_refuses_is_a_failure_with_cargos_words() {
    let root = folder(&[("p/Cargo.toml", "[package]\nname = \"odd-p\"\nedition = \"1066\"\n"), ("p/src/lib.rs", "")]);
    let answer = call(&root, &packages("odd", &["p"]), 300).unwrap();
    assert!(!answer.ok && answer.text.contains("1066"), "{}", answer.text);
}

/// As where a crate's benchmarks pull in an older release of it.
#[test]
fn a_dependency_of_the_same_name_is_not_taken_for_the_package() {
    let manifest = "[package]\nname = \"twin\"\nversion = \"2.0.0\"\nedition = \"2024\"\n[dev-dependencies]\nolder = { package = \"twin\", path = \"../older\" }\n";
    let older = "[package]\nname = \"twin\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
    let lib = "/// ```\n/// assert_eq!(twin::two(), 2);\n/// ```\npub fn two() -> u32 { 2 }\n#[test]\nfn more() { assert!(older::one() < two()) }\n";
    let root = folder(&[
        ("new #2 é/Cargo.toml", manifest),
        ("new #2 é/src/lib.rs", lib),
        ("older/Cargo.toml", older),
        ("older/src/lib.rs", "pub fn one() -> u32 { 1 }\n#[test]\nfn fails() { panic!() }\n"),
    ]);
    check(
        &root,
        &json!({"packages": {"packages": [{"name": "twin", "dir": "new #2 é"}]}}),
        expect![[r#"
        ok: true
        passed: 2 tests passed in twin (T s)
          twin     2 passed    0 failed    0 skipped  T s"#]],
    );
}

#[test]
fn a_build_that_fails_is_told_from_its_first_error_on() {
    let root = folder(&[
        ("p/Cargo.toml", "[package]\nname = \"warned-p\"\nedition = \"2024\"\nunheard = 1\n"),
        ("p/src/lib.rs", ""),
        ("p/build.rs", "fn main() { std::process::exit(3) }\n"),
    ]);
    let answer = call(&root, &packages("warned", &["p"]), 300).unwrap();
    let data = answer.data.unwrap();
    let note = data["packages"][0]["note"].as_str().unwrap();
    assert!(note.starts_with("error: failed to run custom build command for `warned-p") && !note.contains("unheard"), "{note}");
}

#[test]
fn a_short_call_keeps_three_quarters_of_its_time_for_the_tests() {
    let begun = std::time::Instant::now();
    let left = |seconds: f64| (super::latest(begun, begun + Duration::from_secs_f64(seconds)) - begun).as_secs_f64();
    assert_eq!([1.0, 3.0, 120.0].map(left), [0.75, 2.25, 119.0]);
    assert_eq!(super::latest(begun, begun - Duration::from_millis(1)), begun);
}

#[test]
fn the_report_begins_with_what_was_compared_and_names_submodules() {
    let told =
        json!({"packages": [], "compared": "compared with HEAD~1: 1 file changed", "submodules": ["ws"], "verdict": "nothing to test"});
    check(
        &folder(&[]),
        &json!({"packages": told}),
        expect![[r#"
        ok: true
        compared with HEAD~1: 1 file changed
        nothing to test

        ws is a submodule: naestro test --workspace ws"#]],
    );
}

#[test]
fn nextest_is_used_where_the_project_does() {
    if super::located(std::path::Path::new("/"), vec!["cargo-nextest".into()]).is_none() {
        eprintln!("SKIPPED: cargo-nextest is not installed; get it with: cargo install --locked cargo-nextest");
        return;
    }
    let fails = "#[test]\nfn fails() {\n    assert_eq!(1, 2);\n}\n";
    let root = workspace("next", PASSES, fails, &[(".config/nextest.toml", "")]);
    check(
        &root,
        &packages("next", &["good", "bad"]),
        expect![[r#"
            ok: false
            failed: 1 of 2 tests failed in 2 packages (T s)
              next-good     1 passed    0 failed    1 skipped  T s
              next-bad      0 passed    1 failed    0 skipped  T s

              failed: next-bad fails   at bad/src/lib.rs:3
                  assertion `left == right` failed
                    left: 1
                   right: 2
                  expected 2, got 1"#]],
    );
}

#[test]
fn pytest_tells_failures_with_their_places() {
    let tests = "import pytest\n\ndef test_good():\n    pass\n\nclass TestIt:\n    def test_bad(self):\n        x = 1\n        assert x == 2\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n";
    let root = folder(&[("p/pyproject.toml", "[project]\nname = \"py-p\"\n"), ("p/tests/test_a.py", tests)]);
    let answer = call(&root, &packages("py", &["p"]), 300).unwrap();
    if answer.text.contains("is not installed") {
        assert!(!answer.ok && answer.text.starts_with("incomplete: "), "{}", answer.text);
        eprintln!("SKIPPED: {}", answer.text);
        return;
    }
    check(
        &root,
        &packages("py", &["p"]),
        expect![[r#"
            ok: false
            failed: 1 of 2 tests failed in py-p (T s)
              py-p     1 passed    1 failed    1 skipped  T s

              failed: py-p tests/test_a.py::TestIt::test_bad   at p/tests/test_a.py:9
                  assert 1 == 2
                  expected 2, got 1"#]],
    );
    assert!(!root.path().join("p/.pytest_cache").exists());
    let place = |text: &str| {
        fs::write(root.path().join("p/tests/test_a.py"), text).unwrap();
        let data = call(&root, &packages("py", &["p"]), 300).unwrap().data.unwrap();
        let failure = data["tests"][0].clone();
        (failure["place"].as_str().unwrap().to_owned(), failure["message"].as_str().unwrap().to_owned())
    };
    let (at, message) = place("\nimport nothing_of_that_name\n");
    assert!(at == "p/tests/test_a.py:2" && message.contains("nothing_of_that_name"), "{at}: {message}");
    let (at, message) = place("def test_a():\n    pass\n\ndef test_b(:\n");
    assert!(at == "p/tests/test_a.py:4" && message.contains("SyntaxError"), "{at}: {message}");
}
