//! What is wrong with a plan, step by step.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::LEAST_OUTPUT;
use crate::{Opening, Plan, Step, StepId, StepKind};

/// The most steps of a plan.
const MAX_STEPS: usize = 256;

/// One thing wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Invalid {
    /// The step, where it is about one.
    pub step: Option<StepId>,
    /// What is wrong, as a sentence.
    pub reason: String,
}

impl Plan {
    /// Everything that keeps the plan from being carried out; empty if it can be.
    #[must_use]
    pub fn validate(&self, opening: &Opening) -> Vec<Invalid> {
        let mut faults = Vec::new();
        if self.steps.is_empty() {
            faults.push(Invalid { step: None, reason: String::from("it has no steps") });
        }
        if self.steps.len() > MAX_STEPS {
            faults.push(Invalid { step: None, reason: format!("it has {} steps, {MAX_STEPS} are allowed", self.steps.len()) });
        }
        if let Some(summary) = self.summary.as_ref().filter(|summary| self.step(summary).is_none()) {
            faults.push(Invalid { step: None, reason: format!("its summary step `{summary}` does not exist") });
        }
        let mut seen = BTreeSet::new();
        for step in &self.steps {
            let mut reasons = Vec::new();
            if !seen.insert(&step.id) {
                reasons.push(String::from("another step has the same id"));
            }
            self.check_step(step, opening, &mut reasons);
            faults.extend(reasons.into_iter().map(|reason| Invalid { step: Some(step.id.clone()), reason }));
        }
        if faults.is_empty() {
            faults.extend(self.cycle().map(|ids| Invalid { step: ids.first().cloned(), reason: describe_cycle(&ids) }));
        }
        faults
    }

    fn check_step(&self, step: &Step, opening: &Opening, reasons: &mut Vec<String>) {
        let id = &step.id.0;
        let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        if id.is_empty() || id.len() > 64 || !id.bytes().all(name) {
            reasons.push(String::from("an id has 1 to 64 characters of a-z, 0-9, _ and -"));
        }
        for missing in step.after.iter().filter(|after| self.step(after).is_none()) {
            reasons.push(format!("it comes after `{missing}`, which does not exist"));
        }
        for (name, input) in step.inputs.iter().filter(|(_, input)| self.step(&input.from).is_none()) {
            reasons.push(format!("its input `{name}` comes from `{}`, which does not exist", input.from));
        }
        if step.retry.attempts == 0 {
            reasons.push(String::from("it allows no attempt"));
        }
        check_kind(step, opening, reasons);
        check_budget(step, opening, reasons);
    }

    /// The steps of one cycle, in order; `None` where there is none.
    fn cycle(&self) -> Option<Vec<StepId>> {
        let mut done: BTreeSet<&StepId> = BTreeSet::new();
        loop {
            let before = done.len();
            done.extend(
                self.steps.iter().filter(|step| step.dependencies().all(|id| done.contains(id))).map(|step| &step.id).collect::<Vec<_>>(),
            );
            if done.len() == self.steps.len() {
                return None;
            }
            if done.len() == before {
                return Some(self.walk_cycle(&done));
            }
        }
    }

    /// Follows unfinished dependencies from any unfinished step until one comes up twice.
    fn walk_cycle(&self, done: &BTreeSet<&StepId>) -> Vec<StepId> {
        let mut path: Vec<&StepId> = Vec::new();
        let mut at = self.steps.iter().find(|step| !done.contains(&step.id));
        while let Some(step) = at {
            if let Some(start) = path.iter().position(|id| **id == step.id) {
                return path[start..].iter().map(|id| (*id).clone()).collect();
            }
            path.push(&step.id);
            at = step.dependencies().find(|id| !done.contains(id)).and_then(|id| self.step(id));
        }
        path.into_iter().cloned().collect()
    }
}

fn check_kind(step: &Step, opening: &Opening, reasons: &mut Vec<String>) {
    let known = |name: &str| opening.tools.iter().any(|tool| tool.name == name);
    if let Some((tool, _)) = step.tool().filter(|(tool, _)| !known(tool)) {
        reasons.push(format!("there is no tool `{tool}`"));
    }
    match &step.kind {
        StepKind::Agent { tools, max_turns, .. } => {
            let unknown = tools.iter().filter(|name| !opening.tools.iter().any(|tool| tool.for_agents && tool.name == **name));
            reasons.extend(unknown.map(|name| format!("there is no tool `{name}` for agents")));
            if *max_turns == 0 {
                reasons.push(String::from("it allows no turn"));
            }
            needs_model(opening, reasons);
        }
        StepKind::Model { .. } => needs_model(opening, reasons),
        _ => {}
    }
}

fn needs_model(opening: &Opening, reasons: &mut Vec<String>) {
    if opening.model.is_none() {
        reasons.push(String::from("it needs a model, and none is configured"));
    }
}

fn check_budget(step: &Step, opening: &Opening, reasons: &mut Vec<String>) {
    let mut over = |what: &str, step: Option<u64>, run: Option<u64>| {
        if let (Some(step), Some(run)) = (step, run)
            && step > run
        {
            reasons.push(format!("its budget of {step} {what} is more than the run's {run}"));
        }
    };
    over("tokens", step.limits.tokens, opening.limits.tokens);
    over("micro-dollars", step.limits.micros, opening.limits.micros);
    over("ms of wall time", step.limits.wall, opening.limits.wall);
    if matches!(step.kind, StepKind::Agent { .. } | StepKind::Model { .. }) {
        check_least(step, opening, reasons);
    }
}

/// Whether the shortest reply worth asking for fits the budgets of a step that asks a model.
fn check_least(step: &Step, opening: &Opening, reasons: &mut Vec<String>) {
    let Some(model) = &opening.model else { return };
    let least = LEAST_OUTPUT.min(model.max_output);
    for tokens in [step.limits.tokens, opening.limits.tokens].into_iter().flatten().filter(|&tokens| tokens < least) {
        reasons.push(format!("its budget of {tokens} tokens is less than the {least} of the shortest reply"));
    }
    if model.price_output > 0 && (step.limits.micros == Some(0) || opening.limits.micros == Some(0)) {
        reasons.push(String::from("it needs a model that costs money, and its budget has none"));
    }
}

fn describe_cycle(ids: &[StepId]) -> String {
    let mut text = String::from("it waits for itself: ");
    for id in ids {
        text.push_str(&id.0);
        text.push_str(" <- ");
    }
    text.push_str(ids.first().map_or("", |id| id.0.as_str()));
    text
}
