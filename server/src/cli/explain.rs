//! `naestro explain`: a recorded run or one of its steps, from recorded reasons only.

use naestro_api::{Command, Error, Explain, Handle};

use crate::{clean, exit, screen, watch};

/// Explain a recorded run, or one step of it, from what was recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro explain run:0190a5d7-...
  naestro explain run:0190a5d7-.../fix")]
pub(super) struct Args {
    /// What to explain: run:ID or run:ID/STEP.
    target: String,
    /// Print the explanation as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        let handle = watch::ask(Command::Explain(Explain { target: self.target }))?;
        let Handle::Explanation(explanation) = handle else { return Err(watch::unexpected("an explanation")) };
        if self.json {
            screen::json_line(&explanation);
        } else {
            screen::print(&format!("{}\n", clean::text(explanation.text.trim_end())))?;
        }
        Ok(exit::SUCCEEDED)
    }
}
