//! Steps: which are ready, what starting one means, and how one ends.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;

use super::Run;
use super::state::{StepPhase, Unit, UnitState};
use crate::{Body, Call, Class, Millis, OnFailure, Output, Plan, Purpose, Step, StepId, StepKind, ToolAccess, UnitId, Work};

impl Run {
    /// Skips what can no longer run and starts what is ready, until neither changes anything.
    pub(super) fn start_steps(&mut self) {
        let Some(plan) = self.plan.as_ref().map(Arc::clone) else { return };
        let mut changed = true;
        while changed {
            changed = false;
            for step in &plan.steps {
                changed |= self.begin(step);
            }
        }
    }

    /// Starts or skips a step if its time has come; returns whether it did.
    fn begin(&mut self, step: &Step) -> bool {
        match self.readiness(step) {
            Readiness::Ready => self.start(step),
            Readiness::Never(because) => {
                if let Some(state) = self.steps.get_mut(&step.id) {
                    state.phase = StepPhase::Skipped;
                    state.note = alloc::format!("`{because}` did not succeed");
                }
            }
            Readiness::NotYet => return false,
        }
        true
    }

    fn readiness(&self, step: &Step) -> Readiness {
        if self.step(&step.id) != StepPhase::Pending {
            return Readiness::NotYet;
        }
        let mut ready = Readiness::Ready;
        for dependency in step.dependencies() {
            match self.step(dependency) {
                StepPhase::Succeeded => {}
                StepPhase::Failed | StepPhase::Skipped => return Readiness::Never(dependency.clone()),
                StepPhase::Pending | StepPhase::Running => ready = Readiness::NotYet,
            }
        }
        ready
    }

    fn start(&mut self, step: &Step) {
        let Some(state) = self.steps.get_mut(&step.id) else { return };
        state.phase = StepPhase::Running;
        match &step.kind {
            StepKind::Tool { .. } | StepKind::Test { .. } | StepKind::Explain { .. } => {
                if let Some((tool, args)) = step.tool() {
                    let call = Call { id: step.id.0.clone(), tool: String::from(tool), args: args.clone() };
                    self.queue_call(step, call, false);
                }
            }
            StepKind::Model { prompt } => {
                self.begin_conversation(step, prompt);
                self.think(step, Purpose::Answer);
            }
            StepKind::Agent { prompt, .. } => {
                self.begin_conversation(step, prompt);
                self.next_turn(step);
            }
            StepKind::Ask { .. } => {}
        }
    }

    /// Estimates the tokens a step's first request has: what every request begins with, the prompt and its inputs.
    fn begin_conversation(&mut self, step: &Step, prompt: &str) {
        let inputs: usize = self.inputs(&step.id).iter().map(|(_, body)| body.bytes.len()).sum();
        let preamble = self.opening.as_ref().map_or(0, |opening| opening.preamble_tokens);
        if let Some(state) = self.steps.get_mut(&step.id) {
            state.agent.context = preamble.saturating_add((prompt.len() + inputs) as u64 / 4);
        }
    }

    /// Queues a tool call of a step.
    pub(super) fn queue_call(&mut self, step: &Step, call: Call, by_model: bool) {
        let offered = self.offers(step, &call.tool, by_model);
        let facts = self.opening.as_ref().and_then(|opening| opening.tools.iter().find(|tool| tool.name == call.tool));
        let (class, access) = match facts {
            Some(facts) if offered => (facts.class, facts.access),
            _ => (Class::Pure, ToolAccess::None),
        };
        let timeout = self.time_for(step);
        self.queue(Work::Call { step: step.id.clone(), call, class, access, by_model, offered, timeout });
    }

    fn offers(&self, step: &Step, tool: &str, by_model: bool) -> bool {
        let known = self
            .opening
            .as_ref()
            .is_some_and(|opening| opening.tools.iter().any(|facts| facts.name == tool && (!by_model || facts.for_agents)));
        match &step.kind {
            StepKind::Agent { tools, .. } if by_model => known && (tools.is_empty() || tools.iter().any(|name| name == tool)),
            _ => known,
        }
    }

    /// The longest a unit of the step may take now: its timeout, its budget of wall time, or what is left until the deadline.
    pub(super) fn time_for(&self, step: &Step) -> Millis {
        let limit = step.limits.wall.map_or(step.timeout, |wall| step.timeout.min(Millis(wall)));
        self.time_left(limit)
    }

    /// `limit`, or what is left until the deadline if that is less.
    pub(super) fn time_left(&self, limit: Millis) -> Millis {
        self.deadline.map_or(limit, |deadline| limit.min(deadline.since(self.now)))
    }

    /// Adds a unit that waits until it may go.
    pub(super) fn queue(&mut self, work: Work) {
        let id = UnitId(self.next_unit);
        self.next_unit += 1;
        self.units.insert(id, Unit { work, attempt: 0, state: UnitState::Queued, consent: None });
    }

    /// Ends a step well.
    pub(super) fn succeed(&mut self, id: &StepId, output: Output) {
        if let Some(state) = self.steps.get_mut(id) {
            state.phase = StepPhase::Succeeded;
            state.output = Some(output);
        }
    }

    /// Ends a step badly, and the run with it where the plan says so.
    pub(super) fn fail(&mut self, id: &StepId, reason: String, output: Option<Output>, refused: bool) {
        let Some(state) = self.steps.get_mut(id).filter(|state| !state.ended()) else { return };
        state.phase = StepPhase::Failed;
        state.note.clone_from(&reason);
        state.output = output;
        let on_failure = self.plan.as_ref().and_then(|plan| plan.step(id)).map_or(OnFailure::Fail, |step| step.on_failure);
        if on_failure == OnFailure::Fail {
            self.give_up_over(Some(id.clone()), alloc::format!("finish step `{id}`: {reason}"), refused);
        }
        self.forget_where(|unit| !unit.is_out() && unit.work.step() == Some(id));
    }

    /// Forgets the units that `gone` says are of no use any more.
    pub(super) fn forget_where(&mut self, gone: impl Fn(&Unit) -> bool) {
        let ids: Vec<UnitId> = self.units.iter().filter(|(_, unit)| gone(unit)).map(|(&id, _)| id).collect();
        for id in ids {
            self.forget(id);
        }
    }

    /// The step of the plan by that name.
    pub(super) fn planned(&self, id: &StepId) -> Option<Planned> {
        let plan = self.plan.as_ref()?;
        let at = plan.steps.iter().position(|step| step.id == *id)?;
        Some(Planned { plan: Arc::clone(plan), at })
    }

    /// The same, if the step is running: what comes in late for one that has ended is of no use to it.
    pub(super) fn running(&self, id: &StepId) -> Option<Planned> {
        self.planned(id).filter(|_| self.step(id) == StepPhase::Running)
    }

    /// Ends an ask step with the answer.
    pub(super) fn answer_step(&mut self, id: &StepId, choice: &Body) {
        self.succeed(id, Output { text: choice.clone(), data: None });
    }
}

enum Readiness {
    Ready,
    NotYet,
    Never(StepId),
}

/// A step of the plan, held so that the state can change meanwhile.
pub(super) struct Planned {
    plan: Arc<Plan>,
    at: usize,
}

impl Deref for Planned {
    type Target = Step;

    fn deref(&self) -> &Step {
        &self.plan.steps[self.at]
    }
}
