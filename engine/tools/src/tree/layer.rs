//! What an attempt changed, read from the upper layer of its overlay.
//!
//! Such a layer holds every file that was written, a character device 0:0 (a *whiteout*) for every one that was removed,
//! and marks a folder that replaced another as *opaque*. Reading it costs what was changed, not what the tree holds.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::rules::Rules;
use super::scan::{is_cache, left_out};
use super::stats::{Stats, kind};
use super::{Delta, Entry, Manifest, is_git};
use crate::fault::{Outcome, at};

/// Contents that were read on the way, by path.
pub(crate) type Read = BTreeMap<PathBuf, Vec<u8>>;

/// An overlay's layers, and what its lower one holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layers<'a> {
    /// The folder with what was changed.
    pub upper: &'a Path,
    /// The folder below it.
    pub lower: &'a Path,
    /// The tree of the folder below it.
    pub base: &'a Manifest,
    /// The ignore rules from outside the tree.
    pub rules: &'a Rules,
}

impl Layers<'_> {
    /// How the merged tree differs from the base, and the contents that had to be read to find out.
    ///
    /// # Errors
    /// The failure, naming the file that could not be read.
    pub(crate) fn delta(&self, stats: &mut Stats) -> Outcome<(Delta, Read)> {
        let mut walk = Walk { layers: self, stats, delta: Delta::new(), read: Read::new() };
        walk.folder(Path::new(""), self.rules, Above { covered: false, ignored: false })?;
        let Walk { mut delta, read, .. } = walk;
        delta.retain(|path, entry| match (entry, self.base.entries.get(path)) {
            (Some(now), Some(before)) => !now.same(before),
            (now, before) => now.is_some() || before.is_some(),
        });
        Ok((delta, read))
    }
}

/// What the folders above say of what lies in them.
#[derive(Clone, Copy)]
struct Above {
    /// The lower layer does not show through.
    covered: bool,
    /// A rule ignores it.
    ignored: bool,
}

struct Walk<'a> {
    layers: &'a Layers<'a>,
    stats: &'a mut Stats,
    delta: Delta,
    read: Read,
}

impl Walk<'_> {
    fn folder(&mut self, path: &Path, rules: &Rules, above: Above) -> Outcome<()> {
        let folder = self.layers.upper.join(path);
        let rules = &self.rules_of(path, rules, above.covered);
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                left_out(path);
                return Ok(());
            }
            entries => entries.map_err(at("read", &folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(at("read", &folder))?;
            if !is_git(&entry.file_name()) {
                let meta = entry.metadata().map_err(at("read", &folder))?;
                self.entry(&path.join(entry.file_name()), &meta, rules, above)?;
            }
        }
        Ok(())
    }

    /// The rules in `path`: its ignore file may be new, as it was, or removed.
    fn rules_of(&self, path: &Path, rules: &Rules, covered: bool) -> Rules {
        let mine = self.layers.upper.join(path).join(".gitignore");
        if mine.symlink_metadata().is_ok() || covered {
            rules.with(&mine, path)
        } else {
            rules.with(&self.layers.lower.join(path).join(".gitignore"), path)
        }
    }

    fn entry(&mut self, path: &Path, meta: &Metadata, rules: &Rules, above: Above) -> Outcome<()> {
        if meta.is_dir() {
            return self.enter(path, rules, above);
        }
        // Whatever the base holds here and beneath is covered by what is here now.
        self.remove(path);
        let is_whiteout = meta.file_type().is_char_device() && meta.rdev() == 0;
        if is_whiteout || kind(meta).is_none() {
            return Ok(());
        }
        let known = self.layers.base.entries.contains_key(path);
        if !known && (above.ignored || rules.ignored(path, false)) {
            return Ok(());
        }
        let (entry, bytes) = match self.stats.entry(self.layers.upper, path, meta) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.delta.remove(path);
                left_out(path);
                return Ok(());
            }
            entry => entry.map_err(at("read", path))?,
        };
        self.delta.insert(path.to_path_buf(), Some(entry));
        self.read.extend(bytes.map(|bytes| (path.to_path_buf(), bytes)));
        Ok(())
    }

    fn enter(&mut self, path: &Path, rules: &Rules, above: Above) -> Outcome<()> {
        let folder = self.layers.upper.join(path);
        let is_opaque = is_opaque(&folder);
        if is_opaque {
            self.remove(path);
        } else if self.layers.base.entries.contains_key(path) {
            self.delta.insert(path.to_path_buf(), None);
        }
        let ignored = above.ignored || rules.ignored(path, true) || is_cache(&folder);
        // An ignored folder matters only for the files of the base in it; its build products need not be walked.
        if ignored && self.layers.base.beneath(path).next().is_none() {
            return Ok(());
        }
        self.folder(path, rules, Above { covered: above.covered || is_opaque, ignored })
    }

    fn remove(&mut self, path: &Path) {
        let gone = self.layers.base.beneath(path).map(|path| (path.clone(), None::<Entry>));
        self.delta.extend(gone);
    }
}

fn is_opaque(folder: &Path) -> bool {
    let mut value = [0_u8; 4];
    let marked = |name: &str, value: &mut [u8]| rustix::fs::lgetxattr(folder, name, value).is_ok_and(|length| length == 1);
    marked("user.overlay.opaque", &mut value) && value[0] == b'y'
}
