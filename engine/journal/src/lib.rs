//! What did happen: the event log and the content store, in one folder.
//!
//! `journal.db` (SQLite, WAL) holds runs, their events, leases, letters and small blobs; `blobs/` holds large ones;
//! `checkpoint` says, outside the database, how far every run had come. Processes that share the folder talk to each other
//! through it alone: a run is appended to by its one owner, and read by anyone.
//!
//! Invariant: no SQL, no file name and no number of SQLite's leaves this crate; what goes to disk is made by `record` alone.

mod append;
mod blob;
mod chain;
mod checkpoint;
mod error;
mod journal;
mod lease;
mod notary;
mod read;
mod record;
mod retain;
mod schema;
mod stats;
mod verify;
mod writer;

pub use journal::SqliteJournal;
pub use stats::Stats;

#[cfg(test)]
mod tests;
