//! Guide reads, copilot asks, auto acts inside what was granted; each question is answered once.

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Reply, Scenario, Scripted};
use serde_json::{Value, json};

use super::models::calls;
use super::naestro::{Naestro, is, path, says, text};
use super::rpc::Rpc;

/// What the model was told about its first call.
fn told(model: &Scripted) -> String {
    let chats = model.chats();
    let messages = chats.last().unwrap()["messages"].as_array().unwrap();
    messages.iter().find(|message| message["role"] == "tool").map(|message| text(&message["content"])).unwrap_or_default()
}

fn exec() -> Scenario {
    calls("exec", json!({ "command": "echo made > made.txt" }))
}

#[test]
fn guide_reads_and_refuses_everything_else() {
    let check = |tool: &str, args: Value, refused: bool| {
        let project = Project::plain();
        let model = Scripted::spawn(calls(tool, args));
        let naestro = Naestro::new(&project).model(&model);
        let done = naestro.run(["orchestrate", "look", "--mode", "guide", "--json"]);
        assert_eq!(told(&model).contains("guide mode only reads"), refused, "{tool}: {}", told(&model));
        assert_eq!(done.finished()["diff"], Value::Null);
        assert_eq!(project.git(&["status", "--porcelain"]), "");
    };
    check("read", json!({ "path": "notes.txt" }), false);
    check("list", json!({}), false);
    check("search", json!({ "pattern": "two" }), false);
    check("edit", json!({ "path": "notes.txt", "old": "two", "new": "2" }), true);
    check("write", json!({ "path": "new.txt", "content": "x" }), true);
    check("exec", json!({ "command": "true" }), true);
}

#[test]
fn guide_refuses_acceptance_commands() {
    let model = Scripted::spawn(super::models::says("Fine."));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let done = naestro.run(["orchestrate", "look", "--mode", "guide", "--accept", "true", "--json"]).exits(3);
    assert_eq!(done.finished()["outcome"], "refused");
    says(&done.out, &["guide mode only reads", "--mode"]);
}

#[test]
fn auto_runs_a_models_command_only_where_that_was_granted() {
    let model = Scripted::spawn(exec());
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let done = naestro.run(["orchestrate", "make", "--mode", "auto", "--json"]);
    says(&told(&model), &["refused", "sandbox", "--unsandboxed"]);
    assert_eq!(done.finished()["diff"], Value::Null);
    let model = Scripted::spawn(exec());
    let naestro = naestro.model(&model);
    let done = naestro.run(["orchestrate", "make", "--mode", "auto", "--unsandboxed", "--json"]).exits(0);
    says(&told(&model), &["[exit code 0]"]);
    says(&done.diff().1, &["+++ b/made.txt"]);
}

/// Every run says how well its commands are confined.
#[test]
fn every_run_says_what_isolation_it_has() {
    let model = Scripted::spawn(calls("list", json!({})));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let done = naestro.run(["orchestrate", "look", "--json"]).exits(0);
    let level = text(&done.of("workspace")[0]["level"]);
    assert!(!level.is_empty());
    says(&naestro.run(["orchestrate", "look"]).exits(0).err, &[&level]);
}

