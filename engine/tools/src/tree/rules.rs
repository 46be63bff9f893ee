//! Which paths git would ignore.
//!
//! One semantics for the checkout and for an attempt's changes: rules are a stack, one level per `.gitignore` from the
//! user's global excludes down to the folder at hand, and the deepest level that says anything decides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The ignore rules that hold in one folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules(Option<Arc<Level>>);

#[derive(Debug)]
struct Level {
    above: Rules,
    matcher: Gitignore,
    /// Where the rules' own folder lies: beneath the tree's root, or above it.
    place: Place,
}

#[derive(Debug)]
enum Place {
    Beneath(PathBuf),
    Above(PathBuf),
}

impl Rules {
    /// The rules from outside the tree at `root`: the user's, the repository's own excludes, and those of the folders between
    /// the repository's root and the tree's. `git` is the repository's common git folder and its root, where there is one.
    pub(crate) fn outside(root: &Path, git: Option<(&Path, &Path)>) -> Self {
        let mut rules = Self::default();
        if let Some(global) = ignore::gitignore::gitconfig_excludes_path() {
            rules = rules.file(&global, Place::Beneath(PathBuf::new()));
        }
        let Some((folder, top)) = git else { return rules };
        let Ok(inside) = root.strip_prefix(top) else { return rules };
        rules = rules.file(&folder.join("info/exclude"), Place::Above(inside.to_path_buf()));
        let mut above: Vec<&Path> = root.ancestors().skip(1).take(inside.components().count()).collect();
        above.reverse();
        for folder in above {
            let below = root.strip_prefix(folder).unwrap_or(root).to_path_buf();
            rules = rules.file(&folder.join(".gitignore"), Place::Above(below));
        }
        rules
    }

    /// These rules, with those of the file `ignores` for the folder `path` of the tree on top, where there is such a file.
    pub(crate) fn with(&self, ignores: &Path, path: &Path) -> Self {
        self.clone().file(ignores, Place::Beneath(path.to_path_buf()))
    }

    /// Whether the file or folder at `path` is ignored, given that no folder above it is.
    pub(crate) fn ignored(&self, path: &Path, folder: bool) -> bool {
        let mut rules = self;
        while let Some(level) = &rules.0 {
            match level.matched(path, folder) {
                Match::Ignore(()) => return true,
                Match::Whitelist(()) => return false,
                Match::None => rules = &level.above,
            }
        }
        false
    }

    fn file(self, file: &Path, place: Place) -> Self {
        // A link is not followed, as git does not; a file that is not there or not text is no rule.
        let plain = file.symlink_metadata().is_ok_and(|meta| meta.is_file());
        let Some(text) = plain.then(|| std::fs::read(file).ok()).flatten() else { return self };
        let mut builder = GitignoreBuilder::new(".");
        for line in String::from_utf8_lossy(&text).trim_start_matches('\u{feff}').lines() {
            // A malformed pattern matches nothing, as in git.
            let _ = builder.add_line(None, line);
        }
        match builder.build() {
            Ok(matcher) if !matcher.is_empty() => Self(Some(Arc::new(Level { above: self, matcher, place }))),
            _ => self,
        }
    }
}

impl Level {
    fn matched(&self, path: &Path, folder: bool) -> Match<()> {
        let matched = match &self.place {
            Place::Beneath(at) => path.strip_prefix(at).ok().map(|path| self.matcher.matched(path, folder)),
            Place::Above(below) => Some(self.matcher.matched(below.join(path), folder)),
        };
        matched.map_or(Match::None, |matched| matched.map(|_| ()))
    }
}
