//! `naestro bench`: our own figures, printed beside the goals; nothing is asserted.

mod agent;
mod cite;
mod durable;
mod figures;
mod index;
mod mcp;
mod select;

use clap::Subcommand;
use naestro_api::Error;

/// Measure this program on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro bench agent --json")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Agent(agent::Args),
    Cite(cite::Args),
    Durable(durable::Args),
    Index(index::Args),
    Mcp(mcp::Args),
    Select(select::Args),
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        match self.what {
            What::Agent(args) => args.run(),
            What::Cite(args) => args.run(),
            What::Durable(args) => args.run(),
            What::Index(args) => args.run(),
            What::Mcp(args) => args.run(),
            What::Select(args) => args.run(),
        }
    }
}
