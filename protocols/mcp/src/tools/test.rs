//! The tool `test`: the tests a change affects, all of them, or those that are named.

use naestro_api::{Command, Error, ErrorCode, Selection, Test};
use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorData, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::json;

use super::{About, arguments, described, run_output, workspace};
use crate::arguments as read;
use crate::client::Context;
use crate::handler::Face;
use crate::run::{self, Round, Wish};

pub(super) const NAME: &str = "test";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Arguments {
    all: bool,
    tests: Vec<String>,
    since: Option<String>,
    list: bool,
    repeat: Option<u32>,
    retries: Option<u32>,
    wall_s: Option<u64>,
    workspace: Option<String>,
}

/// What the tool says of itself.
pub(super) fn tool() -> Tool {
    let about = About {
        title: "Run affected tests",
        description: "Runs the tests that the change in the project can affect, by the project's own runner; failures with places.",
        // Tests are code, and nothing confines them yet.
        hints: ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(true),
        icon: "M2 8l2-2 3 3 6-7 2 2-8 9z",
    };
    let input = json!({
        "type": "object",
        "properties": {
            "all": { "type": "boolean" },
            "tests": { "type": "array", "items": { "type": "string" }, "description": "parts of ids, or files" },
            "since": { "type": "string", "description": "revision to compare with" },
            "list": { "type": "boolean", "description": "only list" },
            "repeat": { "type": "integer" },
            "retries": { "type": "integer" },
            "wall_s": { "type": "integer" },
            "workspace": { "type": "string" },
        },
        "additionalProperties": false,
    });
    described(NAME, about, &input, &run_output())
}

/// Runs tests.
///
/// # Errors
/// As [`run::call`].
pub(super) async fn call(face: &Face, cx: &Context, mut request: CallToolRequestParams) -> Result<CallToolResponse, ErrorData> {
    let round = Round::of(&request);
    let command = read::read(NAME, arguments(&mut request)).and_then(|arguments| command(face, arguments));
    run::call(face, cx, round, Wish::InTime, command.map(Command::Test)).await
}

fn command(face: &Face, arguments: Arguments) -> Result<Test, Error> {
    let select = match (arguments.all, arguments.tests.is_empty()) {
        (true, false) => return Err(Error::new(ErrorCode::InvalidInput, "choose: all tests, or those that are named")),
        (true, true) => Selection::All,
        (false, false) => Selection::Named(arguments.tests),
        (false, true) => Selection::Affected,
    };
    Ok(Test {
        workspace: workspace(face, arguments.workspace)?,
        select,
        since: arguments.since,
        list: arguments.list,
        repeat: arguments.repeat,
        retries: arguments.retries,
        wall_s: arguments.wall_s,
    })
}
