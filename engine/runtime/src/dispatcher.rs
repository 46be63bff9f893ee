//! The sole owner of a run's state: append, then apply, then act.
//!
//! One task per run. Everything that can wake it is an [`Input`], a unit's [`Report`], the timer, or a letter from another
//! process. Every change of state is an event: appended to the journal first, then folded, then projected to the caller.
//!
//! Invariant: nothing is performed whose intent is not in the journal; when the journal cannot be written, nothing more is
//! done, and the run can be resumed from what is there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use naestro_api::{Error, ErrorCode, Signal, Update, UpdateBody};
use naestro_kernel::{Action, Ask, Event, Invalid, Millis, Question, QuestionId, RunId, RunOutcome, UnitId, What, Work};
use naestro_policy::effect::{Effect, ToolSpec};
use naestro_policy::port::{Delta, Durability, Journal, JournalError, UpstreamTool};
use naestro_policy::{Context, Decision, Permit, Policies};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::context::Preamble;
use crate::exact::{Exact, Impossible, Maker};
use crate::executor::{Ports, Report};
use crate::fold::Fold;
use crate::letter::Posted;
use crate::parts::Tests;
use crate::{failure, plan, update};

/// The most bytes of a diff that a question shows; the file it is written to has all of it.
const SHOWN: usize = 1 << 20;

/// What other tasks of this process say to a dispatcher.
pub(crate) enum Input {
    /// A caller's signal, and where to say whether it was taken.
    Signal(Posted, oneshot::Sender<Result<(), Error>>),
}

/// Everything a dispatcher is made of.
pub(crate) struct Dispatcher {
    pub(crate) run: RunId,
    pub(crate) fold: Fold,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) policies: Arc<Policies>,
    pub(crate) ports: Ports,
    pub(crate) specs: Arc<[ToolSpec]>,
    /// Those of the tools that other servers offer.
    pub(crate) upstream: Arc<[UpstreamTool]>,
    pub(crate) tests: Tests,
    pub(crate) preamble: Preamble,
    pub(crate) diffs: std::path::PathBuf,
    pub(crate) updates: mpsc::UnboundedSender<Update>,
    /// The last letter taken in before.
    pub(crate) letters: u64,
    pub(crate) inputs: mpsc::UnboundedReceiver<Input>,
}

/// The update that says finished.
pub(crate) struct LastWords {
    updates: mpsc::UnboundedSender<Update>,
    update: Update,
}

impl LastWords {
    /// Says it; a caller that has gone away does not hear it.
    pub(crate) fn say(self) {
        let _ = self.updates.send(self.update);
    }
}

/// What lives only while the dispatcher does.
struct Live {
    reports: mpsc::UnboundedSender<Report>,
    units: BTreeMap<UnitId, CancellationToken>,
    wake: Option<Millis>,
    /// The last letter taken in.
    letters: u64,
    /// Says that another process may have written to the journal.
    changed: mpsc::Receiver<()>,
}

/// A unit whose intent is about to be written.
struct Ready {
    unit: UnitId,
    permit: Permit,
    effect: Effect,
    timeout: Millis,
}

impl Dispatcher {
    /// Drives the run until it ends or is suspended, then lets go of it.
    ///
    /// `first` are events to append before anything else: the rest of an opening, or a resumption with its answers. Returns
    /// the fold, for the session that goes on from it, and the last update, to be said once the run counts as gone.
    pub(crate) async fn drive(mut self, first: Vec<What>) -> (Fold, LastWords) {
        let (reports, mut incoming) = mpsc::unbounded_channel();
        let (changes, changed) = mpsc::channel(1);
        let watch = tokio::spawn(watch(Arc::clone(&self.journal), changes));
        let mut live = Live { reports, units: BTreeMap::new(), wake: None, letters: self.letters, changed };
        let driven = self.turn_over(&mut live, &mut incoming, first).await;
        watch.abort();
        for token in live.units.values() {
            token.cancel();
        }
        self.ports.workspaces.close(self.run).await;
        if let Err(error) = driven {
            self.give_up(&error);
        } else if let Err(error) = self.journal.release(self.run, self.fold.digest()).await {
            tracing::warn!(run = %self.run, %error, "could not let go of the run");
        }
        let diff = self.keep_diff();
        let update = Update { run: self.run.to_string(), seq: None, body: update::finished(&self.fold, diff) };
        (self.fold, LastWords { updates: self.updates, update })
    }

