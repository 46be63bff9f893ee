//! Sessions: runs that share a conversation and a tree.

use std::sync::Arc;

use naestro_kernel::{Digest, RunId};
use naestro_policy::effect::{Message, Role};
use naestro_policy::port::{Journal, JournalError};

use crate::context;
use crate::fold::Fold;
use crate::message::plain;

/// The most runs looked through for a session's last one.
const LOOK_BACK: usize = 10_000;

/// What a session's next run goes on from.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The session's last run.
    pub(crate) last: RunId,
    /// Its conversation, the runs before it included.
    pub(crate) history: Arc<Vec<Message>>,
    /// The base tree and checkpoint the last run left, where its diff was not imported.
    pub(crate) tree: Option<(Digest, Digest)>,
}

impl Session {
    /// The session after a run, given the conversation before it.
    pub(crate) fn after(fold: &Fold, before: &[Message]) -> Option<Self> {
        let opening = fold.run.opening()?;
        let tree = fold.run.base().zip(fold.run.tree()).filter(|_| !fold.imported);
        Some(Self { last: opening.run, history: Arc::new(history(fold, before)), tree })
    }

    /// The session as the journal has it; `None` where there is none of that id.
    ///
    /// # Errors
    /// What is wrong with the journal.
    pub(crate) fn load(journal: &dyn Journal, session: RunId) -> Result<Option<Self>, JournalError> {
        let runs = journal.list(LOOK_BACK)?;
        let mut loaded: Option<Self> = None;
        for entry in runs.iter().rev().filter(|entry| entry.session == session && entry.outcome.is_some()) {
            let fold = Fold::load(journal, entry.run, u64::MAX)?;
            let before = loaded.map(|session| session.history).unwrap_or_default();
            loaded = Self::after(&fold, &before);
        }
        Ok(loaded)
    }
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
