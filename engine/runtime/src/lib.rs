//! Make it happen, in order, once, cancellably: dispatcher, executor, one file per command.
//!
//! The runtime acts and never decides: what happens next is the kernel's to say, whether it may happen the policy's, and
//! what did happen the journal's. It translates between callers' words (`naestro-api`) and the kernel's.
//!
//! Invariant: run state changes only in [`dispatcher`], append first, then apply.

mod parts;

pub use parts::{LocalEngine, ModelPart, Parts, Settings};
