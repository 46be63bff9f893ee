//! Opening a workspace: record or recall the base tree, lay an attempt upon its snapshot, bring it to a checkpoint.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use naestro_kernel::Digest;
use naestro_policy::effect::Open;
use naestro_policy::port::Opened;

use super::{Inner, blocking};
use crate::attempt::{Attempt, Wanted};
use crate::fault::{Outcome, at, permanent, store, transient};
use crate::import;
use crate::snapshot::{Origin, Snapshot, lost};
use crate::tree::Manifest;
use crate::tree::scan::{Place, Scan, outside};
use crate::tree::stats::Stats;

/// How often a folder is looked at again that changes while its base tree is recorded.
const LOOKS: u32 = 5;

impl Inner {
    pub(super) async fn open(self: Arc<Self>, open: Open) -> Outcome<Opened> {
        let goal = open.restore;
        let found = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&open.run).cloned();
        let attempt = match found {
            Some(attempt) => {
                if open.base.is_some_and(|base| base != attempt.base) {
                    return Err(permanent("open a workspace twice with different base trees", "close it first"));
                }
                let _turn = attempt.turn.write().await;
                attempt.restore(goal.unwrap_or(attempt.base), &self.contents).await?;
                attempt.clone()
            }
            None => {
                let inner = self.clone();
                let attempt = blocking(move || inner.lay(&open).map(|attempt| (open.run, attempt))).await;
                let (run, attempt) = attempt.map(|(run, attempt)| (run, Arc::new(attempt)))?;
                if let Some(goal) = goal {
                    attempt.restore(goal, &self.contents).await?;
                }
                self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(run, attempt.clone());
                attempt
            }
        };
        Ok(Opened { base: attempt.base, level: attempt.level.clone() })
    }

    /// Lays an attempt upon the base tree.
    fn lay(&self, open: &Open) -> Outcome<Attempt> {
        let checkout = resolve(&open.checkout)?;
        if !self.swept.swap(true, Ordering::Relaxed) {
            self.snapshots.prune(&self.attempts.sweep());
        }
        // Otherwise it would be taken for the user's own files.
        import::tidy_up(&self.home, &checkout)?;
        let base = match open.base {
            Some(digest) => self.recall(&checkout, digest)?,
            None => self.record(&checkout)?,
        };
        let Base { digest, tree, snapshot, caches } = base;
        let rules = outside(&checkout);
        let (plain, exe) = (self.plain, self.exe.clone());
        let wanted = Wanted { run: open.run, checkout, base: digest, snapshot, caches, plain, exe };
        Ok(Attempt::new(self.attempts.make(wanted)?, digest, tree, rules))
    }

    /// Records what the checkout holds now as a base tree, with its snapshot.
    fn record(&self, checkout: &Path) -> Outcome<Base> {
        for _ in 0..LOOKS {
            let Scan { tree, caches } = self.scan(checkout)?;
            let digest = self.contents.put(&tree.encode()).map_err(store)?;
            if let Some(snapshot) = self.hold(checkout, &digest, &tree)? {
                return Ok(Base { digest, tree, snapshot, caches });
            }
        }
        let hint = "wait until what writes to it is done";
        Err(transient(format!("record {}: it changes all the time", checkout.display()), hint))
    }

    /// A base tree recorded earlier, with its snapshot.
    fn recall(&self, checkout: &Path, digest: Digest) -> Outcome<Base> {
        let tree = Manifest::load(&*self.contents, &digest)?;
        let snapshot = self.hold(checkout, &digest, &tree)?.ok_or_else(|| lost(&digest))?;
        Ok(Base { digest, tree, snapshot, caches: self.scan(checkout)?.caches })
    }

    fn hold(&self, checkout: &Path, digest: &Digest, tree: &Manifest) -> Outcome<Option<Snapshot>> {
        self.snapshots.hold(&Origin { digest, tree, checkout, contents: &*self.contents })
    }

    fn scan(&self, checkout: &Path) -> Outcome<Scan> {
        let folder = self.home.join("stats");
        std::fs::create_dir_all(&folder).map_err(at("make", &folder))?;
        let file = folder.join(naestro_policy::digest(checkout).to_string());
        let mut stats = Stats::load(&file);
        let scan = Place::checkout(checkout).scan(&mut stats)?;
        stats.save(&file, &scan.tree).map_err(at("write", &file))?;
        Ok(scan)
    }
}

struct Base {
    digest: Digest,
    tree: Manifest,
    snapshot: Snapshot,
    caches: Vec<PathBuf>,
}

/// The folder itself, without links on the way to it, so that it has one path in all namespaces.
fn resolve(checkout: &str) -> Outcome<PathBuf> {
    let path = Path::new(checkout);
    if !path.is_absolute() {
        return Err(permanent(format!("open a workspace of {checkout:?}: the path is relative"), "give an absolute path"));
    }
    let real = path.canonicalize().map_err(at("open a workspace of", path))?;
    if !real.is_dir() {
        return Err(permanent(format!("open a workspace of {checkout}: it is no folder"), "name an existing folder"));
    }
    if real == Path::new("/") {
        return Err(permanent("open a workspace of the whole file system", "name a folder of your project"));
    }
    Ok(real)
}
