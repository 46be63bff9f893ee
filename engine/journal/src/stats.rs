//! What the writer counts, so that syncs per step can be told.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the writer has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions committed; each may hold many jobs.
    pub commits: u64,
    /// Jobs answered.
    pub jobs: u64,
    /// Syncs of the log: one for each batch with a barrier.
    pub fsyncs: u64,
    /// Syncs of files of the content store, and of their folders, before such a batch.
    pub blob_fsyncs: u64,
    /// Times the checkpoint file was written, each within a batch with a barrier or after a sync counted below.
    pub notes: u64,
    /// Syncs of the log for a checkpoint file that was put off.
    pub note_fsyncs: u64,
    /// Times the log was copied back into the database; each takes up to three syncs of SQLite's own.
    pub log_checkpoints: u64,
}

/// The same, as it is counted.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) fsyncs: AtomicU64,
    pub(crate) blob_fsyncs: AtomicU64,
    pub(crate) notes: AtomicU64,
    pub(crate) note_fsyncs: AtomicU64,
    pub(crate) log_checkpoints: AtomicU64,
}

impl Counters {
    /// The counts as they are now.
    pub(crate) fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commits: read(&self.commits),
            jobs: read(&self.jobs),
            fsyncs: read(&self.fsyncs),
            blob_fsyncs: read(&self.blob_fsyncs),
            notes: read(&self.notes),
            note_fsyncs: read(&self.note_fsyncs),
            log_checkpoints: read(&self.log_checkpoints),
        }
    }
}
