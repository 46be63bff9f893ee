//! How units and runs ended, as it stands in a record.

use naestro_kernel as kernel;
use serde::{Deserialize, Serialize};

use super::body::{Body, Call, Output, hex, parse_digest};
use super::{Fault, Fetch, mirror};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Message { message: Body, text: Body, calls: Vec<Call>, usage: Usage, finish: Finish },
    Tool { ok: bool, output: Output, tree: Option<String> },
    Workspace { base: String, level: String },
    Checked { passed: bool, output: Output },
    Diffed { diff: Body, paths: Vec<String> },
    Imported { files: u32 },
    Failed(Failure),
    Cancelled { partial: Option<Body> },
}

#[derive(Serialize, Deserialize)]
pub(super) struct Failure {
    kind: FailureKind,
    message: String,
    hint: String,
    retry_after: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Finish {
    Stop,
    Calls,
    Length,
    Other(String),
}

mirror!(
    enum FailureKind {
        Transient,
        Unreached,
        Permanent,
        TimedOut,
        TooLong,
    }
);
mirror!(
    pub(super) enum Class {
        Pure,
        Idempotent,
        Probeable,
        Unsafe,
    }
);
mirror!(
    pub(crate) enum RunOutcome {
        Succeeded,
        Failed,
        Cancelled,
        Refused,
    }
);
mirror!(
    pub(super) struct Usage {
        input: u64,
        output: u64,
        cache_read: u64,
        cache_write: u64,
        reasoning: u64,
    }
);

impl Outcome {
    pub(super) fn from_kernel(outcome: kernel::Outcome, large: &mut Vec<kernel::Body>) -> Result<Self, Fault> {
        Ok(match outcome {
            kernel::Outcome::Message { message, text, calls, usage, finish } => Self::Message {
                message: Body::from_kernel(message, large)?,
                text: Body::from_kernel(text, large)?,
                calls: calls.into_iter().map(|call| Call::from_kernel(call, large)).collect::<Result<_, _>>()?,
                usage: usage.into(),
                finish: finish.into(),
            },
            kernel::Outcome::Tool { ok, output, tree } => {
                Self::Tool { ok, output: Output::from_kernel(output, large)?, tree: tree.as_ref().map(hex) }
            }
            kernel::Outcome::Workspace { base, level } => Self::Workspace { base: hex(&base), level },
            kernel::Outcome::Checked { passed, output } => Self::Checked { passed, output: Output::from_kernel(output, large)? },
            kernel::Outcome::Diffed { diff, paths } => Self::Diffed { diff: Body::from_kernel(diff, large)?, paths },
            kernel::Outcome::Imported { files } => Self::Imported { files },
            kernel::Outcome::Failed(failure) => Self::Failed(failure.into()),
            kernel::Outcome::Cancelled { partial } => {
                Self::Cancelled { partial: partial.map(|partial| Body::from_kernel(partial, large)).transpose()? }
            }
        })
    }

    pub(super) fn into_kernel(self, fetch: Fetch<'_>) -> Result<kernel::Outcome, Fault> {
        Ok(match self {
            Self::Message { message, text, calls, usage, finish } => kernel::Outcome::Message {
                message: message.into_kernel(fetch)?,
                text: text.into_kernel(fetch)?,
                calls: calls.into_iter().map(|call| call.into_kernel(fetch)).collect::<Result<_, _>>()?,
                usage: usage.into(),
                finish: finish.into(),
            },
            Self::Tool { ok, output, tree } => {
                let tree = tree.as_deref().map(parse_digest).transpose()?;
                kernel::Outcome::Tool { ok, output: output.into_kernel(fetch)?, tree }
            }
            Self::Workspace { base, level } => kernel::Outcome::Workspace { base: parse_digest(&base)?, level },
            Self::Checked { passed, output } => kernel::Outcome::Checked { passed, output: output.into_kernel(fetch)? },
            Self::Diffed { diff, paths } => kernel::Outcome::Diffed { diff: diff.into_kernel(fetch)?, paths },
            Self::Imported { files } => kernel::Outcome::Imported { files },
            Self::Failed(failure) => kernel::Outcome::Failed(failure.into()),
            Self::Cancelled { partial } => {
                kernel::Outcome::Cancelled { partial: partial.map(|partial| partial.into_kernel(fetch)).transpose()? }
            }
        })
    }
}

impl From<kernel::Failure> for Failure {
    fn from(failure: kernel::Failure) -> Self {
        let kernel::Failure { kind, message, hint, retry_after } = failure;
        Self { kind: kind.into(), message, hint, retry_after: retry_after.map(|span| span.0) }
    }
}

impl From<Failure> for kernel::Failure {
    fn from(failure: Failure) -> Self {
        let Failure { kind, message, hint, retry_after } = failure;
        Self { kind: kind.into(), message, hint, retry_after: retry_after.map(kernel::Millis) }
    }
}

impl From<kernel::Finish> for Finish {
    fn from(finish: kernel::Finish) -> Self {
        match finish {
            kernel::Finish::Stop => Self::Stop,
            kernel::Finish::Calls => Self::Calls,
            kernel::Finish::Length => Self::Length,
            kernel::Finish::Other(other) => Self::Other(other),
        }
    }
}

impl From<Finish> for kernel::Finish {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Stop => Self::Stop,
            Finish::Calls => Self::Calls,
            Finish::Length => Self::Length,
            Finish::Other(other) => Self::Other(other),
        }
    }
}
