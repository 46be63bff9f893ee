//! The file that a server's tokens are in.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rmcp::transport::auth::{AuthError, CredentialRefreshGuard, CredentialStore, StoredCredentials};

use crate::upstream::pins::write_private;

/// The most bytes of the file.
const MOST: u64 = 1 << 20;

/// A file of tokens; it need not be there.
#[derive(Clone, Debug)]
pub(in crate::upstream) struct TokenFile(PathBuf);

impl TokenFile {
    /// That of a server.
    pub(in crate::upstream) fn of(home: &Path, server: &str) -> Self {
        Self(home.join("upstreams").join(format!("{server}.tokens.json")))
    }

    /// Whether there is one.
    pub(in crate::upstream) fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Removes it; says whether there was one.
    pub(in crate::upstream) fn remove(&self) -> std::io::Result<bool> {
        match std::fs::remove_file(&self.0) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn failed(&self, what: &str, error: &dyn std::fmt::Display) -> AuthError {
        AuthError::CredentialStoreError(format!("{what} {}: {error}", self.0.display()))
    }
}

#[async_trait]
impl CredentialStore for TokenFile {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        match self.0.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > MOST => return Err(self.failed("read", &"it is too large")),
            _ => {}
        }
        let text = std::fs::read(&self.0).map_err(|error| self.failed("read", &error))?;
        serde_json::from_slice(&text).map(Some).map_err(|error| self.failed("read", &error))
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        let text = serde_json::to_vec(&credentials).map_err(|error| self.failed("write", &error))?;
        write_private(&self.0, &text).map_err(|error| self.failed("write", &error))
    }

    async fn clear(&self) -> Result<(), AuthError> {
        self.remove().map(|_| ()).map_err(|error| self.failed("remove", &error))
    }

    /// A token is refreshed by one process at a time: a server may take a second use of an old one for theft.
    async fn acquire_refresh_guard(&self) -> Result<Option<CredentialRefreshGuard>, AuthError> {
        let path = self.0.with_extension("lock");
        let lock = move || {
            let file = File::options().create(true).append(true).mode(0o600).open(path)?;
            file.lock()?;
            Ok::<_, std::io::Error>(file)
        };
        match tokio::task::spawn_blocking(lock).await {
            Ok(Ok(file)) => Ok(Some(CredentialRefreshGuard::new(file))),
            Ok(Err(error)) => Err(self.failed("lock", &error)),
            Err(error) => Err(self.failed("lock", &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn tokens_are_kept_for_this_user_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let tokens = TokenFile::of(home.path(), "docs");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            assert!(tokens.load().await.expect("nothing yet").is_none());
            let credentials = StoredCredentials::new("client".to_owned(), None, vec!["read".to_owned()], None);
            tokens.save(credentials).await.expect("saved");
            assert_eq!(tokens.0.metadata().expect("the file").permissions().mode() & 0o777, 0o600);
            assert_eq!(tokens.load().await.expect("loaded").map(|kept| kept.client_id).as_deref(), Some("client"));
            let guard = tokens.acquire_refresh_guard().await.expect("a lock");
            drop(guard);
            std::fs::write(&tokens.0, "{").expect("damaged");
            assert!(tokens.load().await.is_err());
            assert!(tokens.remove().expect("removed"));
            assert!(!tokens.remove().expect("nothing left"));
        });
    }
}
