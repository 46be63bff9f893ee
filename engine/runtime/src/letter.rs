//! Signals between processes, as the inbox keeps them: JSON of the api's own form.

use naestro_api::Signal;
use naestro_policy::port::Letter;
use serde::{Deserialize, Serialize};

/// A signal and who sent it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Posted {
    pub(crate) signal: Signal,
    pub(crate) by: String,
}

impl Posted {
    /// The letter's bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a letter; one that makes no sense is logged and skipped, since nobody waits for a reply to it.
    pub(crate) fn read(letter: &Letter) -> Option<Self> {
        serde_json::from_slice(&letter.body).inspect_err(|error| tracing::warn!(letter = letter.id, %error, "skipped a letter")).ok()
    }
}
