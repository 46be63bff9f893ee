//! The user's folder, written to without ever following a link out of it.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use naestro_policy::digest_bytes;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::tree::stats::{content, kind};
use crate::tree::{Entry, Kind};

/// The user's folder, held open.
#[derive(Debug)]
pub(super) struct Checkout(OwnedFd);

impl Checkout {
    /// Opens the folder at `root`.
    ///
    /// # Errors
    /// The error of the file system.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// Whether `path` holds exactly that entry, or nothing at all.
    ///
    /// # Errors
    /// The error of the file system; a parent that is a link or no folder is an answer, not an error.
    pub(super) fn holds(&self, path: &Path, wanted: Option<&Entry>) -> io::Result<bool> {
        let Some(place) = self.place(path)? else { return Ok(wanted.is_none()) };
        let meta = match place.path().symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(wanted.is_none()),
            meta => meta?,
        };
        match (kind(&meta), wanted) {
            (Some(kind), Some(wanted)) if kind == wanted.kind => Ok(digest_bytes(&content(&place.path(), kind)?) == wanted.digest),
            _ => Ok(false),
        }
    }

    /// Whether `path` is a folder in which every file is one that `goes`.
    pub(super) fn is_folder_of(&self, path: &Path, goes: impl Fn(&Path) -> bool + Copy) -> bool {
        let Ok(folder) = self.folder(path) else { return false };
        let entries = fs::read_dir(held(&folder)).into_iter().flatten().flatten();
        entries.into_iter().all(|entry| {
            let inner = path.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) { self.is_folder_of(&inner, goes) } else { goes(&inner) }
        })
    }

    /// Writes a new durable file or link at `path`; it gets the permissions of the file at `like`, where that is one.
    ///
    /// # Errors
    /// The error of the file system.
    pub(super) fn write(&self, path: &Path, kind: Kind, bytes: &[u8], like: &Path) -> io::Result<()> {
        let place = self.make_place(path)?;
        let target = place.path();
        if let Err(error) = fs::remove_file(&target)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        if kind == Kind::Link {
            return std::os::unix::fs::symlink(OsStr::from_bytes(bytes), &target);
        }
        let mut file = File::options().write(true).create_new(true).open(&target)?;
        io::Write::write_all(&mut file, bytes)?;
        file.set_permissions(Permissions::from_mode(self.mode(kind, like, &file)?))?;
        file.sync_all()
    }

    /// Moves the file at `from` to `to`, over what is there.
    ///
    /// # Errors
    /// The error of the file system.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let from = self.place(from)?.ok_or(io::ErrorKind::NotFound)?;
        fs::rename(from.path(), self.make_place(to)?.path())
    }

    /// Removes the file at `path` if it is there, and the folders above it that are empty then.
    ///
    /// # Errors
    /// The error of the file system.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        match fs::remove_file(place.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for folder in path.ancestors().skip(1).filter(|folder| *folder != Path::new("")) {
            let Some(place) = self.place(folder)? else { break };
            if fs::remove_dir(place.path()).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// The error of the file system.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(held(&self.0))?)?)
    }

    /// The permissions of a new file: those of the one it replaces, or the usual ones, with the right to execute as wanted.
    fn mode(&self, kind: Kind, like: &Path, new: &File) -> io::Result<u32> {
        let there = self.place(like)?.and_then(|place| place.path().symlink_metadata().ok()).filter(fs::Metadata::is_file);
        let mode = match there {
            Some(meta) => meta.permissions().mode(),
            None => new.metadata()?.permissions().mode(),
        } & 0o777;
        // Whoever may read may execute, as git does it.
        Ok(if kind == Kind::Executable { mode | (mode & 0o444) >> 2 } else { mode & !0o111 })
    }

    /// Where `path` is or would be; `None` if a folder above it is not there or is no real folder.
    fn place(&self, path: &Path) -> io::Result<Option<Held>> {
        match self.folder(path.parent().unwrap_or(Path::new(""))) {
            Ok(folder) => Ok(Some(Held::new(folder, path))),
            Err(error) if matches!(error.raw_os_error(), Some(nix::libc::ENOENT | nix::libc::ENOTDIR | nix::libc::ELOOP)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`Checkout::place`], making the folders above it that are not there.
    fn make_place(&self, path: &Path) -> io::Result<Held> {
        let mut folder = self.folder(Path::new(""))?;
        let mut so_far = PathBuf::new();
        for part in path.parent().into_iter().flat_map(Path::components) {
            so_far.push(part);
            folder = match self.folder(&so_far) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir(held(&folder).join(part))?;
                    self.folder(&so_far)?
                }
                found => found?,
            };
        }
        Ok(Held::new(folder, path))
    }

    /// Opens a folder beneath the checkout; a link anywhere on the way is an error.
    fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        let path = if path == Path::new("") { Path::new(".") } else { path };
        let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        Ok(openat2(self.0.as_fd(), path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), how)?)
    }
}

/// A name in a folder that is held open.
struct Held {
    folder: OwnedFd,
    name: PathBuf,
}

impl Held {
    fn new(folder: OwnedFd, path: &Path) -> Self {
        Self { folder, name: path.file_name().unwrap_or_default().into() }
    }

    fn path(&self) -> PathBuf {
        held(&self.folder).join(&self.name)
    }
}

fn held(folder: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()))
}
