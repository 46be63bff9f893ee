//! `naestro bench mcp`: what the MCP face costs beside the protocol itself, measured beside another server in the same run.
//!
//! Invariant: both servers are processes of their own, spoken to by the same client; their rounds alternate.

mod client;

use std::ffi::OsString;
use std::time::{Duration, Instant};

use naestro_api::{Error, ErrorCode};
use serde::Serialize;
use serde_json::json;

use super::figures::{Place, median, megabytes, micros, millis};
use crate::{exit, screen};
use client::Client;

/// How many runs the journal has that `trace list` is asked for.
const RUNS: u32 = 20;

/// Measure `naestro mcp`, and another MCP server beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro bench mcp
  cargo build --release -p naestro-tests && naestro bench mcp --peer target/release/mcp-floor")]
pub(crate) struct Args {
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
    /// How often a process is started; each is asked a hundred times as often.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// The program of another server on standard input and output, with its arguments; its first tool has to take none.
    #[arg(long, value_name = "PROGRAM", num_args = 1.., allow_hyphen_values = true)]
    peer: Vec<OsString>,
}

/// What was measured of one server.
#[derive(Debug, Default, Serialize)]
struct Measured {
    /// From a new process to its list of tools, in milliseconds, for a client whose requests stand alone.
    tools_ms: f64,
    /// The same for a client that shakes hands first.
    handshake_ms: f64,
    /// A call on an open connection, in microseconds.
    call_us: f64,
    /// Resident memory after the list of tools, in megabytes.
    idle_mb: f64,
}

/// The samples of one server.
#[derive(Default)]
struct Samples {
    tools: Vec<Duration>,
    handshake: Vec<Duration>,
    calls: Vec<Duration>,
    idle: Vec<u64>,
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        let place = Place::make()?;
        let ours: Vec<OsString> = ["/proc/self/exe", "mcp"].map(OsString::from).into();
        prepare(&place, &ours)?;
        let mut servers = vec![(ours, "trace", Samples::default())];
        if !self.peer.is_empty() {
            servers.push((from_anywhere(&self.peer), "", Samples::default()));
        }
        for _ in 0..self.rounds {
            for (command, tool, samples) in &mut servers {
                once(&place, command, tool, samples)?;
            }
        }
        let measured: Vec<Measured> = servers.into_iter().map(|(_, _, samples)| samples.measured()).collect();
        let (ours, peer) = (measured.first(), measured.get(1));
        if self.json {
            let value = json!({
                "bench": "mcp", "version": env!("CARGO_PKG_VERSION"), "rounds": self.rounds, "runs": RUNS, "naestro": ours, "peer": peer,
            });
            screen::json_line(&value);
        } else {
            screen::print(&ours.map(|ours| table(ours, peer)).unwrap_or_default())?;
        }
        Ok(exit::SUCCEEDED)
    }
}

impl Samples {
    fn measured(self) -> Measured {
        Measured {
            tools_ms: millis(median(self.tools)),
            handshake_ms: millis(median(self.handshake)),
            call_us: micros(median(self.calls)),
            idle_mb: megabytes(median(self.idle)),
        }
    }
}

/// Leaves runs behind that `trace list` has something to tell of.
fn prepare(place: &Place, ours: &[OsString]) -> Result<(), Error> {
    let mut client = Client::start(place, ours)?;
    let plan = json!({ "steps": [{ "id": "which", "kind": "ask", "question": "Which branch?" }] });
    for _ in 0..RUNS {
        client.call("orchestrate", &json!({ "plan": plan, "workspace": place.workspace() }))?;
    }
    client.end()
}

fn once(place: &Place, command: &[OsString], tool: &str, samples: &mut Samples) -> Result<(), Error> {
    let spawned = Instant::now();
    let mut client = Client::start(place, command)?;
    client.shake_hands()?;
    client.tools()?;
    samples.handshake.push(spawned.elapsed());
    client.end()?;

    let spawned = Instant::now();
    let mut client = Client::start(place, command)?;
    let first = client.tools()?;
    samples.tools.push(spawned.elapsed());
    samples.idle.push(client.memory());
    let (tool, arguments) = if tool.is_empty() { (first, json!({})) } else { (tool.to_owned(), json!({ "op": "list" })) };
    // What is opened at the first call is no part of the others.
    client.call(&tool, &arguments)?;
    for _ in 0..100 {
        samples.calls.push(client.call(&tool, &arguments)?);
    }
    client.end()
}

fn table(ours: &Measured, peer: Option<&Measured>) -> String {
    let line = |what: &str, unit: &str, value: fn(&Measured) -> f64, goal: &str| {
        let peer = peer.map(|peer| format!("  peer {:>8.2} {unit:<2}", value(peer))).unwrap_or_default();
        format!("{what:<36} {:>8.2} {unit:<2}{peer}  {goal}\n", value(ours))
    };
    let over = peer
        .map(|peer| format!("{:<36} {:>8.2} us  (goal: at most 100)\n", "trace list over the peer's call", ours.call_us - peer.call_us));
    [
        line("spawn to tools/list", "ms", |server| server.tools_ms, "(goal: at most 10)"),
        line("spawn to tools/list, with handshake", "ms", |server| server.handshake_ms, "(goal: at most 10)"),
        line(&format!("call; ours is trace list, {RUNS} runs"), "us", |server| server.call_us, ""),
        over.unwrap_or_default(),
        line("memory, idle", "MB", |server| server.idle_mb, "(goal: at most 35)"),
    ]
    .concat()
}

/// The same command for a process that starts in another folder.
fn from_anywhere(command: &[OsString]) -> Vec<OsString> {
    let mut command = command.to_vec();
    if let Some(program) = command.first_mut()
        && let Ok(found) = std::fs::canonicalize(&program)
    {
        *program = found.into();
    }
    command
}

fn unavailable(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorCode::Unavailable, format!("measure an MCP server: {error}"))
}
