//! Overlays for what is not part of the tree, so that builds go on from where the user's left off.
//!
//! Folders of build products and git's own folder are laid under overlays of their own. What is written there stays in the
//! attempt and is never part of a checkpoint. On any doubt a folder is left out, and the attempt begins it empty.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::hands::TARGET;
use crate::tree::scan::Repository;

/// The most overlays beside the tree's own: each costs a mount.
const MOST: usize = 48;

/// The folders to lay overlays upon, absolute: `found` in the checkout, cargo's target folder elsewhere, and git's.
pub(super) fn choose(checkout: &Path, found: &[PathBuf]) -> Vec<PathBuf> {
    let elsewhere = std::env::var_os(TARGET).map(PathBuf::from).filter(|path| path.is_absolute() && !path.starts_with(checkout));
    let inside = found.iter().map(|path| checkout.join(path));
    let mut caches: Vec<_> = elsewhere.into_iter().chain(inside).filter(|folder| is_ours(folder) && !is_building(folder)).collect();
    caches.truncate(MOST);
    caches.extend(git(checkout));
    caches
}

/// The git folder to lay an overlay upon. For a worktree or a submodule it lies elsewhere and is shared.
fn git(checkout: &Path) -> Option<PathBuf> {
    let own = checkout.join(".git");
    own.symlink_metadata().ok()?;
    let common = if own.is_dir() { own } else { Repository::of(checkout)?.common.canonicalize().ok()? };
    is_ours(&common).then_some(common)
}

/// Whether it is a real folder of ours: in a namespace that knows one user, another's files cannot be written to.
fn is_ours(folder: &Path) -> bool {
    folder.symlink_metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == nix::unistd::getuid().as_raw())
}

/// Whether a build is going on in a target folder of cargo's: each profile's folder has a lock that cargo holds then.
fn is_building(folder: &Path) -> bool {
    if folder.file_name() != Some(OsStr::new("target")) && !folder.join("CACHEDIR.TAG").exists() {
        return false;
    }
    let below = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
    // `target/debug`, and `target/TRIPLE/debug` when a target is named.
    let profiles = below(folder);
    profiles
        .iter()
        .any(|profile| is_locked(&profile.join(".cargo-lock")) || below(profile).iter().any(|inner| is_locked(&inner.join(".cargo-lock"))))
}

fn is_locked(lock: &Path) -> bool {
    File::options().read(true).write(true).open(lock).is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
}
