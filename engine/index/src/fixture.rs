//! A repository in memory, for tests: files as text, commits as what some of them were before.
//!
//! A fixture is written as blocks that begin with `//- path`; a block `//- path @before` is the file as it was in the commit
//! `before`, and `//- path @gone` one that is there no more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use naestro_kernel::code::{Fault, Watch};

use crate::coverage::Coverage;
use crate::extract::outline;
use crate::{Commit, Definition, Facts, File, FileId, History, Language, Outline};

/// The one commit of a fixture.
pub(crate) const BEFORE: &str = "before";

/// A repository in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) now: BTreeMap<String, Vec<u8>>,
    pub(crate) before: BTreeMap<String, Vec<u8>>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) coverage: Vec<Result<Coverage, String>>,
    files: Arc<[File]>,
    outlines: Vec<Arc<Outline>>,
    digests: Vec<[u8; 32]>,
    named: HashMap<String, Vec<Definition>>,
    mentioned: HashMap<String, BTreeSet<FileId>>,
}

impl Memory {
    /// Reads a fixture.
    pub(crate) fn parse(fixture: &str) -> Self {
        let mut now = BTreeMap::new();
        let mut before = BTreeMap::new();
        let mut gone = Vec::new();
        for block in fixture.split("//- ").skip(1) {
            let (head, text) = block.split_once('\n').unwrap_or((block, ""));
            let (path, when) = head.trim().split_once(" @").unwrap_or((head.trim(), ""));
            match when {
                "before" => drop(before.insert(path.to_owned(), text.as_bytes().to_vec())),
                "gone" => {
                    before.insert(path.to_owned(), text.as_bytes().to_vec());
                    gone.push(path.to_owned());
                }
                _ => drop(now.insert(path.to_owned(), text.as_bytes().to_vec())),
            }
        }
        Self::new(now, before)
    }

    /// A repository of these files, and what differed in its one commit.
    pub(crate) fn new(now: BTreeMap<String, Vec<u8>>, before: BTreeMap<String, Vec<u8>>) -> Self {
        let mut memory = Self { now, before, ..Self::default() };
        let mut files = Vec::new();
        for (number, (path, bytes)) in (0_u32..).zip(&memory.now) {
            let id = FileId(number);
            let language = Language::of(path);
            files.push(File { id, path: path.clone(), language, note: String::new() });
            let outline = language.map(|language| outline(language, bytes)).unwrap_or_default();
            for (symbol, own) in (0_u32..).zip(&outline.symbols) {
                memory.named.entry(own.name.clone()).or_default().extend(Definition::of(id, &outline, symbol));
            }
            for word in String::from_utf8_lossy(bytes).split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$') {
                memory.mentioned.entry(word.to_owned()).or_default().insert(id);
            }
            memory.outlines.push(Arc::new(outline));
            memory.digests.push(*blake3::hash(bytes).as_bytes());
        }
        memory.files = files.into();
        memory
    }

    /// The files that differ from the commit.
    pub(crate) fn changed_files(&self) -> Vec<String> {
        self.before.keys().cloned().collect()
    }
}

impl Facts for Memory {
    fn files(&self) -> Result<Arc<[File]>, Fault> {
        Ok(Arc::clone(&self.files))
    }

    fn outline(&self, file: FileId) -> Result<Arc<Outline>, Fault> {
        Ok(Arc::clone(&self.outlines[file.0 as usize]))
    }

    fn digest(&self, file: FileId) -> Result<Option<[u8; 32]>, Fault> {
        Ok(self.digests.get(file.0 as usize).copied())
    }

    fn named(&self, name: &str) -> Result<Vec<Definition>, Fault> {
        Ok(self.named.get(name).cloned().unwrap_or_default())
    }

    fn mentioning(&self, name: &str) -> Result<Vec<FileId>, Fault> {
        Ok(self.mentioned.get(name).into_iter().flatten().copied().collect())
    }

    fn tests(&self) -> Result<Vec<(FileId, u32)>, Fault> {
        let is_test = |outline: &Outline, at: u32| outline.symbols[at as usize].kind == crate::Kind::Test;
        let numbered = self.files.iter().zip(&self.outlines);
        let tests = numbered.flat_map(|(file, outline)| {
            (0..u32::try_from(outline.symbols.len()).unwrap_or(0)).filter(|at| is_test(outline, *at)).map(|at| (file.id, at))
        });
        Ok(tests.collect())
    }

    fn dynamic(&self) -> Result<Vec<FileId>, Fault> {
        Ok(self.files.iter().zip(&self.outlines).filter(|(_, outline)| !outline.dynamic.is_empty()).map(|(file, _)| file.id).collect())
    }

    fn near(&self, name: &str, limit: usize) -> Result<Vec<String>, Fault> {
        let mut near: Vec<(usize, &String)> = self.named.keys().map(|known| (strsim::levenshtein(name, known), known)).collect();
        near.sort_unstable();
        Ok(near.into_iter().take_while(|(distance, _)| *distance < 4).take(limit).map(|(_, name)| name.clone()).collect())
    }
}

impl History for Memory {
    fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.now.get(path).cloned())
    }

    fn bytes_in(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        let known = if commit == BEFORE { self.before.get(path) } else { None };
        Ok(known.cloned())
    }

    fn commit(&self, revision: &str) -> Result<Commit, Fault> {
        let known = self.commits.iter().find(|commit| revision == "HEAD" || commit.id.starts_with(revision));
        known.cloned().ok_or_else(|| Fault::Unknown { what: format!("a commit `{revision}`"), near: Vec::new() })
    }

    fn commits(&self, _path: &str, _lines: (u32, u32), limit: usize) -> Result<Vec<Commit>, Fault> {
        Ok(self.commits.iter().take(limit).cloned().collect())
    }

    fn companions(&self, _path: &str, _limit: usize) -> Result<(Vec<(String, u32)>, u32), Fault> {
        Ok((Vec::new(), 0))
    }

    fn coverage(&self, _files: &[String]) -> Result<Vec<Result<Coverage, String>>, Fault> {
        Ok(self.coverage.clone())
    }

    fn changed(&self, _commit: Option<&str>) -> Result<Vec<String>, Fault> {
        Ok(self.changed_files())
    }
}

/// Someone who waits for as long as it takes.
pub(crate) struct Patient;

impl Watch for Patient {
    fn progress(&self, _done: usize, _total: usize) {}

    fn cancelled(&self) -> bool {
        false
    }
}
