//! Another assistant calls the tools: both eras, runs that take long, that are cancelled, and that are left.

use std::time::{Duration, Instant};

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use serde_json::{Value, json};

use super::mcp::{ALONE, Mcp, tasks};
use super::models::{mends_cargo, says as replies, slowly};
use super::naestro::{Naestro, eventually, path, says, text};

/// Every revision there is.
const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", ALONE];

fn mend() -> Value {
    json!({ "goal": "make the tests pass", "mode": "auto", "accept": ["cargo test --offline"] })
}

/// A plan that takes so many seconds; an acceptance command is what the caller asked for.
fn takes(seconds: u32) -> Value {
    json!({ "goal": "wait", "mode": "auto", "accept": [format!("sleep {seconds}")] })
}

#[test]
fn every_revision_sees_the_same_four_tools() {
    for revision in REVISIONS {
        let naestro = Naestro::new(&Project::plain());
        let mut mcp = Mcp::start(&naestro, revision, json!({}));
        let listed = mcp.ask("tools/list", &json!({}));
        let tools = listed["tools"].as_array().unwrap();
        let names: Vec<String> = tools.iter().map(|tool| text(&tool["name"])).collect();
        assert_eq!(names, ["orchestrate", "explain", "test", "trace"], "{revision}");
        for tool in tools {
            let whole = ["title", "description", "inputSchema", "outputSchema", "annotations", "icons"];
            assert!(whole.iter().all(|field| !tool[*field].is_null()), "{revision}: {tool}");
        }
        assert!(!naestro.home().exists(), "{revision}: something was opened for a list");
        mcp.end().exits(0);
    }
}

#[test]
fn the_server_says_who_it_is_before_anything_is_opened() {
    let naestro = Naestro::new(&Project::plain());
    let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
    let discovered = mcp.ask("server/discover", &json!({}));
    let versions: Vec<String> = discovered["supportedVersions"].as_array().unwrap().iter().map(text).collect();
    assert!(versions.contains(&ALONE.to_owned()), "{discovered}");
    says(&discovered.to_string(), &["\"naestro\"", "\"tools\"", "io.modelcontextprotocol/tasks"]);
    assert!(!naestro.home().exists(), "something was opened");
    mcp.end().exits(0);
}

#[test]
fn a_goal_ends_in_a_diff_that_every_revision_gets() {
    for revision in ["2025-06-18", ALONE] {
        let (project, model) = (Project::broken_cargo(), Scripted::spawn(mends_cargo()));
        let naestro = Naestro::new(&project).model(&model);
        let mut mcp = Mcp::start(&naestro, revision, json!({}));
        let result = mcp.tool("orchestrate", &mend());
        let run = &result["structuredContent"];
        assert_eq!((&run["state"], &run["changed"]), (&json!("succeeded"), &json!(["src/lib.rs"])), "{result}");
        says(&text(&result["content"][0]["text"]), &["succeeded", "+    a + b"]);
        let diff = mcp.ask("resources/read", &json!({ "uri": run["diff"] }));
        says(&text(&diff["contents"][0]["text"]), &["--- a/src/lib.rs", "+    a + b"]);
        assert_eq!(project.git(&["status", "--porcelain"]), "", "a run never changes the checkout unless that was granted");
        let runs = mcp.does("trace", &json!({ "op": "list" }));
        assert_eq!(runs["runs"][0]["run"], run["run"]);
        mcp.end().exits(0);
    }
}

#[test]
fn a_diff_is_imported_only_where_a_human_granted_it_at_the_start() {
    let (project, model) = (Project::broken_cargo(), Scripted::spawn(mends_cargo()));
    let naestro = Naestro::new(&project).model(&model);
    let mut mcp = Mcp::with(&naestro, ALONE, json!({}), &["--grant", "apply"]);
    says(&mcp.refuses("orchestrate", &json!({ "goal": "x", "apply": true })), &["invalid_input", "unknown field `apply`"]);
    assert_eq!(mcp.does("orchestrate", &mend())["state"], "succeeded");
    says(&project.read("src/lib.rs"), &["a + b"]);
    mcp.end().exits(0);
}

