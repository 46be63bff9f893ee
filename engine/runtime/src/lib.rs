//! Make it happen, in order, once, cancellably: dispatcher, executor, one file per command.
//!
//! The runtime acts and never decides: what happens next is the kernel's to say, whether it may happen the policy's, and
//! what did happen the journal's. It translates between callers' words (`naestro-api`) and the kernel's.
//!
//! The way through: [`engine`] takes a command to its file in `command/`; that opens a run and hands it to a
//! `dispatcher`, which appends each event, folds it (`fold`), projects it to callers (`update`) and gives each unit to the
//! `executor`, which makes it exact (`exact`), asks the policy, and performs it through a port.
//!
//! Invariant: a run's state changes only in its dispatcher, append first, then apply.

mod command;
mod context;
mod conversation;
mod dispatcher;
mod engine;
mod evidence;
mod exact;
mod executor;
mod failure;
mod fold;
mod letter;
mod message;
mod parts;
mod plan;
mod reading;
mod receipt;
mod recipe;
mod session;
mod state;
mod story;
mod update;

pub use engine::LocalEngine;
pub use parts::{MakeWorkspaces, ModelPart, OpenJournal, OpenPast, Parts, Settings, Tests};
pub use recipe::{Recipe, built_in as built_in_recipes};

#[cfg(test)]
mod tests;
