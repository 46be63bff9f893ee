//! Citations: bytes of files as they are now, with their digest.
//!
//! Invariant: what is cited holds the name it is cited for; where it does not, there is no citation.

use std::collections::HashMap;
use std::rc::Rc;

use naestro_kernel::Digest;
use naestro_kernel::code::{Citation, Fault};

use crate::History;

/// How many lines of what is cited are told.
const MOST_LINES: usize = 40;

/// A citation, with what it says.
pub(super) struct Cited {
    pub(super) citation: Citation,
    pub(super) excerpt: String,
    pub(super) name: Option<String>,
}

/// The files that are cited, each read once.
pub(super) struct Pages<'a> {
    history: &'a dyn History,
    read: HashMap<String, Option<Rc<[u8]>>>,
}

impl<'a> Pages<'a> {
    /// Nothing read yet but these.
    pub(super) fn new(history: &'a dyn History, read: HashMap<String, Rc<[u8]>>) -> Self {
        Self { history, read: read.into_iter().map(|(path, bytes)| (path, Some(bytes))).collect() }
    }

    /// A file's bytes, the same for the whole answer.
    pub(super) fn bytes(&mut self, path: &str) -> Result<Option<Rc<[u8]>>, Fault> {
        if let Some(known) = self.read.get(path) {
            return Ok(known.clone());
        }
        let bytes: Option<Rc<[u8]>> = self.history.bytes(path)?.map(Rc::from);
        self.read.insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    /// Cites a part of a file for a name it holds, or for itself where the name is empty.
    pub(super) fn part(&mut self, path: &str, (start, end): (u32, u32), name: &str) -> Result<Option<Cited>, Fault> {
        let Some(bytes) = self.bytes(path)? else { return Ok(None) };
        let part = bytes.get(start as usize..end as usize).unwrap_or_default();
        let end = start as usize + part.trim_ascii_end().len();
        Ok(cite(&bytes, path, start as usize, end, name))
    }

    /// Cites the line that holds the name at that very byte.
    pub(super) fn line(&mut self, path: &str, at: u32, name: &str) -> Result<Option<Cited>, Fault> {
        let Some(bytes) = self.bytes(path)? else { return Ok(None) };
        let at = at as usize;
        if !stands_at(&bytes, at, name.as_bytes()) {
            return Ok(None);
        }
        let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |found| found + 1);
        let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |found| at + found);
        let (start, end) = if end - start > 400 { (at, at + name.len()) } else { (start, end) };
        Ok(cite(&bytes, path, start, end, name))
    }
}

/// Whether a name stands at that very byte, and is not a part of a longer one.
fn stands_at(bytes: &[u8], at: usize, name: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let joins = |one: Option<&u8>, other: Option<&u8>| one.is_some_and(is_word) && other.is_some_and(is_word);
    let after = at + name.len();
    let is_part = joins(at.checked_sub(1).and_then(|before| bytes.get(before)), name.first()) || joins(name.last(), bytes.get(after));
    !is_part && bytes.get(at..after) == Some(name)
}

fn cite(bytes: &[u8], path: &str, start: usize, end: usize, name: &str) -> Option<Cited> {
    let part = bytes.get(start..end)?;
    let holds =
        name.is_empty() || (start..end).any(|at| bytes[at..end].starts_with(name.as_bytes()) && stands_at(bytes, at, name.as_bytes()));
    if !holds || part.is_empty() {
        return None;
    }
    let line = 1 + bytes[..start].iter().filter(|byte| **byte == b'\n').count();
    let last_line = line + part.iter().filter(|byte| **byte == b'\n').count();
    let citation = Citation {
        path: path.to_owned(),
        start: start as u64,
        end: end as u64,
        line: u32::try_from(line).ok()?,
        last_line: u32::try_from(last_line).ok()?,
        digest: Digest(*blake3::hash(part).as_bytes()),
    };
    Some(Cited { citation, excerpt: excerpt(bytes, start, end), name: (!name.is_empty()).then(|| name.to_owned()) })
}

/// The whole lines around a part, bounded.
fn excerpt(bytes: &[u8], start: usize, end: usize) -> String {
    let from = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |found| found + 1);
    let from = if start - from > 400 { start } else { from };
    let to = bytes[end..].iter().take(400).position(|byte| *byte == b'\n').map_or(end, |found| end + found);
    let text = String::from_utf8_lossy(&bytes[from..to]);
    let mut lines: Vec<String> = text.lines().take(MOST_LINES).map(|line| line.chars().take(400).collect()).collect();
    if text.lines().count() > MOST_LINES {
        lines.push("…".to_owned());
    }
    lines.join("\n")
}
