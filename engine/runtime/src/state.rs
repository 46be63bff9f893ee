//! A run as it stands, from its fold.

use naestro_api::{RunEntry, RunState, StepEntry};
use naestro_policy::port;

use crate::fold::Fold;
use crate::{plan, update};

/// The state callers see; `live` says whether a process works on it.
pub(crate) fn of(fold: &Fold, live: bool) -> Option<RunState> {
    let opening = fold.run.opening()?;
    let steps = fold.run.plan().map(|plan| plan.steps.as_slice()).unwrap_or_default();
    Some(RunState {
        run: opening.run.to_string(),
        session: opening.session.to_string(),
        title: update::title(opening),
        mode: update::mode(opening.mode),
        workspace: opening.workspace.clone(),
        outcome: fold.finished.as_ref().map(|(outcome, _)| update::outcome(*outcome)),
        live,
        plan: fold.run.plan().map(plan::outward),
        summary: fold.finished.as_ref().map(|(_, summary)| summary.text().into_owned()).unwrap_or_default(),
        changed: fold.diff.as_ref().map(|(_, paths)| paths.clone()).unwrap_or_default(),
        receipts: fold.receipts.all(),
        steps: steps
            .iter()
            .map(|step| StepEntry {
                step: step.id.0.clone(),
                kind: plan::kind_name(&step.kind).to_owned(),
                state: update::step_state(fold.run.step(&step.id)),
            })
            .collect(),
        questions: fold.run.questions().map(update::asked).collect(),
        cost: update::cost(fold),
        events: fold.events,
        digest: fold.digest().to_string(),
    })
}

/// A run as lists show it.
pub(crate) fn entry(entry: port::RunEntry) -> RunEntry {
    RunEntry {
        run: entry.run.to_string(),
        session: entry.session.to_string(),
        title: entry.title,
        workspace: entry.workspace,
        opened: entry.opened,
        events: entry.events,
        outcome: entry.outcome.map(update::outcome),
        live: entry.owned,
    }
}
