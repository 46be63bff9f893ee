//! `naestro bench agent`: what the program itself adds to a model, over `naestro rpc`, with a model that answers at once.
//!
//! Invariant: everything is measured on the executable that runs, in a state directory that is removed afterwards.

mod client;
mod endpoint;

use std::path::Path;
use std::time::Instant;

use naestro_api::{Error, ErrorCode};
use serde::Serialize;
use serde_json::json;

use super::figures::{Place, median, megabytes, millis};
use crate::{exit, screen};
use client::Client;
use endpoint::{Endpoint, Script};

/// Measure what the program adds to a model that answers at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro bench agent --json")]
pub(crate) struct Args {
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
    /// How often each thing is done.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
}

/// One figure beside its goal.
#[derive(Debug, Serialize)]
struct Figure {
    what: &'static str,
    unit: &'static str,
    /// The median.
    value: f64,
    /// At most so much is wanted.
    goal: f64,
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        // What the processes leave behind becomes ours, so that it can be counted.
        nix::sys::prctl::set_child_subreaper(true).map_err(|error| unavailable(&error))?;
        let place = Place::make()?;
        let written =
            (0..endpoint::STEPS).try_for_each(|at| std::fs::write(place.workspace().join(format!("file{at}.txt")), format!("old {at}\n")));
        written.map_err(|error| unavailable(&error))?;
        let figures = measure(place.path(), self.rounds)?;
        if self.json {
            screen::json_line(
                &json!({ "bench": "agent", "version": env!("CARGO_PKG_VERSION"), "rounds": self.rounds, "figures": figures }),
            );
        } else {
            screen::print(&figures.iter().map(line).collect::<String>())?;
        }
        Ok(exit::SUCCEEDED)
    }
}

fn measure(place: &Path, rounds: u32) -> Result<Vec<Figure>, Error> {
    let endpoint = Endpoint::start().map_err(|error| unavailable(&error))?;
    let mut figures = starting(place, &endpoint, rounds)?;
    figures.extend(turns(place, &endpoint, rounds)?);
    figures.extend(ending(place, &endpoint, rounds.min(5))?);
    Ok(figures)
}

/// From a new process to its first answer, and what it weighs then.
fn starting(place: &Path, endpoint: &Endpoint, rounds: u32) -> Result<Vec<Figure>, Error> {
    let (mut answers, mut memory, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let spawned = Instant::now();
        let mut client = Client::start(place, endpoint)?;
        client.ask("naestro.version", &json!({}))?;
        answers.push(spawned.elapsed());
        memory.push(client.memory());
        ends.push(client.end()?);
    }
    Ok(vec![
        Figure { what: "spawn to first answer", unit: "ms", value: millis(median(answers)), goal: 10.0 },
        Figure { what: "memory, idle", unit: "MB", value: megabytes(median(memory)), goal: 35.0 },
        Figure { what: "gone after the end of input, idle", unit: "ms", value: millis(median(ends)), goal: 50.0 },
    ])
}

/// Turns of one process that has taken one before.
fn turns(place: &Path, endpoint: &Endpoint, rounds: u32) -> Result<Vec<Figure>, Error> {
    let workspace = place.join("workspace");
    let mut client = Client::start(place, endpoint)?;
    client.turn(&workspace, Script::Text)?;
    let texts = repeat(rounds, || client.turn(&workspace, Script::Text))?;
    let deltas = repeat(rounds, || client.turn(&workspace, Script::Deltas))?;
    endpoint.take_gaps();
    repeat(rounds.div_ceil(5), || client.turn(&workspace, Script::Read))?;
    let reads = median(endpoint.take_gaps());
    repeat(rounds.div_ceil(5), || client.turn(&workspace, Script::Write))?;
    let writes = median(endpoint.take_gaps());
    let memory = client.memory();
    client.end()?;
    Ok(vec![
        Figure { what: "first piece of text", unit: "ms", value: millis(median(texts.iter().map(|turn| turn.first).collect())), goal: 4.0 },
        Figure { what: "text turn", unit: "ms", value: millis(median(texts.iter().map(|turn| turn.whole).collect())), goal: 6.0 },
        Figure { what: "tool step", unit: "ms", value: millis(reads), goal: 4.0 },
        Figure { what: "checkpoint, beyond a tool step", unit: "ms", value: millis(writes) - millis(reads), goal: 3.0 },
        Figure {
            what: "turn of 2000 deltas",
            unit: "ms",
            value: millis(median(deltas.iter().map(|turn| turn.whole).collect())),
            goal: 40.0,
        },
        Figure { what: "memory, after all turns", unit: "MB", value: megabytes(memory), goal: 50.0 },
    ])
}

/// How long a process that works takes to be gone, and what it leaves behind.
fn ending(place: &Path, endpoint: &Endpoint, rounds: u32) -> Result<Vec<Figure>, Error> {
    let workspace = place.join("workspace");
    let mut left = 0;
    let ends = repeat(rounds, || {
        let mut client = Client::start(place, endpoint)?;
        client.start_run(&workspace, Script::Sleep)?;
        client.wait_for_call("sleep 600")?;
        let gone = client.end()?;
        left += children();
        Ok(gone)
    })?;
    Ok(vec![
        Figure { what: "gone after the end of input, busy", unit: "ms", value: millis(median(ends)), goal: 500.0 },
        Figure { what: "children left", unit: "", value: f64::from(left), goal: 0.0 },
    ])
}

fn repeat<T>(rounds: u32, mut once: impl FnMut() -> Result<T, Error>) -> Result<Vec<T>, Error> {
    (0..rounds).map(|_| once()).collect()
}

/// Processes that live and whose parent we are: those that their own parent left behind.
fn children() -> u32 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<String> = lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    let lives = |pid: &String| std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    u32::try_from(pids.iter().filter(|pid| lives(pid)).count()).unwrap_or(u32::MAX)
}

fn line(figure: &Figure) -> String {
    format!("{:<36} {:>8.2} {:<2}  (goal: at most {})\n", figure.what, figure.value, figure.unit, figure.goal)
}

fn unavailable(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorCode::Unavailable, format!("measure: {error}"))
}
