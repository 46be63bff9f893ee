//! The endpoint over HTTP: who is let in, what a request has to look like, sessions, and the end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::mcp::{ALONE, alone};
use super::models::{mends_cargo, slowly};
use super::naestro::{Going, Naestro, PATIENCE, eventually, says};

/// A server that listens, and what its clients need to know.
struct Endpoint {
    going: Going,
    address: String,
    token: String,
}

/// An answer: its status, its head, and the message in it.
struct Answer {
    status: u16,
    head: String,
    message: Value,
}

impl Endpoint {
    fn start(naestro: &Naestro, args: &[&str]) -> Self {
        let going = naestro.start(["mcp", "--listen", "127.0.0.1:0"].into_iter().chain(args.iter().copied()));
        let address = going.says_after("listening on http://").trim_end_matches("/mcp").to_owned();
        let token = std::fs::read_to_string(naestro.home().join("mcp-token")).unwrap();
        Self { going, address, token }
    }

    /// A request with the token and nothing else said.
    fn head(&self, method: &str, body: &str) -> String {
        let Self { address, token, .. } = self;
        format!(
            "{method} /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        )
    }

    /// Sends a head without its end, and a body, and reads until the connection ends.
    fn raw(&self, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may refuse before it has read all.
        let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said).into_owned();
        let (head, body) = said.split_once("\r\n\r\n").unwrap_or((&said, ""));
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_lowercase(), message: message(body) }
    }

    /// A request that stands alone, with these headers beside those it needs.
    fn ask(&self, method: &str, params: &Value, name: &str) -> Answer {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": alone(params, &json!({}), "tester") }).to_string();
        let named = params["name"].as_str().map(|name| format!("Mcp-Name: {name}\r\n")).unwrap_or_default();
        self.raw(&format!("{}MCP-Protocol-Version: {ALONE}\r\nMcp-Method: {name}\r\n{named}", self.head("POST", &body)), &body)
    }

    /// The result of a request that stands alone and must succeed.
    #[track_caller]
    fn does(&self, method: &str, params: &Value) -> Value {
        let answer = self.ask(method, params, method);
        assert_eq!(answer.status, 200, "{}\n{}", answer.head, answer.message);
        assert!(answer.message["error"].is_null(), "{}", answer.message);
        answer.message["result"].clone()
    }

    /// Begins a session; its id.
    fn begin(&self) -> String {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "tester", "version": "1" } });
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }).to_string();
        let answer = self.raw(&self.head("POST", &body), &body);
        assert_eq!(answer.message["result"]["protocolVersion"], "2025-11-25", "{}", answer.message);
        let session = answer.head.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap().to_owned();
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
        assert_eq!(self.raw(&format!("{}Mcp-Session-Id: {session}\r\n", self.head("POST", &told)), &told).status, 202);
        session
    }

    /// A request within a session.
    fn within(&self, session: &str, method: &str, params: &Value) -> Answer {
        let body = json!({ "jsonrpc": "2.0", "id": 2, "method": method, "params": params }).to_string();
        let head = format!("{}Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n", self.head("POST", &body));
        self.raw(&head, &body)
    }

    fn end(self) {
        self.going.signal(Signal::SIGTERM);
        self.going.finish().exits(0);
    }
}

/// The last message in a body: JSON, in chunks, or as events.
fn message(body: &str) -> Value {
    let lines = body.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
    lines.filter_map(|line| serde_json::from_str(line).ok()).rfind(Value::is_object).unwrap_or_default()
}

