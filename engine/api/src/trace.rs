//! The command `trace`: what happened, from the journal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EventEntry, Outcome, RunState};

/// What is asked of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trace {
    /// The newest runs.
    List {
        /// At most so many; 20 where absent.
        #[serde(default)]
        limit: Option<usize>,
    },
    /// One run: its state and every event.
    Show {
        /// The run, or a prefix of its id that only it has.
        run: String,
    },
    /// Folds a run again and compares state digests.
    Replay {
        /// The run.
        run: String,
    },
    /// Checks every record, blob and chain.
    Verify {
        /// The run; all where absent.
        #[serde(default)]
        run: Option<String>,
    },
    /// Makes a new run that continues another from after one of its events; it is suspended at first.
    Fork {
        /// The run.
        run: String,
        /// The last event they share.
        index: u64,
    },
    /// The run's events, one JSON object a line.
    Export {
        /// The run.
        run: String,
    },
    /// Removes a run.
    Rm {
        /// The run.
        run: String,
    },
}

/// What the journal answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum TraceReply {
    /// The newest runs, newest first.
    List {
        /// The runs.
        runs: Vec<RunEntry>,
    },
    /// One run.
    Show {
        /// Its state.
        state: Box<RunState>,
        /// Its events.
        events: Vec<EventEntry>,
    },
    /// A replay.
    Replay(Replayed),
    /// A verification.
    Verify {
        /// How many runs were checked.
        runs: u64,
        /// What is wrong; empty where all is well.
        problems: Vec<Problem>,
    },
    /// A fork.
    Fork {
        /// The new run.
        run: String,
    },
    /// An export.
    Export {
        /// The lines, each a JSON object.
        lines: Vec<String>,
    },
    /// A removal.
    Rm {
        /// The run that is gone.
        run: String,
    },
}

/// A run as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunEntry {
    /// The run.
    pub run: String,
    /// The session it belongs to.
    pub session: String,
    /// The user's words, or the recipe's name.
    pub title: String,
    /// The folder it is about.
    pub workspace: String,
    /// When it was opened, in milliseconds since the Unix epoch.
    pub opened: u64,
    /// How many events it has.
    pub events: u64,
    /// How it ended; absent where it has not.
    pub outcome: Option<Outcome>,
    /// Whether a live process works on it.
    pub live: bool,
}

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replayed {
    /// The run.
    pub run: String,
    /// How many events were folded.
    pub events: u64,
    /// The state digest it came to.
    pub digest: String,
    /// The digest the live run left; absent where it goes on.
    pub recorded: Option<String>,
    /// Whether the two are the same, where both are there.
    pub identical: Option<bool>,
    /// Why decisions were not recomputed, where the run was made by another kernel version.
    pub note: String,
}

/// One thing wrong with the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The run, where it is known.
    pub run: Option<String>,
    /// The event's index, where it is about one.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}
