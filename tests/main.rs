//! The one integration-test binary: the house rules, and the product from the outside.
//!
//! The server's manifest declares it, since only so is `naestro` built first and `CARGO_BIN_EXE_naestro` set.
#![expect(clippy::disallowed_methods, reason = "tests start the product, and read the switches that renew what they compare with")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop right there")]

mod e2e;
mod tidy;

/// The folder the workspace is in.
fn root() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
