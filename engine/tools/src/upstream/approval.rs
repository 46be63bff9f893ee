//! Approving the tools of a server: what it offers now, beside what was approved before.

use rmcp::transport::auth::AuthorizationManager;

use super::connection::{self, Connection};
use super::oauth::{Callback, TokenFile, authorize};
use super::pins::{Pin, Pins};
use super::{LocalUpstreams, Reach, names};
use crate::fault::{Outcome, permanent, transient};

/// The most tools of a server that runs may see: more than that a model does not choose well from.
const MOST: usize = 128;
/// The most bytes of a schema.
const SCHEMA: usize = 16 * 1024;

/// A server as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// Its name.
    pub name: String,
    /// The program with its arguments, or the URL.
    pub reach: String,
    /// How many of its tools are approved.
    pub approved: usize,
    /// Whether that still counts: it is reached as it was then.
    pub counts: bool,
}

/// What is to be approved.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The server.
    pub server: String,
    /// The digest of the way it is reached.
    reach: String,
    /// What it offers, in its order.
    pub offers: Vec<Offer>,
    /// The names of approved tools that it does not offer any more.
    pub gone: Vec<String>,
}

/// A tool that is offered.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The tool.
    pub pin: Pin,
    /// The name it would have here.
    pub name: String,
    /// How it differs from what was approved.
    pub difference: Difference,
    /// What was approved, where it is described otherwise now.
    pub before: Option<Pin>,
    /// Why it cannot be approved, where it cannot.
    pub unfit: Option<String>,
}

/// How a tool differs from what was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It does not.
    Same,
    /// It was not approved.
    New,
    /// It is described otherwise.
    Changed,
}

impl LocalUpstreams {
    /// The servers there are, by their names; starts none.
    #[must_use]
    pub fn servers(&self) -> Vec<Configured> {
        let told = self.servers.iter().map(|server| {
            let reach = match &server.config.reach {
                Reach::Program { command, .. } => command.join(" "),
                Reach::Http { url, .. } => url.clone(),
            };
            let pins = self.pins(server);
            let counts = pins.reach == server.config.reach.digest();
            Configured { name: server.config.name.clone(), reach, approved: pins.tools.len(), counts }
        });
        told.collect()
    }

    /// Starts or reaches the server, and says what it offers beside what was approved.
    ///
    /// # Errors
    /// The failure, if there is no such server or it cannot be used.
    pub async fn inspect(&self, name: &str) -> Outcome<Approval> {
        let server = self.server(name)?;
        let hint = "see whether the command or the address in your configuration is right";
        let connection = Connection::open(&server.config, &self.means).await.map_err(|why| transient(why, hint))?;
        let listed = tokio::time::timeout(server.config.timeout, connection.tools()).await;
        let limit = server.config.timeout.as_secs();
        let listed = listed.unwrap_or_else(|_| Err(format!("list the tools of the server {name}: it did not answer within {limit} s")));
        let ended = tokio::task::spawn_blocking(move || connection.end()).await;
        ended.map_err(|error| transient(format!("end the server {name}: {error}"), ""))?;
        let tools = listed.map_err(|why| transient(why, "its tools cannot be used as long as that is so"))?;
        let approved = self.pins(server).tools;
        let gone = approved.iter().filter(|pin| tools.iter().all(|tool| tool.name != pin.name)).map(|pin| pin.name.clone()).collect();
        let offers = tools.into_iter().map(|pin| offer(name, pin, &approved)).collect();
        Ok(Approval { server: name.to_owned(), reach: server.config.reach.digest(), offers, gone })
    }

    /// Approves what was looked at; only the tools of these names where there are any. How many that are.
    ///
    /// # Errors
    /// The failure, if a name is none, there are too many, or the file cannot be written.
    pub fn approve(&self, approval: &Approval, only: &[String]) -> Outcome<usize> {
        let wanted = |offer: &&Offer| only.is_empty() || only.contains(&offer.pin.name);
        if let Some(name) = only.iter().find(|name| approval.offers.iter().all(|offer| offer.pin.name != **name)) {
            return Err(permanent(format!("approve {name:?}: the server {} offers no such tool", approval.server), ""));
        }
        let tools: Vec<Pin> =
            approval.offers.iter().filter(wanted).filter(|offer| offer.unfit.is_none()).map(|offer| offer.pin.clone()).collect();
        if tools.len() > MOST {
            let message = format!("approve {} tools of the server {}: at most {MOST} can be", tools.len(), approval.server);
            return Err(permanent(message, "name those you need with --only TOOL, once for each"));
        }
        let count = tools.len();
        Pins { reach: approval.reach.clone(), tools }.write(&self.means.home, &approval.server)?;
        Ok(count)
    }

