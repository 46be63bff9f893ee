//! `naestro rpc` as a client sees it: a process, lines in, lines out.
//!
//! Invariant: the process is this executable, with a state directory of its own and no configuration of the user's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use naestro_api::{Error, ErrorCode};
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Script};
use crate::bench::figures::resident;

/// A running `naestro rpc`.
pub(super) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
}

/// The times of one turn, from its request on.
pub(super) struct Turn {
    /// Until the first piece of text.
    pub(super) first: Duration,
    /// Until it was finished.
    pub(super) whole: Duration,
}

impl Client {
    /// Starts it; the model is `endpoint`, the state is kept in `home`.
    ///
    /// # Errors
    /// `unavailable` where the process cannot be started.
    #[expect(clippy::disallowed_methods, reason = "what is measured is a process of its own, from its start to its end")]
    pub(super) fn start(home: &Path, endpoint: &Endpoint) -> Result<Self, Error> {
        let mut child = Command::new("/proc/self/exe")
            .arg("rpc")
            .env("NAESTRO_HOME", home.join("state"))
            .env("NAESTRO_CONFIG", home.join("config.toml"))
            .env("OPENAI_BASE_URL", format!("http://{}/v1", endpoint.address))
            .env("NAESTRO_MODEL", "bench")
            .env_remove("OPENAI_API_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err(failed(&"it has no pipes")) };
        Ok(Self { child, input: Some(input), output: BufReader::new(output), next: 0 })
    }

    /// Asks, and returns the result.
    ///
    /// # Errors
    /// What was answered instead.
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Error> {
        self.next += 1;
        let id = self.next;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let input = self.input.as_mut().ok_or_else(|| failed(&"its input is closed"))?;
        input.write_all(format!("{request}\n").as_bytes()).map_err(|error| failed(&error))?;
        loop {
            let line = self.line()?;
            if line["id"] == json!(id) {
                return if line["error"].is_null() { Ok(line["result"].clone()) } else { Err(failed(&line["error"])) };
            }
        }
    }

    /// Starts a run of `script` in `workspace`; returns when it was asked for.
    ///
    /// # Errors
    /// What was answered instead of a run.
    pub(super) fn start_run(&mut self, workspace: &Path, script: Script) -> Result<Instant, Error> {
        let asked = Instant::now();
        let params = json!({ "goal": script.goal(), "workspace": workspace, "mode": "auto", "unsandboxed": true });
        self.ask("naestro.orchestrate", &params)?;
        Ok(asked)
    }

    /// Runs `script` to its end, or to the question whether its diff may be imported.
    ///
    /// # Errors
    /// That it did not succeed.
    pub(super) fn turn(&mut self, workspace: &Path, script: Script) -> Result<Turn, Error> {
        let asked = self.start_run(workspace, script)?;
        let mut first = None;
        loop {
            let update = self.update()?;
            match update["type"].as_str() {
                Some("delta") => first = first.or(Some(asked.elapsed())),
                Some("question") => {
                    let choice = update["choices"].as_array().and_then(|choices| choices.last()).cloned().unwrap_or_default();
                    let answer = json!({ "run": update["run"], "question": update["question"], "choice": choice });
                    self.ask("naestro.answer", &answer)?;
                }
                Some("finished") if matches!(update["outcome"].as_str(), Some("succeeded" | "refused")) => {
                    let whole = asked.elapsed();
                    return Ok(Turn { first: first.unwrap_or(whole), whole });
                }
                Some("finished") => return Err(failed(&update["summary"])),
                _ => {}
            }
        }
    }

    /// Waits until a call has begun whose label holds `part`.
    ///
    /// # Errors
    /// That the output ended before.
    pub(super) fn wait_for_call(&mut self, part: &str) -> Result<(), Error> {
        loop {
            let update = self.update()?;
            if update["type"] == "call" && update["label"].as_str().is_some_and(|label| label.contains(part)) {
                return Ok(());
            }
            if update["type"] == "finished" {
                return Err(failed(&update["summary"]));
            }
        }
    }

    /// Its resident memory in bytes.
    pub(super) fn memory(&self) -> u64 {
        resident(self.child.id())
    }

    /// Ends its input and says how long it then took to be gone.
    ///
    /// # Errors
    /// `unavailable` where it cannot be waited for.
    pub(super) fn end(mut self) -> Result<Duration, Error> {
        let ended = Instant::now();
        drop(self.input.take());
        self.child.wait().map_err(|error| failed(&error))?;
        Ok(ended.elapsed())
    }

    fn update(&mut self) -> Result<Value, Error> {
        loop {
            let mut line = self.line()?;
            if line["method"] == "naestro.update" {
                return Ok(line["params"].take());
            }
        }
    }

    fn line(&mut self) -> Result<Value, Error> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err(failed(&"it ended")),
            Ok(_) => serde_json::from_str(&line).map_err(|error| failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn failed(why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorCode::Unavailable, format!("measure naestro rpc: {why}"))
}
