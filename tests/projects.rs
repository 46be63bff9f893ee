//! Sample projects: small, real and broken on purpose, made anew for each test.
//!
//! Invariant: git here reads neither the machine's configuration nor its clock, so a project is the same wherever and
//! whenever it is made, its commits included.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

/// What every cargo project of ours has beside its packages: nothing from the network, and no build folder in git.
const IGNORED: &str = "target/\n__pycache__/\n.pytest_cache/\n";

/// A folder with a project in it; gone when the last of its clones is dropped.
#[derive(Clone)]
pub struct Project {
    _folder: Arc<TempDir>,
    root: PathBuf,
}

impl Project {
    /// A folder with nothing in it, not even a repository.
    ///
    /// # Panics
    /// If no temporary folder can be made.
    #[must_use]
    pub fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("project-").tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("a folder just made").join("checkout");
        fs::create_dir(&root).expect("a folder just made");
        Self { _folder: Arc::new(folder), root }
    }

    /// A repository without a commit.
    #[must_use]
    pub fn unborn() -> Self {
        let project = Self::empty();
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.write(".gitignore", IGNORED);
        project
    }

    /// A repository with one commit of a text file.
    #[must_use]
    pub fn plain() -> Self {
        let project = Self::unborn();
        project.write("notes.txt", "one\ntwo\nthree\n");
        project.commit("begin");
        project
    }

    /// A cargo library whose one test fails because of a bug in one line.
    #[must_use]
    pub fn broken_cargo() -> Self {
        let project = Self::unborn();
        project.write("Cargo.toml", &manifest("sums", ""));
        project.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"sums\"\nversion = \"0.1.0\"\n");
        project.write("src/lib.rs", BROKEN_RUST);
        project.write("NOTES.md", "Sums of two numbers.\n");
        project.commit("begin");
        project
    }

    /// A Python package whose one test fails because of a bug in one line.
    #[must_use]
    pub fn broken_pytest() -> Self {
        let project = Self::unborn();
        project.write("pyproject.toml", "[project]\nname = \"sums\"\nversion = \"0.1.0\"\n");
        project.write("sums.py", "def add(a, b):\n    return a - b\n");
        project.write("test_sums.py", "from sums import add\n\n\ndef test_adds():\n    assert add(2, 3) == 5\n");
        project.commit("begin");
        project
    }

    /// A cargo workspace of three packages whose tests pass: `upper` depends on `lower`, `apart` on nothing.
    #[must_use]
    pub fn cargo_workspace() -> Self {
        let project = Self::unborn();
        project.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"lower\", \"upper\", \"apart\"]\n");
        project.write("lower/Cargo.toml", &manifest("lower", ""));
        project.write("lower/src/lib.rs", &tested("pub fn two() -> u32 { 2 }", "two_is_two", "super::two(), 2"));
        project.write("upper/Cargo.toml", &manifest("upper", "lower = { path = \"../lower\" }\n"));
        project.write("upper/src/lib.rs", &tested("pub fn four() -> u32 { 2 * lower::two() }", "four_is_four", "super::four(), 4"));
        project.write("apart/Cargo.toml", &manifest("apart", ""));
        project.write("apart/src/lib.rs", &tested("pub fn one() -> u32 { 1 }", "one_is_one", "super::one(), 1"));
        let locked = |name: &str, needs: &str| format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n{needs}");
        let packages = [locked("apart", ""), locked("lower", ""), locked("upper", "dependencies = [\n \"lower\",\n]\n")];
        project.write("Cargo.lock", &format!("version = 4\n{}", packages.concat()));
        project.commit("begin");
        project
    }

    /// A cargo library of two modules, one using the other, each with tests of its own, in two commits.
    #[must_use]
    pub fn shop() -> Self {
        let project = Self::unborn();
        project.write("Cargo.toml", &manifest("shop", ""));
        project.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n");
        project.write("src/lib.rs", "//! A shop.\n\npub mod price;\n");
        project.write("src/price.rs", PRICE);
        project.commit("Prices with tax");
        project.write("src/lib.rs", "//! A shop.\n\npub mod price;\npub mod stock;\n");
        project.write("src/stock.rs", STOCK);
        project.commit("A stock of pieces");
        project
    }

    /// Its folder, absolute and without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file in place, its folders too.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder for the file");
        fs::write(path, text).expect("a file that can be written");
    }

    /// Writes a file as editors save: a new file beside it that takes its name.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn save(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        let beside = path.with_extension("saving");
        fs::write(&beside, text).expect("a file that can be written");
        fs::rename(&beside, &path).expect("a file that can be renamed");
    }

    /// A file's text.
    ///
    /// # Panics
    /// If it is not there or no text.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).expect("a file that can be read")
    }

    /// Every file by its path but what git keeps and what builds make.
    ///
    /// # Panics
    /// If one cannot be read.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        collect(&self.root, &self.root, &mut files);
        files
    }

    /// Commits everything there is.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// What git answers.
    ///
    /// # Panics
    /// If it fails.
    pub fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether git says that the diff in this file can be applied as it stands.
    #[must_use]
    pub fn takes(&self, diff: &Path) -> bool {
        self.try_git(&["apply", "--check", &diff.to_string_lossy()]).status.success()
    }

    fn try_git(&self, args: &[&str]) -> std::process::Output {
        let identity = ["AUTHOR_NAME", "COMMITTER_NAME", "AUTHOR_EMAIL", "COMMITTER_EMAIL"].map(|name| (format!("GIT_{name}"), "tester"));
        Command::new("git")
            .args(args)
            .current_dir(&self.root)
            .envs(identity)
            .envs(["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|name| (name, "2026-01-01T00:00:00Z")))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .expect("git is needed for these tests")
    }
}

const BROKEN_RUST: &str = "//! Sums.

/// The sum of both.
pub fn add(a: i32, b: i32) -> i32 {
    a - b
}

#[test]
fn adds() {
    assert_eq!(add(2, 3), 5);
}
";

const PRICE: &str = "//! What things cost.

/// The price with tax, in cents.
pub fn gross(net: u64) -> u64 {
    net + tax(net)
}

fn tax(net: u64) -> u64 {
    net / 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_tax() {
        assert_eq!(tax(100), 20);
    }

    #[test]
    fn tax_is_added() {
        assert_eq!(gross(100), 120);
    }
}
";

const STOCK: &str = "//! What is there.

use crate::price::gross;

/// What all pieces cost, with tax.
pub fn worth(pieces: u64, net: u64) -> u64 {
    pieces * gross(net)
}

/// Whether there is nothing.
pub fn is_empty(pieces: u64) -> bool {
    pieces == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_counts() {
        assert_eq!(worth(3, 100), 360);
    }

    #[test]
    fn nothing_is_empty() {
        assert!(is_empty(0));
    }
}
";

fn manifest(name: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ndoctest = false\n\n[dependencies]\n{dependencies}"
    )
}

fn tested(code: &str, test: &str, equal: &str) -> String {
    format!("{code}\n\n#[cfg(test)]\nmod tests {{\n    #[test]\n    fn {test}() {{\n        assert_eq!({equal});\n    }}\n}}\n")
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder that can be read") {
        let path = entry.expect("a folder that can be read").path();
        let built = |name: &str| path.file_name().is_some_and(|own| own == name);
        if path.is_dir() && ![".git", "target", "__pycache__", ".pytest_cache"].into_iter().any(built) {
            collect(root, &path, files);
        } else if path.is_file() {
            let name = path.strip_prefix(root).expect("a file below the root").to_string_lossy().into_owned();
            files.insert(name, String::from_utf8_lossy(&fs::read(&path).expect("a file that can be read")).into_owned());
        }
    }
}
