//! The engine in this process: takes commands to their files, knows the runs that are live here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use naestro_api::{Caller, Command, Engine, Error, ErrorCode, Events, Face, Handle, Pending, Query, Reply, Signal};
use naestro_kernel::{RunId, ToolFacts};
use naestro_policy::Policies;
use naestro_policy::effect::{Message, ToolSpec};
use naestro_policy::port::{Journal, UpstreamTool, Workspaces};
use tokio::sync::{mpsc, oneshot, watch};

use crate::dispatcher::{Input, event_of};
use crate::fold::Fold;
use crate::letter::Posted;
use crate::parts::Parts;
use crate::reading::{Listeners, ReadAloud};
use crate::session::Session;
use crate::{command, failure, recipe, state, story};

/// How many sessions are kept in memory.
const REMEMBERED: usize = 16;
/// How often a run of this process is looked at while someone waits for its events: its own appends wake nobody.
const LOOK: std::time::Duration = std::time::Duration::from_millis(20);

/// The engine in this process. Opens nothing before a command needs it.
pub struct LocalEngine {
    shared: Arc<Shared>,
}

/// What commands share.
pub(crate) struct Shared {
    pub(crate) parts: Parts,
    journal: OnceLock<Arc<dyn Journal>>,
    opening: Mutex<()>,
    workshop: OnceLock<Workshop>,
    pub(crate) live: Mutex<BTreeMap<RunId, LiveRun>>,
    pub(crate) sessions: Mutex<BTreeMap<RunId, Session>>,
    pub(crate) listeners: Listeners,
}

/// What only runs need: policies and tools.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub(crate) policies: Arc<Policies>,
    pub(crate) workspaces: Arc<dyn Workspaces>,
    pub(crate) facts: Arc<[ToolFacts]>,
    pub(crate) specs: Arc<[ToolSpec]>,
    /// Those of the tools that other servers offer.
    pub(crate) upstream: Arc<[UpstreamTool]>,
}

/// The caller a run belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Starter {
    face: Face,
    name: String,
}

impl Starter {
    /// That caller.
    pub(crate) fn of(caller: &Caller) -> Self {
        Self { face: caller.face, name: caller.name.clone() }
    }
}

/// A run that is live in this process.
pub(crate) struct LiveRun {
    pub(crate) inputs: mpsc::UnboundedSender<Input>,
    /// Who started it or took it up again: the one caller that is no human and may answer its questions.
    pub(crate) starter: Starter,
    /// Closed when its dispatcher has let go.
    pub(crate) ended: watch::Receiver<()>,
}

impl LocalEngine {
    /// Puts the parts together; opens nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let shared = Shared {
            parts,
            journal: OnceLock::new(),
            opening: Mutex::new(()),
            workshop: OnceLock::new(),
            live: Mutex::default(),
            sessions: Mutex::default(),
            listeners: Listeners::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Engine for LocalEngine {
    fn submit(&self, command: Command, caller: Caller) -> Pending<'_, Result<Handle, Error>> {
        Box::pin(async move {
            match command {
                Command::Orchestrate(orchestrate) => command::orchestrate::start(&self.shared, *orchestrate, &caller).await,
                Command::Explain(explain) => command::explain::answer(&self.shared, explain, &caller).await,
                Command::Test(test) => command::test::start(&self.shared, test, &caller).await,
                Command::Trace(trace) => command::trace::answer(&self.shared, trace).await.map(Handle::Trace),
            }
        })
    }

    fn signal(&self, signal: Signal, caller: Caller) -> Pending<'_, Result<(), Error>> {
        Box::pin(async move { self.shared.pass(signal, &caller).await })
    }

    fn query(&self, query: Query) -> Pending<'_, Result<Reply, Error>> {
        Box::pin(async move {
            match query {
                Query::State { run } => {
                    let (entry, fold) = self.shared.load(&run).await?;
                    let state = state::of(&fold, entry.owned).ok_or_else(|| failure::unknown_run(&run))?;
                    Ok(Reply::State(Box::new(state)))
                }
                Query::Events { run, since, limit, wait_ms } => {
                    self.shared.events(&run, since, limit.unwrap_or(1000), wait_ms).await.map(Reply::Events)
                }
                Query::Diff { run } => {
                    let (_, fold) = self.shared.load(&run).await?;
                    Ok(Reply::Diff(fold.diff.map(|(diff, _)| diff.text().into_owned()).unwrap_or_default()))
                }
                Query::Recipes => recipe::all(self.shared.parts.settings.recipes.as_deref()).map(Reply::Recipes),
                Query::Holds { workspace, citations } => {
                    command::explain::holds(&self.shared, workspace, citations).await.map(Reply::Holds)
                }
            }
        })
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            let ended: Vec<watch::Receiver<()>> = lock(&self.shared.live)
                .iter()
                .map(|(run, live)| {
                    let (reply, _) = oneshot::channel();
                    let posted = Posted { signal: Signal::Suspend { run: run.to_string() }, by: String::from("the end of the process") };
                    // A dispatcher that has just let go needs no signal.
                    let _ = live.inputs.send(Input::Signal(posted, reply));
                    live.ended.clone()
                })
                .collect();
            for mut ended in ended {
                // An error is what is waited for: the dispatcher's end is dropped.
                while ended.changed().await.is_ok() {}
            }
            if let Some(upstreams) = &self.shared.parts.upstreams {
                upstreams.close().await;
            }
        })
    }
}

