//! What differs between the disk and what is known, found by looking at times and not at bytes.
//!
//! A folder's stamp tells whether names came or went in it, a file's whether its bytes may differ; so a tree in which nothing
//! happened costs one `lstat` per file and folder, and no folder is read. Only folders whose stamp differs are walked again, by
//! the rules of the folders above them. A rule file that changed brings a walk of everything.
//!
//! Invariant: a file whose bytes changed before the look began is among the jobs, or is gone; for what changed too shortly before
//! an earlier look to show in its times, that look kept no stamp.

mod walk;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::SystemTime;

use crate::FileId;
use crate::record::{self, UNSURE};
use crate::store::{Folder, Held, Job, Known, Trouble, absolute};
use walk::{Cover, MISSING, Walked, rule_stamp, walk};

/// So many looks are worth a thread of their own.
const WORTH_A_THREAD: usize = 1000;

/// What differs.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files to read, in order of paths.
    pub(crate) jobs: Vec<Job>,
    /// Files that are not there any more, or are ignored now.
    pub(crate) gone: Vec<FileId>,
    /// Folders that are new or other than they were.
    pub(crate) folders: Vec<(Vec<u8>, Folder)>,
    /// Folders that are not there any more, or are ignored now.
    pub(crate) lost: Vec<Vec<u8>>,
    /// All files that say what is ignored, where they are not the known ones.
    pub(crate) rules: Option<Vec<(Vec<u8>, i64)>>,
}

impl Found {
    /// Whether nothing differs.
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.gone.is_empty() && self.folders.is_empty() && self.lost.is_empty() && self.rules.is_none()
    }
}

/// Looks for what differs below the root: everywhere, or only at `suspects`, paths below the root where alone something happened.
///
/// # Errors
/// `Unavailable` where the root is no folder that can be read.
pub(crate) fn scan(root: &Path, known: &Known, suspects: Option<&BTreeSet<Vec<u8>>>) -> Result<Found, Trouble> {
    if known.folders.is_empty() || rules_differ(root, known) {
        return Ok(compare(known, walk(root, &Cover::Everything)?, None));
    }
    // What happens to a name happens to its folder as well.
    let suspects: Option<BTreeSet<&[u8]>> = suspects.map(|paths| paths.iter().flat_map(|path| [path.as_slice(), parent(path)]).collect());
    let folders = picked(&known.folders, suspects.as_ref());
    let dirty = differing(&folders, |path, folder| !is_at(root, path, folder.stamp));
    let dirty: BTreeSet<&[u8]> = dirty.into_iter().map(|(path, _)| path).collect();
    let files = picked(&known.files, suspects.as_ref());
    let files = differing(&files, |path, held| !dirty.contains(parent(path)) && !is_at(root, path, held.stamp));
    let jobs: Vec<Job> = files.into_iter().map(|(path, held)| Job { path: path.to_vec(), held: Some(held.clone()) }).collect();
    if dirty.is_empty() {
        return Ok(Found { jobs, ..Found::default() });
    }
    let walked = walk(root, &Cover::Some { dirty: &dirty, known })?;
    if walked.rules.iter().any(|(path, _)| find(&known.rules, path).is_none()) {
        return Ok(compare(known, walk(root, &Cover::Everything)?, None));
    }
    let mut found = compare(known, walked, Some(&dirty));
    found.jobs.extend(jobs);
    found.jobs.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The folder a path lies in; the root is empty.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |at| &path[..at])
}

/// The entry of that path in a list in order of paths.
pub(crate) fn find<'a, T>(list: &'a [(Vec<u8>, T)], path: &[u8]) -> Option<&'a T> {
    list.binary_search_by(|(other, _)| other.as_slice().cmp(path)).ok().map(|at| &list[at].1)
}

/// The suspects of a list; all of it where there are none.
fn picked<'a, T: Clone>(list: &'a [(Vec<u8>, T)], suspects: Option<&BTreeSet<&[u8]>>) -> Cow<'a, [(Vec<u8>, T)]> {
    let Some(suspects) = suspects else { return Cow::Borrowed(list) };
    let known = suspects.iter().filter_map(|path| find(list, path).map(|item| (path.to_vec(), item.clone())));
    Cow::Owned(known.collect())
}

