//! The Model Context Protocol face: four tools that any assistant can call, on standard input and output or over HTTP.
//!
//! Both eras are spoken: `initialize` with sessions (2024-11-05 to 2025-11-25) and requests that stand alone (2026-07-28).
//! `rmcp` knows the protocol; here its requests become commands of [`naestro_api`], and what comes of those its results.
//!
//! Invariant: what a client asks about the server itself (`server/discover`, `initialize`, `tools/list`) never reaches the
//! engine, so that nothing is opened before it is needed.

mod arguments;
mod cancellations;
mod client;
mod consent;
mod failure;
mod follow;
mod handler;
pub mod http;
mod outcome;
mod progress;
mod prompts;
mod resources;
mod run;
pub mod stdio;
mod subscriptions;
mod tasks;
mod tools;
mod words;

pub use handler::{Detached, Handler};

/// What a server is told by the one who starts it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The version of the program.
    pub version: &'static str,
    /// The absolute path of the folder that is meant where a call names none; every call has to name one where absent.
    pub workspace: Option<String>,
    /// What runs may do without asking: said by the human who starts the server, never by a call.
    pub grants: Grants,
    /// Whether the tools `codex` and `codex-reply` are offered too.
    pub codex_tools: bool,
}

/// What a human grants every run that a client starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Importing the diff into the checkout.
    pub apply: bool,
    /// Commands without a sandbox, in mode `auto`.
    pub unsandboxed: bool,
}
