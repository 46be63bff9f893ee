//! Stopping for now, stopping for good, and going on.

use super::state::{StepPhase, UnitState, Workspace};
use super::{Phase, Run, Stop};
use crate::{Millis, RunId, Signal, UnitId};

impl Run {
    pub(super) fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Cancel => {
                // A suspended run is woken to be cancelled.
                self.phase = Phase::Running;
                self.stop = Some(Stop::Cancel);
            }
            Signal::Suspend if self.stop.is_none() && self.phase != Phase::Suspended => self.stop = Some(Stop::Suspend),
            Signal::Suspend => {}
        }
    }

    /// Goes on after `idle` without an event: what was in flight is settled by its class, the workspace is to be opened again.
    pub(super) fn resume(&mut self, crashed: bool, interactive: bool, idle: Millis) {
        if self.phase == Phase::New {
            return;
        }
        self.phase = Phase::Running;
        self.interactive = interactive;
        self.deadline = self.deadline.map(|deadline| deadline.after(idle));
        self.wake = None;
        self.reserving = false;
        self.workspace = Workspace::Closed;
        self.ending.concluded = false;
        if self.stop == Some(Stop::Suspend) {
            self.stop = None;
        }
        let out: alloc::vec::Vec<UnitId> = self.units.iter().filter(|(_, unit)| unit.is_out()).map(|(&id, _)| id).collect();
        for id in out {
            self.settle_lost(id);
        }
        if crashed {
            self.ledger.forfeit();
        }
        self.forget_unrecorded_questions();
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
        if self.stop == Some(Stop::Cancel) {
            self.stop = None;
        }
        self.ending = super::Ending::default();
    }
}
