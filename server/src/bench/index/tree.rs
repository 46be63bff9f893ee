//! The tree that is indexed: crates from cargo's registry, a copy of a folder, or sources made up where there is neither.
//!
//! Invariant: the same registry gives the same tree. Crates are taken in order of their names; a quarter of the lines is left to
//! crates that carry C, and no crate has more than an eighth of them.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use naestro_index::Language;

use crate::config;

/// Which part of the lines is for crates that wrap a C library, and the most of one crate.
const WRAPPERS: u64 = 4;
const ONE: u64 = 8;

/// A tree of code.
pub(super) struct Tree {
    pub(super) root: PathBuf,
    pub(super) files: usize,
    /// Lines of the understood languages.
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// Rust files relative to the root, in order.
    rust: Vec<String>,
}

impl Tree {
    /// Makes it at `root`: a copy of the named folder, or of crates of so many lines together.
    pub(super) fn make(root: &Path, named: Option<&Path>, lines: u64) -> io::Result<Self> {
        match named {
            Some(folder) => copy(folder, root)?,
            None => gather(root, lines)?,
        }
        Self::of(root)
    }

    /// The tree that is there.
    pub(super) fn of(root: &Path) -> io::Result<Self> {
        let mut tree = Self { root: root.to_path_buf(), files: 0, lines: 0, bytes: 0, rust: Vec::new() };
        let mut paths = Vec::new();
        list(root, &mut paths)?;
        for path in paths {
            tree.files += 1;
            tree.bytes += path.metadata()?.len();
            tree.lines += lines(&path)?;
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            if Language::of(&relative) == Some(Language::Rust) && fs::read_to_string(&path).is_ok_and(|text| text.contains("\nfn ")) {
                tree.rust.push(relative);
            }
        }
        if tree.rust.is_empty() {
            return Err(io::Error::other("it holds no Rust file with a function"));
        }
        Ok(tree)
    }

    /// A Rust file; they begin again after the last.
    pub(super) fn file(&self, number: usize) -> &str {
        &self.rust[number * 7919 % self.rust.len()]
    }

    /// Adds a function to a file.
    pub(super) fn edit(&self, number: usize, name: &str) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().append(true).open(self.root.join(self.file(number)))?;
        writeln!(file, "\n/// Added by an edit.\nfn {name}() -> usize {{\n    {number}\n}}")
    }

    /// A function in the middle of the tree, as `path:line`.
    pub(super) fn target(&self) -> io::Result<String> {
        let path = &self.rust[self.rust.len() / 2];
        let text = fs::read_to_string(self.root.join(path))?;
        let line = text.lines().position(|line| line.starts_with("fn ")).unwrap_or(0) + 1;
        Ok(format!("{path}:{line}"))
    }
}

/// The size of a file, or of all files of a folder; 0 where there is none.
pub(super) fn size(path: &Path) -> u64 {
    let mut paths = Vec::new();
    if path.is_dir() && list(path, &mut paths).is_ok() {
        return paths.iter().map(|path| size(path)).sum();
    }
    path.metadata().map_or(0, |metadata| metadata.len())
}

fn gather(root: &Path, wanted: u64) -> io::Result<()> {
    fs::create_dir_all(root)?;
    let crates = registry()?;
    let (wrappers, others): (Vec<PathBuf>, Vec<PathBuf>) = crates.into_iter().partition(|path| text_of(path).contains("-sys-"));
    let taken = take(root, &wrappers, wanted / WRAPPERS, wanted / ONE)?;
    let taken = taken + take(root, &others, wanted.saturating_sub(taken), wanted / ONE)?;
    if taken < wanted { make_up(root, wanted - taken) } else { Ok(()) }
}

/// The crates that cargo unpacked, in order of their names.
fn registry() -> io::Result<Vec<PathBuf>> {
    let Some(home) = config::user_home() else { return Ok(Vec::new()) };
    let mut crates = Vec::new();
    for registry in folders(&home.join(".cargo/registry/src"))? {
        crates.extend(folders(&registry)?);
    }
    crates.sort_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
    Ok(crates)
}

fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

/// Copies crates until there are so many lines; how many there are.
fn take(root: &Path, crates: &[PathBuf], wanted: u64, most: u64) -> io::Result<u64> {
    let mut taken = 0;
    for path in crates {
        if taken >= wanted {
            break;
        }
        let mut files = Vec::new();
        list(path, &mut files)?;
        let size = files.iter().map(|file| lines(file)).sum::<io::Result<u64>>()?;
        if size > 0 && size <= most {
            copy(path, &root.join(text_of(path)))?;
            taken += size;
        }
    }
    Ok(taken)
}

/// Writes files of functions that call each other.
pub(super) fn make_up(root: &Path, wanted: u64) -> io::Result<()> {
    fs::create_dir_all(root.join("made_up"))?;
    for file in 0..wanted.div_ceil(600) {
        let function = |at| {
            let other = (file * 31 + at * 7) % (file * 100 + at + 1);
            format!(
                "/// Number {at} of file {file}.\nfn made_{file}_{at}(value: usize) -> usize {{\n    value + made_{other}({at})\n}}\n\n"
            )
        };
        fs::write(root.join(format!("made_up/file_{file:06}.rs")), format!("\n{}", (0..120).map(function).collect::<String>()))?;
    }
    Ok(())
}

fn copy(from: &Path, into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, into.join(entry.file_name()));
        if kind.is_file() {
            fs::copy(entry.path(), target)?;
        } else if kind.is_dir() && !entry.path().join("CACHEDIR.TAG").exists() {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Every file below a folder that is not hidden, in order.
fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        } else if kind.is_dir() {
            list(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// The lines of a file in one of the understood languages that is not too large to be read.
fn lines(path: &Path) -> io::Result<u64> {
    if Language::of(&path.to_string_lossy()).is_none() || path.metadata()?.len() > 4 << 20 {
        return Ok(0);
    }
    Ok(fs::read(path)?.iter().filter(|byte| **byte == b'\n').count() as u64)
}

fn text_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
