//! What one file says: its bytes read once, hashed, outlined and split into words.
//!
//! Invariant: a file that is too large, no text or hardly lines costs its size at most, and its note says why it has no outline.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::words::words;
use super::{Held, Trouble};
use crate::extract::outline;
use crate::outline::{Kind, Outline};
use crate::{Definition, FileId, Language, record};

/// The largest file that is read, in bytes.
const LARGEST: u64 = crate::extract::LARGEST as u64;

/// Where a file that is no text shows it, in bytes.
const HEAD: usize = 8 << 10;

/// The longest that lines may be on average, in bytes, before a file counts as made by a program.
const WIDEST: usize = 100_000;

/// A file from this size on is parsed alone, so that the syntax trees of several such files never lie in memory together.
const HEAVY: usize = 512 << 10;

static HEAVY_ONE: Mutex<()> = Mutex::new(());

/// A file to be read.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Its path, relative to the root.
    pub(crate) path: Vec<u8>,
    /// What is held of it, where it is known.
    pub(crate) held: Option<Held>,
}

/// What came of it.
pub(super) enum Reading {
    /// It is not there any more.
    Gone(Job),
    /// Its bytes are as they were; only its stamp is new.
    Same(Job, i64),
    /// It is new, or other than it was.
    Fresh(Job, Box<Said>),
}

/// What a file says.
#[derive(Default)]
pub(super) struct Said {
    pub(super) stamp: i64,
    pub(super) digest: Vec<u8>,
    pub(super) size: usize,
    pub(super) lines: u32,
    pub(super) language: Option<Language>,
    pub(super) note: String,
    /// The names of its symbols, in their order, each with what tells it from its namesakes.
    pub(super) names: Vec<(String, Vec<u8>)>,
    /// Which of them are tests.
    pub(super) tests: Vec<u32>,
    pub(super) dynamic: u32,
    /// Its outline in its disk form; empty where it has none.
    pub(super) outline: Vec<u8>,
    pub(super) words: String,
}

/// Reads a file below the root.
pub(super) fn read(root: &Path, job: Job) -> Result<Reading, Trouble> {
    let path = root.join(OsStr::from_bytes(&job.path));
    let now = SystemTime::now();
    let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(Reading::Gone(job)) };
    if !metadata.is_file() {
        return Ok(Reading::Gone(job));
    }
    let stamp = record::stamp(&metadata, now);
    if metadata.len() > LARGEST {
        let note = format!("larger than {} MB", LARGEST >> 20);
        return Ok(unread(job, stamp, note));
    }
    let bytes = match bytes(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Reading::Gone(job)),
        Err(error) => return Ok(unread(job, stamp, format!("it cannot be read: {error}"))),
    };
    let digest = blake3::hash(&bytes).as_bytes().to_vec();
    if job.held.as_ref().is_some_and(|held| held.digest == digest) {
        return Ok(Reading::Same(job, stamp));
    }
    let said = say(&job.path, &bytes, Said { stamp, digest, size: bytes.len(), language: language(&job.path), ..Said::default() })?;
    Ok(Reading::Fresh(job, Box::new(said)))
}

fn unread(job: Job, stamp: i64, note: String) -> Reading {
    let said = Said { stamp, language: language(&job.path), note, ..Said::default() };
    Reading::Fresh(job, Box::new(said))
}

fn language(path: &[u8]) -> Option<Language> {
    Language::of(&String::from_utf8_lossy(path))
}

/// The bytes, but never many more than were expected: a file may grow while it is read.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len().min(LARGEST)).unwrap_or(0) + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn say(path: &[u8], bytes: &[u8], said: Said) -> Result<Said, Trouble> {
    if bytes[..bytes.len().min(HEAD)].contains(&0) {
        return Ok(Said { note: String::from("no text"), ..said });
    }
    let lines = count_lines(bytes);
    let said = Said { lines: u32::try_from(lines).unwrap_or(u32::MAX), ..said };
    if bytes.len() / lines.max(1) > WIDEST {
        return Ok(Said { note: format!("lines of {} KB", bytes.len() / lines.max(1) / 1000), ..said });
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(Said { note: String::from("no UTF-8"), words: words(&String::from_utf8_lossy(bytes)), ..said });
    };
    let said = Said { words: words(text), ..said };
    match said.language {
        _ if std::str::from_utf8(path).is_err() => Ok(Said { note: String::from("its name is no UTF-8"), ..said }),
        Some(language) => outlined(language, bytes, said),
        None => Ok(said),
    }
}

fn outlined(language: Language, bytes: &[u8], said: Said) -> Result<Said, Trouble> {
    let alone = (bytes.len() >= HEAVY).then(|| HEAVY_ONE.lock().unwrap_or_else(PoisonError::into_inner));
    let outline = outline(language, bytes);
    drop(alone);
    let body = record::encode(&outline)?;
    let what = |number: u32| Definition::of(FileId(0), &outline, number).map_or(Ok(Vec::new()), |found| record::encode_definition(&found));
    let whats: Vec<Vec<u8>> = (0_u32..).zip(&outline.symbols).map(|(number, _)| what(number)).collect::<Result<_, _>>()?;
    let Outline { symbols, dynamic, .. } = outline;
    let tests = (0..).zip(&symbols).filter(|(_, symbol)| symbol.kind == Kind::Test).map(|(number, _)| number).collect();
    let names = symbols.into_iter().map(|symbol| symbol.name).zip(whats).collect();
    Ok(Said { outline: body, names, tests, dynamic: u32::try_from(dynamic.len()).unwrap_or(u32::MAX), ..said })
}

/// How many lines there are; a last one without an end counts.
fn count_lines(bytes: &[u8]) -> usize {
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    ends + usize::from(bytes.last().is_some_and(|last| *last != b'\n'))
}
