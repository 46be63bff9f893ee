//! `naestro bench durable`: what it costs to write a step down, with the disk's own speed beside it.
//!
//! A step is one event of about 1 KB of an agent at work: taken in by the kernel, then appended to a journal in a folder of its
//! own under the state directory. The work is done by processes of their own, which start together, so that two can share
//! a journal and what a process used is only what its steps used.

mod agent;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use naestro_api::{Error, ErrorCode};
use naestro_journal::{SqliteJournal, Stats};
use naestro_policy::port::{Durability, JournalError};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use agent::Agent;

use crate::config::Config;
use crate::{exit, process, screen};

/// How often the disk's own sync is timed.
const SYNCS: usize = 200;

/// Measure how fast steps are written down, and how many syncs they take.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro bench durable --json")]
pub(crate) struct Args {
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
    /// How many steps each run takes; a tenth of that where each is synced.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(20..=1_000_000))]
    steps: u64,
    /// Does the work, in that folder: how the command starts itself.
    #[arg(long, hide = true)]
    worker: Option<PathBuf>,
    /// How many runs a worker carries on at once.
    #[arg(long, hide = true, default_value_t = 1)]
    runs: u8,
    /// Whether a worker syncs every step.
    #[arg(long, hide = true)]
    barrier: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        match &self.worker {
            Some(home) => process::block_on(work(home, self.runs, self.steps, durability(self.barrier)))?,
            None => measure(self.steps, self.json)?,
        }
        Ok(exit::SUCCEEDED)
    }
}

/// One line of figures.
#[derive(Serialize)]
#[serde(tag = "bench", rename_all = "snake_case")]
enum Figures {
    /// How long the disk takes to sync one page, in microseconds.
    Disk { fdatasync_us_p50: u64, fdatasync_us_p99: u64 },
    /// What steps took; `runs` is for each process, everything else for all of them together.
    Durable {
        processes: usize,
        runs: u8,
        durability: &'static str,
        steps: u64,
        steps_per_s: u64,
        fsyncs_per_step: f64,
        commits_per_step: f64,
        cpu_us_per_step: f64,
        log_checkpoints: u64,
        checkpoint_files: u64,
    },
}

impl Figures {
    fn show(&self, json: bool) -> Result<(), Error> {
        if json {
            screen::json_line(self);
            return Ok(());
        }
        screen::print(&match self {
            Self::Disk { fdatasync_us_p50, fdatasync_us_p99 } => {
                format!("disk: fdatasync p50 {fdatasync_us_p50} us, p99 {fdatasync_us_p99} us\n")
            }
            Self::Durable { processes, runs, durability, steps_per_s, fsyncs_per_step, cpu_us_per_step, log_checkpoints, .. } => format!(
                "{durability:8} {processes} x {runs:2} runs: {steps_per_s:6} steps/s, {fsyncs_per_step:.3} fsyncs/step, \
                 {cpu_us_per_step:5.1} us CPU/step (goal 50), log copied {log_checkpoints} times\n"
            ),
        })
    }
}

/// What one worker tells when it is done.
#[derive(Default, Serialize, Deserialize)]
struct Told {
    steps: u64,
    elapsed_us: u64,
    cpu_us: u64,
    commits: u64,
    fsyncs: u64,
    log_checkpoints: u64,
    notes: u64,
}

/// The folder measured in, removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("failed to remove {}: {error}", self.0.display());
        }
    }
}

fn measure(steps: u64, json: bool) -> Result<(), Error> {
    let folder = Folder(Config::load(None)?.home.join(format!("bench-{}", std::process::id())));
    fs::create_dir_all(&folder.0).map_err(unavailable)?;
    disk(&folder.0)?.show(json)?;
    let mut number = 0;
    for barrier in [false, true] {
        for (processes, runs) in [(1, 1), (1, 16), (2, 1), (2, 16)] {
            number += 1;
            let home = folder.0.join(number.to_string());
            together(&home, processes, runs, if barrier { steps / 10 } else { steps }, barrier)?.show(json)?;
        }
    }
    Ok(())
}

/// Times the disk's own sync of one page.
fn disk(folder: &Path) -> Result<Figures, Error> {
    let file = fs::File::create(folder.join("page")).map_err(unavailable)?;
    let mut times = Vec::with_capacity(SYNCS);
    for at in 0..SYNCS {
        file.write_all_at(&[1; 4096], at as u64 * 4096).map_err(unavailable)?;
        let begun = Instant::now();
        file.sync_data().map_err(unavailable)?;
        times.push(micros(begun));
    }
    times.sort_unstable();
    Ok(Figures::Disk { fdatasync_us_p50: times[SYNCS / 2], fdatasync_us_p99: times[SYNCS * 99 / 100] })
}

