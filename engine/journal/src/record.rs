//! The one place where events meet their form on disk: JSON text with a format version in every record.
//!
//! The types here mirror the kernel's by hand and are separate from them, so the kernel can change freely while old
//! journals stay readable: think of an old writer and a new reader. A field added later has a default; a changed meaning
//! or a new variant raises [`FORMAT`]. Unknown fields are ignored.
//!
//! Pure: a large body is named in the record and handed back to the caller, who keeps it in the blob store.
//!
//! Invariant: every body in a record is the bytes its digest names; this is checked when it is written.

mod body;
mod opening;
mod outcome;
mod plan;

use naestro_kernel::{self as kernel, Digest, Millis};
use naestro_policy::port::JournalError;
use serde::{Deserialize, Serialize};

pub(crate) use body::{INLINE, hex, parse_digest};
pub(crate) use outcome::RunOutcome;

use opening::{Amount, Opening};
use outcome::{Class, Outcome};
use plan::Plan;

/// The version of the format written here; records of a newer one are not understood.
pub(crate) const FORMAT: u32 = 1;

/// Why a record could not be written or read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is of a newer format than [`FORMAT`].
    Newer(u32),
    /// It is not what this format says.
    Malformed(String),
    /// A body kept outside the record cannot be had.
    Blob(JournalError),
}

/// Finds the bytes of a body that is kept outside the record.
pub(crate) type Fetch<'a> = &'a dyn Fn(&Digest) -> Result<Vec<u8>, JournalError>;

/// An event in its form on disk.
pub(crate) struct Written {
    /// When it was appended, in milliseconds since the Unix epoch: a column of its own.
    pub(crate) at: u64,
    /// The record: JSON text.
    pub(crate) record: Vec<u8>,
    /// The bodies too large for the record, to be kept under their digests.
    pub(crate) large: Vec<kernel::Body>,
    /// How the run ended, where this event says so.
    pub(crate) outcome: Option<kernel::RunOutcome>,
}

/// Brings an event into its form on disk.
///
/// # Errors
/// `Malformed` if a body's digest is not that of its bytes.
pub(crate) fn encode(event: kernel::Event) -> Result<Written, Fault> {
    let outcome = match &event.what {
        kernel::What::Finished { outcome, .. } => Some(*outcome),
        _ => None,
    };
    let mut large = Vec::new();
    let record = Record { v: FORMAT, what: What::from_kernel(event.what, &mut large)? };
    let record = serde_json::to_vec(&record).map_err(|error| Fault::Malformed(error.to_string()))?;
    Ok(Written { at: event.at.0, record, large, outcome })
}

/// Reads an event back.
///
/// # Errors
/// `Newer` for a record of a newer format, `Malformed` for one that is none, `Blob` where a large body cannot be had.
pub(crate) fn decode(at: u64, record: &[u8], fetch: Fetch<'_>) -> Result<kernel::Event, Fault> {
    let record: Record = serde_json::from_slice(record).map_err(|error| explain(record, &error))?;
    if record.v > FORMAT {
        return Err(Fault::Newer(record.v));
    }
    Ok(kernel::Event { at: Millis(at), what: record.what.into_kernel(fetch)? })
}

/// A record that does not parse is either of a newer format or damaged.
fn explain(record: &[u8], error: &serde_json::Error) -> Fault {
    match serde_json::from_slice::<Version>(record) {
        Ok(Version { v }) if v > FORMAT => Fault::Newer(v),
        _ => Fault::Malformed(error.to_string()),
    }
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Serialize, Deserialize)]
struct Record {
    v: u32,
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Opened(Box<Opening>),
    Forked { run: String, parent: String, index: u64 },
    Planned(Plan),
    Intended { unit: u32, attempt: u32, effect: String, class: Class, label: String, reason: String },
    Denied { unit: u32, label: String, reason: String, hint: String },
    Asked(Question),
    Answered { question: u32, choice: body::Body, by: String },
    Done { unit: u32, outcome: Outcome },
    Reserved(Amount),
    Woke {},
    Signalled { signal: Signal },
    Resumed { crashed: bool, interactive: bool },
    Finished { outcome: RunOutcome, summary: body::Body },
}

