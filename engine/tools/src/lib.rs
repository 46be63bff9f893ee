//! Do it in the world: workspaces, the hands, files, search, exec, git.
//!
//! An agent works in a view of the user's folder, never in the folder itself ([`LocalWorkspaces`]); a small process of this
//! same executable, the [`hands`], does what it asks for there.
//!
//! Tools of other servers are called by the Model Context Protocol ([`LocalUpstreams`]).
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
mod upstream;
mod workspaces;

pub use upstream::{
    Approval, Configured, Difference, Identity, LocalUpstreams, MakeHttp, Means, Offer, Pin, Pins, Reach, UpstreamServer, authorize,
};
pub use workspaces::LocalWorkspaces;