/// One question over RPC, answered so; what the model was told, and how the run ended.
fn copilot(answer: &str) -> (String, Value) {
    let (project, model) = (Project::plain(), Scripted::spawn(exec()));
    let naestro = Naestro::new(&project).model(&model);
    let mut rpc = Rpc::start(&naestro);
    let run = rpc.orchestrate(&json!({ "goal": "make", "workspace": path(project.root()) }));
    let question = rpc.update(&run, is("question"));
    says(&text(&question["text"]), &["Run this?"]);
    assert_eq!(question["detail"], "echo made > made.txt");
    assert_eq!(question["choices"], json!(["allow", "deny"]));
    let number = &question["question"];
    says(
        &rpc.fails("naestro.answer", &json!({ "run": run, "question": number, "choice": "perhaps" })),
        &["unknown_question", "allow, deny"],
    );
    says(&rpc.fails("naestro.answer", &json!({ "run": run, "question": 99, "choice": "allow" })), &["unknown_question"]);
    rpc.ask("naestro.answer", &json!({ "run": run, "question": number, "choice": answer }));
    // The diff is the second thing it asks about.
    if answer == "allow" {
        let import = rpc.update(&run, is("question"));
        says(&text(&import["detail"]), &["+++ b/made.txt", "+made"]);
        assert!(!project.root().join("made.txt").exists(), "imported before it was answered");
        rpc.ask("naestro.answer", &json!({ "run": run, "question": import["question"], "choice": "allow" }));
    }
    let finished = rpc.finished(&run);
    says(&rpc.fails("naestro.answer", &json!({ "run": run, "question": number, "choice": "allow" })), &["answer", "("]);
    rpc.end().exits(0);
    assert_eq!(project.root().join("made.txt").exists(), answer == "allow");
    (told(&model), finished)
}

#[test]
fn copilot_asks_and_an_answer_lets_the_run_go_on() {
    let (told, finished) = copilot("allow");
    says(&told, &["[exit code 0]"]);
    assert_eq!(finished["outcome"], "succeeded");
}

#[test]
fn copilot_asks_and_a_no_is_passed_on_to_the_model() {
    let (told, finished) = copilot("deny");
    says(&told, &["refused"]);
    assert_eq!(finished["outcome"], "succeeded", "{finished}");
}

/// Nobody is there to ask: the question waits in the journal, and is answered from elsewhere.
#[test]
fn without_anyone_to_answer_the_run_waits_and_is_resumed() {
    let (project, model) = (Project::plain(), Scripted::spawn(exec()));
    let naestro = Naestro::new(&project).model(&model);
    let done = naestro.run(["orchestrate", "make", "--json"]).exits(4);
    assert_eq!(done.finished()["outcome"], "suspended");
    let run = done.run();
    says(&text(&done.finished()["summary"]), &["Run this?", &format!("naestro answer {run}"), "--resume"]);
    let question = text(&done.of("question")[0]["question"]);
    says(&naestro.json(["answer", &run, &question, "perhaps"]).exits(2).error(), &["unknown_question"]);
    naestro.run(["answer", &run[..13], &question, "allow"]).exits(0);
    let done = naestro.run(["orchestrate", "--resume", &run[..13], "--json"]).exits(4);
    says(&told(&model), &["[exit code 0]"]);
    let import = done.of("question").last().unwrap()["question"].to_string();
    naestro.run(["answer", &run, &import, "allow"]).exits(0);
    let done = naestro.run(["orchestrate", "--resume", &run, "--json"]).exits(0);
    assert_eq!(done.finished()["outcome"], "succeeded");
    assert_eq!(project.read("made.txt"), "made\n");
    assert_eq!(model.chats().len(), 2);
}

/// The process that asked is gone when the answer comes: the command runs once, in an open workspace, after the run is resumed.
#[test]
fn an_answer_counts_although_the_process_that_asked_died() {
    let (project, model) = (Project::plain(), Scripted::spawn(exec()));
    let naestro = Naestro::new(&project).model(&model);
    let mut going = naestro.start(["rpc"]);
    let goal = json!({ "goal": "make", "workspace": path(project.root()) });
    going.say(&json!({ "jsonrpc": "2.0", "id": 1, "method": "naestro.orchestrate", "params": goal }).to_string());
    going.until(|line| line["params"]["type"] == "question");
    going.kill();
    naestro.alone(std::time::Duration::from_secs(10));
    let run = naestro.only_run();
    naestro.run(["answer", &run, "0", "allow"]).exits(0);
    naestro.run(["orchestrate", "--resume", &run, "--json"]).exits(4);
    says(&told(&model), &["[exit code 0]"]);
    assert_eq!(model.chats().len(), 2, "what was answered is not asked again");
    naestro.run(["cancel", &run]).exits(0);
}

