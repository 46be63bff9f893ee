//! The hash chain of a run: every row is bound to its run, its place, its time and all rows before it.
//!
//! Invariant: two different histories never have the same link, as far as BLAKE3 goes; fields are written with their length
//! or at fixed width, so they cannot run together.

use naestro_kernel::RunId;

/// The hash over a row and everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link(pub(crate) [u8; 32]);

/// What a run's chain starts from: what lists show of the run, and for a fork the parent's link it continues.
pub(crate) struct Genesis<'a> {
    pub(crate) run: RunId,
    pub(crate) session: RunId,
    pub(crate) workspace: &'a str,
    pub(crate) title: &'a str,
    pub(crate) opened: u64,
    pub(crate) parent: Option<(RunId, u64, Link)>,
}

impl Genesis<'_> {
    /// The link before a run's first own row.
    pub(crate) fn link(&self) -> Link {
        let mut hasher = blake3::Hasher::new_derive_key("naestro journal run 1");
        hasher.update(&self.run.0).update(&self.session.0);
        for text in [self.workspace, self.title] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.update(&self.opened.to_le_bytes());
        if let Some((parent, index, link)) = &self.parent {
            hasher.update(&parent.0).update(&index.to_le_bytes()).update(&link.0);
        }
        Link(hasher.finalize().into())
    }
}

impl Link {
    /// The link of the row that follows.
    pub(crate) fn next(&self, run: RunId, index: u64, at: u64, record: &[u8]) -> Self {
        let mut row = [0; 64];
        row[..32].copy_from_slice(&self.0);
        row[32..48].copy_from_slice(&run.0);
        row[48..56].copy_from_slice(&index.to_le_bytes());
        row[56..].copy_from_slice(&at.to_le_bytes());
        Self(blake3::Hasher::new().update(&row).update(record).finalize().into())
    }
}

/// Binds the state digest recorded at a release to the run and the number of events it was folded from.
pub(crate) fn seal(run: RunId, events: u64, state: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("naestro journal state 1");
    hasher.update(&run.0).update(&events.to_le_bytes()).update(state);
    hasher.finalize().into()
}
