//! A model mends a broken project: the right diff, and a checkout that nothing but an import touches.

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Call, Part, Reply, Scenario, Scripted};
use serde_json::json;

use super::models::{mends_cargo, mends_pytest, slowly};
use super::naestro::{Done, Naestro, is, says};
use super::python;

const CARGO: [&str; 7] = ["orchestrate", "make the tests pass", "--mode", "auto", "--accept", "cargo test --offline", "--json"];
const PYTEST: [&str; 7] = ["orchestrate", "make the tests pass", "--mode", "auto", "--accept", "python3 -m pytest -q", "--json"];

const RUST_DIFF: &str = "\
@@ -2,7 +2,7 @@
 
 /// The sum of both.
 pub fn add(a: i32, b: i32) -> i32 {
-    a - b
+    a + b
 }
 
 #[test]
";

#[track_caller]
fn mended(project: &Project, done: &Done, path: &str, hunk: &str) {
    let (file, diff) = done.diff();
    assert!(project.takes(&file), "git cannot apply:\n{diff}");
    says(&diff, &[&format!("diff --git a/{path} b/{path}\n"), &format!("--- a/{path}\n+++ b/{path}\n{hunk}")]);
    assert_eq!(diff.matches("\n+++ ").count(), 1, "another file changed:\n{diff}");
    assert_eq!(done.finished()["outcome"], "succeeded", "{}", done.out);
    says(&done.receipts().join("\n"), &[&format!("edit {path}: succeeded"), "succeeded"]);
    assert_eq!(done.finished()["cost"]["model_calls"], 3);
    assert_eq!(done.finished()["cost"]["tokens"], 960);
}

#[test]
fn a_cargo_project_is_mended_and_the_checkout_is_untouched() {
    let project = Project::broken_cargo();
    let model = Scripted::spawn(mends_cargo());
    let naestro = Naestro::new(&project).model(&model);
    let before = project.files();
    let done = naestro.run(CARGO).exits(0);
    mended(&project, &done, "src/lib.rs", RUST_DIFF);
    says(&done.receipts().join("\n"), &["check `cargo test --offline`: succeeded"]);
    assert_eq!(project.files(), before);
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    assert_eq!(model.chats().len(), 3);
}

#[test]
fn with_apply_the_checkout_has_the_result() {
    let project = Project::broken_cargo();
    let model = Scripted::spawn(mends_cargo());
    let naestro = Naestro::new(&project).model(&model);
    let mut expected = project.files();
    let mended = expected["src/lib.rs"].replace("a - b", "a + b");
    expected.insert("src/lib.rs".to_owned(), mended);
    let done = naestro.run(CARGO.into_iter().chain(["--apply"])).exits(0);
    says(&done.receipts().join("\n"), &["import 1 file into the checkout: succeeded"]);
    assert_eq!(project.files(), expected);
    assert_eq!(project.git(&["status", "--porcelain"]), " M src/lib.rs\n");
}

#[test]
fn a_pytest_project_is_mended_too() {
    let Some(path) = python::with_pytest() else { return };
    let project = Project::broken_pytest();
    let model = Scripted::spawn(mends_pytest());
    let naestro = Naestro::new(&project).model(&model).with("PATH", &path);
    let before = project.files();
    let done = naestro.run(PYTEST).exits(0);
    mended(&project, &done, "sums.py", "@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n");
    assert_eq!(project.files(), before);
    let done = naestro.run(PYTEST.into_iter().chain(["--apply"])).exits(0);
    assert_eq!(done.finished()["outcome"], "succeeded");
    says(&project.read("sums.py"), &["return a + b"]);
}

/// The user goes on working while the run does: neither harms the other.
#[test]
fn edits_made_meanwhile_and_the_run_do_not_harm_each_other() {
    let project = Project::broken_cargo();
    let model = Scripted::spawn(slowly(mends_cargo(), 150));
    let naestro = Naestro::new(&project).model(&model);
    let mut going = naestro.start(CARGO);
    going.until(is("workspace"));
    // What the run is about to edit, in place; and another file, saved as editors do.
    project.write("src/lib.rs", "this is no Rust at all, and no a - b is left alone\n");
    project.save("NOTES.md", "The user's own words.\n");
    going.until(|update| update["type"] == "call" && update["label"] == "edit src/lib.rs" && update["state"] == "succeeded");
    project.save("src/other.rs", "compile_error!(\"not in the run\");\n");
    let done = going.finish().exits(0);
    assert_eq!(done.finished()["outcome"], "succeeded");
    let (_, diff) = done.diff();
    says(&diff, &[RUST_DIFF]);
    assert!(!diff.contains("NOTES.md") && !diff.contains("other.rs"), "{diff}");
    assert_eq!(project.read("src/lib.rs"), "this is no Rust at all, and no a - b is left alone\n");
    assert_eq!(project.read("NOTES.md"), "The user's own words.\n");
}

