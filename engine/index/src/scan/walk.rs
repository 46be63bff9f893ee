//! Walks the folders of a tree that are to be looked at, by the rules of what is ignored.
//!
//! Ignored: what `.gitignore`, `.ignore`, `.git/info/exclude` and git's global excludes say, with or without git; hidden files and
//! folders; links, so that no loop can be met; other file systems that are mounted below the root; and repositories within the tree (submodules, worktrees, clones): those are seen as
//! folders apart.
//!
//! Invariant: a folder's stamp is taken before its names are read, so that a name that comes meanwhile shows the next time.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use ignore::{DirEntry, WalkBuilder, WalkState};

use super::{find, parent};
use crate::record;
use crate::store::{Folder, Known, Trouble};

/// The stamp of a rule file that is not there.
pub(super) const MISSING: i64 = -1;

/// Which folders are looked at.
pub(super) enum Cover<'a> {
    /// All of them.
    Everything,
    /// Those that changed, and what is new below them.
    Some {
        /// The folders that changed.
        dirty: &'a BTreeSet<&'a [u8]>,
        /// What tells a new folder.
        known: &'a Known,
    },
}

/// What was seen, each in order of paths.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) files: Vec<(Vec<u8>, i64)>,
    pub(super) folders: Vec<(Vec<u8>, Folder)>,
    /// Files that say what is ignored, absolute.
    pub(super) rules: Vec<(Vec<u8>, i64)>,
}

/// Walks the folders of the cover.
pub(super) fn walk(root: &Path, cover: &Cover<'_>) -> Result<Walked, Trouble> {
    fs::read_dir(root).map_err(|error| Trouble::Unavailable(format!("read the folder {}: {error}", root.display())))?;
    let walked = Mutex::new(Walked::default());
    let above = cover.above();
    let threads = if matches!(cover, Cover::Everything) { thread::available_parallelism().map_or(1, usize::from) } else { 1 };
    let mut builder = WalkBuilder::new(root);
    builder.follow_links(false).same_file_system(true).require_git(false).parents(repository_above(root).is_some()).threads(threads);
    builder.build_parallel().run(|| {
        Box::new(|entry| match entry {
            Ok(entry) => visit(root, cover, &above, &entry, &walked),
            Err(error) => {
                tracing::warn!("what cannot be read is left out of the index: {error}");
                WalkState::Continue
            }
        })
    });
    let mut walked = walked.into_inner().unwrap_or_else(PoisonError::into_inner);
    if matches!(cover, Cover::Everything) {
        walked.rules.extend(fixed_rules(root).into_iter().map(|path| (path.clone(), rule_stamp(&super::absolute(Path::new(""), &path)))));
    }
    walked.files.sort_unstable();
    walked.folders.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    walked.rules.sort_unstable();
    walked.rules.dedup_by(|a, b| a.0 == b.0);
    Ok(walked)
}

const RULES: [&str; 2] = [".gitignore", ".ignore"];

/// Files outside the walked folders that say what is ignored, whether they are there or not.
pub(super) fn fixed_rules(root: &Path) -> Vec<Vec<u8>> {
    let mut rules = Vec::new();
    let above = repository_above(root);
    if let Some(top) = &above {
        let folders = root.ancestors().skip(1).take_while(|folder| folder.starts_with(top));
        rules.extend(folders.flat_map(|folder| RULES.map(|rule| folder.join(rule))));
    }
    rules.push(above.unwrap_or_else(|| root.to_path_buf()).join(".git/info/exclude"));
    rules.extend(ignore::gitignore::gitconfig_excludes_path());
    rules.into_iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect()
}

/// The stamp of a rule file, [`MISSING`] where it is not there.
pub(super) fn rule_stamp(path: &Path) -> i64 {
    fs::metadata(path).map_or(MISSING, |metadata| record::stamp(&metadata, SystemTime::now()))
}

/// The repository that the root lies in, where it is not its top.
fn repository_above(root: &Path) -> Option<PathBuf> {
    if is_repository(root) {
        return None;
    }
    root.ancestors().skip(1).find(|folder| is_repository(folder)).map(Path::to_path_buf)
}

fn is_repository(folder: &Path) -> bool {
    folder.join(".git").symlink_metadata().is_ok()
}

impl Cover<'_> {
    /// The folders on the way to those that are looked at.
    fn above(&self) -> HashSet<Vec<u8>> {
        let Self::Some { dirty, .. } = self else { return HashSet::new() };
        let mut above = HashSet::new();
        for folder in *dirty {
            let mut folder: &[u8] = folder;
            while !folder.is_empty() {
                folder = parent(folder);
                above.insert(folder.to_vec());
            }
        }
        above
    }

    /// Whether the names in a folder are looked at.
    fn holds(&self, folder: &[u8]) -> bool {
        match self {
            Self::Everything => true,
            Self::Some { dirty, known } => dirty.contains(folder) || find(&known.folders, folder).is_none(),
        }
    }
}

fn visit(root: &Path, cover: &Cover<'_>, above: &HashSet<Vec<u8>>, entry: &DirEntry, walked: &Mutex<Walked>) -> WalkState {
    let Ok(path) = entry.path().strip_prefix(root) else { return WalkState::Skip };
    let path = path.as_os_str().as_bytes();
    let seen = |note: &dyn Fn(&mut Walked)| note(&mut walked.lock().unwrap_or_else(PoisonError::into_inner));
    let stamp = || entry.path().symlink_metadata().map(|metadata| record::stamp(&metadata, SystemTime::now()));
    match entry.file_type() {
        Some(kind) if kind.is_dir() => {
            let apart = !path.is_empty() && is_repository(entry.path());
            let of_interest = cover.holds(path) || apart || (cover.holds(parent(path)) && !path.is_empty());
            if !of_interest {
                return if above.contains(path) { WalkState::Continue } else { WalkState::Skip };
            }
            let Ok(stamp) = stamp() else { return WalkState::Skip };
            let rules = rules_in(entry.path());
            seen(&|walked| {
                walked.folders.push((path.to_vec(), Folder { stamp, apart }));
                walked.rules.extend_from_slice(if apart { &[] } else { &rules });
            });
            if apart || !(cover.holds(path) || above.contains(path)) { WalkState::Skip } else { WalkState::Continue }
        }
        Some(kind) if kind.is_file() && cover.holds(parent(path)) => {
            if let Ok(stamp) = stamp() {
                seen(&|walked| walked.files.push((path.to_vec(), stamp)));
            }
            WalkState::Continue
        }
        _ => WalkState::Continue,
    }
}

fn rules_in(folder: &Path) -> Vec<(Vec<u8>, i64)> {
    let rules = RULES.map(|rule| folder.join(rule)).into_iter().map(|path| (path.as_os_str().as_bytes().to_vec(), rule_stamp(&path)));
    rules.filter(|(_, stamp)| *stamp != MISSING).collect()
}
