//! An attempt: one run's private view of the user's folder, and what was changed in it.
//!
//! `attempts/<run>/` holds `lock` (locked while its process lives), `base` (the base tree, for a later process), the
//! overlay's `upper` and `work`, one more pair per cache, the `stage` of contents to write, and `copy` where the attempt is
//! a plain copy.
//!
//! Invariant: what is in the content store suffices to build every checkpoint's changes and to undo them: the new and the
//! base's content of each changed file are put there before the checkpoint is named.

mod caches;
mod place;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use naestro_kernel::Digest;
use naestro_policy::digest_bytes;
use naestro_policy::port::Contents;

use crate::fault::{Outcome, at, permanent, store, transient};
use crate::hands::Hands;
use crate::hands::frame::{Ask, Change, Said, Written, Wrong};
use crate::tree::layer::{Layers, Read};
use crate::tree::rules::Rules;
use crate::tree::scan::Place as Folder;
use crate::tree::stats::{Stats, content};
use crate::tree::{Delta, Entry, Manifest, escaped};

pub(crate) use place::{Attempts, Private, Wanted};

/// An open workspace.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The base tree's digest.
    pub base: Digest,
    /// The isolation it has, in words.
    pub level: String,
    /// Calls that may change the workspace take it alone.
    pub turn: tokio::sync::RwLock<()>,
    tree: Manifest,
    rules: Rules,
    private: Private,
    hands: Mutex<Arc<Hands>>,
    state: Mutex<State>,
}

/// Where the attempt stands.
#[derive(Debug)]
struct State {
    /// The last checkpoint.
    tree: Digest,
    /// How it differs from the base.
    delta: Delta,
    /// What its changed files looked like.
    stats: Stats,
}

impl Attempt {
    /// An attempt upon `tree`, whose hands are at work.
    pub(crate) fn new((private, hands): (Private, Hands), base: Digest, tree: Manifest, rules: Rules) -> Self {
        let state = State { tree: base, delta: Delta::new(), stats: Stats::default() };
        let level = private.level();
        let turn = tokio::sync::RwLock::new(());
        Self { base, level, turn, tree, rules, private, hands: Mutex::new(Arc::new(hands)), state: Mutex::new(state) }
    }

    /// Asks the hands.
    ///
    /// # Errors
    /// Why there is no answer. Hands that ended are replaced first; nothing that was changed is lost with them.
    pub(crate) async fn ask(self: &Arc<Self>, ask: Ask) -> Result<Said, Wrong> {
        let hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !hands.is_gone() {
            return hands.ask(ask).await;
        }
        let attempt = self.clone();
        let started = tokio::task::spawn_blocking(move || attempt.restart()).await;
        let hands = started.map_err(|error| Wrong::Broken(error.to_string()))?.map_err(|failure| Wrong::Broken(failure.message))?;
        hands.ask(ask).await
    }

    /// Stores what was changed since the last checkpoint; `None` if nothing was. Blocks.
    ///
    /// # Errors
    /// The failure, naming what could not be read or stored.
    pub(crate) fn checkpoint(&self, contents: &dyn Contents) -> Outcome<Option<Digest>> {
        let mut state = self.state();
        let (delta, mut read) = self.changed(&mut state)?;
        if delta == state.delta {
            return Ok(None);
        }
        for (path, entry) in &delta {
            if state.delta.get(path) != Some(entry) {
                self.keep(contents, path, entry.as_ref(), &mut read)?;
            }
        }
        let tree = contents.put(&self.tree.with(&delta).encode()).map_err(store)?;
        (state.delta, state.tree) = (delta, tree);
        Ok(Some(tree))
    }

    /// Brings the workspace back to its last checkpoint.
    ///
    /// # Errors
    /// The failure, if the tree's content is missing or could not be written.
    pub(crate) async fn undo(self: &Arc<Self>, contents: &Arc<dyn Contents>) -> Outcome<()> {
        let tree = self.state().tree;
        self.restore(tree, contents).await
    }

    /// Brings the workspace to the tree `digest`.
    ///
    /// # Errors
    /// The failure, if the tree's content is missing or could not be written.
    pub(crate) async fn restore(self: &Arc<Self>, digest: Digest, contents: &Arc<dyn Contents>) -> Outcome<()> {
        let (attempt, store) = (self.clone(), contents.clone());
        let plan = move || attempt.plan(digest, &*store);
        let (goal, changes) = tokio::task::spawn_blocking(plan).await.map_err(|error| transient(error.to_string(), ""))??;
        if !changes.is_empty() {
            self.ask(Ask::Apply(changes)).await.map_err(|wrong| told(wrong, "restore the workspace"))?;
        }
        let mut state = self.state();
        (state.tree, state.delta) = (digest, self.tree.delta(&goal));
        Ok(())
    }

