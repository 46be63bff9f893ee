//! Processes that are measured: what they used, and how long they took.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use naestro_api::Error;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::failed;

/// This executable, even where its file was replaced meanwhile.
pub(super) const SELF: &str = "/proc/self/exe";

/// What a process and all it started used.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Usage {
    pub(super) wall_s: f64,
    pub(super) cpu_s: f64,
    /// Of the largest of them.
    pub(super) peak_kb: u64,
}

/// Starts a program, waits for it and tells what it used; everything this process ever waited for counts.
#[expect(clippy::disallowed_methods, reason = "what is measured are programs as their users start them")]
pub(super) fn usage(program: &[String]) -> Result<Usage, Error> {
    let (name, arguments) = program.split_first().ok_or_else(|| failed("there is no program"))?;
    let begun = Instant::now();
    let output = Command::new(name).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let wall_s = begun.elapsed().as_secs_f64();
    let output = output.map_err(|error| failed(&format!("start {name}: {error}")))?;
    if !output.status.success() {
        return Err(failed(&format!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())));
    }
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| failed(&format!("count CPU time: {error}")))?;
    let cpu_us = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    Ok(Usage { wall_s, cpu_s: cpu_us as f64 / 1e6, peak_kb: u64::try_from(used.max_rss()).unwrap_or(0) })
}

/// What a program uses, by a process that starts nothing else.
pub(super) fn measured(program: &[String]) -> Result<Usage, Error> {
    let words = ["bench", "index", "--part", "usage", "--"].into_iter().chain(program.iter().map(String::as_str));
    told(&words.collect::<Vec<_>>())
}

/// What this executable prints, read as JSON.
pub(super) fn told<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, Error> {
    let told = output(Command::args(&mut own(), arguments))?;
    serde_json::from_slice(&told).map_err(|error| failed(&format!("read what a process told: {error}")))
}

/// How long `naestro explain` takes, start to end, in milliseconds.
pub(super) fn explain(home: &Path, tree: &Path, target: &str) -> Result<f64, Error> {
    let mut command = own();
    command.args(["explain", target, "--no-model", "--json", "--workspace"]).arg(tree);
    command.env("NAESTRO_HOME", home).env("NAESTRO_CONFIG", home.join("config.toml"));
    timed(&mut command)
}

/// How long this executable takes for something, start to end, in milliseconds.
pub(super) fn start(arguments: &[&str]) -> Result<f64, Error> {
    timed(own().args(arguments))
}

/// The median of what is measured so many times.
pub(super) fn median_of(times: usize, mut measure: impl FnMut() -> Result<f64, Error>) -> Result<f64, Error> {
    let mut measured = (0..times).map(|_| measure()).collect::<Result<Vec<f64>, Error>>()?;
    measured.sort_by(f64::total_cmp);
    Ok(measured.get(times / 2).copied().unwrap_or_default())
}

#[expect(clippy::disallowed_methods, reason = "what is measured is the command as its users start it")]
fn own() -> Command {
    Command::new(SELF)
}

fn timed(command: &mut Command) -> Result<f64, Error> {
    let begun = Instant::now();
    output(command)?;
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(&format!("start naestro: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let aside = [output.stdout, output.stderr].concat();
    Err(failed(&format!("naestro ended with {}: {}", output.status, String::from_utf8_lossy(&aside).trim())))
}
