//! The writer: the one thread of a process that changes the journal.
//!
//! It takes every job that waits, does them in one transaction and answers after the commit; where one of them is a barrier
//! it syncs the log once for all of them. SQLite itself never syncs here but when the log is copied back into the database,
//! which this thread does when the log has grown, so that every sync can be counted.
//!
//! Invariant: nobody hears `Ok` before the commit, nor a barrier before the sync; after a sync has failed, nothing is written.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use naestro_policy::port::{Answer, JournalError};
use rusqlite::ErrorCode;
use rusqlite::wal::CheckpointMode;

use crate::append::Books;
use crate::error::{Stop, gone, io, sql};
use crate::lease::BEAT;
use crate::notary::Note;
use crate::stats::{Counters, Stats};

/// The most jobs of one transaction.
const BATCH: usize = 256;

/// The length of the log, in pages of 4 KiB, from which it is copied back into the database.
const LONG_LOG: i64 = 1024;

/// What a job needs of the batch it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// It only looks.
    Look,
    /// It writes: a transaction.
    Write,
    /// It writes what must survive a power cut: a transaction, and a sync.
    Barrier,
}

/// The handle to the writer; dropping it lets the writer finish what was submitted, and waits for that.
pub(crate) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    counters: Arc<Counters>,
}

struct Job {
    need: Need,
    work: Work,
}

/// Does the work, or only tells the caller why it is not done.
type Work = Box<dyn FnOnce(Result<&mut Books, JournalError>) -> Reply + Send>;

/// What a job came to, waiting for the commit.
struct Reply {
    need: Need,
    broken: Option<JournalError>,
    send: Box<dyn FnOnce(Result<(), JournalError>)>,
}

impl Writer {
    /// Starts the writer.
    ///
    /// # Errors
    /// `Unavailable` if the log cannot be opened or no thread can be had.
    pub(crate) fn start(books: Books, database: &Path) -> Result<Self, JournalError> {
        let mut log = database.as_os_str().to_os_string();
        log.push("-wal");
        let counters = Arc::new(Counters::default());
        let (jobs, inbox) = channel();
        let desk = Desk::new(books, log.into(), Arc::clone(&counters))?;
        let thread = std::thread::Builder::new().name(String::from("journal")).spawn(move || desk.run(&inbox));
        let thread = Mutex::new(Some(thread.map_err(|error| io(&error))?));
        Ok(Self { jobs: Some(jobs), thread, counters })
    }

    /// Submits a job at once; the future is ready when it is as durable as it needs to be.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        need: Need,
        work: impl FnOnce(&mut Books) -> Result<T, Stop> + Send + 'static,
    ) -> Answer<'static, Result<T, JournalError>> {
        let (sender, answer) = tokio::sync::oneshot::channel();
        // A caller that no longer waits has dropped its end; the job is done all the same.
        self.send(need, work, move |result| drop(sender.send(result)));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(gone())) })
    }

    /// Submits a job and blocks until it is as durable as it needs to be.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        need: Need,
        work: impl FnOnce(&mut Books) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (sender, answer) = sync_channel(1);
        self.send(need, work, move |result| drop(sender.send(result)));
        answer.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// What the writer has done.
    pub(crate) fn stats(&self) -> Stats {
        self.counters.read()
    }

    fn send<T: Send + 'static>(
        &self,
        need: Need,
        work: impl FnOnce(&mut Books) -> Result<T, Stop> + Send + 'static,
        answer: impl FnOnce(Result<T, JournalError>) + Send + 'static,
    ) {
        let work = Box::new(move |books: Result<&mut Books, JournalError>| {
            let (result, broken) = match books.map_err(Stop::Refused).and_then(work) {
                Ok(value) => (Ok(value), None),
                Err(Stop::Refused(error)) => (Err(error), None),
                Err(Stop::Broken(error)) => (Err(error.clone()), Some(error)),
            };
            Reply { need, broken, send: Box::new(move |commit| answer(commit.and(result))) }
        });
        if let Some(jobs) = &self.jobs {
            // If the writer is gone, so is the answer's sender, and the caller hears of that.
            drop(jobs.send(Job { need, work }));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the journal's writer had panicked");
        }
    }
}

