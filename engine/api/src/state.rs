//! What a query about a run is answered with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cost, Mode, Outcome, Plan, Question, Receipt, StepState};

/// A run as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunState {
    /// The run.
    pub run: String,
    /// The session it belongs to.
    pub session: String,
    /// The user's words, or the recipe's name.
    pub title: String,
    /// Its mode.
    pub mode: Mode,
    /// The absolute path of the folder it is about.
    pub workspace: String,
    /// How it ended; absent while it goes on.
    pub outcome: Option<Outcome>,
    /// Whether a live process works on it.
    pub live: bool,
    /// The plan it carries out; absent until there is one.
    pub plan: Option<Plan>,
    /// Its steps.
    pub steps: Vec<StepEntry>,
    /// What came of it; empty while it goes on.
    pub summary: String,
    /// The paths its diff touches; empty where there is no diff.
    pub changed: Vec<String>,
    /// What was done, effect by effect.
    pub receipts: Vec<Receipt>,
    /// Questions that wait for an answer.
    pub questions: Vec<Question>,
    /// What it has cost so far.
    pub cost: Cost,
    /// How many events it has.
    pub events: u64,
    /// The digest of its state, 64 hexadecimal digits.
    pub digest: String,
}

/// A step as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepEntry {
    /// The step.
    pub step: String,
    /// Its kind: `tool`, `model`, `agent`, `test`, `explain` or `ask`.
    pub kind: String,
    /// Its state.
    pub state: StepState,
}

/// Events of a run, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// The events.
    pub events: Vec<EventEntry>,
    /// The index to ask from next time.
    pub next: u64,
}

/// One event, for people and programs that watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventEntry {
    /// Its index in the run, from 0.
    pub seq: u64,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub at: u64,
    /// Its kind, for instance `intended`.
    pub event: String,
    /// What it says, one line.
    pub text: String,
}
