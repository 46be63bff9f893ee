//! The agent step: model turn, tool calls, model turn, until it is done and the acceptance commands pass.
//!
//! Invariant: the loop is bounded by `max_turns`, and the same calls three times in a row end it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Run;
use crate::{Body, Call, Finish, Millis, Outcome, Output, Purpose, Step, StepId, StepKind, UnitId, Usage, Work};

/// The most tokens of a reply that are asked for, whatever more the model could give.
const MAX_OUTPUT: u64 = 16_384;
/// How often the same calls may come in a row before the step is ended.
const MAX_REPEATS: u32 = 3;
/// How long an acceptance command may take.
const CHECK_TIMEOUT: Millis = Millis(600_000);

impl Run {
    /// Begins the next turn of an agent, compacting its conversation first where that has grown too long.
    pub(super) fn next_turn(&mut self, step: &Step) {
        let StepKind::Agent { max_turns, .. } = step.kind else { return };
        let context_limit = self.opening.as_ref().and_then(|opening| opening.model.as_ref()).map_or(u64::MAX, |model| model.context);
        let Some(state) = self.steps.get_mut(&step.id) else { return };
        if state.agent.turns >= max_turns {
            let reason = format!("the agent used its {max_turns} turns without finishing");
            return self.fail(&step.id, reason, None, false);
        }
        state.agent.checks_passed = 0;
        let full = state.agent.turns > 0 && state.agent.context.saturating_mul(5) > context_limit.saturating_mul(4);
        if full && !state.agent.compacted {
            state.agent.compacted = true;
            return self.think(step, Purpose::Compact);
        }
        state.agent.turns += 1;
        self.think(step, Purpose::Turn);
    }

    /// Queues a model call.
    pub(super) fn think(&mut self, step: &Step, purpose: Purpose) {
        let max_output = self.opening.as_ref().and_then(|opening| opening.model.as_ref()).map_or(MAX_OUTPUT, |model| model.max_output);
        let timeout = self.time_for(step);
        self.queue(Work::Think { step: step.id.clone(), purpose, max_output: max_output.min(MAX_OUTPUT), timeout });
    }

    /// Takes in a model's message.
    pub(super) fn hear(&mut self, id: &StepId, purpose: Purpose, heard: &Outcome) {
        let Outcome::Message { message, text, calls, usage, finish } = heard else { return };
        let Some(step) = self.running(id) else { return };
        let preamble = self.opening.as_ref().map_or(0, |opening| opening.preamble_tokens);
        let Some(state) = self.steps.get_mut(id) else { return };
        match purpose {
            Purpose::Answer => self.take_answer(id, text, finish),
            Purpose::Compact => {
                state.agent.context = preamble.saturating_add(usage.output.max(tokens_in(text.bytes.len())));
                self.next_turn(&step);
            }
            Purpose::Turn => {
                state.agent.context = context_after(state.agent.context, usage, message);
                state.agent.compacted = false;
                state.agent.said = Some(text.clone());
                self.take_turn(&step, calls, finish);
            }
        }
    }

    fn take_answer(&mut self, id: &StepId, text: &Body, finish: &Finish) {
        let output = Output { text: text.clone(), data: None };
        if *finish == Finish::Length {
            return self.fail(id, String::from("the reply was cut at the model's limit"), Some(output), false);
        }
        self.succeed(id, output);
    }

    fn take_turn(&mut self, step: &Step, calls: &[Call], finish: &Finish) {
        if *finish == Finish::Length {
            return self.fail(&step.id, String::from("the reply was cut at the model's limit"), None, false);
        }
        if calls.is_empty() {
            return self.accept(step);
        }
        let Some(state) = self.steps.get_mut(&step.id) else { return };
        let fingerprint: Vec<_> = calls.iter().map(|call| (call.tool.clone(), call.args.digest)).collect();
        state.agent.repeats = if fingerprint == state.agent.last_calls { state.agent.repeats + 1 } else { 1 };
        state.agent.last_calls = fingerprint;
        if state.agent.repeats >= MAX_REPEATS {
            let reason = format!("the agent made the same calls {MAX_REPEATS} times in a row");
            return self.fail(&step.id, reason, None, false);
        }
        state.agent.open_calls = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        for call in calls {
            self.queue_call(step, call.clone(), true);
        }
    }

    /// Takes in the end of one of an agent's tool calls, whatever it was.
    pub(super) fn end_call(&mut self, id: &StepId, bytes: usize) {
        let Some(step) = self.running(id) else { return };
        let Some(state) = self.steps.get_mut(id) else { return };
        state.agent.context = state.agent.context.saturating_add(tokens_in(bytes));
        state.agent.open_calls = state.agent.open_calls.saturating_sub(1);
        if state.agent.open_calls == 0 {
            self.next_turn(&step);
        }
    }

    /// The agent says it is done: the next acceptance command, or the end of the step.
    pub(super) fn accept(&mut self, step: &Step) {
        let passed = self.steps.get(&step.id).map_or(0, |state| state.agent.checks_passed);
        let next = self.opening.as_ref().and_then(|opening| opening.checks.get(passed)).cloned();
        match next {
            Some(command) => {
                let timeout = self.time_left(CHECK_TIMEOUT);
                self.queue(Work::Check { step: Some(step.id.clone()), command, timeout });
            }
            None => {
                let said = self.steps.get(&step.id).and_then(|state| state.agent.said.clone());
                match said {
                    Some(text) => self.succeed(&step.id, Output { text, data: None }),
                    None => self.fail(&step.id, String::from("the agent said nothing"), None, false),
                }
            }
        }
    }

    /// Takes in the end of an acceptance command of an agent step: the next one, or another turn to mend what failed.
    pub(super) fn end_check(&mut self, id: &StepId, passed: bool, bytes: usize) {
        let Some(step) = self.running(id) else { return };
        let tree = self.tree;
        let Some(state) = self.steps.get_mut(id) else { return };
        if passed {
            state.agent.checks_passed += 1;
            return self.accept(&step);
        }
        state.agent.stalls = if state.agent.failed_at == Some(tree) { state.agent.stalls + 1 } else { 1 };
        state.agent.failed_at = Some(tree);
        if state.agent.stalls >= MAX_REPEATS {
            let reason =
                format!("the agent said {MAX_REPEATS} times that it was done, changed nothing, and an acceptance command still fails");
            return self.fail(id, reason, None, false);
        }
        state.agent.context = state.agent.context.saturating_add(tokens_in(bytes));
        self.next_turn(&step);
    }

    /// A request was too long for the model: the conversation is compacted once, then the turn is tried again.
    pub(super) fn shorten(&mut self, id: &StepId, unit: UnitId, message: String) {
        self.units.remove(&unit);
        let Some(step) = self.running(id) else { return };
        let Some(state) = self.steps.get_mut(id) else { return };
        if state.agent.compacted || state.agent.turns < 2 {
            return self.fail(id, message, None, false);
        }
        state.agent.compacted = true;
        state.agent.turns -= 1;
        self.think(&step, Purpose::Compact);
    }

    /// How long an acceptance command may take.
    pub(super) const fn check_timeout() -> Millis {
        CHECK_TIMEOUT
    }
}

/// The tokens of a conversation after a message: as the provider counted, or estimated at four bytes a token.
fn context_after(before: u64, usage: &Usage, message: &Body) -> u64 {
    match usage.read().saturating_add(usage.output) {
        0 => before.saturating_add(tokens_in(message.bytes.len())),
        counted => counted,
    }
}

/// An estimate of the tokens so many bytes of text make.
pub(super) const fn tokens_in(bytes: usize) -> u64 {
    bytes as u64 / 4
}