/// What the writer's thread works with.
struct Desk {
    books: Books,
    log: File,
    /// The length of the log, in pages, as SQLite told it at the last commit.
    pages: Arc<AtomicI64>,
    /// The length at which the log was copied back last; 0 since it started anew.
    copied_at: i64,
    beaten: Instant,
    /// Why nothing can be written any more.
    failed: Option<JournalError>,
    counters: Arc<Counters>,
}

impl Desk {
    fn new(mut books: Books, log: std::path::PathBuf, counters: Arc<Counters>) -> Result<Self, JournalError> {
        // SQLite makes the log at the first look into the database.
        books
            .data_version()
            .and_then(|_| Ok(books.conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?))
            .map_err(Stop::into_error)?;
        let log = File::open(log).map_err(|error| io(&error))?;
        let pages = Arc::new(AtomicI64::new(0));
        let told = Arc::clone(&pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, pages| {
            told.store(i64::from(pages), Ordering::Relaxed);
            Ok(())
        };
        books.conn.wal_hook(Some(hook)).map_err(|error| sql(&error))?;
        Ok(Self { books, log, pages, copied_at: 0, beaten: Instant::now(), failed: None, counters })
    }

    fn run(mut self, inbox: &Receiver<Job>) {
        // A panic in a job must not leave a lease that looks alive; the callers' answers are dropped with the jobs.
        let panicked = catch_unwind(AssertUnwindSafe(|| self.serve(inbox))).is_err();
        self.books.me.retire();
        if panicked {
            tracing::error!("the journal's writer panicked; nothing more is written");
        }
    }

    fn serve(&mut self, inbox: &Receiver<Job>) {
        loop {
            let first = match self.nap() {
                Some(nap) => inbox.recv_timeout(nap),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(first) => self.batch(first, inbox),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.put_off_note(),
            }
            self.upkeep();
        }
    }

    /// How long may be slept; for good where there is nothing to be done without being asked.
    fn nap(&self) -> Option<Duration> {
        let beat = (!self.books.owned.is_empty()).then(|| BEAT.saturating_sub(self.beaten.elapsed()));
        let note = self.books.notary.due().map(|due| due.saturating_duration_since(Instant::now()));
        [beat, note].into_iter().flatten().min()
    }

    fn batch(&mut self, first: Job, inbox: &Receiver<Job>) {
        let mut jobs = vec![first];
        while jobs.len() < BATCH
            && let Ok(job) = inbox.try_recv()
        {
            jobs.push(job);
        }
        let need = jobs.iter().map(|job| job.need).max().unwrap_or(Need::Look);
        self.counters.jobs.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        let before = self.books.owned.clone();
        let (replies, mut result) = self.transact(need, jobs);
        if result.is_err() {
            self.books.owned = before;
        }
        let (barriers, others): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.need == Need::Barrier);
        others.into_iter().for_each(|reply| (reply.send)(result.clone()));
        let mut note = None;
        if need == Need::Barrier && result.is_ok() {
            self.books.notary.want();
            // Unlinking takes the write lock, whose holder in another process may be waiting for the checkpoint's.
            note = if self.books.doomed.is_empty() { self.draw_up() } else { None };
            self.counters.fsyncs.fetch_add(1, Ordering::Relaxed);
            result = self.sync();
        }
        self.unlink(result.is_ok());
        barriers.into_iter().for_each(|reply| (reply.send)(result.clone()));
        if let (Some(note), Ok(())) = (note, result) {
            self.write_note(&note);
        }
    }

    /// Unlinks the files whose removal was committed and synced, or forgets about them.
    fn unlink(&mut self, removed: bool) {
        if !removed {
            self.books.doomed.clear();
        }
        if let Err(error) = self.books.unlink() {
            tracing::warn!(%error, "failed to remove files that nothing in the journal refers to; the next removal tries again");
        }
    }

