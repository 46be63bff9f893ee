//! The tasks extension (2026): a task is a run, and its id is the run's, so that the journal is all the memory there is.
//!
//! Invariant: a task outlives the connection and the process that made it; only removing the run ends it.

use naestro_api::{Engine, Error, ErrorCode, Events, Query, Reply, RunState, Signal};
use rmcp::model::{CreateTaskResult, DetailedTask, InputResponses, Task, TaskPayload, TaskStatus};

use crate::client::{self, Context};
use crate::consent::{self, Said};
use crate::follow::{self, Heard};
use crate::outcome::{self, State};
use crate::{failure, words};

/// How often a client is asked to look.
const POLL_MS: u64 = 1000;

/// The task a call becomes.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal.
pub(crate) async fn created(engine: &dyn Engine, run: &str) -> Result<CreateTaskResult, Error> {
    let state = follow::state(engine, run).await?;
    Ok(CreateTaskResult::new(task(engine, &state, status(&state)).await?))
}

/// The task as it stands: with its questions, or with the result that its call would have had.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal.
pub(crate) async fn get(engine: &dyn Engine, run: &str) -> Result<DetailedTask, Error> {
    let state = follow::state(engine, run).await?;
    let status = status(&state);
    let payload = match status {
        TaskStatus::InputRequired => TaskPayload::InputRequired { input_requests: consent::requests(&state.questions)? },
        TaskStatus::Cancelled => TaskPayload::Cancelled,
        TaskStatus::Working => TaskPayload::Working,
        _ => TaskPayload::Completed { result: result(engine, run).await? },
    };
    Ok(DetailedTask::new(task(engine, &state, status).await?, payload))
}

/// Takes answers; keys that belong to no open question are left alone, since it may have been answered elsewhere.
///
/// # Errors
/// `refused` where this caller may not answer; `unknown_run`.
pub(crate) async fn update(cx: &Context, engine: &dyn Engine, run: &str, responses: &InputResponses) -> Result<(), Error> {
    let state = follow::state(engine, run).await?;
    for question in &state.questions {
        match consent::came_back(question, Some(responses)) {
            Some(Said::Choice(choice)) => consent::answer(cx, engine, &state.run, question.question, choice).await?,
            Some(Said::Nothing) => {
                engine.signal(Signal::Suspend { run: state.run.clone() }, client::caller(cx, None)).await?;
            }
            None => {}
        }
    }
    Ok(())
}

/// Ends the run for good; one that has ended is as good as cancelled.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal.
pub(crate) async fn cancel(cx: &Context, engine: &dyn Engine, run: &str) -> Result<(), Error> {
    match engine.signal(Signal::Cancel { run: run.to_owned() }, client::caller(cx, None)).await {
        Err(error) if error.code == ErrorCode::RunBusy => Ok(()),
        other => other,
    }
}

/// A suspended run is complete as far as the call goes: its result says how to go on.
fn status(state: &RunState) -> TaskStatus {
    match State::of(state) {
        State::Running => TaskStatus::Working,
        State::Waiting if state.live => TaskStatus::InputRequired,
        State::Cancelled => TaskStatus::Cancelled,
        State::Waiting | State::Suspended | State::Succeeded | State::Failed | State::Refused => TaskStatus::Completed,
    }
}

async fn result(engine: &dyn Engine, run: &str) -> Result<rmcp::model::JsonObject, Error> {
    let result = outcome::of_run(engine, run, Heard::default()).await?;
    let value = serde_json::to_value(result).map_err(|error| Error::new(ErrorCode::Internal, format!("write a result: {error}")))?;
    value.as_object().cloned().ok_or_else(|| failure::unexpected("a result"))
}

async fn task(engine: &dyn Engine, state: &RunState, status: TaskStatus) -> Result<Task, Error> {
    let first = event(engine, &state.run, 0).await?;
    let last = event(engine, &state.run, state.events.saturating_sub(1)).await?;
    let at = |events: &Events| instant(events.events.first().map_or(0, |event| event.at));
    let said = last.events.first().map(|event| words::line(&event.text)).unwrap_or_default();
    Ok(Task::new(state.run.clone(), status, at(&first), at(&last)).with_status_message(said).with_poll_interval_ms(POLL_MS))
}

async fn event(engine: &dyn Engine, run: &str, seq: u64) -> Result<Events, Error> {
    match engine.query(Query::Events { run: run.to_owned(), since: seq, limit: Some(1), wait_ms: 0 }).await? {
        Reply::Events(events) => Ok(events),
        _ => Err(failure::unexpected("events")),
    }
}

/// Milliseconds since the Unix epoch in the form of RFC 3339.
fn instant(ms: u64) -> String {
    i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_protocol_wants_them() {
        assert_eq!(instant(1_784_000_000_123), "2026-07-14T03:33:20.123Z");
        assert_eq!(instant(u64::MAX), "1970-01-01T00:00:00Z");
    }
}
