//! The parts of a run's state.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Body, Digest, Ledger, Limits, Millis, Output, QuestionId, RunOutcome, StepId, Work};

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// No event yet.
    #[default]
    New,
    /// Opened, and going on.
    Running,
    /// Nothing is in flight and a question waits for its answer.
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

/// One step's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct StepState {
    pub(super) phase: StepPhase,
    pub(super) note: String,
    pub(super) output: Option<Output>,
    pub(super) ledger: Ledger,
    pub(super) agent: Agent,
    /// Whether an ask step has handed out its question.
    pub(super) asked: bool,
}

/// The state of an agent step's loop; idle in steps of another kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Agent {
    /// Model turns begun.
    pub(super) turns: u32,
    /// An estimate of the tokens of the conversation so far.
    pub(super) context: u64,
    /// Tool calls of the last message that have not ended.
    pub(super) open_calls: u32,
    /// The calls of the last message, to notice repetition, and how often they came in a row.
    pub(super) last_calls: Vec<(String, Digest)>,
    pub(super) repeats: u32,
    /// The last text it said.
    pub(super) said: Option<Body>,
    /// The checkpoint at which an acceptance command last failed, and how often in a row it did so there.
    pub(super) failed_at: Option<Option<Digest>>,
    pub(super) stalls: u32,
    /// How many acceptance commands have passed since it said it was done.
    pub(super) checks_passed: usize,
    /// Whether a context that was too long has been compacted since the last turn that fitted.
    pub(super) compacted: bool,
}

/// One unit that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Unit {
    pub(super) work: Work,
    /// Attempts begun.
    pub(super) attempt: u32,
    pub(super) state: UnitState,
    pub(super) consent: Option<Digest>,
}

/// Where a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum UnitState {
    /// Waits until it may go: for the workspace, a slot, or budget.
    Queued,
    /// Waits for this instant before it is tried again.
    BackingOff(Millis),
    /// Handed out; the policy's decision has not been recorded.
    HandedOut,
    /// A question about it waits for its answer.
    Asked(QuestionId),
    /// Begun; its end has not been recorded.
    InFlight {
        /// Whether its end was asked for.
        cancelling: bool,
    },
    /// Begun by an owner that died, and not safe to repeat: the human is asked.
    Lost {
        /// Whether the question has been handed out.
        asked: bool,
    },
}

/// Where the workspace stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Workspace {
    /// Not open in the process that owns the run.
    #[default]
    Closed,
    /// A unit opens it.
    Opening,
    /// Open.
    Open,
}

/// Why nothing more is begun.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stop {
    /// A caller asked the run to stop for now.
    Suspend,
    /// A caller cancelled it.
    Cancel,
    /// It cannot go on.
    Failed {
        /// Why, a fragment that fits "failed to ...".
        message: String,
        /// Whether it was refused rather than failed.
        refused: bool,
        /// The step whose failure it is, where it is one's.
        step: Option<StepId>,
    },
}

/// How far the end of the run has come, once every step has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ending {
    /// Acceptance commands of the whole plan that have passed.
    pub(super) checks_passed: usize,
    /// Whether the diff was asked for.
    pub(super) diff_tried: bool,
    /// The diff's digest and how many files it has, once computed.
    pub(super) diff: Option<(Digest, usize)>,
    /// What came of the import, once it ended.
    pub(super) imported: Option<Imported>,
    /// Whether the conclusion has been handed out.
    pub(super) concluded: bool,
}

/// What came of an import.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Imported {
    /// So many files were written or removed.
    Files(u32),
    /// The policy or the human said no.
    Refused(String),
}

impl StepState {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            phase: StepPhase::Pending,
            note: String::new(),
            output: None,
            ledger: Ledger::new(limits),
            agent: Agent::default(),
            asked: false,
        }
    }

    pub(super) fn ended(&self) -> bool {
        !matches!(self.phase, StepPhase::Pending | StepPhase::Running)
    }
}

impl Unit {
    /// Whether the world may be busy with it.
    pub(super) fn is_out(&self) -> bool {
        matches!(self.state, UnitState::HandedOut | UnitState::InFlight { .. })
    }
}
