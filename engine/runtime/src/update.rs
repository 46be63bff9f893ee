//! Events as callers hear of them: the only projection.

use naestro_api as api;
use naestro_api::{CallState, UpdateBody};
use naestro_kernel::{Event, Mode, Opening, Outcome, Phase, Question, RunId, RunOutcome, Step, StepId, StepPhase, UnitId, What, Work};

use crate::fold::Fold;
use crate::{evidence, plan, receipt};

/// The most bytes of a tool's output in an update; the journal has all of it.
const OUTPUT_LIMIT: usize = 4096;

/// What callers hear of an event: `fold` has taken it in, `before` are the steps as they stood.
pub(crate) fn of_event(fold: &Fold, event: &Event, before: &[(StepId, StepPhase)]) -> Vec<UpdateBody> {
    let mut updates = Vec::new();
    match &event.what {
        What::Planned(kernel_plan) => updates.push(UpdateBody::Plan { plan: plan::outward(kernel_plan) }),
        What::Intended { unit, label, .. } => updates.extend(begun(fold, *unit, label)),
        What::Denied { unit, label, reason, hint, .. } => {
            let output = format!("{reason}; {hint}");
            updates.push(call(fold, *unit, label, CallState::Refused, output.trim_end_matches("; ")));
        }
        What::Asked(question) => updates.push(UpdateBody::Question(asked(question))),
        What::Done { unit, outcome } => {
            updates.extend(ended(fold, *unit, outcome));
            updates.extend(found(fold, *unit, outcome));
        }
        What::Opened(_)
        | What::Resumed { .. }
        | What::Answered { .. }
        | What::Forked { .. }
        | What::Reserved(_)
        | What::Woke
        | What::Signalled(_)
        | What::Finished { .. } => {}
    }
    updates.extend(moved(fold, before));
    updates
}

/// The steps as they stand.
pub(crate) fn steps(fold: &Fold) -> Vec<(StepId, StepPhase)> {
    fold.run.plan().map(|plan| plan.steps.iter().map(|step| (step.id.clone(), fold.run.step(&step.id))).collect()).unwrap_or_default()
}

/// A question on the wire.
pub(crate) fn asked(question: &Question) -> api::Question {
    api::Question {
        question: question.id.0,
        text: question.text.clone(),
        detail: question.detail.clone(),
        choices: question.choices.clone(),
    }
}

/// A mode on the wire.
pub(crate) fn mode(mode: Mode) -> api::Mode {
    match mode {
        Mode::Guide => api::Mode::Guide,
        Mode::Copilot => api::Mode::Copilot,
        Mode::Auto => api::Mode::Auto,
    }
}

/// A step's state on the wire.
pub(crate) fn step_state(phase: StepPhase) -> api::StepState {
    match phase {
        StepPhase::Pending => api::StepState::Pending,
        StepPhase::Running => api::StepState::Running,
        StepPhase::Succeeded => api::StepState::Succeeded,
        StepPhase::Failed => api::StepState::Failed,
        StepPhase::Skipped => api::StepState::Skipped,
    }
}

/// A run's outcome on the wire.
pub(crate) fn outcome(outcome: RunOutcome) -> api::Outcome {
    match outcome {
        RunOutcome::Succeeded => api::Outcome::Succeeded,
        RunOutcome::Failed => api::Outcome::Failed,
        RunOutcome::Cancelled => api::Outcome::Cancelled,
        RunOutcome::Refused => api::Outcome::Refused,
    }
}

/// The words a run is listed under.
pub(crate) fn title(opening: &Opening) -> String {
    match (&opening.recipe, opening.goal.is_empty()) {
        (Some(recipe), true) => recipe.clone(),
        (Some(recipe), false) => format!("{recipe}: {}", opening.goal),
        (None, true) => String::from("a plan"),
        (None, false) => opening.goal.clone(),
    }
}

/// The last update of a run that ended or was suspended; `diff` is where the diff was written.
pub(crate) fn finished(fold: &Fold, diff: Option<String>) -> UpdateBody {
    let (outcome, summary) = match (&fold.finished, fold.run.phase()) {
        (Some((ended, summary)), _) => (outcome(*ended), summary.text().into_owned()),
        (None, _) => (api::Outcome::Suspended, suspended(fold)),
    };
    UpdateBody::Finished { outcome, summary, diff, receipts: fold.receipts.all(), cost: cost(fold) }
}

/// The last update of a run whose dispatcher a bug has ended; the journal has all that happened.
pub(crate) fn broken(run: RunId) -> UpdateBody {
    let summary = format!("stopped by a bug in Naestro: please report it\nresume it with: naestro orchestrate --resume {run}");
    UpdateBody::Finished { outcome: api::Outcome::Suspended, summary, diff: None, receipts: Vec::new(), cost: api::Cost::default() }
}

/// What a run has cost.
pub(crate) fn cost(fold: &Fold) -> api::Cost {
    let spent = fold.run.ledger().spent();
    api::Cost { tokens: spent.tokens, usd: plan::dollars(spent.micros), wall_ms: fold.wall().0, model_calls: fold.run.model_calls() }
}

