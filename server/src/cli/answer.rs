//! `naestro answer`: answers a question of a run, in whichever process it goes on.

use naestro_api::{Answer, Error, Signal};

use crate::watch;

/// Answer a question that a run waits for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro answer 0190a5d7-... 0 allow")]
pub(super) struct Args {
    /// The run.
    run: String,
    /// The question's number, as the run showed it.
    question: u32,
    /// One of its choices, or free text where it has none.
    choice: String,
    /// Show errors as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        watch::signal(Signal::Answer(Answer { run: self.run, question: self.question, choice: self.choice }))
    }
}
