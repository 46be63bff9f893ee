//! The questions about history, for one answer.
//!
//! Invariant: at most [`LOOKED_AT`] commits of a path are compared, the newest.

use std::cell::OnceCell;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use git2::{DiffOptions, ErrorCode, Oid, Repository};
use naestro_kernel::code::Fault;

use super::lines::{Lines, back};
use super::{Place, together, touching};
use crate::coverage::{Coverage, coverage};
use crate::facts::{Commit, History, READ};
use crate::index::below;
use crate::store::{Snapshot, Trouble};

/// How many commits of a path are compared at most.
const LOOKED_AT: u32 = 40;

/// A version of a file larger than this is not compared, in bytes: of such a file only the commits that touched it are known.
const LARGEST: usize = 1 << 20;

/// A commit of more paths than this says nothing about which of them belong together.
const MANY: u32 = 60;

/// The history of one root, as a snapshot knows it.
pub(crate) struct Past<'a> {
    root: &'a Path,
    snapshot: &'a Snapshot,
    place: OnceCell<Option<Place>>,
}

impl<'a> Past<'a> {
    /// The history of a root. Opens nothing yet.
    pub(crate) fn new(root: &'a Path, snapshot: &'a Snapshot) -> Self {
        Self { root, snapshot, place: OnceCell::new() }
    }

    fn place(&self) -> Option<&Place> {
        self.place.get_or_init(|| Place::find(self.root)).as_ref()
    }

