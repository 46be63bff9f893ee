//! What a folder holds now: every tracked file and every file that is not ignored.
//!
//! Without a repository the ignore files in the folder hold all the same. Submodules and other nested repositories are
//! recorded as their own files, under their own rules; `.git` is no part of a tree at any depth. Git's index is read for
//! one thing: files that are tracked although a rule ignores them. No filter runs, so a large file kept by git-lfs is
//! recorded as what lies in the folder, the file or its pointer.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::rules::Rules;
use super::stats::{Stats, kind};
use super::{Manifest, is_git};
use crate::fault::{Outcome, at, permanent};

/// A folder's tree, and what lies beside it.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The tree.
    pub tree: Manifest,
    /// Folders of build products, relative to the root: ignored, and worth an overlay of their own.
    pub caches: Vec<PathBuf>,
}

/// The folder to scan.
#[derive(Debug)]
pub(crate) struct Place {
    /// The folder.
    pub root: PathBuf,
    /// The rules from outside it.
    pub rules: Rules,
    /// The files that belong to the tree whatever the rules say.
    pub tracked: Tracked,
}

/// The files of a repository that belong to the tree whatever the rules say.
#[derive(Debug)]
pub(crate) struct Tracked {
    source: Source,
    paths: OnceCell<BTreeSet<PathBuf>>,
}

#[derive(Debug)]
enum Source {
    /// The index of the repository that this folder lies in; the second path is the folder relative to the tree's root.
    Index(PathBuf, PathBuf),
    Known,
}

/// Where a repository keeps itself.
pub(crate) struct Repository {
    /// The git folder shared by all its worktrees.
    pub common: PathBuf,
    /// The root of this worktree.
    pub top: PathBuf,
}

impl Repository {
    /// The repository that `folder` lies in.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let repository = git2::Repository::discover(folder).ok()?;
        let top = repository.workdir()?.canonicalize().ok()?;
        Some(Self { common: repository.commondir().to_path_buf(), top })
    }
}

impl Place {
    /// A user's checkout, whose repository says what is tracked.
    pub(crate) fn checkout(root: &Path) -> Self {
        let tracked = Tracked::index(root, Path::new(""));
        Self { root: root.to_path_buf(), rules: outside(root), tracked }
    }

    /// A copy of the checkout's tree `base`, whose files belong to the tree whatever the rules of the checkout say.
    pub(crate) fn copy(root: &Path, checkout: &Path, base: &Manifest) -> Self {
        let paths = OnceCell::from(base.entries.keys().cloned().collect::<BTreeSet<_>>());
        Self { root: root.to_path_buf(), rules: outside(checkout), tracked: Tracked { source: Source::Known, paths } }
    }

    /// Scans the folder; files that `stats` knows are not read.
    ///
    /// # Errors
    /// The failure, naming the file that could not be read.
    pub(crate) fn scan(&self, stats: &mut Stats) -> Outcome<Scan> {
        let meta = self.root.metadata().map_err(at("read", &self.root))?;
        if !meta.is_dir() {
            return Err(permanent(format!("read {}: it is no folder", self.root.display()), "name an existing folder"));
        }
        let mut walk = Walk { root: &self.root, stats, scan: Scan::default() };
        let rules = self.rules.with(&self.root.join(".gitignore"), Path::new(""));
        walk.folder(Path::new(""), &rules, &self.tracked, false)?;
        Ok(walk.scan)
    }
}

/// Takes note of what may not be read: another user's, or shut by a command. The tree goes without it, as git's do.
pub(super) fn left_out(path: &Path) {
    tracing::warn!(path = %path.display(), "a file or folder that may not be read is left out of the tree");
}

/// The ignore rules that hold at `root` from outside it.
pub(crate) fn outside(root: &Path) -> Rules {
    let repository = Repository::of(root);
    Rules::outside(root, repository.as_ref().map(|found| (found.common.as_path(), found.top.as_path())))
}

struct Walk<'a> {
    root: &'a Path,
    stats: &'a mut Stats,
    scan: Scan,
}