#[test]
fn long_work_is_heard_of_and_answered_with_its_handle_in_time() {
    let model = Scripted::spawn(replies("Fine."));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let mut mcp = Mcp::start(&naestro, "2025-06-18", json!({}));
    let begun = Instant::now();
    let params = json!({ "name": "orchestrate", "arguments": takes(60), "_meta": { "progressToken": "p" } });
    let result = mcp.ask("tools/call", &params);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(19) && took < Duration::from_secs(30), "{took:?}");
    let run = &result["structuredContent"];
    assert_eq!(run["state"], "running", "{result}");
    says(&text(&run["next"]), &["trace", "wait", &text(&run["run"])]);
    let told: Vec<Value> = (0..4).map(|_| mcp.hears("notifications/progress")).collect();
    assert!(told.iter().all(|told| told["params"]["progressToken"] == "p"), "{told:?}");
    let waited = mcp.does("trace", &json!({ "op": "wait", "run": run["run"], "wait_s": 1 }));
    assert_eq!(waited["state"], "running");
    assert_eq!(mcp.does("orchestrate", &json!({ "cancel": run["run"] }))["run"], run["run"]);
    let waited = mcp.does("trace", &json!({ "op": "wait", "run": run["run"] }));
    assert_eq!(waited["state"], "cancelled");
    mcp.end().exits(0);
}

#[test]
fn a_cancelled_call_ends_its_run_and_is_not_answered() {
    for revision in ["2025-11-25", ALONE] {
        let model = Scripted::spawn(replies("Fine."));
        let naestro = Naestro::new(&Project::plain()).model(&model);
        let mut mcp = Mcp::start(&naestro, revision, json!({}));
        let id = mcp.send("tools/call", &json!({ "name": "orchestrate", "arguments": takes(60) }));
        eventually(|| naestro.home().join("journal.db").exists() && naestro.runs().len() == 1);
        let run = naestro.only_run();
        mcp.tell("notifications/cancelled", &json!({ "requestId": id, "reason": "enough" }));
        let waited = mcp.does("trace", &json!({ "op": "wait", "run": run }));
        assert_eq!(waited["state"], "cancelled", "{revision}");
        let done = mcp.end().exits(0);
        assert!(done.lines.iter().all(|line| line["id"] != id), "{revision}: {}", done.out);
    }
}

#[test]
fn a_run_whose_client_leaves_is_suspended_and_goes_on_from_anywhere() {
    let (project, model) = (Project::broken_cargo(), Scripted::spawn(slowly(mends_cargo(), 1500)));
    let naestro = Naestro::new(&project).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
    mcp.send("tools/call", &json!({ "name": "orchestrate", "arguments": mend() }));
    eventually(|| model.chats().len() == 1);
    let leaving = Instant::now();
    let done = mcp.end().exits(0);
    assert!(leaving.elapsed() < Duration::from_secs(2), "{:?}", leaving.elapsed());
    let run = naestro.only_run();
    says(&done.out, &[&run, "suspended"]);
    let mut other = Mcp::start(&naestro, "2025-06-18", json!({}));
    let resumed = other.does("orchestrate", &json!({ "resume": run }));
    assert_eq!((&resumed["run"], &resumed["state"]), (&json!(run), &json!("succeeded")), "{resumed}");
    other.end().exits(0);
}

#[test]
fn a_signal_suspends_what_runs_and_a_kill_leaves_it_resumable() {
    for signal in [nix::sys::signal::Signal::SIGTERM, nix::sys::signal::Signal::SIGKILL] {
        let (project, model) = (Project::broken_cargo(), Scripted::spawn(slowly(mends_cargo(), 700)));
        let naestro = Naestro::new(&project).model(&model);
        let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
        mcp.send("tools/call", &json!({ "name": "orchestrate", "arguments": mend() }));
        eventually(|| model.chats().len() == 1);
        mcp.going.signal(signal);
        assert!(mcp.going.ends_within(Duration::from_secs(2)), "{signal}");
        drop(mcp);
        naestro.alone(Duration::from_secs(2));
        let mut other = Mcp::start(&naestro, "2025-11-25", json!({}));
        let resumed = other.does("orchestrate", &json!({ "resume": naestro.only_run() }));
        assert_eq!(resumed["state"], "succeeded", "{signal}: {resumed}");
        other.end().exits(0);
    }
}

#[test]
fn a_detached_run_goes_on_at_a_server_of_the_same_user() {
    let (project, model) = (Project::broken_cargo(), Scripted::spawn(slowly(mends_cargo(), 700)));
    let naestro = Naestro::new(&project).model(&model);
    let mut goal = mend();
    goal["detach"] = json!(true);
    let leave = |naestro: &Naestro| {
        let before = model.chats().len();
        let mut mcp = Mcp::start(naestro, "2025-11-25", json!({}));
        mcp.send("tools/call", &json!({ "name": "orchestrate", "arguments": goal }));
        eventually(|| model.chats().len() > before);
        mcp.end().exits(0)
    };
    let done = leave(&naestro);
    says(&done.err, &["no server runs"]);
    let alone = naestro.only_run();
    assert_eq!(naestro.trace(["show", &alone])["state"]["outcome"], Value::Null, "it is suspended");

    let server = naestro.start(["mcp", "--listen", "127.0.0.1:0"]);
    server.says_after("listening on http://");
    leave(&naestro);
    let run = naestro.runs().pop().unwrap();
    assert_ne!(run, alone);
    eventually(|| naestro.trace(["show", &run])["state"]["outcome"] == "succeeded");
    server.signal(nix::sys::signal::Signal::SIGTERM);
    server.finish().exits(0);
    assert!(!naestro.home().join("mcp-server").exists(), "the notice is left behind");
}

