//! What should happen next, and why.
//!
//! Pure: `no_std` with `alloc`, so the compiler refuses clocks, files, the environment, randomness and hash maps.
//! Time and every other fact from outside enter inside [`Event`]s; what should be done leaves as [`Action`]s.
//! A replayed run therefore decides exactly as the live one did.
//!
//! The map, from what comes in to what goes out:
//! - `event`: the closed set of facts; `plan` (with `validate`): what a run is to do; `body`, `id`: what both carry.
//! - `run`: [`Run::apply`], the only way in. `state` is what is folded; `settle` begins and ends units, `step` and `agent` say
//!   what that means for a step, `pause` suspends, resumes, forks and cancels, `ending` accepts, shows, imports and concludes,
//!   `schedule` says what may go now.
//! - `ledger`: what may be spent; `action`: what is to be done; `canonical`: the bytes a state's digest is made of.
//! - `code`: the words for what is known about code, and the port to who knows it; no decision of a run uses them.
//!
//! Absent by design: clocks, randomness, IO, JSON, prompts, permits, conversations. The shell around it has those.
//!
//! Invariant: JSON exists here only as opaque bytes with a digest ([`Body`]).
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod action;
mod body;
mod canonical;
pub mod code;
mod event;
mod id;
mod ledger;
mod plan;
mod run;

pub use action::{Action, Ask, Purpose, Work};
pub use body::{Body, Call, Output};
pub use canonical::{Canonical, Sink};
pub use event::{
    Class, Event, Failure, FailureKind, Finish, Mode, ModelFacts, Opening, Outcome, Question, RunOutcome, Signal, ToolAccess, ToolFacts,
    Usage, What,
};
pub use id::{Digest, Millis, QuestionId, RunId, StepId, UnitId};
pub use ledger::{Amount, Ledger, Limits, Shortfall};
pub use plan::{Input, Invalid, OnFailure, Plan, Retry, Step, StepKind};
pub use run::{Phase, Run, StepPhase};

/// The version of the decisions made here: a journal that names another one is shown and verified, not recomputed.
pub const VERSION: u32 = 1;
