//! Code, explained: its evidence, and prose over exactly that where a model is configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use naestro_api::{
    Budget, Caller, Error, ErrorCode, Evidence, Explain, Explanation, Fact, Handle, Input, Mode, Orchestrate, Plan, Prose, Role, Step,
    StepKind, UpdateBody,
};
use naestro_kernel::code::{Fault, Target};
use serde_json::Map;

use super::failures;
use crate::command::orchestrate;
use crate::engine::{Shared, blocking};
use crate::evidence;
use crate::reading::Waiting;

const PROSE: &str = include_str!("../../prompts/explain.md");
/// What is asked where the caller asks nothing.
const QUESTION: &str = "What is it, what does it do, and what uses it?";
/// What can be explained.
const FORMS: &str = "give a path, path:line, path#symbol, a symbol, commit:REV, diff, test:NAME or run:ID";
/// The most bytes of a question.
const QUESTION_LIMIT: usize = 16 * 1024;
/// Tokens prose may use, input and output together: evidence is bounded, and so is the answer.
const TOKENS: u64 = 100_000;
/// Seconds prose may take.
const WALL_S: u64 = 300;

/// The evidence, or a run that puts it into prose.
///
/// # Errors
/// As [`super::answer`].
pub(super) async fn answer(shared: &Arc<Shared>, explain: Explain, caller: &Caller) -> Result<Handle, Error> {
    let question = explain.question.as_deref().map(str::trim).unwrap_or_default().to_owned();
    if question.len() > QUESTION_LIMIT {
        return Err(Error::new(ErrorCode::InvalidInput, format!("read the question: it has more than {QUESTION_LIMIT} bytes")));
    }
    let workspace = explain.workspace.clone().ok_or_else(no_workspace)?;
    let evidence = gather(shared, &workspace, &explain.target, caller).await?;
    let wants_prose = explain.prose == Prose::Auto && shared.parts.model.is_some();
    if wants_prose && !evidence.facts.is_empty() {
        let orchestrate = in_prose(&workspace, &explain.target, &question);
        let failures = evidence.facts.into_iter().filter(|fact| fact.role == Role::Failure).collect();
        return Ok(with_failures(orchestrate::start(shared, orchestrate, caller).await?, failures));
    }
    let evidence = Evidence { gaps: gaps(evidence.gaps, &question), ..evidence };
    Ok(Handle::Explanation(Explanation::Code { target: explain.target, evidence }))
}

/// The evidence from the code and from what was recorded, on a thread that may block.
async fn gather(shared: &Arc<Shared>, workspace: &str, text: &str, caller: &Caller) -> Result<Evidence, Error> {
    let folder = orchestrate::workspace(workspace)?;
    let target = Target::parse(text, |path| folder.join(path).exists());
    let root = folder.to_string_lossy().into_owned();
    let (watch, _gives_up) = Waiting::new(caller.progress.clone());
    let shared = Arc::clone(shared);
    blocking(move || {
        let found = shared.parts.code.evidence(&root, &target, &watch).map_err(of_fault)?;
        let mut evidence = evidence::outward(found);
        if let Some(past) = shared.past() {
            let earlier = failures::of(past.as_ref(), &root, &target, &evidence);
            evidence.facts.extend(earlier);
        }
        Ok(evidence)
    })
    .await
}

/// The run, whose evidence is told with the earlier failures behind it: they rest on the journal, which no tool of a run reads.
fn with_failures(handle: Handle, failures: Vec<Fact>) -> Handle {
    let Handle::Run { run, updates } = handle else { return handle };
    let updates = updates.map(move |mut update| {
        if let UpdateBody::Evidence { evidence, .. } = &mut update.body {
            evidence.facts.extend(failures.iter().cloned());
        }
        update
    });
    Handle::Run { run, updates: Box::pin(updates) }
}

/// A question that nobody was asked is a gap.
fn gaps(mut gaps: Vec<String>, question: &str) -> Vec<String> {
    if !question.is_empty() {
        gaps.push(format!("the question {question:?} was put to no model: these are the facts alone"));
    }
    gaps
}

/// Evidence, prose over it, and what of the prose holds.
fn in_prose(workspace: &str, target: &str, question: &str) -> Orchestrate {
    let asked = if question.is_empty() { QUESTION } else { question };
    let step = |id: &str, kind, inputs| Step {
        id: id.to_owned(),
        kind,
        after: Vec::new(),
        inputs,
        budget: None,
        timeout_s: None,
        attempts: None,
        skip_on_failure: false,
    };
    let from = |name: &str, from: &str, text| (name.to_owned(), Input { from: from.to_owned(), text });
    let args = Map::from_iter([(String::from("target"), target.into())]);
    let prompt = PROSE.replace("{target}", target).replace("{question}", asked);
    let steps = vec![
        step("explain", StepKind::Explain { args }, BTreeMap::new()),
        step("prose", StepKind::Model { prompt }, BTreeMap::from([from("facts", "explain", true)])),
        step(
            "citations",
            StepKind::Tool { tool: String::from("citations"), args: Map::new() },
            BTreeMap::from([from("prose", "prose", true), from("evidence", "explain", false)]),
        ),
    ];
    let title = if question.is_empty() { format!("explain {target}") } else { format!("explain {target}: {question}") };
    Orchestrate {
        goal: title,
        plan: Some(Plan { steps, summary: Some(String::from("citations")) }),
        mode: Mode::Guide,
        budget: Budget { tokens: Some(TOKENS), usd: None, wall_s: Some(WALL_S) },
        workspace: workspace.to_owned(),
        ..Orchestrate::default()
    }
}

fn no_workspace() -> Error {
    Error::new(ErrorCode::InvalidWorkspace, "find the code: no workspace is given").hint("give the absolute path of the project's folder")
}

fn of_fault(fault: Fault) -> Error {
    let message = fault.to_string();
    match fault {
        Fault::Unknown { near, .. } => {
            let error = Error::new(ErrorCode::UnknownTarget, message);
            match near.as_slice() {
                [] => error.hint(FORMS),
                [only] => error.hint(format!("did you mean `{only}`?")),
                several => error.hint(format!("near are: {}", several.join(", "))),
            }
        }
        Fault::Cancelled | Fault::Unavailable(_) => Error::new(ErrorCode::Unavailable, message),
    }
}
