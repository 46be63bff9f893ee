//! Following a run until there is something to answer: by its updates where this call started it, else by the journal.

use std::time::Duration;

use futures_util::StreamExt as _;
use naestro_api::{Engine, Error, Evidence, Query, Question, Reply, RunState, TestReport, UpdateBody, Updates};
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Context;
use crate::progress::Progress;
use crate::{failure, words};

/// How long the journal is asked to wait for an event.
const WAIT_MS: u64 = 10_000;
/// How long events are let gather before a run that writes many is looked at again.
const GATHER: Duration = Duration::from_millis(50);

/// Why following came to an end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The run ended or was suspended.
    Ended,
    /// It waits for an answer.
    Asks(Question),
    /// It goes on, and the caller has waited long enough.
    Late,
    /// The caller cancelled the request, or is gone.
    Left,
}

/// What was heard of a run that its state does not hold.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The evidence a step gathered.
    pub(crate) evidence: Option<Evidence>,
    /// The report of its tests.
    pub(crate) report: Option<TestReport>,
}

impl Heard {
    fn take(&mut self, body: UpdateBody) {
        match body {
            UpdateBody::Evidence { evidence, .. } => self.evidence = Some(evidence),
            UpdateBody::Tests { report, .. } => self.report = Some(report),
            _ => {}
        }
    }
}

/// Follows the updates of a run; with no `until` as long as it goes on.
pub(crate) async fn updates(
    cx: &Context,
    updates: &mut Updates,
    heard: &mut Heard,
    progress: &mut Progress<'_>,
    until: Option<Instant>,
) -> Stop {
    loop {
        tokio::select! {
            biased;
            () = cx.ct.cancelled() => return Stop::Left,
            () = late(until) => return Stop::Late,
            update = updates.next() => match update.map(|update| update.body) {
                None | Some(UpdateBody::Finished { .. }) => return Stop::Ended,
                Some(UpdateBody::Question(question)) => return Stop::Asks(question),
                Some(body) => {
                    if let Some(words) = words::of_update(&body) {
                        progress.say(words).await;
                    }
                    heard.take(body);
                }
            },
            () = progress.beat() => {}
        }
    }
}

/// Follows a run of any process by its events; where `asks` is false its questions are no reason to stop.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal.
pub(crate) async fn journal(
    cx: &Context,
    engine: &dyn Engine,
    run: &str,
    progress: &mut Progress<'_>,
    until: Option<Instant>,
    asks: bool,
) -> Result<Stop, Error> {
    loop {
        let state = state(engine, run).await?;
        if state.outcome.is_some() || !state.live {
            return Ok(Stop::Ended);
        }
        if let Some(question) = state.questions.into_iter().next().filter(|_| asks) {
            return Ok(Stop::Asks(question));
        }
        let events = engine.query(Query::Events { run: state.run, since: state.events, limit: None, wait_ms: WAIT_MS });
        tokio::select! {
            biased;
            () = cx.ct.cancelled() => return Ok(Stop::Left),
            () = late(until) => return Ok(Stop::Late),
            reply = events => {
                let Reply::Events(events) = reply? else { return Err(failure::unexpected("events")) };
                if let Some(last) = events.events.last() {
                    progress.say(words::line(&last.text)).await;
                    sleep(GATHER).await;
                }
            }
            () = progress.beat() => {}
        }
    }
}

/// Returns when nobody can answer the question any more: it was answered, by whomever, or its run is over or suspended.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal.
pub(crate) async fn answered(engine: &dyn Engine, run: &str, question: u32) -> Result<(), Error> {
    loop {
        let state = state(engine, run).await?;
        let is_open = state.questions.iter().any(|open| open.question == question);
        if !is_open || state.outcome.is_some() || !state.live {
            return Ok(());
        }
        engine.query(Query::Events { run: state.run, since: state.events, limit: None, wait_ms: WAIT_MS }).await?;
    }
}

/// A run as it stands.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal.
pub(crate) async fn state(engine: &dyn Engine, run: &str) -> Result<RunState, Error> {
    match engine.query(Query::State { run: run.to_owned() }).await? {
        Reply::State(state) => Ok(*state),
        _ => Err(failure::unexpected("a state")),
    }
}

async fn late(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
