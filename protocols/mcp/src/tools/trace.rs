//! The tool `trace`: looks at the journal and waits for runs; it changes nothing, so that a client may call it without asking.

use std::time::Duration;

use naestro_api::{Error, ErrorCode, Query, Reply, Trace, TraceReply};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{About, arguments, described};
use crate::client::Context;
use crate::follow::{self, Heard};
use crate::handler::Face;
use crate::outcome::{self, structured};
use crate::progress::Progress;
use crate::{arguments as read, failure};

pub(super) const NAME: &str = "trace";

/// The most seconds a call waits: below the limit of every client.
const LONGEST: u64 = 50;
/// Seconds it waits where it does not say.
const USUAL: u64 = 20;
/// The most runs or events of one answer.
const MOST: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    op: Op,
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    since: u64,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    wait_s: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    List,
    Show,
    Wait,
    Replay,
    Verify,
}

/// What the tool says of itself.
pub(super) fn tool() -> Tool {
    let about = About {
        title: "Look at runs",
        description: "Lists runs, shows one with its events, waits until one ends or asks, replays or verifies the journal.",
        hints: ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false),
        icon: "M2 3h12v2H2zm0 4h12v2H2zm0 4h8v2H2z",
    };
    let input = json!({
        "type": "object",
        "properties": {
            "op": { "enum": ["list", "show", "wait", "replay", "verify"] },
            "run": { "type": "string", "description": "its id, or a prefix only it has" },
            "since": { "type": "integer", "description": "first event to show" },
            "limit": { "type": "integer" },
            "wait_s": { "type": "integer", "description": "20 where absent, at most 50" },
        },
        "required": ["op"],
        "additionalProperties": false,
    });
    let output = json!({
        "type": "object",
        "properties": {
            "run": { "type": "string" },
            "state": { "type": "string" },
            "summary": { "type": "string" },
            "runs": { "type": "array" },
            "events": { "type": "array" },
            "problems": { "type": "array" },
            "next": { "type": "string" },
        },
    });
    described(NAME, about, &input, &output)
}

/// Looks.
pub(super) async fn call(face: &Face, cx: &Context, mut request: CallToolRequestParams) -> CallToolResponse {
    let looked = match read::read::<Arguments>(NAME, arguments(&mut request)) {
        Ok(arguments) => look(face, cx, arguments).await,
        Err(error) => Err(error),
    };
    looked.unwrap_or_else(|error| failure::result(&error)).into()
}

async fn look(face: &Face, cx: &Context, arguments: Arguments) -> Result<CallToolResult, Error> {
    let limit = arguments.limit.unwrap_or(20).min(MOST);
    match (arguments.op, arguments.run) {
        (Op::List, _) => Ok(list(face.trace(cx, Trace::List { limit: Some(limit) }).await?)),
        (Op::Verify, run) => Ok(verified(face.trace(cx, Trace::Verify { run }).await?)),
        (Op::Replay, Some(run)) => Ok(replayed(face.trace(cx, Trace::Replay { run }).await?)),
        (Op::Show, Some(run)) => show(face, &run, arguments.since, arguments.limit.unwrap_or(MOST).min(MOST)).await,
        (Op::Wait, Some(run)) => wait(face, cx, &run, arguments.wait_s.unwrap_or(USUAL).min(LONGEST)).await,
        (Op::Replay | Op::Show | Op::Wait, None) => {
            Err(Error::new(ErrorCode::InvalidInput, "look at a run: the call names none").hint("give run: op \"list\" lists them"))
        }
    }
}

/// Waits until the run ends or asks, or the time is over; a question is shown here, and answered by who started the run.
async fn wait(face: &Face, cx: &Context, run: &str, seconds: u64) -> Result<CallToolResult, Error> {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut progress = Progress::of(cx);
    follow::journal(cx, &*face.engine, run, &mut progress, Some(until), true).await?;
    outcome::of_run(&*face.engine, run, Heard::default()).await
}

async fn show(face: &Face, run: &str, since: u64, limit: usize) -> Result<CallToolResult, Error> {
    let mut shown = outcome::of_run(&*face.engine, run, Heard::default()).await?;
    let query = Query::Events { run: run.to_owned(), since, limit: Some(limit), wait_ms: 0 };
    let Reply::Events(events) = face.engine.query(query).await? else { return Err(failure::unexpected("events")) };
    let lines: Vec<String> = events.events.iter().map(|event| format!("{:>5}  {}", event.seq, event.text)).collect();
    shown.content.push(rmcp::model::ContentBlock::text(lines.join("\n")));
    if let Some(Value::Object(fields)) = &mut shown.structured_content {
        fields.insert("events".to_owned(), json!(events.events));
        fields.insert("next_event".to_owned(), json!(events.next));
    }
    Ok(shown)
}

fn list(reply: TraceReply) -> CallToolResult {
    let TraceReply::List { runs } = reply else { return failure::result(&failure::unexpected("a list")) };
    let line = |run: &naestro_api::RunEntry| {
        let stands = match (run.outcome, run.live) {
            (Some(outcome), _) => format!("{outcome:?}").to_lowercase(),
            (None, true) => "running".to_owned(),
            (None, false) => "suspended".to_owned(),
        };
        format!("{}  {stands}  {}  {}", run.run, run.workspace, run.title)
    };
    let lines: Vec<String> = runs.iter().map(line).collect();
    let text = if lines.is_empty() { "no runs yet".to_owned() } else { lines.join("\n") };
    structured(text, json!({ "runs": runs }))
}

fn verified(reply: TraceReply) -> CallToolResult {
    let TraceReply::Verify { runs, problems } = reply else { return failure::result(&failure::unexpected("a verdict")) };
    let found: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
    let text = if found.is_empty() { format!("{runs} runs verified: all is well") } else { found.join("\n") };
    structured(text, json!({ "verified": runs, "problems": problems }))
}

fn replayed(reply: TraceReply) -> CallToolResult {
    let TraceReply::Replay(replayed) = reply else { return failure::result(&failure::unexpected("a replay")) };
    let verdict = match replayed.identical {
        Some(true) => "the same state as the live run",
        Some(false) => "another state than the live run",
        None => "nothing to compare with",
    };
    let text = format!("run {}: {} events replayed, {verdict}", replayed.run, replayed.events);
    structured(text, json!({ "run": replayed.run, "replayed": replayed }))
}
