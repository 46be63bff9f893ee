//! The view: overlays at the folder's own path, in namespaces of the hands' own.
//!
//! Works the same as root and as an unprivileged user: the new user namespace maps the user to itself, and gives the
//! right to mount in the new mount namespace.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc::{O_CLOEXEC, O_DIRECTORY, O_PATH};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::frame::{Overlay, Setup};

/// Makes the view and enters it. The process must have one thread only.
///
/// # Errors
/// What was refused, as a fragment that fits "failed to ...".
pub(super) fn enter(setup: &Setup) -> Result<(), String> {
    if !setup.overlays.is_empty() {
        own_namespaces()?;
        // Opened before the first mount, since what is mounted may hide what is mounted next; and after the namespaces are
        // made, since layers must be seen by way of a mount of this namespace.
        let open: Vec<_> = setup.overlays.iter().map(Layers::open).collect::<Result<_, _>>()?;
        open.iter().zip(&setup.overlays).try_for_each(|(layers, overlay)| layers.mount(&overlay.at))?;
    }
    std::env::set_current_dir(&setup.root).map_err(told("enter", &setup.root))
}

/// An overlay's layers, held open so that they are found whatever is mounted over their paths.
struct Layers {
    lower: File,
    upper: File,
    work: File,
}

impl Layers {
    fn open(overlay: &Overlay) -> Result<Self, String> {
        let open = |path: &Path| folder(path).map_err(told("open", path));
        Ok(Self { lower: open(&overlay.lower)?, upper: open(&overlay.upper)?, work: open(&overlay.work)? })
    }

    fn mount(&self, at: &Path) -> Result<(), String> {
        let held = |file: &File| format!("/proc/self/fd/{}", file.as_raw_fd());
        let (lower, upper, work) = (held(&self.lower), held(&self.upper), held(&self.work));
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work},userxattr");
        std::fs::create_dir_all(at).map_err(told("make", at))?;
        mount(Some("overlay"), at, Some("overlay"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(OsStr::new(&options)))
            .map_err(told("mount an overlay at", at))
    }
}

/// Opens a folder without reading it.
pub(super) fn folder(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_PATH | O_DIRECTORY | O_CLOEXEC).open(path)
}

fn own_namespaces() -> Result<(), String> {
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(|error| format!("make own namespaces: {error}"))?;
    let write = |file: &str, text: &str| std::fs::write(file, text).map_err(told("write", Path::new(file)));
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", &format!("{group} {group} 1"))?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&Path>, "/", None::<&Path>, private, None::<&Path>).map_err(|error| format!("make mounts private: {error}"))
}

fn told<'a, E: Display>(verb: &'a str, path: &'a Path) -> impl Fn(E) -> String + 'a {
    move |error| format!("{verb} {}: {error}", path.display())
}
