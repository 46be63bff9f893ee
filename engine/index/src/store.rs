//! What is known about one repository, in a SQLite file of its own that can always be made anew.
//!
//! - `schema`: the tables, and how a connection is made; `trouble`: why something cannot be done.
//! - `lock`: one process at a time brings the file up to date.
//! - `reading`: what one file says, read and parsed; `words`: the form of its full text.
//! - `fill`: reads many files on all cores and writes them in large transactions.
//! - `write`, `read`: the statements; [`Snapshot`] answers [`crate::Facts`] from one consistent state.
//!
//! A file number stands for one content of one file and is never given twice, so what is known under it never changes.
//!
//! Invariant: nothing is kept here that the files and the git repository do not say themselves.

mod fill;
mod lock;
mod near;
mod read;
mod reading;
mod schema;
mod trouble;
mod words;
mod write;

pub(crate) use fill::fill;
pub(crate) use lock::Lock;
pub(crate) use read::{Decoded, Snapshot};
pub(crate) use reading::Job;
pub(crate) use schema::{Store, discard};
pub(crate) use trouble::Trouble;
pub(crate) use write::{Folder, Held, Known, absolute};
