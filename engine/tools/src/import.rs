//! Importing a checkpoint into the user's folder, all or nothing.
//!
//! First every file is looked at: it must hold what the base tree says, or already what the checkpoint says. Then all new
//! contents are written beside their places and made durable; then they are moved into place, each after another look, as
//! the user may have gone on meanwhile. If one cannot be moved, those that were are moved back. What an interrupted import
//! left beside is removed by the next one and by the next run ([`claim`]); repeating the import completes it.
//!
//! Invariant: nothing is written through a link. Every folder is opened beneath the checkout by the kernel's own rule
//! (`openat2`), and files are named relative to the folder that was opened.

mod claim;
mod folder;

use std::io;
use std::path::{Path, PathBuf};

use naestro_kernel::Failure;
use naestro_policy::effect::Import;
use naestro_policy::port::Contents;

use crate::fault::{Outcome, at, permanent, store};
use crate::tree::{Entry, Manifest, shown};
use claim::Claim;
use folder::Checkout;

pub(crate) use claim::tidy_up;

/// Imports; returns how many files differ between the trees.
///
/// # Errors
/// The failure, naming the files whose content is neither the base's nor the checkpoint's; nothing is written then.
pub(crate) fn import(home: &Path, contents: &dyn Contents, import: &Import) -> Outcome<u32> {
    let (base, tree) = (Manifest::load(contents, &import.base)?, Manifest::load(contents, &import.tree)?);
    let delta = base.delta(&tree);
    let mut paths: Vec<String> = delta.keys().map(|path| shown(path)).collect();
    paths.sort();
    if paths != import.paths {
        return Err(permanent("import other files than were permitted", "compute the diff again"));
    }
    let root = Path::new(&import.checkout);
    let claim = Claim::take(home, root)?;
    let checkout = Checkout::open(root).map_err(at("open", root))?;
    // What goes goes first: a file may come to lie where a folder was, or the other way round.
    let (gone, come): (Vec<_>, Vec<_>) = delta.iter().partition(|(_, new)| new.is_none());
    let changes = gone.into_iter().chain(come);
    let changes: Vec<Change> = changes.map(|(path, new)| Change { path, old: base.entries.get(path), new: new.as_ref() }).collect();
    let todo = verify(&checkout, &changes)?;
    let job = Job { checkout: &checkout, contents, todo: &todo, name: &claim.name };
    job.stage().inspect_err(|_| job.clean())?;
    job.commit().inspect_err(|_| job.clean())?;
    Ok(u32::try_from(delta.len()).unwrap_or(u32::MAX))
}

/// What an import does to one file.
#[derive(Clone, Copy, Debug)]
struct Change<'a> {
    path: &'a PathBuf,
    old: Option<&'a Entry>,
    new: Option<&'a Entry>,
}

/// The changes still to be made.
fn verify<'a>(checkout: &Checkout, changes: &[Change<'a>]) -> Outcome<Vec<Change<'a>>> {
    let (mut todo, mut changed) = (Vec::new(), Vec::new());
    let removed = |path: &Path| changes.iter().any(|change| change.new.is_none() && change.path == path);
    for change in changes {
        let is = |wanted: Option<&Entry>| checkout.holds(change.path, wanted);
        // A folder whose files all go may stand where a file comes, and a file that goes where a folder comes.
        let makes_way =
            || change.old.is_none() && change.path.ancestors().skip(1).any(removed) || checkout.is_folder_of(change.path, removed);
        if is(change.new).map_err(at("look at", change.path))? {
            continue;
        }
        if is(change.old).map_err(at("look at", change.path))? || makes_way() {
            todo.push(*change);
        } else {
            changed.push(shown(change.path));
        }
    }
    if changed.is_empty() { Ok(todo) } else { Err(refused(&changed)) }
}

fn refused(changed: &[String]) -> Failure {
    const SHOWN: usize = 20;
    let more = changed.len().saturating_sub(SHOWN);
    let list = changed[..changed.len().min(SHOWN)].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let hint = "nothing is changed; put those files back as they were, or apply the diff by hand with `git apply --3way`";
    permanent(format!("import into files that were changed meanwhile: {list}{more}"), hint)
}

struct Job<'a> {
    checkout: &'a Checkout,
    contents: &'a dyn Contents,
    todo: &'a [Change<'a>],
    /// What the names of the files that lie beside begin with.
    name: &'a str,
}

impl Job<'_> {
    /// Writes all new contents into the checkout's root under names of their own.
    fn stage(&self) -> Outcome<()> {
        for (index, change) in self.todo.iter().enumerate() {
            let Some(new) = change.new else { continue };
            let bytes = self.contents.get(&new.digest).map_err(store)?;
            self.checkout.write(&self.beside(index), new.kind, &bytes, change.path).map_err(at("write", change.path))?;
        }
        Ok(())
    }

    /// Moves the new files into place; moves back what was moved if one cannot be.
    fn commit(&self) -> Outcome<()> {
        for (index, change) in self.todo.iter().enumerate() {
            self.still(change).map_err(|failure| self.back(index, failure))?;
            self.put(index, change).map_err(at("import", change.path)).map_err(|failure| self.back(index + 1, failure))?;
        }
        self.checkout.sync().map_err(|error| permanent(format!("make the import durable: {error}"), "import again"))
    }

    /// Confirms that a file holds what it is to hold before: staging took time in which the user may have changed it.
    fn still(&self, change: &Change<'_>) -> Outcome<()> {
        let is = self.checkout.holds(change.path, change.old).map_err(at("look at", change.path))?;
        if is { Ok(()) } else { Err(refused(&[shown(change.path)])) }
    }

    /// Puts the first `count` files back; the failure, saying whether that was done.
    fn back(&self, count: usize, mut failure: Failure) -> Failure {
        let undone: Vec<Failure> = (0..count).rev().filter_map(|index| self.undo(index).err()).collect();
        if let Some(worse) = undone.first() {
            failure.hint = format!("some files could not be put back ({}): look at them with `git status`", worse.message);
        } else if failure.hint.is_empty() {
            failure.hint = "every file is as it was".into();
        }
        failure
    }

    fn put(&self, index: usize, change: &Change<'_>) -> io::Result<()> {
        match change.new {
            Some(_) => self.checkout.rename(&self.beside(index), change.path),
            None => self.checkout.remove(change.path),
        }
    }

    /// Puts back what the base holds, where the user has not changed it since.
    fn undo(&self, index: usize) -> Outcome<()> {
        let change = &self.todo[index];
        let holds = |wanted| self.checkout.holds(change.path, wanted).map_err(at("look at", change.path));
        if !holds(change.new)? && !holds(change.old)? {
            return Err(permanent(format!("put back {}: it was changed meanwhile", shown(change.path)), ""));
        }
        let Some(old) = change.old else {
            return self.checkout.remove(change.path).map_err(at("remove", change.path));
        };
        let bytes = self.contents.get(&old.digest).map_err(store)?;
        let written = self.checkout.write(&self.beside(index), old.kind, &bytes, change.path);
        written.and_then(|()| self.checkout.rename(&self.beside(index), change.path)).map_err(at("put back", change.path))
    }

    /// Removes what lies beside.
    fn clean(&self) {
        for index in 0..self.todo.len() {
            // Most are in place already, or never came to be.
            let _ = self.checkout.remove(&self.beside(index));
        }
    }

    fn beside(&self, index: usize) -> PathBuf {
        PathBuf::from(format!("{}{index}", self.name))
    }
}
