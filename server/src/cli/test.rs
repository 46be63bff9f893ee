//! `naestro test`: the tests that a change affects.

use std::path::PathBuf;

use naestro_api::{Command, Error, Test};

use super::orchestrate::seconds;
use crate::screen::Screen;
use crate::{folder, watch};

/// Run the tests that what you changed affects, by the project's own runner.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro test --since main --wall 5m")]
pub(super) struct Args {
    /// The revision to compare with; the merge base with the default branch where absent.
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
    /// The longest it may take: 90, 90s, 5m or 1h; 120 seconds where absent.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    wall: Option<u64>,
    /// The folder; the repository around the current directory where absent.
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    /// Print one JSON object a line; the last one is of type finished.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        let workspace = folder::workspace(self.workspace.as_deref())?;
        let command = Command::Test(Test { workspace, since: self.since, wall_s: self.wall });
        watch::run(command, None, Screen::new(self.json))
    }
}
