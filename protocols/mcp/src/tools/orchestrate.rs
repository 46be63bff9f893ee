//! The tool `orchestrate`: a goal, a recipe or a plan becomes a run; a run goes on, or ends.

use naestro_api::{Budget, Command, Error, ErrorCode, Mode, Orchestrate, Plan, Signal, Trace};
use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorData, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{About, arguments, described, run_output, workspace};
use crate::client::{self, Context};
use crate::follow::Heard;
use crate::handler::Face;
use crate::run::{self, Round, Wish};
use crate::{arguments as read, failure, outcome};

pub(super) const NAME: &str = "orchestrate";

/// What can be said; what a run may do without asking is no part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Arguments {
    goal: String,
    recipe: Option<String>,
    plan: Option<Plan>,
    accept: Vec<String>,
    mode: Mode,
    model: Option<String>,
    budget: Budget,
    workspace: Option<String>,
    session: Option<String>,
    resume: Option<String>,
    fork_at: Option<u64>,
    cancel: Option<String>,
    detach: bool,
}

fn input() -> Value {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "number" });
    json!({
        "type": "object",
        "properties": {
            "goal": { "type": "string", "description": "what to do, in words" },
            "recipe": { "type": "string", "description": "instead of or beside a goal: check, fix" },
            "plan": { "type": "object", "description": "steps of your own: {steps: [{id, kind, ...}]}" },
            "accept": { "type": "array", "items": text, "description": "commands that must exit with 0" },
            "mode": { "enum": ["guide", "copilot", "auto"], "description": "guide only reads; copilot asks the human" },
            "model": text,
            "budget": { "type": "object", "properties": { "tokens": number, "usd": number, "wall_s": number } },
            "workspace": { "type": "string", "description": "absolute path of the project" },
            "session": { "type": "string", "description": "run whose conversation goes on" },
            "resume": { "type": "string", "description": "suspended run to go on with" },
            "fork_at": { "type": "integer", "description": "go on with a copy of resume from this event" },
            "cancel": { "type": "string", "description": "run to end" },
            "detach": { "type": "boolean", "description": "go on when the client leaves" },
        },
        "additionalProperties": false,
    })
}

/// What the tool says of itself.
pub(super) fn tool() -> Tool {
    let about = About {
        title: "Carry out a goal",
        description: "Carries out a goal in the project, in a private copy, until the acceptance commands pass; ends in a diff with receipts. \
                      Long work answers with a run: wait for it with trace.",
        hints: ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(true),
        icon: "M3 2l11 6-11 6z",
    };
    described(NAME, about, &input(), &run_output())
}

/// Starts, resumes, forks or cancels.
///
/// # Errors
/// As [`run::call`].
pub(super) async fn call(face: &Face, cx: &Context, mut request: CallToolRequestParams) -> Result<CallToolResponse, ErrorData> {
    let mut round = Round::of(&request);
    let arguments: Arguments = match read::read(NAME, arguments(&mut request)) {
        Ok(arguments) => arguments,
        Err(error) => return Ok(failure::result(&error).into()),
    };
    round.detach = arguments.detach;
    if let Some(run) = &arguments.cancel {
        return Ok(cancel(face, cx, run).await.unwrap_or_else(|error| failure::result(&error).into()));
    }
    let command = match command(face, cx, arguments).await {
        Ok(orchestrate) => Ok(Command::Orchestrate(Box::new(orchestrate))),
        Err(error) => Err(error),
    };
    run::call(face, cx, round, Wish::InTime, command).await
}

async fn command(face: &Face, cx: &Context, arguments: Arguments) -> Result<Orchestrate, Error> {
    let resume = match (arguments.resume, arguments.fork_at) {
        (Some(run), Some(index)) => Some(fork(face, cx, run, index).await?),
        (None, Some(_)) => {
            return Err(Error::new(ErrorCode::InvalidInput, "fork: fork_at needs the run to copy").hint("give the run as resume"));
        }
        (resume, None) => resume,
    };
    // A run that goes on knows its folder.
    let workspace = if resume.is_some() { String::new() } else { workspace(face, arguments.workspace)? };
    Ok(Orchestrate {
        goal: arguments.goal,
        recipe: arguments.recipe,
        plan: arguments.plan,
        mode: arguments.mode,
        budget: arguments.budget,
        accept: arguments.accept,
        model: arguments.model,
        workspace,
        apply: face.settings.grants.apply,
        unsandboxed: face.settings.grants.unsandboxed,
        resume,
        session: arguments.session,
    })
}

async fn fork(face: &Face, cx: &Context, run: String, index: u64) -> Result<String, Error> {
    match face.trace(cx, Trace::Fork { run, index }).await? {
        naestro_api::TraceReply::Fork { run } => Ok(run),
        _ => Err(failure::unexpected("a fork")),
    }
}

async fn cancel(face: &Face, cx: &Context, run: &str) -> Result<CallToolResponse, Error> {
    face.engine.signal(Signal::Cancel { run: run.to_owned() }, client::caller(cx, None)).await?;
    Ok(outcome::of_run(&*face.engine, run, Heard::default()).await?.into())
}
