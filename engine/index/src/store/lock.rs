//! One process at a time brings an index up to date.
//!
//! The lock is advisory and on a file beside the database: the system lets go of it with the process that held it, and the
//! database can be removed while it is held.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use naestro_kernel::code::Watch;

use super::Trouble;

/// How long a nap lasts while another process holds the lock.
const NAP: Duration = Duration::from_millis(2);

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock is the open file")] File);

impl Lock {
    /// Waits for the lock as long as the answer is wanted, and makes its file, and the folder it lies in, where there is none.
    pub(crate) fn hold(path: &Path, watch: &dyn Watch) -> Result<Self, Trouble> {
        let unavailable = |error: std::io::Error| Trouble::Unavailable(format!("lock the index with {}: {error}", path.display()));
        if let Some(folder) = path.parent() {
            // What is kept quotes the code: it is its owner's alone.
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unavailable)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(unavailable)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(error)) => return Err(unavailable(error)),
                Err(TryLockError::WouldBlock) if watch.cancelled() => return Err(Trouble::Cancelled),
                Err(TryLockError::WouldBlock) => nap(),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the lock is another process's, and says nothing when it is free")]
fn nap() {
    std::thread::sleep(NAP);
}
