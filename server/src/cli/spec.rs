//! `naestro spec`: what can be said and heard, as JSON Schema made from the types themselves.

use clap::ValueEnum;
use naestro_api::{Command, Error, Events, Explanation, Plan, RunState, Signal, TraceReply, Update};
use schemars::{Schema, schema_for};
use serde_json::json;

use super::exit;
use crate::{rpc, screen};

/// Print a JSON Schema, or the OpenRPC document, of what can be said and heard.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro spec plan > plan.schema.json")]
pub(super) struct Args {
    /// What to describe.
    #[arg(value_enum)]
    of: Subject,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Subject {
    /// A plan, as `--plan` takes it.
    Plan,
    /// The commands.
    Commands,
    /// What can be said to a run.
    Signals,
    /// The updates of a run: what `--json` prints.
    Updates,
    /// The state of a run.
    State,
    /// The events of a run.
    Events,
    /// What `trace` answers.
    Trace,
    /// What `explain` answers.
    Explanation,
    /// Errors.
    Errors,
    /// The JSON-RPC methods, as an OpenRPC document.
    Openrpc,
}

impl Args {
    pub(super) fn run(self) -> Result<u8, Error> {
        let document = match self.of {
            Subject::Plan => identified::<Plan>("plan"),
            Subject::Commands => identified::<Command>("commands"),
            Subject::Signals => identified::<Signal>("signals"),
            Subject::Updates => identified::<Update>("updates"),
            Subject::State => identified::<RunState>("state"),
            Subject::Events => identified::<Events>("events"),
            Subject::Trace => identified::<TraceReply>("trace"),
            Subject::Explanation => identified::<Explanation>("explanation"),
            Subject::Errors => identified::<Error>("errors"),
            Subject::Openrpc => rpc::openrpc(),
        };
        screen::print(&format!("{document:#}\n"))?;
        Ok(exit::SUCCEEDED)
    }
}

fn identified<T: schemars::JsonSchema>(name: &str) -> serde_json::Value {
    let schema: Schema = schema_for!(T);
    let mut document = schema.to_value();
    document["$id"] = json!(format!("urn:naestro:schema:{name}"));
    document
}