#[test]
fn only_who_bears_the_token_is_let_in() {
    let naestro = Naestro::new(&Project::plain());
    let endpoint = Endpoint::start(&naestro, &[]);
    let mode = std::fs::metadata(naestro.home().join("mcp-token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::metadata(naestro.home()).unwrap().permissions().mode() & 0o077, 0, "others can look into the state directory");
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} }).to_string();
    let good = endpoint.head("POST", &body);
    let other = endpoint.token.replace(|c: char| c.is_ascii_digit(), "a");
    for head in [
        good.replace(&format!("Authorization: Bearer {}\r\n", endpoint.token), ""),
        good.replace(&endpoint.token, &other),
        good.replace(&endpoint.token, &endpoint.token[1..]),
        good.replace("Bearer", "Basic"),
        good.replace("/mcp", &format!("/mcp?token={}", endpoint.token)).replace(&format!("Bearer {}", endpoint.token), "Bearer x"),
    ] {
        let answer = endpoint.raw(&head, &body);
        assert_eq!(answer.status, 401, "{head}{}", answer.head);
        says(&answer.head, &["www-authenticate: bearer"]);
        says(&answer.message.to_string(), &["bears no token"]);
    }
    assert_eq!(endpoint.does("tools/list", &json!({}))["tools"].as_array().map(Vec::len), Some(4));
    endpoint.going.signal(Signal::SIGTERM);
    let token = endpoint.token.clone();
    let done = endpoint.going.finish().exits(0);
    assert!(!done.err.contains(&token), "the token is told: {}", done.err);
    let again = Endpoint::start(&naestro, &[]);
    assert_eq!(again.token, token, "what a client was told once goes on holding");
    again.end();
}

#[test]
fn pages_and_other_names_are_kept_out_unless_they_were_let_in() {
    let naestro = Naestro::new(&Project::plain());
    let endpoint = Endpoint::start(&naestro, &["--host", "naestro.example", "--origin", "https://app.example"]);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": {} }).to_string();
    let check = |host: &str, origin: Option<&str>, refused: bool| {
        let head = endpoint.head("POST", &body).replace(&format!("Host: {}", endpoint.address), &format!("Host: {host}"));
        let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        let answer = endpoint.raw(&format!("{head}{origin}"), &body);
        assert_eq!(answer.status == 403, refused, "{host} {origin}: {}\n{}", answer.head, answer.message);
    };
    check(&endpoint.address, None, false);
    check("localhost:7311", None, false);
    check("naestro.example", None, false);
    check("evil.example", None, true);
    check("127.0.0.1.evil.example", None, true);
    check(&endpoint.address, Some("https://app.example"), false);
    check(&endpoint.address, Some(&format!("http://{}", endpoint.address)), false);
    check(&endpoint.address, Some("https://app.example:8443"), true);
    check(&endpoint.address, Some("https://evil.example"), true);
    check(&endpoint.address, Some("http://localhost:3000"), true);
    check(&endpoint.address, Some("null"), true);
    endpoint.end();
}

#[test]
fn what_the_headers_say_is_what_the_body_says() {
    let naestro = Naestro::new(&Project::plain());
    let endpoint = Endpoint::start(&naestro, &[]);
    let mismatch = |answer: Answer| {
        assert_eq!((answer.status, &answer.message["error"]["code"]), (400, &json!(-32020)), "{}", answer.message);
    };
    mismatch(endpoint.ask("tools/list", &json!({}), "prompts/list"));
    let params = alone(&json!({ "name": "trace", "arguments": { "op": "list" } }), &json!({}), "tester");
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let head = |version: &str, name: &str| {
        format!("{}MCP-Protocol-Version: {version}\r\nMcp-Method: tools/call\r\nMcp-Name: {name}\r\n", endpoint.head("POST", &body))
    };
    mismatch(endpoint.raw(&head(ALONE, "orchestrate"), &body));
    mismatch(endpoint.raw(&head("2025-11-25", "trace"), &body));
    assert_eq!(endpoint.raw(&head(ALONE, "trace"), &body).status, 200);
    endpoint.end();
}

