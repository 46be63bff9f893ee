//! What git remembers: commits, which lines they changed, which files changed together.
//!
//! No git process is started. The newest commits of HEAD's history are noted in the database with the paths they touched, each
//! commit once for ever, so that a question looks only at the commits of its path (`past`); lines are followed back through the
//! differences of one commit after another (`lines`).
//!
//! Invariant: where there is no repository, or no commit yet, there is no history, and that is no error.

mod lines;
mod past;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use git2::{DiffOptions, ErrorCode, Oid, Repository, Sort};
use naestro_kernel::code::Watch;
use rusqlite::{OptionalExtension as _, params};

use crate::store::{Store, Trouble};
pub(crate) use past::Past;

/// How many commits are noted.
const COMMITS: usize = 1000;

/// Under which key the database keeps the commit whose history is noted.
const HEAD: &str = "head";

/// A repository, and where in its working tree the root lies.
pub(super) struct Place {
    pub(super) repository: Repository,
    /// The root, relative to the working tree; empty where it is the same.
    prefix: PathBuf,
}

impl Place {
    /// The repository that the root lies in.
    pub(super) fn find(root: &Path) -> Option<Self> {
        let repository = match Repository::discover(root) {
            Ok(repository) => repository,
            Err(error) if error.code() == ErrorCode::NotFound => return None,
            Err(error) => {
                tracing::warn!("there is no history of {}: {}", root.display(), error.message());
                return None;
            }
        };
        let top = repository.workdir()?.canonicalize().ok()?;
        let prefix = root.strip_prefix(&top).ok()?.to_path_buf();
        Some(Self { repository, prefix })
    }

    /// The commit that HEAD stands for; nothing before the first one.
    pub(super) fn head(&self) -> Option<Oid> {
        self.repository.head().ok()?.peel_to_commit().ok().map(|commit| commit.id())
    }

    /// A path below the root, as the repository names it.
    pub(super) fn named(&self, path: &str) -> PathBuf {
        self.prefix.join(path)
    }

    /// A path of the repository, relative to the root; nothing where it lies elsewhere.
    pub(super) fn below(&self, path: &Path) -> Option<String> {
        path.strip_prefix(&self.prefix).ok()?.to_str().map(str::to_owned)
    }

    /// Looks at nothing outside the root.
    pub(super) fn narrow(&self, options: &mut DiffOptions) {
        options.ignore_submodules(true).skip_binary_check(true);
        if !self.prefix.as_os_str().is_empty() {
            options.pathspec(&self.prefix).disable_pathspec_match(true);
        }
    }

    /// The paths below the root that a commit changed against its first parent; none of a merge, whose changes are its parents'.
    fn touched(&self, commit: Oid) -> Result<Vec<String>, git2::Error> {
        let commit = self.repository.find_commit(commit)?;
        if commit.parent_count() > 1 {
            return Ok(Vec::new());
        }
        let old = if commit.parent_count() == 0 { None } else { Some(commit.parent(0)?.tree()?) };
        let mut options = DiffOptions::new();
        self.narrow(&mut options);
        let diff = self.repository.diff_tree_to_tree(old.as_ref(), Some(&commit.tree()?), Some(&mut options))?;
        let paths = diff.deltas().filter_map(|delta| delta.new_file().path().or(delta.old_file().path()).and_then(|path| self.below(path)));
        Ok(paths.collect())
    }
}

/// Notes the newest commits of HEAD's history, where HEAD is another than the last time. The lock must be held.
pub(crate) fn remember(store: &Store, root: &Path, watch: &dyn Watch) -> Result<(), Trouble> {
    let Some(place) = Place::find(root) else { return Ok(()) };
    let Some(head) = place.head() else { return Ok(()) };
    let id = head.to_string();
    if store.meta(HEAD)?.as_deref() == Some(&id) {
        return Ok(());
    }
    let order = match newest(&place.repository, head) {
        Ok(order) => order,
        Err(error) => {
            tracing::warn!("the history of {} cannot be read: {}", root.display(), error.message());
            return Ok(());
        }
    };
    store.all_or_nothing(|store| {
        store.conn.execute_batch("UPDATE commits SET place = NULL")?;
        for (newer, commit) in (0_u32..).zip(order) {
            if watch.cancelled() {
                return Err(Trouble::Cancelled);
            }
            note(store, &place, commit, newer)?;
        }
        store.set_meta(HEAD, &id)
    })
}

fn newest(repository: &Repository, head: Oid) -> Result<Vec<Oid>, git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(Sort::TIME)?;
    walk.push(head)?;
    walk.take(COMMITS).collect()
}

/// Notes where a commit stands, and, where it was never seen, what it touched.
fn note(store: &Store, place: &Place, commit: Oid, newer: u32) -> Result<(), Trouble> {
    let mut find = store.conn.prepare_cached("SELECT no FROM commits WHERE id = ?1")?;
    let known: Option<i64> = find.query_row([commit.as_bytes()], |row| row.get(0)).optional()?;
    if let Some(no) = known {
        store.conn.prepare_cached("UPDATE commits SET place = ?2 WHERE no = ?1")?.execute(params![no, newer])?;
        return Ok(());
    }
    // A shallow clone ends with a commit whose parent is missing: what that one touched cannot be known.
    let paths = place.touched(commit).unwrap_or_default();
    let mut insert = store.conn.prepare_cached("INSERT INTO commits (id, place, paths) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![commit.as_bytes(), newer, u32::try_from(paths.len()).unwrap_or(u32::MAX)])?;
    let no = store.conn.last_insert_rowid();
    let mut touch = store.conn.prepare_cached("INSERT OR IGNORE INTO touched (path, no) VALUES (?1, ?2)")?;
    Ok(paths.iter().try_for_each(|path| touch.execute(params![path.as_bytes(), no]).map(drop))?)
}

/// The commits that touched a path, newest first.
pub(super) fn touching(store: &Store, path: &str, limit: u32) -> Result<Vec<Oid>, Trouble> {
    let mut select = store.conn.prepare_cached(
        "SELECT commits.id FROM touched JOIN commits USING (no) WHERE touched.path = ?1 AND place IS NOT NULL ORDER BY place LIMIT ?2",
    )?;
    let ids = select.query_map(params![path.as_bytes(), limit], |row| row.get::<_, Vec<u8>>(0))?;
    ids.map(|id| Oid::from_bytes(&id?).map_err(|_| Trouble::Damaged(String::from("a commit's id is none")))).collect()
}

/// The files that changed with a path in commits of at most so many paths, with how often, most often first; and how often the path did.
pub(super) fn together(store: &Store, path: &str, most: u32, limit: usize) -> Result<(Vec<(String, u32)>, u32), Trouble> {
    let mut commits = store
        .conn
        .prepare_cached("SELECT no FROM touched JOIN commits USING (no) WHERE touched.path = ?1 AND place IS NOT NULL AND paths <= ?2")?;
    let commits: Vec<i64> = commits.query_map(params![path.as_bytes(), most], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut counts: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut paths = store.conn.prepare_cached("SELECT path FROM touched WHERE no = ?1")?;
    for no in &commits {
        for other in paths.query_map([no], |row| row.get::<_, Vec<u8>>(0))? {
            *counts.entry(other?).or_default() += 1;
        }
    }
    counts.remove(path.as_bytes());
    let mut counts: Vec<(String, u32)> =
        counts.into_iter().filter_map(|(path, count)| Some((String::from_utf8(path).ok()?, count))).collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(limit);
    Ok((counts, u32::try_from(commits.len()).unwrap_or(u32::MAX)))
}
