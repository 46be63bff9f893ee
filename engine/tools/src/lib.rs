//! Do it in the world: workspaces, the hands, files, search, exec, git.
//!
//! An agent works in a view of the user's folder, never in the folder itself ([`LocalWorkspaces`]); a small process of this
//! same executable, the [`hands`], does what it asks for there.
//!
//! Invariant: only an import writes to the checkout, and only where it still holds what the base tree says; what an
//! interrupted import left beside is removed later.

mod attempt;
mod diff;
mod fault;
pub mod hands;
mod import;
mod project;
mod snapshot;
mod tool;
mod tree;
mod workspaces;

pub use workspaces::LocalWorkspaces;
