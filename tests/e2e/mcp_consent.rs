//! Questions of a run reach the human behind an assistant, and nobody else's answer counts.

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Scenario, Scripted};
use serde_json::{Value, json};

use super::mcp::{ALONE, Mcp, forms, tasks};
use super::models::calls;
use super::naestro::{Naestro, eventually, says, text};

/// A model that wants to run a command, about which copilot asks.
fn exec() -> Scenario {
    calls("exec", json!({ "command": "echo made > made.txt" }))
}

fn make() -> Value {
    json!({ "goal": "make it" })
}

/// The only question of a result that asks for input: its key and its form.
#[track_caller]
fn asked(result: &Value) -> (String, Value) {
    assert_eq!(result["resultType"], "input_required", "{result}");
    let requests = result["inputRequests"].as_object().unwrap();
    assert_eq!(requests.len(), 1, "{result}");
    let (key, request) = requests.iter().next().unwrap();
    assert_eq!(request["method"], "elicitation/create", "{result}");
    (key.clone(), request["params"].clone())
}

/// The call again, with what the human said to its question.
fn again(result: &Value, said: &Value) -> Value {
    let (key, _) = asked(result);
    json!({ "name": "orchestrate", "arguments": make(), "requestState": result["requestState"], "inputResponses": { key: said } })
}

fn chooses(choice: &str) -> Value {
    json!({ "action": "accept", "content": { "answer": choice } })
}

#[test]
fn a_question_comes_back_in_the_result_and_its_answer_in_the_next_call() {
    let (project, model) = (Project::plain(), Scripted::spawn(exec()));
    let naestro = Naestro::new(&project).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, forms());
    let first = mcp.tool("orchestrate", &make());
    let (_, form) = asked(&first);
    says(&text(&form["message"]), &["Run this?", "echo made > made.txt"]);
    assert_eq!(form["requestedSchema"]["properties"]["answer"]["enum"], json!(["allow", "deny"]), "{form}");
    let second = mcp.ask("tools/call", &again(&first, &json!({ "action": "accept", "content": { "answer": "perhaps" } })));
    assert_eq!(asked(&second).0, asked(&first).0, "what is no answer is asked again");
    let import = mcp.ask("tools/call", &again(&second, &chooses("allow")));
    says(&text(&asked(&import).1["message"]), &["Write these changes", "+++ b/made.txt"]);
    assert!(!project.root().join("made.txt").exists(), "imported before it was answered");
    let done = mcp.ask("tools/call", &again(&import, &chooses("allow")));
    assert_eq!(done["structuredContent"]["state"], "succeeded", "{done}");
    assert_eq!(project.read("made.txt"), "made\n");
    let late = mcp.ask("tools/call", &again(&import, &chooses("deny")));
    assert_eq!(late["structuredContent"]["state"], "succeeded", "an answer that comes twice changes nothing: {late}");
    mcp.end().exits(0);
}

#[test]
fn a_no_is_passed_on_and_a_closed_form_suspends_the_run() {
    let model = Scripted::spawn(exec());
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, forms());
    let first = mcp.tool("orchestrate", &make());
    let done = mcp.ask("tools/call", &again(&first, &json!({ "action": "decline" })));
    assert_eq!(done["structuredContent"]["state"], "succeeded", "{done}");
    says(&model.chats().last().unwrap()["messages"].to_string(), &["refused"]);
    mcp.end().exits(0);

    let model = Scripted::spawn(exec());
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, forms());
    let first = mcp.tool("orchestrate", &make());
    let closed = mcp.ask("tools/call", &again(&first, &json!({ "action": "cancel" })));
    let run = &closed["structuredContent"];
    assert_eq!(run["state"], "waiting", "{closed}");
    says(&text(&run["next"]), &["naestro answer", &text(&run["run"]), "resume"]);
    mcp.end().exits(0);
}

#[test]
fn a_state_counts_for_its_own_tool_and_caller_and_as_it_was_made() {
    let model = Scripted::spawn(exec());
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, forms());
    let first = mcp.tool("orchestrate", &make());
    let good = again(&first, &chooses("allow"));
    let refused = |mcp: &mut Mcp, params: &Value| {
        let answer = mcp.call("tools/call", params);
        says(&answer["error"].to_string(), &["-32602", "requestState"]);
    };
    let state = text(&first["requestState"]);
    let mut other = good.clone();
    other["name"] = json!("test");
    other["arguments"] = json!({});
    refused(&mut mcp, &other);
    let middle = state.len() / 2;
    let swapped = if &state[middle..=middle] == "A" { "B" } else { "A" };
    for forged in [
        String::new(),
        "x".to_owned(),
        state[..state.len() - 2].to_owned(),
        format!("{}{swapped}{}", &state[..middle], &state[middle + 1..]),
    ] {
        let mut params = good.clone();
        params["requestState"] = json!(forged);
        refused(&mut mcp, &params);
    }
    mcp.named("mallory");
    refused(&mut mcp, &good);
    mcp.named("tester");
    assert_eq!(model.chats().len(), 1, "nothing went on");
    asked(&mcp.ask("tools/call", &good));
    naestro.run(["cancel", &naestro.only_run()]).exits(0);
    mcp.end().exits(0);
}

