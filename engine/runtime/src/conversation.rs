//! The conversation of each agent step, folded from the run's events.
//!
//! Live and replayed runs build the same messages, so a resumed run asks the model what the lost process asked it.

use std::collections::BTreeMap;

use naestro_kernel::{Outcome, Purpose, StepId, Work};
use naestro_policy::effect::{Message, Role};

use crate::message::{from_body, plain};

/// What is asked of the model when its conversation has grown too long.
pub(crate) const COMPACT: &str = include_str!("prompts/compact.md");

/// The messages after the prompt, step by step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversations {
    of_step: BTreeMap<StepId, Vec<Message>>,
    last: Option<StepId>,
}

impl Conversations {
    /// The messages of a step, after its prompt.
    pub(crate) fn of(&self, step: &StepId) -> &[Message] {
        self.of_step.get(step).map_or(&[], Vec::as_slice)
    }

    /// The step whose model spoke last, and its messages: what the session goes on from.
    pub(crate) fn latest(&self) -> Option<(&StepId, &[Message])> {
        self.last.as_ref().map(|step| (step, self.of(step)))
    }

    /// Takes in the end of a unit.
    pub(crate) fn done(&mut self, work: &Work, outcome: &Outcome) {
        match (work, outcome) {
            (Work::Think { step, purpose: Purpose::Compact, .. }, Outcome::Message { text, .. }) => {
                let summary = format!("The conversation so far, in summary:\n\n{}", text.text());
                self.of_step.insert(step.clone(), vec![plain(Role::User, summary)]);
            }
            (Work::Think { step, .. }, Outcome::Message { message, .. }) => self.push(step, from_body(message)),
            (Work::Call { step, call, by_model: true, .. }, outcome) => {
                if let Some(text) = result(outcome) {
                    self.push(step, Message { answers: Some(call.id.clone()), ..plain(Role::Tool, text) });
                }
            }
            (Work::Check { step: Some(step), command, .. }, Outcome::Checked { passed: false, output }) => {
                let text = format!("The acceptance command `{command}` does not pass yet:\n\n{}", output.text.text());
                self.push(step, plain(Role::User, text));
            }
            _ => {}
        }
    }

    /// Takes in a refusal.
    pub(crate) fn denied(&mut self, work: &Work, reason: &str, hint: &str) {
        if let Work::Call { step, call, by_model: true, .. } = work {
            let text = format!("refused: {reason}; {hint}");
            self.push(step, Message { answers: Some(call.id.clone()), ..plain(Role::Tool, text.trim_end_matches("; ")) });
        }
    }

    fn push(&mut self, step: &StepId, message: Message) {
        self.of_step.entry(step.clone()).or_default().push(message);
        self.last = Some(step.clone());
    }
}

/// What a model hears of a tool call's end; nothing where it will be repeated.
fn result(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Tool { output, .. } => Some(output.text.text().into_owned()),
        Outcome::Failed(failure) => Some(format!("failed to {}", failure.message)),
        _ => None,
    }
}