    fn changing(&self, place: &Place, path: &str, lines: Lines, limit: usize) -> Result<Vec<Oid>, Trouble> {
        let Some(now) = below(self.root, path).and_then(|path| beginning(&path).ok()) else { return Ok(Vec::new()) };
        if now.len() > LARGEST {
            let most = if lines == (1, u32::MAX) { u32::try_from(limit).unwrap_or(u32::MAX) } else { 0 };
            return touching(self.snapshot.store(), path, most);
        }
        let mut version = Version { id: None, bytes: now };
        let last = u32::try_from(version.bytes.split(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX);
        let mut lines = (lines.0.clamp(1, last), lines.1.clamp(1, last));
        let mut found = Vec::new();
        for commit in touching(self.snapshot.store(), path, LOOKED_AT)? {
            match step(place, commit, path, &mut version, &mut lines) {
                Ok(Step::Changed) => found.push(commit),
                Ok(Step::Unchanged) => {}
                Ok(Step::Born) => {
                    found.push(commit);
                    break;
                }
                Ok(Step::End) => break,
                Err(error) => return Err(unreadable(&error)),
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

/// As many of a file's bytes as are ever looked at.
fn beginning(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(READ as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A version of a file, on the way back.
struct Version {
    /// Its blob; nothing where it is what lies on disk.
    id: Option<Oid>,
    bytes: Vec<u8>,
}

enum Step {
    Changed,
    Unchanged,
    /// They came with this commit.
    Born,
    /// What lies before it cannot be followed.
    End,
}

/// Goes from the version after a commit to the one before it.
fn step(place: &Place, commit: Oid, path: &str, version: &mut Version, lines: &mut Lines) -> Result<Step, git2::Error> {
    let commit = place.repository.find_commit(commit)?;
    let Some(new) = Version::of(place, &commit, path)? else { return Ok(Step::End) };
    if version.id != new.id {
        // What is not committed, or came by another branch, lies between.
        let Some(before) = back(&new.bytes, &version.bytes, *lines)?.0 else { return Ok(Step::End) };
        *lines = before;
    }
    let old = match commit.parent(0) {
        Ok(parent) => Version::of(place, &parent, path)?,
        Err(_) => None,
    };
    let Some(old) = old else { return Ok(Step::Born) };
    if old.bytes.len().max(new.bytes.len()) > LARGEST {
        return Ok(Step::End);
    }
    let (Some(before), changed) = back(&old.bytes, &new.bytes, *lines)? else { return Ok(Step::Born) };
    (*version, *lines) = (old, before);
    Ok(if changed { Step::Changed } else { Step::Unchanged })
}

impl Version {
    fn of(place: &Place, commit: &git2::Commit<'_>, path: &str) -> Result<Option<Self>, git2::Error> {
        let blob = blob(&place.repository, commit, &place.named(path))?;
        Ok(blob.map(|blob| Self { id: Some(blob.id()), bytes: blob.content().to_vec() }))
    }
}

/// The file in the commit; nothing where there is none.
fn blob<'r>(repository: &'r Repository, commit: &git2::Commit<'_>, path: &Path) -> Result<Option<git2::Blob<'r>>, git2::Error> {
    match commit.tree()?.get_path(path) {
        Ok(entry) => Ok(entry.to_object(repository)?.into_blob().ok()),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn unreadable(error: &git2::Error) -> Trouble {
    Trouble::Unavailable(format!("read the repository: {}", error.message()))
}

fn told(commit: &git2::Commit<'_>) -> Commit {
    Commit {
        id: commit.id().to_string(),
        parent: commit.parent_id(0).ok().map(|id| id.to_string()),
        title: String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned(),
        author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
        time: commit.time().seconds(),
    }
}

/// No such revision, in words.
fn unknown(revision: &str) -> Fault {
    Fault::Unknown { what: format!("a commit `{revision}`"), near: Vec::new() }
}

impl History for Past<'_> {
    fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        let Some(file) = below(self.root, path).filter(|file| file.is_file()) else { return Ok(None) };
        match beginning(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::Unavailable(format!("read {path}: {error}"))),
        }
    }

    fn bytes_in(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        let Some(place) = self.place() else { return Err(unknown(commit)) };
        let found = find(place, commit)?;
        let version = Version::of(place, &found, path).map_err(|error| unreadable(&error))?;
        Ok(version.map(|version| version.bytes))
    }

    fn commit(&self, revision: &str) -> Result<Commit, Fault> {
        let Some(place) = self.place() else { return Err(unknown(revision)) };
        find(place, revision).map(|commit| told(&commit))
    }

    fn commits(&self, path: &str, lines: (u32, u32), limit: usize) -> Result<Vec<Commit>, Fault> {
        let Some(place) = self.place() else { return Ok(Vec::new()) };
        let changing = self.snapshot.noted(self.changing(place, path, lines, limit))?;
        let told = changing.into_iter().map(|id| place.repository.find_commit(id).map(|commit| told(&commit)));
        Ok(told.collect::<Result<_, _>>().map_err(|error| unreadable(&error))?)
    }

    fn companions(&self, path: &str, limit: usize) -> Result<(Vec<(String, u32)>, u32), Fault> {
        self.snapshot.noted(together(self.snapshot.store(), path, MANY, limit))
    }

    fn coverage(&self, files: &[String]) -> Result<Vec<Result<Coverage, String>>, Fault> {
        // Git notes there when HEAD was moved: by a commit, a checkout, a pull.
        let moved = self.place().map(|place| place.repository.path().join("logs/HEAD"));
        let moved = moved.and_then(|log| log.metadata().and_then(|metadata| metadata.modified()).ok());
        Ok(coverage(self.root, files, moved))
    }

    fn changed(&self, commit: Option<&str>) -> Result<Vec<String>, Fault> {
        let Some(place) = self.place() else {
            return commit.map_or(Ok(Vec::new()), |commit| Err(unknown(commit)));
        };
        let paths = match commit {
            Some(revision) => changed_by(place, &find(place, revision)?),
            None => changed_here(place),
        };
        paths.map_err(|error| unreadable(&error).into())
    }
}

fn find<'r>(place: &'r Place, revision: &str) -> Result<git2::Commit<'r>, Fault> {
    let object = place.repository.revparse_single(revision).map_err(|_| unknown(revision))?;
    object.peel_to_commit().map_err(|_| unknown(revision))
}

fn changed_by(place: &Place, commit: &git2::Commit<'_>) -> Result<Vec<String>, git2::Error> {
    let old = if commit.parent_count() == 0 { None } else { Some(commit.parent(0)?.tree()?) };
    let mut options = DiffOptions::new();
    place.narrow(&mut options);
    Ok(paths(place, &place.repository.diff_tree_to_tree(old.as_ref(), Some(&commit.tree()?), Some(&mut options))?))
}

fn changed_here(place: &Place) -> Result<Vec<String>, git2::Error> {
    let head = place.head().map(|head| place.repository.find_commit(head)?.tree()).transpose()?;
    let mut options = DiffOptions::new();
    place.narrow(&mut options);
    options.include_untracked(true).recurse_untracked_dirs(true);
    Ok(paths(place, &place.repository.diff_tree_to_workdir_with_index(head.as_ref(), Some(&mut options))?))
}

fn paths(place: &Place, diff: &git2::Diff<'_>) -> Vec<String> {
    let path = |delta: git2::DiffDelta<'_>| delta.new_file().path().or(delta.old_file().path()).and_then(|path| place.below(path));
    // A repository within shows as a folder: what changed in it is its own matter.
    let mut paths: Vec<String> = diff.deltas().filter_map(path).filter(|path| !path.ends_with('/')).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}
