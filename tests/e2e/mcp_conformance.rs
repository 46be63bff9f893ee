//! The protocol's own conformance suite against the product's HTTP stack, with the tools it calls by name.
//!
//! Invariant: what counts is that no required scenario failed, and that something listened: against nothing at all the suite still
//! reports dozens of passed checks.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::peers::Packages;

/// The suite's folder.
const SUITE: &str = "@modelcontextprotocol/conformance";

/// A program of the tests, which lies beside the product.
fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_naestro")).with_file_name(name)
}

/// The fixture as a process; killed when dropped.
struct Fixture {
    child: Child,
    address: String,
}

impl Fixture {
    fn start() -> Self {
        let program = beside("mcp-fixture");
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

/// What the suite says, scenario by scenario.
struct Report {
    /// Each scenario's passed and failed checks.
    scenarios: BTreeMap<String, (usize, usize)>,
    required: Vec<String>,
    said: String,
}

/// Which side of the protocol is looked at.
#[derive(Clone, Copy)]
enum Side<'a> {
    Server(&'a str),
    Client(&'a Path),
}

impl Report {
    /// Runs what a revision requires of a server against the one at `address`.
    ///
    /// # Errors
    /// That nothing listens there.
    fn of_server(packages: &Packages, revision: &str, address: &str) -> Result<Self, String> {
        TcpStream::connect(address).map_err(|error| format!("nothing listens at {address}: {error}"))?;
        Ok(Self::of(packages, revision, Side::Server(address)))
    }

    fn of(packages: &Packages, revision: &str, side: Side<'_>) -> Self {
        let mut suite = packages.program(&format!("{SUITE}/dist/index.js"));
        match side {
            Side::Server(address) => suite.args(["server", "--url", &format!("http://{address}/mcp")]),
            Side::Client(program) => suite.args(["client", "--command"]).arg(program),
        };
        let results = tempfile::tempdir().unwrap();
        let done = suite.args(["--requirements", revision, "-o"]).arg(results.path()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        let scenarios = said.lines().filter_map(scenario).collect();
        Self { scenarios, required: required(packages, revision, side), said }
    }

    /// The required scenarios that passed.
    fn passed(&self) -> usize {
        self.required.len() - self.broken().len()
    }

    /// The required scenarios that failed, in which nothing was checked, or that were not run.
    fn broken(&self) -> Vec<String> {
        let is_good = |name: &String| self.scenarios.get(name).is_some_and(|&(passed, failed)| passed > 0 && failed == 0);
        let broken = self.required.iter().filter(|name| !is_good(name));
        broken.map(|name| format!("{name}: {:?}", self.scenarios.get(name))).collect()
    }
}

/// A scenario as the summary has it: `\u{2713} NAME: 3 passed, 0 failed`; a mark that does not fit the numbers counts as a failure.
fn scenario(line: &str) -> Option<(String, (usize, usize))> {
    let good = line.starts_with("\u{2713} ");
    let (name, counts) = line.strip_prefix("\u{2713} ").or_else(|| line.strip_prefix("\u{2717} "))?.split_once(": ")?;
    let count = |word: &str| counts.split(", ").find_map(|part| part.strip_suffix(word)?.trim().parse::<usize>().ok());
    let (passed, failed) = (count("passed")?, count("failed")?);
    Some((name.to_owned(), (passed, failed.max(usize::from(!good)))))
}

/// What the suite's own list says a revision requires of a side.
fn required(packages: &Packages, revision: &str, side: Side<'_>) -> Vec<String> {
    let script = packages.program(&format!("{SUITE}/requirements/{revision}.yaml"));
    let list = std::fs::read_to_string(script.get_args().next().unwrap()).unwrap();
    let head = match side {
        Side::Server(_) => "server:",
        Side::Client(_) => "client:",
    };
    let own = list.lines().skip_while(|line| *line != head).skip(1).take_while(|line| line.starts_with("  - "));
    own.map(|line| line.trim_start_matches("  - ").to_owned()).collect()
}

#[track_caller]
fn all_pass(report: &Report, scenarios: usize) {
    assert_eq!(report.broken(), Vec::<String>::new(), "{}", report.said);
    assert_eq!((report.required.len(), report.passed()), (scenarios, scenarios));
}

#[test]
fn a_server_does_what_2026_07_28_requires_and_tasks() {
    let Some(packages) = Packages::find() else { return };
    let fixture = Fixture::start();
    let report = Report::of_server(&packages, "2026-07-28", &fixture.address).unwrap();
    all_pass(&report, 37);
    let tasks: Vec<_> = report.scenarios.iter().filter(|(name, _)| name.starts_with("tasks-")).collect();
    assert_eq!(tasks.len(), 10, "{tasks:?}");
    assert!(tasks.iter().all(|(_, (_, failed))| *failed == 0), "{tasks:?}");
}

#[test]
fn a_server_does_what_2025_11_25_requires() {
    let Some(packages) = Packages::find() else { return };
    let fixture = Fixture::start();
    all_pass(&Report::of_server(&packages, "2025-11-25", &fixture.address).unwrap(), 30);
}

#[test]
fn a_client_does_what_each_revision_requires() {
    let Some(packages) = Packages::find() else { return };
    let program = beside("mcp-client-fixture");
    all_pass(&Report::of(&packages, "2026-07-28", Side::Client(&program)), 32);
    all_pass(&Report::of(&packages, "2025-11-25", Side::Client(&program)), 18);
}

/// The product gets leave by itself: found, registered, asked for, exchanged and used as the suite wants it.
#[test]
fn the_product_gets_leave_in_the_browser() {
    let Some(packages) = Packages::find() else { return };
    for name in [
        "metadata-default",
        "metadata-var2",
        "token-endpoint-auth-basic",
        "token-endpoint-auth-none",
        "iss-supported",
        "offline-access-scope",
    ] {
        let mut suite = packages.program(&format!("{SUITE}/dist/index.js"));
        suite.args(["client", "--spec-version", "2026-07-28", "--scenario", &format!("auth/{name}"), "--command"]);
        let done = suite.arg(beside("mcp-client-fixture")).env("NAESTRO_TEST_PRODUCT", env!("CARGO_BIN_EXE_naestro")).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{name}: {said}");
    }
}

#[test]
fn where_nothing_listens_nothing_passes() {
    let Some(packages) = Packages::find() else { return };
    assert!(Report::of_server(&packages, "2025-11-25", "127.0.0.1:1").is_err());
    let report = Report::of(&packages, "2025-11-25", Side::Server("127.0.0.1:1"));
    assert!(report.passed() < 5, "the suite passes without a server: {:?}", report.broken());
    assert_eq!(Report::of(&packages, "2025-11-25", Side::Client(Path::new("false"))).passed(), 0);
}
