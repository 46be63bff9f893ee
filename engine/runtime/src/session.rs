//! Sessions: runs that share a conversation and a tree.
//!
//! Invariant: what a run goes on from is what the runs before it left, however much later it is resumed.

use std::sync::Arc;

use naestro_kernel::{Digest, RunId};
use naestro_policy::effect::{Message, Role};
use naestro_policy::port::{Journal, JournalError};

use crate::context;
use crate::fold::Fold;
use crate::message::plain;

/// The most runs looked through for a session's last one: the newest first, then all that can be meant.
const LOOK_BACK: [usize; 2] = [64, 100_000];

/// What a session's next run goes on from.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The session's last run.
    pub(crate) last: RunId,
    /// The folder it is about.
    pub(crate) workspace: String,
    /// Its conversation, the runs before it included.
    pub(crate) history: Arc<Vec<Message>>,
    /// The base tree and checkpoint the last run left, where its diff was not imported.
    pub(crate) tree: Option<(Digest, Digest)>,
}

impl Session {
    /// The session after a run, given the conversation before it.
    pub(crate) fn after(fold: &Fold, before: &[Message]) -> Option<Self> {
        let opening = fold.run.opening()?;
        let changed = fold.run.base().zip(fold.run.tree()).filter(|(base, tree)| base != tree && !fold.imported);
        Some(Self { last: opening.run, workspace: opening.workspace.clone(), history: Arc::new(history(fold, before)), tree: changed })
    }

    /// The session as it was after that run, from the journal: the run, and those before it.
    ///
    /// # Errors
    /// What is wrong with the journal.
    pub(crate) fn ending_with(journal: &dyn Journal, run: RunId) -> Result<Option<Self>, JournalError> {
        let mut folds = Vec::new();
        let mut next = Some(run);
        while let Some(run) = next {
            let fold = Fold::load(journal, run, u64::MAX)?;
            next = fold.run.opening().and_then(|opening| opening.previous);
            folds.push(fold);
        }
        let mut session: Option<Self> = None;
        for fold in folds.iter().rev() {
            let before = session.map(|session| session.history).unwrap_or_default();
            session = Self::after(fold, &before);
        }
        Ok(session)
    }
}

/// The last run of a session that has ended; `None` where there is none.
///
/// # Errors
/// What is wrong with the journal.
pub(crate) fn last_run(journal: &dyn Journal, session: RunId) -> Result<Option<RunId>, JournalError> {
    for newest in LOOK_BACK {
        let runs = journal.list(newest)?;
        let last = runs.iter().find(|entry| entry.session == session && entry.outcome.is_some());
        if last.is_some() || runs.len() < newest {
            return Ok(last.map(|entry| entry.run));
        }
    }
    Ok(None)
}

/// The conversation after a run: the one before, the prompt, and what was said, up to the model's last finished turn.
fn history(fold: &Fold, before: &[Message]) -> Vec<Message> {
    let mut messages = before.to_vec();
    if let (Some(opening), Some(plan), Some((step, said))) = (fold.run.opening(), fold.run.plan(), fold.conversations.latest()) {
        messages.push(plain(Role::User, context::prompt(opening, plan, step, &fold.run.inputs(step))));
        messages.extend(said.iter().cloned());
    }
    // A turn that was cut off has calls without results, which no provider accepts.
    while messages.len() > before.len()
        && !messages.last().is_some_and(|message| message.role == Role::Assistant && message.calls.is_empty())
    {
        messages.pop();
    }
    messages
}
