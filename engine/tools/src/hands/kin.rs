//! The processes that came from the hands, and their end.
//!
//! The hands are a *subreaper*: whatever a command leaves behind, in a session of its own or not, becomes their child when
//! its parent ends. So to end all children until there are none is to end all that ever came from here.

use std::fs;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// How long killed processes are given before they are looked at again.
const PAUSE: Duration = Duration::from_millis(1);

/// Makes this process the parent of its descendants' orphans.
///
/// # Errors
/// The refusal, in words.
pub(crate) fn adopt() -> Result<(), String> {
    nix::sys::prctl::set_child_subreaper(true).map_err(|error| format!("become the parent of orphans: {error}"))
}

/// Kills every process that came from here and waits until none is left.
pub(crate) fn end() {
    loop {
        for child in children() {
            // It may have ended just now.
            let _ = kill(child, Signal::SIGKILL);
        }
        // Never waits for a child: one that came to be ours after the look was not killed yet, and another thread may take the others.
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) => std::thread::sleep(PAUSE),
            _ => {}
        }
    }
}

/// The children of all threads of this process.
fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists: Vec<String> = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect();
    if lists.is_empty() {
        // The kernel was built without these lists.
        return search();
    }
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| pid.parse().ok().map(Pid::from_raw)).collect()
}

fn search() -> Vec<Pid> {
    let own = std::process::id().to_string();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // `pid (name) state parent ...`; the name may hold anything.
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(own.as_str())
    };
    pids.filter(is_child).map(Pid::from_raw).collect()
}
