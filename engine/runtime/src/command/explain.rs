//! `explain`: code from what is known about it, a recorded run from recorded reasons only.
//!
//! Evidence needs no run: it changes nothing. Prose does need one, so that asking the model is permitted, journalled and paid for.
//!
//! Invariant: nothing is said that does not rest on a fact or an event that is named.

mod code;
mod failures;
mod recorded;

use std::sync::Arc;

use naestro_api::{Caller, Citation, Error, Explain, Handle};

use super::orchestrate;
use crate::engine::{Shared, blocking};
use crate::evidence;

/// Explains the target: at once, or in a run where a model puts the evidence into prose.
///
/// # Errors
/// `unknown_target` with what comes near; `unknown_run`; `invalid_workspace`; `unavailable` where the code cannot be read.
pub(crate) async fn answer(shared: &Arc<Shared>, explain: Explain, caller: &Caller) -> Result<Handle, Error> {
    match explain.target.strip_prefix("run:") {
        Some(run) => recorded::answer(shared, run, &explain.target).await.map(Handle::Explanation),
        None => code::answer(shared, explain, caller).await,
    }
}

/// Whether each citation still holds; one whose digest is none does not.
///
/// # Errors
/// `invalid_workspace`.
pub(crate) async fn holds(shared: &Arc<Shared>, workspace: String, citations: Vec<Citation>) -> Result<Vec<bool>, Error> {
    let root = orchestrate::workspace(&workspace)?;
    let code = Arc::clone(&shared.parts.code);
    blocking(move || {
        let inward: Vec<_> = citations.iter().map(evidence::citation_inward).collect();
        let sound: Vec<_> = inward.iter().flatten().cloned().collect();
        let mut answers = code.holds(&root.to_string_lossy(), &sound).into_iter();
        Ok(inward.iter().map(|citation| citation.is_some() && answers.next().unwrap_or(false)).collect())
    })
    .await
}