#[test]
fn bodies_are_bounded_and_each_wrong_one_is_told_why() {
    let naestro = Naestro::new(&Project::plain());
    let endpoint = Endpoint::start(&naestro, &[]);
    let check = |body: &str, status: u16, code: i32, parts: &[&str]| {
        let answer = endpoint.raw(&endpoint.head("POST", body), body);
        assert_eq!((answer.status, &answer.message["error"]["code"]), (status, &json!(code)), "{}\n{}", answer.head, answer.message);
        says(&answer.message.to_string(), parts);
    };
    check("{this is no JSON", 400, -32700, &["failed to read the body as JSON"]);
    check("", 400, -32700, &[]);
    check("[]", 400, -32600, &["batch"]);
    check("42", 400, -32600, &["no object"]);
    check(&format!("{{\"a\":{}", "[".repeat(100_000)), 400, -32700, &["recursion"]);
    check(&"x".repeat((4 << 20) + 1), 413, -32600, &["more than 4 MiB"]);
    let body = "{}";
    let answer = endpoint.raw(&endpoint.head("POST", body).replace("application/json\r\n", "text/plain\r\n"), body);
    assert_eq!(answer.status, 415, "{}", answer.head);
    let answer = endpoint.raw(&endpoint.head("POST", body).replace("/mcp", "/elsewhere"), body);
    assert_eq!(answer.status, 404, "{}", answer.head);
    says(&answer.message.to_string(), &["the endpoint is /mcp"]);
    let answer = endpoint.raw(&format!("{}X: {}\r\n", endpoint.head("POST", body), "x".repeat(500_000)), body);
    assert!(matches!(answer.status, 0 | 400 | 431), "{}", answer.head);
    assert_eq!(endpoint.does("tools/list", &json!({}))["tools"].as_array().map(Vec::len), Some(4));
    endpoint.end();
}

/// Who does not come to the point is let go, and holds nobody else up meanwhile.
#[test]
fn a_head_that_does_not_end_is_not_waited_for() {
    let naestro = Naestro::new(&Project::plain());
    let endpoint = Endpoint::start(&naestro, &[]);
    let mut slow: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&endpoint.address).unwrap()).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(b"POST /mcp HTTP/1.1\r\nHost: local").unwrap());
    assert_eq!(endpoint.does("tools/list", &json!({}))["tools"].as_array().map(Vec::len), Some(4));
    for mut stream in slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It ends, with a word or without.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    endpoint.end();
}

#[test]
fn a_session_lives_until_it_is_deleted_and_clients_have_their_own() {
    let naestro = Naestro::new(&Project::plain());
    let endpoint = Endpoint::start(&naestro, &[]);
    let (first, second) = (endpoint.begin(), endpoint.begin());
    assert_ne!(first, second);
    for session in [&first, &second] {
        let listed = endpoint.within(session, "tools/list", &json!({}));
        assert_eq!(listed.message["result"]["tools"].as_array().map(Vec::len), Some(4), "{}", listed.message);
    }
    let delete = format!("{}Mcp-Session-Id: {first}\r\n", endpoint.head("DELETE", ""));
    let deleted = endpoint.raw(&delete, "").status;
    assert!((200..300).contains(&deleted), "{deleted}");
    assert_eq!(endpoint.within(&first, "tools/list", &json!({})).status, 404);
    assert_eq!(endpoint.within("no-such-session", "tools/list", &json!({})).status, 404);
    assert_eq!(endpoint.within(&second, "tools/list", &json!({})).status, 200);
    endpoint.end();
}

#[test]
fn a_goal_ends_in_a_diff_in_both_eras() {
    let arguments = json!({ "goal": "make the tests pass", "mode": "auto", "accept": ["cargo test --offline"] });
    let call = json!({ "name": "orchestrate", "arguments": arguments });
    for modern in [true, false] {
        let (project, model) = (Project::broken_cargo(), Scripted::spawn(mends_cargo()));
        let naestro = Naestro::new(&project).model(&model);
        let endpoint = Endpoint::start(&naestro, &[]);
        let result = if modern {
            endpoint.does("tools/call", &call)
        } else {
            endpoint.within(&endpoint.begin(), "tools/call", &call).message["result"].clone()
        };
        let run = &result["structuredContent"];
        assert_eq!((&run["state"], &run["changed"]), (&json!("succeeded"), &json!(["src/lib.rs"])), "{result}");
        endpoint.end();
    }
}

