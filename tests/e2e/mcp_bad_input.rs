//! Bad input by MCP on standard input: each kind is answered, costs a bounded amount, and leaves the process at work.

use std::time::{Duration, Instant};

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use serde_json::{Value, json};

use super::mcp::{ALONE, Mcp, alone};
use super::models::says as replies;
use super::naestro::{Naestro, eventually, says};

/// A client of a process that still answers at the end.
fn with_mcp(revision: &'static str, test: impl FnOnce(&mut Mcp)) {
    let naestro = Naestro::new(&Project::plain());
    let mut mcp = Mcp::start(&naestro, revision, json!({}));
    test(&mut mcp);
    assert_eq!(mcp.ask("tools/list", &json!({}))["tools"].as_array().map(Vec::len), Some(4));
    let done = mcp.end().exits(0);
    assert!(!done.err.contains("panicked"), "{}", done.err);
}

#[track_caller]
fn refused(answer: &Value, code: i32, parts: &[&str]) {
    assert_eq!(answer["error"]["code"], code, "{answer}");
    says(&answer["error"]["message"].to_string(), parts);
}

#[test]
fn lines_that_are_no_messages_are_answered() {
    for revision in ["2025-06-18", ALONE] {
        with_mcp(revision, |mcp| {
            mcp.ask("tools/list", &json!({}));
            refused(&mcp.raw("{this is no JSON"), -32700, &["failed to read a line as JSON"]);
            refused(&mcp.raw("\u{0}\u{1}"), -32700, &[]);
            refused(&mcp.raw(&"[".repeat(100_000)), -32700, &["recursion"]);
            refused(&mcp.raw("[]"), -32600, &["a batch of 0 messages"]);
            refused(&mcp.raw(&json!(vec![json!({}); 101]).to_string()), -32600, &["a batch of 101 messages", "1 to 100"]);
            for (line, id) in [
                ("42", None),
                ("{}", None),
                (r#"{"jsonrpc":"2.0","id":"x","method":5}"#, Some(json!("x"))),
                (r#"{"jsonrpc":"1.0","id":7001,"method":"tools/list"}"#, Some(json!(7001))),
                (r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#, None),
                (r#"{"jsonrpc":"2.0","id":{},"method":"tools/list"}"#, None),
            ] {
                let answer = mcp.raw(line);
                refused(&answer, -32600, &["none of JSON-RPC 2.0"]);
                assert_eq!(answer.get("id"), id.as_ref(), "{line}");
            }
            // What asks for nothing is not answered.
            mcp.going.say(r#"{"jsonrpc":"2.0","id":99,"result":{}}"#);
            mcp.going.say(r#"{"jsonrpc":"2.0","method":"notifications/nonsense"}"#);
        });
    }
}

#[test]
fn methods_parameters_and_tools_that_are_wrong_are_named() {
    for revision in ["2025-11-25", ALONE] {
        with_mcp(revision, |mcp| {
            refused(&mcp.call("tools/explode", &json!({})), -32601, &["tools/explode"]);
            refused(&mcp.call("tools/call", &json!({ "name": 5 })), -32602, &["tools/call"]);
            refused(&mcp.call("tools/call", &json!({ "name": "orchestarte" })), -32602, &["orchestarte", "orchestrate"]);
            refused(&mcp.call("tools/list", &json!({ "cursor": "x" })), -32602, &["cursor"]);
            refused(&mcp.call("prompts/get", &json!({ "name": "chekc" })), -32602, &["chekc", "check"]);
            // A method of sessions is none where requests stand alone, whatever its parameters.
            let of_sessions = if revision == ALONE { -32601 } else { -32602 };
            refused(&mcp.call("resources/subscribe", &json!({ "uri": 5 })), of_sessions, &["resources/subscribe"]);
            let not_found = if revision == ALONE { -32602 } else { -32002 };
            refused(&mcp.call("resources/read", &json!({ "uri": "file:///etc/passwd" })), not_found, &["file:///etc/passwd"]);
            let named = |mcp: &mut Mcp, tool: &str, arguments: Value, parts: &[&str]| {
                says(&mcp.refuses(tool, &arguments), parts);
            };
            named(mcp, "orchestrate", json!({ "gaol": "x" }), &["invalid_input", "gaol"]);
            named(mcp, "orchestrate", json!({ "goal": 5 }), &["invalid_input", "goal"]);
            named(mcp, "orchestrate", json!({ "goal": "x", "workspace": "relative" }), &["invalid_workspace", "absolute"]);
            named(mcp, "orchestrate", json!({ "goal": "x", "mode": "yolo" }), &["invalid_input", "yolo", "guide"]);
            named(mcp, "orchestrate", json!({ "goal": "x" }), &["no_model", "OPENAI_BASE_URL"]);
            named(mcp, "orchestrate", json!({ "goal": "x".repeat(1 << 20) }), &["invalid_input"]);
            named(mcp, "explain", json!({}), &["invalid_input", "target"]);
            named(mcp, "trace", json!({ "op": "show", "run": "ffffffff" }), &["unknown_run"]);
            named(mcp, "trace", json!({ "op": "show", "run": "../../etc" }), &["unknown_run"]);
            named(mcp, "trace", json!({ "op": "wait" }), &["invalid_input", "run"]);
        });
    }
}

#[test]
fn a_line_that_is_too_long_costs_a_bounded_amount() {
    with_mcp(ALONE, |mcp| {
        mcp.ask("tools/list", &json!({}));
        let before = mcp.going.peak_kib();
        let chunk = vec![b'x'; 1 << 20];
        (0..100).for_each(|_| mcp.going.write(&chunk));
        refused(&mcp.raw(""), -32600, &["more than 16 MiB"]);
        let grown = mcp.going.peak_kib() - before;
        assert!(grown < 40 << 10, "a line of 100 MB cost {grown} KiB");
    });
}

#[test]
fn a_request_of_sixteen_megabytes_is_read_and_a_call_with_it_refused() {
    with_mcp(ALONE, |mcp| {
        let goal = "x".repeat((16 << 20) - 1000);
        says(&mcp.refuses("orchestrate", &json!({ "goal": goal })), &["invalid_input"]);
    });
}

#[test]
fn an_id_that_goes_on_is_not_taken_twice() {
    let model = Scripted::spawn(replies("Fine."));
    let naestro = Naestro::new(&Project::plain()).model(&model);
    let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
    let wait = json!({ "goal": "wait", "mode": "auto", "accept": ["sleep 1"] });
    let first = mcp.send("tools/call", &json!({ "name": "orchestrate", "arguments": wait }));
    let params = alone(&json!({}), &json!({}), "tester");
    let again = mcp.raw(&json!({ "jsonrpc": "2.0", "id": first, "method": "tools/list", "params": params }).to_string());
    assert_eq!(again.get("id"), None, "{again}");
    refused(&again, -32600, &["one with that id goes on"]);
    assert_eq!(mcp.answer(first)["result"]["structuredContent"]["state"], "succeeded");
    let done = mcp.end().exits(0);
    assert_eq!(done.lines.iter().filter(|line| line["id"] == first).count(), 1, "one answer for an id: {}", done.out);
}

#[test]
fn a_batch_is_answered_message_by_message() {
    with_mcp("2025-03-26", |mcp| {
        let request = |id: &str, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": {} });
        mcp.going.say(&json!([request("a", "tools/list"), request("b", "prompts/list"), request("c", "no/such")]).to_string());
        let mut seen: Vec<String> = (0..3).map(|_| mcp.going.until(|line| line["method"].is_null())["id"].to_string()).collect();
        seen.sort();
        assert_eq!(seen, ["\"a\"", "\"b\"", "\"c\""]);
    });
}

#[test]
fn what_is_asked_right_before_the_end_is_still_answered() {
    let naestro = Naestro::new(&Project::plain());
    let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
    let ids: Vec<u64> = (0..20).map(|_| mcp.send("tools/list", &json!({}))).collect();
    let last = mcp.send("tools/call", &json!({ "name": "trace", "arguments": { "op": "list" } }));
    let begun = Instant::now();
    let done = mcp.end().exits(0);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    for id in ids.into_iter().chain([last]) {
        assert_eq!(done.lines.iter().filter(|line| line["id"] == id && !line["result"].is_null()).count(), 1, "{id}");
    }
}

/// Nobody reads what it says: it stops taking, and ends all the same.
#[test]
fn a_client_that_does_not_read_costs_a_bounded_amount() {
    let naestro = Naestro::new(&Project::plain());
    let mut command = naestro.command(["mcp"]);
    let (reading, output) = std::io::pipe().unwrap();
    let mut child = command.stdin(std::process::Stdio::piped()).stdout(output).stderr(std::process::Stdio::null()).spawn().unwrap();
    drop(command);
    let mut input = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        use std::io::Write as _;
        // It ends when the process does, if the pipe is full before all is written.
        for id in 0..20_000 {
            let params = alone(&json!({}), &json!({}), "tester");
            let line = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list", "params": params });
            if writeln!(input, "{line}").is_err() {
                return;
            }
        }
    });
    let status = format!("/proc/{}/status", child.id());
    let peak = || {
        std::fs::read_to_string(&status).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse::<u64>().ok()?;
            Some(line)
        })
    };
    std::thread::sleep(Duration::from_secs(2));
    let held = peak().expect("it still runs");
    assert!(held < 200 << 10, "it holds {held} KiB for a client that does not read");
    drop(reading);
    eventually(|| peak().is_none() || writing.is_finished());
    writing.join().unwrap();
    assert!(child.wait().unwrap().code().is_some());
}
