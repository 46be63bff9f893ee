//! Workspaces on real git repositories, with real namespaces where the machine allows them, and as plain copies.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

#[path = "../support/mod.rs"]
mod support;

mod base;
mod figures;
mod imports;
mod project;
mod work;