#[test]
fn a_client_that_takes_tasks_gets_one_and_its_result() {
    let model = Scripted::spawn(replies("Fine."));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, tasks());
    let task = mcp.ask("tools/call", &json!({ "name": "orchestrate", "arguments": takes(4) }));
    assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")), "{task}");
    let get = json!({ "taskId": task["taskId"] });
    let mut seen = mcp.ask("tasks/get", &get);
    while seen["status"] == "working" {
        std::thread::sleep(Duration::from_millis(100));
        seen = mcp.ask("tasks/get", &get);
    }
    assert_eq!((&seen["status"], &seen["result"]["structuredContent"]["state"]), (&json!("completed"), &json!("succeeded")), "{seen}");

    let task = mcp.ask("tools/call", &json!({ "name": "orchestrate", "arguments": takes(60) }));
    let get = json!({ "taskId": task["taskId"] });
    mcp.ask("tasks/cancel", &get);
    eventually(|| naestro.trace(["show", &text(&task["taskId"])])["state"]["outcome"] == "cancelled");
    assert_eq!(mcp.ask("tasks/get", &get)["status"], "cancelled");
    says(&mcp.call("tasks/get", &json!({ "taskId": "no-such" }))["error"].to_string(), &["-32602", "unknown_run"]);
    mcp.end().exits(0);
}

#[test]
fn explain_test_and_trace_answer_without_a_model() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
    let explained = mcp.tool("explain", &json!({ "target": "gross" }));
    says(&text(&explained["content"][0]["text"]), &["src/price.rs:4", "worth"]);
    assert!(explained["structuredContent"]["facts"].as_array().is_some_and(|facts| facts.len() > 3), "{explained}");
    let tested = mcp.does("test", &json!({ "all": true }));
    assert_eq!((&tested["state"], &tested["tests"]["passed"]), (&json!("succeeded"), &json!(4)), "{tested}");
    project.write("src/stock.rs", &project.read("src/stock.rs").replace("pieces == 0", "pieces == 1"));
    let tested = mcp.does("test", &json!({ "workspace": path(project.root()) }));
    assert_eq!((&tested["state"], &tested["tests"]["failed"]), (&json!("failed"), &json!(1)), "{tested}");
    says(&tested["tests"]["failures"].to_string(), &["nothing_is_empty", "src/stock.rs"]);
    let shown = mcp.does("trace", &json!({ "op": "show", "run": tested["run"], "limit": 3 }));
    assert_eq!(shown["events"].as_array().map(Vec::len), Some(3), "{shown}");
    let replayed = mcp.does("trace", &json!({ "op": "replay", "run": tested["run"] }));
    assert_eq!(replayed["replayed"]["identical"], true, "{replayed}");
    assert_eq!(mcp.does("trace", &json!({ "op": "verify" }))["problems"], json!([]));
    mcp.end().exits(0);
}

#[test]
fn projects_that_lost_the_codex_tool_have_one_again() {
    let (project, model) = (Project::plain(), Scripted::spawn(replies("The sea is blue.")));
    let naestro = Naestro::new(&project).model(&model);
    let mut mcp = Mcp::with(&naestro, "2025-06-18", json!({}), &["--codex-tools"]);
    let first = mcp.does("codex", &json!({ "prompt": "What colour is the sea?", "cwd": path(project.root()), "approval-policy": "never" }));
    assert_eq!(first["content"].as_str().map(|text| text.contains("The sea is blue.")), Some(true), "{first}");
    let second = mcp.does("codex-reply", &json!({ "threadId": first["threadId"], "prompt": "And the sky?" }));
    assert_eq!(second["threadId"], first["threadId"]);
    says(&model.chats().last().unwrap()["messages"].to_string(), &["What colour is the sea?", "And the sky?"]);
    mcp.end().exits(0);
    let mut without = Mcp::start(&naestro, ALONE, json!({}));
    says(
        &without.call("tools/call", &json!({ "name": "codex", "arguments": { "prompt": "x" } }))["error"].to_string(),
        &["-32602", "codex"],
    );
    without.end().exits(0);
}
