//! When a root is listened to, and what the next look at the disk may leave out because of it.
//!
//! The first answer of a process is often its last: only the second shows that it lives on, and is worth a watch on every folder.
//!
//! Invariant: a look that failed takes what was heard before it with it; the next one is at everything.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::store::{Known, Trouble};
use crate::watch::Ears;

/// After so long without a question nobody listens any more.
const IDLE: Duration = Duration::from_secs(600);

/// Whether, and how well, a root is listened to.
#[derive(Default)]
pub(super) struct Hearing {
    looks: u64,
    ears: Option<Ears>,
    /// The system refused to tell; it is not asked again.
    deaf: bool,
}

impl Hearing {
    /// The paths at which alone something happened since the last look; nothing where it must be at everything.
    pub(super) fn suspects(&mut self) -> Option<BTreeSet<Vec<u8>>> {
        self.ears.as_mut().and_then(Ears::heard)
    }

    /// A look was taken: listens to what is new, or to everything from the second look on.
    ///
    /// # Errors
    /// Of `known`, which is asked only where everything is to be listened to: it is not cheap.
    pub(super) fn looked(
        &mut self,
        root: &Path,
        known: impl FnOnce() -> Result<Arc<Known>, Trouble>,
        fresh: &[Vec<u8>],
    ) -> Result<(), Trouble> {
        self.looks += 1;
        let listened = match &mut self.ears {
            Some(ears) => ears.follow(fresh.iter().map(Vec::as_slice)),
            None if self.looks < 2 || self.deaf => Ok(()),
            None => {
                let known = known()?;
                let folders = known.folders.iter().filter(|(_, folder)| !folder.apart).map(|(path, _)| path.as_slice());
                Ears::open(root, folders).map(|ears| self.ears = Some(ears))
            }
        };
        if let Err(error) = listened {
            tracing::warn!("changes in {} are looked for each time, since the system does not tell them: {error}", root.display());
            *self = Self { looks: self.looks, ears: None, deaf: true };
        }
        Ok(())
    }

    /// A look failed.
    pub(super) fn missed(&mut self) {
        self.ears = None;
    }

    /// Stops listening where nobody asked for long.
    pub(super) fn rest(&mut self) {
        if self.ears.as_ref().is_some_and(|ears| ears.idle_for(IDLE)) {
            self.ears = None;
        }
    }
}