    async fn turn_over(
        &mut self,
        live: &mut Live,
        incoming: &mut mpsc::UnboundedReceiver<Report>,
        first: Vec<What>,
    ) -> Result<(), JournalError> {
        let mut actions: VecDeque<Action> = self.fold.actions.drain(..).collect();
        for what in first {
            // What the last event of a lost process led to was its to do, and what an answer before `Resumed` leads to is
            // handed out again by that: only the last event says what is to be done now.
            actions = self.record(vec![what], Durability::Buffered).await?.into();
        }
        loop {
            self.act(live, &mut actions).await?;
            if update::at_rest(self.fold.run.phase()) {
                return Ok(());
            }
            actions.extend(self.next(live, incoming).await?);
        }
    }

    /// Waits for whatever comes next and records it.
    async fn next(&mut self, live: &mut Live, incoming: &mut mpsc::UnboundedReceiver<Report>) -> Result<Vec<Action>, JournalError> {
        tokio::select! {
            biased;
            Some(report) = incoming.recv() => self.take_report(live, report).await,
            Some(Input::Signal(posted, reply)) = self.inputs.recv() => self.take_signal(posted, Some(reply)).await,
            () = sleep_until(live.wake) => {
                live.wake = None;
                self.record(vec![What::Woke], Durability::Buffered).await
            }
            Some(()) = live.changed.recv() => self.take_letters(live).await,
        }
    }

    async fn take_report(&mut self, live: &mut Live, report: Report) -> Result<Vec<Action>, JournalError> {
        match report {
            Report::Delta(unit, delta) => {
                self.pass_on(unit, delta);
                Ok(Vec::new())
            }
            Report::Done(unit, outcome) => {
                live.units.remove(&unit);
                self.record(vec![What::Done { unit, outcome }], Durability::Buffered).await
            }
        }
    }

    async fn take_letters(&mut self, live: &mut Live) -> Result<Vec<Action>, JournalError> {
        let mut actions = Vec::new();
        for letter in self.journal.inbox(self.run, live.letters).await? {
            live.letters = letter.id;
            if let Some(posted) = Posted::read(&letter) {
                actions.extend(self.take_signal(posted, None).await?);
            }
        }
        Ok(actions)
    }

    /// Records a signal if it makes sense now; answers whoever waits for that.
    async fn take_signal(
        &mut self,
        posted: Posted,
        reply: Option<oneshot::Sender<Result<(), Error>>>,
    ) -> Result<Vec<Action>, JournalError> {
        let (answer, what) = match event_of(&self.fold, &posted) {
            Ok(what) => (Ok(()), Some(what)),
            Err(error) => (Err(error), None),
        };
        let recorded = match what {
            // An answer is what we act on: it must survive a power cut first.
            Some(what) => self.record(vec![what], Durability::Barrier).await,
            None => Ok(Vec::new()),
        };
        if let Some(reply) = reply {
            let _ = reply.send(recorded.as_ref().map_or_else(|error| Err(failure::of_journal(error)), |_| answer));
        }
        recorded
    }

