//! Who can answer: OpenAI-shaped chat completions.
//!
//! [`OpenAi`] is the one adapter there is: `async-openai` carries the request, [`mod@wire`] is the one place where the
//! JSON of providers meets our types, and it takes what providers really send rather than what their documents say.
//!
//! Invariants: one call sends one request (who may try again is decided elsewhere); nothing is sent to another host than
//! the permitted one, so redirects are not followed; a key appears in no message and no debug output; nothing read from a
//! server grows without bound.

mod body;
mod client;
mod endpoint;
mod openai;
mod refusal;
mod send;
mod wire;

pub use client::http_client;
pub use endpoint::{Endpoint, EndpointError, Timeouts};
pub use openai::{OpenAi, probe};
pub use secrecy::SecretString as Secret;

#[cfg(test)]
mod tests;
