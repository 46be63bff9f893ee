//! Hears from the system what happens below a root, so that a process that lives on looks only where something happened.
//!
//! What the system tells comes later than what it tells of. So whoever asks leaves a mark first: a file in a folder of its own, by
//! the same queue; once the mark is heard of, so is all that happened before it. Where the mark is not heard of in time, where
//! the system lost count, or where it watches no more folders, everything is looked at instead.
//!
//! What is not told: writes through a memory map, and changes another machine makes to a shared disk. The file that is asked
//! about is therefore always looked at, and what is cited is checked against the disk by its reader.
//!
//! Invariant: [`Ears::heard`] names every path at which something happened since the last time it was asked, or nothing at all.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::store::absolute;

/// How long a mark is waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// More paths than this are not kept: looking at everything is as quick then.
const MOST: usize = 10_000;

/// Hears what happens in the folders of a root.
pub(crate) struct Ears {
    watcher: RecommendedWatcher,
    root: PathBuf,
    marks: tempfile::TempDir,
    told: Arc<Told>,
    left: u64,
    used: Instant,
}

#[derive(Default)]
struct Told {
    happened: Mutex<Happened>,
    bell: Condvar,
}

#[derive(Default)]
struct Happened {
    paths: BTreeSet<Vec<u8>>,
    /// Something happened, and it is not known where.
    lost: bool,
    /// The last mark that was heard of.
    mark: u64,
}

impl Ears {
    /// Listens to these folders of the root. Whatever happened until now is not told.
    ///
    /// # Errors
    /// Where the system watches no more folders.
    pub(crate) fn open<'a>(root: &Path, folders: impl Iterator<Item = &'a [u8]>) -> notify::Result<Self> {
        let marks = tempfile::Builder::new().prefix("naestro-marks-").tempdir().map_err(notify::Error::io)?;
        let told = Arc::new(Told::default());
        let (below, listener, place) = (root.to_path_buf(), Arc::clone(&told), marks.path().to_path_buf());
        let mut watcher = notify::recommended_watcher(move |event| listener.hear(&below, &place, event))?;
        watcher.watch(marks.path(), RecursiveMode::NonRecursive)?;
        let mut ears = Self { watcher, root: root.to_path_buf(), marks, told, left: 0, used: Instant::now() };
        ears.follow(folders)?;
        Ok(ears)
    }

    /// Listens to these folders as well. What happened in them until now is not told, and so the next time nothing is.
    pub(crate) fn follow<'a>(&mut self, folders: impl Iterator<Item = &'a [u8]>) -> notify::Result<()> {
        let mut paths = self.watcher.paths_mut();
        let mut any = false;
        for folder in folders {
            match paths.add(&absolute(&self.root, folder), RecursiveMode::NonRecursive) {
                // It went away already, which its parent tells.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                added => added?,
            }
            any = true;
        }
        paths.commit()?;
        if any {
            self.told.lock().lost = true;
        }
        Ok(())
    }

    /// Every path at which something happened since the last time, relative to the root; nothing where that is not known.
    pub(crate) fn heard(&mut self) -> Option<BTreeSet<Vec<u8>>> {
        self.used = Instant::now();
        self.left += 1;
        let mark = self.marks.path().join(self.left.to_string());
        fs::write(&mark, "").ok()?;
        let happened = self.told.lock();
        let waiting = |happened: &mut Happened| happened.mark < self.left && !happened.lost;
        let waited = self.told.bell.wait_timeout_while(happened, PATIENCE, waiting);
        let (mut happened, time) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(fs::remove_file(mark));
        let known = !time.timed_out() && !happened.lost;
        happened.lost = false;
        let paths = std::mem::take(&mut happened.paths);
        known.then_some(paths)
    }

    /// Whether nobody asked for so long.
    pub(crate) fn idle_for(&self, time: Duration) -> bool {
        self.used.elapsed() >= time
    }
}

impl Told {
    fn lock(&self) -> std::sync::MutexGuard<'_, Happened> {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, root: &Path, marks: &Path, event: notify::Result<Event>) {
        let mut happened = self.lock();
        match event {
            Ok(event) if event.need_rescan() => happened.lost = true,
            Ok(event) if is_change(event.kind) => event.paths.iter().for_each(|path| happened.take(root, marks, path)),
            Ok(_) => {}
            Err(_) => happened.lost = true,
        }
        self.bell.notify_all();
    }
}

impl Happened {
    fn take(&mut self, root: &Path, marks: &Path, path: &Path) {
        if let Ok(mark) = path.strip_prefix(marks) {
            let mark = mark.to_str().and_then(|mark| mark.parse().ok());
            self.mark = self.mark.max(mark.unwrap_or(0));
        } else if let Ok(path) = path.strip_prefix(root) {
            self.paths.insert(path.as_os_str().as_bytes().to_vec());
        }
        if self.paths.len() > MOST {
            self.paths.clear();
            self.lost = true;
        }
    }
}

/// Whether bytes or names may be others now; we ourselves open and read files all the time.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
