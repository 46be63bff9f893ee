//! Following one command from a terminal: its updates, its questions, and Ctrl-C.
//!
//! Invariant: one interrupt suspends the run and waits for it to say so; a second one ends the process at once.

mod answers;

use futures_util::StreamExt as _;
use naestro_api::{
    Answer, Caller, Command, Engine, Error, ErrorCode, Evidence, Explain, Explanation, Face, Handle, Outcome, Prose, Query, Question,
    Reply, Signal, Update, UpdateBody, Updates,
};

use crate::config::{Config, NoModel};
use crate::screen::{Meter, Screen, evidence};
use crate::{exit, process, wire};
use answers::{Choice, Lines};

/// Submits a command that makes a run and follows it to its end; returns the exit code.
///
/// # Errors
/// What kept the run from starting.
pub(crate) fn run(command: Command, model: Option<&str>, screen: Screen) -> Result<u8, Error> {
    let config = Config::load(model)?;
    process::block_on(submitted(config, command, screen))
}

/// Explains a target and shows what there is to say; returns the exit code.
///
/// # Errors
/// What is wrong with the target, or the code that cannot be read.
pub(crate) fn explain(explain: Explain, screen: Screen) -> Result<u8, Error> {
    let config = Config::load(None)?;
    let is_run = config.model.is_ok() && explain.prose == Prose::Auto;
    // Facts alone are one question to the index: other threads would only cost their start.
    let work = submitted(config, Command::Explain(explain), screen);
    if is_run { process::block_on(work) } else { process::wait_for(work) }
}

/// The command's end as an exit code.
async fn submitted(config: Config, command: Command, screen: Screen) -> Result<u8, Error> {
    let engine = wire::engine(&config)?;
    let code = follow(engine.as_ref(), command, screen).await.map_err(|error| told(error, &config));
    if !matches!(code, Ok(exit::INTERRUPTED)) {
        engine.close().await;
    }
    code
}

/// Submits a command that is answered at once.
///
/// # Errors
/// What is wrong with the command or the journal.
pub(crate) fn ask(command: Command) -> Result<Handle, Error> {
    let config = Config::load(None)?;
    process::block_on(async move {
        let engine = wire::engine(&config)?;
        let handle = engine.submit(command, caller(false)).await;
        engine.close().await;
        handle.map_err(|error| told(error, &config))
    })
}

/// Says something to a run of this or another process; returns the exit code.
///
/// # Errors
/// `unknown_run`, `unknown_question`, or what is wrong with the journal.
pub(crate) fn signal(signal: Signal) -> Result<u8, Error> {
    let config = Config::load(None)?;
    process::block_on(async move {
        let engine = wire::engine(&config)?;
        let said = engine.signal(signal, caller(true)).await;
        engine.close().await;
        said.map(|()| exit::SUCCEEDED).map_err(|error| told(error, &config))
    })
}

/// A bug: the engine answered with another thing than what the command makes.
pub(crate) fn unexpected(wanted: &str) -> Error {
    Error::new(ErrorCode::Internal, format!("get {wanted}: the engine answered with something else"))
}

/// The error with what the configuration knows of it and the engine does not.
fn told(error: Error, config: &Config) -> Error {
    match (error.code, &config.model) {
        (ErrorCode::NoModel, Err(why @ NoModel::Name)) => {
            Error::new(ErrorCode::NoModel, format!("carry out a goal in words: {}", why.what())).hint(why.hint())
        }
        (ErrorCode::JournalUnavailable, _) => {
            let hint = format!("the state directory is {}; NAESTRO_HOME names another", config.home.display());
            error.hint(hint)
        }
        _ => error,
    }
}

/// The command line as a caller.
fn caller(answers: bool) -> Caller {
    Caller { face: Face::Cli, name: String::new(), answers, progress: None }
}

