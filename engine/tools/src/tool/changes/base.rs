//! The base: what the working tree is compared with.

use git2::{Commit, Diff, ErrorCode, Oid, Repository, Tree};

use super::super::Stop;

/// What there is to compare with.
pub(super) enum Base<'a> {
    /// The tree of a commit, and what it is in words.
    Tree { tree: Tree<'a>, commit: Oid, label: String },
    /// There is no commit.
    Unborn,
}

/// The merge base with `since` or with the default branch; on that branch itself, or without one, the last commit.
pub(super) fn find<'a>(repository: &'a Repository, since: Option<&str>) -> Result<Base<'a>, Stop> {
    let head = match repository.head() {
        Ok(head) => head,
        Err(e) if matches!(e.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => return unborn(since),
        Err(e) => return Err(unreadable(&e)),
    };
    let commit = head.peel_to_commit().map_err(|e| unreadable(&e))?;
    let (name, other) = match since {
        Some(since) => (since.to_owned(), named(repository, since)?),
        None => match default_branch(repository) {
            Some((name, other)) if head.shorthand() != Ok(short(&name)) => (name, other),
            _ => return against(&commit, "the last commit"),
        },
    };
    let common = repository.merge_base(commit.id(), other.id()).and_then(|id| repository.find_commit(id));
    match common {
        Ok(common) if common.id() == other.id() => against(&common, &name),
        Ok(common) => against(&common, &format!("the merge base with {name}")),
        // Without a common ancestor, as in a shallow clone, the revision itself is what there is.
        Err(_) => against(&other, &format!("{name}, which shares no history with the last commit here")),
    }
}

/// Without a commit there is no revision to name.
fn unborn<'a>(since: Option<&str>) -> Result<Base<'a>, Stop> {
    match since {
        Some(since) => {
            Err(Stop::refused(format!("there is no revision {since:?}, for this repository has no commit yet; leave since out")))
        }
        None => Ok(Base::Unborn),
    }
}

/// What the last commit changed, in words and as a diff, and the commit before it.
pub(super) fn last_commit(repository: &Repository) -> Result<(String, Diff<'_>, Option<Oid>), Stop> {
    let commit = repository.head().and_then(|head| head.peel_to_commit()).map_err(|e| unreadable(&e))?;
    let tree = commit.tree().map_err(|e| unreadable(&e))?;
    let (before, parent, words) = match commit.parent(0).and_then(|parent| Ok((parent.tree()?, parent.id()))) {
        Ok((before, parent)) => (Some(before), Some(parent), "HEAD~1 (nothing changed since the last commit"),
        Err(_) => (None, None, "nothing (nothing changed since the last commit, which has no parent here"),
    };
    let diff = repository.diff_tree_to_tree(before.as_ref(), Some(&tree), None).map_err(|e| unreadable(&e))?;
    Ok((format!("{words}, {})", abbreviated(&commit)), diff, parent))
}

/// Says that git's data cannot be read.
pub(super) fn unreadable(error: &git2::Error) -> Stop {
    let hint = match error.code() {
        ErrorCode::Owner => "the folder belongs to another user: add it to git's safe.directory",
        _ => "check it with git status",
    };
    Stop::refused(format!("the git repository cannot be read: {}; {hint}", error.message()))
}

fn named<'a>(repository: &'a Repository, revision: &str) -> Result<Commit<'a>, Stop> {
    let found = repository.revparse_single(revision).and_then(|object| object.peel_to_commit());
    found.map_err(|_| {
        Stop::refused(format!(
            "there is no revision {revision:?} in this repository; give since a branch, a tag or a commit: see git branch --all, git tag and git log"
        ))
    })
}

/// The default branch as far as it can be told: the remote's, then by the usual names.
fn default_branch(repository: &Repository) -> Option<(String, Commit<'_>)> {
    let remote = repository
        .find_reference("refs/remotes/origin/HEAD")
        .ok()
        .and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
    let configured = repository.config().and_then(|config| config.get_string("init.defaultBranch")).ok();
    let local = ["main".to_owned(), "master".to_owned()].into_iter().chain(configured).map(|name| format!("refs/heads/{name}"));
    remote.into_iter().chain(local).find_map(|full| {
        let commit = repository.find_reference(&full).and_then(|found| found.peel_to_commit()).ok()?;
        let name = full.trim_start_matches("refs/heads/").trim_start_matches("refs/remotes/").to_owned();
        Some((name, commit))
    })
}

fn short(branch: &str) -> &str {
    branch.trim_start_matches("origin/")
}

fn against<'a>(commit: &Commit<'a>, words: &str) -> Result<Base<'a>, Stop> {
    let tree = commit.tree().map_err(|e| unreadable(&e))?;
    Ok(Base::Tree { tree, commit: commit.id(), label: format!("{words}, {}", abbreviated(commit)) })
}

fn abbreviated(commit: &Commit<'_>) -> String {
    commit.id().to_string().chars().take(10).collect()
}
