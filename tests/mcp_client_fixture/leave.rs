//! Scenarios in which a server wants leave first: each is given by the function that `naestro upstream login` calls.

use naestro_tools::{Identity, authorize};
use rmcp::transport::auth::{AuthError, AuthorizationManager, InMemoryCredentialStore};
use serde_json::{Value, json};

use crate::session::{Mode, Outcome, Session, http};

/// Where a person would be sent back to.
const REDIRECT: &str = "http://localhost:3000/callback";
/// Where the suite expects a document about the client to lie.
const ABOUT: &str = "https://conformance-test.local/client-metadata.json";
/// How often leave is asked for before it is given up.
const TRIES: usize = 3;

/// As whom leave is asked for where nothing was given.
pub(crate) fn us() -> Identity {
    Identity { metadata_url: Some(ABOUT.to_owned()), ..Identity::default() }
}

/// Gets leave, and calls every tool once.
pub(crate) async fn once(url: &str, mode: Mode, identity: &Identity) -> Outcome<()> {
    let challenge = Session::challenge(url, &mode).await?;
    let manager = leave(AuthorizationManager::new(url).await?, challenge, identity).await?;
    let session = Session::with_leave(url, &mode, manager).await?;
    for tool in session.tools().await? {
        // Whether it may be called is the suite's to judge.
        let _ = session.call(&tool.name, serde_json::Map::new()).await;
    }
    Ok(())
}

/// Gets leave for little, and for more once a call wants it.
pub(crate) async fn step_up(url: &str, mode: Mode) -> Outcome<()> {
    let scoped = |scopes: &[&str]| Identity { scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(), ..us() };
    let challenge = Session::challenge(url, &mode).await?;
    let little = leave(AuthorizationManager::new(url).await?, challenge, &scoped(&["mcp:basic"])).await?;
    let session = Session::with_leave(url, &mode, little).await?;
    let tools = session.tools().await?;
    if session.call_all(|_| true).await.is_ok() {
        return Ok(());
    }
    let more = leave(AuthorizationManager::new(url).await?, None, &scoped(&["mcp:basic", "mcp:write"])).await?;
    let session = Session::with_leave(url, &mode, more).await?;
    for tool in tools {
        session.call(&tool.name, serde_json::Map::new()).await?;
    }
    Ok(())
}

/// Gets leave that is never enough, and gives up.
pub(crate) async fn give_up(url: &str, mode: Mode) -> Outcome<()> {
    let challenge = Session::challenge(url, &mode).await?;
    for _ in 0..TRIES {
        let manager = leave(AuthorizationManager::new(url).await?, challenge.clone(), &us()).await?;
        let session = Session::with_leave(url, &Mode::Handshake, manager).await?;
        if session.tools().await.is_err() || session.call_all(|_| true).await.is_ok() {
            return Ok(());
        }
    }
    Ok(())
}

/// Goes on with the leave it has, and gets new leave where another server gives it now.
pub(crate) async fn migrate(url: &str, mode: Mode, revision: &str) -> Outcome<()> {
    let store = InMemoryCredentialStore::new();
    let mut token = token(url, &mode, &store).await?;
    for _ in 0..TRIES {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} }).to_string();
        let request = http()?.post(url).bearer_auth(&token).header("MCP-Protocol-Version", revision);
        let answer = request.header("Content-Type", "application/json").body(body).send().await?;
        if answer.status() == reqwest::StatusCode::UNAUTHORIZED {
            token = self::token(url, &mode, &store).await?;
        }
    }
    Ok(())
}

async fn token(url: &str, mode: &Mode, store: &InMemoryCredentialStore) -> Outcome<String> {
    let mut manager = AuthorizationManager::new(url).await?;
    manager.set_credential_store(store.clone());
    if !manager.initialize_from_store().await? {
        let challenge = Session::challenge(url, mode).await?;
        manager = leave(manager, challenge, &Identity::default()).await?;
    }
    Ok(manager.get_access_token().await?)
}

async fn leave(manager: AuthorizationManager, challenge: Option<String>, identity: &Identity) -> Outcome<AuthorizationManager> {
    Ok(authorize(manager, REDIRECT, challenge, identity, browse).await?)
}

/// What a person's browser does: it is sent back at once.
pub(crate) async fn browse(url: String) -> Result<String, AuthError> {
    let failed = |error: &dyn std::fmt::Display| AuthError::AuthorizationFailed(error.to_string());
    let answer = http().map_err(|error| failed(&error))?.get(url).send().await.map_err(|error| failed(&error))?;
    let back = answer.headers().get("location").and_then(|location| location.to_str().ok());
    back.map(str::to_owned).ok_or_else(|| failed(&Value::from("nobody was sent back")))
}
