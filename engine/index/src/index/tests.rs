//! The index on real files, real repositories and real databases.

mod damage;
mod hearing;
mod history;
mod measure;
mod odd;
mod processes;
mod refresh;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use naestro_kernel::code::{Fault, Watch};

use super::Index;
use crate::history::Past;
use crate::store::Snapshot;
use crate::{Facts as _, FileId};

/// A folder of code and the state directory beside it.
struct Bench {
    folder: tempfile::TempDir,
    index: Index,
}

/// Hears of progress, and gives up after so many files.
struct Patience {
    files: usize,
    told: AtomicUsize,
}

impl Patience {
    fn endless() -> Self {
        Self::of(usize::MAX)
    }

    fn of(files: usize) -> Self {
        Self { files, told: AtomicUsize::new(0) }
    }

    fn told(&self) -> usize {
        self.told.load(Ordering::Relaxed)
    }
}

impl Watch for Patience {
    fn progress(&self, _done: usize, _total: usize) {
        self.told.fetch_add(1, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.told() >= self.files
    }
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("code")).unwrap();
        let bench = Self { index: Index::new(folder.path().join("state")), folder };
        files.iter().for_each(|(path, text)| bench.write(path, text));
        bench
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("code")
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes a file, and the folders it lies in.
    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.root().join(path)).unwrap();
    }

    fn ask<T>(&self, answer: impl Fn(&Snapshot, &Past<'_>) -> Result<T, Fault>) -> T {
        self.index.ask(self.root().to_str().unwrap(), &[], &Patience::endless(), answer).unwrap()
    }

    /// Asks an index that has seen nothing yet, as another process does.
    fn ask_anew<T>(&self, answer: impl Fn(&Snapshot, &Past<'_>) -> Result<T, Fault>) -> T {
        Index::new(self.home()).ask(self.root().to_str().unwrap(), &[], &Patience::endless(), answer).unwrap()
    }

    /// How many files are read again where nothing happened since.
    fn reads(&self) -> usize {
        let patience = Patience::endless();
        Index::new(self.home()).ask(self.root().to_str().unwrap(), &[], &patience, |_, _| Ok(())).unwrap();
        patience.told()
    }

    /// The one database.
    fn database(&self) -> PathBuf {
        let mut files = fs::read_dir(self.home().join("index")).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.extension().is_some_and(|extension| extension == "db")).unwrap()
    }

    /// Waits until what happened until now is old enough for times to prove it.
    fn settle(&self) {
        let marker = self.folder.path().join("marker");
        let now = SystemTime::now();
        while !now.elapsed().is_ok_and(|elapsed| elapsed > Duration::from_millis(60)) {
            fs::write(&marker, "").unwrap();
        }
    }
}

/// Each file with its note, where it has one.
fn listed(facts: &Snapshot) -> Result<String, Fault> {
    let files = facts.files()?;
    let lines = files.iter().map(|file| if file.note.is_empty() { file.path.clone() } else { format!("{}: {}", file.path, file.note) });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Where symbols of a name are, as `path:line`.
fn defined(facts: &Snapshot, name: &str) -> Result<String, Fault> {
    let places = facts.named(name)?.into_iter().map(|found| {
        let line = facts.outline(found.file)?.symbols[found.number as usize].name_span.line;
        Ok(format!("{}:{line}", path(facts, found.file)?))
    });
    Ok(places.collect::<Result<Vec<_>, Fault>>()?.join(" "))
}

fn mentioned(facts: &Snapshot, name: &str) -> Result<String, Fault> {
    let paths = facts.mentioning(name)?.into_iter().map(|file| path(facts, file));
    Ok(paths.collect::<Result<Vec<_>, Fault>>()?.join(" "))
}

fn path(facts: &Snapshot, file: FileId) -> Result<String, Fault> {
    Ok(facts.files()?.iter().find(|other| other.id == file).unwrap().path.clone())
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
