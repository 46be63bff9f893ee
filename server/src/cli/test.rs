//! `naestro test`: the tests that a change affects, all of them, or those that are named.

use std::path::{Path, PathBuf};

use naestro_api::{Command, Error, ErrorCode, Selection, Test};

use super::explain::below;
use super::orchestrate::seconds;
use crate::screen::Screen;
use crate::{folder, watch};

/// Run the tests that what you changed affects, or others, by the project's own runners.
///
/// Each test that fails is told with its place, its message and the change that is its likeliest cause; a test that fails
/// and then passes is named as flaky.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro test
  naestro test --since main --wall 5m
  naestro test parses_a_line tests/cli.rs
  naestro test --all --list")]
pub(super) struct Args {
    /// Tests to run: a part of their names, or the file they are in.
    #[arg(value_name = "SELECTOR", conflicts_with_all = ["all", "affected", "since"])]
    selectors: Vec<String>,
    /// Run all tests.
    #[arg(long, conflicts_with_all = ["affected", "since"])]
    all: bool,
    /// Run the tests that what you changed affects: what happens where nothing else is asked for.
    #[arg(long)]
    affected: bool,
    /// The revision to compare with; the merge base with the default branch where absent.
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
    /// List the tests and why they are chosen, and run none.
    #[arg(long, conflicts_with_all = ["repeat", "retries"])]
    list: bool,
    /// Run each test so many times.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: Option<u32>,
    /// Run a test that fails so many more times, to tell flaky from failing.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    retries: Option<u32>,
    /// The longest it may take: 90, 90s, 5m or 1h; 120 seconds where absent.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    wall: Option<u64>,
    /// The folder; the repository around the current directory where absent.
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    /// Print one JSON object a line: the one of type tests has the report, the last one is of type finished.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        let workspace = folder::workspace(self.workspace.as_deref())?;
        let select = match (self.all, self.selectors.is_empty()) {
            (true, _) => Selection::All,
            (false, true) => Selection::Affected,
            (false, false) => Selection::Named(named(&self.selectors, &workspace, self.workspace.is_some())?),
        };
        let (since, list, repeat, retries) = (self.since, self.list, self.repeat, self.retries);
        let command = Command::Test(Test { workspace, select, since, list, repeat, retries, wall_s: self.wall });
        watch::run(command, None, Screen::new(self.json))
    }
}

/// The selectors with the paths in them relative to the folder, as seen from where the command was started.
fn named(selectors: &[String], workspace: &str, is_given: bool) -> Result<Vec<String>, Error> {
    let root = Path::new(workspace);
    let current =
        std::env::current_dir().map_err(|error| Error::new(ErrorCode::InvalidWorkspace, format!("find the current directory: {error}")))?;
    let from = if is_given { root } else { &current };
    Ok(selectors.iter().map(|text| selector(text, root, from)).collect())
}

/// `tests/a.py::name`, where `tests/a.py` is there as seen from `from`, with its path relative to `root`.
fn selector(text: &str, root: &Path, from: &Path) -> String {
    // A name is one of a test unless it is written as a path or has an ending.
    let path = text.split("::").next().unwrap_or_default();
    if !path.contains(['/', '.']) {
        return text.to_owned();
    }
    format!("{}{}", below(path, root, from), &text[path.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_read_as_seen_from_where_the_command_was_started() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let root = root.path().canonicalize().expect("its real path");
        std::fs::create_dir_all(root.join("a/tests")).expect("folders");
        std::fs::write(root.join("a/tests/test_x.py"), "").expect("a file");
        let check = |text: &str, expect: &str| assert_eq!(selector(text, &root, &root.join("a")), expect, "{text}");
        check("tests/test_x.py", "a/tests/test_x.py");
        check("tests/test_x.py::test_one", "a/tests/test_x.py::test_one");
        check("tests/test_x.py:6", "a/tests/test_x.py:6");
        check(&format!("{}/a/tests/test_x.py", root.display()), "a/tests/test_x.py");
        check("test_one", "test_one");
        check("module::tests::one", "module::tests::one");
        check("a/tests/test_x.py", "a/tests/test_x.py");
    }
}