/// A plan of the caller's own may ask, too; free text is an answer there.
#[test]
fn a_plan_may_ask_and_hears_the_answer() {
    let project = Project::plain();
    let naestro = Naestro::new(&project);
    let mut rpc = Rpc::start(&naestro);
    let plan = json!({ "steps": [{ "id": "which", "kind": "ask", "question": "Which branch?" }] });
    let run = rpc.orchestrate(&json!({ "plan": plan, "workspace": path(project.root()) }));
    let question = rpc.update(&run, is("question"));
    assert_eq!((&question["text"], &question["choices"]), (&json!("Which branch?"), &json!([])));
    rpc.ask("naestro.answer", &json!({ "run": run, "question": question["question"], "choice": "main" }));
    let finished = rpc.finished(&run);
    assert_eq!((&finished["outcome"], &finished["summary"]), (&json!("succeeded"), &json!("main")));
    rpc.end().exits(0);
}

/// What can run code later is never imported on a model's word alone.
#[test]
fn protected_paths_are_refused_in_auto_and_marked_in_copilot() {
    let write = || calls("write", json!({ "path": ".vscode/tasks.json", "content": "{}\n" }));
    let (project, model) = (Project::plain(), Scripted::spawn(write()));
    let naestro = Naestro::new(&project).model(&model);
    let done = naestro.run(["orchestrate", "make", "--mode", "auto", "--apply", "--json"]);
    says(&text(&done.finished()["summary"]), &["not imported into the checkout", "auto mode does not write to paths that can run code"]);
    assert!(!project.root().join(".vscode").exists());
    let model = Scripted::spawn(write());
    let naestro = naestro.model(&model);
    let done = naestro.run(["orchestrate", "make", "--apply", "--json"]).exits(4);
    says(&text(&done.of("question")[0]["text"]), &["can run code"]);
    assert!(!project.root().join(".vscode").exists());
}

/// A budget that cannot hold the first call is refused before anything is spent.
#[test]
fn what_does_not_fit_the_budget_does_not_start() {
    let model = Scripted::spawn(super::models::mends_cargo());
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let done = naestro.json(["orchestrate", "think", "--budget-tokens", "10"]);
    assert_ne!(done.code, 0);
    says(&done.out, &["budget"]);
    assert_eq!(model.chats().len(), 0, "something was spent");
}

#[test]
fn a_run_stops_where_its_budget_does() {
    let forever = Scenario::always(Reply::call("read", json!({ "path": "notes.txt" })).used(3_000, 100));
    let model = Scripted::spawn(forever);
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let done = naestro.run(["orchestrate", "think", "--budget-tokens", "20000", "--json"]);
    assert_ne!(done.finished()["outcome"], "succeeded");
    let spent = done.finished()["cost"]["tokens"].as_u64().unwrap();
    assert!(spent > 0 && spent <= 20_000, "{spent} tokens of 20000");
    assert!(model.chats().len() <= 6, "{} calls", model.chats().len());
}

/// A test that calls naestro on the project it is part of would go on for ever.
#[test]
fn a_run_inside_a_run_of_the_same_checkout_is_refused() {
    let project = Project::plain();
    let naestro = Naestro::new(&project).with("NAESTRO_INSIDE", &path(project.root()));
    says(&naestro.json(["orchestrate", "--recipe", "check"]).exits(2).error(), &["recursion", "another folder"]);
    says(&naestro.json(["test"]).exits(2).error(), &["recursion"]);
    let elsewhere = Project::plain();
    naestro.run(["orchestrate", "--recipe", "check", "--workspace", &path(elsewhere.root()), "--json"]).exits(0);
}

#[test]
fn a_command_of_a_run_knows_which_checkout_it_is_inside_of() {
    let project = Project::plain();
    let command = format!("{} orchestrate --recipe check --json > said.txt; cat said.txt", env!("CARGO_BIN_EXE_naestro"));
    let model = Scripted::spawn(calls("exec", json!({ "command": command })));
    let naestro = Naestro::new(&project).model(&model);
    naestro.run(["orchestrate", "look", "--mode", "auto", "--unsandboxed", "--json"]);
    says(&told(&model), &["recursion"]);
}
