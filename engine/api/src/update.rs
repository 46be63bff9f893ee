//! What callers hear while a run goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Evidence, Mode, Plan, TestReport};

/// One update of a run. The last one of a run is always [`UpdateBody::Finished`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Update {
    /// The run.
    pub run: String,
    /// The journal index of the event it comes from; absent for what is not journalled, such as deltas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What it says.
    #[serde(flatten)]
    pub body: UpdateBody,
}

/// What an update says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UpdateBody {
    /// The run was opened, or taken up again.
    Started {
        /// The session it belongs to.
        session: String,
        /// The user's words, or the recipe's name.
        title: String,
        /// Its mode.
        mode: Mode,
        /// The absolute path of the folder it is about.
        workspace: String,
        /// Whether it was taken up again.
        resumed: bool,
    },
    /// The plan it carries out from now on.
    Plan {
        /// The plan.
        plan: Plan,
    },
    /// A workspace is open.
    Workspace {
        /// The isolation it has, in words.
        level: String,
    },
    /// A step changed its state.
    Step {
        /// The step.
        step: String,
        /// Its state now.
        state: StepState,
        /// Why, where there is something to say.
        note: String,
    },
    /// A model said a little more; the whole message follows.
    Delta {
        /// The step.
        step: String,
        /// The next part of the text.
        text: String,
        /// Whether it is reasoning rather than answer.
        reasoning: bool,
    },
    /// A model said something.
    Message {
        /// The step.
        step: String,
        /// The text.
        text: String,
    },
    /// An effect began or ended: a tool call, a check, an import.
    Call {
        /// The step, where it belongs to one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// The unit's number in the run.
        unit: u32,
        /// The effect in a few words.
        label: String,
        /// Where it stands.
        state: CallState,
        /// What it produced or why it was refused; empty while it goes on.
        output: String,
    },
    /// A step gathered what is known about a target.
    Evidence {
        /// The step.
        step: String,
        /// What is known.
        evidence: Evidence,
    },
    /// A step ran or listed tests.
    Tests {
        /// The step.
        step: String,
        /// What it found, test by test.
        report: TestReport,
    },
    /// The project is being read for the first time, or again after many changes.
    Reading {
        /// So many files are known.
        done: usize,
        /// Of so many.
        total: usize,
    },
    /// The run has a question; it waits for the answer.
    Question(Question),
    /// Something a person should know that is no result.
    Notice {
        /// The text, one sentence.
        text: String,
    },
    /// The run ended or was suspended; no update follows.
    Finished {
        /// How.
        outcome: Outcome,
        /// What came of it.
        summary: String,
        /// The absolute path of the diff file, where there is a diff.
        diff: Option<String>,
        /// What was done, effect by effect.
        receipts: Vec<Receipt>,
        /// What it cost.
        cost: Cost,
    },
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Waits for its dependencies or its turn.
    Pending,
    /// Has begun.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Was not begun.
    Skipped,
}

/// Where an effect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Has begun.
    Started,
    /// Did what it was asked to.
    Succeeded,
    /// Did not.
    Failed,
    /// The policy or the human refused it.
    Refused,
    /// Was cancelled.
    Cancelled,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// Its number in the run.
    pub question: u32,
    /// The question, one sentence.
    pub text: String,
    /// What it is about in full: the command, the diff.
    pub detail: String,
    /// The answers there are; free text where empty.
    pub choices: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every step and check succeeded.
    Succeeded,
    /// Something needed failed.
    Failed,
    /// A caller cancelled it.
    Cancelled,
    /// It stopped for now, perhaps waiting for an answer; it can be resumed.
    Suspended,
    /// The policy or the human refused what it needed.
    Refused,
}

/// One effect that happened, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The unit's number in the run.
    pub unit: u32,
    /// The step, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The effect in a few words.
    pub label: String,
    /// The digest of the exact effect, which its permit was bound to.
    pub effect: String,
    /// The policies that permitted it.
    pub permitted_by: String,
    /// How it ended.
    pub state: CallState,
    /// How many attempts it took.
    pub attempts: u32,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Tokens, input and output together, lost attempts at their full reservation included.
    pub tokens: u64,
    /// US dollars by the configured prices; 0 where those are unknown.
    pub usd: f64,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// Model calls that were made.
    pub model_calls: u32,
}