impl Walk<'_> {
    /// Takes in the folder `path`; `ignored` says that a rule ignores it, so that only tracked files in it count.
    fn folder(&mut self, path: &Path, rules: &Rules, tracked: &Tracked, ignored: bool) -> Outcome<()> {
        let folder = self.root.join(path);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            // It went away between its listing and now: the user is at work.
            Err(error) if error.kind() == ErrorKind::NotFound && path != Path::new("") => return Ok(()),
            Err(error) if error.kind() == ErrorKind::PermissionDenied && path != Path::new("") => {
                left_out(path);
                return Ok(());
            }
            Err(error) => return Err(at("read", &folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(at("read", &folder))?;
            if !is_git(&entry.file_name()) {
                self.entry(&path.join(entry.file_name()), &entry, rules, tracked, ignored)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, entry: &DirEntry, rules: &Rules, tracked: &Tracked, ignored: bool) -> Outcome<()> {
        let is_folder = entry.file_type().map_err(at("read", path))?.is_dir();
        if is_folder {
            let ignored = ignored || rules.ignored(path, true);
            return self.enter(path, rules, tracked, ignored);
        }
        if (ignored || rules.ignored(path, false)) && !tracked.paths().contains(path) {
            return Ok(());
        }
        self.file(path, entry)
    }

    fn enter(&mut self, path: &Path, rules: &Rules, tracked: &Tracked, ignored: bool) -> Outcome<()> {
        let folder = self.root.join(path);
        if (ignored || is_cache(&folder)) && !tracked.any_beneath(path) {
            if is_kept(path) {
                self.scan.caches.push(path.to_path_buf());
            }
            return Ok(());
        }
        let ignores = folder.join(".gitignore");
        if !ignored && folder.join(".git").symlink_metadata().is_ok() {
            // A nested repository has rules of its own; those around it do not reach into it.
            let inner = Tracked::index(&folder, path);
            return self.folder(path, &Rules::outside(&folder, None).with(&ignores, path), &inner, false);
        }
        self.folder(path, &rules.with(&ignores, path), tracked, ignored)
    }

    fn file(&mut self, path: &Path, entry: &DirEntry) -> Outcome<()> {
        let gone = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
        let meta = match entry.metadata() {
            Err(error) if gone(&error) => return Ok(()),
            meta => meta.map_err(at("read", path))?,
        };
        // Pipes, sockets and devices have no content to keep.
        if kind(&meta).is_none() {
            return Ok(());
        }
        match self.stats.entry(self.root, path, &meta) {
            Err(error) if gone(&error) => Ok(()),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                left_out(path);
                Ok(())
            }
            found => {
                let (entry, _) = found.map_err(at("read", path))?;
                self.scan.tree.entries.insert(path.to_path_buf(), entry);
                Ok(())
            }
        }
    }
}

/// Whether a folder holds build products that a tool can always make again, though perhaps no rule ignores it.
pub(crate) fn is_cache(folder: &Path) -> bool {
    let is = |known: &[&str]| known.iter().any(|known| folder.file_name() == Some(OsStr::new(known)));
    is(&["node_modules", ".tox", ".nox", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"])
        || is(&[".venv", "venv"]) && folder.join("pyvenv.cfg").exists()
        || is(&["target"]) && folder.join("CACHEDIR.TAG").exists()
}

/// Whether an ignored folder is worth keeping between attempts.
fn is_kept(path: &Path) -> bool {
    ["target", "node_modules", ".venv", "venv", ".tox", ".nox"].iter().any(|known| path.file_name() == Some(OsStr::new(known)))
}

impl Tracked {
    fn index(folder: &Path, path: &Path) -> Self {
        Self { source: Source::Index(folder.to_path_buf(), path.to_path_buf()), paths: OnceCell::new() }
    }

    fn paths(&self) -> &BTreeSet<PathBuf> {
        self.paths.get_or_init(|| match &self.source {
            Source::Index(folder, path) => index(folder, path).unwrap_or_default(),
            Source::Known => BTreeSet::new(),
        })
    }

    fn any_beneath(&self, path: &Path) -> bool {
        self.paths().range(path.to_path_buf()..).next().is_some_and(|next| next.starts_with(path))
    }
}

/// The paths in the index of the repository that `folder` lies in, as seen from the root of the tree, in which `folder`
/// lies at `path`; `None` where there is no repository or its index cannot be read.
fn index(folder: &Path, path: &Path) -> Option<BTreeSet<PathBuf>> {
    let repository = git2::Repository::discover(folder).ok()?;
    let top = repository.workdir()?.canonicalize().ok()?;
    let prefix = folder.canonicalize().ok()?.strip_prefix(&top).ok()?.to_path_buf();
    let index = repository.index().ok()?;
    let local = |bytes: &[u8]| Path::new(OsStr::from_bytes(bytes)).strip_prefix(&prefix).ok().map(|local| path.join(local));
    Some(index.iter().filter_map(|entry| local(&entry.path)).collect())
}
