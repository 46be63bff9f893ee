//! Which folder a command is about.
//!
//! Invariant: what leaves here is absolute; over RPC the caller has to say it.

use std::path::{Path, PathBuf};

use naestro_api::{Error, ErrorCode};

use crate::config;

/// The folder asked for, or the root of the repository around the current directory, or that directory.
///
/// # Errors
/// `invalid_workspace` where the folder is not there, its path is not UTF-8, or it is the user's home.
pub(crate) fn workspace(asked: Option<&Path>) -> Result<String, Error> {
    let current = std::env::current_dir().map_err(|error| {
        Error::new(ErrorCode::InvalidWorkspace, format!("find the current directory: {error}")).hint("change to a folder that exists")
    })?;
    let path = match asked {
        Some(asked) => existing(&current.join(asked))?,
        None => repository(&current).map_or_else(|| current.clone(), Path::to_path_buf),
    };
    refuse_home(&path, config::user_home().as_deref())?;
    path.into_os_string().into_string().map_err(|path| {
        Error::new(ErrorCode::InvalidWorkspace, format!("use the folder {}: its path is not UTF-8", path.display())).hint("rename it")
    })
}

/// The nearest folder at or above `from` that git calls a repository's root.
pub(crate) fn repository(from: &Path) -> Option<&Path> {
    from.ancestors().find(|folder| folder.join(".git").exists())
}

/// The user's home holds far more than a project, unless it is a repository itself.
fn refuse_home(folder: &Path, home: Option<&Path>) -> Result<(), Error> {
    let is_home = |home: &Path| home == folder || home.canonicalize().is_ok_and(|home| home == folder);
    if home.is_some_and(is_home) && repository(folder).is_none() {
        let message = format!("use the folder {}: your home holds far more than a project", folder.display());
        return Err(Error::new(ErrorCode::InvalidWorkspace, message).hint("name the project's folder with --workspace"));
    }
    Ok(())
}

fn existing(path: &Path) -> Result<PathBuf, Error> {
    let wrong = |why: String| {
        Error::new(ErrorCode::InvalidWorkspace, format!("use the folder {}: {why}", path.display()))
            .hint("give --workspace a folder that exists")
    };
    let path = path.canonicalize().map_err(|error| wrong(error.to_string()))?;
    if path.is_dir() { Ok(path) } else { Err(wrong("it is no folder".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_around_a_folder_is_found_by_its_git_entry() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let inner = root.path().join("a/b");
        std::fs::create_dir_all(&inner).expect("folders");
        assert_eq!(repository(&inner), None);
        std::fs::write(root.path().join(".git"), "gitdir: elsewhere").expect("a worktree's file");
        assert_eq!(repository(&inner), Some(root.path()));
    }

    #[test]
    fn the_home_of_the_user_is_no_project_unless_it_is_a_repository() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let project = home.path().join("project");
        std::fs::create_dir(&project).expect("a folder");
        assert!(refuse_home(&project, Some(home.path())).is_ok());
        assert!(refuse_home(home.path(), None).is_ok());
        assert!(refuse_home(home.path(), Some(home.path())).is_err_and(|error| error.code == ErrorCode::InvalidWorkspace));
        std::fs::create_dir(home.path().join(".git")).expect("a repository");
        assert!(refuse_home(home.path(), Some(home.path())).is_ok());
    }

    #[test]
    fn a_folder_that_is_none_is_refused_before_anything_happens() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let file = root.path().join("file");
        std::fs::write(&file, "").expect("a file");
        for path in [file, root.path().join("absent")] {
            assert!(workspace(Some(&path)).is_err_and(|error| error.code == ErrorCode::InvalidWorkspace));
        }
        assert!(workspace(Some(root.path())).is_ok());
    }
}
