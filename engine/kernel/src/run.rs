//! The run: a state folded from events, and the actions each event leads to.
//!
//! [`Run::apply`] is all there is: live runs, replay, crash recovery, `trace` and the property tests call it alike.
//! How it is laid out: an event settles or creates units (`step`, `agent`, `ending`, `pause`), then `schedule` says which
//! units may go now.
//!
//! Invariants: no step starts before its dependencies succeeded; one unit that may change the workspace is out at most, and no
//! reader beside it; no more units are out than the opening allows; a model call is not handed out before its promise fits the
//! budget and is durable; what was lost and is unsafe is not repeated unasked; a run that is going on has something to wait for,
//! so it ends, waits for an answer or is suspended; a finished run takes in nothing more, except that a fork begins from it.
//! `tests/properties.rs` holds the kernel to each of them.

mod agent;
mod ending;
mod pause;
mod schedule;
mod settle;
mod state;
mod step;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use state::{Ending, StepState, Stop, Unit, Workspace};
pub use state::{Phase, StepPhase};

use crate::{Action, Body, Digest, Event, Ledger, Millis, Opening, Plan, Question, QuestionId, StepId, UnitId, What, Work};

/// The state of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Run {
    phase: Phase,
    opening: Option<Box<Opening>>,
    now: Millis,
    deadline: Option<Millis>,
    wake: Option<Millis>,
    interactive: bool,
    plan: Option<Arc<Plan>>,
    steps: BTreeMap<StepId, StepState>,
    units: BTreeMap<UnitId, Unit>,
    /// What a cancellation kept from going on: a fork takes it up again.
    shelf: BTreeMap<UnitId, Unit>,
    next_unit: u32,
    questions: BTreeMap<QuestionId, Question>,
    next_question: u32,
    ledger: Ledger,
    reserving: bool,
    workspace: Workspace,
    base: Option<Digest>,
    tree: Option<Digest>,
    stop: Option<Stop>,
    ending: Ending,
    model_calls: u32,
}

impl Run {
    /// Takes in one event and says what is to be done now, in order.
    pub fn apply(&mut self, event: &Event) -> Vec<Action> {
        if matches!(self.phase, Phase::Finished(_)) && !matches!(event.what, What::Forked { .. }) {
            return Vec::new();
        }
        self.pass_time(event);
        self.take(&event.what);
        let mut actions = Vec::new();
        self.advance(&mut actions);
        actions
    }

    /// Time in which nobody owned the run, or in which it was suspended, does not count against its wall time.
    fn pass_time(&mut self, event: &Event) {
        let idle = event.at.since(self.now);
        if self.phase == Phase::Suspended || matches!(event.what, What::Resumed { .. } | What::Forked { .. }) {
            self.deadline = self.deadline.map(|deadline| deadline.after(idle));
        }
        self.now = self.now.max(event.at);
    }

    fn take(&mut self, what: &What) {
        match what {
            What::Opened(opening) => self.open(opening),
            What::Forked { run, .. } => self.fork(*run),
            What::Planned(plan) => self.adopt(plan),
            What::Intended { unit, attempt, .. } => self.intend(*unit, *attempt),
            What::Denied { unit, reason, hint, .. } => self.deny(*unit, reason, hint),
            What::Asked(question) => self.ask(question),
            What::Answered { question, choice, .. } => self.answer(*question, choice),
            What::Done { unit, outcome } => self.finish_unit(*unit, outcome),
            What::Reserved(block) => {
                self.reserving = false;
                self.ledger.hold(*block);
            }
            What::Woke => self.wake = None,
            What::Signalled(signal) => self.signal(*signal),
            What::Resumed { crashed, interactive } => self.resume(*crashed, *interactive),
            What::Finished { outcome, .. } => {
                self.phase = Phase::Finished(*outcome);
                self.wake = None;
            }
        }
    }

    fn open(&mut self, opening: &Opening) {
        if self.opening.is_some() {
            return;
        }
        self.phase = Phase::Running;
        self.deadline = opening.limits.wall.map(|wall| self.now.after(Millis(wall)));
        self.ledger = Ledger::new(opening.limits);
        self.interactive = opening.interactive;
        (self.base, self.tree) = opening.inherited.unzip();
        self.opening = Some(Box::new(opening.clone()));
    }

