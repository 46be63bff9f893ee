//! Leave to use a server, given by a person in their browser: OAuth 2.1 as the protocol wants it, by the SDK.
//!
//! Invariant: tokens are in a file that this user alone can read, and nowhere else; they are sent to the server they were given for, and
//! refreshed by one process at a time.

mod callback;
mod tokens;

use std::future::Future;

use rmcp::transport::auth::{AuthError, AuthorizationManager, AuthorizationRequest, OAuthState};

pub(super) use callback::Callback;
pub(super) use tokens::TokenFile;

/// As whom we ask, where the server does not let everyone register.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The client's id, where it was registered beforehand.
    pub client_id: Option<String>,
    /// Its secret, where it has one.
    pub client_secret: Option<String>,
    /// Where a document about the client lies, where there is one.
    pub metadata_url: Option<String>,
    /// The scopes to ask for; what the server names where there are none.
    pub scopes: Vec<String>,
}

/// Without the secret.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("client_id", &self.client_id).field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// Asks for leave: `visit` takes a person to a URL, and returns the one that they are sent back to.
///
/// `challenge` is what the server said when it refused, where it did.
///
/// # Errors
/// Why there is no leave.
pub async fn authorize<F: Future<Output = Result<String, AuthError>>>(
    manager: AuthorizationManager,
    redirect: &str,
    challenge: Option<String>,
    identity: &Identity,
    visit: impl FnOnce(String) -> F,
) -> Result<AuthorizationManager, AuthError> {
    let mut request = AuthorizationRequest::new(redirect).with_client_name("Naestro").with_scopes(identity.scopes.iter().cloned());
    if let Some(id) = &identity.client_id {
        request = request.with_preregistered_client(id.as_str());
    }
    if let Some(secret) = &identity.client_secret {
        request = request.with_client_secret(secret.as_str());
    }
    if let Some(url) = &identity.metadata_url {
        request = request.with_client_metadata_url(url.as_str());
    }
    if let Some(challenge) = challenge {
        request = request.with_challenge(challenge);
    }
    let mut state = OAuthState::Unauthorized(manager);
    state.start_authorization(request).await?;
    let back = visit(state.get_authorization_url().await?).await?;
    state.handle_callback_url(&back).await?;
    state.into_authorization_manager().ok_or_else(|| AuthError::InternalError("the authorization did not end".to_owned()))
}

/// The leave that was given for `url` earlier, if any.
pub(super) async fn stored(url: &str, tokens: TokenFile) -> Result<Option<AuthorizationManager>, AuthError> {
    if !tokens.exists() {
        return Ok(None);
    }
    let mut manager = AuthorizationManager::new(url).await?;
    manager.set_credential_store(tokens);
    Ok(manager.initialize_from_store().await?.then_some(manager))
}
