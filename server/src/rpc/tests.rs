//! A whole session against an engine made for it: frames in, lines out.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use expect_test::{Expect, expect};
use futures_util::{StreamExt as _, stream};
use naestro_api::{
    Caller, Command, Cost, Engine, Error, ErrorCode, EventEntry, Events, Handle, Outcome, Pending, Query, Reply, Signal, TraceReply,
    Update, UpdateBody,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::frame::Frame;
use super::methods::Served;
use super::outbox::Outbox;
use super::session::Session;
use crate::lazy::Lazy;

/// Answers by what it is asked: a goal is a script of updates, some runs panic or wait.
struct Double;

impl Engine for Double {
    fn submit(&self, command: Command, _: Caller) -> Pending<'_, Result<Handle, Error>> {
        Box::pin(async move {
            match command {
                Command::Orchestrate(orchestrate) if !orchestrate.workspace.starts_with('/') => {
                    Err(Error::new(ErrorCode::InvalidWorkspace, "use a relative path").hint("make it absolute"))
                }
                Command::Orchestrate(orchestrate) => {
                    let updates = script(&orchestrate.goal).into_iter().map(|body| Update { run: "r1".to_owned(), seq: None, body });
                    Ok(Handle::Run { run: "r1".to_owned(), updates: stream::iter(updates.collect::<Vec<_>>()).boxed() })
                }
                _ => Ok(Handle::Trace(TraceReply::List { runs: Vec::new() })),
            }
        })
    }

    fn signal(&self, signal: Signal, _: Caller) -> Pending<'_, Result<(), Error>> {
        Box::pin(async move {
            assert!(signal != Signal::Cancel { run: "bug".to_owned() }, "a bug, on purpose");
            Ok(())
        })
    }

    fn query(&self, query: Query) -> Pending<'_, Result<Reply, Error>> {
        Box::pin(async move {
            match query {
                Query::Events { run, .. } if run == "big" => {
                    let event = EventEntry { seq: 0, at: 0, event: "done".to_owned(), text: "x".repeat(1 << 20) };
                    Ok(Reply::Events(Events { events: vec![event], next: 1 }))
                }
                Query::Events { wait_ms: 0, since, .. } => Ok(Reply::Events(Events { events: Vec::new(), next: since })),
                Query::Events { .. } => std::future::pending().await,
                Query::State { run } => Err(Error::new(ErrorCode::UnknownRun, format!("find run {run}"))),
                Query::Holds { citations, .. } => Ok(Reply::Holds(citations.iter().map(|citation| citation.line == 1).collect())),
                Query::Diff { .. } | Query::Recipes => panic!("no method asks for it"),
            }
        })
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async {})
    }
}

/// A goal such as `3 deltas` as updates.
fn script(goal: &str) -> Vec<UpdateBody> {
    let count: usize = goal.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
    let delta = |at: usize| UpdateBody::Delta { step: "s".to_owned(), text: format!("{at} "), reasoning: false };
    let finished = UpdateBody::Finished {
        outcome: Outcome::Succeeded,
        summary: "done".to_owned(),
        diff: None,
        receipts: Vec::new(),
        cost: Cost::default(),
    };
    (0..count).map(delta).chain([finished]).collect()
}