    /// Ends the workspace: its processes, then its private files. Blocks.
    pub(crate) fn close(&self) {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner).end();
        self.private.remove();
    }

    fn restart(&self) -> Outcome<Arc<Hands>> {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        if hands.is_gone() {
            *hands = Arc::new(self.private.start()?);
        }
        Ok(hands.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the workspace differs from the base now. A file whose content is that of the last checkpoint keeps its entry there.
    fn changed(&self, state: &mut State) -> Outcome<(Delta, Read)> {
        let (mut delta, read) = match self.private.copy() {
            None => {
                let layers = Layers { upper: &self.private.upper(), lower: self.private.lower(), base: &self.tree, rules: &self.rules };
                layers.delta(&mut state.stats)?
            }
            Some(root) => {
                let scan = Folder::copy(root, &self.private.checkout, &self.tree).scan(&mut state.stats)?;
                (self.tree.delta(&scan.tree), Read::new())
            }
        };
        for (path, entry) in &mut delta {
            if let (Some(now), Some(Some(then))) = (entry.as_mut(), state.delta.get(path))
                && now.same(then)
            {
                *now = *then;
            }
        }
        Ok((delta, read))
    }

    /// Puts what a changed file holds, and what it held in the base, into the content store.
    fn keep(&self, contents: &dyn Contents, path: &PathBuf, now: Option<&Entry>, read: &mut Read) -> Outcome<()> {
        if let Some(entry) = now {
            let root = self.private.copy().map_or_else(|| self.private.upper(), ToOwned::to_owned);
            put(contents, entry, || read.remove(path).map_or_else(|| content(&root.join(path), entry.kind), Ok))
                .map_err(at("keep", path))?;
        }
        if let Some(entry) = self.tree.entries.get(path) {
            put(contents, entry, || content(&self.private.lower().join(path), entry.kind)).map_err(at("keep", path))?;
        }
        Ok(())
    }

    /// The changes that lead from what the workspace holds to the tree `digest`, with their contents staged.
    fn plan(&self, digest: Digest, contents: &dyn Contents) -> Outcome<(Manifest, Vec<Change>)> {
        let goal = if digest == self.base { self.tree.clone() } else { Manifest::load(contents, &digest)? };
        let now = {
            let mut state = self.state();
            let (delta, _) = self.changed(&mut state)?;
            self.tree.with(&delta)
        };
        let delta = now.delta(&goal);
        let (gone, written): (Vec<_>, Vec<_>) = delta.into_iter().partition(|(_, entry)| entry.is_none());
        let mut changes: Vec<Change> = gone.iter().map(|(path, _)| Change { path: escaped(path), write: None }).collect();
        for (path, entry) in written.into_iter().filter_map(|(path, entry)| Some((path, entry?))) {
            let staged = self.stage(&path, &entry, contents)?;
            let write = Written { mode: entry.kind.mode().into(), staged, mtime: entry.mtime };
            changes.push(Change { path: escaped(&path), write: Some(write) });
        }
        Ok((goal, changes))
    }

    fn stage(&self, path: &PathBuf, entry: &Entry, contents: &dyn Contents) -> Outcome<String> {
        let name = entry.digest.to_string();
        let bytes = if self.tree.entries.get(path).is_some_and(|base| base.same(entry)) {
            content(&self.private.lower().join(path), entry.kind).map_err(at("read the base's", path))?
        } else {
            contents.get(&entry.digest).map_err(store)?
        };
        let file = self.private.stage().join(&name);
        std::fs::write(&file, bytes).map_err(at("write", &file))?;
        Ok(name)
    }
}

/// Turns what the hands could not do into a failure.
pub(crate) fn told(wrong: Wrong, what: &str) -> naestro_kernel::Failure {
    match wrong {
        Wrong::TimedOut => crate::fault::timed_out(format!("{what} in the time it was given")),
        Wrong::Cancelled => permanent(format!("{what}: it was cancelled"), ""),
        Wrong::Broken(why) => transient(format!("{what}: {why}"), ""),
    }
}

fn put(contents: &dyn Contents, entry: &Entry, bytes: impl FnOnce() -> std::io::Result<Vec<u8>>) -> Result<(), String> {
    if contents.has(&entry.digest) {
        return Ok(());
    }
    let bytes = bytes().map_err(|error| error.to_string())?;
    if digest_bytes(&bytes) != entry.digest {
        return Err("it changed while it was read".into());
    }
    contents.put(&bytes).map(|_| ()).map_err(|error| error.to_string())
}
