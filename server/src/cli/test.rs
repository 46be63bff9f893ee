//! `naestro test`: the tests that a change affects, all of them, or those that are named.

use std::path::PathBuf;

use naestro_api::{Command, Error, Selection, Test};

use super::orchestrate::seconds;
use crate::screen::Screen;
use crate::{folder, watch};

/// Run the tests that what you changed affects, or others, by the project's own runners.
///
/// Each test that fails is told with its place, its message and the change that is its likeliest cause; a test that fails
/// and then passes is flaky, not passed.
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
            (false, false) => Selection::Named(self.selectors),
        };
        let (since, list, repeat, retries) = (self.since, self.list, self.repeat, self.retries);
        let command = Command::Test(Test { workspace, select, since, list, repeat, retries, wall_s: self.wall });
        watch::run(command, None, Screen::new(self.json))
    }
}
