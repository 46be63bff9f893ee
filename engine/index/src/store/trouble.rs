//! Why the store cannot do what it should, told apart by what helps.
//!
//! Invariant: damage never reaches who asked; it is answered by making the database anew.

use naestro_kernel::code::Fault;
use rusqlite::ErrorCode;

/// Why the store cannot do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The database holds what it should not: it is to be made anew.
    Damaged(String),
    /// Something cannot be read or written: a lowercase fragment that fits "failed to ...".
    Unavailable(String),
    /// Nobody waits any more.
    Cancelled,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let damaged = match &error {
            rusqlite::Error::SqliteFailure(failure, _) => {
                matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation)
                    || failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ
                    // No such table or column: the schema is not ours.
                    || failure.code == ErrorCode::Unknown
            }
            rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::SqlInputError { .. } => true,
            _ => false,
        };
        if damaged { Self::Damaged(error.to_string()) } else { Self::Unavailable(format!("use the index: {error}")) }
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Damaged(what) => Self::Unavailable(format!("read the index: {what}")),
            Trouble::Unavailable(what) => Self::Unavailable(what),
            Trouble::Cancelled => Self::Cancelled,
        }
    }
}
