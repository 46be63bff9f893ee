//! The decision.

use naestro_kernel::{Digest, Millis, Mode, RunId, UnitId};

use crate::Permit;
use crate::effect::Effect;

/// The policy set.
pub struct Policies {}

/// What a decision depends on beside the effect.
#[derive(Clone, Debug)]
pub struct Context {
    /// The run.
    pub run: RunId,
    /// The unit.
    pub unit: UnitId,
    /// Now.
    pub now: Millis,
    /// The run's mode.
    pub mode: Mode,
    /// Whether exec without a sandbox was granted.
    pub unsandboxed: bool,
    /// Whether the diff is to be imported (`--apply`).
    pub apply: bool,
    /// Whether a model chose the effect, rather than the user's own plan.
    pub by_model: bool,
    /// The digest of the effect a human allowed, where one was asked.
    pub consent: Option<Digest>,
}

/// What was decided.
#[derive(Debug)]
pub enum Decision {
    /// It may happen.
    Permit(Permit),
    /// A human is to be asked.
    Ask {
        /// The question, one sentence.
        text: String,
        /// What it is about in full.
        detail: String,
    },
    /// It may not happen.
    Deny {
        /// The rule that refused, as a sentence.
        reason: String,
        /// What the user can do about it.
        hint: String,
    },
}

/// A policy set that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(pub String);

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "load the policy set: {}", self.0)
    }
}

impl std::error::Error for PolicyError {}

impl Policies {
    /// The policy set that is compiled in.
    ///
    /// # Errors
    /// The reason, if it does not validate against its schema.
    pub fn built_in() -> Result<Self, PolicyError> {
        Ok(Self {})
    }

    /// Decides whether `effect` may happen.
    #[must_use]
    pub fn decide(&self, context: &Context, effect: &Effect) -> Decision {
        let _ = (context, effect);
        Decision::Deny { reason: String::new(), hint: String::new() }
    }
}