    /// Performs actions, and those they lead to, until none is left.
    async fn act(&mut self, live: &mut Live, actions: &mut VecDeque<Action>) -> Result<(), JournalError> {
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Perform { unit, attempt, work, consent } => {
                    let more = self.begin(live, unit, attempt, &work, consent).await?;
                    actions.extend(more);
                }
                Action::Cancel { unit } => {
                    if let Some(token) = live.units.get(&unit) {
                        token.cancel();
                    }
                }
                Action::Ask(ask) => actions.extend(self.ask(ask).await?),
                Action::Reserve(amount) => actions.extend(self.record(vec![What::Reserved(amount)], Durability::Barrier).await?),
                Action::Wake { at } => live.wake = Some(at),
                Action::Conclude { outcome, summary } => actions.extend(self.conclude(outcome, summary).await?),
            }
        }
        Ok(())
    }

    /// Makes a unit's work exact, asks the policy, records the answer, and starts what is permitted.
    async fn begin(
        &mut self,
        live: &mut Live,
        unit: UnitId,
        attempt: u32,
        work: &Work,
        consent: Option<naestro_kernel::Digest>,
    ) -> Result<Vec<Action>, JournalError> {
        let exact = match self.maker().make(work) {
            Ok(exact) => exact,
            Err(Impossible { label, reason, hint }) => {
                return self.record(vec![What::Denied { unit, label, reason, hint }], Durability::Buffered).await;
            }
        };
        let Some(context) = self.context(unit, work, consent) else { return Ok(Vec::new()) };
        let Exact { effect, label } = exact;
        match self.policies.decide(&context, &effect) {
            Decision::Deny { reason, hint } => self.record(vec![What::Denied { unit, label, reason, hint }], Durability::Buffered).await,
            Decision::Ask { text, detail } => {
                let question = self.consent(unit, &effect, text, detail);
                self.record(vec![What::Asked(question)], Durability::Buffered).await
            }
            Decision::Permit(permit) => {
                let ready = Ready { unit, permit, effect, timeout: timeout(work) };
                self.start(live, ready, attempt, work, label).await
            }
        }
    }

    /// Journal before effect: the intent is written, then the unit is started.
    async fn start(
        &mut self,
        live: &mut Live,
        ready: Ready,
        attempt: u32,
        work: &Work,
        label: String,
    ) -> Result<Vec<Action>, JournalError> {
        let intended = What::Intended {
            unit: ready.unit,
            attempt,
            effect: ready.effect.digest(),
            class: work.class(),
            label,
            reason: ready.permit.reason().to_owned(),
        };
        let durability = if matches!(ready.effect, Effect::Import(_)) { Durability::Barrier } else { Durability::Buffered };
        let actions = self.record(vec![intended], durability).await?;
        let token = self.ports.start(ready.unit, ready.permit, ready.effect, ready.timeout, &live.reports);
        live.units.insert(ready.unit, token);
        Ok(actions)
    }

    fn maker(&self) -> Maker<'_> {
        Maker { fold: &self.fold, preamble: &self.preamble, specs: &self.specs, upstream: &self.upstream, tests: &self.tests }
    }

    fn context(&self, unit: UnitId, work: &Work, consent: Option<naestro_kernel::Digest>) -> Option<Context> {
        let opening = self.fold.run.opening()?;
        Some(Context {
            run: self.run,
            unit,
            now: now(),
            mode: opening.mode,
            unsandboxed: opening.unsandboxed,
            apply: opening.apply,
            by_model: matches!(work, Work::Call { by_model: true, .. }),
            model_host: opening.model.as_ref().map(|model| model.host.clone()),
            consent,
        })
    }

    /// The question about one exact effect; an import shows the diff itself.
    fn consent(&self, unit: UnitId, effect: &Effect, text: String, detail: String) -> Question {
        let detail = match (effect, &self.fold.diff) {
            (Effect::Import(_), Some((diff, _))) => update::bounded(&diff.text(), SHOWN),
            _ => detail,
        };
        Question {
            id: self.fold.run.next_question(),
            step: None,
            unit: Some(unit),
            effect: Some(effect.digest()),
            text,
            detail,
            choices: ["allow", "deny"].map(String::from).into(),
        }
    }

    async fn ask(&mut self, ask: Ask) -> Result<Vec<Action>, JournalError> {
        let question = Question {
            id: self.fold.run.next_question(),
            step: ask.step,
            unit: ask.unit,
            effect: None,
            text: ask.text,
            detail: String::new(),
            choices: ask.choices,
        };
        self.record(vec![What::Asked(question)], Durability::Buffered).await
    }

    async fn conclude(&mut self, outcome: RunOutcome, summary: String) -> Result<Vec<Action>, JournalError> {
        let summary = naestro_policy::body(summary);
        self.record(vec![What::Finished { outcome, summary }], Durability::Buffered).await
    }

    /// Append, then apply, then tell.
    async fn record(&mut self, whats: Vec<What>, durability: Durability) -> Result<Vec<Action>, JournalError> {
        let at = now();
        let events: Vec<Event> = whats.into_iter().map(|what| Event { at, what }).collect();
        self.journal.append(self.run, events.clone(), durability).await?;
        let mut actions = Vec::new();
        for event in &events {
            let before = update::steps(&self.fold);
            let seq = self.fold.events;
            self.fold.take(event);
            actions.append(&mut self.fold.actions);
            for body in update::of_event(&self.fold, event, &before) {
                self.say(Some(seq), body);
            }
        }
        Ok(actions)
    }

    fn pass_on(&self, unit: UnitId, delta: Delta) {
        let step = self.fold.work(unit).and_then(Work::step);
        let Some(step) = step.filter(|step| !update::is_unchecked(&self.fold, step)) else { return };
        let (text, reasoning) = match delta {
            Delta::Text(text) => (text, false),
            Delta::Reasoning(text) => (text, true),
        };
        self.say(None, UpdateBody::Delta { step: step.0.clone(), text, reasoning });
    }

    /// Tells the caller; one that has gone away does not end the run.
    fn say(&self, seq: Option<u64>, body: UpdateBody) {
        let _ = self.updates.send(Update { run: self.run.to_string(), seq, body });
    }

    /// The journal cannot be written: nothing more is done, and the caller hears why.
    fn give_up(&self, error: &JournalError) {
        let error = failure::of_journal(error);
        let hints = error.hints.join("; ");
        tracing::error!(run = %self.run, %error, "stopped the run");
        self.say(None, UpdateBody::Notice { text: format!("{error}; nothing more was done ({hints})") });
    }

    /// Writes the diff to its file in the state directory, and says where; the journal has it all the same.
    fn keep_diff(&self) -> Option<String> {
        let (diff, _) = self.fold.diff.as_ref()?;
        let path = self.diffs.join(format!("{}.diff", self.run));
        let written = std::fs::create_dir_all(&self.diffs).and_then(|()| std::fs::write(&path, &diff.bytes));
        match written {
            Ok(()) => Some(path.to_string_lossy().into_owned()),
            Err(error) => {
                self.say(
                    None,
                    UpdateBody::Notice {
                        text: format!("failed to write the diff to {}: {error}; `naestro trace export` has it", path.display()),
                    },
                );
                None
            }
        }
    }
}

