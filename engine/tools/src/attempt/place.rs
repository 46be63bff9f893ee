//! Where attempts keep their private files, and the views made of them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use naestro_kernel::{Digest, RunId};

use super::caches;
use crate::fault::{Outcome, at, permanent};
use crate::hands::frame::{Overlay, Setup};
use crate::hands::{Hands, TARGET, variables};
use crate::snapshot::{Snapshot, clear};

/// How long a dead process's base tree is remembered: its run may be taken up again.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// How long another process may take to let go of a run's attempt.
const PATIENCE: Duration = Duration::from_millis(200);

/// All attempts of a state directory.
#[derive(Debug)]
pub(crate) struct Attempts {
    folder: PathBuf,
}

/// What an attempt shall be.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The run.
    pub run: RunId,
    /// The user's folder.
    pub checkout: PathBuf,
    /// The base tree.
    pub base: Digest,
    /// Its snapshot.
    pub snapshot: Snapshot,
    /// Folders of build products in the checkout, relative.
    pub caches: Vec<PathBuf>,
    /// Whether to make a plain copy without trying for namespaces.
    pub plain: bool,
    /// The executable that the hands are.
    pub exe: PathBuf,
}

/// An attempt's private files.
#[derive(Debug)]
pub(crate) struct Private {
    /// The user's folder.
    pub checkout: PathBuf,
    folder: PathBuf,
    snapshot: Snapshot,
    exe: PathBuf,
    view: View,
    _lock: File,
}

#[derive(Debug)]
enum View {
    Overlays(Vec<Overlay>),
    /// A plain copy, and why.
    Copy(PathBuf, String),
}

impl Attempts {
    /// The attempts below the state directory `home`.
    pub(crate) fn new(home: &Path) -> Self {
        Self { folder: home.join("attempts") }
    }

    /// Makes the private files of an attempt, and hands that work there. Blocks.
    ///
    /// # Errors
    /// The failure, if another process has the run's workspace open, or the files could not be written.
    pub(crate) fn make(&self, wanted: Wanted) -> Outcome<(Private, Hands)> {
        let folder = self.folder.join(wanted.run.to_string());
        fs::create_dir_all(&folder).map_err(at("make", &folder))?;
        let lock = lock(&folder)?;
        empty(&folder).map_err(at("empty", &folder))?;
        fs::write(folder.join("base"), wanted.base.to_string()).map_err(at("write", &folder))?;
        fs::create_dir_all(folder.join("stage")).map_err(at("make", &folder))?;
        let Wanted { checkout, snapshot, exe, .. } = wanted;
        let mut private = Private { checkout, folder, snapshot, exe, view: View::Overlays(Vec::new()), _lock: lock };
        let hands = private.choose(&wanted.caches, wanted.plain)?;
        Ok((private, hands))
    }

    /// Removes a run's private files, unless another process has its workspace open.
    pub(crate) fn remove(&self, run: RunId) {
        let folder = self.folder.join(run.to_string());
        let Ok(lock) = File::options().read(true).open(folder.join("lock")) else { return };
        if lock.try_lock().is_ok() {
            warn(&folder, clear(&folder));
        }
    }

    /// Removes what dead processes left, and returns the base trees that their runs may come back to.
    pub(crate) fn sweep(&self) -> BTreeSet<Digest> {
        let folders = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        folders.filter_map(|folder| sweep(&folder)).collect()
    }
}

impl Private {
    /// Starts hands that work here. Blocks.
    ///
    /// # Errors
    /// The failure, if they could not be started.
    pub(crate) fn start(&self) -> Outcome<Hands> {
        self.hands().map_err(|why| permanent(why, "see what `naestro doctor` says of workspaces"))
    }

    /// The isolation there is, in words.
    pub(crate) fn level(&self) -> String {
        match &self.view {
            View::Overlays(_) => "overlay in own user and mount namespaces; view only, not confined".into(),
            View::Copy(_, why) => format!("plain copy ({why}); view only, not confined"),
        }
    }

    /// The plain copy's folder, where it is one.
    pub(crate) fn copy(&self) -> Option<&Path> {
        match &self.view {
            View::Overlays(_) => None,
            View::Copy(root, _) => Some(root),
        }
    }

    /// The folder that the tree's overlay writes to.
    pub(crate) fn upper(&self) -> PathBuf {
        self.folder.join("upper")
    }

    /// The snapshot's folder.
    pub(crate) fn lower(&self) -> &Path {
        &self.snapshot.tree
    }

    /// The folder that contents to write are staged in.
    pub(crate) fn stage(&self) -> PathBuf {
        self.folder.join("stage")
    }