#[test]
fn a_client_that_began_with_a_handshake_is_asked_while_its_call_goes_on() {
    let (project, model) = (Project::plain(), Scripted::spawn(exec()));
    let naestro = Naestro::new(&project).model(&model);
    let mut mcp = Mcp::start(&naestro, "2025-11-25", forms());
    let id = mcp.send("tools/call", &json!({ "name": "orchestrate", "arguments": make() }));
    for expect in ["Run this?", "Write these changes"] {
        let request = mcp.hears("elicitation/create");
        says(&text(&request["params"]["message"]), &[expect]);
        mcp.reply(&request, &chooses("allow"));
    }
    let result = &mcp.answer(id)["result"];
    assert_eq!(result["structuredContent"]["state"], "succeeded", "{result}");
    assert_eq!(project.read("made.txt"), "made\n");
    mcp.end().exits(0);
}

#[test]
fn a_client_that_can_ask_nobody_gets_the_question_and_what_a_human_can_do() {
    for revision in ["2024-11-05", "2025-11-25", ALONE] {
        let (project, model) = (Project::plain(), Scripted::spawn(exec()));
        let naestro = Naestro::new(&project).model(&model);
        let mut mcp = Mcp::start(&naestro, revision, json!({}));
        for (question, expect) in ["Run this?", "Write these changes"].iter().enumerate() {
            let call = if question == 0 { make() } else { json!({ "resume": naestro.only_run() }) };
            let result = mcp.tool("orchestrate", &call);
            let run = &result["structuredContent"];
            assert_eq!(run["state"], "waiting", "{revision}: {result}");
            says(&text(&run["question"]["text"]), &[expect]);
            let (id, number) = (text(&run["run"]), text(&run["question"]["question"]));
            says(&text(&run["next"]), &[&format!("naestro answer {id} {number} allow"), "resume"]);
            naestro.run(["answer", &id, &number, "allow"]).exits(0);
        }
        let done = mcp.does("orchestrate", &json!({ "resume": naestro.only_run() }));
        assert_eq!(done["state"], "succeeded", "{revision}: {done}");
        assert_eq!(project.read("made.txt"), "made\n");
        mcp.end().exits(0);
    }
}

#[test]
fn only_the_caller_that_started_a_task_answers_its_question() {
    let (project, model) = (Project::plain(), Scripted::spawn(exec()));
    let naestro = Naestro::new(&project).model(&model);
    let mut capabilities = tasks();
    capabilities["elicitation"] = json!({ "form": {} });
    let mut mcp = Mcp::start(&naestro, ALONE, capabilities);
    let task = mcp.tool("orchestrate", &make());
    assert_eq!(task["resultType"], "task", "{task}");
    let get = json!({ "taskId": task["taskId"] });
    for _ in 0..2 {
        eventually(|| naestro.trace(["show", &text(&task["taskId"])])["state"]["questions"] != json!([]));
        let seen = mcp.ask("tasks/get", &get);
        assert_eq!(seen["status"], "input_required", "{seen}");
        let key = seen["inputRequests"].as_object().unwrap().keys().next().unwrap().clone();
        let update = json!({ "taskId": task["taskId"], "inputResponses": { key: chooses("allow") } });
        mcp.named("mallory");
        says(&mcp.call("tasks/update", &update)["error"].to_string(), &["refused"]);
        mcp.named("tester");
        mcp.ask("tasks/update", &update);
    }
    let done = mcp.does("trace", &json!({ "op": "wait", "run": task["taskId"] }));
    assert_eq!(done["state"], "succeeded", "{done}");
    assert_eq!(project.read("made.txt"), "made\n");
    mcp.end().exits(0);
}

#[test]
fn a_human_in_a_terminal_answers_while_the_assistant_waits() {
    let (project, model) = (Project::plain(), Scripted::spawn(exec()));
    let naestro = Naestro::new(&project).model(&model);
    let mut mcp = Mcp::start(&naestro, "2025-11-25", forms());
    let id = mcp.send("tools/call", &json!({ "name": "orchestrate", "arguments": make() }));
    let request = mcp.hears("elicitation/create");
    let run = naestro.only_run();
    naestro.run(["answer", &run, "0", "deny"]).exits(0);
    let taken_back = mcp.hears("notifications/cancelled");
    assert_eq!(taken_back["params"]["requestId"], request["id"]);
    mcp.reply(&request, &chooses("allow"));
    let result = &mcp.answer(id)["result"];
    assert_eq!(result["structuredContent"]["state"], "succeeded", "{result}");
    assert!(!project.root().join("made.txt").exists(), "the answer that came first counts");
    mcp.end().exits(0);
}
