//! Reads many files on all cores and writes what they say in large transactions.
//!
//! The readers take jobs in order and hand on through a short channel, so that no more lies in memory than is being worked on; the
//! caller's thread alone writes. A number is given when a file is written: numbers grow, as the full-text table wants it.
//!
//! Invariant: what was written stays, even where the rest was cancelled; each file is written whole or not at all.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use naestro_kernel::code::Watch;

use super::reading::{Job, Reading, read};
use super::{Store, Trouble};

/// How much source a transaction takes in, in bytes.
const BATCH: usize = 8 << 20;

/// How many readings may wait to be written.
const WAITING: usize = 8;

/// From so many files on, writing takes memory that is worth giving back.
const MANY: usize = 200;

/// Fewer files than this are read where they are asked for: a thread costs more.
const FEW: usize = 4;

/// Reads the files and writes what is new about them.
///
/// # Errors
/// `Cancelled` where the watch says so; what was done until then is kept.
pub(crate) fn fill(store: &Store, root: &Path, jobs: Vec<Job>, watch: &dyn Watch) -> Result<(), Trouble> {
    let total = jobs.len();
    let mut batch = Batch { store, filled: 0, done: 0, total, watch };
    let written = if total < FEW {
        store.begin().and_then(|()| jobs.into_iter().try_for_each(|job| batch.take(read(root, job)?)))
    } else {
        in_parallel(root, jobs, watch, &mut batch)
    };
    store.end(matches!(written, Ok(()) | Err(Trouble::Cancelled)))?;
    if total >= MANY {
        // Answers need the memory now that writing took.
        store.conn.execute_batch("PRAGMA shrink_memory")?;
    }
    written
}

fn in_parallel(root: &Path, jobs: Vec<Job>, watch: &dyn Watch, batch: &mut Batch<'_>) -> Result<(), Trouble> {
    let readers = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let jobs = Mutex::new(jobs.into_iter());
    let (send, receive) = sync_channel(WAITING);
    batch.store.begin()?;
    thread::scope(|scope| {
        for _ in 0..readers {
            let send = send.clone();
            scope.spawn(|| work(root, &jobs, watch, send));
        }
        drop(send);
        batch.take_all(receive)
    })
}

/// One reader: until there are no jobs, nobody waits, or the writer is gone.
fn work(root: &Path, jobs: &Mutex<std::vec::IntoIter<Job>>, watch: &dyn Watch, send: SyncSender<Result<Reading, Trouble>>) {
    loop {
        let Some(job) = jobs.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
        let reading = if watch.cancelled() { Err(Trouble::Cancelled) } else { read(root, job) };
        let failed = reading.is_err();
        if send.send(reading).is_err() || failed {
            return;
        }
    }
}

struct Batch<'a> {
    store: &'a Store,
    filled: usize,
    done: usize,
    total: usize,
    watch: &'a dyn Watch,
}

impl Batch<'_> {
    /// Takes the receiver along, so that the readers end with it.
    fn take_all(&mut self, readings: Receiver<Result<Reading, Trouble>>) -> Result<(), Trouble> {
        readings.into_iter().try_for_each(|reading| self.take(reading?))
    }

    fn take(&mut self, reading: Reading) -> Result<(), Trouble> {
        if self.watch.cancelled() {
            return Err(Trouble::Cancelled);
        }
        self.filled += self.store.put(reading)?;
        if self.filled > BATCH {
            self.filled = 0;
            self.store.end(true)?;
            self.store.begin()?;
        }
        self.done += 1;
        self.watch.progress(self.done, self.total);
        Ok(())
    }
}