    /// Removes all private files.
    pub(crate) fn remove(&self) {
        warn(&self.folder, clear(&self.folder));
    }

    fn choose(&mut self, caches: &[PathBuf], plain: bool) -> Outcome<Hands> {
        let mut refused = "asked for".to_owned();
        if !plain {
            self.view = View::Overlays(self.overlays(caches)?);
            match self.hands() {
                Ok(hands) => return Ok(hands),
                Err(why) => refused = why,
            }
        }
        let root = self.folder.join("copy");
        copy(self.lower(), &root).map_err(at("copy the tree to", &root))?;
        self.view = View::Copy(root, refused);
        self.start()
    }

    fn overlays(&self, caches: &[PathBuf]) -> Outcome<Vec<Overlay>> {
        let tree = self.overlay("", self.lower().to_path_buf(), &self.checkout)?;
        let git = self.checkout.join(".git");
        if git.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            // A worktree's or submodule's: it says where the git folder is, which has an overlay of its own.
            fs::copy(&git, self.upper().join(".git")).map_err(at("copy", &git))?;
        }
        let live = caches::choose(&self.checkout, caches).into_iter().enumerate();
        let beside = live.map(|(index, live)| self.overlay(&format!("caches/{index}"), live.clone(), &live));
        std::iter::once(Ok(tree)).chain(beside).collect()
    }

    fn overlay(&self, name: &str, lower: PathBuf, at_path: &Path) -> Outcome<Overlay> {
        let folder = self.folder.join(name);
        let (upper, work) = (folder.join("upper"), folder.join("work"));
        for folder in [&upper, &work] {
            fs::create_dir_all(folder).map_err(at("make", folder))?;
        }
        Ok(Overlay { lower, upper, work, at: at_path.to_path_buf() })
    }

    fn hands(&self) -> Result<Hands, String> {
        let mut variables = variables(&self.checkout);
        for (_, value) in variables.iter_mut().filter(|(name, value)| name == TARGET && !self.is_private(Path::new(value))) {
            // Otherwise builds of other sources under the same paths would get into the user's own build.
            *value = self.folder.join("target").into();
        }
        let (root, overlays) = match &self.view {
            View::Overlays(overlays) => (self.checkout.clone(), overlays.clone()),
            View::Copy(root, _) => (root.clone(), Vec::new()),
        };
        Hands::start(&self.exe, &self.folder, variables, Setup { root, stage: self.stage(), overlays })
    }

    /// Whether what is written at `path` stays in the attempt.
    fn is_private(&self, path: &Path) -> bool {
        let overlaid = match &self.view {
            View::Overlays(overlays) => overlays.iter().any(|overlay| path.starts_with(&overlay.at)),
            View::Copy(..) => false,
        };
        overlaid || path.is_relative()
    }
}

fn lock(folder: &Path) -> Outcome<File> {
    let path = folder.join("lock");
    let lock = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(at("open", &path))?;
    let begun = Instant::now();
    while let Err(error) = lock.try_lock() {
        if begun.elapsed() > PATIENCE {
            return Err(permanent(format!("open the run's workspace: {error}"), "another process has it open; end that one first"));
        }
        // Locks of files cannot be waited for with a bound.
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(lock)
}

/// Removes everything in an attempt's folder but its lock.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            clear(&entry.path())?;
        } else if entry.file_name() != "lock" {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Empties the folder of a dead process's attempt; its base tree, unless that was long ago.
fn sweep(folder: &Path) -> Option<Digest> {
    let file = folder.join("base");
    let base = Digest::parse(&fs::read_to_string(&file).ok()?)?;
    let Ok(lock) = File::options().read(true).open(folder.join("lock")) else { return Some(base) };
    if lock.try_lock().is_err() {
        return Some(base);
    }
    let age = file.metadata().ok()?.modified().ok()?.elapsed().unwrap_or_default();
    if age > REMEMBERED {
        warn(folder, clear(folder));
        return None;
    }
    let parts = ["upper", "work", "caches", "stage", "copy", "target"];
    warn(folder, parts.iter().try_for_each(|part| clear(&folder.join(part))));
    Some(base)
}

/// Copies a tree of files, with their times.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else {
            reflink_copy::reflink_or_copy(&source, &target)?;
            fs::set_permissions(&target, entry.metadata()?.permissions())?;
            crate::hands::set_mtime(&target, crate::tree::stats::mtime(&entry.metadata()?))?;
        }
    }
    crate::hands::set_mtime(to, crate::tree::stats::mtime(&from.metadata()?))
}

fn warn(folder: &Path, done: io::Result<()>) {
    if let Err(error) = done {
        tracing::warn!(folder = %folder.display(), %error, "failed to remove an attempt's files");
    }
}
