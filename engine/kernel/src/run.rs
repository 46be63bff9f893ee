//! The run: a state folded from events, and the actions each event leads to.

use alloc::vec::Vec;

use crate::{Action, Event, RunOutcome};

/// The state of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Run {}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// No event yet.
    New,
    /// Opened, and going on.
    Running,
    /// Waits for an answer, with nothing in flight.
    Waiting,
    /// Stopped for now; can be resumed.
    Suspended,
    /// Ended.
    Finished(RunOutcome),
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepPhase {
    /// Waits for its dependencies, or for its turn.
    Pending,
    /// Has begun.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Was not begun, because what it needs failed or the run ended.
    Skipped,
}

impl Run {
    /// Takes in one event and says what is to be done now.
    #[must_use]
    pub fn apply(&mut self, event: &Event) -> Vec<Action> {
        let _ = event;
        Vec::new()
    }
}
