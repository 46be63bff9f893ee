//! Snapshots: base trees as folders, which attempts lie upon.
//!
//! `snapshots/<digest>/` holds `tree/` with the files, `checkout` with the folder they came from, and `boot` with the boot
//! during which they were last known to be good; `snapshots/<digest>.lock` is locked shared while an attempt lies upon it
//! and exclusively while it is made or removed. A file that an older snapshot of the same folder holds alike is a hard link
//! to it, so a snapshot after a small edit costs little.
//!
//! Invariant: a snapshot under its final name is whole and never changes.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use naestro_kernel::Digest;
use naestro_policy::digest_bytes;
use naestro_policy::port::Contents;

use crate::fault::{Outcome, at, permanent, store};
use crate::hands::set_mtime;
use crate::tree::stats::{content, mtime};
use crate::tree::{Entry, Kind, Manifest};

/// How many snapshots of one folder are kept that nothing needs.
const SPARE: usize = 8;

/// How long a snapshot is kept that nothing needs: a run that was suspended may be taken up again.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// All snapshots of a state directory.
#[derive(Debug)]
pub(crate) struct Snapshots {
    folder: PathBuf,
}

/// A snapshot in use.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The folder that holds the tree's files.
    pub tree: PathBuf,
    _lock: File,
}

/// What a snapshot is made from.
pub(crate) struct Origin<'a> {
    /// The tree's digest.
    pub digest: &'a Digest,
    /// The tree.
    pub tree: &'a Manifest,
    /// The folder it was recorded from.
    pub checkout: &'a Path,
    /// Where contents are found that the folder no longer holds.
    pub contents: &'a dyn Contents,
}

impl Snapshots {
    /// The snapshots below the state directory `home`.
    pub(crate) fn new(home: &Path) -> Self {
        Self { folder: home.join("snapshots") }
    }

    /// The snapshot of a tree, made if there is none. `None` if the folder no longer holds what the tree says, and neither
    /// does the content store.
    ///
    /// # Errors
    /// The failure, naming the file that could not be written.
    pub(crate) fn hold(&self, origin: &Origin<'_>) -> Outcome<Option<Snapshot>> {
        fs::create_dir_all(&self.folder).map_err(at("make", &self.folder))?;
        let place = self.folder.join(origin.digest.to_string());
        loop {
            let lock = self.lock_file(origin.digest)?;
            lock.lock_shared().map_err(at("lock", &place))?;
            if is_good(&place) {
                touch(&lock).map_err(at("mark", &place))?;
                return Ok(Some(Snapshot { tree: place.join("tree"), _lock: lock }));
            }
            lock.unlock().and_then(|()| lock.lock()).map_err(at("lock", &place))?;
            if !self.make(&place, origin)? {
                return Ok(None);
            }
        }
    }

    /// Removes the snapshots that no attempt lies upon and no run in `needed` may come back to, but for the newest of each
    /// folder and some spare ones.
    pub(crate) fn prune(&self, needed: &BTreeSet<Digest>) {
        let mut seen: Vec<(PathBuf, usize)> = Vec::new();
        for (digest, checkout, age) in self.all() {
            let before = match seen.iter_mut().find(|(path, _)| *path == checkout) {
                Some((_, count)) => {
                    *count += 1;
                    *count
                }
                None => {
                    seen.push((checkout, 0));
                    0
                }
            };
            let stays = before == 0 || needed.contains(&digest) || before < SPARE && age < KEPT;
            if !stays && let Err(error) = self.remove(&digest) {
                tracing::warn!(%digest, %error, "failed to remove an old snapshot");
            }
        }
    }

