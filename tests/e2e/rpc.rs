//! A client of `naestro rpc`: asks, waits for the answer, and hears updates in any order it wants.

use serde_json::{Value, json};

use super::naestro::{Done, Going, Naestro, text, told};

/// A client of one process.
pub(super) struct Rpc {
    pub(super) going: Going,
    next: u64,
}

impl Rpc {
    /// Starts a process and speaks to it.
    pub(super) fn start(naestro: &Naestro) -> Self {
        Self { going: naestro.start(["rpc"]), next: 0 }
    }

    /// What a request is answered with.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.going.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        self.going.hear(|line| line["id"] == id)
    }

    /// The result of a request that must succeed.
    #[track_caller]
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.call(method, params);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// The error of a request that must fail: `code: message (hint; hint)`.
    #[track_caller]
    pub(super) fn fails(&mut self, method: &str, params: &Value) -> String {
        let answer = self.call(method, params);
        told(&answer["error"]["data"])
    }

    /// What a line that may be no request at all is answered with, where nothing else is heard of.
    pub(super) fn raw(&mut self, line: &str) -> Value {
        self.going.say(line);
        self.going.hear(|line| line["method"].is_null())
    }

    /// Starts a run; its id.
    #[track_caller]
    pub(super) fn orchestrate(&mut self, params: &Value) -> String {
        text(&self.ask("naestro.orchestrate", params)["run"])
    }

    /// The first update of a run that is wanted.
    pub(super) fn update(&mut self, run: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.going.hear(|line| line["method"] == "naestro.update" && line["params"]["run"] == run && wanted(&line["params"]))["params"]
            .clone()
    }

    /// The last update of a run.
    pub(super) fn finished(&mut self, run: &str) -> Value {
        self.update(run, super::naestro::is("finished"))
    }

    /// Ends the input and waits for the end of the process.
    pub(super) fn end(self) -> Done {
        self.going.finish()
    }
}
