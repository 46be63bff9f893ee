//! Trees: what a folder held at one instant, by content.
//!
//! A tree is named by the digest of its manifest: text whose first line is `naestro-tree 1`, then one line per file in
//! the order of their paths, `MODE DIGEST SIZE MTIME PATH`. `MODE` is git's (100644, 100755, 120000), `SIZE` is in bytes,
//! `MTIME` in nanoseconds since the Unix epoch, and in `PATH` every byte that is a control character, `%` or no part of
//! UTF-8 is written as `%XX`. Folders are not listed: one that holds no file is not part of a tree.
//!
//! Invariant: a path in a manifest has only plain components, so joined to a folder it stays beneath it lexically.

pub(crate) mod layer;
pub(crate) mod rules;
pub(crate) mod scan;
pub(crate) mod stats;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use naestro_kernel::Digest;
use naestro_policy::port::Contents;

use crate::fault::{Outcome, permanent, store};

const FIRST_LINE: &str = "naestro-tree 1";

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plain file.
    File,
    /// A plain file its owner may execute.
    Executable,
    /// A symbolic link; its content is its target.
    Link,
}

/// One file of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The digest of its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was modified, in nanoseconds since the Unix epoch.
    pub mtime: i64,
}

/// A tree: its files by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The files by their paths relative to the folder.
    pub entries: BTreeMap<PathBuf, Entry>,
}

/// How a tree differs from another: what each path holds in it, `None` where it holds nothing.
pub(crate) type Delta = BTreeMap<PathBuf, Option<Entry>>;

impl Kind {
    /// Its mode as git writes it.
    pub(crate) fn mode(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
        }
    }

    fn parse(mode: &str) -> Option<Self> {
        [Self::File, Self::Executable, Self::Link].into_iter().find(|kind| kind.mode() == mode)
    }
}

impl Entry {
    /// Whether both hold the same content in the same kind of file; when they were written does not matter.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.digest == other.digest
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with its first malformed line.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "read a tree that is not text".to_owned())?;
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(format!("read a tree whose first line is not {FIRST_LINE:?}"));
        }
        let entries = lines.map(|line| decode_line(line).ok_or_else(|| format!("read the line {line:?} of a tree")));
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    /// Writes the manifest; equal trees give equal bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut text = String::with_capacity(self.entries.len() * 128 + 16);
        text.push_str(FIRST_LINE);
        text.push('\n');
        for (path, entry) in &self.entries {
            // Writing to a string cannot fail.
            let _ = write!(text, "{} {} {} {} ", entry.kind.mode(), entry.digest, entry.size, entry.mtime);
            escape(path, &mut text);
            text.push('\n');
        }
        text.into_bytes()
    }

    /// The tree of that digest.
    ///
    /// # Errors
    /// The failure, if its manifest is missing or malformed.
    pub(crate) fn load(contents: &dyn Contents, digest: &Digest) -> Outcome<Self> {
        if !contents.has(digest) {
            let hint = "its content was removed; start a new run";
            return Err(permanent(format!("find the tree {digest}"), hint));
        }
        let bytes = contents.get(digest).map_err(store)?;
        Self::decode(&bytes).map_err(|what| permanent(what, "it was written by another version of naestro"))
    }

    /// What `other` holds differently: new and changed entries, and `None` for those it lacks.
    pub(crate) fn delta(&self, other: &Self) -> Delta {
        let gone = self.entries.keys().filter(|path| !other.entries.contains_key(*path)).map(|path| (path.clone(), None));
        let changed = other.entries.iter().filter(|(path, entry)| !self.entries.get(*path).is_some_and(|mine| mine.same(entry)));
        gone.chain(changed.map(|(path, entry)| (path.clone(), Some(*entry)))).collect()
    }

    /// The tree that differs from this one by `delta`.
    pub(crate) fn with(&self, delta: &Delta) -> Self {
        let mut entries = self.entries.clone();
        for (path, entry) in delta {
            match entry {
                Some(entry) => entries.insert(path.clone(), *entry),
                None => entries.remove(path),
            };
        }
        Self { entries }
    }

    /// The paths beneath `folder`, itself included.
    pub(crate) fn beneath<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
        self.entries.range(folder.to_path_buf()..).map(|(path, _)| path).take_while(move |path| path.starts_with(folder))
    }
}

/// A path as text that names exactly one path: itself where it is UTF-8 without control characters, escaped where it is not.
pub(crate) fn shown(path: &Path) -> String {
    let mut text = String::new();
    match path.to_str() {
        Some(plain) if !plain.chars().any(char::is_control) => text.push_str(plain),
        _ => escape(path, &mut text),
    }
    text
}

/// A path in the escaped form of manifests.
pub(crate) fn escaped(path: &Path) -> String {
    let mut text = String::new();
    escape(path, &mut text);
    text
}

/// Reads an escaped path; `None` unless each of its components is a plain name.
pub(crate) fn unescape(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    let path = PathBuf::from(std::ffi::OsString::from_vec(bytes));
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && path != Path::new("")).then_some(path)
}

fn escape(path: &Path, text: &mut String) {
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() || char == '%' {
                char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| escape_byte(byte, text));
            } else {
                text.push(char);
            }
        }
        chunk.invalid().iter().for_each(|&byte| escape_byte(byte, text));
    }
}

fn escape_byte(byte: u8, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(text, "%{byte:02X}");
}

fn decode_line(line: &str) -> Option<(PathBuf, Entry)> {
    let mut parts = line.splitn(5, ' ');
    let kind = Kind::parse(parts.next()?)?;
    let digest = Digest::parse(parts.next()?)?;
    let size = parts.next()?.parse().ok()?;
    let mtime = parts.next()?.parse().ok()?;
    Some((unescape(parts.next()?)?, Entry { kind, digest, size, mtime }))
}

/// Whether a folder entry of that name is git's own, which is no part of any tree.
pub(crate) fn is_git(name: &OsStr) -> bool {
    name == ".git"
}

#[cfg(test)]
mod tests;
