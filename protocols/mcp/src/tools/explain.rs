//! The tool `explain`: code, a change or a recorded run, from evidence only.

use naestro_api::{Command, Error, Explain, Prose};
use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorData, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::json;

use super::{About, arguments, described, workspace};
use crate::arguments as read;
use crate::client::Context;
use crate::handler::Face;
use crate::run::{self, Round, Wish};

pub(super) const NAME: &str = "explain";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    target: String,
    #[serde(default)]
    question: Option<String>,
    #[serde(default)]
    facts_only: bool,
    #[serde(default)]
    workspace: Option<String>,
}

/// What the tool says of itself.
pub(super) fn tool() -> Tool {
    let about = About {
        title: "Explain with evidence",
        description: "Explains code, a change or a run from facts, each with its place, checked against the bytes it cites.",
        // With a model the facts go to it.
        hints: ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(true),
        icon: "M7 1a6 6 0 104 10l4 4 1-1-4-4a6 6 0 00-5-9z",
    };
    let target = "path, path:line, path#symbol, symbol, commit:REV, diff, test:NAME, run:ID or run:ID/STEP";
    let input = json!({
        "type": "object",
        "properties": {
            "target": { "type": "string", "description": target },
            "question": { "type": "string" },
            "facts_only": { "type": "boolean", "description": "ask no model" },
            "workspace": { "type": "string" },
        },
        "required": ["target"],
        "additionalProperties": false,
    });
    let output = json!({
        "type": "object",
        "properties": {
            "state": { "type": "string" },
            "run": { "type": "string" },
            "summary": { "type": "string" },
            "facts": { "type": "array", "items": { "type": "object" } },
            "gaps": { "type": "array", "items": { "type": "string" } },
        },
        "required": ["state"],
    });
    described(NAME, about, &input, &output)
}

/// Explains.
///
/// # Errors
/// As [`run::call`].
pub(super) async fn call(face: &Face, cx: &Context, mut request: CallToolRequestParams) -> Result<CallToolResponse, ErrorData> {
    let round = Round::of(&request);
    let command = read::read(NAME, arguments(&mut request)).and_then(|arguments| command(face, arguments));
    run::call(face, cx, round, Wish::InTime, command.map(Command::Explain)).await
}

fn command(face: &Face, arguments: Arguments) -> Result<Explain, Error> {
    let of_a_run = arguments.target.starts_with("run:");
    let workspace = if of_a_run { None } else { Some(workspace(face, arguments.workspace)?) };
    let prose = if arguments.facts_only { Prose::Never } else { Prose::Auto };
    Ok(Explain { target: arguments.target, workspace, question: arguments.question, prose })
}
