//! Brings what is known up to date with the disk.
//!
//! Invariant: folders are noted last, so that a look that was interrupted is taken again; what it had read is kept.

use std::path::Path;
use std::sync::Arc;

use naestro_kernel::code::Watch;

use crate::history;
use crate::scan::{Found, scan};
use crate::store::{Known, Store, Trouble, fill};

/// Under which key the database counts its states.
const GENERATION: &str = "generation";

/// What was known when the disk was last looked at from here.
#[derive(Default)]
pub(super) struct Seen(Option<(u64, Arc<Known>)>);

/// Looks at the disk and reads what differs. The lock must be held.
pub(super) fn refresh(store: &Store, root: &Path, seen: &mut Seen, watch: &dyn Watch) -> Result<(), Trouble> {
    let found = scan(root, &*seen.known(store)?, None)?;
    if watch.cancelled() {
        return Err(Trouble::Cancelled);
    }
    if !found.is_empty() {
        apply(store, root, found, watch)?;
    }
    history::remember(store, root, watch)
}

impl Seen {
    fn known(&mut self, store: &Store) -> Result<Arc<Known>, Trouble> {
        let now = generation(store)?;
        if let Some((generation, known)) = &self.0
            && *generation == now
        {
            return Ok(Arc::clone(known));
        }
        let known = Arc::new(store.known()?);
        self.0 = Some((now, Arc::clone(&known)));
        Ok(known)
    }
}

/// The state that was counted last.
pub(crate) fn generation(store: &Store) -> Result<u64, Trouble> {
    let generation = store.meta(GENERATION)?.unwrap_or_default();
    Ok(generation.parse().unwrap_or(0))
}

fn apply(store: &Store, root: &Path, found: Found, watch: &dyn Watch) -> Result<(), Trouble> {
    let Found { jobs, gone, folders, lost, rules } = found;
    store.all_or_nothing(|store| {
        // Counted before anything is written: who was interrupted leaves a state that nobody takes for an earlier one.
        store.set_meta(GENERATION, &(generation(store)? + 1).to_string())?;
        gone.into_iter().try_for_each(|file| store.forget(file))
    })?;
    if !jobs.is_empty() {
        fill(store, root, jobs, watch)?;
    }
    store.all_or_nothing(|store| {
        lost.iter().try_for_each(|path| store.forget_folder(path))?;
        folders.iter().try_for_each(|(path, folder)| store.set_folder(path, *folder))?;
        rules.map_or(Ok(()), |rules| store.set_rules(&rules))
    })
}
