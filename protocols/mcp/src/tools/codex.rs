//! The aliases `codex` and `codex-reply`: what projects called that used an agent tool of that name, over the same runs.
//!
//! They answer when the run has ended, however long that takes, as those projects expect. A thread is a session.

use naestro_api::{Command, Error, ErrorCode, Mode, Orchestrate};
use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorData, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{About, arguments, described, workspace};
use crate::arguments as read;
use crate::client::Context;
use crate::handler::Face;
use crate::run::{self, Round, Wish};

pub(super) const START: &str = "codex";
pub(super) const REPLY: &str = "codex-reply";

/// What is understood; what has no meaning here is refused, so that nobody relies on it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Arguments {
    prompt: String,
    cwd: Option<String>,
    model: Option<String>,
    sandbox: Option<Sandbox>,
    approval_policy: Option<Approval>,
    base_instructions: Option<String>,
    developer_instructions: Option<String>,
    #[serde(rename = "threadId", alias = "conversationId")]
    thread_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sandbox {
    ReadOnly,
    WorkspaceWrite,
    DangerFullAccess,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Approval {
    Untrusted,
    OnRequest,
    OnFailure,
    Never,
}

/// What the two say of themselves.
pub(super) fn tools() -> [Tool; 2] {
    let text = json!({ "type": "string" });
    let output = json!({
        "type": "object",
        "properties": { "threadId": text, "content": text },
        "required": ["threadId", "content"],
    });
    let about = |title, description| About {
        title,
        description,
        hints: ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(true),
        icon: "M3 2l11 6-11 6z",
    };
    let start = json!({
        "type": "object",
        "properties": {
            "prompt": text, "cwd": text, "model": text, "base-instructions": text, "developer-instructions": text,
            "sandbox": { "enum": ["read-only", "workspace-write", "danger-full-access"] },
            "approval-policy": { "enum": ["untrusted", "on-request", "on-failure", "never"] },
        },
        "required": ["prompt"],
        "additionalProperties": false,
    });
    let reply = json!({
        "type": "object",
        "properties": { "threadId": text, "conversationId": text, "prompt": text, "cwd": text },
        "required": ["prompt"],
        "additionalProperties": false,
    });
    [
        described(START, about("Run an agent", "Carries out a prompt in the project; answers when it is done."), &start, &output),
        described(REPLY, about("Go on with an agent", "Goes on with a thread of the tool codex."), &reply, &output),
    ]
}

/// Runs a prompt to its end.
///
/// # Errors
/// As [`run::call`].
pub(super) async fn call(face: &Face, cx: &Context, mut request: CallToolRequestParams) -> Result<CallToolResponse, ErrorData> {
    let round = Round::of(&request);
    let is_reply = request.name == REPLY;
    let name = if is_reply { REPLY } else { START };
    let command = read::read(name, arguments(&mut request)).and_then(|arguments| command(face, arguments, is_reply));
    let answered = run::call(face, cx, round, Wish::ToItsEnd, command.map(|command| Command::Orchestrate(Box::new(command)))).await?;
    Ok(renamed(answered))
}

fn command(face: &Face, arguments: Arguments, is_reply: bool) -> Result<Orchestrate, Error> {
    if is_reply != arguments.thread_id.is_some() {
        let message = if is_reply { "go on: the call names no threadId" } else { "begin: threadId belongs to codex-reply" };
        return Err(Error::new(ErrorCode::InvalidInput, message));
    }
    let before = [arguments.base_instructions, arguments.developer_instructions];
    let words: Vec<String> = before.into_iter().flatten().chain([arguments.prompt]).collect();
    Ok(Orchestrate {
        goal: words.join("\n\n"),
        mode: mode(arguments.sandbox, arguments.approval_policy),
        model: arguments.model,
        workspace: workspace(face, arguments.cwd)?,
        apply: face.settings.grants.apply,
        unsandboxed: face.settings.grants.unsandboxed,
        session: arguments.thread_id,
        ..Orchestrate::default()
    })
}

fn mode(sandbox: Option<Sandbox>, approval: Option<Approval>) -> Mode {
    match (sandbox, approval) {
        (Some(Sandbox::ReadOnly), _) => Mode::Guide,
        (_, Some(Approval::Never)) => Mode::Auto,
        (Some(Sandbox::WorkspaceWrite | Sandbox::DangerFullAccess) | None, _) => Mode::Copilot,
    }
}

/// The result in the two fields that callers of this tool know.
fn renamed(answered: CallToolResponse) -> CallToolResponse {
    let CallToolResponse::Complete(mut result) = answered else { return answered };
    if let Some(Value::Object(run)) = &result.structured_content {
        let text = result.content.iter().find_map(|block| block.as_text()).map(|text| text.text.clone()).unwrap_or_default();
        let fields = [("threadId", run.get("session").cloned().unwrap_or_default()), ("content", Value::from(text))];
        result.structured_content = Some(Value::Object(Map::from_iter(fields.map(|(name, value)| (name.to_owned(), value)))));
    }
    CallToolResponse::Complete(result)
}
