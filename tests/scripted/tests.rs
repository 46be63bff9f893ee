//! The scripted model, checked with a client so plain that it hides nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Counts, Part, Pick, Reply, Scenario, Scripted};

/// Posts a chat request on a connection of its own; returns the response as it came, head and body.
fn post(server: &Scripted, body: &Value) -> String {
    let body = body.to_string();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    exchange(server, &format!("{head}{body}"))
}

fn exchange(server: &Scripted, request: &str) -> String {
    let mut socket = TcpStream::connect(server.host()).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn turn(assistants: usize, stream: bool) -> Value {
    let mut messages = vec![json!({ "role": "user", "content": "go" })];
    messages.extend((0..assistants).map(|_| json!({ "role": "assistant", "content": "went" })));
    json!({ "model": "m", "messages": messages, "stream": stream })
}

#[test]
fn a_request_repeated_after_a_crash_gets_the_same_reply() {
    let server = Scripted::spawn(Scenario::of([Reply::text("first"), Reply::text("second")]));
    for (assistants, text) in [(0, "first"), (0, "first"), (1, "second"), (0, "first")] {
        assert!(post(&server, &turn(assistants, true)).contains(text));
    }
    let lost = post(&server, &turn(2, true));
    assert!(lost.starts_with("HTTP/1.1 400") && lost.contains("no reply for turn 2"), "{lost}");
}

#[test]
fn in_order_every_request_moves_on() {
    let server = Scripted::spawn(Scenario { pick: Pick::Order, ..Scenario::of([Reply::text("first"), Reply::text("second")]) });
    assert!(post(&server, &turn(0, true)).contains("first"));
    assert!(post(&server, &turn(0, true)).contains("second"));
}

#[test]
fn a_trouble_is_given_once_before_its_reply() {
    let busy = Reply::status(429, "busy").header("retry-after", "3");
    let server = Scripted::spawn(Scenario::always(Reply::text("well").after([busy])));
    let first = post(&server, &turn(0, true));
    assert!(first.starts_with("HTTP/1.1 429") && first.contains("retry-after: 3"), "{first}");
    assert!(post(&server, &turn(0, true)).contains("well"));
}

#[test]
fn a_scenario_reads_from_toml_and_json_alike() {
    let toml = r#"
        [[replies]]
        parts = [{ text = "hi" }, { call = { name = "read", args = { path = "a" } } }, { stall = 5 }, "break"]
        usage = { input = 3, output = 1 }
        first = [{ status = 503, body = "no" }]
        [[replies]]
        when = { last = "why", turn = 2 }
        parts = [{ data = "{" }, "hang"]
    "#;
    let scenario = Scenario::parse(toml).unwrap();
    assert_eq!(scenario.replies[0].parts[3], Part::Break);
    assert_eq!(Scenario::parse(&serde_json::to_string(&scenario).unwrap()), Ok(scenario));
    assert!(Scenario::parse("[[replies]]\nprats = []").unwrap_err().0.contains("prats"));
}

#[test]
fn a_whole_reply_says_what_the_stream_says() {
    let server = Scripted::spawn(Scenario::always(Reply::call("read", json!({ "path": "a" })).used(7, 2)));
    let answer = post(&server, &turn(0, false));
    let completion: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(completion["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], r#"{"path":"a"}"#);
    assert_eq!(completion["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(completion["usage"]["prompt_tokens"], 7);
}

#[test]
fn a_condition_wins_over_the_turn_and_requests_are_recorded() {
    let server = Scripted::spawn(Scenario::of([Reply::text("plain"), Reply::text("matched").when_last("say \"so\"")]));
    assert!(post(&server, &json!({ "messages": [{ "role": "tool", "content": "I say \"so\"!" }], "stream": true })).contains("matched"));
    assert!(post(&server, &turn(0, true)).contains("plain"));
    assert!(exchange(&server, "GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").contains("scripted"));
    assert_eq!(server.chats().len(), 2);
    assert_eq!(server.requests()[2].headers["connection"], "close");
    let Counts { requests, connections, .. } = server.counts();
    assert_eq!((requests, connections), (3, 3));
}

#[test]
fn a_break_drops_the_connection_before_the_end() {
    let server = Scripted::spawn(Scenario::always(Reply::of([Part::Text("half".to_owned()), Part::Break])));
    let answer = post(&server, &turn(0, true));
    assert!(answer.contains("half") && !answer.contains("[DONE]") && !answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[test]
fn two_thousand_deltas_do_not_take_long() {
    let server = Scripted::spawn(Scenario::always(Reply::text(&"ab".repeat(2000)).chunked(2)));
    let start = Instant::now();
    let answer = post(&server, &turn(0, true));
    assert_eq!(answer.matches(r#""content":"ab""#).count(), 2000);
    assert!(start.elapsed().as_millis() < 1000, "{:?}", start.elapsed());
}
