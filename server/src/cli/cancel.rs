//! `naestro cancel`: ends a run, in whichever process it goes on.

use naestro_api::{Error, Signal};

use crate::watch;

/// End a run for good; a suspended one too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro cancel 0190a5d7-...")]
pub(super) struct Args {
    /// The run.
    run: String,
    /// Show errors as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        watch::signal(Signal::Cancel { run: self.run })
    }
}
