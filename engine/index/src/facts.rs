//! The questions that resolving, explaining and selecting ask about a repository.
//!
//! The store answers them from its database; tests answer them from outlines in memory.
//!
//! Invariant: an answer speaks of the files as they were when the store was last brought up to date; bytes are checked against
//! the disk by those who cite them.

use std::sync::Arc;

use naestro_kernel::code::Fault;

use crate::coverage::Coverage;
use crate::{Kind, Language, Outline};

/// A file of the repository, by the number the store gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A file as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its number.
    pub id: FileId,
    /// Its path, relative to the root, with `/`.
    pub path: String,
    /// Its language; nothing where it is none of ours.
    pub language: Option<Language>,
    /// Why it has no outline although it has a language: "larger than 4 MB", "no UTF-8", "one line of 5 MB"; empty where it has one.
    pub note: String,
}

impl File {
    /// Whether it is no file but a repository of its own, which is left out: all of these have the number 0.
    pub(crate) fn is_apart(&self) -> bool {
        self.id == FileId(0) && !self.note.is_empty()
    }
}

/// A symbol as it is found by its name: what tells it from its namesakes without opening its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// Its file.
    pub file: FileId,
    /// Its number in its file's outline.
    pub number: u32,
    /// What it is.
    pub kind: Kind,
    /// The name of the type it is a member of ([`Outline::owner`]).
    pub owner: Option<String>,
    /// The bases of the type or the `impl` that it is, or else is a member of ([`crate::Symbol::bases`]).
    pub bases: String,
}

impl Definition {
    /// A symbol of a file's outline; nothing where the outline has no such symbol.
    #[must_use]
    pub fn of(file: FileId, outline: &Outline, number: u32) -> Option<Self> {
        let symbol = outline.symbols.get(number as usize)?;
        let holder = outline.holder(symbol).filter(|_| !symbol.kind.holds_members());
        let bases = holder.map_or(&symbol.bases, |holder| &holder.bases).clone();
        Some(Self { file, number, kind: symbol.kind, owner: outline.owner(number).map(str::to_owned), bases })
    }
}

/// So much of a file is read at most, in bytes.
pub(crate) const READ: usize = 16 << 20;

/// What is known about a repository. Every method reads only.
pub trait Facts {
    /// Every file that is not ignored, in order of paths.
    ///
    /// # Errors
    /// `Unavailable` where the index cannot be read; so everywhere below.
    fn files(&self) -> Result<Arc<[File]>, Fault>;

    /// What the syntax of a file says; the empty outline where it has none.
    fn outline(&self, file: FileId) -> Result<Arc<Outline>, Fault>;

    /// The BLAKE3 of the bytes that a file's outline was made of; nothing where it has none.
    fn digest(&self, file: FileId) -> Result<Option<[u8; 32]>, Fault>;

    /// The symbols of exactly that name, in order of files.
    fn named(&self, name: &str) -> Result<Vec<Definition>, Fault>;

    /// The files whose text holds that identifier, comments and strings included, in order.
    fn mentioning(&self, name: &str) -> Result<Vec<FileId>, Fault>;

    /// Every symbol that is a test: file and number in its outline, in order of files.
    fn tests(&self) -> Result<Vec<(FileId, u32)>, Fault>;

    /// The files with lines that reach code by other ways than its name ([`Outline::dynamic`]), in order.
    fn dynamic(&self) -> Result<Vec<FileId>, Fault>;

    /// Names of symbols that come near, nearest first.
    fn near(&self, name: &str, limit: usize) -> Result<Vec<String>, Fault>;
}

/// What git remembers about a repository, and the bytes of its files. Every method reads only.
pub trait History {
    /// A file's bytes as they are on disk now, the first 16 MB where there are more; nothing where there is no such file.
    ///
    /// # Errors
    /// `Unavailable` where it cannot be read; so everywhere below.
    fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, Fault>;

    /// A file's bytes in a commit; nothing where it was not in it.
    fn bytes_in(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, Fault>;

    /// A commit by any revision git understands.
    ///
    /// # Errors
    /// `Unknown` where there is none.
    fn commit(&self, revision: &str) -> Result<Commit, Fault>;

    /// The newest commits that changed these lines of a file as it is now, newest first; none where there is no history.
    fn commits(&self, path: &str, lines: (u32, u32), limit: usize) -> Result<Vec<Commit>, Fault>;

    /// The files that changed in the same commits as this one most often, with how often, and how often this one changed.
    fn companions(&self, path: &str, limit: usize) -> Result<(Vec<(String, u32)>, u32), Fault>;

    /// What coverage runs recorded about these files, test by test; a record that cannot be read is told by why.
    fn coverage(&self, files: &[String]) -> Result<Vec<Result<Coverage, String>>, Fault>;

    /// The files that differ between a commit and its first parent; between HEAD and the working tree where no commit is given.
    fn changed(&self, commit: Option<&str>) -> Result<Vec<String>, Fault>;
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id, in hexadecimal.
    pub id: String,
    /// Its first parent's id, where it has one.
    pub parent: Option<String>,
    /// Its title.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// When, in seconds since the Unix epoch.
    pub time: i64,
}