#[test]
fn a_client_that_breaks_off_leaves_a_run_that_can_go_on() {
    let (project, model) = (Project::broken_cargo(), Scripted::spawn(slowly(mends_cargo(), 1500)));
    let naestro = Naestro::new(&project).model(&model);
    let endpoint = Endpoint::start(&naestro, &[]);
    let arguments = json!({ "goal": "make the tests pass", "mode": "auto", "accept": ["cargo test --offline"] });
    let params = alone(&json!({ "name": "orchestrate", "arguments": arguments }), &json!({}), "tester");
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let head =
        format!("{}MCP-Protocol-Version: {ALONE}\r\nMcp-Method: tools/call\r\nMcp-Name: orchestrate\r\n\r\n", endpoint.head("POST", &body));
    let mut stream = TcpStream::connect(&endpoint.address).unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    eventually(|| model.chats().len() == 1);
    drop(stream);
    let run = naestro.only_run();
    eventually(|| naestro.trace(["show", &run])["state"]["live"] == false);
    let resumed = endpoint.does("tools/call", &json!({ "name": "orchestrate", "arguments": { "resume": run } }));
    assert_eq!(resumed["structuredContent"]["state"], "succeeded", "{resumed}");
    endpoint.end();
}

/// The end of a session is no word of cancelling: the run can go on, and does where it was to.
#[test]
fn a_session_that_ends_leaves_its_run_suspended_or_at_work() {
    for detach in [false, true] {
        // A session that is deleted is given 5 s to answer what it still can.
        let (project, model) = (Project::broken_cargo(), Scripted::spawn(slowly(mends_cargo(), 2500)));
        let naestro = Naestro::new(&project).model(&model);
        let endpoint = Endpoint::start(&naestro, &[]);
        let session = endpoint.begin();
        let arguments = json!({ "goal": "make the tests pass", "mode": "auto", "accept": ["cargo test --offline"], "detach": detach });
        let body =
            json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "orchestrate", "arguments": arguments } });
        let body = body.to_string();
        let mut stream = TcpStream::connect(&endpoint.address).unwrap();
        stream.write_all(format!("{}Mcp-Session-Id: {session}\r\n\r\n{body}", endpoint.head("POST", &body)).as_bytes()).unwrap();
        eventually(|| model.chats().len() == 1);
        let delete = format!("{}Mcp-Session-Id: {session}\r\n", endpoint.head("DELETE", ""));
        assert!((200..300).contains(&endpoint.raw(&delete, "").status));
        let run = naestro.only_run();
        eventually(|| naestro.trace(["show", &run])["state"]["live"] == false);
        let outcome = naestro.trace(["show", &run])["state"]["outcome"].clone();
        assert_eq!(outcome, if detach { json!("succeeded") } else { Value::Null });
        endpoint.end();
    }
}

#[test]
fn the_end_of_the_server_suspends_its_runs() {
    let (project, model) = (Project::broken_cargo(), Scripted::spawn(slowly(mends_cargo(), 3000)));
    let naestro = Naestro::new(&project).model(&model);
    let endpoint = Endpoint::start(&naestro, &[]);
    let params = json!({ "name": "orchestrate", "arguments": { "goal": "make the tests pass", "mode": "auto" } });
    let body = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params }).to_string();
    let head = format!("{}Mcp-Session-Id: {}\r\n", endpoint.head("POST", &body), endpoint.begin());
    let mut stream = TcpStream::connect(&endpoint.address).unwrap();
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    eventually(|| model.chats().len() == 1);
    let begun = Instant::now();
    endpoint.going.signal(Signal::SIGTERM);
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    says(&said, &["suspended"]);
    endpoint.going.finish().exits(0);
    let run = naestro.only_run();
    let state = &naestro.trace(["show", &run])["state"];
    assert_eq!((&state["live"], &state["outcome"]), (&json!(false), &Value::Null), "{state}");
}

#[test]
fn others_are_not_listened_to_without_a_word_of_the_human() {
    let naestro = Naestro::new(&Project::plain());
    let refused = naestro.run(["mcp", "--listen", "0.0.0.0:0"]).exits(3);
    says(&refused.err, &["others can reach that address", "--insecure", "127.0.0.1"]);
    assert!(!naestro.home().join("mcp-token").exists(), "nothing was made");
    let going = naestro.start(["mcp", "--listen", "0.0.0.0:0", "--insecure"]);
    going.says_after("listening on http://0.0.0.0:");
    going.signal(Signal::SIGTERM);
    says(&going.finish().exits(0).err, &["can be reached by others", "in the clear"]);
    says(&naestro.run(["mcp", "--listen", "nowhere"]).exits(2).err, &["127.0.0.1:7311"]);
    says(&naestro.run(["mcp", "--insecure"]).exits(2).err, &["--listen"]);
}
