//! Which mutants are measured: all there are, in an order that the seed alone decides.
//!
//! Invariant: the same files and the same seed give the same mutants in the same order, on every machine.

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use naestro_api::Error;
use serde::Serialize;

use super::failed;

/// Files of more bytes were hardly written by people.
const LARGEST: u64 = 1 << 20;

/// One change to one file of a project.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Mutant {
    /// The file, from the project's root.
    pub(super) path: String,
    /// The function it is in.
    pub(super) symbol: String,
    pub(super) line: u32,
    /// What was there, and what is there now.
    pub(super) from: String,
    pub(super) to: String,
    #[serde(skip)]
    bytes: Range<usize>,
}

impl Mutant {
    /// One of a function.
    #[cfg(test)]
    pub(super) fn example(symbol: &str) -> Self {
        Self { path: "src/a.py".into(), symbol: symbol.into(), line: 1, from: "<".into(), to: "<=".into(), bytes: 2..3 }
    }

    /// The file's bytes with the change; nothing if they do not reach as far.
    pub(super) fn apply(&self, file: &[u8]) -> Option<Vec<u8>> {
        let (before, after) = (file.get(..self.bytes.start)?, file.get(self.bytes.end..)?);
        Some([before, self.to.as_bytes(), after].concat())
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {}: `{}` -> `{}`", self.path, self.line, self.symbol, self.from, self.to)
    }
}

/// All mutants of the project `name` in the folder `root`, in the order in which they are drawn.
///
/// # Errors
/// `unavailable` where a file cannot be read.
pub(super) fn mutants(root: &Path, seed: u64, name: &str) -> Result<Vec<Mutant>, Error> {
    let mut mutants = Vec::new();
    for path in sources(root)? {
        let bytes = fs::read(root.join(&path)).map_err(|error| failed(&format!("read {path}: {error}")))?;
        mutants.extend(naestro_index::mutants(&path, &bytes).into_iter().filter_map(|mutant| {
            let from = String::from_utf8_lossy(bytes.get(mutant.bytes.clone())?).into_owned();
            Some(Mutant { path: path.clone(), symbol: mutant.symbol, line: mutant.line, from, to: mutant.replacement, bytes: mutant.bytes })
        }));
    }
    Dice::new(seed, name).shuffle(&mut mutants);
    Ok(mutants)
}

/// The source files of a project, in order.
///
/// # Errors
/// `unavailable` where a folder cannot be read.
pub(in crate::bench) fn sources(root: &Path) -> Result<Vec<String>, Error> {
    let mut sources = Vec::new();
    walk(root, "", &mut sources).map_err(|error| failed(&format!("read {}: {error}", root.display())))?;
    sources.sort();
    Ok(sources)
}

/// Takes in the source files of a folder, each by its path from the root.
fn walk(folder: &Path, above: &str, sources: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        let path = format!("{above}{name}");
        if kind.is_dir() && !is_apart(&name) {
            walk(&entry.path(), &format!("{path}/"), sources)?;
        } else if kind.is_file() && is_source(&name) && entry.metadata()?.len() <= LARGEST {
            sources.push(path);
        }
    }
    Ok(())
}

/// Whether a folder holds something else than what the project's tests are about.
fn is_apart(folder: &str) -> bool {
    const APART: [&str; 14] = [
        "__tests__",
        "bench",
        "benches",
        "build",
        "dist",
        "doc",
        "docs",
        "examples",
        "fixtures",
        "node_modules",
        "target",
        "test",
        "testdata",
        "tests",
    ];
    folder.starts_with('.') || folder.ends_with("venv") || APART.contains(&folder)
}

/// Whether a file's name is that of a source which is no test and no configuration.
fn is_source(file: &str) -> bool {
    let Some((stem, extension)) = file.rsplit_once('.') else { return false };
    match extension {
        "rs" => !matches!(stem, "build" | "test" | "tests") && !stem.ends_with("_test") && !stem.ends_with("_tests"),
        "py" => !matches!(stem, "conftest" | "setup" | "noxfile") && !stem.starts_with("test_") && !stem.ends_with("_test"),
        "ts" | "tsx" => ![".test", ".spec", ".d", ".config", ".bench"].iter().any(|part| stem.ends_with(part)),
        _ => false,
    }
}

/// Numbers from a seed (SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
pub(in crate::bench) struct Dice(u64);

impl Dice {
    /// A project's own, so that it draws the same whichever others are measured.
    pub(in crate::bench) fn new(seed: u64, name: &str) -> Self {
        let mut dice = Self(seed);
        for byte in name.bytes() {
            dice.0 = dice.next() ^ u64::from(byte);
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Fisher and Yates: each order is as likely as any other, but for what 2^64 does not divide by.
    pub(in crate::bench) fn shuffle<T>(&mut self, items: &mut [T]) {
        for left in (1..items.len()).rev() {
            let chosen = self.next() % (left as u64 + 1);
            items.swap(left, usize::try_from(chosen).unwrap_or(left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_name_decide_the_order() {
        let order = |seed, name| {
            let mut items: Vec<u8> = (0..20).collect();
            Dice::new(seed, name).shuffle(&mut items);
            items
        };
        assert_eq!(order(1, "a"), order(1, "a"));
        assert_ne!(order(1, "a"), order(2, "a"));
        assert_ne!(order(1, "a"), order(1, "b"));
        let mut sorted = order(1, "a");
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<u8>>());
    }

    #[test]
    fn the_dice_are_those_of_the_paper() {
        let mut dice = Dice(1_234_567);
        assert_eq!([dice.next(), dice.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn tests_and_what_is_installed_are_no_sources() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for path in [
            "src/a.rs",
            "src/b/c.py",
            "src/d.ts",
            "src/d.test.ts",
            "src/d.d.ts",
            "src/tests.rs",
            "src/test_c.py",
            "tests/e.rs",
            "node_modules/f/g.ts",
            ".venv/h.py",
            "vitest.config.ts",
            "build.rs",
            "README.md",
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        let mut sources = Vec::new();
        walk(root.path(), "", &mut sources).expect("a folder that can be read");
        sources.sort();
        assert_eq!(sources, ["src/a.rs", "src/b/c.py", "src/d.ts"]);
    }

    #[test]
    fn a_mutant_changes_its_bytes_alone() {
        let mutant = Mutant::example("f");
        assert_eq!(mutant.apply(b"a < b").as_deref(), Some(b"a <= b".as_slice()));
        assert_eq!(mutant.apply(b"a"), None);
    }
}
