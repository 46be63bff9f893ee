//! Failures as workspaces report them: a kind, a fragment that fits "failed to ...", and what to do next.

use std::path::Path;

use naestro_kernel::{Failure, FailureKind};
use naestro_policy::port::JournalError;

/// The outcome of anything here.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// A failure that trying again does not cure.
pub(crate) fn permanent(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::Permanent, message: message.into(), hint: hint.into(), retry_after: None }
}

/// A failure that trying again may cure.
pub(crate) fn transient(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::Transient, ..permanent(message, hint) }
}

/// The failure of taking too long.
pub(crate) fn timed_out(message: impl Into<String>) -> Failure {
    Failure { kind: FailureKind::TimedOut, ..permanent(message, "allow it more time") }
}

/// Turns an I/O error into a failure that says what was done to which file.
pub(crate) fn at<'a, E: std::fmt::Display>(verb: &'a str, path: &'a Path) -> impl Fn(E) -> Failure + 'a {
    move |error| permanent(format!("{verb} {}: {error}", path.display()), "")
}

/// Turns an error of the content store into a failure.
pub(crate) fn store(error: JournalError) -> Failure {
    let hint = match error {
        JournalError::Unavailable(_) => "make room on the disk that holds the state directory",
        _ => "run `naestro trace verify` to see what the state directory lost",
    };
    permanent(error.to_string(), hint)
}
