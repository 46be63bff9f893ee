//! What is known about code: evidence with citations, the tests a change affects, and the port to who knows it.
//!
//! Plain facts, no decisions of a run: the kernel only carries the words, since tools and runtime both speak them.
//!
//! Invariant: what is not certain is marked as a guess, and what is left out is counted.

mod shown;
mod target;

use alloc::string::String;
use alloc::vec::Vec;

use crate::Digest;

/// Knows the code of folders. It reads them and writes only what it can make anew; every method blocks.
pub trait Code: Send + Sync {
    /// What there is to say about a target, the nearest things first, bounded.
    ///
    /// # Errors
    /// `Unknown` with near misses; `Cancelled`; `Unavailable` where the folder or the index cannot be read.
    fn evidence(&self, root: &str, target: &Target, watch: &dyn Watch) -> Result<Evidence, Fault>;

    /// Whether each citation still holds: the file has these very bytes at these very places.
    fn holds(&self, root: &str, citations: &[Citation]) -> Vec<bool>;

    /// The tests a change affects, and why.
    ///
    /// # Errors
    /// `Cancelled`; `Unavailable` where the folder, the index or the old commit cannot be read.
    fn affected(&self, root: &str, change: &Change, watch: &dyn Watch) -> Result<Affected, Fault>;
}

/// Who waits for an answer: hears of progress, and may give up.
pub trait Watch: Send + Sync {
    /// So many files of so many are known now; only while an index is built or brought up to date.
    fn progress(&self, done: usize, total: usize);

    /// Whether the answer is no longer wanted.
    fn cancelled(&self) -> bool;
}

/// Something to explain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A file or folder, relative to the root, with `/`.
    Path(String),
    /// A line of a file, from 1, and perhaps a column, from 1, in characters.
    Place {
        /// The file.
        path: String,
        /// The line.
        line: u32,
        /// The column.
        column: Option<u32>,
    },
    /// A symbol of a file: `path#symbol`; the symbol may be qualified.
    Member {
        /// The file.
        path: String,
        /// The symbol.
        symbol: String,
    },
    /// A symbol wherever it is, perhaps qualified.
    Symbol(String),
    /// A commit by any revision git understands.
    Commit(String),
    /// What changed in the working tree.
    Diff,
    /// A test, by its name or the end of its qualified name.
    Test(String),
}

/// What there is to say about a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// The target as it was understood, for instance "function `parse` in src/lib.rs".
    pub title: String,
    /// The facts, numbered from 1 by their place here.
    pub facts: Vec<Fact>,
    /// How many more facts of a role there are than are told.
    pub left_out: Vec<(Role, usize)>,
    /// What is not known, and what it would take; one sentence each.
    pub gaps: Vec<String>,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fact {
    /// What it is to the target.
    pub role: Role,
    /// The fact in words, one line: a qualified name, a signature, a commit's title.
    pub text: String,
    /// The name the cited bytes hold, where the fact is about one.
    pub name: Option<String>,
    /// The cited source, whole lines, bounded; empty where the text says all.
    pub excerpt: String,
    /// What it rests on.
    pub source: Source,
    /// Whether the syntax alone does not prove it: a name that more than one thing has.
    pub guess: bool,
}

/// What a fact is to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It is the target.
    Definition,
    /// It documents it.
    Documentation,
    /// It lies in it.
    Member,
    /// It uses it.
    Caller,
    /// It is used by it.
    Callee,
    /// It is imported by the target's file, or imports it.
    Import,
    /// It is a test that reaches it.
    Test,
    /// It is a commit that changed it.
    Commit,
    /// It often changes together with it.
    Companion,
    /// It is changed by the commit or diff that is explained.
    Change,
    /// It is a test run that failed there.
    Failure,
}

/// What a fact rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Bytes of a file.
    Code(Citation),
    /// A commit, by its full id in hexadecimal.
    Commit(String),
    /// An event of a recorded run.
    Event {
        /// The run's id.
        run: String,
        /// The event's index.
        seq: u64,
    },
}

/// Bytes of a file, provable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Citation {
    /// The file, relative to the root, with `/`.
    pub path: String,
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// The first line, from 1.
    pub line: u32,
    /// The last line, from 1.
    pub last_line: u32,
    /// BLAKE3 of the bytes.
    pub digest: Digest,
}

/// A change whose tests are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The commit whose files are the old ones, in hexadecimal; without one every file counts as wholly new.
    pub since: Option<String>,
    /// The files that differ from it in the working tree, relative to the root.
    pub files: Vec<String>,
}

/// The tests a change affects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Affected {
    /// The symbols that changed, were added or were removed, where that can be told.
    pub changed: Vec<Changed>,
    /// The tests that reach them, in order of file and line.
    pub tests: Vec<AffectedTest>,
    /// Parts of the tree whose every test is to be run, because the change cannot be reasoned about.
    pub widened: Vec<Widened>,
    /// Every test that is known, affected or not: its file, and its name as in [`AffectedTest`].
    pub known: Vec<(String, Vec<String>)>,
    /// What else there is to say about how they were told apart; one sentence each.
    pub notes: Vec<String>,
}

/// A symbol that changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Changed {
    /// Its file.
    pub path: String,
    /// Its qualified name within the file.
    pub name: String,
    /// Its line now, or before where it was removed; from 1.
    pub line: u32,
}

/// A test that a change affects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AffectedTest {
    /// Its file.
    pub path: String,
    /// Its name below the names of what it lies in: modules, classes or suites of the same file, then the test.
    pub name: Vec<String>,
    /// Its line, from 1.
    pub line: u32,
    /// The way from it to the change, in words.
    pub reason: String,
    /// Which of `changed` it reaches, the nearest first, each with its distance in steps.
    pub causes: Vec<(usize, u32)>,
}

/// A part of the tree whose every test is to be run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Widened {
    /// The changed file that cannot be reasoned about.
    pub file: String,
    /// The folder or file whose tests it concerns; the root is empty.
    pub scope: String,
    /// Why.
    pub reason: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such thing.
    Unknown {
        /// What was looked for, in words.
        what: String,
        /// What there is that comes near, as targets.
        near: Vec<String>,
    },
    /// The answer was no longer wanted.
    Cancelled,
    /// Something needed cannot be read: a lowercase fragment that fits "failed to ...".
    Unavailable(String),
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unknown { what, .. } => write!(f, "find {what}"),
            Self::Cancelled => f.write_str("end before it was cancelled"),
            Self::Unavailable(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for Fault {}
