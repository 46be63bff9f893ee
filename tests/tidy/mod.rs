//! The house rules, as tests: what no compiler or lint refuses and a reader would otherwise have to watch for.
//!
//! Each rule is a function from texts to complaints, so that its own tests can show it a violation.

mod documents;
mod layers;
mod manifests;
mod reachable;
mod sizes;
mod sources;

use std::path::Path;

/// A text file of the repository.
struct Source {
    /// Where it is, from the root, with forward slashes.
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// Whether it holds tests only: it is under a `tests` folder, or the tests of a module in a file of their own.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs"))
    }
}

/// Every text file that is not ignored, sorted by path; the lock file, which nobody writes, is left out.
fn repository() -> Vec<Source> {
    let root = crate::root();
    let visible = |entry: &ignore::DirEntry| entry.file_name() != ".git";
    let walk = ignore::WalkBuilder::new(root).hidden(false).require_git(false).filter_entry(visible).sort_by_file_path(Ord::cmp).build();
    let files = walk.map(|entry| entry.unwrap().into_path()).filter(|path| path.is_file());
    let sources = files.filter_map(|path| {
        let text = String::from_utf8(std::fs::read(&path).unwrap()).ok()?;
        let path = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        (path != "Cargo.lock").then_some(Source { path, text })
    });
    sources.collect()
}

/// Fails with every complaint there is, one a line.
#[track_caller]
fn no_complaints(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
