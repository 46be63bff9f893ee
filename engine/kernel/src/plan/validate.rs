//! What is wrong with a plan, step by step.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Opening, Plan, StepId};

/// One thing wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Invalid {
    /// The step, where it is about one.
    pub step: Option<StepId>,
    /// What is wrong, as a sentence.
    pub reason: String,
}

impl Plan {
    /// Everything that keeps the plan from being carried out; empty if it can be.
    #[must_use]
    pub fn validate(&self, _opening: &Opening) -> Vec<Invalid> {
        Vec::new()
    }
}
