//! `trace`: what happened, from the journal.

use std::sync::Arc;

use naestro_api::{Error, ErrorCode, Problem, Replayed, Trace, TraceReply};
use naestro_kernel::{Event, RunId, What};
use naestro_policy::port::{Journal, JournalError};

use crate::dispatcher::now;
use crate::engine::{Shared, blocking};
use crate::fold::Fold;
use crate::{failure, state, story};

/// The most runs that are read on the thread that asks.
const QUICK: usize = 50;

/// Answers at once.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal; damage that `verify` finds is an answer.
pub(crate) async fn answer(shared: &Arc<Shared>, trace: Trace) -> Result<TraceReply, Error> {
    match trace {
        Trace::List { limit } => list(shared, limit.unwrap_or(20)).await,
        Trace::Show { run } => show(shared, &run).await,
        Trace::Replay { run } => replay(shared, &run).await.map(TraceReply::Replay),
        Trace::Verify { run } => verify(shared, run.as_deref()).await,
        Trace::Fork { run, index } => fork(shared, &run, index).await,
        Trace::Export { run } => export(shared, &run).await,
        Trace::Rm { run } => remove(shared, &run).await,
    }
}

async fn list(shared: &Arc<Shared>, limit: usize) -> Result<TraceReply, Error> {
    let journal = shared.journal()?;
    let list = move || journal.list(limit).map_err(|error| failure::of_journal(&error));
    // A short list is one statement, read in less time than another thread takes to wake up.
    let runs = if limit <= QUICK { list()? } else { blocking(list).await? };
    Ok(TraceReply::List { runs: runs.into_iter().map(state::entry).collect() })
}

async fn show(shared: &Arc<Shared>, run: &str) -> Result<TraceReply, Error> {
    let (entry, fold) = shared.load(run).await?;
    let journal = shared.journal()?;
    let events = blocking(move || journal.read(entry.run, 0, usize::MAX >> 1).map_err(|error| failure::of_journal(&error))).await?;
    let state = state::of(&fold, entry.owned).ok_or_else(|| failure::unknown_run(run))?;
    Ok(TraceReply::Show { state: Box::new(state), events: events.iter().zip(0..).map(|(event, seq)| story::entry(seq, event)).collect() })
}

async fn replay(shared: &Arc<Shared>, run: &str) -> Result<Replayed, Error> {
    let (entry, fold) = shared.load(run).await?;
    let journal = shared.journal()?;
    let recorded = blocking(move || journal.state_digest(entry.run).map_err(|error| failure::of_journal(&error))).await?;
    let kernel = fold.run.opening().map_or(0, |opening| opening.kernel);
    let ours = kernel == naestro_kernel::VERSION;
    let digest = fold.digest();
    Ok(Replayed {
        run: entry.run.to_string(),
        events: fold.events,
        digest: digest.to_string(),
        recorded: recorded.map(|recorded| recorded.to_string()),
        identical: recorded.filter(|_| ours).map(|recorded| recorded == digest),
        note: if ours { String::new() } else { format!("version {kernel} of the kernel decided it: its decisions are not recomputed") },
    })
}

async fn verify(shared: &Arc<Shared>, run: Option<&str>) -> Result<TraceReply, Error> {
    let journal = shared.journal()?;
    let run = match run {
        Some(run) => Some(shared.resolve(run).await?),
        None => None,
    };
    blocking(move || {
        let problems = journal.verify(run).map_err(|error| failure::of_journal(&error))?;
        let runs = if run.is_some() { 1 } else { journal.list(usize::MAX >> 1).map_or(0, |runs| runs.len() as u64) };
        Ok(TraceReply::Verify { runs, problems: problems.into_iter().map(problem).collect() })
    })
    .await
}

fn problem(error: JournalError) -> Problem {
    match error {
        JournalError::Corrupt { run, index, what } => Problem { run: run.map(|run| run.to_string()), seq: index, what },
        other => Problem { run: None, seq: None, what: other.to_string() },
    }
}

async fn fork(shared: &Arc<Shared>, parent: &str, index: u64) -> Result<TraceReply, Error> {
    let journal = shared.journal()?;
    let parent = shared.resolve(parent).await?;
    let mut fold = prefix(&journal, parent, index).await?;
    let run = RunId(uuid::Uuid::now_v7().into_bytes());
    let first = Event { at: now(), what: What::Forked { run, parent, index } };
    journal.fork(parent, index, run, first.clone()).await.map_err(|error| failure::of_journal(&error))?;
    fold.take(&first);
    journal.release(run, fold.digest()).await.map_err(|error| failure::of_journal(&error))?;
    Ok(TraceReply::Fork { run: run.to_string() })
}

/// The parent folded up to the fork, which must be one of its events and not its end.
async fn prefix(journal: &Arc<dyn Journal>, parent: RunId, index: u64) -> Result<Fold, Error> {
    let reader = Arc::clone(journal);
    let fold =
        blocking(move || Fold::load(reader.as_ref(), parent, index.saturating_add(1)).map_err(|error| failure::of_journal(&error))).await?;
    if fold.events != index.saturating_add(1) {
        return Err(Error::new(ErrorCode::InvalidInput, format!("fork run {parent} after event {index}: it has {} events", fold.events))
            .hint(format!("`naestro trace show {parent}` lists them, counted from 0")));
    }
    if fold.run.plan().is_none() {
        return Err(Error::new(ErrorCode::InvalidInput, format!("fork run {parent} after event {index}: nothing is planned by then"))
            .hint("choose event 1 or a later one"));
    }
    if fold.finished.is_some() {
        return Err(Error::new(ErrorCode::InvalidInput, format!("fork run {parent} after event {index}: that is its end"))
            .hint("choose an earlier event"));
    }
    Ok(fold)
}

async fn export(shared: &Arc<Shared>, run: &str) -> Result<TraceReply, Error> {
    let journal = shared.journal()?;
    let run = shared.resolve(run).await?;
    let lines = blocking(move || journal.export(run).map_err(|error| failure::of_journal(&error))).await?;
    Ok(TraceReply::Export { lines })
}

async fn remove(shared: &Arc<Shared>, run: &str) -> Result<TraceReply, Error> {
    let journal = shared.journal()?;
    let run = shared.resolve(run).await?;
    let diff = shared.parts.settings.home.join("diffs").join(format!("{run}.diff"));
    blocking(move || {
        journal.remove(run).map_err(|error| failure::of_journal(&error))?;
        match std::fs::remove_file(&diff) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::new(ErrorCode::Unavailable, format!("remove {}: {error}", diff.display())))
            }
            _ => Ok(()),
        }
    })
    .await?;
    Ok(TraceReply::Rm { run: run.to_string() })
}