impl What {
    fn from_kernel(what: kernel::What, large: &mut Vec<kernel::Body>) -> Result<Self, Fault> {
        Ok(match what {
            kernel::What::Opened(opening) => Self::Opened(Box::new(Opening::from_kernel(*opening))),
            kernel::What::Forked { run, parent, index } => Self::Forked { run: run.to_string(), parent: parent.to_string(), index },
            kernel::What::Planned(plan) => Self::Planned(Plan::from_kernel(plan, large)?),
            kernel::What::Intended { unit, attempt, effect, class, label, reason } => {
                Self::Intended { unit: unit.0, attempt, effect: hex(&effect), class: class.into(), label, reason }
            }
            kernel::What::Denied { unit, label, reason, hint } => Self::Denied { unit: unit.0, label, reason, hint },
            kernel::What::Asked(question) => Self::Asked(Question::from_kernel(question)),
            kernel::What::Answered { question, choice, by } => {
                Self::Answered { question: question.0, choice: body::Body::from_kernel(choice, large)?, by }
            }
            kernel::What::Done { unit, outcome } => Self::Done { unit: unit.0, outcome: Outcome::from_kernel(outcome, large)? },
            kernel::What::Reserved(amount) => Self::Reserved(amount.into()),
            kernel::What::Woke => Self::Woke {},
            kernel::What::Signalled(signal) => Self::Signalled { signal: signal.into() },
            kernel::What::Resumed { crashed, interactive } => Self::Resumed { crashed, interactive },
            kernel::What::Finished { outcome, summary } => {
                Self::Finished { outcome: outcome.into(), summary: body::Body::from_kernel(summary, large)? }
            }
        })
    }

    fn into_kernel(self, fetch: Fetch<'_>) -> Result<kernel::What, Fault> {
        use kernel::{QuestionId, UnitId};
        Ok(match self {
            Self::Opened(opening) => kernel::What::Opened(Box::new(opening.into_kernel()?)),
            Self::Forked { run, parent, index } => {
                kernel::What::Forked { run: body::parse_run(&run)?, parent: body::parse_run(&parent)?, index }
            }
            Self::Planned(plan) => kernel::What::Planned(plan.into_kernel(fetch)?),
            Self::Intended { unit, attempt, effect, class, label, reason } => {
                let effect = parse_digest(&effect)?;
                kernel::What::Intended { unit: UnitId(unit), attempt, effect, class: class.into(), label, reason }
            }
            Self::Denied { unit, label, reason, hint } => kernel::What::Denied { unit: UnitId(unit), label, reason, hint },
            Self::Asked(question) => kernel::What::Asked(question.into_kernel()?),
            Self::Answered { question, choice, by } => {
                kernel::What::Answered { question: QuestionId(question), choice: choice.into_kernel(fetch)?, by }
            }
            Self::Done { unit, outcome } => kernel::What::Done { unit: UnitId(unit), outcome: outcome.into_kernel(fetch)? },
            Self::Reserved(amount) => kernel::What::Reserved(amount.into()),
            Self::Woke {} => kernel::What::Woke,
            Self::Signalled { signal } => kernel::What::Signalled(signal.into()),
            Self::Resumed { crashed, interactive } => kernel::What::Resumed { crashed, interactive },
            Self::Finished { outcome, summary } => kernel::What::Finished { outcome: outcome.into(), summary: summary.into_kernel(fetch)? },
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Question {
    id: u32,
    step: Option<String>,
    unit: Option<u32>,
    effect: Option<String>,
    text: String,
    detail: String,
    choices: Vec<String>,
}

impl Question {
    fn from_kernel(question: kernel::Question) -> Self {
        let kernel::Question { id, step, unit, effect, text, detail, choices } = question;
        let (step, unit) = (step.map(|step| step.0), unit.map(|unit| unit.0));
        Self { id: id.0, step, unit, effect: effect.as_ref().map(hex), text, detail, choices }
    }

    fn into_kernel(self) -> Result<kernel::Question, Fault> {
        let Self { id, step, unit, effect, text, detail, choices } = self;
        let (id, step, unit) = (kernel::QuestionId(id), step.map(kernel::StepId), unit.map(kernel::UnitId));
        let effect = effect.as_deref().map(parse_digest).transpose()?;
        Ok(kernel::Question { id, step, unit, effect, text, detail, choices })
    }
}

/// Makes an enum without fields that mirrors the kernel's, variant by variant.
macro_rules! mirror {
    ($visibility:vis enum $name:ident { $($variant:ident),+ $(,)? }) => {
        #[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        $visibility enum $name { $($variant),+ }

        impl From<naestro_kernel::$name> for $name {
            fn from(value: naestro_kernel::$name) -> Self {
                match value { $(naestro_kernel::$name::$variant => Self::$variant),+ }
            }
        }

        impl From<$name> for naestro_kernel::$name {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant),+ }
            }
        }
    };
    ($visibility:vis struct $name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        $visibility struct $name { $($field: $type),+ }

        impl From<naestro_kernel::$name> for $name {
            fn from(value: naestro_kernel::$name) -> Self {
                let naestro_kernel::$name { $($field),+ } = value;
                Self { $($field),+ }
            }
        }

        impl From<$name> for naestro_kernel::$name {
            fn from(value: $name) -> Self {
                let $name { $($field),+ } = value;
                Self { $($field),+ }
            }
        }
    };
}
use mirror;

mirror!(
    enum Signal {
        Cancel,
        Suspend,
    }
);

#[cfg(test)]
mod tests;
