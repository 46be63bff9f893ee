//! What happened: the closed set of facts a run is folded from.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Amount, Body, Call, Digest, Limits, Millis, Output, Plan, QuestionId, RunId, StepId, UnitId};

/// One fact, with the instant its owner gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// When it was appended.
    pub at: Millis,
    /// What it says.
    pub what: What,
}

/// The facts there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The run began; always the first event of a run that is no fork.
    Opened(Box<Opening>),
    /// The run continues `parent` from after its event `index`; always the first own event of a fork.
    Forked {
        /// The fork's own id.
        run: RunId,
        /// The run it continues.
        parent: RunId,
        /// The last event it shares with the parent, counted from 0.
        index: u64,
    },
    /// The plan to carry out: at first, or as a replacement for the steps that have not started.
    Planned(Plan),
    /// The policy permitted a unit and it is about to be attempted.
    Intended {
        /// The unit.
        unit: UnitId,
        /// Which attempt this is, counted from 1.
        attempt: u32,
        /// The digest of the exact effect, which the permit is bound to.
        effect: Digest,
        /// How the attempt is settled if its end is never recorded.
        class: Class,
        /// The effect in a few words, for people.
        label: String,
        /// The policies that permitted it.
        reason: String,
    },
    /// The policy refused a unit.
    Denied {
        /// The unit.
        unit: UnitId,
        /// The effect in a few words, for people.
        label: String,
        /// The rule that refused, as a sentence.
        reason: String,
        /// What the user can do about it.
        hint: String,
    },
    /// A question was put, by the policy or by an ask step.
    Asked(Question),
    /// A question was answered by a human face or by the caller that started the run.
    Answered {
        /// The question.
        question: QuestionId,
        /// One of its choices, or free text where it has none.
        choice: Body,
        /// Who answered, for the record.
        by: String,
    },
    /// A unit ended.
    Done {
        /// The unit.
        unit: UnitId,
        /// How it ended.
        outcome: Outcome,
    },
    /// A block of budget was made durable, to be drawn down in memory.
    Reserved(Amount),
    /// The instant asked for by [`crate::Action::Wake`] has come.
    Woke,
    /// A caller asked for something.
    Signalled(Signal),
    /// An owner took the run up again; units in flight in a lost process have no end recorded.
    Resumed {
        /// Whether the former owner died, so that undrawn budget is forfeit and units in flight are settled by class.
        crashed: bool,
        /// Whether someone can answer a question while the run goes on, from now on.
        interactive: bool,
    },
    /// The run ended; nothing follows.
    Finished {
        /// How it ended.
        outcome: RunOutcome,
        /// What came of it, as text.
        summary: Body,
    },
}

/// Everything a run is decided from that is known when it begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opening {
    /// The run.
    pub run: RunId,
    /// The session it belongs to: the id of that session's first run.
    pub session: RunId,
    /// The session's previous run, whose conversation and tree this one continues.
    pub previous: Option<RunId>,
    /// The base tree and the checkpoint the session's previous run left, where its diff was not imported: where this one goes on.
    pub inherited: Option<(Digest, Digest)>,
    /// [`crate::VERSION`] of the kernel that decides.
    pub kernel: u32,
    /// The user's words.
    pub goal: String,
    /// The recipe's name, where one was asked for.
    pub recipe: Option<String>,
    /// The absolute path of the folder the run is about.
    pub workspace: String,
    /// How much it may do without asking.
    pub mode: Mode,
    /// Whether exec without a sandbox was granted.
    pub unsandboxed: bool,
    /// Whether the diff is to be imported into the checkout at the end.
    pub apply: bool,
    /// Whether someone can answer a question while the run goes on.
    pub interactive: bool,
    /// What it may spend.
    pub limits: Limits,
    /// How many units may be in flight at once; at least 1.
    pub parallel: u32,
    /// Commands that must succeed in the workspace before the run counts as succeeded.
    pub checks: Vec<String>,
    /// The model, where there is one.
    pub model: Option<ModelFacts>,
    /// The tools there are.
    pub tools: Vec<ToolFacts>,
    /// An estimate of the tokens every model request begins with (system prompt, trusted context).
    pub preamble_tokens: u64,
}

/// How much a run may do without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Reads only: no exec, no diff.
    Guide,
    /// Asks before what leaves the workspace and before foreign commands.
    Copilot,
    /// Acts inside the granted scopes.
    Auto,
}

/// What the kernel needs to know of a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelFacts {
    /// The name its endpoint knows it by.
    pub name: String,
    /// The host (and port, where not the default) its requests go to.
    pub host: String,
    /// The tokens that fit into one request and its reply together.
    pub context: u64,
    /// The most tokens of one reply.
    pub max_output: u64,
    /// Micro-dollars per million input tokens; 0 where it is free or unknown.
    pub price_input: u64,
    /// Micro-dollars per million output tokens; 0 where it is free or unknown.
    pub price_output: u64,
}

