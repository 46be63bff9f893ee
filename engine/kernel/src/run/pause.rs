//! Stopping for now, stopping for good, and going on.

use alloc::vec::Vec;

use super::state::{StepPhase, StepState, Unit, UnitState, Workspace};
use super::{Phase, Run, Stop};
use crate::{OnFailure, RunId, Signal, StepId, UnitId, Work};

impl Run {
    pub(super) fn signal(&mut self, signal: Signal) {
        match signal {
            _ if self.phase == Phase::New => {}
            Signal::Cancel => {
                // A suspended run is woken to be cancelled; one that fails already goes on failing.
                self.phase = Phase::Running;
                if !matches!(self.stop, Some(Stop::Failed { .. })) {
                    self.stop = Some(Stop::Cancel);
                }
            }
            Signal::Suspend if self.stop.is_none() && self.phase != Phase::Suspended => self.stop = Some(Stop::Suspend),
            Signal::Suspend => {}
        }
    }

    /// Goes on: what was in flight is settled by its class, the workspace is to be opened again.
    pub(super) fn resume(&mut self, crashed: bool, interactive: bool) {
        if self.phase == Phase::New {
            return;
        }
        self.phase = Phase::Running;
        self.interactive = interactive;
        self.wake = None;
        self.reserving = false;
        self.ending.concluded = false;
        if self.stop == Some(Stop::Suspend) {
            self.stop = None;
        }
        self.settle_all_lost();
        if crashed {
            self.ledger.forfeit();
            self.steps.values_mut().for_each(|state| state.ledger.forfeit());
        }
        self.forget_unrecorded_questions();
    }

    fn settle_all_lost(&mut self) {
        let out: Vec<UnitId> = self.units.iter().filter(|(_, unit)| unit.is_out()).map(|(&id, _)| id).collect();
        for id in out {
            self.settle_lost(id);
        }
        // One that waits for its consent opens it yet.
        let opening = self.units.values().any(|unit| matches!(unit.work, Work::Open { .. }));
        self.workspace = if opening { Workspace::Opening } else { Workspace::Closed };
    }

    /// Whether a question handed out has not been recorded.
    pub(super) fn is_asking(&self) -> bool {
        let of_step = |(id, state): (&StepId, &StepState)| {
            state.asked && state.phase == StepPhase::Running && !self.questions.values().any(|question| question.step.as_ref() == Some(id))
        };
        let of_unit = |(&id, unit): (&UnitId, &Unit)| {
            matches!(unit.state, UnitState::Lost { .. }) && !self.questions.values().any(|question| question.unit == Some(id))
        };
        self.steps.iter().any(of_step) || self.units.iter().any(of_unit)
    }

    /// Questions handed out and never recorded are put again.
    fn forget_unrecorded_questions(&mut self) {
        for (id, state) in &mut self.steps {
            let recorded = self.questions.values().any(|question| question.step.as_ref() == Some(id));
            if state.phase == StepPhase::Running && !recorded {
                state.asked = false;
            }
        }
        for (&id, unit) in &mut self.units {
            let recorded = self.questions.values().any(|question| question.unit == Some(id));
            if matches!(unit.state, UnitState::Lost { .. }) && !recorded {
                unit.state = UnitState::Lost { asked: false };
            }
        }
    }

    /// Becomes a run of its own that waits to be resumed.
    pub(super) fn fork(&mut self, run: RunId) {
        if let Some(opening) = &mut self.opening {
            opening.run = run;
        }
        self.phase = Phase::Suspended;
        self.ending = super::Ending::default();
        // The end is gone through anew; what belongs to no step belongs to the parent's.
        self.units.retain(|_, unit| unit.work.step().is_some());
        self.questions.retain(|_, question| question.unit.is_none_or(|unit| self.units.contains_key(&unit)));
        self.settle_all_lost();
        if self.stop == Some(Stop::Cancel) {
            self.take_up_again();
        }
    }

    /// Undoes a cancellation: what it kept from going on is queued again.
    fn take_up_again(&mut self) {
        self.stop = None;
        for (id, mut unit) in core::mem::take(&mut self.shelf) {
            unit.state = match unit.state {
                UnitState::Lost { .. } => UnitState::Lost { asked: false },
                _ => UnitState::Queued,
            };
            self.units.insert(id, unit);
        }
        if let Some(step) = self.fatal_step() {
            self.give_up_over(Some(step.clone()), alloc::format!("finish step `{step}`: {}", self.note(&step)), false);
        }
    }

    /// A failed step that the plan cannot do without.
    fn fatal_step(&self) -> Option<StepId> {
        let fatal = |step: &&crate::Step| step.on_failure == OnFailure::Fail && self.step(&step.id) == StepPhase::Failed;
        self.plan.as_ref()?.steps.iter().find(fatal).map(|step| step.id.clone())
    }
}
