//! `changes`: what changed in the checkout, by libgit2 alone.
//!
//! No git process is started, so no hook, filter or alias of the repository runs.
//!
//! Invariant: the index, the objects and the working tree are only read.

mod base;

use git2::{Delta, Diff, DiffOptions, FileMode, Oid, Repository};
use naestro_kernel::{Class, ToolAccess};
use serde_json::{Value, json};

use super::arguments::{Kind, optional};
use super::test::counted;
use super::walk::walk;
use super::{Answer, Call, Entry, Place, Stop};
use base::Base;

/// The most files that are named.
const MOST: usize = 20_000;

/// The most files the text names.
const SHOWN: usize = 20;

pub(super) const TOOL: Entry = Entry {
    name: "changes",
    about: "Says which files changed: the working tree against the merge base with the default branch, or with since; \
            with nothing changed, the last commit.",
    fields: &[optional("since", Kind::Text, "the revision to compare with, such as a branch, a tag or a commit")],
    class: Class::Pure,
    access: ToolAccess::None,
    for_agents: false,
    place: Place::Host,
    run,
};

/// A changed file: its path relative to the root, how it changed, and whether it is a submodule.
type Change = (String, &'static str, bool);

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let since = call.args.text("since");
    let Some(repository) = open(call)? else {
        return match since {
            Some(since) => Err(Stop::refused(format!("there is no git repository here to look up {since:?} in; leave since out"))),
            None => all(call, "nothing (there is no git repository here)"),
        };
    };
    match base::find(&repository, since)? {
        Base::Unborn => all(call, "nothing (there is no commit yet)"),
        Base::Tree { tree, commit, label } => {
            let mut options = options();
            let diff = repository.diff_tree_to_workdir_with_index(Some(&tree), Some(&mut options));
            let files = files(call, &repository, &diff.map_err(|e| base::unreadable(&e))?)?;
            if !files.is_empty() || since.is_some() {
                return Ok(answer(&label, Some(commit), files));
            }
            let (label, diff, parent) = base::last_commit(&repository)?;
            let files = self::files(call, &repository, &diff)?;
            Ok(answer(&label, parent, files))
        }
    }
}

/// The repository the folder lies in, if there is one.
fn open(call: &Call<'_>) -> Result<Option<Repository>, Stop> {
    match Repository::discover(call.root.path()) {
        Ok(repository) if repository.is_bare() => Err(Stop::refused("the git repository is bare and holds no files; use a checkout")),
        Ok(repository) => Ok(Some(repository)),
        Err(e) if e.code() == git2::ErrorCode::NotFound => Ok(None),
        Err(e) => Err(base::unreadable(&e)),
    }
}

fn options() -> DiffOptions {
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_typechange(true).update_index(false).ignore_submodules(false);
    options
}

/// The files of a diff that lie below the root.
fn files(call: &Call<'_>, repository: &Repository, diff: &Diff<'_>) -> Result<Vec<Change>, Stop> {
    let top = repository.workdir().unwrap_or_else(|| repository.path());
    let top = top.canonicalize().map_err(|e| Stop::refused(format!("the repository's folder cannot be read: {e}")))?;
    let mut files = Vec::new();
    for delta in diff.deltas() {
        call.go_on()?;
        let path = delta.new_file().path().or_else(|| delta.old_file().path());
        let below =
            path.map(|path| top.join(path)).and_then(|path| path.strip_prefix(call.root.path()).ok().map(std::path::Path::to_owned));
        if let (Some(path), Some(status)) = (below, status(delta.status())) {
            let is_submodule = [delta.new_file(), delta.old_file()].iter().any(|file| file.mode() == FileMode::Commit);
            files.push((path.to_string_lossy().into_owned(), status, is_submodule));
        }
    }
    files.sort();
    Ok(files)
}

fn status(delta: Delta) -> Option<&'static str> {
    match delta {
        Delta::Added | Delta::Copied => Some("added"),
        Delta::Deleted => Some("deleted"),
        Delta::Modified | Delta::Renamed | Delta::Typechange | Delta::Unreadable => Some("modified"),
        Delta::Untracked => Some("untracked"),
        Delta::Conflicted => Some("conflicted"),
        Delta::Unmodified | Delta::Ignored => None,
    }
}

/// Every file, where there is nothing to compare with.
fn all(call: &Call<'_>, label: &str) -> Result<Answer, Stop> {
    let mut files = Vec::new();
    for entry in walk(call.root.path(), None).flatten() {
        call.go_on()?;
        if entry.file_type().is_some_and(|kind| !kind.is_dir()) {
            files.push((call.root.show(entry.path()), "present", false));
        }
    }
    let compared = format!("compared with {label}: {}", counted(files.len() as u64, "file"));
    Ok(told(label, compared, None, files))
}

/// What the comparison came to.
fn answer(label: &str, since: Option<Oid>, files: Vec<Change>) -> Answer {
    let count = if files.is_empty() { "no file".into() } else { counted(files.len() as u64, "file") };
    told(label, format!("compared with {label}: {count} changed"), since, files)
}

fn told(label: &str, compared: String, since: Option<Oid>, files: Vec<Change>) -> Answer {
    let since = since.map(|commit| commit.to_string());
    let text = format!("{compared}{}", lines(&files));
    let more = files.len().saturating_sub(MOST);
    let submodules: Vec<String> = files.iter().filter(|(_, _, is_submodule)| *is_submodule).map(|(path, ..)| path.clone()).collect();
    let named: Vec<Value> = files.into_iter().take(MOST).map(|(path, status, _)| json!({ "path": path, "status": status })).collect();
    let data = json!({ "base": label, "since": since, "compared": compared, "files": named, "more": more, "submodules": submodules });
    Answer { ok: true, text, data: Some(data) }
}

/// The first of the files, one in a line.
fn lines(files: &[Change]) -> String {
    let lines: Vec<String> = files.iter().take(SHOWN).map(|(path, status, _)| format!("\n  {status:<10} {path}")).collect();
    let more = if files.len() > SHOWN { format!("\n  and {} more", files.len() - SHOWN) } else { String::new() };
    format!("{}{more}", lines.concat())
}

#[cfg(test)]
mod tests;