/// Passes on what is written.
struct Pipe(mpsc::UnboundedSender<Vec<u8>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn session(out: impl Write + Send + 'static) -> (Arc<Session>, oneshot::Receiver<()>) {
    let (outbox, written) = Outbox::start(out).expect("a thread");
    let engine = Lazy::new(Box::new(|| Ok(Arc::new(Double) as Arc<dyn Engine>)));
    (Arc::new(Session::new(Arc::new(Served::new(engine)), outbox)), written)
}

/// Takes the frames one after another, then ends, and returns the lines.
async fn converse(frames: Vec<Frame>) -> Vec<Value> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (session, written) = session(Pipe(sender));
    for frame in frames {
        session.take(frame).await;
    }
    super::end(&session, written).await;
    let mut text = Vec::new();
    while let Ok(bytes) = receiver.try_recv() {
        text.extend(bytes);
    }
    let text = String::from_utf8(text).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn frame(text: &str) -> Frame {
    Frame::Whole(text.as_bytes().to_vec())
}

fn request(id: u64, method: &str, params: &Value) -> Frame {
    frame(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string())
}

/// A line in short: what it answers, and with what.
fn brief(line: &Value) -> String {
    match (line.as_array(), line["error"].is_object(), line["method"].is_string()) {
        (Some(batch), ..) => format!("[{}]", batch.iter().map(brief).collect::<Vec<_>>().join(" | ")),
        (_, true, _) => {
            let error = &line["error"];
            format!("{} error {} {} {}", line["id"], error["code"], error["message"], error["data"]["hints"])
        }
        (_, _, true) => format!("update {} {}", line["params"]["type"], line["params"]["text"]),
        _ => format!("{} {}", line["id"], line["result"]),
    }
}

#[track_caller]
fn check(frames: Vec<Frame>, expect: Expect) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let lines: Vec<String> = runtime.block_on(converse(frames)).iter().map(brief).collect();
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn the_version_opens_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (sender, mut lines) = mpsc::unbounded_channel();
        let (outbox, _written) = Outbox::start(Pipe(sender)).expect("a thread");
        let made = Arc::new(Mutex::new(0));
        let count = Arc::clone(&made);
        let engine = Lazy::new(Box::new(move || {
            *count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            Ok(Arc::new(Double) as Arc<dyn Engine>)
        }));
        let session = Arc::new(Session::new(Arc::new(Served::new(engine)), outbox));
        session.take(request(1, "naestro.version", &json!({}))).await;
        lines.recv().await.expect("an answer");
        assert_eq!(*made.lock().unwrap_or_else(PoisonError::into_inner), 0);
        session.take(request(2, "events.since", &json!({ "run": "r" }))).await;
        lines.recv().await.expect("an answer");
        assert_eq!(*made.lock().unwrap_or_else(PoisonError::into_inner), 1);
    });
}

