//! What may go now: steps that are ready, units that fit, questions to put, the next instant to wake at.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::state::{StepPhase, Unit, UnitState, Workspace};
use super::{Phase, Run, Stop};
use crate::plan::LEAST_OUTPUT;
use crate::{Action, Amount, Ask, Shortfall, StepId, StepKind, ToolAccess, UnitId, Work};

impl Run {
    /// Carries the run as far as it can go without another event.
    pub(super) fn advance(&mut self, actions: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Running | Phase::Waiting) {
            return;
        }
        self.phase = Phase::Running;
        self.mind_deadline();
        // Handing out may find that the budget is short, which ends a step, which may start or end others.
        let mut ended = usize::MAX;
        while self.stop.is_none() && ended != self.ended_steps() {
            ended = self.ended_steps();
            self.start_steps();
            if self.plan.is_some() && self.ended_steps() == self.steps.len() {
                self.end(actions);
            }
            self.put_questions(actions);
            self.hand_out(actions);
        }
        if let Some(stop) = self.stop.clone() {
            self.wind_down(&stop, actions);
        }
        self.set_timer(actions);
        self.rest();
    }

    fn mind_deadline(&mut self) {
        if self.deadline.is_some_and(|deadline| deadline <= self.now) {
            let wall = self.opening.as_ref().and_then(|opening| opening.limits.wall).unwrap_or_default();
            self.deadline = None;
            self.give_up(format!("finish within {} s of wall time", wall.div_ceil(1000)), false);
        }
    }

    pub(super) fn ended_steps(&self) -> usize {
        self.steps.values().filter(|state| state.ended()).count()
    }

    /// Puts the questions of ask steps and about lost attempts that have not been put.
    fn put_questions(&mut self, actions: &mut Vec<Action>) {
        for step in self.plan.iter().flat_map(|plan| &plan.steps) {
            let (StepKind::Ask { question, choices }, Some(state)) = (&step.kind, self.steps.get_mut(&step.id)) else { continue };
            if state.phase == StepPhase::Running && !state.asked {
                state.asked = true;
                actions.push(Action::Ask(Ask {
                    step: Some(step.id.clone()),
                    unit: None,
                    text: question.clone(),
                    choices: choices.clone(),
                }));
            }
        }
        for (&id, unit) in &mut self.units {
            if unit.state == (UnitState::Lost { asked: false }) {
                unit.state = UnitState::Lost { asked: true };
                actions.push(Action::Ask(lost(id, &unit.work)));
            }
        }
    }

    /// Hands out every unit that may go, in the order they were queued.
    fn hand_out(&mut self, actions: &mut Vec<Action>) {
        let cap = self.opening.as_ref().map_or(1, |opening| opening.parallel.max(1)) as usize;
        let mut writer_waits = false;
        for id in self.units.keys().copied().collect::<Vec<_>>() {
            if self.units.values().filter(|unit| unit.is_out()).count() >= cap {
                break;
            }
            let Some(access) = self.waiting_access(id) else { continue };
            if access != ToolAccess::None && self.workspace != Workspace::Open {
                self.open_workspace(actions);
                writer_waits |= access == ToolAccess::Write;
            } else if !self.tree_is_free(access) || (writer_waits && access != ToolAccess::None) {
                writer_waits |= access == ToolAccess::Write;
            } else if self.afford(id, actions) {
                self.perform(id, actions);
            }
        }
    }

    /// What the unit needs of the workspace, if it waits to be handed out and its pause is over.
    fn waiting_access(&self, id: UnitId) -> Option<ToolAccess> {
        let unit = self.units.get(&id)?;
        match unit.state {
            UnitState::Queued => Some(access(&unit.work)),
            UnitState::BackingOff(until) if until <= self.now => Some(access(&unit.work)),
            _ => None,
        }
    }

    fn open_workspace(&mut self, actions: &mut Vec<Action>) {
        if self.workspace != Workspace::Closed {
            return;
        }
        self.workspace = Workspace::Opening;
        let id = UnitId(self.next_unit);
        self.queue(Work::Open { restore: self.tree });
        self.perform(id, actions);
    }

    /// Whether the units in flight let one with this access in: a writer alone, readers together.
    fn tree_is_free(&self, wanted: ToolAccess) -> bool {
        let mut others = self.units.values().filter(|unit| unit.is_out()).map(|unit| access(&unit.work));
        match wanted {
            ToolAccess::None => true,
            ToolAccess::Read => others.all(|other| other != ToolAccess::Write),
            ToolAccess::Write => others.all(|other| other == ToolAccess::None),
        }
    }

    fn perform(&mut self, id: UnitId, actions: &mut Vec<Action>) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.state = UnitState::HandedOut;
        actions.push(Action::Perform { unit: id, attempt: unit.attempt.saturating_add(1), work: unit.work.clone(), consent: unit.consent });
    }

    /// Promises a model call its budget, and makes a block of it durable where needed; returns whether the unit may go.
    fn afford(&mut self, id: UnitId, actions: &mut Vec<Action>) -> bool {
        let Some(Work::Think { step, max_output, .. }) = self.unit(id).cloned() else { return true };
        if !self.ledger.has(id) && self.promise_both(id, &step, max_output).is_err() {
            // What others in flight do not use comes back: to wait for it is better than a shorter reply.
            if self.reserving || self.units.iter().any(|(&id, unit)| unit.is_out() && self.ledger.has(id)) {
                return false;
            }
            if let Err(shortfall) = self.promise_less(id, &step, max_output) {
                self.forget(id);
                self.fail(&step, describe(shortfall), None, false);
                return false;
            }
        }
        if let Some(block) = self.ledger.block_wanted() {
            if !self.reserving {
                self.reserving = true;
                actions.push(Action::Reserve(block));
            }
            return false;
        }
        true
    }

    /// Promises one call the longest reply that still fits.
    fn promise_less(&mut self, id: UnitId, step: &StepId, max_output: u64) -> Result<(), Shortfall> {
        let context = self.steps.get(step).map_or(0, |state| state.agent.context);
        let mut output = max_output;
        while let Err(shortfall) = self.promise_both(id, step, output) {
            let fits = match shortfall {
                Shortfall::Tokens { left, .. } => left.saturating_sub(context),
                Shortfall::Micros { .. } => output / 2,
            };
            if fits < LEAST_OUTPUT {
                return Err(shortfall);
            }
            output = fits.min(output - 1);
        }
        if let Some(Work::Think { max_output, .. }) = self.units.get_mut(&id).map(|unit| &mut unit.work) {
            *max_output = output;
        }
        Ok(())
    }

    /// Promises the tokens of one call and their price, out of the run's budget and the step's.
    fn promise_both(&mut self, id: UnitId, step: &StepId, output: u64) -> Result<(), Shortfall> {
        let Some(state) = self.steps.get(step) else { return Ok(()) };
        let amount = self.cost_of(state.agent.context, output);
        self.ledger.promise(id, amount)?;
        let of_step = self.steps.get_mut(step).map_or(Ok(()), |state| state.ledger.promise(id, amount));
        if of_step.is_err() {
            self.ledger.settle(id, Amount::default());
        }
        of_step
    }

    /// Asks to be woken at the end of the next pause or at the deadline.
    fn set_timer(&mut self, actions: &mut Vec<Action>) {
        let pauses = self.units.values().filter_map(|unit| match unit.state {
            UnitState::BackingOff(until) if until > self.now => Some(until),
            _ => None,
        });
        let next = pauses.chain(self.deadline).min();
        if let Some(at) = next
            && self.wake != next
            && self.phase == Phase::Running
        {
            self.wake = next;
            actions.push(Action::Wake { at });
        }
    }

    /// Notes that only an answer can carry the run on; with nobody to answer it is suspended until someone does.
    fn rest(&mut self) {
        let pausing = |unit: &Unit| matches!(unit.state, UnitState::BackingOff(until) if until > self.now);
        let busy = self.units.values().any(|unit| unit.is_out() || pausing(unit));
        let going_on = busy || self.reserving || self.stop.is_some() || self.questions.is_empty();
        if self.phase == Phase::Running && !going_on && !self.is_asking() {
            self.phase = if self.interactive { Phase::Waiting } else { Phase::Suspended };
        }
    }

    /// Cancels what is in flight; once nothing is, suspends or ends the run.
    fn wind_down(&mut self, stop: &Stop, actions: &mut Vec<Action>) {
        self.cancel_units(stop, actions);
        if *stop == Stop::Suspend {
            if !self.units.values().any(Unit::is_out) {
                self.stop = None;
                self.phase = Phase::Suspended;
            }
            return;
        }
        self.forget_where(|unit| !(unit.is_out() || is_diff(unit) && unit.state == UnitState::Queued));
        self.questions.clear();
        self.end(actions);
        for id in self.units.keys().copied().collect::<Vec<_>>() {
            if self.units.get(&id).is_some_and(|unit| unit.state == UnitState::Queued) {
                self.perform(id, actions);
            }
        }
    }

    /// Cancels what is in flight. A run that ends still wants its diff; an import is all or nothing, so its end is waited for.
    fn cancel_units(&mut self, stop: &Stop, actions: &mut Vec<Action>) {
        for (&id, unit) in &mut self.units {
            let wanted = is_diff(unit) && *stop != Stop::Suspend || matches!(unit.work, Work::Import { .. });
            if unit.state == (UnitState::InFlight { cancelling: false }) && !wanted {
                unit.state = UnitState::InFlight { cancelling: true };
                actions.push(Action::Cancel { unit: id });
            }
        }
    }
}

fn is_diff(unit: &Unit) -> bool {
    matches!(unit.work, Work::Diff { .. })
}

/// What a unit needs of the workspace.
fn access(work: &Work) -> ToolAccess {
    match work {
        Work::Call { access, .. } => *access,
        Work::Check { .. } => ToolAccess::Write,
        Work::Open { .. } | Work::Think { .. } | Work::Diff { .. } | Work::Import { .. } => ToolAccess::None,
    }
}

fn lost(id: UnitId, work: &Work) -> Ask {
    let label = match work {
        Work::Call { call, .. } => call.tool.as_str(),
        _ => "an effect",
    };
    Ask {
        step: None,
        unit: Some(id),
        text: format!("`{label}` was under way when its process ended, and may have happened: repeat it?"),
        choices: ["repeat", "skip"].map(String::from).into(),
    }
}

fn describe(shortfall: Shortfall) -> String {
    match shortfall {
        Shortfall::Tokens { wanted, left } => format!("the budget has {left} tokens left, the next model call may need {wanted}"),
        Shortfall::Micros { wanted, left } => {
            format!("the budget has ${:.4} left, the next model call may need ${:.4}", dollars(left), dollars(wanted))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with four decimals only")]
fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}