/// The event a signal becomes.
///
/// # Errors
/// `unknown_question` where it answers nothing that waits, `invalid_plan` where a patch cannot be carried out.
pub(crate) fn event_of(fold: &Fold, posted: &Posted) -> Result<What, Error> {
    match &posted.signal {
        Signal::Cancel { .. } => Ok(What::Signalled(naestro_kernel::Signal::Cancel)),
        Signal::Suspend { .. } => Ok(What::Signalled(naestro_kernel::Signal::Suspend)),
        Signal::Answer(answer) => {
            let id = QuestionId(answer.question);
            let question = fold.run.questions().find(|question| question.id == id);
            let question = question.ok_or_else(|| {
                Error::new(
                    ErrorCode::UnknownQuestion,
                    format!("find question {} of run {}: it does not wait for an answer", id.0, answer.run),
                )
            })?;
            if !question.choices.is_empty() && !question.choices.contains(&answer.choice) {
                return Err(Error::new(ErrorCode::UnknownQuestion, format!("answer with `{}`", answer.choice))
                    .hint(format!("the answers there are: {}", question.choices.join(", "))));
            }
            let choice = naestro_policy::body(answer.choice.as_bytes());
            Ok(What::Answered { question: id, choice, by: posted.by.clone() })
        }
        Signal::Patch { plan: patch, .. } => {
            let goal = fold.run.opening().map(|opening| opening.goal.clone()).unwrap_or_default();
            let patch = plan::inward(patch, &goal);
            let faults: Vec<Invalid> = fold.run.patch_faults(&patch);
            if faults.is_empty() { Ok(What::Planned(patch)) } else { Err(failure::of_plan(&faults)) }
        }
    }
}

/// How long a unit's work may take.
fn timeout(work: &Work) -> Millis {
    match work {
        Work::Think { timeout, .. } | Work::Call { timeout, .. } | Work::Check { timeout, .. } => *timeout,
        Work::Open { .. } | Work::Diff { .. } | Work::Import { .. } => Millis(600_000),
    }
}

/// The instant an event is given.
#[expect(clippy::disallowed_methods, reason = "the one clock: time enters the kernel inside the events made here")]
pub(crate) fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Says whenever another process may have written to the journal; a task of its own, so that busy runs are not missed.
async fn watch(journal: Arc<dyn Journal>, changes: mpsc::Sender<()>) {
    loop {
        journal.changed().await;
        if let Err(mpsc::error::TrySendError::Closed(())) = changes.try_send(()) {
            return;
        }
    }
}

async fn sleep_until(wake: Option<Millis>) {
    match wake {
        Some(at) => tokio::time::sleep(Duration::from_millis(at.since(now()).0)).await,
        None => std::future::pending().await,
    }
}
