//! Plans between callers' words and the kernel's: the one place where the two forms meet.

use std::collections::BTreeMap;

use naestro_api as api;
use naestro_kernel::{Body, Input, Limits, Millis, OnFailure, Plan, Retry, Step, StepId, StepKind};
use serde_json::{Map, Value};

/// The longest one unit may take where the plan does not say.
const TIMEOUT_S: u64 = 600;
/// Attempts where the plan does not say.
const ATTEMPTS: u32 = 4;
/// Model turns of an agent where the plan does not say.
const MAX_TURNS: u32 = 50;
/// The pause before a second attempt.
const BACKOFF: Millis = Millis(500);

/// A step of a plan that a command makes, with nothing said beyond what it does and takes.
pub(crate) fn step(id: &str, kind: api::StepKind, inputs: BTreeMap<String, api::Input>) -> api::Step {
    api::Step { id: id.to_owned(), kind, after: Vec::new(), inputs, budget: None, timeout_s: None, attempts: None, skip_on_failure: false }
}

/// A caller's plan as the kernel has it, with `{goal}` in its prompts replaced.
pub(crate) fn inward(plan: &api::Plan, goal: &str) -> Plan {
    Plan { steps: plan.steps.iter().map(|step| step_inward(step, goal)).collect(), summary: plan.summary.as_deref().map(StepId::new) }
}

/// The kernel's plan as callers see it.
pub(crate) fn outward(plan: &Plan) -> api::Plan {
    api::Plan { steps: plan.steps.iter().map(step_outward).collect(), summary: plan.summary.as_ref().map(|id| id.0.clone()) }
}

/// The kind's name on the wire.
pub(crate) fn kind_name(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Tool { .. } => "tool",
        StepKind::Model { .. } => "model",
        StepKind::Agent { .. } => "agent",
        StepKind::Test { .. } => "test",
        StepKind::Explain { .. } => "explain",
        StepKind::Ask { .. } => "ask",
    }
}

/// A caller's budget as limits; dollars become micro-dollars.
pub(crate) fn limits(tokens: Option<u64>, usd: Option<f64>, wall_s: Option<u64>) -> Limits {
    Limits { tokens, micros: usd.map(micros), wall: wall_s.map(|wall| wall.saturating_mul(1000)) }
}

/// Micro-dollars as dollars.
#[expect(clippy::cast_precision_loss, reason = "amounts of money far below 2^53 micro-dollars")]
pub(crate) fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from f64 saturates, and less than nothing is nothing")]
fn micros(usd: f64) -> u64 {
    (usd * 1e6).round() as u64
}

fn step_inward(step: &api::Step, goal: &str) -> Step {
    let budget = step.budget.unwrap_or_default();
    let inputs =
        step.inputs.iter().map(|(name, input)| (name.clone(), Input { from: StepId::new(&input.from), text: input.text })).collect();
    Step {
        id: StepId::new(&step.id),
        kind: kind_inward(&step.kind, goal),
        after: step.after.iter().map(|id| StepId::new(id)).collect(),
        inputs,
        limits: limits(budget.tokens, budget.usd, budget.wall_s),
        timeout: Millis(step.timeout_s.unwrap_or(TIMEOUT_S).saturating_mul(1000)),
        retry: Retry { attempts: step.attempts.unwrap_or(ATTEMPTS), backoff: BACKOFF },
        on_failure: if step.skip_on_failure { OnFailure::Skip } else { OnFailure::Fail },
    }
}

fn kind_inward(kind: &api::StepKind, goal: &str) -> StepKind {
    let words = |text: &str| text.replace("{goal}", goal);
    match kind {
        api::StepKind::Tool { tool, args } => StepKind::Tool { tool: tool.clone(), args: arguments(args) },
        api::StepKind::Model { prompt } => StepKind::Model { prompt: words(prompt) },
        api::StepKind::Agent { prompt, tools, max_turns } => {
            StepKind::Agent { prompt: words(prompt), tools: tools.clone(), max_turns: max_turns.unwrap_or(MAX_TURNS) }
        }
        api::StepKind::Test { args } => StepKind::Test { args: arguments(args) },
        api::StepKind::Explain { args } => StepKind::Explain { args: arguments(args) },
        api::StepKind::Ask { question, choices } => StepKind::Ask { question: words(question), choices: choices.clone() },
    }
}

/// Arguments as the bytes the kernel carries.
pub(crate) fn arguments(args: &Map<String, Value>) -> Body {
    naestro_policy::body(Value::Object(args.clone()).to_string())
}

fn step_outward(step: &Step) -> api::Step {
    let budget = step.limits;
    let limited = budget != Limits::default();
    let inputs =
        step.inputs.iter().map(|(name, input)| (name.clone(), api::Input { from: input.from.0.clone(), text: input.text })).collect();
    api::Step {
        id: step.id.0.clone(),
        kind: kind_outward(&step.kind),
        after: step.after.iter().map(|id| id.0.clone()).collect(),
        inputs,
        budget: limited.then(|| api::StepBudget {
            tokens: budget.tokens,
            usd: budget.micros.map(dollars),
            wall_s: budget.wall.map(|wall| wall / 1000),
        }),
        timeout_s: Some(step.timeout.0 / 1000),
        attempts: Some(step.retry.attempts),
        skip_on_failure: step.on_failure == OnFailure::Skip,
    }
}

fn kind_outward(kind: &StepKind) -> api::StepKind {
    let args = |body: &Body| serde_json::from_slice(&body.bytes).unwrap_or_default();
    match kind {
        StepKind::Tool { tool, args: body } => api::StepKind::Tool { tool: tool.clone(), args: args(body) },
        StepKind::Model { prompt } => api::StepKind::Model { prompt: prompt.clone() },
        StepKind::Agent { prompt, tools, max_turns } => {
            api::StepKind::Agent { prompt: prompt.clone(), tools: tools.clone(), max_turns: Some(*max_turns) }
        }
        StepKind::Test { args: body } => api::StepKind::Test { args: args(body) },
        StepKind::Explain { args: body } => api::StepKind::Explain { args: args(body) },
        StepKind::Ask { question, choices } => api::StepKind::Ask { question: question.clone(), choices: choices.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_survives_the_way_in_and_out() {
        let text = r#"{"steps":[
            {"id":"a","kind":"tool","tool":"changes","args":{"since":"HEAD~1"},"timeout_s":600,"attempts":4},
            {"id":"b","kind":"agent","prompt":"do it","tools":["read"],"max_turns":3,"after":["a"],"inputs":{"what":{"from":"a","text":true}},
             "budget":{"tokens":10,"usd":0.5,"wall_s":9},"timeout_s":60,"attempts":1,"skip_on_failure":true},
            {"id":"c","kind":"ask","question":"sure?","choices":["yes"],"timeout_s":600,"attempts":4}],"summary":"b"}"#;
        let plan: api::Plan = serde_json::from_str(text).unwrap();
        assert_eq!(outward(&inward(&plan, "")), plan);
    }
}
