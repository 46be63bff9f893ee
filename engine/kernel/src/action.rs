//! What should be done: what the kernel asks of the shell around it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Amount, Call, Class, Digest, Millis, RunOutcome, StepId, ToolAccess, UnitId};

/// One thing to do. The shell does it in order and reports back with an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ask the policy, record the intent, do the work, report [`crate::What::Done`].
    Perform {
        /// The unit.
        unit: UnitId,
        /// Which attempt this is, counted from 1.
        attempt: u32,
        /// The work.
        work: Work,
        /// The digest of the exact effect a human allowed, where one was asked.
        consent: Option<Digest>,
    },
    /// Stop a unit in flight; it reports [`crate::Outcome::Cancelled`].
    Cancel {
        /// The unit.
        unit: UnitId,
    },
    /// Put a question; report [`crate::What::Asked`].
    Ask(Ask),
    /// Make a block of budget durable; report [`crate::What::Reserved`].
    Reserve(Amount),
    /// Report [`crate::What::Woke`] at this instant; a later request replaces an earlier one.
    Wake {
        /// When.
        at: Millis,
    },
    /// The run is over: report [`crate::What::Finished`].
    Conclude {
        /// How it ended.
        outcome: RunOutcome,
        /// Why, or what came of it: the text of the summary.
        summary: String,
    },
}

/// A question the kernel itself has: an ask step's, or about an attempt that was lost and may not be repeated unasked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// The step that waits for the answer, where it is an ask step's.
    pub step: Option<StepId>,
    /// The unit that waits for the answer, where it is about a lost attempt.
    pub unit: Option<UnitId>,
    /// The question.
    pub text: String,
    /// The answers there are; empty for free text.
    pub choices: Vec<String>,
}

/// One unit of work, before the runtime makes it exact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Open the workspace, at a checkpoint where one is given.
    Open {
        /// The checkpoint.
        restore: Option<Digest>,
    },
    /// Let the model take a turn.
    Think {
        /// The step whose conversation it is.
        step: StepId,
        /// What the turn is for.
        purpose: Purpose,
        /// The most tokens of the reply.
        max_output: u64,
        /// The longest it may take.
        timeout: Millis,
    },
    /// Call a tool.
    Call {
        /// The step.
        step: StepId,
        /// The call.
        call: Call,
        /// How a lost attempt is settled.
        class: Class,
        /// What it needs of the workspace.
        access: ToolAccess,
        /// Who wants it: a model, or the plan the user asked for.
        by_model: bool,
        /// Whether the step offers this tool; where not, the call is refused by name.
        offered: bool,
        /// The longest it may take.
        timeout: Millis,
    },
    /// Run an acceptance command in the workspace.
    Check {
        /// The step it accepts, or none for the whole plan.
        step: Option<StepId>,
        /// The command, as the user typed it.
        command: String,
        /// The longest it may take.
        timeout: Millis,
    },
    /// Compute the diff of the last checkpoint against the base tree.
    Diff {
        /// The checkpoint.
        tree: Digest,
    },
    /// Import a checkpoint into the checkout, all or nothing.
    Import {
        /// The checkpoint.
        tree: Digest,
        /// The diff that was shown.
        diff: Digest,
    },
}

/// What a model's turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A turn of an agent step: tools may be called.
    Turn,
    /// The one answer of a model step.
    Answer,
    /// A summary that replaces the conversation so far.
    Compact,
}

impl Work {
    /// The step the work belongs to, where it belongs to one.
    #[must_use]
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Think { step, .. } | Self::Call { step, .. } => Some(step),
            Self::Check { step, .. } => step.as_ref(),
            Self::Open { .. } | Self::Diff { .. } | Self::Import { .. } => None,
        }
    }

    /// How an attempt is settled whose end was never recorded.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Call { class, .. } => *class,
            Self::Diff { .. } => Class::Pure,
            Self::Open { .. } | Self::Think { .. } | Self::Check { .. } => Class::Idempotent,
            Self::Import { .. } => Class::Probeable,
        }
    }
}
