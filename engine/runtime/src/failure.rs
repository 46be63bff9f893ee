//! Other crates' errors as callers hear them.

use naestro_api::{Error, ErrorCode};
use naestro_kernel::Invalid;
use naestro_policy::port::JournalError;

/// What to do where the state directory cannot be written.
pub(crate) const STATE_HINT: &str = "free space on, or make writable, the disk that holds the state directory; `naestro doctor` names it";

/// A journal error with its code and its next step.
pub(crate) fn of_journal(error: &JournalError) -> Error {
    let message = error.to_string();
    match error {
        JournalError::Unavailable(_) => Error::new(ErrorCode::JournalUnavailable, message).hint(STATE_HINT),
        JournalError::Corrupt { .. } => {
            Error::new(ErrorCode::JournalCorrupt, message).hint("`naestro trace verify` lists everything that is damaged")
        }
        JournalError::Newer(_) => {
            Error::new(ErrorCode::JournalUnavailable, message).hint("use the newer naestro, or another state directory by NAESTRO_HOME")
        }
        JournalError::Owned { .. } => {
            Error::new(ErrorCode::RunBusy, message).hint("`naestro cancel` ends it; its updates can be read with `naestro trace show`")
        }
        JournalError::Fenced => Error::new(ErrorCode::RunBusy, message),
        JournalError::Unknown(_) => Error::new(ErrorCode::UnknownRun, message).hint("`naestro trace list` shows the runs there are"),
    }
}

/// A plan's faults as one error; each names its step.
pub(crate) fn of_plan(faults: &[Invalid]) -> Error {
    let lines: Vec<String> = faults
        .iter()
        .take(8)
        .map(|fault| match &fault.step {
            Some(step) => format!("step `{step}`: {}", fault.reason),
            None => fault.reason.clone(),
        })
        .collect();
    Error::new(ErrorCode::InvalidPlan, format!("use the plan: {}", lines.join("; ")))
        .hint("`naestro spec plan` prints the plan's JSON Schema")
}

/// There is no run of that id.
pub(crate) fn unknown_run(text: &str) -> Error {
    Error::new(ErrorCode::UnknownRun, format!("find run `{text}`")).hint("`naestro trace list` shows the runs there are")
}
