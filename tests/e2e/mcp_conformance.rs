//! The protocol's own conformance suite against the product's HTTP stack, with the tools it calls by name.
//!
//! Invariant: what counts is that no required scenario failed, and that something listened: against nothing at all the suite still
//! reports dozens of passed checks.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::peers::Packages;

/// The suite's folder.
const SUITE: &str = "@modelcontextprotocol/conformance";

/// The fixture as a process; killed when dropped.
struct Fixture {
    child: Child,
    address: String,
}

impl Fixture {
    fn start() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_naestro")).with_file_name("mcp-fixture");
        let mut command = Command::new(&program);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("start {}: {error}", program.display()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
        Self { child, address }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the suite says of a server, scenario by scenario.
struct Report {
    /// Each scenario's failed checks.
    failed: BTreeMap<String, Vec<String>>,
    required: Vec<String>,
}

impl Report {
    /// Runs what a revision requires against the server at `address`.
    ///
    /// # Errors
    /// That nothing listens there.
    fn of(packages: &Packages, revision: &str, address: &str) -> Result<Self, String> {
        TcpStream::connect(address).map_err(|error| format!("nothing listens at {address}: {error}"))?;
        Ok(Self::unguarded(packages, revision, address))
    }

    fn unguarded(packages: &Packages, revision: &str, address: &str) -> Self {
        let results = tempfile::tempdir().unwrap();
        let mut suite = packages.program(&format!("{SUITE}/dist/index.js"));
        suite.args(["server", "--url", &format!("http://{address}/mcp"), "--requirements", revision, "-o"]).arg(results.path());
        let done = suite.output().unwrap();
        let failed = std::fs::read_dir(results.path()).unwrap().map(|entry| read(&entry.unwrap().path())).collect();
        let report = Self { failed, required: required(packages, revision) };
        assert_eq!(done.status.success(), report.broken().is_empty(), "{}", String::from_utf8_lossy(&done.stdout));
        report
    }

    /// The required scenarios that passed.
    fn passed(&self) -> usize {
        self.required.iter().filter(|name| self.failed.get(*name).is_some_and(Vec::is_empty)).count()
    }

    /// The required scenarios that failed or were not run.
    fn broken(&self) -> Vec<String> {
        let broken = self.required.iter().filter(|name| self.failed.get(*name).is_none_or(|failed| !failed.is_empty()));
        broken.map(|name| format!("{name}: {:?}", self.failed.get(name))).collect()
    }
}

/// A scenario's name and its failed checks, from the folder the suite writes for it: `server-NAME-TIME`.
fn read(folder: &Path) -> (String, Vec<String>) {
    let name = folder.file_name().unwrap().to_string_lossy();
    let name = name.strip_prefix("server-").unwrap();
    // The time is 24 characters long: 2026-11-27T08-36-41-827Z.
    let name = name[..name.len() - 25].to_owned();
    let checks: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("checks.json")).unwrap()).unwrap();
    let failed = checks.iter().filter(|check| check["status"] == "FAILURE");
    (name, failed.map(|check| format!("{}: {}", check["id"], check["errorMessage"])).collect())
}

/// What the suite's own list says a revision requires of servers.
fn required(packages: &Packages, revision: &str) -> Vec<String> {
    let script = packages.program(&format!("{SUITE}/requirements/{revision}.yaml"));
    let list = std::fs::read_to_string(script.get_args().next().unwrap()).unwrap();
    let of_servers = list.lines().skip_while(|line| *line != "server:").skip(1).take_while(|line| line.starts_with("  - "));
    of_servers.map(|line| line.trim_start_matches("  - ").to_owned()).collect()
}

#[track_caller]
fn check(revision: &str, scenarios: usize) -> Option<Report> {
    let packages = Packages::find()?;
    let fixture = Fixture::start();
    let report = Report::of(&packages, revision, &fixture.address).unwrap();
    assert_eq!(report.broken(), Vec::<String>::new());
    assert_eq!((report.required.len(), report.passed()), (scenarios, scenarios));
    Some(report)
}

#[test]
fn what_2026_07_28_requires_and_tasks() {
    let Some(report) = check("2026-07-28", 37) else { return };
    let tasks: Vec<_> = report.failed.iter().filter(|(name, _)| name.starts_with("tasks-")).collect();
    assert_eq!(tasks.len(), 10, "{tasks:?}");
    assert!(tasks.iter().all(|(_, failed)| failed.is_empty()), "{tasks:?}");
}

#[test]
fn what_2025_11_25_requires() {
    check("2025-11-25", 30);
}

#[test]
fn where_nothing_listens_nothing_passes() {
    let Some(packages) = Packages::find() else { return };
    assert!(Report::of(&packages, "2025-11-25", "127.0.0.1:1").is_err());
    assert!(!Report::unguarded(&packages, "2025-11-25", "127.0.0.1:1").broken().is_empty(), "the suite passes without a server");
}
