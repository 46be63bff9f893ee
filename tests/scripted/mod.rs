//! A model server that plays a script: real HTTP/1.1, OpenAI-shaped, with no latency of its own.
//!
//! It answers `POST …/chat/completions` (streamed or whole) and `GET …/models`, records every request, and counts
//! connections. What it says is a [`Scenario`], data that can be written in Rust, TOML or JSON.
//!
//! Invariant: in the default mode the reply depends on the request alone, so a request repeated after a crash is answered
//! as it was the first time.

mod play;
mod scenario;
mod server;

pub use scenario::{Call, Part, Pick, Reply, Scenario, ScenarioError, Usage, When};
pub use server::{Counts, Request, Scripted};

#[cfg(test)]
mod tests;
