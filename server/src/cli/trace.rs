//! `naestro trace`: what happened, from the journal.

use clap::Subcommand;
use naestro_api::{Command, Error, Handle, Trace, TraceReply};

use super::show;
use crate::{exit, screen, watch};

/// See what happened: list, show, replay, verify, fork, export or remove runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro trace list
  naestro trace show 0190a5
  naestro trace verify")]
pub(super) struct Args {
    #[command(subcommand)]
    op: Op,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Op {
    /// The newest runs.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// One run: its state and every event.
    Show {
        /// The run, or the beginning of its id.
        run: String,
    },
    /// Fold a run again and compare the digests of its state.
    Replay {
        /// The run.
        run: String,
    },
    /// Check every record, blob and chain.
    Verify {
        /// The run; all where absent.
        run: Option<String>,
    },
    /// Make a new run that continues another from after one of its events.
    Fork {
        /// The run.
        run: String,
        /// The last event they share.
        index: u64,
    },
    /// Print a run's events, one JSON object a line.
    Export {
        /// The run.
        run: String,
    },
    /// Remove a run.
    Rm {
        /// The run.
        run: String,
    },
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        let Handle::Trace(reply) = watch::ask(Command::Trace(self.op.into()))? else { return Err(watch::unexpected("a trace")) };
        let code = exit_code(&reply);
        if self.json {
            screen::json_line(&reply);
        } else {
            screen::print(&show::reply(&reply))?;
        }
        Ok(code)
    }
}

impl From<Op> for Trace {
    fn from(op: Op) -> Self {
        match op {
            Op::List { limit } => Self::List { limit: Some(limit) },
            Op::Show { run } => Self::Show { run },
            Op::Replay { run } => Self::Replay { run },
            Op::Verify { run } => Self::Verify { run },
            Op::Fork { run, index } => Self::Fork { run, index },
            Op::Export { run } => Self::Export { run },
            Op::Rm { run } => Self::Rm { run },
        }
    }
}

/// A replay that differs and a journal that is damaged are failures, so that scripts can see them.
fn exit_code(reply: &TraceReply) -> u8 {
    match reply {
        TraceReply::Replay(replayed) if replayed.identical == Some(false) => exit::FAILED,
        TraceReply::Verify { problems, .. } if !problems.is_empty() => exit::FAILED,
        _ => exit::SUCCEEDED,
    }
}
