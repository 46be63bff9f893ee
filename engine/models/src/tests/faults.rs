//! What goes wrong between us and a server, and what each failure says.

use std::collections::BTreeMap;
use std::time::Duration;

use naestro_kernel::{FailureKind, Millis};
use naestro_policy::effect::{Generate, MessageCall};
use naestro_policy::port::{Delta, Models};
use naestro_tests::scripted::{Call, Part, Reply, Scenario, Scripted};
use serde_json::{Value, json};

use super::{endpoint, generate, permit, play, request, show, text, user};
use crate::{Endpoint, OpenAi, probe};

/// Plays a reply and compares the failure's kind and a part of its message or hint.
#[track_caller]
fn check(reply: Reply, kind: FailureKind, part: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let failure = runtime.block_on(play(Scenario::always(reply))).0.unwrap_err();
    assert_eq!(failure.kind, kind, "{failure:?}");
    assert!(failure.message.contains(part) || failure.hint.contains(part), "{failure:?}");
}

#[tokio::test]
async fn a_429_is_one_request_and_says_when_to_come_back() {
    let server =
        Scripted::start(Scenario::always(Reply::status(429, r#"{"error":{"message":"slow down"}}"#).header("retry-after", "7"))).await;
    let (reply, _) = generate(&OpenAi::new(endpoint(&server)).unwrap(), request(&server)).await;
    let failure = reply.unwrap_err();
    assert_eq!((failure.kind, failure.retry_after), (FailureKind::Transient, Some(Millis(7000))));
    assert!(failure.message.contains("slow down"), "{failure:?}");
    assert_eq!(server.counts().requests, 1);
}

#[tokio::test]
async fn a_5xx_is_one_request_too() {
    let server = Scripted::start(Scenario::always(Reply::status(503, "busy"))).await;
    let (reply, _) = generate(&OpenAi::new(endpoint(&server)).unwrap(), request(&server)).await;
    assert_eq!(reply.unwrap_err().kind, FailureKind::Transient);
    assert_eq!(server.counts().requests, 1);
}

#[test]
fn refusals_are_told_apart() {
    check(Reply::status(404, r#"{"error":{"message":"model 'm' not found"}}"#), FailureKind::Permanent, "model 'm' not found");
    check(Reply::status(404, ""), FailureKind::Permanent, "naestro doctor");
    check(Reply::status(400, r#"{"error":{"code":"context_length_exceeded","message":"m"}}"#), FailureKind::TooLong, "larger context");
    check(Reply::status(307, "").header("location", "http://127.0.0.1:1/v1"), FailureKind::Permanent, "moved to http://127.0.0.1:1/v1");
}

#[test]
fn a_server_that_is_no_model_is_named() {
    check(Reply::status(200, "<!doctype html><p>hi"), FailureKind::Permanent, "web page");
    check(Reply::status(200, "hello"), FailureKind::Permanent, "neither JSON");
    check(Reply::status(200, r#"{"hello":"world"}"#), FailureKind::Permanent, "no choices");
    check(Reply::status(200, r#"{"choices":"#), FailureKind::Permanent, "/v1");
    check(Reply::status(200, ""), FailureKind::Permanent, "no choices");
    check(Reply::status(200, "[1,2]"), FailureKind::Transient, "understand");
}

#[test]
fn a_stream_that_ends_too_early_is_transient_and_never_a_reply() {
    check(Reply::of([text("half"), Part::Break]), FailureKind::Transient, "to its end");
    let stopped = Reply { finish: Some(String::new()), done: false, ..Reply::of([text("half"), text("more")]) };
    check(stopped, FailureKind::Transient, "the stream stopped");
    check(Reply::of([text("half"), Part::Data("{\"choi".to_owned())]), FailureKind::Transient, "understand a part");
}

#[tokio::test]
async fn a_stream_that_stalls_is_given_up_and_what_came_was_passed_on() {
    let server = Scripted::start(Scenario::always(Reply::of([text("half"), Part::Hang]))).await;
    let mut endpoint = endpoint(&server);
    endpoint.timeouts.idle = Duration::from_millis(50);
    let (reply, deltas) = generate(&OpenAi::new(endpoint).unwrap(), request(&server)).await;
    let failure = reply.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Transient, "hear from the model for 0.05 s"));
    assert_eq!(deltas, [Delta::Text("half".to_owned())]);
    server.until(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn a_short_stall_is_waited_for() {
    let (reply, _) = play(Scenario::always(Reply::of([text("a"), Part::Stall(30), text("b")]))).await;
    assert_eq!(show(&reply.unwrap()), "says \"ab\"\nends stop");
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let server = Scripted::start(Scenario::always(Reply::of([text("half"), Part::Hang]))).await;
    let model = OpenAi::new(endpoint(&server)).unwrap();
    let (heard, mut hear) = tokio::sync::mpsc::unbounded_channel();
    let on_delta = move |delta| heard.send(delta).unwrap();
    let asked = request(&server);
    tokio::select! {
        reply = model.generate(permit(&asked), asked, &on_delta) => panic!("{reply:?}"),
        delta = hear.recv() => assert_eq!(delta, Some(Delta::Text("half".to_owned()))),
    }
    server.until(|counts| counts.open == 0).await;
}

#[tokio::test]
async fn nobody_there_is_transient_with_a_hint() {
    let server = Scripted::start(Scenario::default()).await;
    let (endpoint, asked) = (endpoint(&server), request(&server));
    drop(server);
    // The listener goes with its task: until then a connection is refused or closed without an answer.
    let model = OpenAi::new(endpoint.clone()).unwrap();
    let mut failure = generate(&model, asked.clone()).await.0.unwrap_err();
    while !failure.message.contains("refused") {
        assert!(matches!(failure.kind, FailureKind::Transient | FailureKind::Unreached), "{failure:?}");
        failure = generate(&model, asked.clone()).await.0.unwrap_err();
    }
    assert_eq!(
        (failure.kind, failure.hint.as_str()),
        (FailureKind::Unreached, "is it running, is this its address, and is there a network?")
    );
    assert_eq!(probe(&endpoint).await.unwrap_err().kind, FailureKind::Unreached);
}

#[tokio::test]
async fn a_key_is_sent_and_never_shown() {
    let refusal = r#"{"error":{"message":"Incorrect API key provided: sk-hunter2"}}"#;
    let server = Scripted::start(Scenario::always(Reply::status(401, refusal))).await;
    let endpoint = Endpoint { api_key: Some("sk-hunter2".into()), ..endpoint(&server) };
    let (reply, _) = generate(&OpenAi::new(endpoint).unwrap(), request(&server)).await;
    let failure = reply.unwrap_err();
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer sk-hunter2");
    assert!(failure.message.contains("[key]") && !format!("{failure:?}").contains("hunter2"), "{failure:?}");
    assert_eq!(failure.hint, "check the key in OPENAI_API_KEY");
}

#[tokio::test]
async fn a_permit_for_another_request_or_host_sends_nothing() {
    let server = Scripted::start(Scenario::always(Reply::text("hi"))).await;
    let model = OpenAi::new(endpoint(&server)).unwrap();
    let asked = request(&server);
    let other = Generate { max_output: 7, ..asked.clone() };
    assert!(model.generate(permit(&asked), other, &|_| ()).await.is_err_and(|failure| failure.message.contains("permit")));
    let elsewhere = Generate { host: "api.example.com".to_owned(), ..asked };
    assert!(generate(&model, elsewhere).await.0.is_err_and(|failure| failure.message.contains("api.example.com")));
    assert_eq!(server.counts().requests, 0);
}

#[tokio::test]
async fn endless_arguments_are_cut_off() {
    let args = Value::from("x".repeat(1 << 20));
    let part = json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "function": { "name": "write", "arguments": args } }] } }] })
        .to_string();
    let (reply, _) = play(Scenario::always(Reply::data([part.as_str(); 5]))).await;
    assert!(reply.is_err_and(|failure| failure.message.contains("4 MiB")));
}

#[tokio::test]
async fn a_second_turn_sends_back_what_the_first_one_said() {
    let first = r#"{"choices":[{"delta":{"reasoning_content":"hm","thought":"kept","tool_calls":[{"function":{"name":"ls","arguments":"oops"},"sig":1}]},"finish_reason":"tool_calls"}]}"#;
    let server = Scripted::start(Scenario::of([Reply::data([first]), Reply::call("rm", json!({}))])).await;
    let model = OpenAi::new(endpoint(&server)).unwrap();
    let mut asked = request(&server);
    let message = generate(&model, asked.clone()).await.0.unwrap().message;
    assert_eq!(
        message.calls,
        [MessageCall {
            id: "call_0".into(),
            tool: "ls".into(),
            args: "oops".into(),
            unknown: BTreeMap::from([("sig".into(), "1".into())])
        }]
    );
    asked.messages.push(message);
    asked.messages.push(naestro_policy::effect::Message {
        role: naestro_policy::effect::Role::Tool,
        answers: Some("call_0".into()),
        ..user("none")
    });
    generate(&model, asked).await.0.unwrap();
    let sent = &server.chats()[1]["messages"];
    assert_eq!(
        sent[1],
        json!({ "role": "assistant", "content": null, "reasoning_content": "hm", "thought": "kept",
        "tool_calls": [{ "id": "call_0", "type": "function", "sig": 1, "function": { "name": "ls", "arguments": "{\"malformed\":\"oops\"}" } }] })
    );
    assert_eq!(sent[2], json!({ "role": "tool", "content": "none", "tool_call_id": "call_0" }));
}

#[tokio::test]
async fn made_up_ids_do_not_meet_those_of_earlier_turns() {
    let nameless = Reply::data([r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"ls","arguments":"{}"}}]}}]}"#]);
    let server = Scripted::start(Scenario::always(nameless)).await;
    let model = OpenAi::new(endpoint(&server)).unwrap();
    let mut asked = request(&server);
    for id in ["call_0", "call_1", "call_2"] {
        let message = generate(&model, asked.clone()).await.0.unwrap().message;
        assert_eq!(message.calls[0].id, id);
        asked.messages.push(message);
    }
}

