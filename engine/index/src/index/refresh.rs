//! Brings what is known up to date with the disk.
//!
//! Invariant: folders are noted last, so that a look that was interrupted is taken again; what it had read is kept.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use naestro_kernel::code::Watch;

use crate::history;
use crate::scan::{Found, find, scan};
use crate::store::{Known, Store, Trouble, fill};

/// What was known when the disk was last looked at from here.
#[derive(Default)]
pub(super) struct Seen(Option<(u64, Arc<Known>)>);

/// Looks at the disk, everywhere or at the suspects alone, and reads what differs; tells the folders that are, or may be, new. The lock must be held.
pub(super) fn refresh(
    store: &Store,
    root: &Path,
    seen: &mut Seen,
    suspects: Option<&BTreeSet<Vec<u8>>>,
    watch: &dyn Watch,
) -> Result<Vec<Vec<u8>>, Trouble> {
    let known = seen.known(store)?;
    let found = scan(root, &known, suspects)?;
    // A folder that went and came again is another one: it is suspect itself, or may be where nothing was heard.
    let is_new = |path: &[u8]| find(&known.folders, path).is_none() || suspects.is_none_or(|suspects| suspects.contains(path));
    let fresh = found.folders.iter().filter(|(path, folder)| !folder.apart && is_new(path)).map(|(path, _)| path.clone()).collect();
    if watch.cancelled() {
        return Err(Trouble::Cancelled);
    }
    if !found.is_empty() {
        apply(store, root, found, watch)?;
    }
    history::remember(store, root, watch)?;
    Ok(fresh)
}

impl Seen {
    /// What is known now.
    pub(super) fn known(&mut self, store: &Store) -> Result<Arc<Known>, Trouble> {
        let now = store.generation()?;
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

fn apply(store: &Store, root: &Path, found: Found, watch: &dyn Watch) -> Result<(), Trouble> {
    let Found { jobs, gone, folders, lost, rules } = found;
    store.all_or_nothing(|store| {
        // Counted before anything is written: who was interrupted leaves a state that nobody takes for an earlier one.
        store.count_on()?;
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