impl Shared {
    /// The journal, opened at first use.
    pub(crate) fn journal(&self) -> Result<Arc<dyn Journal>, Error> {
        if let Some(journal) = self.journal.get() {
            return Ok(Arc::clone(journal));
        }
        let _only_once = lock(&self.opening);
        if let Some(journal) = self.journal.get() {
            return Ok(Arc::clone(journal));
        }
        let journal = (self.parts.journal)().map_err(|error| failure::of_journal(&error))?;
        Ok(Arc::clone(self.journal.get_or_init(|| journal)))
    }

    /// The journal for looking back: nothing where there is none yet, and nothing is made.
    pub(crate) fn past(&self) -> Option<Arc<dyn Journal>> {
        self.journal.get().map(Arc::clone).or_else(|| (self.parts.past)())
    }

    /// Policies and tools, loaded at the first run, with the tools of other servers as they are approved now.
    pub(crate) fn workshop(&self) -> Result<Workshop, Error> {
        let mut workshop = self.own_workshop()?;
        let upstream = self.parts.upstreams.as_ref().map(|upstreams| upstreams.tools()).unwrap_or_default();
        if !upstream.is_empty() {
            workshop.facts = workshop.facts.iter().cloned().chain(upstream.iter().map(|tool| tool.facts.clone())).collect();
            workshop.specs = workshop.specs.iter().cloned().chain(upstream.iter().map(|tool| tool.spec.clone())).collect();
            workshop.upstream = upstream.into();
        }
        Ok(workshop)
    }

    fn own_workshop(&self) -> Result<Workshop, Error> {
        let journal = self.journal()?;
        let _only_once = lock(&self.opening);
        if let Some(workshop) = self.workshop.get() {
            return Ok(workshop.clone());
        }
        let policies = Policies::built_in().map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
        let code = ReadAloud { code: Arc::clone(&self.parts.code), listeners: self.listeners.clone() };
        let workspaces = (self.parts.workspaces)(Arc::clone(&journal), Arc::new(code));
        self.sweep(journal);
        let (facts, specs): (Vec<_>, Vec<_>) = workspaces.tools().into_iter().unzip();
        let (facts, specs, upstream) = (facts.into(), specs.into(), Arc::from([]));
        let workshop = Workshop { policies: Arc::new(policies), workspaces, facts, specs, upstream };
        Ok(self.workshop.get_or_init(|| workshop).clone())
    }

    /// Keeps what a finished run leaves for its session's next one.
    pub(crate) fn remember(&self, fold: &Fold, before: &[Message]) {
        let Some(session) = Session::after(fold, before).filter(|_| fold.finished.is_some()) else { return };
        let Some(opening) = fold.run.opening() else { return };
        let mut sessions = lock(&self.sessions);
        if sessions.len() >= REMEMBERED {
            // The journal has them all; remembering only saves reading it.
            sessions.clear();
        }
        sessions.insert(opening.session, session);
    }

    /// Keeps the journal below its limit of bytes, beside the run that is about to begin.
    fn sweep(&self, journal: Arc<dyn Journal>) {
        let limit = self.parts.settings.keep;
        tokio::spawn(async move {
            match journal.sweep(limit).await {
                Ok(0) => {}
                Ok(removed) => tracing::warn!(removed, limit, "removed the oldest finished runs to keep the journal below its limit"),
                Err(error) => tracing::warn!(%error, "could not keep the journal below its limit"),
            }
        });
    }

    /// A run by its id or a prefix only it has, folded from the journal.
    pub(crate) async fn load(&self, run: &str) -> Result<(naestro_policy::port::RunEntry, Fold), Error> {
        let journal = self.journal()?;
        let text = run.to_owned();
        blocking(move || {
            let run = resolve(journal.as_ref(), &text)?;
            let entry = journal.entry(run).map_err(|error| failure::of_journal(&error))?;
            let fold = Fold::load(journal.as_ref(), run, u64::MAX).map_err(|error| failure::of_journal(&error))?;
            Ok((entry, fold))
        })
        .await
    }

    /// A run's id from its text or a prefix only it has.
    pub(crate) async fn resolve(&self, text: &str) -> Result<RunId, Error> {
        let journal = self.journal()?;
        let text = text.to_owned();
        blocking(move || resolve(journal.as_ref(), &text)).await
    }

