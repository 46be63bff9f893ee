//! Bad input: each kind has a clear error with its hint, the process lives on, and nothing is lost.

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use serde_json::{Value, json};

use super::models;
use super::naestro::{Naestro, path, says};
use super::rpc::Rpc;

/// A process with a model, and one that still answers at the end.
fn with_rpc(project: &Project, test: impl FnOnce(&mut Rpc)) {
    let model = Scripted::spawn(models::says("Hm."));
    let naestro = Naestro::new(project).model(&model);
    let mut rpc = Rpc::start(&naestro);
    test(&mut rpc);
    let run = rpc.orchestrate(&json!({ "goal": "think", "workspace": path(project.root()) }));
    assert_eq!(rpc.finished(&run)["outcome"], "succeeded");
    let version = rpc.ask("naestro.version", &json!({}));
    assert_eq!(version["panics"], 0, "{version}");
    rpc.end().exits(0);
}

#[test]
fn lines_that_are_no_requests_are_answered_and_cost_nothing() {
    with_rpc(&Project::plain(), |rpc| {
        let check = |answer: Value, code: i32, parts: &[&str]| {
            assert_eq!(answer["error"]["code"], code, "{answer}");
            assert_eq!(answer["id"], Value::Null, "{answer}");
            says(&answer["error"].to_string(), parts);
        };
        check(rpc.raw("{this is no JSON"), -32700, &["invalid_input", "hints"]);
        check(rpc.raw("\u{0}\u{1}\u{2}"), -32700, &[]);
        check(rpc.raw("[]"), -32600, &[]);
        check(rpc.raw("42"), -32600, &[]);
        check(rpc.raw(r#"{"jsonrpc":"2.0","method":5}"#), -32600, &[]);
        check(rpc.raw(&"[".repeat(100_000)), -32600, &["nested deeper"]);
    });
}

#[test]
fn methods_and_fields_that_are_wrong_are_named() {
    with_rpc(&Project::plain(), |rpc| {
        let unknown = rpc.call("naestro.orchestarte", &json!({}));
        assert_eq!(unknown["error"]["code"], -32601);
        says(&unknown["error"].to_string(), &["naestro.orchestarte", "did you mean `naestro.orchestrate`"]);
        says(&rpc.fails("naestro.orchestrate", &json!({ "goal": "x" })), &["invalid_input", "workspace"]);
        says(&rpc.fails("naestro.orchestrate", &json!({ "gaol": "x", "workspace": "/" })), &["invalid_input", "gaol", "goal"]);
        says(&rpc.fails("naestro.orchestrate", &json!({ "goal": 5, "workspace": "/" })), &["invalid_input", "goal"]);
        says(&rpc.fails("naestro.orchestrate", &json!({ "goal": "x", "workspace": "/", "budget": { "tokens": -1 } })), &["budget.tokens"]);
        says(&rpc.fails("naestro.answer", &json!({ "run": "x" })), &["invalid_input", "question"]);
        says(&rpc.fails("events.since", &json!({ "since": 0 })), &["invalid_input", "run"]);
        says(&rpc.fails("state.get", &json!({ "run": "ffffffff" })), &["unknown_run"]);
        says(&rpc.fails("naestro.cancel", &json!({ "run": "../../etc" })), &["unknown_run"]);
        says(&rpc.fails("naestro.trace", &json!({ "op": "explode" })), &["invalid_input", "explode"]);
        says(&rpc.fails("naestro.explain", &json!({ "target": "the weather" })), &["invalid_workspace", "absolute path"]);
        says(&rpc.fails("naestro.explain", &json!({ "target": "run:none" })), &["unknown_run"]);
    });
}

#[test]
fn workspaces_that_are_none_are_refused_with_the_reason() {
    let project = Project::plain();
    let file = path(&project.root().join("notes.txt"));
    with_rpc(&project, |rpc| {
        let mut check = |workspace: &str, parts: &[&str]| {
            let error = rpc.fails("naestro.orchestrate", &json!({ "goal": "x", "workspace": workspace }));
            says(&error, &["invalid_workspace", "("]);
            says(&error, parts);
        };
        check(".", &["not an absolute path"]);
        check("", &["not an absolute path"]);
        check("checkout/../..", &["not an absolute path"]);
        check(&file, &["not a folder"]);
        check("/no/such/folder", &["/no/such/folder", "folder that exists"]);
        check("/\u{0}", &[]);
    });
}

#[test]
fn a_folder_without_a_repository_works() {
    let project = Project::empty();
    project.write("notes.txt", "one\n");
    works(&project);
}

#[test]
fn a_repository_without_a_commit_works() {
    let project = Project::unborn();
    project.write("notes.txt", "one\n");
    works(&project);
}

#[track_caller]
fn works(project: &Project) {
    let model = Scripted::spawn(models::calls("edit", json!({ "path": "notes.txt", "old": "one", "new": "two" })));
    let naestro = Naestro::new(project).model(&model);
    let done = naestro.run(["orchestrate", "count", "--mode", "auto", "--apply", "--json"]).exits(0);
    assert_eq!(done.finished()["outcome"], "succeeded");
    assert_eq!(project.read("notes.txt"), "two\n");
    let checked = naestro.run(["orchestrate", "--recipe", "check", "--json"]).exits(0);
    says(&checked.finished()["summary"].to_string(), &["nothing to test"]);
}

#[test]
fn a_goal_of_a_megabyte_is_refused_before_anything_happens() {
    let goal = "make it so ".repeat(100_000);
    with_rpc(&Project::plain(), |rpc| {
        let error = rpc.fails("naestro.orchestrate", &json!({ "goal": goal, "workspace": "/" }));
        says(&error, &["invalid_", "("]);
        let workspace = path(&std::env::temp_dir());
        let error = rpc.fails("naestro.orchestrate", &json!({ "goal": goal, "workspace": workspace }));
        says(&error, &["invalid_input", "262144", "file of the project"]);
    });
}

#[track_caller]
fn recipe(text: &str, code: i32, parts: &[&str]) {
    let project = Project::plain();
    project.write("mine.toml", text);
    let naestro = Naestro::new(&project);
    let done = naestro.json(["orchestrate", "--recipe", "./mine.toml"]).exits(code);
    says(&done.error(), parts);
    assert_eq!(naestro.runs(), Vec::<String>::new());
}

#[test]
fn a_cyclic_recipe_is_refused_and_the_steps_are_named() {
    let step = |id: &str, after: &str| format!("[[steps]]\nid = \"{id}\"\nkind = \"tool\"\ntool = \"changes\"\nafter = [\"{after}\"]\n");
    let text = format!("name = \"mine\"\ndescription = \"turns in circles\"\n{}{}{}", step("a", "b"), step("b", "c"), step("c", "a"));
    recipe(&text, 2, &["invalid_plan", "`a`", "it waits for itself: a <- b <- c <- a"]);
}

#[test]
fn recipes_that_are_wrong_are_refused_with_the_place() {
    let head = "name = \"mine\"\ndescription = \"wrong\"\n";
    recipe(&format!("{head}[[steps]]\nid = \"a\"\nkind = \"tool\"\ntool = \"chagnes\"\n"), 2, &["invalid_plan", "chagnes", "`a`"]);
    recipe(
        &format!("{head}[[steps]]\nid = \"a\"\nkind = \"tool\"\ntool = \"packages\"\ninputs.changes = {{ from = \"z\" }}\n"),
        2,
        &["invalid_plan", "`z`"],
    );
    recipe(&format!("{head}[[steps]]\nid = \"a\"\nkind = \"tol\"\n"), 2, &["invalid_plan", "line", "tol"]);
    recipe("name = \n", 2, &["invalid_plan", "line 1"]);
    recipe(head, 2, &["invalid_plan"]);
}

#[test]
fn an_unknown_recipe_is_answered_with_those_there_are() {
    let naestro = Naestro::new(&Project::plain());
    says(&naestro.json(["orchestrate", "--recipe", "chekc"]).exits(2).error(), &["unknown_recipe", "chekc", "check", "fix"]);
    says(&naestro.json(["orchestrate", "--recipe", "no/such.toml"]).exits(2).error(), &["unknown_recipe", "no/such.toml"]);
}

#[test]
fn a_goal_without_a_model_says_how_to_get_one() {
    let naestro = Naestro::new(&Project::plain());
    let done = naestro.json(["orchestrate", "make it so"]).exits(5);
    says(&done.error(), &["no_model", "OPENAI_BASE_URL", "NAESTRO_MODEL", "--recipe check"]);
    let done = naestro.run(["orchestrate", "make it so"]).exits(5);
    says(&done.err, &["failed to ", "OPENAI_BASE_URL"]);
    let naestro = naestro.with("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    let done = naestro.json(["orchestrate", "make it so"]).exits(5);
    says(&done.error(), &["no_model", "no model name", "NAESTRO_MODEL", "--model"]);
    says(&naestro.run(["orchestrate"]).exits(2).err, &["there is no goal", "--recipe check"]);
}

#[test]
fn a_configuration_that_is_wrong_is_named_with_its_line() {
    let project = Project::plain();
    project.write("config.toml", "[model]\nname = \"x\"\nbase_ulr = \"http://localhost\"\n");
    let naestro = Naestro::new(&project).with("NAESTRO_CONFIG", &path(&project.root().join("config.toml")));
    let done = naestro.json(["trace", "list"]).exits(5);
    says(&done.error(), &["invalid_config", "line 3", "base_ulr", "base_url"]);
    let naestro = Naestro::new(&project).with("NAESTRO_CONFIG", "relative.toml");
    says(&naestro.json(["trace", "list"]).exits(5).error(), &["invalid_config", "NAESTRO_CONFIG"]);
}
