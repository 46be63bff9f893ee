//! Runs as resources, news of them, prompts of recipes, and completions.

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use serde_json::{Value, json};

use super::mcp::{ALONE, Mcp};
use super::models::{mends_cargo, says as replies};
use super::naestro::{Naestro, says, text};

#[test]
fn a_run_and_its_parts_are_resources() {
    let (project, model) = (Project::broken_cargo(), Scripted::spawn(mends_cargo()));
    let naestro = Naestro::new(&project).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
    let goal = json!({ "goal": "make the tests pass", "mode": "auto", "accept": ["cargo test --offline"] });
    let run = text(&mcp.does("orchestrate", &goal)["run"]);
    let listed = mcp.ask("resources/list", &json!({}));
    assert_eq!(listed["resources"][0]["uri"], format!("naestro://runs/{run}"), "{listed}");
    assert_eq!(listed["resources"][0]["title"], "make the tests pass");
    let mut read = |place: &str| {
        let read = mcp.ask("resources/read", &json!({ "uri": format!("naestro://runs/{run}{place}") }));
        assert!(read["ttlMs"].is_u64() && read["cacheScope"].is_string(), "{read}");
        text(&read["contents"][0]["text"])
    };
    let parsed = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    assert_eq!(parsed(read(""))["outcome"], "succeeded");
    assert!(parsed(read("/plan"))["steps"].as_array().is_some_and(|steps| !steps.is_empty()));
    assert!(parsed(read("/receipts")).as_array().is_some_and(|receipts| receipts.len() > 3));
    says(&read("/diff"), &["--- a/src/lib.rs", "+    a + b"]);
    let first = parsed(read("/journal"));
    let rest = parsed(read("/journal/2"));
    assert_eq!(first["events"][2], rest["events"][0]);
    let templates = mcp.ask("resources/templates/list", &json!({}));
    let forms: Vec<String> = templates["resourceTemplates"].as_array().unwrap().iter().map(|form| text(&form["uriTemplate"])).collect();
    let all = ["", "/plan", "/diff", "/receipts", "/journal/{from}"];
    assert_eq!(forms, all.map(|place| format!("naestro://runs/{{id}}{place}")));
    let completed = mcp.ask(
        "completion/complete",
        &json!({ "ref": { "type": "ref/resource", "uri": "naestro://runs/{id}" }, "argument": { "name": "id", "value": &run[..8] } }),
    );
    assert_eq!(completed["completion"]["values"], json!([run]), "{completed}");
    mcp.end().exits(0);
}

/// Another process writes to the run; the subscriber hears of it, by the way of its era.
#[test]
fn a_subscriber_hears_of_a_run_whoever_goes_on_with_it() {
    for revision in ["2025-11-25", ALONE] {
        let project = Project::plain();
        let naestro = Naestro::new(&project);
        let plan = json!({ "steps": [{ "id": "which", "kind": "ask", "question": "Which branch?" }] });
        let mut mcp = Mcp::start(&naestro, revision, json!({}));
        let asked = mcp.does("orchestrate", &json!({ "plan": plan }));
        assert_eq!(asked["state"], "waiting", "{asked}");
        let (run, number) = (text(&asked["run"]), text(&asked["question"]["question"]));
        let uri = format!("naestro://runs/{run}");
        if revision == ALONE {
            mcp.send("subscriptions/listen", &json!({ "notifications": { "resourceSubscriptions": [uri] } }));
            mcp.hears("notifications/subscriptions/acknowledged");
        } else {
            mcp.ask("resources/subscribe", &json!({ "uri": uri }));
        }
        naestro.run(["answer", &run, &number, "main"]).exits(0);
        naestro.run(["orchestrate", "--resume", &run]).exits(0);
        assert_eq!(mcp.hears("notifications/resources/updated")["params"]["uri"], uri, "{revision}");
        mcp.end().exits(0);
    }
}

#[test]
fn each_recipe_is_a_prompt() {
    let model = Scripted::spawn(replies("Fine."));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
    let listed = mcp.ask("prompts/list", &json!({}));
    let names: Vec<String> = listed["prompts"].as_array().unwrap().iter().map(|prompt| text(&prompt["name"])).collect();
    assert_eq!(names, ["check", "fix"], "{listed}");
    let prompt = mcp.ask("prompts/get", &json!({ "name": "fix", "arguments": { "goal": "the sum is wrong", "workspace": "/w" } }));
    says(&text(&prompt["messages"][0]["content"]["text"]), &["orchestrate", "\"fix\"", "the sum is wrong", "/w"]);
    let missing = mcp.call("prompts/get", &json!({ "name": "fix" }));
    says(&missing["error"].to_string(), &["-32602", "needs a goal"]);
    mcp.does("orchestrate", &json!({ "goal": "think" }));
    let project = text(&mcp.does("trace", &json!({ "op": "list" }))["runs"][0]["workspace"]);
    let completed = mcp.ask(
        "completion/complete",
        &json!({ "ref": { "type": "ref/prompt", "name": "fix" }, "argument": { "name": "workspace", "value": &project[..4] } }),
    );
    assert_eq!(completed["completion"]["values"], json!([project]), "{completed}");
    mcp.end().exits(0);
}