    /// The heads for the checkpoint file, if it is due.
    fn draw_up(&mut self) -> Option<Note> {
        let due = self.books.notary.due().is_some_and(|due| due <= Instant::now());
        let note = if due { self.books.notary.draw_up(&self.books.conn) } else { Ok(None) };
        note.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to draw up the journal's checkpoint");
            None
        })
    }

    fn write_note(&mut self, note: &Note) {
        self.counters.notes.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.books.notary.write(note) {
            tracing::warn!(%error, "failed to write the journal's checkpoint");
        }
    }

    /// Writes a checkpoint file that was put off, where one was.
    fn put_off_note(&mut self) {
        if self.books.notary.due().is_none() || self.failed.is_some() {
            return;
        }
        let note = self.books.notary.draw_up(&self.books.conn).unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to draw up the journal's checkpoint");
            None
        });
        if let Some(note) = note {
            self.counters.note_fsyncs.fetch_add(1, Ordering::Relaxed);
            if self.sync().is_ok() {
                self.write_note(&note);
            }
        }
    }

    fn transact(&mut self, need: Need, jobs: Vec<Job>) -> (Vec<Reply>, Result<(), JournalError>) {
        if let Err(error) = self.begin(need) {
            let replies = jobs.into_iter().map(|job| (job.work)(Err(error.clone()))).collect();
            return (replies, Err(error));
        }
        let replies: Vec<Reply> = jobs.into_iter().map(|job| (job.work)(Ok(&mut self.books))).collect();
        let broken = replies.iter().find_map(|reply| reply.broken.clone());
        (replies, self.end(need, broken))
    }

    fn begin(&mut self, need: Need) -> Result<(), JournalError> {
        if need == Need::Look {
            return Ok(());
        }
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.execute("BEGIN IMMEDIATE")
    }

    fn end(&mut self, need: Need, broken: Option<JournalError>) -> Result<(), JournalError> {
        if need == Need::Look {
            return broken.map_or(Ok(()), Err);
        }
        let committed = broken.map_or_else(|| self.execute("COMMIT"), Err);
        self.books.struck = None;
        match &committed {
            Ok(()) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
            }
            // A disk that is full can have ended the transaction already.
            Err(_) if self.books.conn.is_autocommit() => {}
            Err(_) => {
                if let Err(error) = self.execute("ROLLBACK") {
                    self.failed = Some(error);
                }
            }
        }
        committed
    }

    fn execute(&self, sql_text: &str) -> Result<(), JournalError> {
        let done = self.books.conn.prepare_cached(sql_text).and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(|error| sql(&error))
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        let synced = self.books.blobs.sync().and_then(|blobs| {
            self.counters.blob_fsyncs.fetch_add(blobs, Ordering::Relaxed);
            self.log.sync_data()
        });
        // After a failed sync the kernel may have dropped the pages it could not write: no later sync can be believed.
        synced.map_err(|error| self.failed.insert(io(&error)).clone())
    }

    /// What is done without being asked: signs of life, and keeping the log short.
    fn upkeep(&mut self) {
        if !self.books.owned.is_empty() && self.beaten.elapsed() >= BEAT {
            self.beaten = Instant::now();
            if let Err(error) = self.beat() {
                tracing::warn!(%error, "failed to give a sign of life for the runs of this process");
            }
        }
        if self.books.notary.due().is_some_and(|due| due <= Instant::now()) {
            self.put_off_note();
        }
        self.shorten_log();
    }

    fn beat(&mut self) -> Result<(), JournalError> {
        self.begin(Need::Write)?;
        let broken = self.books.beat().err().map(Stop::into_error);
        self.end(Need::Write, broken)
    }

    /// Copies the log back into the database once for every [`LONG_LOG`] pages it has grown by.
    ///
    /// It starts anew with the first write that no reader stands in the way of; until then it only grows.
    fn shorten_log(&mut self) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.copied_at {
            self.copied_at = 0;
        }
        if pages < self.copied_at + LONG_LOG {
            return;
        }
        self.copied_at = pages;
        match self.books.conn.wal_checkpoint_v2(Some("main"), CheckpointMode::PASSIVE) {
            // Another process is copying it.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            Err(error) => tracing::warn!(%error, "failed to copy the journal's log into its database"),
            Ok(_) => {
                self.counters.log_checkpoints.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
