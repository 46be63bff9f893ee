//! May it happen: decisions, permits, and the ports that take a permit.
//!
//! Pure: the clock is an argument, the policy set is compiled in. Only this crate can construct a [`Permit`], and a permit
//! is bound to the digest of the exact effect, so what was decided is what is done.
//!
//! Invariant: every port in [`port`] that changes the world takes a [`Permit`] by value.

mod decide;
mod digest;
pub mod effect;
mod permit;
pub mod port;

pub use decide::{Context, Decision, Policies, PolicyError};
pub use digest::{body, digest, digest_bytes};
pub use permit::{Mismatch, Permit};
