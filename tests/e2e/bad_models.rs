//! Model servers that are not there, lie, refuse or are in a hurry: each a clear error, and the run can go on later.

use std::time::Instant;

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Part, Reply, Scenario, Scripted};
use serde_json::json;

use super::naestro::{Naestro, says};

/// Runs a goal against a server that answers every request so; the run must fail and say these things.
#[track_caller]
fn fails(reply: Reply, parts: &[&str]) {
    let model = Scripted::spawn(Scenario::always(reply));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let done = naestro.run(["orchestrate", "think", "--wall", "20s", "--json"]);
    let summary = done.finished()["summary"].to_string();
    assert!(matches!(done.code, 1 | 4), "exit code {}: {}", done.code, done.out);
    says(&summary, parts);
}

#[test]
fn an_unreachable_server_is_named_and_the_run_goes_on_once_it_is_there() {
    let model = Scripted::spawn(super::models::says("Hello."));
    let url = model.url();
    let address = model.host();
    drop(model);
    super::naestro::eventually(|| std::net::TcpStream::connect(&address).is_err());
    let project = Project::plain();
    let naestro = Naestro::new(&project).with("OPENAI_BASE_URL", &url).with("NAESTRO_MODEL", "scripted");
    let done = naestro.run(["orchestrate", "think", "--json"]);
    assert_ne!(done.code, 0);
    says(&done.out, &["failed to ", &address]);
    says(&naestro.run(["doctor"]).out, &["model"]);
}

#[test]
fn a_server_that_answers_with_a_web_page_is_told_apart_from_a_model() {
    let page = Reply::status(200, "<!doctype html><title>Sign in</title>").header("content-type", "text/html");
    fails(page, &["it is a web page", "/v1"]);
}

#[test]
fn streams_that_are_no_streams_fail_the_run() {
    fails(Reply::data(["{this is no JSON"]), &["failed"]);
    fails(Reply { done: false, finish: Some(String::new()), ..Reply::of([]) }, &["failed"]);
    fails(Reply::status(200, ""), &["failed"]);
    fails(Reply::of([Part::Text("so".into()), Part::Break]), &["failed"]);
    fails(Reply::of([Part::Raw("event: nonsense\ndata\n\n\u{0}".into()), Part::Break]), &["failed"]);
}

#[test]
fn a_server_that_refuses_the_key_is_asked_once() {
    let model = Scripted::spawn(Scenario::always(Reply::status(401, r#"{"error":{"message":"no such key"}}"#)));
    let naestro = Naestro::new(&Project::plain()).model(&model).with("OPENAI_API_KEY", "sk-secret-secret");
    let done = naestro.run(["orchestrate", "think", "--json"]);
    assert_ne!(done.code, 0);
    says(&done.out, &["401", "OPENAI_API_KEY"]);
    assert!(!done.out.contains("sk-secret") && !done.err.contains("sk-secret"));
    assert_eq!(model.chats().len(), 1);
    let exported = naestro.trace(["export", &naestro.only_run()]).to_string();
    assert!(!exported.contains("sk-secret"), "the key is in the journal");
}

#[test]
fn a_server_in_trouble_is_asked_a_few_times() {
    let model = Scripted::spawn(Scenario::always(Reply::status(500, "oops")));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let done = naestro.run(["orchestrate", "think", "--json"]);
    assert_ne!(done.code, 0);
    says(&done.out, &["500"]);
    assert_eq!(model.chats().len(), 4, "the attempts a step has");
}

/// Waits as long as the server asks for, and goes on as if nothing had been.
#[test]
fn a_server_in_a_hurry_is_given_the_time_it_asks_for() {
    let trouble = [Reply::status(429, "{}").header("retry-after", "1"), Reply::status(503, "{}")];
    let model = Scripted::spawn(Scenario::of([Reply::text("Hello.").used(10, 5).after(trouble)]));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let begun = Instant::now();
    let done = naestro.run(["orchestrate", "think", "--json"]).exits(0);
    assert_eq!(done.finished()["outcome"], "succeeded");
    assert!(begun.elapsed().as_millis() >= 1000, "Retry-After was not waited for");
    assert_eq!(model.chats().len(), 3);
}

/// Nothing a model sends makes the process do more than answer it.
#[test]
fn tool_calls_that_make_no_sense_are_answered_and_the_model_goes_on() {
    let model = Scripted::spawn(Scenario::of([
        Reply::call("launch", json!({ "what": "rockets" })),
        Reply::call("read", json!("{not json")),
        Reply::call("read", json!({ "path": "../../../../etc/passwd" })),
        Reply::call("read", json!({ "path": 5 })),
        Reply::text("I give up."),
    ]));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    naestro.run(["orchestrate", "think", "--mode", "auto", "--json"]).exits(0);
    let said = model.chats().pop().unwrap()["messages"].clone();
    let results: Vec<String> =
        said.as_array().unwrap().iter().filter(|message| message["role"] == "tool").map(|message| message["content"].to_string()).collect();
    assert_eq!(results.len(), 4, "{said}");
    says(&results[0], &["launch"]);
    says(&results[1], &["JSON"]);
    says(&results[2], &["outside"]);
    says(&results[3], &["path"]);
    assert!(!results[2].contains("root:"), "{}", results[2]);
}