/// Submits the command and follows its run, or shows the answer that is there at once.
async fn follow(engine: &dyn Engine, command: Command, mut screen: Screen) -> Result<u8, Error> {
    let mut stops = process::Stops::listen()?;
    let answers = screen.can_ask();
    let workspace = match &command {
        Command::Explain(explain) => explain.workspace.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let meter = screen.meter();
    let who = Caller { progress: meter.as_ref().map(Meter::progress), ..caller(answers) };
    let handle = tokio::select! {
        handle = engine.submit(command, who) => handle,
        () = stops.next() => return Ok(exit::INTERRUPTED),
    };
    drop(meter);
    match handle? {
        Handle::Run { run, updates } => {
            let questions = answers.then(Questions::default);
            Watch { engine, run, workspace, screen, questions, stopped: false }.until_finished(updates, stops).await
        }
        Handle::Explanation(explanation) => {
            let holds = match &explanation {
                Explanation::Code { evidence, .. } => holds(engine, &workspace, evidence).await?,
                Explanation::Run { .. } => Vec::new(),
            };
            screen.explanation(&explanation, &holds)?;
            Ok(exit::SUCCEEDED)
        }
        Handle::Trace(_) => Err(unexpected("a run")),
    }
}

/// Whether the evidence's citations hold, asked for right before they are shown.
async fn holds(engine: &dyn Engine, workspace: &str, evidence: &Evidence) -> Result<Vec<bool>, Error> {
    let citations = evidence::citations(evidence);
    if citations.is_empty() {
        return Ok(Vec::new());
    }
    match engine.query(Query::Holds { workspace: workspace.to_owned(), citations }).await? {
        Reply::Holds(holds) => Ok(holds),
        _ => Err(unexpected("whether citations hold")),
    }
}

/// A run that is being followed.
struct Watch<'a> {
    engine: &'a dyn Engine,
    run: String,
    /// The folder it is about, as it says when it starts.
    workspace: String,
    screen: Screen,
    /// Where a person can answer: what they are asked.
    questions: Option<Questions>,
    /// Whether the run was asked to suspend.
    stopped: bool,
}

/// Questions that wait for the person, the first of them on the screen.
#[derive(Default)]
struct Questions {
    open: std::collections::VecDeque<Question>,
    lines: Option<Lines>,
}

impl Watch<'_> {
    async fn until_finished(mut self, mut updates: Updates, mut stops: process::Stops) -> Result<u8, Error> {
        loop {
            tokio::select! {
                update = updates.next() => {
                    let Some(update) = update else { return Err(lost(&self.run)) };
                    self.evidence(&update).await?;
                    if let Some(outcome) = self.update(&update) {
                        return Ok(exit::of_outcome(outcome));
                    }
                }
                () = stops.next() => {
                    if self.stopped {
                        return Ok(exit::INTERRUPTED);
                    }
                    if self.questions.as_ref().is_some_and(|questions| !questions.open.is_empty()) {
                        self.screen.leave_prompt();
                    }
                    self.screen.note("suspending; interrupt again to abort at once");
                    self.suspend().await;
                }
                line = next_line(&mut self.questions) => self.answered(line).await,
            }
        }
    }

    /// Shows evidence, its sources looked at again; what else an update says is shown by [`Self::update`].
    async fn evidence(&mut self, update: &Update) -> Result<(), Error> {
        if let UpdateBody::Evidence { evidence, .. } = &update.body {
            let holds = holds(self.engine, &self.workspace, evidence).await?;
            self.screen.evidence(evidence, &holds)?;
        }
        Ok(())
    }

    /// Shows an update; returns the outcome where it is the last.
    fn update(&mut self, update: &Update) -> Option<Outcome> {
        self.screen.update(update);
        match (&update.body, &mut self.questions) {
            (UpdateBody::Started { workspace, .. }, _) => self.workspace.clone_from(workspace),
            (UpdateBody::Finished { outcome, .. }, _) => return Some(*outcome),
            (UpdateBody::Question(question), Some(questions)) => {
                questions.lines.get_or_insert_with(Lines::of_stdin);
                questions.open.push_back(question.clone());
                if questions.open.len() == 1 {
                    self.screen.ask(question);
                }
            }
            _ => {}
        }
        None
    }

    /// Takes a typed line as the answer to the first open question; no further lines suspend the run.
    async fn answered(&mut self, line: Option<String>) {
        let Some(questions) = &mut self.questions else { return };
        let Some(line) = line else {
            self.questions = None;
            self.screen.note("no more input; suspending");
            return self.suspend().await;
        };
        let Some(question) = questions.open.front() else { return };
        match answers::choice(&question.choices, &line) {
            Choice::Clear(choice) => {
                let answer = Answer { run: self.run.clone(), question: question.question, choice };
                questions.open.pop_front();
                if let Err(error) = self.engine.signal(Signal::Answer(answer), caller(true)).await {
                    self.screen.error(&error);
                }
            }
            Choice::Unclear => self.screen.note("that is none of the choices"),
        }
        if let Some(question) = self.questions.as_ref().and_then(|questions| questions.open.front()) {
            self.screen.ask(question);
        }
    }

    async fn suspend(&mut self) {
        self.stopped = true;
        if let Err(error) = self.engine.signal(Signal::Suspend { run: self.run.clone() }, caller(false)).await {
            self.screen.error(&error);
        }
    }
}

/// The next typed line while a question is open; waits for ever otherwise.
async fn next_line(questions: &mut Option<Questions>) -> Option<String> {
    match questions {
        Some(Questions { open, lines: Some(lines) }) if !open.is_empty() => lines.next().await,
        _ => std::future::pending().await,
    }
}

fn lost(run: &str) -> Error {
    Error::new(ErrorCode::Internal, format!("follow run {run}: its updates ended before it did")).hint(format!("naestro trace show {run}"))
}