/// Lets so many processes work at once and adds up what they tell.
fn together(home: &Path, processes: usize, runs: u8, steps: u64, barrier: bool) -> Result<Figures, Error> {
    let mut workers = (0..processes).map(|_| Worker::start(home, runs, steps, barrier)).collect::<Result<Vec<_>, _>>()?;
    workers.iter_mut().try_for_each(Worker::go)?;
    let told = workers.into_iter().map(Worker::told).collect::<Result<Vec<_>, _>>()?;
    let sum = |of: fn(&Told) -> u64| told.iter().map(of).sum::<u64>();
    let steps = sum(|told| told.steps);
    let per_step = |amount: u64| (amount as f64 / steps as f64 * 1000.0).round() / 1000.0;
    let longest = told.iter().map(|told| told.elapsed_us).max().unwrap_or(0).max(1);
    Ok(Figures::Durable {
        processes,
        runs,
        durability: if barrier { "barrier" } else { "buffered" },
        steps,
        steps_per_s: steps * 1_000_000 / longest,
        fsyncs_per_step: per_step(sum(|told| told.fsyncs)),
        commits_per_step: per_step(sum(|told| told.commits)),
        cpu_us_per_step: per_step(sum(|told| told.cpu_us)),
        log_checkpoints: sum(|told| told.log_checkpoints),
        checkpoint_files: sum(|told| told.notes),
    })
}

/// A process that works when it is told to; killed if it is dropped before it is done.
struct Worker {
    child: Child,
    said: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Worker {
    /// Starts one and waits until its journal is open and its runs are made.
    #[expect(clippy::disallowed_methods, reason = "the command starts itself, to measure processes that share a journal")]
    fn start(home: &Path, runs: u8, steps: u64, barrier: bool) -> Result<Self, Error> {
        let mut command = Command::new(std::env::current_exe().map_err(unavailable)?);
        command.args(["bench", "durable", "--runs", &runs.to_string(), "--steps", &steps.max(20).to_string(), "--worker"]).arg(home);
        if barrier {
            command.arg("--barrier");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(unavailable)?;
        let Some(out) = child.stdout.take() else { return Err(Error::new(ErrorCode::Internal, "read from a worker")) };
        let mut worker = Self { child, said: BufReader::new(out).lines() };
        worker.line()?;
        Ok(worker)
    }

    fn go(&mut self) -> Result<(), Error> {
        let input = self.child.stdin.as_mut();
        input.map_or(Ok(()), |input| input.write_all(b"go\n")).map_err(unavailable)
    }

    fn told(mut self) -> Result<Told, Error> {
        let line = self.line()?;
        serde_json::from_str(&line).map_err(|error| Error::new(ErrorCode::Internal, format!("read from a worker: {error}")))
    }

    fn line(&mut self) -> Result<String, Error> {
        match self.said.next() {
            Some(line) => line.map_err(unavailable),
            None => Err(Error::new(ErrorCode::Unavailable, "measure: a worker ended early").hint("what it said is above")),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A worker that is done ends by itself once its input does; one that is not is of no use any more.
        drop(self.child.stdin.take());
        let ended = self.child.try_wait().is_ok_and(|status| status.is_some());
        if !ended && self.said.next().is_some() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// The worker's side.
async fn work(home: &Path, runs: u8, steps: u64, durability: Durability) -> Result<(), Error> {
    let journal = Arc::new(SqliteJournal::open(home).map_err(journal_failed)?);
    let mut agents = Vec::new();
    for number in 0..runs {
        agents.push(Agent::new(number, &journal).await.map_err(journal_failed)?);
    }
    screen::json_line(&"ready");
    std::io::stdin().read_line(&mut String::new()).map_err(unavailable)?;
    let (before, used, begun) = (journal.stats(), cpu_us()?, Instant::now());
    let tasks: Vec<_> = agents.into_iter().map(|agent| tokio::spawn(agent.work(Arc::clone(&journal), steps, durability))).collect();
    for task in tasks {
        task.await.map_err(|error| Error::new(ErrorCode::Internal, format!("measure: {error}")))??;
    }
    let elapsed_us = micros(begun);
    screen::json_line(&told(u64::from(runs) * steps, elapsed_us, cpu_us()? - used, before, journal.stats()));
    Ok(())
}

fn told(steps: u64, elapsed_us: u64, cpu_us: u64, before: Stats, after: Stats) -> Told {
    Told {
        steps,
        elapsed_us,
        cpu_us,
        commits: after.commits - before.commits,
        fsyncs: after.fsyncs - before.fsyncs,
        log_checkpoints: after.log_checkpoints - before.log_checkpoints,
        notes: after.notes - before.notes,
    }
}

fn durability(barrier: bool) -> Durability {
    if barrier { Durability::Barrier } else { Durability::Buffered }
}

/// What this process has used of the CPUs, in microseconds.
fn cpu_us() -> Result<u64, Error> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(|error| Error::new(ErrorCode::Internal, format!("count CPU time: {error}")))?;
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec().cast_unsigned() * 1_000_000 + time.tv_usec().cast_unsigned();
    Ok(micros(usage.user_time()) + micros(usage.system_time()))
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn unavailable(error: std::io::Error) -> Error {
    Error::new(ErrorCode::Unavailable, format!("measure: {error}"))
}

fn journal_failed(error: JournalError) -> Error {
    Error::new(ErrorCode::Unavailable, error.to_string())
}
