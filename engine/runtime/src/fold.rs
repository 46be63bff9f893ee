//! One run folded from its events: the kernel's state, the conversations, the receipts.
//!
//! The dispatcher, `trace`, recovery and sessions all use this one fold.

use std::collections::BTreeMap;

use naestro_kernel::{Action, Body, Digest, Event, Millis, Outcome, QuestionId, Run, RunId, RunOutcome, UnitId, What, Work};
use naestro_policy::port::{Journal, JournalError};

use crate::conversation::Conversations;
use crate::receipt::Receipts;

/// How many events are read from the journal at once.
const PAGE: usize = 4096;

/// The fold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    pub(crate) run: Run,
    pub(crate) conversations: Conversations,
    pub(crate) receipts: Receipts,
    works: BTreeMap<UnitId, Work>,
    /// How many events were folded: the index of the next one.
    pub(crate) events: u64,
    pub(crate) opened_at: Millis,
    pub(crate) last_at: Millis,
    /// How long it was suspended, or its process dead.
    idle: Millis,
    /// The diff and the paths it touches, once computed and not empty.
    pub(crate) diff: Option<(Body, Vec<String>)>,
    pub(crate) imported: bool,
    pub(crate) finished: Option<(RunOutcome, Body)>,
    /// Actions of the last event folded; a live dispatcher performs them, a replay drops them.
    pub(crate) actions: Vec<Action>,
}

impl Fold {
    /// Folds one more event.
    pub(crate) fn take(&mut self, event: &Event) {
        self.note(event);
        let actions = self.run.apply(event);
        self.hear(event);
        for action in &actions {
            if let Action::Perform { unit, work, .. } = action {
                self.works.insert(*unit, work.clone());
            }
        }
        self.actions = actions;
        if matches!(event.what, What::Resumed { .. }) {
            self.idle = self.idle.after(event.at.since(self.last_at));
        }
        self.events += 1;
        self.last_at = event.at;
    }

    /// Folds a run from the journal, its first `limit` events at most.
    ///
    /// # Errors
    /// What is wrong with the journal; the first bad record is named.
    pub(crate) fn load(journal: &dyn Journal, run: RunId, limit: u64) -> Result<Self, JournalError> {
        let mut fold = Self::default();
        while fold.events < limit {
            let page = usize::try_from(limit - fold.events).unwrap_or(PAGE).min(PAGE);
            let events = journal.read(run, fold.events, page)?;
            if events.is_empty() {
                break;
            }
            for event in &events {
                fold.take(event);
            }
        }
        Ok(fold)
    }

    /// The unit's work; kept after its end, for projections.
    pub(crate) fn work(&self, unit: UnitId) -> Option<&Work> {
        self.works.get(&unit)
    }

    /// How long it has been worked on.
    pub(crate) fn wall(&self) -> Millis {
        self.last_at.since(self.opened_at).since(self.idle)
    }

    /// The digest of the kernel's state.
    pub(crate) fn digest(&self) -> Digest {
        naestro_policy::digest(&self.run)
    }

    /// What a unit came to enters the conversation once the kernel has no further attempt in mind.
    fn hear(&mut self, event: &Event) {
        if let What::Done { unit, outcome } = &event.what
            && self.run.unit(*unit).is_none()
            && let Some(work) = self.works.get(unit)
        {
            self.conversations.done(work, outcome);
        }
    }

    /// A consent that was refused reaches the model as the result of its call.
    fn note_answer(&mut self, id: QuestionId, choice: &Body) {
        let unit = self.run.questions().find(|question| question.id == id).and_then(|question| question.unit);
        if let Some(work) = unit.and_then(|unit| self.works.get(&unit))
            && !matches!(&*choice.text(), "allow" | "repeat")
        {
            self.conversations.denied(work, "the human said no", "");
        }
    }

    fn note(&mut self, event: &Event) {
        if self.events == 0 {
            self.opened_at = event.at;
        }
        let work = match &event.what {
            What::Intended { unit, .. } | What::Denied { unit, .. } | What::Done { unit, .. } => self.works.get(unit),
            _ => None,
        };
        self.receipts.take(&event.what, work);
        match (&event.what, work) {
            (What::Done { outcome: Outcome::Diffed { diff, paths }, .. }, _) if !paths.is_empty() => {
                self.diff = Some((diff.clone(), paths.clone()));
            }
            (What::Done { outcome: Outcome::Imported { .. }, .. }, _) => self.imported = true,
            (What::Denied { reason, hint, .. }, Some(work)) => self.conversations.denied(work, reason, hint),
            (What::Answered { question, choice, .. }, _) => self.note_answer(*question, choice),
            (What::Finished { outcome, summary }, _) => self.finished = Some((*outcome, summary.clone())),
            _ => {}
        }
    }
}
