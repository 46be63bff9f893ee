//! A tool call that is a run: started or taken up again, followed, asked about, and answered with what came of it.
//!
//! Invariant: a call is answered within [`PATIENCE`] of the last thing its human did, with the run's handle where it goes on.

use std::sync::Arc;
use std::time::Duration;

use naestro_api::{Command, Error, Handle, Question, Signal, Updates};
use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorData, InputResponses};
use tokio::time::Instant;

use crate::cancellations::Cancellations;
use crate::client::{self, Context};
use crate::consent::{self, Form, Said};
use crate::follow::{self, Heard, Stop};
use crate::handler::{Detached, Face};
use crate::progress::Progress;
use crate::{failure, outcome, tasks, words};

/// How long a call waits for its run before the handle is the answer: below the limit of every client.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same where the client takes tasks.
const BRIEF: Duration = Duration::from_secs(2);

/// How a call wants its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Answered in time, with a handle or a task where it goes on.
    InTime,
    /// Answered at its end, however long that takes.
    ToItsEnd,
}

/// What a call brings beside its arguments.
pub(crate) struct Round {
    tool: String,
    state: Option<String>,
    responses: Option<InputResponses>,
    /// Whether the run is to go on when the client leaves.
    pub(crate) detach: bool,
}

impl Round {
    /// Of this request.
    pub(crate) fn of(request: &CallToolRequestParams) -> Self {
        Self {
            tool: request.name.to_string(),
            state: request.request_state.clone(),
            responses: request.input_responses.clone(),
            detach: false,
        }
    }
}

/// A run on its way to an answer.
struct Call<'a> {
    face: &'a Face,
    cx: &'a Context,
    tool: String,
    run: String,
    /// Where its news come from: the journal, where it was started by an earlier call.
    updates: Option<Updates>,
    heard: Heard,
    progress: Progress<'a>,
    /// Whether the human closed the question, so that the run is to end rather than to ask again.
    closed: bool,
    /// Whether the run goes on when the client leaves.
    detach: bool,
}

/// Starts what the command says, or goes on with what the round brings back, and answers.
///
/// # Errors
/// A tool's failure is a result; an error is only what the protocol itself is used wrongly for.
pub(crate) async fn call(
    face: &Face,
    cx: &Context,
    round: Round,
    wish: Wish,
    command: Result<Command, Error>,
) -> Result<CallToolResponse, ErrorData> {
    let result = match &round.state {
        Some(state) => Call::go_on(face, cx, &round, state).await.map(Ok)?,
        None => match command {
            Ok(command) => start(face, cx, round, command).await,
            Err(error) => Err(error),
        },
    };
    let answered = match result {
        Ok(Begun::Run(mut call)) => call.answer(wish).await,
        Ok(Begun::Answered(response)) => Ok(*response),
        Err(error) => Err(error),
    };
    Ok(answered.unwrap_or_else(|error| failure::result(&error).into()))
}

/// What a command began.
enum Begun<'a> {
    Run(Box<Call<'a>>),
    Answered(Box<CallToolResponse>),
}

async fn start<'a>(face: &'a Face, cx: &'a Context, round: Round, command: Command) -> Result<Begun<'a>, Error> {
    let Round { tool, detach, .. } = round;
    let mut progress = Progress::of(cx);
    let (told, mut reading) = tokio::sync::watch::channel(None);
    let told = naestro_api::Progress(Arc::new(move |done, total| _ = told.send(Some((done, total)))));
    let submitted = face.engine.submit(command, client::caller(cx, Some(told)));
    tokio::pin!(submitted);
    let handle = loop {
        tokio::select! {
            handle = &mut submitted => break handle?,
            () = cx.ct.cancelled(), if !(detach && client::is_http(cx)) => return Err(left()),
            Ok(()) = reading.changed() => {
                let seen = *reading.borrow_and_update();
                if let Some((done, total)) = seen {
                    progress.say(words::reading(done, total)).await;
                }
            }
            () = progress.beat() => {}
        }
    };
    match handle {
        Handle::Run { run, updates } => {
            if detach && !client::is_http(cx) {
                face.detach(Detached { run: run.clone(), client: client::name(cx) });
            }
            let (updates, heard) = (Some(updates), Heard::default());
            Ok(Begun::Run(Box::new(Call { face, cx, tool, run, updates, heard, progress, closed: false, detach })))
        }
        Handle::Explanation(explanation) => Ok(Begun::Answered(Box::new(outcome::explanation(&explanation).into()))),
        Handle::Trace(_) => Err(failure::unexpected("a run")),
    }
}

