//! What is known about code, for the tools that tell it: who waits for the answer, and what a fault means to them.

use std::time::Instant;

use naestro_kernel::code::{self, Code, Watch};

use super::{Call, Cancel, Fault, Stop};

/// The most near misses that are told.
const NEAR: usize = 5;

/// The call as one that waits.
pub(super) struct Waiting<'a> {
    cancel: &'a Cancel,
    deadline: Instant,
}

impl Watch for Waiting<'_> {
    fn progress(&self, _done: usize, _total: usize) {}

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled() || Instant::now() >= self.deadline
    }
}

impl<'a> Call<'a> {
    /// What knows the code, and who waits.
    pub(super) fn known(&self) -> Result<(&'a dyn Code, Waiting<'a>), Stop> {
        let code = self.code.ok_or_else(|| Fault::Broken("ask what is known about code: it is not known here".into()))?;
        Ok((code, Waiting { cancel: self.cancel, deadline: self.deadline }))
    }

    /// A fault of what knows the code.
    pub(super) fn unknown(&self, fault: code::Fault) -> Stop {
        match fault {
            code::Fault::Unknown { what, near } => Stop::Refused(missing(&what, &near)),
            code::Fault::Cancelled => self.go_on().err().unwrap_or(Fault::Cancelled).into(),
            code::Fault::Unavailable(what) => Fault::Broken(what).into(),
        }
    }

    /// The root as the port of code names it.
    pub(super) fn folder(&self) -> String {
        self.root.path().to_string_lossy().into_owned()
    }
}

fn missing(what: &str, near: &[String]) -> String {
    if near.is_empty() {
        return format!("there is no {what}; use search to find what there is");
    }
    format!("there is no {what}; near it: {}", near.iter().take(NEAR).cloned().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
pub(super) mod fake;
