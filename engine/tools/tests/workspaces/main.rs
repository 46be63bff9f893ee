//! Workspaces on real git repositories, with real namespaces where the machine allows them, and as plain copies.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests end where something is amiss, and say what they skip")]

#[path = "../support/mod.rs"]
mod support;

mod base;
mod figures;
mod imports;
mod project;
mod work;