fn suspended(fold: &Fold) -> String {
    let run = fold.run.opening().map(|opening| opening.run.to_string()).unwrap_or_default();
    let mut text = String::new();
    for question in fold.run.questions() {
        let (id, words) = (question.id.0, &question.text);
        let choice = question.choices.first().map_or("TEXT", String::as_str);
        let others: String = question.choices.iter().skip(1).map(|other| format!(" or {other}")).collect();
        let others = if others.is_empty() { others } else { format!("   #{others}") };
        text.push_str(&format!("question {id}: {words}\nanswer it with: naestro answer {run} {id} {choice}{others}\n"));
    }
    text.push_str(&format!("resume it with: naestro orchestrate --resume {run}"));
    text
}

/// The first update of a run in this process.
pub(crate) fn started(opening: &Opening, resumed: bool) -> UpdateBody {
    UpdateBody::Started {
        session: opening.session.to_string(),
        title: title(opening),
        mode: mode(opening.mode),
        workspace: opening.workspace.clone(),
        resumed,
    }
}

fn begun(fold: &Fold, unit: UnitId, label: &str) -> Option<UpdateBody> {
    match fold.work(unit)? {
        Work::Open { .. } | Work::Diff { .. } | Work::Think { .. } => None,
        Work::Call { .. } | Work::Check { .. } | Work::Import { .. } => Some(call(fold, unit, label, CallState::Started, "")),
    }
}

fn ended(fold: &Fold, unit: UnitId, outcome: &Outcome) -> Option<UpdateBody> {
    let label = fold.receipts.label(unit);
    let state = receipt::state(outcome);
    match outcome {
        Outcome::Workspace { level, .. } => Some(UpdateBody::Workspace { level: level.clone() }),
        Outcome::Message { text, .. } if text.bytes.is_empty() => None,
        Outcome::Message { text, .. } => {
            let step = fold.work(unit)?.step().filter(|step| !is_unchecked(fold, step))?;
            Some(UpdateBody::Message { step: step.0.clone(), text: text.text().into_owned() })
        }
        Outcome::Tool { output, .. } | Outcome::Checked { output, .. } => {
            Some(call(fold, unit, label, state, &bounded(&output.text.text(), OUTPUT_LIMIT)))
        }
        Outcome::Imported { files } => Some(call(fold, unit, label, state, &format!("{files} files"))),
        Outcome::Failed(failure) => {
            let text = format!("failed to {}\n{}", failure.message, failure.hint);
            Some(call(fold, unit, label, state, text.trim_end()))
        }
        Outcome::Cancelled { .. } => Some(call(fold, unit, label, state, "")),
        Outcome::Diffed { .. } => None,
    }
}

/// What a plan's own step found out, beside its text: evidence, or a report of tests.
fn found(fold: &Fold, unit: UnitId, outcome: &Outcome) -> Option<UpdateBody> {
    let (Outcome::Tool { output, .. }, Work::Call { step, call, by_model: false, .. }) = (outcome, fold.work(unit)?) else { return None };
    let (step, data) = (step.0.clone(), &output.data.as_ref()?.bytes);
    let read = match call.tool.as_str() {
        "test" => serde_json::from_slice(data).map(|report| UpdateBody::Tests { step: step.clone(), report }),
        "explain" => evidence::of_tool(data).map(|evidence| UpdateBody::Evidence { step: step.clone(), evidence }),
        _ => return None,
    };
    // What is there is in the journal all the same, and its text was told.
    Some(read.unwrap_or_else(|error| UpdateBody::Notice { text: format!("the data of step {step} cannot be read: {error}") }))
}

/// Whether what a model says in this step is checked by the next one: callers hear only what holds of it.
pub(crate) fn is_unchecked(fold: &Fold, step: &StepId) -> bool {
    let checks =
        |other: &Step| other.tool().is_some_and(|(tool, _)| tool == "citations") && other.inputs.values().any(|input| input.from == *step);
    fold.run.plan().is_some_and(|plan| plan.steps.iter().any(checks))
}

fn call(fold: &Fold, unit: UnitId, label: &str, state: CallState, output: &str) -> UpdateBody {
    let step = fold.work(unit).and_then(Work::step).map(|step| step.0.clone());
    UpdateBody::Call { step, unit: unit.0, label: label.to_owned(), state, output: output.to_owned() }
}

/// Steps whose phase changed.
fn moved(fold: &Fold, before: &[(StepId, StepPhase)]) -> Vec<UpdateBody> {
    let was = |id: &StepId| before.iter().find(|(step, _)| step == id).map_or(StepPhase::Pending, |(_, phase)| *phase);
    steps(fold)
        .into_iter()
        .filter(|(id, phase)| was(id) != *phase)
        .map(|(id, phase)| UpdateBody::Step { note: fold.run.note(&id).to_owned(), step: id.0, state: step_state(phase) })
        .collect()
}

/// At most `limit` bytes of a text, cut at a character, with a note of what is left out.
pub(crate) fn bounded(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}\n... ({} more bytes in the trace)", &text[..end], text.len() - end)
}

/// Whether the run takes in nothing more in this process.
pub(crate) fn at_rest(phase: Phase) -> bool {
    matches!(phase, Phase::Suspended | Phase::Finished(_))
}
