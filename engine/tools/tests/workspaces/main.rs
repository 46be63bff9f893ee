//! Workspaces on real git repositories, with real namespaces where the machine allows them, and as plain copies.

#[path = "../support/mod.rs"]
mod support;

mod base;
mod figures;
mod imports;
mod project;
mod work;
