//! An MCP server on standard input and output as a client sees it: a process, lines in, lines out.
//!
//! Invariant: the process has a state directory of its own and no configuration of the user's.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use naestro_api::Error;
use serde_json::{Value, json};

use super::unavailable;
use crate::bench::figures::{Place, resident};

/// The revision whose requests stand alone, and the last that begins with a handshake.
const ALONE: &str = "2026-07-28";
const HANDSHAKE: &str = "2025-11-25";

/// A running server.
pub(super) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
    shaken: bool,
}

impl Client {
    /// Starts a server.
    ///
    /// # Errors
    /// `unavailable` where the process cannot be started.
    #[expect(clippy::disallowed_methods, reason = "what is measured is a process of its own, from its start to its end")]
    pub(super) fn start(place: &Place, command: &[OsString]) -> Result<Self, Error> {
        let (program, args) = command.split_first().ok_or_else(|| unavailable(&"there is no program"))?;
        let mut child = Command::new(program)
            .args(args)
            .current_dir(place.workspace())
            .env("NAESTRO_HOME", place.path().join("state"))
            .env("NAESTRO_CONFIG", place.path().join("config.toml"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| unavailable(&format!("start {}: {error}", program.display())))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err(unavailable(&"it has no pipes")) };
        Ok(Self { child, input: Some(input), output: BufReader::new(output), next: 0, shaken: false })
    }

    /// Begins as clients before 2026 do.
    ///
    /// # Errors
    /// What was answered instead.
    pub(super) fn shake_hands(&mut self) -> Result<(), Error> {
        self.shaken = true;
        let about = json!({ "protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } });
        self.ask("initialize", about)?;
        self.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
    }

    /// Asks for the tools; the name of the first.
    ///
    /// # Errors
    /// What was answered instead.
    pub(super) fn tools(&mut self) -> Result<String, Error> {
        let result = self.ask("tools/list", json!({}))?;
        let first = result.pointer("/tools/0/name").and_then(Value::as_str);
        first.map(str::to_owned).ok_or_else(|| unavailable(&"it has no tools"))
    }

    /// Calls a tool; how long it took until the whole answer was there, which is not yet read then.
    ///
    /// # Errors
    /// What was answered instead of a success.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Duration, Error> {
        let (result, took) = self.timed("tools/call", json!({ "name": tool, "arguments": arguments }))?;
        if result["isError"] == true { Err(unavailable(&result["content"])) } else { Ok(took) }
    }

    /// Its resident memory in bytes.
    pub(super) fn memory(&self) -> u64 {
        resident(self.child.id())
    }

    /// Ends its input and waits for its end.
    ///
    /// # Errors
    /// `unavailable` where it cannot be waited for.
    pub(super) fn end(mut self) -> Result<(), Error> {
        drop(self.input.take());
        self.child.wait().map_err(|error| unavailable(&error))?;
        Ok(())
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, Error> {
        self.timed(method, params).map(|(result, _)| result)
    }

    fn timed(&mut self, method: &str, mut params: Value) -> Result<(Value, Duration), Error> {
        self.next += 1;
        if !self.shaken {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": ALONE,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
            });
        }
        let request = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        let asked = Instant::now();
        self.write(&request)?;
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).map_err(|error| unavailable(&error))?;
            let took = asked.elapsed();
            if read == 0 {
                return Err(unavailable(&"it ended"));
            }
            let answer: Value = serde_json::from_str(&line).map_err(|error| unavailable(&error))?;
            if answer["id"] == json!(self.next) {
                return if answer["error"].is_null() { Ok((answer["result"].clone(), took)) } else { Err(unavailable(&answer["error"])) };
            }
        }
    }

    fn write(&mut self, message: &Value) -> Result<(), Error> {
        let input = self.input.as_mut().ok_or_else(|| unavailable(&"its input is closed"))?;
        input.write_all(format!("{message}\n").as_bytes()).map_err(|error| unavailable(&error))
    }
}
