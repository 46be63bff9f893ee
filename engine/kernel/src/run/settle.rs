//! How units begin and end: intents, refusals, questions, answers and outcomes.

use alloc::format;
use alloc::string::String;

use super::agent::tokens_in;
use super::state::{Imported, StepPhase, UnitState, Workspace};
use super::{Run, Stop};
use crate::{Amount, Body, Class, Failure, FailureKind, Millis, Outcome, Output, Question, QuestionId, StepId, UnitId, Usage, Work};

/// The longest pause a provider may ask for; a longer one ends the step, so that a person hears of it.
const LONGEST_RETRY_AFTER: Millis = Millis(120_000);
/// The longest pause before another attempt.
const LONGEST_BACKOFF: Millis = Millis(30_000);

impl Run {
    pub(super) fn intend(&mut self, id: UnitId, attempt: u32) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        unit.attempt = unit.attempt.max(attempt);
        unit.state = UnitState::InFlight { cancelling: false };
        if matches!(unit.work, Work::Think { .. }) {
            self.model_calls = self.model_calls.saturating_add(1);
        }
    }

    pub(super) fn deny(&mut self, id: UnitId, reason: &str, hint: &str) {
        let Some(unit) = self.units.remove(&id) else { return };
        self.release(id, &unit.work, Amount::default());
        let why = if hint.is_empty() { String::from(reason) } else { format!("{reason}; {hint}") };
        match unit.work {
            Work::Call { step, by_model: true, .. } => self.end_call(&step, why.len()),
            Work::Think { step, .. } | Work::Call { step, .. } | Work::Check { step: Some(step), .. } => {
                self.fail(&step, why, None, true);
            }
            Work::Import { .. } => self.ending.imported = Some(Imported::Refused(why)),
            Work::Open { .. } => self.give_up(format!("open the workspace: {why}"), true),
            Work::Check { step: None, command, .. } => self.give_up(format!("run `{command}`: {why}"), true),
            Work::Diff { .. } => self.give_up(format!("compute the diff: {why}"), true),
        }
    }

    pub(super) fn ask(&mut self, question: &Question) {
        self.next_question = self.next_question.max(question.id.0.saturating_add(1));
        if let Some(unit) = question.unit.and_then(|unit| self.units.get_mut(&unit))
            && !matches!(unit.state, UnitState::Lost { .. })
        {
            unit.state = UnitState::Asked(question.id);
        }
        self.questions.insert(question.id, question.clone());
    }

    pub(super) fn answer(&mut self, id: QuestionId, choice: &Body) {
        let Some(question) = self.questions.remove(&id) else { return };
        if let Some(step) = &question.step {
            return self.answer_step(step, choice);
        }
        let yes = matches!(&*choice.text(), "allow" | "repeat");
        let Some(unit) = question.unit else { return };
        match self.units.get_mut(&unit) {
            Some(waiting) if yes => {
                waiting.consent = question.effect.or(waiting.consent);
                waiting.state = UnitState::Queued;
            }
            Some(_) => self.deny(unit, "the human said no", ""),
            None => {}
        }
    }

    pub(super) fn finish_unit(&mut self, id: UnitId, outcome: &Outcome) {
        let Some(unit) = self.units.get(&id) else { return };
        let cancelling = unit.state == (UnitState::InFlight { cancelling: true });
        let work = unit.work.clone();
        self.settle(id, &work, outcome);
        match outcome {
            Outcome::Cancelled { .. } if self.stop.is_some() => self.end_cancelled(id),
            // What a unit fails of while it is being cancelled is its cancellation.
            Outcome::Failed(_) if cancelling => self.end_cancelled(id),
            Outcome::Cancelled { .. } => self.end_failed(id, &work, &unasked_cancellation()),
            Outcome::Failed(failure) => self.end_failed(id, &work, failure),
            _ => {
                self.units.remove(&id);
                self.end_well(work, outcome);
            }
        }
    }

    fn end_well(&mut self, work: Work, outcome: &Outcome) {
        match (work, outcome) {
            (Work::Think { step, purpose, .. }, message @ Outcome::Message { .. }) => self.hear(&step, purpose, message),
            (Work::Call { step, by_model, .. }, Outcome::Tool { ok, output, tree }) => {
                self.tree = tree.or(self.tree);
                self.end_tool(&step, by_model, *ok, output);
            }
            (Work::Check { step, command, .. }, Outcome::Checked { passed, output }) => match step {
                Some(step) => self.end_check(&step, *passed, output.text.bytes.len()),
                None if *passed => self.ending.checks_passed += 1,
                None => self.give_up(format!("pass the acceptance command `{command}`"), false),
            },
            (Work::Open { .. }, Outcome::Workspace { base, .. }) => {
                self.base = self.base.or(Some(*base));
                self.workspace = Workspace::Open;
            }
            (Work::Diff { .. }, Outcome::Diffed { diff, paths }) => self.ending.diff = Some((diff.digest, paths.len())),
            (Work::Import { .. }, Outcome::Imported { files }) => self.ending.imported = Some(Imported::Files(*files)),
            (work, _) => self.give_up(format!("understand the outcome of {}", name(&work)), false),
        }
    }

    fn end_tool(&mut self, step: &StepId, by_model: bool, ok: bool, output: &Output) {
        if self.step(step) != StepPhase::Running {
            return;
        }
        if by_model {
            self.end_call(step, output.text.bytes.len());
        } else if ok {
            self.succeed(step, output.clone());
        } else {
            let text = output.text.text();
            let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says no");
            let reason = String::from(line.trim());
            self.fail(step, reason, Some(output.clone()), false);
        }
    }

    /// A cancelled unit is forgotten when the run ends, and waits for another attempt when the run is only suspended.
    fn end_cancelled(&mut self, id: UnitId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        if matches!(unit.work, Work::Open { .. }) {
            self.workspace = Workspace::Closed;
        }
        unit.state = UnitState::Queued;
        if self.stop != Some(Stop::Suspend) || matches!(unit.work, Work::Open { .. }) {
            self.forget(id);
        }
    }

    /// Forgets a unit that has not begun, with the promise and the question it had.
    pub(super) fn forget(&mut self, id: UnitId) {
        let Some(unit) = self.units.remove(&id) else { return };
        self.release(id, &unit.work, Amount::default());
        self.questions.retain(|_, question| question.unit != Some(id));
        if self.stop == Some(Stop::Cancel) && unit.work.step().is_some() {
            self.shelf.insert(id, unit);
        }
    }

    fn end_failed(&mut self, id: UnitId, work: &Work, failure: &Failure) {
        let retry = self.retry_pause(id, work, failure);
        if let (Some(pause), Some(unit)) = (retry, self.units.get_mut(&id)) {
            unit.state = UnitState::BackingOff(self.now.after(pause));
            return;
        }
        let message = sentence(failure);
        if let (FailureKind::TooLong, Work::Think { step, .. }) = (failure.kind, work) {
            return self.shorten(step, id, message);
        }
        self.units.remove(&id);
        match work {
            Work::Call { step, by_model: true, .. } => self.end_call(step, message.len()),
            Work::Think { step, .. } | Work::Call { step, .. } | Work::Check { step: Some(step), .. } => {
                self.fail(step, message, None, false);
            }
            Work::Open { .. } | Work::Check { step: None, .. } | Work::Diff { .. } | Work::Import { .. } => {
                self.give_up(message, false);
            }
        }
    }

    /// The pause before another attempt, where the failure is passing and the plan allows one.
    fn retry_pause(&self, id: UnitId, work: &Work, failure: &Failure) -> Option<Millis> {
        let step = self.planned(work.step()?)?;
        let attempt = self.units.get(&id)?.attempt;
        // A step that has ended wants nothing more.
        self.running(&step.id)?;
        let passing = match failure.kind {
            FailureKind::Transient | FailureKind::Unreached => true,
            FailureKind::TimedOut => matches!(work, Work::Think { .. }),
            FailureKind::Permanent | FailureKind::TooLong => false,
        };
        let too_long = failure.retry_after.is_some_and(|pause| pause > LONGEST_RETRY_AFTER);
        if !passing || too_long || attempt >= step.retry.attempts || self.stop.is_some() {
            return None;
        }
        let doubled = step.retry.backoff.0.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        Some(failure.retry_after.unwrap_or(Millis(doubled).min(LONGEST_BACKOFF)))
    }

    /// Ends the run: nothing more is begun.
    pub(super) fn give_up(&mut self, message: String, refused: bool) {
        self.give_up_over(None, message, refused);
    }

    /// Ends the run because of a step; the first reason to end it is the one that counts, and counts for more than a pause.
    pub(super) fn give_up_over(&mut self, step: Option<StepId>, message: String, refused: bool) {
        if self.stop.is_none() || self.stop == Some(Stop::Suspend) {
            self.stop = Some(Stop::Failed { message, refused, step });
        }
    }

    /// Settles a model call that ended: at what it used, at nothing where the request was refused, or else in full.
    fn settle(&mut self, id: UnitId, work: &Work, outcome: &Outcome) {
        let Work::Think { step, .. } = work else { return };
        match outcome {
            Outcome::Message { usage, message, .. } => self.release(id, work, self.price(step, usage, message)),
            Outcome::Failed(failure) if was_refused(failure) => self.release(id, work, Amount::default()),
            _ => self.release_in_full(id, work),
        }
    }

    /// Settles what was promised to a unit, with the run and with its step.
    fn release(&mut self, id: UnitId, work: &Work, used: Amount) {
        self.ledger.settle(id, used);
        if let Some(state) = work.step().and_then(|step| self.steps.get_mut(step)) {
            state.ledger.settle(id, used);
        }
    }

    /// Settles a lost attempt at everything promised to it.
    pub(super) fn release_in_full(&mut self, id: UnitId, work: &Work) {
        self.ledger.settle_in_full(id);
        if let Some(state) = work.step().and_then(|step| self.steps.get_mut(step)) {
            state.ledger.settle_in_full(id);
        }
    }

    /// What a model call used, by the model's prices; cached tokens are counted as input, and estimated where none are told.
    fn price(&self, step: &StepId, usage: &Usage, message: &Body) -> Amount {
        if usage.read() == 0 && usage.output == 0 {
            let context = self.steps.get(step).map_or(0, |state| state.agent.context);
            return self.cost_of(context, tokens_in(message.bytes.len()));
        }
        self.cost_of(usage.read(), usage.output)
    }

    /// So many tokens, and their price rounded up to whole micro-dollars.
    pub(super) fn cost_of(&self, input: u64, output: u64) -> Amount {
        let price = |tokens: u64, per_million: u64| tokens.saturating_mul(per_million).div_ceil(1_000_000);
        let model = self.opening.as_ref().and_then(|opening| opening.model.as_ref());
        let micros = model.map_or(0, |model| price(input, model.price_input).saturating_add(price(output, model.price_output)));
        Amount { tokens: input.saturating_add(output), micros }
    }

    /// How a unit is settled whose owner died.
    pub(super) fn settle_lost(&mut self, id: UnitId) {
        let Some(unit) = self.units.get_mut(&id) else { return };
        let in_flight = matches!(unit.state, UnitState::InFlight { .. });
        unit.state = match (in_flight, unit.work.class()) {
            (true, Class::Unsafe) => UnitState::Lost { asked: false },
            _ => UnitState::Queued,
        };
        let work = unit.work.clone();
        if matches!(work, Work::Open { .. }) {
            self.units.remove(&id);
        }
        if in_flight {
            self.release_in_full(id, &work);
        }
    }
}

/// Whether the model's side turned the request down before it did any work.
fn was_refused(failure: &Failure) -> bool {
    failure.retry_after.is_some() || matches!(failure.kind, FailureKind::Permanent | FailureKind::TooLong | FailureKind::Unreached)
}

fn unasked_cancellation() -> Failure {
    Failure { kind: FailureKind::Permanent, message: String::from("finish: it was cancelled"), hint: String::new(), retry_after: None }
}

fn sentence(failure: &Failure) -> String {
    if let Some(pause) = failure.retry_after.filter(|pause| *pause > LONGEST_RETRY_AFTER) {
        return format!("{} (it asks to be left alone for {} s)", failure.message, pause.0 / 1000);
    }
    if failure.hint.is_empty() { failure.message.clone() } else { format!("{} ({})", failure.message, failure.hint) }
}

fn name(work: &Work) -> &str {
    match work {
        Work::Open { .. } => "opening the workspace",
        Work::Think { .. } => "a model call",
        Work::Call { call, .. } => &call.tool,
        Work::Check { command, .. } => command,
        Work::Diff { .. } => "the diff",
        Work::Import { .. } => "the import",
    }
}