    async fn events(&self, run: &str, since: u64, limit: usize, wait_ms: u64) -> Result<Events, Error> {
        let journal = self.journal()?;
        let run = self.resolve(run).await?;
        let until = tokio::time::Instant::now() + std::time::Duration::from_millis(wait_ms.min(30_000));
        let mut was_owned = false;
        loop {
            let reader = Arc::clone(&journal);
            let look = move || {
                let events = reader.read(run, since, limit.min(10_000))?;
                // Whether anything more is to be expected matters only where there is nothing yet.
                let owned = events.is_empty() && reader.entry(run)?.owned;
                Ok((events, owned))
            };
            let (events, owned) = blocking(move || look().map_err(|error| failure::of_journal(&error))).await?;
            if !events.is_empty() || (was_owned && !owned) || tokio::time::Instant::now() >= until {
                let events: Vec<_> = events.iter().zip(since..).map(|(event, seq)| story::entry(seq, event)).collect();
                let next = since + events.len() as u64;
                return Ok(Events { events, next });
            }
            was_owned = owned;
            // Either another process has written, or it is time to look whether this one has.
            let _ = tokio::time::timeout_at(until.min(tokio::time::Instant::now() + LOOK), journal.changed()).await;
        }
    }

    /// Takes a signal to the run: here, in another process, or suspended.
    async fn pass(self: &Arc<Self>, mut signal: Signal, caller: &Caller) -> Result<(), Error> {
        let id = match &mut signal {
            Signal::Cancel { run } | Signal::Suspend { run } | Signal::Patch { run, .. } => run,
            Signal::Answer(answer) => &mut answer.run,
        };
        let run = self.resolve(id).await?;
        *id = run.to_string();
        self.may_signal(&signal, run, caller)?;
        let posted = Posted { signal, by: by(caller) };
        let inputs = lock(&self.live).get(&run).map(|live| live.inputs.clone());
        if let Some(inputs) = inputs {
            let (reply, answer) = oneshot::channel();
            if inputs.send(Input::Signal(posted.clone(), reply)).is_ok()
                && let Ok(answer) = answer.await
            {
                return answer;
            }
        }
        self.post(run, posted, caller).await
    }

    /// Only a human face, or the caller that started the run, answers its questions; nothing a run started answers any.
    fn may_signal(&self, signal: &Signal, run: RunId, caller: &Caller) -> Result<(), Error> {
        if !matches!(signal, Signal::Answer(_)) {
            return Ok(());
        }
        let ours = lock(&self.live).get(&run).is_some_and(|live| live.starter == Starter::of(caller));
        let inside = !self.parts.settings.inside.is_empty();
        if !inside && (ours || caller.face == Face::Cli) {
            return Ok(());
        }
        Err(Error::new(ErrorCode::Refused, "answer: a question is answered by a human, or by the caller that started the run")
            .hint(format!("answer it in a terminal: naestro answer {run} QUESTION CHOICE")))
    }

    /// A signal to a run that is not live here: checked against the journal, then left in its inbox.
    async fn post(self: &Arc<Self>, run: RunId, posted: Posted, caller: &Caller) -> Result<(), Error> {
        let (entry, fold) = self.load(&run.to_string()).await?;
        if entry.outcome.is_some() {
            return Err(Error::new(ErrorCode::RunBusy, format!("signal run {run}: it has finished")).hint("`naestro trace show` tells how"));
        }
        event_of(&fold, &posted)?;
        match posted.signal {
            Signal::Cancel { .. } if !entry.owned => command::orchestrate::cancel_suspended(self, run, caller).await,
            Signal::Suspend { .. } if !entry.owned => Ok(()),
            _ => self.journal()?.post(run, posted.write()).await.map_err(|error| failure::of_journal(&error)),
        }
    }
}

/// Runs blocking work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(ErrorCode::Internal, format!("finish: {error}"))),
    }
}

/// Locks, whatever a panicking holder left: what is inside is only ever replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn resolve(journal: &dyn Journal, text: &str) -> Result<RunId, Error> {
    if let Some(run) = RunId::parse(text) {
        return journal.entry(run).map(|entry| entry.run).map_err(|error| failure::of_journal(&error));
    }
    if text.len() < 4 {
        return Err(failure::unknown_run(text));
    }
    let runs = journal.list(usize::MAX >> 1).map_err(|error| failure::of_journal(&error))?;
    let mut matching = runs.iter().map(|entry| entry.run).filter(|run| run.to_string().starts_with(text));
    match (matching.next(), matching.next()) {
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => {
            Err(Error::new(ErrorCode::UnknownRun, format!("find run `{text}`: several begin so")).hint("give more of its id"))
        }
        (None, _) => Err(failure::unknown_run(text)),
    }
}

fn by(caller: &Caller) -> String {
    match caller.face {
        Face::Cli => String::from("the command line"),
        Face::Rpc => String::from("a JSON-RPC caller"),
        Face::Mcp => format!("an MCP client {}", caller.name).trim_end().to_owned(),
    }
}
