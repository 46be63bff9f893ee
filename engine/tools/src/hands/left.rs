//! What an attempt's hands leave behind, and its end.
//!
//! The hands end what came from them when they end well. Where they do not (a command can kill them), it is on the main
//! process to do so. An attempt's processes are known by the mount namespace of its hands, and by a variable in their
//! environment, which is all there is for a plain copy; one that changes both of its own accord is not found.
//!
//! Invariant: no process is signalled but through a handle that was opened before it was found to be the attempt's, so a
//! number that is given to another process in between hits nobody.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable that names the attempt.
pub(super) const MARK: &str = "NAESTRO_ATTEMPT";

/// How long killed processes have to end; only the kernel can hold them longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How an attempt's processes are known.
#[derive(Debug)]
pub(super) struct Left {
    mark: Vec<u8>,
    /// The hands' own mount namespace, held open so that its number is not given to another one.
    namespace: OnceLock<File>,
}

impl Left {
    /// The processes of the attempt in `folder`.
    pub(super) fn of(folder: &Path) -> Self {
        Self { mark: [MARK.as_bytes(), b"=", folder.as_os_str().as_bytes()].concat(), namespace: OnceLock::new() }
    }

    /// Adds those in the mount namespace of `hands`, where it is one of their own.
    ///
    /// # Errors
    /// The error of the file system: the hands are gone.
    pub(super) fn note(&self, hands: i32) -> std::io::Result<()> {
        let (theirs, own) = (File::open(namespace(hands))?, fs::metadata("/proc/self/ns/mnt")?);
        if theirs.metadata()?.ino() != own.ino() {
            // Hands are started once, so none was noted before.
            let _ = self.namespace.set(theirs);
        }
        Ok(())
    }

    /// Kills them all and waits until none is left.
    pub(super) fn end(&self) {
        let limit = Instant::now() + PATIENCE;
        loop {
            let found: Vec<OwnedFd> = pids().filter_map(|pid| self.open(pid)).collect();
            if found.is_empty() {
                return;
            }
            if Instant::now() > limit {
                tracing::warn!(left = found.len(), "processes of an attempt do not end though they were killed");
                return;
            }
            for process in &found {
                // It may have ended just now.
                let _ = pidfd_send_signal(process, Signal::KILL);
            }
            found.iter().for_each(|process| ended(process, limit));
        }
    }

    /// A handle of the process, if it is one of them.
    fn open(&self, pid: i32) -> Option<OwnedFd> {
        let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        (self.is_inside(pid) || self.is_marked(pid)).then_some(process)
    }

    fn is_inside(&self, pid: i32) -> bool {
        let known = self.namespace.get().and_then(|known| known.metadata().ok());
        // One that has ended is in none any more.
        known.is_some_and(|known| fs::metadata(namespace(pid)).is_ok_and(|its| its.ino() == known.ino()))
    }

    fn is_marked(&self, pid: i32) -> bool {
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == self.mark))
    }
}

fn namespace(pid: i32) -> String {
    format!("/proc/{pid}/ns/mnt")
}

/// All processes but this one.
fn pids() -> impl Iterator<Item = i32> {
    let own = std::process::id().cast_signed();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(move |pid| *pid != own)
}

/// Waits until the process has ended, at most until `limit`.
fn ended(process: &OwnedFd, limit: Instant) {
    let timeout = PollTimeout::try_from(limit.saturating_duration_since(Instant::now())).unwrap_or(PollTimeout::MAX);
    // If the wait is cut short, the next look finds the process again.
    let _ = poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], timeout);
}
