//! Bringing files of the workspace to what a tree says they are.
//!
//! Invariant: no change goes through a link: a parent that is not a real folder is replaced by one.

use std::fs::{self, FileTimes, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::frame::{Change, Written};
use crate::tree::unescape;

/// Makes the changes below `root`, with contents from `stage`.
///
/// # Errors
/// What could not be changed, as a fragment that fits "failed to ...".
pub(super) fn apply(root: &Path, stage: &Path, changes: &[Change]) -> Result<(), String> {
    changes.iter().try_for_each(|change| {
        let path = unescape(&change.path).ok_or_else(|| format!("change {:?}: it is no path inside the workspace", change.path))?;
        let changed = match &change.write {
            None => remove(root, &path),
            Some(written) => write(root, &path, stage, written),
        };
        changed.map_err(|error| format!("restore {}: {error}", change.path))
    })
}

fn remove(root: &Path, path: &Path) -> io::Result<()> {
    if !has_real_parents(root, path) {
        return Ok(());
    }
    clear(&root.join(path))?;
    // A tree holds no empty folders; one that holds anything else, ignored files say, stays.
    let parents = path.ancestors().skip(1).filter(|parent| *parent != Path::new(""));
    let _ = parents.map(|parent| fs::remove_dir(root.join(parent))).find(Result::is_err);
    Ok(())
}

fn write(root: &Path, path: &Path, stage: &Path, written: &Written) -> io::Result<()> {
    make_parents(root, path)?;
    let (target, staged) = (root.join(path), stage.join(&written.staged));
    clear(&target)?;
    if written.mode == "120000" {
        return std::os::unix::fs::symlink(PathBuf::from(std::ffi::OsString::from_vec(fs::read(&staged)?)), &target);
    }
    fs::copy(&staged, &target)?;
    fs::set_permissions(&target, Permissions::from_mode(if written.mode == "100755" { 0o755 } else { 0o644 }))?;
    set_mtime(&target, written.mtime)
}

/// Sets when a file was modified, in nanoseconds since the Unix epoch.
///
/// # Errors
/// The error of the file system.
pub(crate) fn set_mtime(path: &Path, mtime: i64) -> io::Result<()> {
    let span = Duration::from_nanos(mtime.unsigned_abs());
    let time = if mtime < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
    let times = FileTimes::new().set_modified(time.unwrap_or_else(SystemTime::now));
    OpenOptions::new().read(true).open(path)?.set_times(times)
}

/// Removes whatever is at `path`.
fn clear(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}

fn has_real_parents(root: &Path, path: &Path) -> bool {
    parents(path).iter().all(|parent| root.join(parent).symlink_metadata().is_ok_and(|meta| meta.is_dir()))
}

fn make_parents(root: &Path, path: &Path) -> io::Result<()> {
    for parent in parents(path) {
        let folder = root.join(parent);
        match folder.symlink_metadata() {
            Ok(meta) if meta.is_dir() => continue,
            Ok(_) => fs::remove_file(&folder)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        fs::create_dir(&folder)?;
    }
    Ok(())
}

/// The folders above `path`, outermost first.
fn parents(path: &Path) -> Vec<&Path> {
    let mut parents: Vec<_> = path.ancestors().skip(1).filter(|parent| *parent != Path::new("")).collect();
    parents.reverse();
    parents
}