/// An import never overwrites what the user did meanwhile.
#[test]
fn an_import_into_a_file_that_was_changed_meanwhile_is_refused_as_a_whole() {
    let project = Project::broken_cargo();
    let mut scenario = slowly(mends_cargo(), 100);
    scenario.replies.insert(2, Reply::call("write", json!({ "path": "ADDED.md", "content": "new\n" })));
    let model = Scripted::spawn(scenario);
    let naestro = Naestro::new(&project).model(&model);
    let mut going = naestro.start(CARGO.into_iter().chain(["--apply"]));
    going.until(is("workspace"));
    project.write("src/lib.rs", "// the user's\n");
    let done = going.finish();
    assert_ne!(done.finished()["outcome"], "succeeded", "{}", done.out);
    assert_ne!(done.code, 0);
    says(&done.out, &["src/lib.rs"]);
    assert_eq!(project.read("src/lib.rs"), "// the user's\n");
    assert!(!project.root().join("ADDED.md").exists(), "half an import");
    let (_, diff) = done.diff();
    says(&diff, &[RUST_DIFF, "+++ b/ADDED.md"]);
}

/// What changed before the run began belongs to its base, committed or not.
#[test]
fn uncommitted_work_is_part_of_what_the_run_sees() {
    let project = Project::broken_cargo();
    let lib = project.read("src/lib.rs");
    project.write("src/lib.rs", &lib.replace("/// The sum of both.", "/// The sum of the two."));
    project.write("untracked.md", "not yet committed\n");
    let model = Scripted::spawn(Scenario::of([
        Reply::of([
            Part::Call(Call { name: "read".into(), args: json!({ "path": "untracked.md" }), ..Call::default() }),
            Part::Call(Call {
                name: "edit".into(),
                args: json!({ "path": "src/lib.rs", "old": "a - b", "new": "a + b" }),
                ..Call::default()
            }),
        ]),
        Reply::text("Done."),
    ]));
    let naestro = Naestro::new(&project).model(&model);
    let done = naestro.run(CARGO).exits(0);
    let (file, diff) = done.diff();
    assert!(project.takes(&file), "{diff}");
    says(&diff, &[" /// The sum of the two."]);
    says(&model.chats()[1]["messages"].to_string(), &["not yet committed"]);
}

#[test]
fn an_agent_that_says_done_too_early_hears_why_and_goes_on() {
    let project = Project::broken_cargo();
    let mut scenario = mends_cargo();
    scenario.replies.insert(0, Reply::text("It looks fine to me."));
    let model = Scripted::spawn(scenario);
    let naestro = Naestro::new(&project).model(&model);
    let done = naestro.run(CARGO).exits(0);
    says(&done.diff().1, &[RUST_DIFF]);
    let fed_back = model.chats()[1]["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(fed_back["role"], "user");
    says(&fed_back["content"].to_string(), &["cargo test --offline", "does not pass yet", "panicked at src/lib.rs", "FAILED"]);
    let checks: Vec<_> = done.receipts().into_iter().filter(|receipt| receipt.starts_with("check")).collect();
    assert_eq!(checks, ["check `cargo test --offline`: failed", "check `cargo test --offline`: succeeded"]);
}

#[test]
fn an_agent_that_never_mends_it_fails_in_the_end() {
    let project = Project::broken_cargo();
    let model = Scripted::spawn(Scenario::always(Reply::text("It looks fine to me.")));
    let naestro = Naestro::new(&project).model(&model);
    let done = naestro.run(["orchestrate", "make the tests pass", "--mode", "auto", "--accept", "test -e never", "--json"]).exits(1);
    assert_eq!(done.finished()["outcome"], "failed");
    assert!(model.chats().len() <= 50, "{} calls, more than the turns an agent has", model.chats().len());
}
