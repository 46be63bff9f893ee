//! One root: where its database lies, the connections to it, and the way from a question to an answer.
//!
//! Invariant: whoever writes, or removes the database, holds the lock; a connection to a database that was removed is not used.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use naestro_kernel::code::{Fault, Watch};

use super::hearing::Hearing;
use super::refresh::{Seen, refresh};
use crate::history::Past;
use crate::store::{Decoded, Lock, Snapshot, Store, Trouble, discard};

/// Connections that are kept for the next answer.
const KEPT: usize = 4;

/// The longest readable part of a database's name.
const READABLE: usize = 40;

/// Answers from a state and its history.
pub(super) type Answer<'a, T> = &'a dyn Fn(&Snapshot, &Past<'_>) -> Result<T, Fault>;

/// A folder whose code is known.
pub(super) struct Root {
    path: PathBuf,
    database: PathBuf,
    lock: PathBuf,
    /// Which database all that is in memory is of.
    made: Mutex<String>,
    stores: Mutex<Vec<Store>>,
    decoded: Mutex<Arc<Decoded>>,
    seen: Mutex<Seen>,
    hearing: Mutex<Hearing>,
}

impl Root {
    /// The root at a canonical path, with its database in `home`.
    pub(super) fn new(home: &Path, path: PathBuf) -> Self {
        let name = name(&path);
        Self {
            database: home.join(format!("{name}.db")),
            lock: home.join(format!("{name}.lock")),
            path,
            made: Mutex::default(),
            stores: Mutex::default(),
            decoded: Mutex::default(),
            seen: Mutex::default(),
            hearing: Mutex::default(),
        }
    }

    /// Lets `answer` ask about the state of now; once more where the database is found to be damaged.
    ///
    /// The files it is `about` are looked at even where nothing was heard of them.
    pub(super) fn ask<T>(&self, about: &[&str], watch: &dyn Watch, answer: Answer<'_, T>) -> Result<T, Fault> {
        match self.attempt(about, watch, answer) {
            Err(Trouble::Damaged(why)) => {
                tracing::warn!("the index of {} is made anew: {why}", self.path.display());
                self.forget(watch)?;
                self.attempt(about, watch, answer)?
            }
            other => other?,
        }
    }

    fn attempt<T>(&self, about: &[&str], watch: &dyn Watch, answer: Answer<'_, T>) -> Result<Result<T, Fault>, Trouble> {
        let snapshot = self.snapshot(about, watch)?;
        let answered = answer(&snapshot, &Past::new(&self.path, &snapshot));
        let store = snapshot.end()?;
        let mut stores = lock(&self.stores);
        if stores.len() < KEPT {
            stores.push(store);
        }
        Ok(answered)
    }

    /// The state of now.
    fn snapshot(&self, about: &[&str], watch: &dyn Watch) -> Result<Snapshot, Trouble> {
        let _turn = Lock::hold(&self.lock, watch)?;
        let store = self.store()?;
        let (mut seen, mut hearing) = (lock(&self.seen), lock(&self.hearing));
        let mut suspects = hearing.suspects();
        if let Some(suspects) = &mut suspects {
            suspects.extend(about.iter().map(|path| path.as_bytes().to_vec()));
        }
        match refresh(&store, &self.path, &mut seen, suspects.as_ref(), watch) {
            Ok(fresh) => hearing.looked(&self.path, || seen.known(&store), &fresh)?,
            Err(trouble) => {
                hearing.missed();
                return Err(trouble);
            }
        }
        Snapshot::begin(store, Arc::clone(&lock(&self.decoded)))
    }

    fn store(&self) -> Result<Store, Trouble> {
        let kept = lock(&self.stores).pop().filter(|store| store.is_at(&self.database));
        let store = kept.map_or_else(|| Store::open(&self.database), Ok)?;
        let made = store.made()?;
        if *lock(&self.made) != made {
            // Another process made the database anew, or it is the first time: what is in memory speaks of other numbers.
            self.start_over();
            *lock(&self.made) = made;
        }
        Ok(store)
    }

    /// Removes the database, for the next answer to make it anew.
    fn forget(&self, watch: &dyn Watch) -> Result<(), Trouble> {
        let _turn = Lock::hold(&self.lock, watch)?;
        self.start_over();
        discard(&self.database)
    }

    /// Lets go of what costs something while nobody asks.
    pub(super) fn rest(&self) {
        // Who holds it is just asking.
        if let Ok(mut hearing) = self.hearing.try_lock() {
            hearing.rest();
        }
    }

    fn start_over(&self) {
        lock(&self.stores).clear();
        *lock(&self.decoded) = Arc::default();
        *lock(&self.seen) = Seen::default();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name for a root's files: readable, and its own.
fn name(root: &Path) -> String {
    let readable = root.file_name().unwrap_or(OsStr::new("root")).to_string_lossy();
    let readable: String = readable.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).take(READABLE).collect();
    let hash = blake3::hash(root.as_os_str().as_bytes()).to_hex();
    format!("{readable}-{}", &hash[..16])
}
