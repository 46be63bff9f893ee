//! Exit codes, so that a script can tell what happened without reading a word.
//!
//! Invariant: every code the program ends with is one of these; `naestro --help` prints the table.

use naestro_api::{Error, ErrorKind, Outcome};

/// The run succeeded, or the question was answered.
pub(crate) const SUCCEEDED: u8 = 0;
/// The run failed: a step or an acceptance command did. A selector or revision that only the run looks up is a step's failure too.
pub(crate) const FAILED: u8 = 1;
/// The input is wrong; nothing was done. Also what clap ends with.
pub(crate) const USAGE: u8 = 2;
/// The policy or the human refused what the run needed.
pub(crate) const REFUSED: u8 = 3;
/// The run is suspended: it waits for an answer, or was interrupted and can be resumed.
pub(crate) const SUSPENDED: u8 = 4;
/// Something needed is not there or not configured: a model, a disk, a tool.
pub(crate) const UNAVAILABLE: u8 = 5;
/// A bug in Naestro.
pub(crate) const INTERNAL: u8 = 70;
/// Aborted by a second interrupt, or cancelled.
pub(crate) const INTERRUPTED: u8 = 130;

/// The table as `--help` prints it.
pub(crate) const TABLE: &str = "Exit codes:
  0    succeeded
  1    failed: a step, a test or an acceptance command did, or a run found no such test or revision
  2    wrong usage or input; nothing was done
  3    refused by the policy or by you
  4    suspended: waits for an answer (`naestro answer`), or can be resumed (`--resume`)
  5    unavailable: a model, a disk, a tool or the configuration
  70   a bug in Naestro
  130  cancelled, or aborted by a second Ctrl-C";

/// The code for the way a run ended.
pub(crate) fn of_outcome(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded => SUCCEEDED,
        Outcome::Failed => FAILED,
        Outcome::Cancelled => INTERRUPTED,
        Outcome::Suspended => SUSPENDED,
        Outcome::Refused => REFUSED,
    }
}

/// The code for an error that kept a command from doing anything.
pub(crate) fn of_error(error: &Error) -> u8 {
    match error.kind {
        ErrorKind::User => USAGE,
        ErrorKind::Config | ErrorKind::Unavailable => UNAVAILABLE,
        ErrorKind::Policy => REFUSED,
        ErrorKind::Internal => INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use naestro_api::ErrorCode;

    use super::*;

    #[test]
    fn every_code_is_in_the_table_that_help_prints() {
        for code in [SUCCEEDED, FAILED, USAGE, REFUSED, SUSPENDED, UNAVAILABLE, INTERNAL, INTERRUPTED] {
            assert!(TABLE.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))), "{code}");
        }
    }

    #[test]
    fn an_error_ends_the_program_by_whose_move_it_is() {
        let check = |code: ErrorCode, exit: u8| assert_eq!(of_error(&Error::new(code, "")), exit, "{code:?}");
        check(ErrorCode::UnknownRun, USAGE);
        check(ErrorCode::NoModel, UNAVAILABLE);
        check(ErrorCode::JournalUnavailable, UNAVAILABLE);
        check(ErrorCode::Refused, REFUSED);
        check(ErrorCode::Internal, INTERNAL);
    }
}
