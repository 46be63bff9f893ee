//! What the journal promises, by example.

mod durability;
mod processes;
mod retention;
mod runs;
mod tampering;

use std::future::Future;

use naestro_kernel::{Amount, Digest, Event, Limits, Millis, Mode, Opening, Outcome, Output, RunId, RunOutcome, UnitId, VERSION, What};
use naestro_policy::body;
use naestro_policy::port::{Durability, Journal as _, JournalError, RunEntry};
use tempfile::TempDir;

use crate::SqliteJournal;

/// Waits for an answer of the journal.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(answer)
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(home: &TempDir) -> SqliteJournal {
    SqliteJournal::open(home.path()).unwrap()
}

fn run(number: u8) -> RunId {
    RunId([number; 16])
}

fn entry(run: RunId) -> RunEntry {
    RunEntry {
        run,
        session: run,
        workspace: String::from("/home/user/project"),
        title: String::from("make the tests pass"),
        opened: 1,
        events: 0,
        outcome: None,
        owned: true,
    }
}

fn event(at: u64, what: What) -> Event {
    Event { at: Millis(at), what }
}

fn opened(run: RunId) -> Event {
    let opening = Opening {
        run,
        session: run,
        previous: None,
        kernel: VERSION,
        goal: String::from("make the tests pass"),
        recipe: None,
        workspace: String::from("/home/user/project"),
        mode: Mode::Copilot,
        unsandboxed: false,
        apply: false,
        interactive: true,
        limits: Limits::default(),
        parallel: 1,
        checks: Vec::new(),
        model: None,
        tools: Vec::new(),
        preamble_tokens: 0,
        inherited: None,
    };
    event(1, What::Opened(Box::new(opening)))
}

/// An event that is told from others by its number.
fn numbered(number: u64) -> Event {
    event(number, What::Reserved(Amount { tokens: number, micros: 0 }))
}

/// A tool's end with that much text.
fn printed(text: impl Into<Vec<u8>>) -> Event {
    let outcome = Outcome::Tool { ok: true, output: Output { text: body(text), data: None }, tree: None };
    event(5, What::Done { unit: UnitId(0), outcome })
}

fn finished(outcome: RunOutcome) -> Event {
    event(9, What::Finished { outcome, summary: body("done") })
}

/// Makes a run with events 1 to `count` after its first.
fn fill(journal: &SqliteJournal, run: RunId, count: u64) {
    wait(journal.create(entry(run), vec![opened(run)])).unwrap();
    for number in 1..=count {
        wait(journal.append(run, vec![numbered(number)], Durability::Buffered)).unwrap();
    }
}

/// The numbers of a run's events; 0 for one that has none.
fn numbers(journal: &SqliteJournal, run: RunId) -> Result<Vec<u64>, JournalError> {
    let number = |event: Event| match event.what {
        What::Reserved(amount) => amount.tokens,
        _ => 0,
    };
    Ok(journal.read(run, 0, usize::MAX)?.into_iter().map(number).collect())
}

const STATE: Digest = Digest([7; 32]);