#[tokio::test]
async fn probing_lists_the_models() {
    let server = Scripted::start(Scenario { models: vec!["a".to_owned(), "b".to_owned()], ..Scenario::default() }).await;
    assert_eq!(probe(&endpoint(&server)).await, Ok(vec!["a".to_owned(), "b".to_owned()]));
    let lost = Endpoint { base_url: format!("{}/nowhere", server.url()), ..endpoint(&server) };
    assert_eq!(probe(&lost).await, Ok(vec!["a".to_owned(), "b".to_owned()]));
    assert!(probe(&Endpoint::new("nonsense")).await.is_err_and(|failure| failure.hint.contains("http://")));
}

#[tokio::test]
async fn calls_arrive_in_pieces_and_become_whole() {
    let call = Part::Call(Call { id: None, name: "edit".into(), args: json!({ "path": "ä/b", "text": "x\ny" }) });
    let (reply, deltas) = play(Scenario::always(Reply::of([text("Now:"), call]).chunked(1).used(9, 3))).await;
    let expect =
        "says \"Now:\"\ncalls call_0_0: edit {\"path\":\"ä/b\",\"text\":\"x\\ny\"}\nends calls\nused in 9 out 3 read 0 write 0 reasoning 0";
    assert_eq!(show(&reply.unwrap()), expect);
    assert_eq!(deltas.len(), 4);
}