    /// Has a person give leave to use a server by HTTP: `show` puts a URL before them.
    ///
    /// # Errors
    /// The failure, if the server is none by HTTP, or there is no leave.
    pub async fn login(&self, name: &str, show: impl FnOnce(&str)) -> Outcome<()> {
        let server = self.server(name)?;
        let Reach::Http { url, identity, .. } = &server.config.reach else {
            return Err(permanent(format!("log in to the server {name}: it is a program"), "pass what it needs on with pass_env"));
        };
        let failed = |error: &dyn std::fmt::Display| {
            let hint = "a server that does not let everyone register wants client_id, and perhaps client_secret_env, in your configuration";
            permanent(format!("get leave to use the server {name}: {}", names::clean(&error.to_string())), hint)
        };
        let challenge = connection::challenge(&self.means, url).await.map_err(|why| transient(why, ""))?;
        let callback = Callback::listen().await.map_err(|error| failed(&error))?;
        let redirect = callback.url.clone();
        let mut manager = AuthorizationManager::new(url.as_str()).await.map_err(|error| failed(&error))?;
        manager.set_credential_store(TokenFile::of(&self.means.home, name));
        let visit = |url: String| {
            show(&url);
            callback.wait()
        };
        authorize(manager, &redirect, challenge, identity, visit).await.map_err(|error| failed(&error))?;
        Ok(())
    }

    /// Forgets what was approved of a server, and the leave to use it; says whether there was anything.
    ///
    /// # Errors
    /// The failure, if there is no such server or the file cannot be removed.
    pub fn forget(&self, name: &str) -> Outcome<bool> {
        let server = self.server(name)?;
        let tokens = TokenFile::of(&self.means.home, &server.config.name);
        let had_leave = tokens.remove().map_err(|error| permanent(format!("remove the tokens of the server {name}: {error}"), ""))?;
        Ok(Pins::remove(&self.means.home, &server.config.name)? || had_leave)
    }
}

fn offer(server: &str, pin: Pin, approved: &[Pin]) -> Offer {
    let known = approved.iter().find(|known| known.name == pin.name);
    let difference = match known {
        Some(known) if *known == pin => Difference::Same,
        Some(_) => Difference::Changed,
        None => Difference::New,
    };
    let before = known.filter(|_| difference == Difference::Changed).cloned();
    Offer { name: names::here(server, &pin.name), difference, before, unfit: unfit(&pin), pin }
}

/// Why a tool cannot be offered to models. A description is cleaned for them; a schema would mean something else then.
fn unfit(pin: &Pin) -> Option<String> {
    if pin.schema.len() > SCHEMA {
        return Some(format!("the schema of its arguments has more than {} KiB", SCHEMA >> 10));
    }
    match serde_json::from_str(&pin.schema) {
        Ok(schema) if is_plain(&schema) => None,
        Ok(_) => Some("the schema of its arguments has characters that could hide something".to_owned()),
        Err(error) => Some(format!("the schema of its arguments cannot be read: {error}")),
    }
}

fn is_plain(schema: &serde_json::Value) -> bool {
    let is_clean = |text: &str| names::clean(text) == text;
    match schema {
        serde_json::Value::String(text) => is_clean(text),
        serde_json::Value::Array(items) => items.iter().all(is_plain),
        serde_json::Value::Object(fields) => fields.iter().all(|(name, value)| is_clean(name) && is_plain(value)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_could_hide_something_is_not_offered() {
        let unfit = |schema: &str| unfit(&Pin { name: "t".into(), description: String::new(), schema: schema.into() });
        assert_eq!(unfit(r#"{"type":"object","properties":{"a":{"description":"two\nlines"}}}"#), None);
        for hidden in [r#"{"a\u202e":1}"#, r#"{"a":["\u001b[2J"]}"#, "{\"a\":\"\u{e0041}\"}", "{"] {
            assert!(unfit(hidden).is_some(), "{hidden}");
        }
    }
}
