//! Walking: the files a person would call theirs.
//!
//! Invariant: git's own folder and what `.gitignore` names are left out, and no symbolic link is followed.

use std::path::Path;

use ignore::{Walk, WalkBuilder};

/// Every file and folder below `top`, itself included, sorted, `depth` levels deep where that is given.
pub(crate) fn walk(top: &Path, depth: Option<usize>) -> Walk {
    WalkBuilder::new(top)
        .hidden(false)
        .require_git(false)
        .follow_links(false)
        .max_depth(depth)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git")
        .build()
}
