//! `naestro completions`: a completion script for a shell.

use clap::CommandFactory as _;
use naestro_api::Error;

use super::{Cli, exit};
use crate::screen;

/// Print a completion script for your shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro completions bash > ~/.local/share/bash-completion/completions/naestro")]
pub(super) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

impl Args {
    pub(super) fn run(self) -> Result<u8, Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "naestro", &mut script);
        screen::print(&String::from_utf8_lossy(&script))?;
        Ok(exit::SUCCEEDED)
    }
}