/// Whether a file that says what is ignored came, went or changed. All are looked at, whatever is suspect: there are a handful, and
/// some lie where nobody listens.
fn rules_differ(root: &Path, known: &Known) -> bool {
    let differs = |(path, stamp): &(Vec<u8>, i64)| *stamp == UNSURE || rule_stamp(&absolute(Path::new(""), path)) != *stamp;
    known.rules.iter().any(differs) || walk::fixed_rules(root).iter().any(|path| find(&known.rules, path).is_none())
}

/// Whether the times, size and inode at a path are those of the stamp, and prove something.
fn is_at(root: &Path, path: &[u8], held: i64) -> bool {
    held != UNSURE && fs::symlink_metadata(absolute(root, path)).is_ok_and(|metadata| record::stamp(&metadata, SystemTime::now()) == held)
}

/// The entries for which `differs` says so, asked on as many threads as that is worth.
fn differing<'a, T: Sync>(list: &'a [(Vec<u8>, T)], differs: impl Fn(&[u8], &T) -> bool + Sync) -> Vec<(&'a [u8], &'a T)> {
    let look = |part: &'a [(Vec<u8>, T)]| -> Vec<(&'a [u8], &'a T)> {
        part.iter().filter(|(path, item)| differs(path, item)).map(|(path, item)| (path.as_slice(), item)).collect()
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(list.len() / WORTH_A_THREAD);
    if threads < 2 {
        return look(list);
    }
    thread::scope(|scope| {
        let parts: Vec<_> = list.chunks(list.len().div_ceil(threads)).map(|part| scope.spawn(|| look(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Compares what a walk saw with what is known of the folders it covered: the dirty ones, or all.
fn compare(known: &Known, walked: Walked, dirty: Option<&BTreeSet<&[u8]>>) -> Found {
    let covered = |folder: &[u8]| dirty.is_none_or(|dirty| dirty.contains(folder));
    let mut lost: HashSet<&[u8]> = HashSet::new();
    for (path, _) in known.folders.iter().filter(|(path, _)| !path.is_empty()) {
        let above = parent(path);
        let unseen = (covered(above) || covered(path)) && find(&walked.folders, path).is_none();
        if unseen || lost.contains(above) || find(&walked.folders, above).is_some_and(|folder| folder.apart) {
            lost.insert(path);
        }
    }
    let is_gone = |path: &[u8]| {
        let above = parent(path);
        let apart = find(&walked.folders, above).is_some_and(|folder| folder.apart);
        apart || lost.contains(above) || (covered(above) && find(&walked.files, path).is_none())
    };
    let gone = known.files.iter().filter(|(path, _)| is_gone(path)).map(|(_, held)| held.id).collect();
    let job = |(path, stamp): (Vec<u8>, i64)| {
        let held: Option<&Held> = find(&known.files, &path);
        let same = held.is_some_and(|held| held.stamp == stamp && stamp != UNSURE);
        (!same).then(|| Job { held: held.cloned(), path })
    };
    // A stamp that proves nothing is told even where it was noted before: the folder may have gone and come again.
    let told = |path: &[u8], folder: &Folder| folder.stamp == UNSURE || find(&known.folders, path) != Some(folder);
    let folders = walked.folders.iter().filter(|(path, folder)| told(path, folder)).cloned().collect();
    let rules = (dirty.is_none() && walked.rules != known.rules).then_some(walked.rules);
    let mut lost: Vec<Vec<u8>> = lost.into_iter().map(<[u8]>::to_vec).collect();
    lost.sort_unstable();
    Found { jobs: walked.files.into_iter().filter_map(job).collect(), gone, folders, lost, rules }
}

// A rule file that is not there proves something; one that changed just now does not.
const _: () = assert!(MISSING != UNSURE);
