//! How far a folder's code is read, told to whoever waits for it: to a caller, or to the runs about that folder.
//!
//! Invariant: what takes a moment is not told, and what takes longer is told a few times a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use naestro_api::{Progress, Update, UpdateBody};
use naestro_kernel::RunId;
use naestro_kernel::code::{Affected, Change, Citation, Code, Evidence, Fault, Target, Watch};
use tokio::sync::mpsc::UnboundedSender;

use crate::engine::lock;

/// How long nothing is said, and how long between one word and the next.
const PATIENCE: Duration = Duration::from_millis(300);
const PACE: Duration = Duration::from_millis(200);

/// A caller that waits for an answer; it gives up by dropping the [`GivesUp`] that goes with it.
pub(crate) struct Waiting {
    given_up: Arc<AtomicBool>,
    progress: Option<Progress>,
    pace: Pace,
}

/// Gives up the answer when it is dropped.
pub(crate) struct GivesUp(Arc<AtomicBool>);

/// The runs that may wait for a folder, by id.
#[derive(Clone, Default)]
pub(crate) struct Listeners(Arc<Mutex<BTreeMap<RunId, Listener>>>);

/// A run and the folder it is about.
struct Listener {
    root: String,
    updates: UnboundedSender<Update>,
}

/// What knows the code, with its progress told to the runs about the folder.
pub(crate) struct ReadAloud {
    pub(crate) code: Arc<dyn Code>,
    pub(crate) listeners: Listeners,
}

/// When the next word is due.
struct Pace {
    next: Mutex<Instant>,
}

/// Passes on to the one who asked, and tells the runs.
struct Aloud<'a> {
    watch: &'a dyn Watch,
    listeners: &'a Listeners,
    root: &'a str,
    pace: Pace,
}

impl Waiting {
    /// A caller, and what gives up in its stead when the caller goes away.
    pub(crate) fn new(progress: Option<Progress>) -> (Self, GivesUp) {
        let given_up = Arc::new(AtomicBool::new(false));
        (Self { given_up: Arc::clone(&given_up), progress, pace: Pace::new() }, GivesUp(given_up))
    }
}

impl Watch for Waiting {
    fn progress(&self, done: usize, total: usize) {
        if let Some(Progress(tell)) = self.progress.as_ref().filter(|_| self.pace.is_due()) {
            tell(done, total);
        }
    }

    fn cancelled(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Listeners {
    /// A run begins to listen for what is read of that folder.
    pub(crate) fn enter(&self, run: RunId, root: String, updates: UnboundedSender<Update>) {
        lock(&self.0).insert(run, Listener { root, updates });
    }

    /// A run has ended.
    pub(crate) fn leave(&self, run: RunId) {
        lock(&self.0).remove(&run);
    }

    fn tell(&self, root: &str, done: usize, total: usize) {
        for (run, listener) in lock(&self.0).iter().filter(|(_, listener)| listener.root == root) {
            // A caller that has gone away does not hear it.
            let _ = listener.updates.send(Update { run: run.to_string(), seq: None, body: UpdateBody::Reading { done, total } });
        }
    }
}

impl Code for ReadAloud {
    fn evidence(&self, root: &str, target: &Target, watch: &dyn Watch) -> Result<Evidence, Fault> {
        self.code.evidence(root, target, &self.aloud(root, watch))
    }

    fn holds(&self, root: &str, citations: &[Citation]) -> Vec<bool> {
        self.code.holds(root, citations)
    }

    fn affected(&self, root: &str, change: &Change, watch: &dyn Watch) -> Result<Affected, Fault> {
        self.code.affected(root, change, &self.aloud(root, watch))
    }
}

impl ReadAloud {
    fn aloud<'a>(&'a self, root: &'a str, watch: &'a dyn Watch) -> Aloud<'a> {
        Aloud { watch, listeners: &self.listeners, root, pace: Pace::new() }
    }
}

impl Watch for Aloud<'_> {
    fn progress(&self, done: usize, total: usize) {
        self.watch.progress(done, total);
        if self.pace.is_due() {
            self.listeners.tell(self.root, done, total);
        }
    }

    fn cancelled(&self) -> bool {
        self.watch.cancelled()
    }
}

impl Pace {
    fn new() -> Self {
        Self { next: Mutex::new(Instant::now() + PATIENCE) }
    }

    fn is_due(&self) -> bool {
        let now = Instant::now();
        let mut next = lock(&self.next);
        let due = now >= *next;
        if due {
            *next = now + PACE;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_goes_away_gives_up() {
        let (waiting, gives_up) = Waiting::new(None);
        assert!(!waiting.cancelled());
        drop(gives_up);
        assert!(waiting.cancelled());
    }

    #[test]
    fn what_takes_a_moment_is_not_told_and_what_takes_longer_not_too_often() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let (waiting, _gives_up) = Waiting::new(Some(Progress(Arc::new(move |done, total| lock(&tell).push((done, total))))));
        waiting.progress(1, 9);
        *lock(&waiting.pace.next) = Instant::now();
        waiting.progress(2, 9);
        waiting.progress(3, 9);
        assert_eq!(*lock(&told), [(2, 9)]);
    }

    #[test]
    fn only_runs_about_the_folder_hear_of_it() {
        let listeners = Listeners::default();
        let (updates, mut heard) = tokio::sync::mpsc::unbounded_channel();
        listeners.enter(RunId([1; 16]), String::from("/a"), updates.clone());
        listeners.enter(RunId([2; 16]), String::from("/b"), updates);
        listeners.tell("/b", 1, 2);
        assert_eq!(heard.try_recv().ok().map(|update| update.run), Some(RunId([2; 16]).to_string()));
        assert!(heard.try_recv().is_err());
        listeners.leave(RunId([2; 16]));
        listeners.tell("/b", 2, 2);
        assert!(heard.try_recv().is_err());
    }
}
