//! Plans, as they stand in a record.

use std::collections::BTreeMap;

use naestro_kernel::{self as kernel, Millis, StepId};
use serde::{Deserialize, Serialize};

use super::body::Body;
use super::opening::Limits;
use super::{Fault, Fetch, mirror};

#[derive(Serialize, Deserialize)]
pub(super) struct Plan {
    steps: Vec<Step>,
    summary: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Step {
    id: String,
    kind: StepKind,
    after: Vec<String>,
    inputs: BTreeMap<String, Input>,
    limits: Limits,
    timeout: u64,
    retry: Retry,
    on_failure: OnFailure,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepKind {
    Tool { tool: String, args: Body },
    Model { prompt: String },
    Agent { prompt: String, tools: Vec<String>, max_turns: u32 },
    Test { args: Body },
    Explain { args: Body },
    Ask { question: String, choices: Vec<String> },
}

#[derive(Serialize, Deserialize)]
struct Input {
    from: String,
    text: bool,
}

#[derive(Serialize, Deserialize)]
struct Retry {
    attempts: u32,
    backoff: u64,
}

mirror!(
    enum OnFailure {
        Fail,
        Skip,
    }
);

impl Plan {
    pub(super) fn from_kernel(plan: kernel::Plan, large: &mut Vec<kernel::Body>) -> Result<Self, Fault> {
        let kernel::Plan { steps, summary } = plan;
        let steps = steps.into_iter().map(|step| Step::from_kernel(step, large)).collect::<Result<_, _>>()?;
        Ok(Self { steps, summary: summary.map(|step| step.0) })
    }

    pub(super) fn into_kernel(self, fetch: Fetch<'_>) -> Result<kernel::Plan, Fault> {
        let steps = self.steps.into_iter().map(|step| step.into_kernel(fetch)).collect::<Result<_, _>>()?;
        Ok(kernel::Plan { steps, summary: self.summary.map(StepId) })
    }
}

impl Step {
    fn from_kernel(step: kernel::Step, large: &mut Vec<kernel::Body>) -> Result<Self, Fault> {
        let kernel::Step { id, kind, after, inputs, limits, timeout, retry, on_failure } = step;
        let kernel::Retry { attempts, backoff } = retry;
        Ok(Self {
            id: id.0,
            kind: StepKind::from_kernel(kind, large)?,
            after: after.into_iter().map(|step| step.0).collect(),
            inputs: inputs.into_iter().map(|(name, kernel::Input { from, text })| (name, Input { from: from.0, text })).collect(),
            limits: limits.into(),
            timeout: timeout.0,
            retry: Retry { attempts, backoff: backoff.0 },
            on_failure: on_failure.into(),
        })
    }

    fn into_kernel(self, fetch: Fetch<'_>) -> Result<kernel::Step, Fault> {
        Ok(kernel::Step {
            id: StepId(self.id),
            kind: self.kind.into_kernel(fetch)?,
            after: self.after.into_iter().map(StepId).collect(),
            inputs: self
                .inputs
                .into_iter()
                .map(|(name, Input { from, text })| (name, kernel::Input { from: StepId(from), text }))
                .collect(),
            limits: self.limits.into(),
            timeout: Millis(self.timeout),
            retry: kernel::Retry { attempts: self.retry.attempts, backoff: Millis(self.retry.backoff) },
            on_failure: self.on_failure.into(),
        })
    }
}

impl StepKind {
    fn from_kernel(kind: kernel::StepKind, large: &mut Vec<kernel::Body>) -> Result<Self, Fault> {
        Ok(match kind {
            kernel::StepKind::Tool { tool, args } => Self::Tool { tool, args: Body::from_kernel(args, large)? },
            kernel::StepKind::Model { prompt } => Self::Model { prompt },
            kernel::StepKind::Agent { prompt, tools, max_turns } => Self::Agent { prompt, tools, max_turns },
            kernel::StepKind::Test { args } => Self::Test { args: Body::from_kernel(args, large)? },
            kernel::StepKind::Explain { args } => Self::Explain { args: Body::from_kernel(args, large)? },
            kernel::StepKind::Ask { question, choices } => Self::Ask { question, choices },
        })
    }

    fn into_kernel(self, fetch: Fetch<'_>) -> Result<kernel::StepKind, Fault> {
        Ok(match self {
            Self::Tool { tool, args } => kernel::StepKind::Tool { tool, args: args.into_kernel(fetch)? },
            Self::Model { prompt } => kernel::StepKind::Model { prompt },
            Self::Agent { prompt, tools, max_turns } => kernel::StepKind::Agent { prompt, tools, max_turns },
            Self::Test { args } => kernel::StepKind::Test { args: args.into_kernel(fetch)? },
            Self::Explain { args } => kernel::StepKind::Explain { args: args.into_kernel(fetch)? },
            Self::Ask { question, choices } => kernel::StepKind::Ask { question, choices },
        })
    }
}
