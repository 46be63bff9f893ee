//! `explain`: a recorded run, or one step of it, from recorded reasons only.

use std::fmt::Write as _;
use std::sync::Arc;

use naestro_api::{Error, ErrorCode, Explain, Explanation};
use naestro_kernel::{Event, StepId, UnitId, What};

use crate::engine::{Shared, blocking};
use crate::fold::Fold;
use crate::{failure, story, update};

/// Explains the target; every sentence ends with the index of the event it rests on.
///
/// # Errors
/// `unknown_target` for anything but `run:ID` and `run:ID/STEP`; `unknown_run`.
pub(crate) async fn answer(shared: &Arc<Shared>, explain: Explain) -> Result<Explanation, Error> {
    let unknown = || {
        Error::new(ErrorCode::UnknownTarget, format!("explain `{}`: only recorded runs can be explained yet", explain.target))
            .hint("give run:ID or run:ID/STEP; `naestro trace list` shows the ids")
    };
    let target = explain.target.strip_prefix("run:").ok_or_else(unknown)?;
    let (run, step) = target.split_once('/').map_or((target, None), |(run, step)| (run, Some(StepId::new(step))));
    let (entry, fold) = shared.load(run).await?;
    if let Some(step) = &step
        && fold.run.plan().is_none_or(|plan| plan.step(step).is_none())
    {
        let steps: Vec<String> = update::steps(&fold).into_iter().map(|(id, _)| id.0).collect();
        return Err(Error::new(ErrorCode::UnknownTarget, format!("find step `{step}` of run {run}"))
            .hint(format!("its steps are: {}", steps.join(", "))));
    }
    let journal = shared.journal()?;
    let events = blocking(move || journal.read(entry.run, 0, usize::MAX >> 1).map_err(|error| failure::of_journal(&error))).await?;
    let mut text = String::new();
    let mut cites = Vec::new();
    for (event, seq) in events.iter().zip(0_u64..) {
        if concerns(&fold, event, step.as_ref()) {
            let entry = story::entry(seq, event);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}: {} [{seq}]", entry.event, entry.text);
            cites.push(seq);
        }
    }
    Ok(Explanation { target: explain.target, text, cites })
}

/// Whether the event says what was decided, or why, about the run or about that step of it.
fn concerns(fold: &Fold, event: &Event, step: Option<&StepId>) -> bool {
    let of_step = |unit: &UnitId| step.is_none() || fold.work(*unit).and_then(|work| work.step()) == step;
    match &event.what {
        What::Intended { unit, .. } | What::Denied { unit, .. } | What::Done { unit, .. } => of_step(unit),
        What::Asked(question) => step.is_none() || question.step.as_ref() == step || question.unit.as_ref().is_some_and(of_step),
        What::Reserved(_) | What::Woke => false,
        _ => step.is_none(),
    }
}
