//! The port [`Code`], answered from an index that is brought up to date first.
//!
//! One answer: take the lock, look at the disk ([`crate::scan`]), read what differs ([`crate::store`]), hold on to that state, let go
//! of the lock, and ask. Where the database turns out to be damaged it is removed, and all of it is done once more.
//!
//! Invariant: an answer never speaks of older bytes than were on disk when it was asked for.

mod hearing;
mod refresh;
mod root;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use naestro_kernel::code::{Affected, Change, Citation, Code, Evidence, Fault, Target, Watch};

use crate::history::Past;
use crate::store::Snapshot;
use root::Root;

/// Knows the code of folders, each by a database of its own in the state directory.
pub struct Index {
    home: PathBuf,
    roots: Mutex<BTreeMap<PathBuf, Arc<Root>>>,
}

impl Index {
    /// An index that keeps its databases in `home/index`. Opens nothing yet.
    #[must_use]
    pub fn new(home: PathBuf) -> Self {
        Self { home, roots: Mutex::default() }
    }

    /// Lets `answer` ask about the root as it is now; the files it is `about` are looked at in any case.
    fn ask<T>(
        &self,
        root: &str,
        about: &[&str],
        watch: &dyn Watch,
        answer: impl Fn(&Snapshot, &Past<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.root(root)?.ask(about, watch, &answer)
    }

    fn root(&self, root: &str) -> Result<Arc<Root>, Fault> {
        let path = Path::new(root).canonicalize().map_err(|error| Fault::Unavailable(format!("find the folder {root}: {error}")))?;
        if !path.is_dir() {
            return Err(Fault::Unavailable(format!("read {root}: it is no folder")));
        }
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        roots.values().for_each(|root| root.rest());
        let root = roots.entry(path.clone()).or_insert_with(|| Arc::new(Root::new(&self.home.join("index"), path)));
        Ok(Arc::clone(root))
    }
}

impl Code for Index {
    fn evidence(&self, root: &str, target: &Target, watch: &dyn Watch) -> Result<Evidence, Fault> {
        let about = match target {
            Target::Path(path) | Target::Place { path, .. } | Target::Member { path, .. } => Some(path.as_str()),
            Target::Symbol(_) | Target::Commit(_) | Target::Diff | Target::Test(_) => None,
        };
        self.ask(root, about.as_slice(), watch, |facts, history| crate::evidence::evidence(facts, history, target, watch))
    }

    fn holds(&self, root: &str, citations: &[Citation]) -> Vec<bool> {
        let Ok(root) = Path::new(root).canonicalize() else { return vec![false; citations.len()] };
        citations.iter().map(|citation| holds(&root, citation)).collect()
    }

    fn affected(&self, root: &str, change: &Change, watch: &dyn Watch) -> Result<Affected, Fault> {
        let about: Vec<&str> = change.files.iter().map(String::as_str).collect();
        self.ask(root, &about, watch, |facts, history| crate::affected::affected(facts, history, change, watch))
    }
}

/// Where a path below the root leads, links resolved; nothing where it leads out of it or nowhere.
pub(crate) fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let found = plain.then(|| root.join(path).canonicalize().ok()).flatten()?;
    found.starts_with(root).then_some(found)
}

/// Whether the file has these very bytes now.
fn holds(root: &Path, citation: &Citation) -> bool {
    // Opening a pipe would wait for someone to write to it.
    let Some(path) = below(root, &citation.path).filter(|path| path.is_file()) else { return false };
    let Ok(file) = File::open(path) else { return false };
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    if citation.start > citation.end || citation.end > size {
        return false;
    }
    let Ok(length) = usize::try_from(citation.end - citation.start) else { return false };
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, citation.start).is_ok() && *blake3::hash(&bytes).as_bytes() == citation.digest.0
}

#[cfg(test)]
mod tests;