    fn adopt(&mut self, plan: &Plan) {
        if self.opening.is_none() {
            return;
        }
        if let Some(invalid) = self.patch_faults(plan).first() {
            // A replacement that does not fit changes nothing; whoever wants one asks `patch_faults` first.
            if self.plan.is_none() {
                let step = invalid.step.as_ref().map_or_else(String::new, |step| alloc::format!(" step `{step}`:"));
                self.give_up(alloc::format!("carry out the plan:{step} {}", invalid.reason), false);
            }
            return;
        }
        self.steps.retain(|_, state| state.phase != StepPhase::Pending);
        for step in &plan.steps {
            self.steps.entry(step.id.clone()).or_insert_with(|| StepState::new(step.limits));
        }
        self.plan = Some(Arc::new(plan.clone()));
    }
}

/// What the shell and the projections may look at.
impl Run {
    /// Where it stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How it was opened; `None` before the first event.
    #[must_use]
    pub fn opening(&self) -> Option<&Opening> {
        self.opening.as_deref()
    }

    /// The plan, once there is one.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_deref()
    }

    /// Where a step stands; one that never began counts as skipped once the run has ended.
    #[must_use]
    pub fn step(&self, id: &StepId) -> StepPhase {
        match self.steps.get(id).map_or(StepPhase::Pending, |state| state.phase) {
            StepPhase::Pending if matches!(self.phase, Phase::Finished(_)) => StepPhase::Skipped,
            phase => phase,
        }
    }

    /// Why a step failed or was skipped; empty where there is nothing to say.
    #[must_use]
    pub fn note(&self, id: &StepId) -> &str {
        self.steps.get(id).map_or("", |state| state.note.as_str())
    }

    /// The results a step takes from earlier ones, by the name it takes them under.
    #[must_use]
    pub fn inputs(&self, id: &StepId) -> Vec<(String, Body)> {
        let Some(step) = self.plan.as_ref().and_then(|plan| plan.step(id)) else { return Vec::new() };
        let value = |input: &crate::Input| {
            let output = self.steps.get(&input.from)?.output.as_ref()?;
            Some(if input.text { output.text.clone() } else { output.data.clone().unwrap_or_else(|| output.text.clone()) })
        };
        step.inputs.iter().filter_map(|(name, input)| Some((name.clone(), value(input)?))).collect()
    }

    /// The questions that wait for an answer.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.questions.values()
    }

    /// The number the next question gets.
    #[must_use]
    pub fn next_question(&self) -> QuestionId {
        QuestionId(self.next_question)
    }

    /// A unit that has not ended.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> Option<&Work> {
        self.units.get(&id).map(|unit| &unit.work)
    }

    /// The base tree, once the workspace was opened.
    #[must_use]
    pub fn base(&self) -> Option<Digest> {
        self.base
    }

    /// The last checkpoint, where the workspace differs from the base tree.
    #[must_use]
    pub fn tree(&self) -> Option<Digest> {
        self.tree
    }

    /// The account.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many model calls were begun, lost attempts included.
    #[must_use]
    pub fn model_calls(&self) -> u32 {
        self.model_calls
    }

    /// The replacement plan's faults beside those of any plan: steps that have started must stay as they are, and once all
    /// have ended nothing can be added.
    #[must_use]
    pub fn patch_faults(&self, plan: &Plan) -> Vec<crate::Invalid> {
        let mut faults = self.opening.as_ref().map(|opening| plan.validate(opening)).unwrap_or_default();
        if self.plan.is_some() && self.ended_steps() == self.steps.len() {
            faults.push(crate::Invalid { step: None, reason: String::from("every step of the run has ended") });
        }
        for (id, _) in self.steps.iter().filter(|(_, state)| state.phase != StepPhase::Pending) {
            if self.plan.as_ref().and_then(|old| old.step(id)) != plan.step(id) {
                faults.push(crate::Invalid {
                    step: Some(id.clone()),
                    reason: String::from("it has started and cannot be changed or removed"),
                });
            }
        }
        faults
    }
}
