//! Signals between processes, as the inbox keeps them: JSON with a version, around the wire's own form of a signal.
//!
//! A letter lives for moments; one of another version is refused rather than guessed at.

use naestro_api::Signal;
use naestro_policy::port::Letter;
use serde::{Deserialize, Serialize};

/// The form of letters.
const VERSION: u32 = 1;

/// A signal and who sent it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Posted {
    pub(crate) signal: Signal,
    pub(crate) by: String,
}

impl Posted {
    /// The letter's bytes.
    pub(crate) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(&(VERSION, self)).unwrap_or_default()
    }

    /// Reads a letter; one that makes no sense is logged and skipped, since nobody waits for a reply to it.
    pub(crate) fn read(letter: &Letter) -> Option<Self> {
        let read = serde_json::from_slice::<(u32, Self)>(&letter.body);
        let read = read.inspect_err(|error| tracing::warn!(letter = letter.id, %error, "skipped a letter")).ok();
        read.filter(|(version, _)| *version == VERSION).map(|(_, posted)| posted)
    }
}
