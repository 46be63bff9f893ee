//! The command line: one table drives the parser, the help and the completions; one verb, one file.
//!
//! Invariant: a verb ends in an exit code of [`crate::exit`] or in an [`Error`] that is shown with its hints.

mod answer;
mod cancel;
mod completions;
mod doctor;
mod explain;
mod orchestrate;
mod show;
mod spec;
mod test;
#[cfg(test)]
mod tests;
mod trace;
mod upstream;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use naestro_api::Error;

use crate::screen::Screen;
use crate::{bench, exit, mcp, process, rpc};

/// One local binary between your editor and every model.
#[derive(Debug, Parser)]
#[command(name = "naestro", version, max_term_width = 100, after_help = exit::TABLE, after_long_help = exit::TABLE)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(visible_alias = "run")]
    Orchestrate(Box<orchestrate::Args>),
    Test(test::Args),
    Explain(explain::Args),
    Trace(trace::Args),
    Answer(answer::Args),
    Cancel(cancel::Args),
    Mcp(mcp::Args),
    Rpc(rpc::Args),
    Upstream(upstream::Args),
    Spec(spec::Args),
    Doctor(doctor::Args),
    Bench(bench::Args),
    Completions(completions::Args),
}

/// Parses the arguments, runs the verb, and shows what went wrong where something did.
pub(crate) fn main() -> ExitCode {
    let Some(verb) = Cli::parse().verb else { return help() };
    process::log();
    let json = verb.json();
    let code = verb.run().unwrap_or_else(|error| {
        Screen::new(json).error(&error);
        exit::of_error(&error)
    });
    ExitCode::from(code)
}

fn help() -> ExitCode {
    // Nothing can be said where standard output is closed.
    let _ = write!(anstream::stdout(), "{}", Cli::command().render_help().ansi());
    ExitCode::from(exit::SUCCEEDED)
}

impl Verb {
    /// Whether errors are wanted as JSON lines.
    fn json(&self) -> bool {
        match self {
            Self::Orchestrate(args) => args.json(),
            Self::Test(args) => args.json(),
            Self::Explain(args) => args.json(),
            Self::Trace(args) => args.json(),
            Self::Answer(args) => args.json(),
            Self::Cancel(args) => args.json(),
            Self::Doctor(args) => args.json(),
            Self::Upstream(args) => args.json(),
            Self::Mcp(_) | Self::Rpc(_) | Self::Spec(_) | Self::Bench(_) | Self::Completions(_) => false,
        }
    }

    fn run(self) -> Result<u8, Error> {
        match self {
            Self::Orchestrate(args) => args.run(),
            Self::Test(args) => args.run(),
            Self::Explain(args) => args.run(),
            Self::Trace(args) => args.run(),
            Self::Answer(args) => args.run(),
            Self::Cancel(args) => args.run(),
            Self::Mcp(args) => args.run(),
            Self::Rpc(args) => args.run(),
            Self::Upstream(args) => args.run(),
            Self::Spec(args) => args.run(),
            Self::Doctor(args) => args.run(),
            Self::Bench(args) => args.run(),
            Self::Completions(args) => args.run(),
        }
    }
}
