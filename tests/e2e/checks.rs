//! The recipe `check` and the command `test`: what changed, which packages that concerns, and their tests.

use naestro_tests::projects::Project;
use serde_json::{Value, json};

use super::naestro::{Done, Naestro, says, text};
use super::python;

const CHECK: [&str; 4] = ["orchestrate", "--recipe", "check", "--json"];

/// The packages in the report by name, each with its state.
fn states(done: &Done) -> Vec<(String, String)> {
    let summary = text(&done.finished()["summary"]);
    let known = ["lower", "upper", "apart", "sums"];
    let lines = summary.lines().filter_map(|line| {
        let (name, rest) = line.trim_start().split_once(' ')?;
        let state = if rest.contains("not run") {
            "not run"
        } else if rest.contains(" 0 failed") {
            "passed"
        } else {
            "failed"
        };
        (line.starts_with("  ") && known.contains(&name)).then(|| (name.to_owned(), state.to_owned()))
    });
    lines.collect()
}

fn named(states: &[(&str, &str)]) -> Vec<(String, String)> {
    states.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn only_what_changed_and_what_depends_on_it_is_tested() {
    let project = Project::cargo_workspace();
    let lib = project.read("lower/src/lib.rs");
    project.write("lower/src/lib.rs", &lib.replace("{ 2 }", "{ 1 + 1 }"));
    let naestro = Naestro::new(&project);
    let done = naestro.run(CHECK).exits(0);
    assert_eq!(states(&done), named(&[("lower", "passed"), ("upper", "passed")]));
    assert_eq!(done.finished()["diff"], Value::Null, "a check changes nothing");
    assert_eq!(project.git(&["status", "--porcelain"]), " M lower/src/lib.rs\n");
}

#[test]
fn a_failing_test_is_named_with_its_place() {
    let project = Project::cargo_workspace();
    let lib = project.read("upper/src/lib.rs");
    project.write("upper/src/lib.rs", &lib.replace("2 * lower::two()", "3 * lower::two()"));
    let naestro = Naestro::new(&project);
    let done = naestro.run(CHECK).exits(1);
    assert_eq!(done.finished()["outcome"], "failed");
    says(&text(&done.finished()["summary"]), &["four_is_four", "upper/src/lib.rs:"]);
    assert_eq!(states(&done), named(&[("upper", "failed")]));
}

#[test]
fn with_nothing_changed_it_is_the_last_commit() {
    let project = Project::cargo_workspace();
    let lib = project.read("apart/src/lib.rs");
    project.write("apart/src/lib.rs", &lib.replace("{ 1 }", "{ 2 - 1 }"));
    project.commit("change apart");
    let naestro = Naestro::new(&project);
    let done = naestro.run(CHECK).exits(0);
    assert_eq!(states(&done), named(&[("apart", "passed")]));
    says(&done.out, &["the last commit"]);
}

#[test]
fn the_command_test_does_the_same_and_takes_a_revision() {
    let project = Project::cargo_workspace();
    let lib = project.read("lower/src/lib.rs");
    project.write("lower/src/lib.rs", &lib.replace("{ 2 }", "{ 1 + 1 }"));
    project.commit("change lower");
    project.write("apart/README.md", "Apart.\n");
    project.commit("describe apart");
    let naestro = Naestro::new(&project);
    let done = naestro.run(["test", "--since", "HEAD~2", "--json"]).exits(0);
    assert_eq!(states(&done), named(&[("lower", "passed"), ("upper", "passed")]));
    let done = naestro.run(["test", "--json"]).exits(0);
    says(&text(&done.finished()["summary"]), &["only documentation changed"]);
    let unknown = naestro.run(["test", "--since", "no-such-branch", "--json"]).exits(1);
    says(&text(&unknown.finished()["summary"]), &["no-such-branch"]);
}

#[test]
fn what_there_was_no_time_for_is_said() {
    let project = Project::cargo_workspace();
    let slow = "#[test]\nfn waits() {\n    std::thread::sleep(std::time::Duration::from_secs(60));\n}\n";
    project.write("lower/src/lib.rs", &format!("pub fn two() -> u32 {{ 2 }}\n\n{slow}"));
    let naestro = Naestro::new(&project);
    let done = naestro.run(["test", "--wall", "5s", "--json"]);
    assert_ne!(done.code, 0, "{}", done.out);
    let summary = text(&done.finished()["summary"]);
    assert!(summary.contains("not run") || summary.contains("not finished"), "{summary}");
    says(&summary, &["lower"]);
}

#[test]
fn a_python_project_is_checked_by_pytest() {
    let Some(path) = python::with_pytest() else { return };
    let project = Project::broken_pytest();
    let naestro = Naestro::new(&project).with("PATH", &path);
    let done = naestro.run(CHECK).exits(1);
    says(&text(&done.finished()["summary"]), &["test_adds", "test_sums.py:"]);
    project.write("sums.py", "def add(a, b):\n    return a + b\n");
    let done = naestro.run(CHECK).exits(0);
    assert_eq!(states(&done), named(&[("sums", "passed")]));
}

/// People see the plan, each step and the report; the report alone goes to standard output.
#[test]
fn a_person_sees_the_plan_and_the_report() {
    let project = Project::cargo_workspace();
    project.write("apart/src/lib.rs", "#[test]\nfn fine() {}\n");
    let naestro = Naestro::new(&project);
    let done = naestro.run(["orchestrate", "--recipe", "check"]).exits(0);
    says(&done.err, &["changes", "packages", "test"]);
    says(&done.out, &["apart", "1 passed"]);
    assert!(!done.out.contains('\u{1b}') && !done.err.contains('\u{1b}'), "colours where no terminal is");
}

/// A recipe can be taken as a template: the plan that is shown is one that can be given back.
#[test]
fn the_plan_that_is_shown_can_be_given_back() {
    let project = Project::cargo_workspace();
    project.write("apart/src/lib.rs", "#[test]\nfn fine() {}\n");
    let naestro = Naestro::new(&project);
    let done = naestro.run(CHECK).exits(0);
    let plan = done.of("plan")[0]["plan"].clone();
    project.write("plan.json", &json!(plan).to_string());
    project.commit("all of it");
    let done = naestro.run(["orchestrate", "--plan", "plan.json", "--json"]).exits(0);
    assert_eq!(done.of("plan")[0]["plan"], plan);
    assert_eq!(states(&done), named(&[("apart", "passed")]));
}
