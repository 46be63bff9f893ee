//! Code, explained: its evidence, and prose over exactly that where a model is configured.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use naestro_api::{
    Budget, Caller, Error, ErrorCode, Evidence, Explain, Explanation, Fact, Handle, Input, Mode, Orchestrate, Plan, Prose, Role, Source,
    StepKind, UpdateBody,
};
use naestro_kernel::code::{Fault, Target};
use serde_json::Map;

use super::failures;
use crate::command::orchestrate;
use crate::engine::{Shared, blocking};
use crate::plan::step;
use crate::reading::Waiting;
use crate::{evidence, failure};

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
    // That nothing changed needs no prose.
    let says_something = evidence.facts.iter().any(|fact| fact.role != Role::Change || matches!(fact.source, Source::Code(_)));
    if wants_prose && says_something {
        let orchestrate = in_prose(&workspace, &explain.target, &question);
        let failures = evidence.facts.into_iter().filter(|fact| fact.role == Role::Failure).collect();
        return Ok(with_failures(orchestrate::start(shared, orchestrate, caller).await?, failures));
    }
    let evidence = Evidence { gaps: gaps(evidence.gaps, &question), ..evidence };
    Ok(Handle::Explanation(Explanation::Code { target: explain.target, evidence }))
}

/// The evidence from the code and from what was recorded, on a thread that may block.
async fn gather(shared: &Arc<Shared>, workspace: &str, text: &str, caller: &Caller) -> Result<Evidence, Error> {
    refuse_nothing(text)?;
    let folder = orchestrate::workspace(workspace)?;
    let target = Target::parse(text, |path| folder.join(path).exists());
    refuse_apart(&folder, &target)?;
    let root = folder.to_string_lossy().into_owned();
    let (watch, _gives_up) = Waiting::new(caller.progress.clone());
    let shared = Arc::clone(shared);
    blocking(move || {
        let found = shared.parts.code.evidence(&root, &target, &watch).map_err(|fault| of_fault(fault, &shared.parts.settings.home))?;
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

/// A target that names nothing is a slip, such as a variable that is empty.
fn refuse_nothing(text: &str) -> Result<(), Error> {
    let text = text.trim();
    let name = ["test:", "commit:"].into_iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text);
    if name.trim().trim_end_matches('#').is_empty() {
        return Err(Error::new(ErrorCode::InvalidInput, format!("read the target `{text}`: it names nothing")).hint(FORMS));
    }
    Ok(())
}

/// What lies in a repository within this one is not known here.
fn refuse_apart(root: &Path, target: &Target) -> Result<(), Error> {
    let (Target::Path(path) | Target::Place { path, .. } | Target::Member { path, .. }) = target else { return Ok(()) };
    let whole = root.join(path);
    let within = whole.ancestors().take_while(|folder| *folder != root && folder.starts_with(root));
    match within.filter(|folder| folder.join(".git").symlink_metadata().is_ok()).last() {
        Some(apart) => {
            let name = apart.strip_prefix(root).unwrap_or(apart).display();
            let message = format!("explain `{path}`: `{name}` is a repository of its own, which is left out here");
            Err(Error::new(ErrorCode::UnknownTarget, message).hint(format!("use --workspace {}", apart.display())))
        }
        None => Ok(()),
    }
}

fn of_fault(fault: Fault, home: &Path) -> Error {
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
        // The index lies in the state directory.
        Fault::Unavailable(_) if message.contains(&*home.to_string_lossy()) || message.starts_with("use the index") => {
            Error::new(ErrorCode::Unavailable, message).hint(failure::STATE_HINT)
        }
        Fault::Cancelled | Fault::Unavailable(_) => Error::new(ErrorCode::Unavailable, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_names_nothing_is_refused() {
        for text in ["", " ", "#", "test:", "test: ", "commit:"] {
            assert!(refuse_nothing(text).is_err_and(|error| error.code == ErrorCode::InvalidInput), "{text:?}");
        }
        for text in [".", "a#", "test:a", "diff", "src/a.rs#b"] {
            assert!(refuse_nothing(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn what_lies_in_a_repository_within_is_said_to_be_apart() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in [".git", "vendor/sub/.git", "vendor/sub/src", "src"] {
            std::fs::create_dir_all(root.join(path)).unwrap();
        }
        let refused = |path: &str| refuse_apart(root, &Target::Path(path.to_owned())).err();
        for path in ["vendor/sub", "vendor/sub/src/a.py"] {
            let error = refused(path).unwrap();
            assert_eq!(error.message, format!("explain `{path}`: `vendor/sub` is a repository of its own, which is left out here"));
            assert_eq!(error.hints, [format!("use --workspace {}", root.join("vendor/sub").display())]);
        }
        assert!(["", "src", "src/gone.rs", "vendor"].into_iter().all(|path| refused(path).is_none()));
    }

    #[test]
    fn a_state_directory_that_cannot_be_written_has_its_next_step() {
        let hint = |message: &str| of_fault(Fault::Unavailable(message.to_owned()), Path::new("/state")).hints;
        assert!(hint("lock the index with /state/index/a.lock: Permission denied") == [failure::STATE_HINT]);
        assert!(hint("use the index: attempt to write a readonly database") == [failure::STATE_HINT]);
        assert!(hint("read the folder /code: Permission denied").is_empty());
    }
}
