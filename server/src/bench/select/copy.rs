//! A project's copy, so that its own folder stays as it is.
//!
//! Invariant: links are copied as links; what cargo built is left behind and built anew, since it knows the folder it was made in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use naestro_api::Error;

use super::failed;

/// A folder that is removed with everything in it.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// A new one in the system's folder for temporary files.
    ///
    /// # Errors
    /// `unavailable` where it cannot be made.
    pub(super) fn make() -> Result<Self, Error> {
        let folder = std::env::temp_dir().join(format!("naestro-bench-select-{}", std::process::id()));
        fs::create_dir_all(&folder).and_then(|()| folder.canonicalize()).map(Self).map_err(|error| failed(&error.to_string()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("failed to remove {}: {error}", self.0.display());
        }
    }
}

/// Copies the folder `from` to `into`, which is not there yet.
///
/// # Errors
/// What the system says where something cannot be read or written.
pub(super) fn copy(from: &Path, into: &Path) -> io::Result<()> {
    fs::create_dir(into)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, into.join(entry.file_name()));
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        } else if kind.is_dir() && !entry.path().join("CACHEDIR.TAG").exists() {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Builds the tests of a cargo project where it is: what runs in a workspace goes on from the checkout's own build, as its
/// owner would have one.
///
/// # Errors
/// `unavailable` where they do not build; what cargo said.
#[expect(clippy::disallowed_methods, reason = "a checkout is built by its owner, not by us; here that is the bench")]
pub(super) fn build(checkout: &Path) -> Result<(), Error> {
    if !checkout.join("Cargo.toml").exists() {
        return Ok(());
    }
    let mut cargo = Command::new("cargo");
    let output = cargo.args(["test", "--no-run", "--quiet"]).current_dir(checkout).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(&format!("start cargo: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(&format!("build {}: {}", checkout.display(), String::from_utf8_lossy(&output.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_holds_files_and_links_but_no_build() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let from = root.path().join("from");
        for (path, text) in [("src/a.rs", "a"), ("target/CACHEDIR.TAG", ""), ("target/b", "b")] {
            fs::create_dir_all(from.join(path).parent().expect("a folder")).expect("a folder");
            fs::write(from.join(path), text).expect("a file");
        }
        std::os::unix::fs::symlink("src/a.rs", from.join("link")).expect("a link");
        let into = root.path().join("into");
        copy(&from, &into).expect("a copy");
        assert_eq!(fs::read_to_string(into.join("src/a.rs")).expect("a file"), "a");
        assert_eq!(fs::read_link(into.join("link")).expect("a link"), Path::new("src/a.rs"));
        assert!(!into.join("target").exists());
        assert!(copy(&from, &into).is_err(), "it is there already");
    }
}
