//! What callers can say and hear: the wire types of every face, and the [`Engine`] they reach.
//!
//! Plain data with serde and JSON Schema. This crate knows nothing of the kernel: `naestro-runtime` translates.
//!
//! Invariant: a field or variant here is a promise to callers; `docs/protocol.md` is tied to these files.

mod command;
mod engine;
mod error;
mod evidence;
mod plan;
mod report;
mod state;
mod trace;
mod update;

pub use command::{Answer, Budget, Caller, Command, Explain, Face, Mode, Orchestrate, Progress, Prose, Selection, Signal, Test};
pub use engine::{Engine, Explanation, Handle, Pending, Query, RecipeEntry, Reply, Updates};
pub use error::{Error, ErrorCode, ErrorKind};
pub use evidence::{Citation, Evidence, Fact, LeftOut, Role, Source};
pub use plan::{Input, Plan, Step, StepBudget, StepKind};
pub use report::{ChangedSymbol, TestEntry, TestReport, TestState, TestedPackage, Widened};
pub use state::{EventEntry, Events, RunState, StepEntry};
pub use trace::{Problem, Replayed, RunEntry, Trace, TraceReply};
pub use update::{CallState, Cost, Outcome, Question, Receipt, StepState, Update, UpdateBody};
