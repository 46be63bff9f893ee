//! Whether workspaces can be overlays here: tried for real, in a process of its own.
//!
//! Invariant: the process that asks never enters a namespace itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};

/// Tries it below `home`.
///
/// # Errors
/// What was refused, as a fragment that fits "failed to ...".
pub(super) fn look(home: &Path) -> Result<(), String> {
    let place = home.join(format!("doctor-{}", std::process::id()));
    let seen = ask(&place);
    if let Err(error) = fs::remove_dir_all(&place) {
        tracing::debug!("failed to remove {}: {error}", place.display());
    }
    seen
}

#[expect(clippy::disallowed_methods, reason = "only a process of its own can enter a namespace and be done with it")]
fn ask(place: &Path) -> Result<(), String> {
    for part in ["lower", "upper", "work", "at"] {
        fs::create_dir_all(place.join(part)).map_err(|error| format!("make {}: {error}", place.display()))?;
    }
    let exe = "/proc/self/exe";
    let tried =
        Command::new(exe).arg("doctor").arg("--try-overlay").arg(place).output().map_err(|error| format!("start {exe}: {error}"))?;
    if tried.status.success() { Ok(()) } else { Err(reason(&String::from_utf8_lossy(&tried.stderr))) }
}

/// The reason in what the other process said, which is worded as errors are.
fn reason(said: &str) -> String {
    said.trim().trim_start_matches("error: failed to ").to_owned()
}

/// Mounts an overlay in namespaces of this process's own; it must have one thread only, and is to end after this.
///
/// # Errors
/// What was refused.
pub(super) fn try_here(place: &Path) -> Result<(), String> {
    let (user, group) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(|error| format!("make namespaces: {error}"))?;
    let map = |file: &str, text: String| fs::write(file, text).map_err(|error| format!("write {file}: {error}"));
    map("/proc/self/setgroups", "deny".to_owned())?;
    map("/proc/self/uid_map", format!("{user} {user} 1"))?;
    map("/proc/self/gid_map", format!("{group} {group} 1"))?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(|error| format!("keep mounts private: {error}"))?;
    let layer = |name: &str| place.join(name).display().to_string();
    let options = format!("lowerdir={},upperdir={},workdir={},userxattr", layer("lower"), layer("upper"), layer("work"));
    mount(Some("overlay"), &place.join("at"), Some("overlay"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options.as_str()))
        .map_err(|error| format!("mount an overlay: {error}"))
}
