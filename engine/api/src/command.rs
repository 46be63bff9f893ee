//! What callers can say.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Plan, Trace};

/// One of the four commands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// A goal, a recipe or a plan becomes a run.
    Orchestrate(Box<Orchestrate>),
    /// A place in code, a change or a recorded run is explained, from evidence only.
    Explain(Explain),
    /// Tests are run: those that a change affects, or others.
    Test(Test),
    /// The journal is asked or changed.
    Trace(Trace),
}

/// Starts or resumes a run. One of `goal`, `recipe`, `plan` and `resume` says what it does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Orchestrate {
    /// The goal, in words; at most 256 KiB.
    #[serde(default)]
    pub goal: String,
    /// The name of a built-in or user recipe, or the path of a recipe file.
    #[serde(default)]
    pub recipe: Option<String>,
    /// The plan itself, where the caller has one.
    #[serde(default)]
    pub plan: Option<Plan>,
    /// How much the run may do without asking.
    #[serde(default)]
    pub mode: Mode,
    /// What it may spend.
    #[serde(default)]
    pub budget: Budget,
    /// Commands that must exit with 0 in the workspace before the run counts as succeeded.
    #[serde(default)]
    pub accept: Vec<String>,
    /// The model, where not the configured one.
    #[serde(default)]
    pub model: Option<String>,
    /// The absolute path of the folder the run is about; the whole repository where it is a part of one.
    pub workspace: String,
    /// Whether the diff is imported into the checkout at the end without asking.
    #[serde(default)]
    pub apply: bool,
    /// Whether commands may run without a sandbox in mode `auto`.
    #[serde(default)]
    pub unsandboxed: bool,
    /// The suspended run to continue; every other field but `workspace` is ignored then.
    #[serde(default)]
    pub resume: Option<String>,
    /// The session to continue: the id of its first run.
    #[serde(default)]
    pub session: Option<String>,
}

/// How much a run may do without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Reads only: no commands, no diff.
    Guide,
    /// Asks before what leaves the workspace and before foreign commands.
    #[default]
    Copilot,
    /// Acts inside the granted scopes.
    Auto,
}

/// What a run may spend; absent means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Tokens, input and output together.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// US dollars.
    #[serde(default)]
    pub usd: Option<f64>,
    /// Wall time in seconds.
    #[serde(default)]
    pub wall_s: Option<u64>,
}

/// Explains code from what is known about it, or a run from what was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// `path`, `path:line[:column]`, `path#symbol`, a symbol, `commit:REV`, `diff`, `test:NAME`, `run:ID` or `run:ID/STEP`.
    pub target: String,
    /// The absolute path of the folder; not needed for a run.
    #[serde(default)]
    pub workspace: Option<String>,
    /// What is asked about the target, in words, where it is not simply to be explained; only a model can answer it.
    #[serde(default)]
    pub question: Option<String>,
    /// Whether a model may put the evidence into prose.
    #[serde(default)]
    pub prose: Prose,
}

/// Whether a model may put evidence into prose; every sentence of it is checked against the evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prose {
    /// Where a model is configured.
    #[default]
    Auto,
    /// The evidence alone is wanted.
    Never,
}

/// Runs tests, by the project's own runners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The absolute path of the folder.
    pub workspace: String,
    /// Which tests.
    #[serde(default)]
    pub select: Selection,
    /// The revision to compare with, where not the merge base with the default branch; only for affected tests.
    #[serde(default)]
    pub since: Option<String>,
    /// Whether the tests are only listed, not run.
    #[serde(default)]
    pub list: bool,
    /// How often each test is run; once where absent.
    #[serde(default)]
    pub repeat: Option<u32>,
    /// How often a test that fails is run again, to tell flaky from failing; as configured where absent.
    #[serde(default)]
    pub retries: Option<u32>,
    /// Wall time in seconds; 120 where absent.
    #[serde(default)]
    pub wall_s: Option<u64>,
}

/// Which tests are run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Those that the change can affect.
    #[default]
    Affected,
    /// All of them.
    All,
    /// Those whose id holds one of these texts, or that lie in one of these files.
    Named(Vec<String>),
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The face the call came by.
    pub face: Face,
    /// Which caller of that face it is, where one process serves several; empty where there is only one.
    pub name: String,
    /// Whether the caller can answer questions while its run goes on.
    pub answers: bool,
    /// Where it hears how far the project is read while it waits for an answer that is no run.
    pub progress: Option<Progress>,
}

/// Hears how far the project is read: so many files of so many.
#[derive(Clone)]
pub struct Progress(pub Arc<dyn Fn(usize, usize) + Send + Sync>);

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// The command line.
    Cli,
    /// JSON-RPC.
    Rpc,
    /// The Model Context Protocol.
    Mcp,
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The run that asks.
    pub run: String,
    /// The question's number in the run.
    pub question: u32,
    /// One of its choices, or free text where it has none.
    pub choice: String,
}

/// What can be said to a run that goes on, in this process or another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// End it.
    Cancel {
        /// The run.
        run: String,
    },
    /// Stop it for now; it can be resumed.
    Suspend {
        /// The run.
        run: String,
    },
    /// Answer its question.
    Answer(Answer),
    /// Replace the steps that have not started.
    Patch {
        /// The run.
        run: String,
        /// The whole new plan: steps that have started must be in it unchanged.
        plan: Plan,
    },
}
