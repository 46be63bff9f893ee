//! A plan: a typed, acyclic graph of steps.

mod validate;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub use validate::Invalid;

use crate::{Body, Limits, Millis, StepId};

/// A reply is not asked for if the budget leaves it fewer tokens than this.
pub(crate) const LEAST_OUTPUT: u64 = 256;

/// The steps of a run, in the order they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// The step whose text is the run's summary; the last one where none is named.
    pub summary: Option<StepId>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Its name, unique in the plan.
    pub id: StepId,
    /// What it does.
    pub kind: StepKind,
    /// The steps that end before it starts, beside those its inputs come from.
    pub after: Vec<StepId>,
    /// Results of earlier steps it takes, by the name it takes them under.
    pub inputs: BTreeMap<String, Input>,
    /// What it may spend.
    pub limits: Limits,
    /// The longest one unit of it may take.
    pub timeout: Millis,
    /// How often a unit that failed transiently is tried.
    pub retry: Retry,
    /// What its failure means for the run.
    pub on_failure: OnFailure,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// Calls one tool with a JSON object of arguments; inputs are merged into it by name.
    Tool {
        /// The tool's name.
        tool: String,
        /// The arguments.
        args: Body,
    },
    /// Asks a model once.
    Model {
        /// The prompt; inputs follow it.
        prompt: String,
    },
    /// Lets a model work with tools until it is done and the acceptance checks pass.
    Agent {
        /// What it shall do; inputs follow it.
        prompt: String,
        /// The tools it may call; all that agents may call where empty.
        tools: Vec<String>,
        /// The most model turns.
        max_turns: u32,
    },
    /// Runs the project's tests: the tool `test`, as the project's own test command.
    Test {
        /// Its arguments.
        args: Body,
    },
    /// Explains a place in code: the tool `explain`.
    Explain {
        /// Its arguments.
        args: Body,
    },
    /// Asks the human.
    Ask {
        /// The question.
        question: String,
        /// The answers there are; empty for free text.
        choices: Vec<String>,
    },
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Input {
    /// The step whose result it is.
    pub from: StepId,
    /// Whether the text is wanted, rather than the data.
    pub text: bool,
}

/// How often a unit that failed transiently is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retry {
    /// The most attempts, the first included; at least 1.
    pub attempts: u32,
    /// The pause before the second attempt, doubled before each further one, at most 30 s.
    pub backoff: Millis,
}

/// What a step's failure means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// The run fails.
    Fail,
    /// The steps that need it are skipped; the run goes on.
    Skip,
}

impl Plan {
    /// The step of that name.
    #[must_use]
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

impl Step {
    /// The steps that end before it starts: those named and those its inputs come from.
    pub fn dependencies(&self) -> impl Iterator<Item = &StepId> {
        self.after.iter().chain(self.inputs.values().map(|input| &input.from))
    }

    /// The tool it calls as a whole, where it is a step of that kind.
    #[must_use]
    pub fn tool(&self) -> Option<(&str, &Body)> {
        match &self.kind {
            StepKind::Tool { tool, args } => Some((tool, args)),
            StepKind::Test { args } => Some(("test", args)),
            StepKind::Explain { args } => Some(("explain", args)),
            StepKind::Model { .. } | StepKind::Agent { .. } | StepKind::Ask { .. } => None,
        }
    }
}
