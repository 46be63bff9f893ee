//! A client of `naestro mcp` that speaks raw lines, of either era: what the protocol says is looked at, not what an SDK makes of it.

use serde_json::{Map, Value, json};

use super::naestro::{Done, Going, Naestro};

/// The revision whose requests stand alone.
pub(super) const ALONE: &str = "2026-07-28";

/// A client of one process.
pub(super) struct Mcp {
    pub(super) going: Going,
    revision: &'static str,
    capabilities: Value,
    name: &'static str,
    next: u64,
}

impl Mcp {
    /// Starts a process and, where the revision wants it, shakes hands.
    pub(super) fn start(naestro: &Naestro, revision: &'static str, capabilities: Value) -> Self {
        Self::with(naestro, revision, capabilities, &[])
    }

    /// The same with arguments of the command.
    pub(super) fn with(naestro: &Naestro, revision: &'static str, capabilities: Value, args: &[&str]) -> Self {
        let going = naestro.start(["mcp"].into_iter().chain(args.iter().copied()));
        let mut client = Self { going, revision, capabilities, name: "tester", next: 0 };
        if revision != ALONE {
            let params = json!({ "protocolVersion": revision, "capabilities": client.capabilities, "clientInfo": { "name": "tester", "version": "1" } });
            let answer = client.ask("initialize", &params);
            assert_eq!(answer["protocolVersion"], revision, "{answer}");
            client.tell("notifications/initialized", &json!({}));
        }
        client
    }

    /// The same client under another name, which each request of its own says where requests stand alone.
    pub(super) fn named(&mut self, name: &'static str) {
        self.name = name;
    }

    /// Sends a request and does not wait; its id.
    pub(super) fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        let params = self.params(params);
        self.going.say(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }).to_string());
        self.next
    }

    /// Sends a notification.
    pub(super) fn tell(&mut self, method: &str, params: &Value) {
        let params = self.params(params);
        self.going.say(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    /// Answers a request of the server.
    pub(super) fn reply(&mut self, request: &Value, result: &Value) {
        self.going.say(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string());
    }

    /// What a request is answered with.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// The answer to a request that was sent.
    pub(super) fn answer(&mut self, id: u64) -> Value {
        self.going.hear(|line| line["method"].is_null() && line["id"] == id)
    }

    /// The result of a request that must succeed.
    #[track_caller]
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.call(method, params);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// The result of a tool, whatever it says.
    #[track_caller]
    pub(super) fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        self.ask("tools/call", &json!({ "name": name, "arguments": arguments }))
    }

    /// The structured content of a tool that must do what it is asked to.
    #[track_caller]
    pub(super) fn does(&mut self, name: &str, arguments: &Value) -> Value {
        let result = self.tool(name, arguments);
        assert_eq!(result["isError"], false, "{result}");
        result["structuredContent"].clone()
    }

    /// The code and the text of a tool that must say no.
    #[track_caller]
    pub(super) fn refuses(&mut self, name: &str, arguments: &Value) -> String {
        let result = self.tool(name, arguments);
        assert_eq!(result["isError"], true, "{result}");
        format!("{}: {}", result["_meta"]["naestro/error"]["code"], result["content"][0]["text"])
    }

    /// The first request or notification of the server with that method.
    pub(super) fn hears(&mut self, method: &str) -> Value {
        self.going.hear(|line| line["method"] == method)
    }

    /// What a line that may be no request at all is answered with.
    pub(super) fn raw(&mut self, line: &str) -> Value {
        self.going.say(line);
        self.going.hear(|line| line["method"].is_null())
    }

    /// Ends the input and waits for the end of the process.
    pub(super) fn end(self) -> Done {
        self.going.finish()
    }

    fn params(&self, params: &Value) -> Value {
        if self.revision == ALONE { alone(params, &self.capabilities, self.name) } else { params.clone() }
    }
}

/// Parameters of a request that stands alone.
pub(super) fn alone(params: &Value, capabilities: &Value, name: &str) -> Value {
    let mut params = params.as_object().cloned().unwrap_or_default();
    let meta = params.entry("_meta").or_insert_with(|| Value::Object(Map::new()));
    let key = |name: &str| format!("io.modelcontextprotocol/{name}");
    meta[key("protocolVersion")] = json!(ALONE);
    meta[key("clientCapabilities")] = capabilities.clone();
    meta[key("clientInfo")] = json!({ "name": name, "version": "1" });
    Value::Object(params)
}

/// The capabilities of a client that takes tasks.
pub(super) fn tasks() -> Value {
    json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } })
}

/// The capabilities of a client that can put a form before its human.
pub(super) fn forms() -> Value {
    json!({ "elicitation": { "form": {} } })
}