    /// Every snapshot with its folder and the time since its last use, the last used first.
    fn all(&self) -> Vec<(Digest, PathBuf, Duration)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries
            .filter_map(|entry| {
                let digest = Digest::parse(entry.file_name().to_str()?)?;
                let checkout = PathBuf::from(fs::read_to_string(entry.path().join("checkout")).ok()?);
                let used = self.lock_path(&digest).metadata().ok()?.modified().ok()?;
                Some((digest, checkout, used.elapsed().unwrap_or_default()))
            })
            .collect();
        all.sort_by_key(|(_, _, age)| *age);
        all
    }

    fn remove(&self, digest: &Digest) -> io::Result<()> {
        let lock = File::options().read(true).open(self.lock_path(digest))?;
        if lock.try_lock().is_err() {
            return Ok(());
        }
        fs::remove_dir_all(self.folder.join(digest.to_string()))
    }

    fn lock_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{digest}.lock"))
    }

    /// The lock file, opened. It is empty and stays when its snapshot is removed: whoever waits for it has it open, and must
    /// not come to hold another lock than the one a newcomer finds.
    fn lock_file(&self, digest: &Digest) -> Outcome<File> {
        let path = self.lock_path(digest);
        File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(at("open", &path))
    }

    /// Makes the snapshot beside its place and moves it there; returns whether all contents were found.
    fn make(&self, place: &Path, origin: &Origin<'_>) -> Outcome<bool> {
        if is_good(place) || is_still_good(place, origin.tree) {
            return Ok(true);
        }
        let new = place.with_extension("new");
        for leftover in [place, &new] {
            clear(leftover).map_err(at("remove", leftover))?;
        }
        let older = self.older(origin);
        let older = older.as_ref().map(|(tree, snapshot)| (tree, snapshot.tree.as_path()));
        let maker = Maker { origin, into: &new.join("tree"), older };
        fs::create_dir_all(maker.into).map_err(at("make", &new))?;
        if !maker.files()? {
            clear(&new).map_err(at("remove", &new))?;
            return Ok(false);
        }
        maker.folder_times().map_err(at("date the folders of", &new))?;
        let checkout = origin.checkout.to_string_lossy();
        let written = fs::write(new.join("checkout"), checkout.as_bytes()).and_then(|()| fs::write(new.join("boot"), boot()));
        written.and_then(|()| fs::rename(&new, place)).map_err(at("write", place))?;
        Ok(true)
    }

    /// The last used good snapshot of the same folder.
    fn older(&self, origin: &Origin<'_>) -> Option<(Manifest, Snapshot)> {
        let (digest, ..) = self.all().into_iter().find(|(digest, checkout, _)| checkout == origin.checkout && digest != origin.digest)?;
        let lock = File::options().read(true).open(self.lock_path(&digest)).ok()?;
        lock.try_lock_shared().ok()?;
        let place = self.folder.join(digest.to_string());
        let tree = is_good(&place).then(|| Manifest::load(origin.contents, &digest).ok()).flatten()?;
        Some((tree, Snapshot { tree: place.join("tree"), _lock: lock }))
    }
}

struct Maker<'a> {
    origin: &'a Origin<'a>,
    into: &'a Path,
    older: Option<(&'a Manifest, &'a Path)>,
}