impl<'a> Call<'a> {
    /// The call of an earlier round, given the answer that came back.
    async fn go_on(face: &'a Face, cx: &'a Context, round: &Round, state: &str) -> Result<Begun<'a>, ErrorData> {
        let pending = face.seal.read(cx, &round.tool, state).map_err(|error| failure::of(&error))?;
        let (tool, run, detach) = (round.tool.clone(), pending.run, round.detach);
        let (heard, progress) = (Heard::default(), Progress::of(cx));
        let mut call = Call { face, cx, tool, run, updates: None, heard, progress, closed: false, detach };
        let asked = call.open_question(pending.question).await.map_err(|error| failure::of(&error))?;
        match asked.as_ref().map(|question| (question, consent::came_back(question, round.responses.as_ref()))) {
            // No answer, or none that is one: asked again below. Answered already: the run goes on.
            None | Some((_, None)) => {}
            Some((question, Some(said))) => call.take(question, said).await.map_err(|error| failure::of(&error))?,
        }
        Ok(Begun::Run(Box::new(call)))
    }

    async fn open_question(&mut self, number: u32) -> Result<Option<Question>, Error> {
        let state = follow::state(&*self.face.engine, &self.run).await?;
        Ok(state.questions.into_iter().find(|question| question.question == number))
    }

    /// Passes on what the human said; a run whose question was closed is suspended, and can be answered later.
    async fn take(&mut self, question: &Question, said: Said) -> Result<(), Error> {
        match said {
            Said::Choice(choice) => consent::answer(self.cx, &*self.face.engine, &self.run, question.question, choice).await,
            Said::Nothing => {
                self.closed = true;
                self.signal(Signal::Suspend { run: self.run.clone() }).await
            }
        }
    }

    async fn answer(&mut self, wish: Wish) -> Result<CallToolResponse, Error> {
        let tasks = client::takes_tasks(self.cx);
        loop {
            let patience = if tasks { BRIEF } else { PATIENCE };
            let until = (wish == Wish::InTime).then(|| Instant::now() + patience);
            match self.follow(until).await? {
                Stop::Ended => return self.outcome().await,
                Stop::Late | Stop::Asks(_) if tasks => return Ok(tasks::created(&*self.face.engine, &self.run).await?.into()),
                Stop::Late => return self.outcome().await,
                // It suspends itself, since nobody is there to answer.
                Stop::Asks(_) if !client::can_elicit(self.cx) && self.updates.is_some() => {}
                Stop::Asks(_) if !client::can_elicit(self.cx) => return self.outcome().await,
                Stop::Asks(question) if client::is_modern(self.cx) => {
                    return Ok(self.face.seal.ask(self.cx, &self.tool, &self.run, &question)?.into());
                }
                Stop::Asks(question) => self.elicit(&question).await?,
                Stop::Left => return self.leave().await,
            }
        }
    }

    async fn follow(&mut self, until: Option<Instant>) -> Result<Stop, Error> {
        match &mut self.updates {
            Some(updates) => Ok(follow::updates(self.cx, updates, &mut self.heard, &mut self.progress, until).await),
            None => follow::journal(self.cx, &*self.face.engine, &self.run, &mut self.progress, until, !self.closed).await,
        }
    }

    /// Puts the question to the human and takes the answer; the client hears meanwhile that the call is alive.
    async fn elicit(&mut self, question: &Question) -> Result<(), Error> {
        let mut form = Form::show(self.cx, question).await?;
        let said = {
            let elsewhere = follow::answered(&*self.face.engine, &self.run, question.question);
            tokio::pin!(elsewhere);
            loop {
                tokio::select! {
                    said = form.said(question) => break said,
                    answered = &mut elsewhere => {
                        form.close("it was answered elsewhere").await;
                        return answered;
                    }
                    // What follows sees that it is cancelled.
                    () = self.cx.ct.cancelled() => {
                        form.close("the call was cancelled").await;
                        return Ok(());
                    }
                    () = self.face.closing.cancelled() => return Ok(()),
                    () = self.progress.beat() => {}
                }
            }
        };
        self.take(question, said).await
    }

    /// The request has ended early. Where the client said so its run ends for good; where the client is only gone the run goes on without
    /// it, if it was to, or is suspended and can be resumed.
    async fn leave(&mut self) -> Result<CallToolResponse, Error> {
        let run = self.run.clone();
        let cancellations = self.cx.extensions.get::<Arc<Cancellations>>();
        let was_said = match cancellations {
            Some(cancellations) if !self.face.closing.is_cancelled() => cancellations.has(&self.cx.id).await,
            _ => false,
        };
        if was_said {
            self.signal(Signal::Cancel { run }).await?;
        } else if !self.face.closing.is_cancelled() && !self.detach {
            self.signal(Signal::Suspend { run }).await?;
        }
        Err(left())
    }

    async fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        self.face.engine.signal(signal, client::caller(self.cx, None)).await
    }

    async fn outcome(&mut self) -> Result<CallToolResponse, Error> {
        let heard = std::mem::take(&mut self.heard);
        Ok(outcome::of_run(&*self.face.engine, &self.run, heard).await?.into())
    }
}

/// What a request that was cancelled is answered with, where anybody still hears it.
fn left() -> Error {
    Error::new(naestro_api::ErrorCode::Unavailable, "go on: the request was cancelled")
}
