//! Paths beneath a root: what a tool may touch.
//!
//! Each component is resolved in turn, so `..` and symbolic links are judged by where they lead. Someone who swaps a
//! directory for a link between our look and our use gains nothing: only commands run by the same hands could, and
//! they may touch what the hands may touch anyway. The hands' own confinement is the wall; this is the sign before it.
//!
//! Invariant: a path that is handed out lies beneath the root with every symbolic link in it resolved.

use std::path::{Component, Path, PathBuf};

use super::Stop;

/// A folder tools work in.
pub(super) struct Root {
    given: PathBuf,
    real: PathBuf,
}

impl Root {
    /// # Errors
    /// A fragment that fits "failed to ...", if there is no such folder.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let real = path.canonicalize().map_err(|e| format!("open the folder {}: {e}", path.display()))?;
        if real.is_dir() { Ok(Self { given: path.to_owned(), real }) } else { Err(format!("open {}: it is no folder", path.display())) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.real
    }

    /// A path that exists.
    pub(super) fn existing(&self, path: &str) -> Result<PathBuf, Stop> {
        let found = self.resolve(path)?;
        if found.exists() {
            Ok(found)
        } else {
            Err(Stop::refused(format!("there is no {path:?}; use list or search to find the right path")))
        }
    }

    /// A path that may be written: it need not exist, and it is no part of git's own files.
    pub(super) fn writable(&self, path: &str) -> Result<PathBuf, Stop> {
        let found = self.resolve(path)?;
        if found == self.real {
            return Err(Stop::refused(format!("{path:?} is the workspace itself; name a file in it")));
        }
        if self.relative(&found).components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
            return Err(Stop::refused(format!("{path:?} belongs to git and is never written by a tool; use another path")));
        }
        Ok(found)
    }

    /// The path as people know it: relative to the root, `.` for the root itself.
    pub(super) fn show(&self, path: &Path) -> String {
        let shown = self.relative(path).display().to_string();
        if shown.is_empty() { ".".into() } else { shown }
    }

    fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.real).unwrap_or(path)
    }

    fn resolve(&self, path: &str) -> Result<PathBuf, Stop> {
        if path.is_empty() {
            return Err(Stop::refused("the path is empty; name one relative to the workspace, or \".\" for all of it"));
        }
        let mut at = self.real.clone();
        for part in self.below(path)?.components() {
            at = self.step(&at, part, path)?;
        }
        Ok(at)
    }

    /// The path relative to the root; an absolute one only if it lies below it.
    fn below<'a>(&self, path: &'a str) -> Result<&'a Path, Stop> {
        let asked = Path::new(path);
        if asked.is_relative() {
            return Ok(asked);
        }
        asked.strip_prefix(&self.given).or_else(|_| asked.strip_prefix(&self.real)).map_err(|_| outside(path))
    }

    fn step(&self, at: &Path, part: Component<'_>, asked: &str) -> Result<PathBuf, Stop> {
        let next = match part {
            Component::Normal(name) => at.join(name),
            Component::ParentDir if at.symlink_metadata().is_ok() => at.join(".."),
            Component::ParentDir => {
                return Err(Stop::refused(format!("{asked:?} goes up from a folder that is not there; leave out \"..\"")));
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => return Ok(at.to_owned()),
        };
        if next.symlink_metadata().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
            return Ok(next);
        }
        let real = next.canonicalize().map_err(|e| Stop::refused(format!("{asked:?} cannot be followed ({e}); use another path")))?;
        if real.starts_with(&self.real) { Ok(real) } else { Err(outside(asked)) }
    }
}

fn outside(path: &str) -> Stop {
    Stop::refused(format!("{path:?} leads outside the workspace; use a path relative to its root"))
}