impl Maker<'_> {
    fn files(&self) -> Outcome<bool> {
        let mut last = None;
        for (path, entry) in &self.origin.tree.entries {
            let target = self.into.join(path);
            if last != path.parent() {
                last = path.parent();
                target.parent().map(fs::create_dir_all).transpose().map_err(at("make", &target))?;
            }
            if !self.link(path, entry, &target) && !self.copy(path, entry, &target) && !self.write(entry, &target)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Links the file an older snapshot holds, if it holds exactly this one.
    fn link(&self, path: &Path, entry: &Entry, target: &Path) -> bool {
        let Some((tree, folder)) = self.older else { return false };
        entry.kind != Kind::Link && tree.entries.get(path) == Some(entry) && fs::hard_link(folder.join(path), target).is_ok()
    }

    /// Copies the checkout's file and looks at the copy, which no one else can change, to see whether it is the one.
    fn copy(&self, path: &Path, entry: &Entry, target: &Path) -> bool {
        let source = self.origin.checkout.join(path);
        let copied = match entry.kind {
            Kind::Link => fs::read_link(&source).and_then(|link| std::os::unix::fs::symlink(link, target)),
            _ => reflink_copy::reflink_or_copy(&source, target).map(|_| ()),
        };
        let is_same = copied.and_then(|()| content(target, entry.kind)).is_ok_and(|bytes| digest_bytes(&bytes) == entry.digest);
        let is_done = is_same && finish(entry, target).is_ok();
        if !is_done {
            // It may not be there; if it cannot be removed, writing it reports that.
            let _ = fs::remove_file(target);
        }
        is_done
    }

    fn write(&self, entry: &Entry, target: &Path) -> Outcome<bool> {
        if !self.origin.contents.has(&entry.digest) {
            return Ok(false);
        }
        let bytes = self.origin.contents.get(&entry.digest).map_err(store)?;
        match entry.kind {
            Kind::Link => {
                use std::os::unix::ffi::OsStrExt;
                std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&bytes), target).map_err(at("write", target))?;
            }
            _ => fs::write(target, &bytes).map_err(at("write", target))?,
        }
        finish(entry, target).map_err(at("write", target))?;
        Ok(true)
    }

    /// Dates every folder as the checkout's own, since build tools compare those too.
    fn folder_times(&self) -> io::Result<()> {
        let folders: BTreeSet<&Path> = self.origin.tree.entries.keys().flat_map(|path| path.ancestors().skip(1)).collect();
        for folder in folders.into_iter().rev() {
            if let Ok(meta) = self.origin.checkout.join(folder).symlink_metadata() {
                set_mtime(&self.into.join(folder), mtime(&meta))?;
            }
        }
        Ok(())
    }
}

fn finish(entry: &Entry, target: &Path) -> io::Result<()> {
    if entry.kind == Kind::Link {
        return Ok(());
    }
    let mode = if entry.kind == Kind::Executable { 0o755 } else { 0o644 };
    fs::set_permissions(target, Permissions::from_mode(mode))?;
    set_mtime(target, entry.mtime)
}

/// Whether the snapshot at `place` is whole: its files were written during this boot, so no power cut took their content.
fn is_good(place: &Path) -> bool {
    fs::read_to_string(place.join("boot")).is_ok_and(|then| then == boot())
}

/// Looks at every file of a snapshot made before the last boot, and marks it good if all are what the tree says.
fn is_still_good(place: &Path, tree: &Manifest) -> bool {
    let is_whole = |(path, entry): (&PathBuf, &Entry)| {
        content(&place.join("tree").join(path), entry.kind).is_ok_and(|bytes| digest_bytes(&bytes) == entry.digest)
    };
    place.join("boot").exists() && tree.entries.iter().all(is_whole) && fs::write(place.join("boot"), boot()).is_ok()
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_else(|_| "unknown".into())
}

fn touch(lock: &File) -> io::Result<()> {
    lock.set_modified(std::time::SystemTime::now())
}

/// Removes a folder and all in it, folders that may not be read included; does nothing if it is not there.
///
/// # Errors
/// The error of the file system.
pub(crate) fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        cleared => cleared,
    }
}

/// Makes every folder below `folder` readable and writable: an overlay's scratch folder is neither.
fn open_up(folder: &Path) -> io::Result<()> {
    let meta = folder.symlink_metadata()?;
    if !meta.is_dir() {
        return Ok(());
    }
    if meta.mode() & 0o700 != 0o700 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    fs::read_dir(folder)?.try_for_each(|entry| open_up(&entry?.path()))
}

/// The failure of a tree that neither the folder nor the content store holds any more.
pub(crate) fn lost(digest: &Digest) -> naestro_kernel::Failure {
    permanent(format!("restore the base tree {digest}: files of it were changed and are kept nowhere"), "start a new run")
}
