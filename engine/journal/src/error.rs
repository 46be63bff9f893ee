//! How SQLite's and the file system's errors become the port's.

use naestro_kernel::RunId;
use naestro_policy::port::JournalError;
use rusqlite::ErrorCode;

use crate::record::Fault;

/// Why a job of the writer stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It was refused before it changed anything: the rest of its batch goes on.
    Refused(JournalError),
    /// The disk or the database failed: the whole batch is undone.
    Broken(JournalError),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(sql(&error))
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(io(&error))
    }
}

/// A damaged database is `Corrupt`; everything else SQLite says means that nothing can be done now.
pub(crate) fn sql(error: &rusqlite::Error) -> JournalError {
    let damaged = match error.sqlite_error_code() {
        Some(code) => matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase),
        None => true,
    };
    if damaged { corrupt(None, None, error.to_string()) } else { JournalError::Unavailable(error.to_string()) }
}

/// A file that cannot be read or written.
pub(crate) fn io(error: &std::io::Error) -> JournalError {
    JournalError::Unavailable(error.to_string())
}

/// Something that is not what was written.
pub(crate) fn corrupt(run: Option<RunId>, index: Option<u64>, what: impl Into<String>) -> JournalError {
    JournalError::Corrupt { run, index, what: what.into() }
}

/// A record that cannot be read, by its place.
pub(crate) fn fault(run: RunId, index: Option<u64>, fault: Fault) -> JournalError {
    match fault {
        Fault::Newer(version) => JournalError::Newer(format!("run {run} has a record of format {version}")),
        Fault::Malformed(what) => corrupt(Some(run), index, what),
        Fault::Blob(JournalError::Corrupt { what, .. }) => corrupt(Some(run), index, what),
        Fault::Blob(other) => other,
    }
}

/// What callers hear when the writer thread is gone.
pub(crate) fn gone() -> JournalError {
    JournalError::Unavailable(String::from("the journal's writer has stopped"))
}

impl Stop {
    /// The error, whichever way it stopped the job.
    pub(crate) fn into_error(self) -> JournalError {
        match self {
            Self::Refused(error) | Self::Broken(error) => error,
        }
    }
}