/// What the kernel needs to know of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolFacts {
    /// Its name.
    pub name: String,
    /// How a lost attempt is settled.
    pub class: Class,
    /// What it needs of the workspace.
    pub access: ToolAccess,
    /// Whether models may call it; the others are for plans alone.
    pub for_agents: bool,
}

/// What a tool needs of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToolAccess {
    /// It needs no workspace.
    None,
    /// It reads it; any number may run at once.
    Read,
    /// It may change it; it runs alone, and a changed tree is checkpointed with its result.
    Write,
}

/// How an attempt is settled whose end was never recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Changes nothing: repeated.
    Pure,
    /// Safe to repeat with the same key: repeated.
    Idempotent,
    /// Its effect can be looked at: the repetition looks first.
    Probeable,
    /// Not safe to repeat: a human is asked.
    Unsafe,
}

/// How a unit ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A model answered.
    Message {
        /// The whole message in the runtime's own JSON form; what the conversation keeps.
        message: Body,
        /// Its text alone.
        text: Body,
        /// The tool calls it asks for, in order.
        calls: Vec<Call>,
        /// What it used.
        usage: Usage,
        /// Why it stopped.
        finish: Finish,
    },
    /// A tool ended.
    Tool {
        /// Whether it did what it was asked to.
        ok: bool,
        /// What it produced.
        output: Output,
        /// The checkpoint after it, where it changed the workspace.
        tree: Option<Digest>,
    },
    /// The workspace is open.
    Workspace {
        /// The base tree: what the checkout held.
        base: Digest,
        /// The isolation it has, in words (`overlay in own namespaces`, `plain copy`).
        level: String,
    },
    /// An acceptance command ended.
    Checked {
        /// Whether it exited with 0.
        passed: bool,
        /// What it printed, bounded.
        output: Output,
    },
    /// The difference between the base tree and a checkpoint was computed.
    Diffed {
        /// The unified diff; empty where nothing changed.
        diff: Body,
        /// The paths that differ, relative to the checkout, sorted.
        paths: Vec<String>,
    },
    /// The diff was imported into the checkout.
    Imported {
        /// How many files were written or removed.
        files: u32,
    },
    /// It failed.
    Failed(Failure),
    /// It was cancelled while in flight.
    Cancelled {
        /// What had been received of a message, where it was one.
        partial: Option<Body>,
    },
}

/// What went wrong with a unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// A lowercase fragment that fits "failed to ...".
    pub message: String,
    /// What the user can do next; may be empty.
    pub hint: String,
    /// When the other side asked not to be tried before, as a span.
    pub retry_after: Option<Millis>,
}

/// The kinds of failure, as far as the next decision differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Trying again may help: overload, a broken stream, a lost connection.
    Transient,
    /// The request reached nobody: trying again may help, and nothing was spent.
    Unreached,
    /// Trying again does not help: a refused request, a bad argument.
    Permanent,
    /// It took longer than it was given.
    TimedOut,
    /// The request was larger than the model's context.
    TooLong,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It wants tools to be called.
    Calls,
    /// It reached the limit of its reply.
    Length,
    /// Anything else, as the provider spelled it.
    Other(String),
}

/// Tokens used by one model call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Read anew.
    pub input: u64,
    /// Written, reasoning included.
    pub output: u64,
    /// Read from the provider's cache; not part of `input`.
    pub cache_read: u64,
    /// Written to the provider's cache; not part of `input`.
    pub cache_write: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// All that was read, from the provider's cache or not; saturating.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }
}

/// Something a person, or the caller that started the run, has to answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Its number in the run.
    pub id: QuestionId,
    /// The step that waits for it, where it is an ask step's.
    pub step: Option<StepId>,
    /// The unit that waits for it, where it is a consent or about a lost attempt.
    pub unit: Option<UnitId>,
    /// The digest of the exact effect consented to, where it is a consent.
    pub effect: Option<Digest>,
    /// The question, one sentence.
    pub text: String,
    /// What it is about in full: the command, the diff.
    pub detail: String,
    /// The answers there are; empty for free text. A consent has `allow` and `deny`.
    pub choices: Vec<String>,
}

/// What a caller can ask of a running run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// End it; nothing more is begun.
    Cancel,
    /// Stop for now; it can be resumed.
    Suspend,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunOutcome {
    /// Every step and every check succeeded.
    Succeeded,
    /// Something needed failed.
    Failed,
    /// A caller cancelled it.
    Cancelled,
    /// The policy or the human refused what it needed.
    Refused,
}
