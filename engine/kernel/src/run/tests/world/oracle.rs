//! What must never be asked for: the invariants of a run, watched from outside.
//!
//! Invariant: every check compares with what the world believes and has seen, never with what the kernel says of itself where
//! the two could differ.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;

use super::{Out, Violation, World};
use crate::run::state::UnitState;
use crate::{Action, Amount, Class, OnFailure, Phase, Run, RunOutcome, StepPhase, ToolAccess, UnitId, What, Work};

impl World {
    /// An answered lost attempt may be repeated.
    pub(super) fn settle_questions(&mut self, before: &Run, what: &What) {
        if let What::Answered { question, .. } = what
            && let Some(unit) = before.questions().find(|known| known.id == *question).and_then(|known| known.unit)
        {
            self.lost.remove(&unit);
        }
    }

    pub(super) fn take(&mut self, action: Action) -> Result<(), Violation> {
        match action {
            Action::Perform { unit, attempt, work, .. } => self.hand_out(unit, attempt, work)?,
            Action::Cancel { unit } => {
                let out = self.out.get_mut(&unit).filter(|out| out.begun && !out.cancelled);
                out.ok_or_else(|| format!("{unit} is cancelled and not in flight"))?.cancelled = true;
            }
            Action::Ask(ask) => self.asks.push(ask),
            Action::Reserve(block) => self.reserves.push(block),
            Action::Wake { at } => self.wake = Some(at),
            Action::Conclude { outcome, .. } => {
                ensure(self.out.is_empty(), || "concluded with units out".to_string())?;
                ensure(self.run.ledger().promised() == Amount::default(), || "concluded with promises open".to_string())?;
                ensure(self.conclusion.replace(outcome).is_none(), || "concluded twice".to_string())?;
                ensure(outcome != RunOutcome::Succeeded || self.is_well(), || "succeeded with a step that did not".to_string())?;
            }
        }
        Ok(())
    }

    /// Whether every step has ended and none has failed that must not.
    fn is_well(&self) -> bool {
        self.plan.steps.iter().all(|step| match self.run.step(&step.id) {
            StepPhase::Succeeded | StepPhase::Skipped => true,
            StepPhase::Failed => step.on_failure == OnFailure::Skip,
            StepPhase::Pending | StepPhase::Running => false,
        })
    }

    fn hand_out(&mut self, unit: UnitId, attempt: u32, work: Work) -> Result<(), Violation> {
        let expected = self.attempts.get(&unit).map_or(1, |attempt| attempt + 1);
        ensure(attempt == expected, || format!("{unit}: attempt {attempt} instead of {expected}"))?;
        ensure(!self.lost.contains(&unit), || format!("{unit} was repeated unasked"))?;
        self.check_dependencies(&work)?;
        self.check_access(unit, &work)?;
        let before = self.out.insert(unit, Out { work, begun: false, cancelled: false });
        ensure(before.is_none(), || format!("{unit} was handed out twice"))?;
        ensure(self.out.len() <= self.opening.parallel as usize, || format!("{} units are out at once", self.out.len()))
    }

    fn check_dependencies(&self, work: &Work) -> Result<(), Violation> {
        let Some(step) = work.step().and_then(|id| self.plan.step(id)) else { return Ok(()) };
        for dependency in step.dependencies() {
            let phase = self.run.step(dependency);
            ensure(phase == StepPhase::Succeeded, || format!("`{}` began while `{dependency}` was {phase:?}", step.id))?;
        }
        Ok(())
    }

    fn check_access(&self, unit: UnitId, work: &Work) -> Result<(), Violation> {
        let others = || self.out.iter().filter(|(id, _)| **id != unit).map(|(_, out)| self.access(&out.work));
        let fits = match self.access(work) {
            ToolAccess::None => !matches!(work, Work::Open { .. }) || others().all(|other| other == ToolAccess::None),
            ToolAccess::Read => self.open && others().all(|other| other != ToolAccess::Write),
            ToolAccess::Write => self.open && others().all(|other| other == ToolAccess::None),
        };
        ensure(fits, || format!("{unit} had not the access to the workspace it needs"))
    }

    pub(super) fn check_ledger(&self, before: &BTreeSet<UnitId>, thought: bool) -> Result<(), Violation> {
        let taken = self.run.ledger().spent().plus(self.run.ledger().promised());
        let limits = self.opening.limits;
        let over = |taken: u64, limit: Option<u64>| limit.is_some_and(|limit| taken > limit);
        let anew = self.promised().difference(before).next().is_some();
        ensure(!anew || !(over(taken.tokens, limits.tokens) || over(taken.micros, limits.micros)), || {
            format!("promised more than there is: {taken:?}")
        })?;
        let drawn = thought && self.promised().iter().all(|unit| self.out.contains_key(unit));
        let uncovered = |taken: u64, limit: Option<u64>, durable: u64| limit.is_some_and(|limit| taken.min(limit) > durable);
        let uncovered =
            uncovered(taken.tokens, limits.tokens, self.durable.tokens) || uncovered(taken.micros, limits.micros, self.durable.micros);
        ensure(!drawn || !uncovered, || format!("{taken:?} is not durable, {:?} is", self.durable))
    }

    /// Whoever waits must have something to wait for.
    pub(super) fn check_rest(&self) -> Result<(), Violation> {
        let pausing = self.run.units.values().any(|unit| matches!(unit.state, UnitState::BackingOff(_))) && self.wake.is_some();
        let busy = !self.out.is_empty() || !self.asks.is_empty() || !self.reserves.is_empty() || self.conclusion.is_some() || pausing;
        match self.run.phase() {
            Phase::New | Phase::Finished(_) => Ok(()),
            Phase::Running => ensure(busy || self.run.plan().is_none(), || "the run goes on with nothing to do".to_string()),
            Phase::Waiting => ensure(self.out.is_empty() && self.run.questions().next().is_some(), || "it waits for nothing".to_string()),
            Phase::Suspended => ensure(self.out.is_empty(), || "it was suspended with units out".to_string()),
        }
    }

    pub(super) fn promised(&self) -> BTreeSet<UnitId> {
        self.run.units.keys().copied().filter(|&unit| self.run.ledger().has(unit)).collect()
    }

    fn access(&self, work: &Work) -> ToolAccess {
        match work {
            Work::Call { call, offered: true, .. } => self.fact(&call.tool).map_or(ToolAccess::None, |(_, access)| access),
            Work::Check { .. } => ToolAccess::Write,
            _ => ToolAccess::None,
        }
    }

    pub(super) fn class(&self, work: &Work) -> Class {
        match work {
            Work::Call { call, offered: true, .. } => self.fact(&call.tool).map_or(Class::Pure, |(class, _)| class),
            _ => Class::Pure,
        }
    }

    fn fact(&self, tool: &str) -> Option<(Class, ToolAccess)> {
        self.opening.tools.iter().find(|fact| fact.name == tool).map(|fact| (fact.class, fact.access))
    }
}

pub(super) fn ensure(holds: bool, violation: impl FnOnce() -> Violation) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(violation()) }
}
