//! The token of the HTTP endpoint: a file that only this user can read.
//!
//! It is made at the first start and kept, so that what a client was told once goes on holding; deleting the file makes another.
//!
//! Invariant: a token that anybody else could have read or put there is not used.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use naestro_api::{Error, ErrorCode};
use nix::fcntl::OFlag;

/// The name of the file in the state directory.
const NAME: &str = "mcp-token";
/// Who may read and write it.
const MODE: u32 = 0o600;
/// The most bytes a token has, with a line feed a human may have left there.
const MOST: u64 = 257;
/// The fewest: fewer could be guessed.
const FEWEST: usize = 32;

/// The token, where there is one that may be used.
///
/// # Errors
/// As [`of`], but for one that is not there.
pub(super) fn known(home: &Path) -> Result<Option<String>, Error> {
    if home.join(NAME).exists() { of(home).map(|(token, _)| Some(token)) } else { Ok(None) }
}

/// The token, and the file it is in.
///
/// # Errors
/// `unavailable` where the file can be neither made nor read; `refused` where it is not this user's alone.
pub(super) fn of(home: &Path) -> Result<(String, PathBuf), Error> {
    let path = home.join(NAME);
    let failed = |error: std::io::Error| {
        Error::new(ErrorCode::Unavailable, format!("keep the token in {}: {error}", path.display()))
            .hint("make that folder writable, or set NAESTRO_HOME to one that is")
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home).map_err(failed)?;
    let open = |options: &mut OpenOptions| options.custom_flags(OFlag::O_NOFOLLOW.bits() | OFlag::O_NONBLOCK.bits()).open(&path);
    let token = match open(OpenOptions::new().read(true)) {
        Ok(file) => read(file, &path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let token = naestro_mcp::http::new_token();
            // Whole before it has its name, so that nobody reads half of it.
            let beside = home.join(format!("{NAME}.{}", std::process::id()));
            let written = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&beside).and_then(|mut file| {
                file.write_all(token.as_bytes())?;
                file.sync_all()
            });
            let named = written.and_then(|()| std::fs::hard_link(&beside, &path));
            // What is left beside is no token, and the next start of this process id writes over it.
            let _ = std::fs::remove_file(&beside);
            match named {
                Ok(()) => {}
                // Another server of this user made it a moment ago.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return of(home),
                Err(error) => return Err(failed(error)),
            }
            token
        }
        Err(error) => return Err(failed(error)),
    };
    Ok((token, path))
}

fn read(file: File, path: &Path) -> Result<String, Error> {
    let refused = |why: &str| {
        Error::new(ErrorCode::Refused, format!("use the token in {}: {why}", path.display()))
            .hint(format!("delete it, and another is made: rm {}", path.display()))
    };
    let is_ours = |metadata: &std::fs::Metadata| {
        metadata.is_file() && metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & 0o077 == 0
    };
    if !file.metadata().is_ok_and(|metadata| is_ours(&metadata)) {
        return Err(refused("others could read it, or have put it there"));
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).map_err(|error| refused(&error.to_string()))?;
    let token = text.trim();
    if token.len() < FEWEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused("it has not the form of one"));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_only_ours_is_used() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let (token, path) = of(home.path()).expect("a token");
        assert_eq!(path.metadata().expect("its file").permissions().mode() & 0o777, 0o600);
        assert_eq!(of(home.path()).expect("the same token").0, token);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("other permissions");
        assert_eq!(of(home.path()).expect_err("others could read it").code, ErrorCode::Refused);
        fs::remove_file(&path).expect("gone");
        assert_ne!(of(home.path()).expect("another token").0, token);

        fs::rename(&path, home.path().join("elsewhere")).expect("moved");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), &path).expect("a link");
        assert!(of(home.path()).is_err(), "a link is not followed");
    }

    #[test]
    fn a_token_that_could_be_guessed_is_refused() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join(NAME);
        for text in ["", "short", &"ä".repeat(40)] {
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(MODE)).expect("permissions");
            assert_eq!(of(home.path()).expect_err(text).code, ErrorCode::Refused);
        }
    }
}
