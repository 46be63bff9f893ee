//! The proof that one exact effect was permitted.

use naestro_kernel::{Digest, Millis, RunId, UnitId};

use crate::effect::Exact;

/// Permission for one attempt at one exact effect. It cannot be cloned, and only a decision makes one.
#[derive(Debug)]
pub struct Permit {
    pub(crate) run: RunId,
    pub(crate) unit: UnitId,
    pub(crate) effect: Digest,
    pub(crate) expires: Millis,
    pub(crate) reason: String,
}

/// A permit that does not cover what it was presented for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What the permit covers.
    pub permitted: Digest,
    /// What it was presented for.
    pub presented: Digest,
}

impl Permit {
    /// Confirms that `effect` is exactly what was permitted; what a port does first.
    ///
    /// # Errors
    /// The two digests, if they differ: the port must do nothing then.
    pub fn covers<T: Exact>(&self, effect: &T) -> Result<(), Mismatch> {
        let presented = effect.exactly();
        if presented == self.effect { Ok(()) } else { Err(Mismatch { permitted: self.effect, presented }) }
    }

    /// The run it was given to.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The unit it was given to: with the run, the effect's idempotency key.
    #[must_use]
    pub fn unit(&self) -> UnitId {
        self.unit
    }

    /// The digest of the effect it covers.
    #[must_use]
    pub fn effect(&self) -> Digest {
        self.effect
    }

    /// When it lapses.
    #[must_use]
    pub fn expires(&self) -> Millis {
        self.expires
    }

    /// The policies that permitted it.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "use a permit for {} on {}", self.permitted, self.presented)
    }
}

impl std::error::Error for Mismatch {}
