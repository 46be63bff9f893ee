//! The claim on a checkout: one import at a time, which first removes what an interrupted one left.
//!
//! An import writes its files beside their places under names that begin as no other state directory's do, so that whoever
//! holds the claim knows whose they are: its own, or those of a process that is dead.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::fault::{Outcome, at};

/// A checkout while it is imported into; dropping it, or the end of the process, lets it go.
pub(super) struct Claim {
    /// What the names of the files that lie beside begin with.
    pub(super) name: String,
    _lock: File,
}

impl Claim {
    /// Claims the folder at `root`, waiting for another import of this state directory.
    ///
    /// # Errors
    /// The failure, naming what could not be opened or removed.
    pub(super) fn take(home: &Path, root: &Path) -> Outcome<Self> {
        let (name, lock) = open(home, root)?;
        lock.lock().map_err(at("claim", root))?;
        tidy(root, &name).map_err(at("remove what an interrupted import left in", root))?;
        Ok(Self { name, _lock: lock })
    }
}

/// Removes what an interrupted import left at `root`, unless one is under way.
///
/// # Errors
/// The failure, naming what could not be opened or removed.
pub(crate) fn tidy_up(home: &Path, root: &Path) -> Outcome<()> {
    let (name, lock) = open(home, root)?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    tidy(root, &name).map_err(at("remove what an interrupted import left in", root))
}

fn open(home: &Path, root: &Path) -> Outcome<(String, File)> {
    let folder = home.join("imports");
    fs::create_dir_all(&folder).map_err(at("make", &folder))?;
    let root = root.canonicalize().map_err(at("open", root))?;
    let key = naestro_policy::digest(&(home, root)).to_string();
    let file = folder.join(&key);
    let lock = File::options().read(true).write(true).create(true).truncate(false).open(&file).map_err(at("open", &file))?;
    Ok((format!(".naestro-{}-", &key[..16]), lock))
}

fn tidy(root: &Path, name: &str) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let beside =
            entry.file_name().to_str().and_then(|file| file.strip_prefix(name)).is_some_and(|index| index.parse::<usize>().is_ok());
        if beside && !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