#[test]
fn a_run_is_answered_with_its_handle_before_its_updates() {
    check(
        vec![request(1, "naestro.orchestrate", &json!({ "goal": "0", "workspace": "/w" }))],
        expect![[r#"
        1 {"run":"r1"}
        update "finished" null"#]],
    );
}

#[test]
fn deltas_that_come_together_are_sent_together() {
    check(
        vec![request(1, "naestro.orchestrate", &json!({ "goal": "5 deltas", "workspace": "/w" }))],
        expect![[r#"
        1 {"run":"r1"}
        update "delta" "0 1 2 3 4 "
        update "finished" null"#]],
    );
}

#[test]
fn what_is_wrong_is_said_with_a_code_a_sentence_and_a_hint() {
    check(
        vec![request(1, "naestro.orchestrat", &json!({}))],
        expect![[r#"1 error -32601 "failed to find the method `naestro.orchestrat`" ["did you mean `naestro.orchestrate`?"]"#]],
    );
    check(
        vec![request(1, "naestro.orchestrate", &json!({ "goal": 5, "workspace": "/w" }))],
        expect![[
            r#"1 error -32602 "failed to read the params of naestro.orchestrate: field `goal`: invalid type: integer `5`, expected a string" ["rpc.discover has the schema"]"#
        ]],
    );
    check(
        vec![request(1, "naestro.orchestrate", &json!({ "goal": "g", "workspace": "w" }))],
        expect![[r#"1 error -32001 "failed to use a relative path" ["make it absolute"]"#]],
    );
    check(vec![request(1, "state.get", &json!({ "run": "x" }))], expect![[r#"1 error -32001 "failed to find run x" []"#]]);
    check(
        vec![frame("nonsense")],
        expect![[r#"null error -32700 "failed to read a frame as JSON: expected ident at line 1 column 2" []"#]],
    );
    check(
        vec![Frame::TooLong],
        expect![[
            r#"null error -32600 "failed to read a frame of more than 16 MiB" ["end each request with a line feed, and send large texts as files in the workspace"]"#
        ]],
    );
}

#[test]
fn notifications_are_not_answered_not_even_wrong_ones() {
    let known = frame(r#"{"jsonrpc":"2.0","method":"naestro.version"}"#);
    let unknown = frame(r#"{"jsonrpc":"2.0","method":"nothing"}"#);
    let batch = frame(r#"[{"jsonrpc":"2.0","method":"naestro.version"}]"#);
    check(vec![known, unknown, batch], expect![[""]]);
}

#[test]
fn a_batch_is_answered_in_one_line() {
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"naestro.version"}, 5, {"jsonrpc":"2.0","method":"naestro.version"}]"#;
    check(
        vec![frame(batch)],
        expect![[
            r#"[1 {"name":"naestro","version":"0.1.0","panics":0} | null error -32600 "failed to read a request: it is no object" []]"#
        ]],
    );
}

#[test]
fn an_id_that_is_still_open_cannot_be_used_again() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (sender, mut lines) = mpsc::unbounded_channel();
        let (session, _written) = session(Pipe(sender));
        session.take(request(1, "events.since", &json!({ "run": "r", "wait_ms": 30_000 }))).await;
        session.take(request(1, "naestro.version", &json!({}))).await;
        let line = lines.recv().await.expect("an answer");
        let line = serde_json::from_slice(&line).expect("a line is JSON");
        expect![[r#"null error -32600 "failed to take a request with the id 1: one with that id goes on" []"#]].assert_eq(&brief(&line));
    });
}

#[test]
fn a_request_that_panics_is_answered_and_counted_and_takes_no_other_down() {
    check(
        vec![request(1, "naestro.cancel", &json!({ "run": "bug" })), request(2, "naestro.cancel", &json!({ "run": "r" }))],
        expect![[r#"
            1 error -32603 "failed to answer naestro.cancel: a bug stopped it" ["standard error says where; other requests are not affected"]
            2 {}"#]],
    );
}

#[test]
fn the_end_of_the_input_ends_a_wait_for_events() {
    check(
        vec![request(1, "events.since", &json!({ "run": "r", "since": 7, "wait_ms": 30_000 }))],
        expect![[r#"1 {"events":[],"next":7}"#]],
    );
}

#[test]
fn a_reader_that_does_not_read_costs_deltas_and_nothing_else() {
    /// Takes nothing until it is let.
    struct Stalled(std::sync::mpsc::Receiver<()>, Pipe);
    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // The sender is gone once reading is to go on.
            let _ = self.0.recv();
            self.1.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (go_on, stalled) = std::sync::mpsc::channel();
        let (sender, mut lines) = mpsc::unbounded_channel();
        let (session, written) = session(Stalled(stalled, Pipe(sender)));
        // Twelve answers of a megabyte are more than the queue takes.
        for id in 0..12 {
            session.take(request(id, "events.since", &json!({ "run": "big" }))).await;
        }
        session.take(request(99, "naestro.orchestrate", &json!({ "goal": "100 deltas", "workspace": "/w" }))).await;
        drop(go_on);
        session.finish_calls(Duration::from_secs(20)).await.expect("every request is answered");
        session.finish_followers(Duration::from_secs(20)).await.expect("every update is sent");
        session.outbox.close();
        written.await.expect("all is written");
        let mut text = Vec::new();
        while let Ok(bytes) = lines.try_recv() {
            text.extend(bytes);
        }
        let text = String::from_utf8(text).expect("text");
        assert_eq!(text.lines().filter(|line| line.contains("\"id\":")).count(), 13);
        assert_eq!(text.lines().filter(|line| line.contains("finished")).count(), 1);
    });
}
