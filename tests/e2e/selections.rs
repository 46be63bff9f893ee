//! The command `test`: which tests are chosen and why, what each came to, and what is the likeliest cause of a failure.

use naestro_tests::projects::Project;
use serde_json::Value;

use super::naestro::{Done, Naestro, says, text};

/// The report of a run that tested.
#[track_caller]
fn report(done: &Done) -> &Value {
    let reports = done.of("tests");
    assert_eq!(reports.len(), 1, "{}\n{}", done.out, done.err);
    &reports[0]["report"]
}

/// The tests of the report in that state, by the last part of their name.
fn tests(report: &Value, state: &str) -> Vec<String> {
    let tests = report["tests"].as_array().unwrap_or_else(|| panic!("{report}"));
    let mut names: Vec<String> = tests
        .iter()
        .filter(|test| test["state"] == state)
        .map(|test| text(&test["id"]).rsplit("::").next().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    names
}

/// The test whose name ends so.
fn test<'a>(report: &'a Value, name: &str) -> &'a Value {
    let tests = report["tests"].as_array().unwrap_or_else(|| panic!("{report}"));
    tests.iter().find(|test| text(&test["id"]).ends_with(name)).unwrap_or_else(|| panic!("no {name} in {report}"))
}

fn edit(project: &Project, path: &str, old: &str, new: &str) {
    let before = project.read(path);
    assert!(before.contains(old));
    project.write(path, &before.replace(old, new));
}

/// Only the tests from which the changed function can be reached are run, and each says by which way.
#[test]
fn only_tests_that_reach_the_change_are_run() {
    let project = Project::shop();
    edit(&project, "src/price.rs", "net + tax(net)", "tax(net) + net");
    let naestro = Naestro::new(&project);
    let done = naestro.run(["test", "--json"]).exits(0);
    let report = report(&done);
    assert_eq!(tests(report, "passed"), ["every_piece_counts", "tax_is_added"]);
    says(&text(&test(report, "every_piece_counts")["reason"]), &["worth", "gross"]);
    assert_eq!(report["changed"][0]["name"], "gross");
    assert_eq!(report["known"], 4);
    says(&text(&done.finished()["summary"]), &["2 passed"]);
}

#[test]
fn all_named_and_listed_tests_are_what_is_asked_for() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let all = naestro.run(["test", "--all", "--json"]).exits(0);
    assert_eq!(tests(report(&all), "passed"), ["a_fifth_is_tax", "every_piece_counts", "nothing_is_empty", "tax_is_added"]);
    let named = naestro.run(["test", "nothing_is_empty", "--json"]).exits(0);
    assert_eq!(tests(report(&named), "passed"), ["nothing_is_empty"]);
    let listed = naestro.run(["test", "--all", "--list", "--json"]).exits(0);
    assert_eq!(tests(report(&listed), "listed").len(), 4, "{}", listed.out);
    assert_eq!(tests(report(&listed), "passed"), Vec::<String>::new());
    edit(&project, "src/stock.rs", "pieces == 0", "0 == pieces");
    let affected = naestro.run(["test", "--list", "--json"]).exits(0);
    assert_eq!(tests(report(&affected), "listed"), ["nothing_is_empty"]);
}

#[test]
fn a_revision_to_compare_with_can_be_given() {
    let project = Project::shop();
    edit(&project, "src/stock.rs", "pieces == 0", "0 == pieces");
    project.commit("Zero first");
    project.write("NOTES.md", "Nothing else.\n");
    project.commit("Notes");
    let naestro = Naestro::new(&project);
    let done = naestro.run(["test", "--since", "HEAD~2", "--json"]).exits(0);
    assert_eq!(tests(report(&done), "passed"), ["nothing_is_empty"]);
}

/// What cannot be reasoned about runs everything, and says why.
#[test]
fn a_change_of_the_build_widens_the_selection() {
    let project = Project::shop();
    edit(&project, "Cargo.toml", "edition = \"2024\"", "edition = \"2021\"");
    let naestro = Naestro::new(&project);
    let done = naestro.run(["test", "--json"]).exits(0);
    let report = report(&done);
    assert_eq!(tests(report, "passed").len(), 4);
    assert_eq!(report["widened"][0]["file"], "Cargo.toml");
    assert!(!text(&report["widened"][0]["reason"]).is_empty());
}

#[test]
fn a_failure_is_told_with_its_place_its_operands_and_its_likeliest_cause() {
    let project = Project::shop();
    edit(&project, "src/price.rs", "net / 5", "net / 4");
    let naestro = Naestro::new(&project);
    let done = naestro.run(["orchestrate", "--recipe", "check", "--json"]).exits(1);
    let report = report(&done);
    let failed = test(report, "a_fifth_is_tax");
    assert_eq!((&failed["state"], &failed["expected"], &failed["actual"]), (&"failed".into(), &"20".into(), &"25".into()), "{failed}");
    says(&text(&failed["place"]), &["src/price.rs:"]);
    says(&text(&failed["cause"]), &["tax", "src/price.rs"]);
    says(&text(&done.finished()["summary"]), &["a_fifth_is_tax", "likeliest cause", "tax"]);
}

/// A test that fails once and then passes is flaky, and is named so.
#[test]
fn a_flaky_test_is_no_failure_and_no_success() {
    let project = Project::shop();
    let once = "    #[test]\n    fn fails_once() {\n        let mark = std::env::temp_dir().join(\"MARK\");\n        \
                let first = !mark.exists();\n        std::fs::write(&mark, \"\").unwrap();\n        assert!(!first);\n    }\n";
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let once = once.replace("std::env::temp_dir().join(\"MARK\")", &format!("std::path::PathBuf::from({:?})", mark.to_string_lossy()));
    edit(&project, "src/stock.rs", "    #[test]\n    fn nothing_is_empty", &format!("{once}\n    #[test]\n    fn nothing_is_empty"));
    let naestro = Naestro::new(&project);
    let done = naestro.run(["test", "fails_once", "--retries", "2", "--json"]);
    let report = report(&done);
    assert_eq!(tests(report, "flaky"), ["fails_once"], "{report}");
    says(&text(&done.finished()["summary"]), &["flaky"]);
}

#[test]
fn a_test_can_be_repeated() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let done = naestro.run(["test", "nothing_is_empty", "--repeat", "3", "--json"]).exits(0);
    assert_eq!(test(report(&done), "nothing_is_empty")["attempts"], 3);
}

#[test]
fn a_selector_of_nothing_says_so() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let done = naestro.run(["test", "no_such_test_anywhere", "--json"]);
    says(&done.out, &["no_such_test_anywhere"]);
    assert_ne!(done.code, 0, "nothing was tested");
}

/// The user's own command runs a package's tests where the configuration says so.
#[test]
fn a_configured_runner_is_used() {
    let project = Project::shop();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "[test.runners]\nshop = [\"sh\", \"-c\", \"echo 1..1; echo ran-my-runner; exit 3\"]\n").unwrap();
    let naestro = Naestro::new(&project).with("NAESTRO_CONFIG", &config.to_string_lossy());
    let done = naestro.run(["test", "--all", "--json"]).exits(1);
    says(&done.out, &["ran-my-runner"]);
}
