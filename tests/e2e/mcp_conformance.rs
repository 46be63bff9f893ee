//! The protocol's own conformance suite: against the product's HTTP stack with the tools the suite calls by name, against the product
//! itself with its own four, and against the client side that its upstreams stand on.
//!
//! Invariant: what counts is that no scenario failed, and that something listened: against nothing at all the suite still reports
//! dozens of passed checks.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use naestro_tests::projects::Project;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::naestro::{Naestro, text};
use super::peers::Packages;

/// The suite's folder.
const SUITE: &str = "@modelcontextprotocol/conformance";

/// The scenario that the suite itself passes over, until it is written anew.
const NOT_WRITTEN: &str = "tasks-status-notifications";

/// What a revision asks of any server, whatever its tools are called.
const OF_ANY_IN_SESSIONS: [&str; 9] = [
    "completion-complete",
    "dns-rebinding-protection",
    "ping",
    "prompts-list",
    "resources-list",
    "server-initialize",
    "server-session-lifecycle",
    "server-sse-multiple-streams",
    "tools-list",
];
const OF_ANY_ALONE: [&str; 11] = [
    "caching",
    "completion-complete",
    "dns-rebinding-protection",
    "http-header-validation",
    "input-required-result-unsupported-methods",
    "prompts-list",
    "resources-list",
    "sep-2164-resource-not-found",
    "server-sse-multiple-streams",
    "server-stateless",
    "tools-list",
];

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

/// A server the suite is told of.
#[derive(Clone, Copy)]
struct Server<'a> {
    address: &'a str,
    /// What each request has to bear.
    token: Option<&'a str>,
}

/// What the suite says of a server or a client, scenario by scenario.
struct Report {
    seen: BTreeMap<String, Seen>,
    required: Vec<String>,
}

/// What the suite saw in a scenario.
#[derive(Debug)]
struct Seen {
    /// How many checks passed.
    passed: usize,
    /// The checks that failed, each with what was wrong.
    failed: Vec<String>,
}

impl Report {
    /// Runs what a revision requires against a server.
    ///
    /// # Errors
    /// That nothing listens there.
    fn of(packages: &Packages, revision: &str, server: Server<'_>) -> Result<Self, String> {
        TcpStream::connect(server.address).map_err(|error| format!("nothing listens at {}: {error}", server.address))?;
        Ok(Self::unguarded(packages, revision, server))
    }

    fn unguarded(packages: &Packages, revision: &str, server: Server<'_>) -> Self {
        let results = tempfile::tempdir().unwrap();
        let mut suite = packages.program(&format!("{SUITE}/dist/index.js"));
        suite.args(["server", "--url", &format!("http://{}/mcp", server.address), "--requirements", revision, "-o"]).arg(results.path());
        if let Some(token) = server.token {
            let bearer = concat!("--require ", env!("CARGO_MANIFEST_DIR"), "/../tests/peers/bearer.cjs");
            suite.env("NODE_OPTIONS", bearer).env("BEARER", token);
        }
        let done = suite.output().unwrap();
        let report = Self { seen: read_all(results.path(), "server-"), required: required(packages, revision, "server:") };
        assert_eq!(done.status.success(), report.broken().is_empty(), "{}", String::from_utf8_lossy(&done.stdout));
        report
    }

    /// Runs what a revision requires of a client; the suite's own verdict also counts extensions, which none of this is about.
    fn of_client(packages: &Packages, revision: &str, program: &Path) -> Self {
        let results = tempfile::tempdir().unwrap();
        let mut suite = packages.program(&format!("{SUITE}/dist/index.js"));
        suite.args(["client", "--requirements", revision, "--command"]).arg(program).arg("-o").arg(results.path()).output().unwrap();
        let mut seen = read_all(results.path(), "");
        let of_leave = read_all(&results.path().join("auth"), "");
        seen.extend(of_leave.into_iter().map(|(name, seen)| (format!("auth/{name}"), seen)));
        Self { seen, required: required(packages, revision, "client:") }
    }

    /// The required scenarios that passed.
    fn passed(&self) -> usize {
        self.required.len() - self.broken().len()
    }

    /// The required scenarios that failed or were not run.
    fn broken(&self) -> Vec<String> {
        let broken =
            self.required.iter().filter(|name| self.seen.get(*name).is_none_or(|seen| !seen.failed.is_empty() || seen.passed == 0));
        broken.map(|name| format!("{name}: {:?}", self.seen.get(name))).collect()
    }

    /// What failed in any scenario, required or not, and is judged so.
    fn wrong(&self, is_wrong: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let all = self.seen.iter().flat_map(|(name, seen)| seen.failed.iter().map(move |failed| (name, failed)));
        all.filter(|(name, failed)| is_wrong(name, failed)).map(|(name, failed)| format!("{name}: {failed}")).collect()
    }
}

/// What was seen in each scenario, from the folders the suite writes for them: `PREFIX` + `NAME-TIME`.
fn read_all(results: &Path, prefix: &str) -> BTreeMap<String, Seen> {
    let folders = std::fs::read_dir(results).into_iter().flatten().map(|entry| entry.unwrap().path());
    folders.filter(|folder| folder.join("checks.json").exists()).map(|folder| read(&folder, prefix)).collect()
}

fn read(folder: &Path, prefix: &str) -> (String, Seen) {
    let name = folder.file_name().unwrap().to_string_lossy();
    let name = name.strip_prefix(prefix).unwrap();
    // The time is 24 characters long: 2026-11-27T08-36-41-827Z.
    let name = name[..name.len() - 25].to_owned();
    let checks: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("checks.json")).unwrap()).unwrap();
    let of = |status: &'static str| checks.iter().filter(move |check| check["status"] == status);
    let failed = of("FAILURE").map(told).collect();
    (name, Seen { passed: of("SUCCESS").count(), failed })
}

/// A failed check in few words: the suite adds the whole message it is about.
fn told(check: &Value) -> String {
    let (id, why) = (text(&check["id"]), text(&check["errorMessage"]));
    format!("{id}: {}", why.split(" — message: ").next().unwrap_or_default())
}

/// What the suite's own list says a revision requires of a side.
fn required(packages: &Packages, revision: &str, side: &str) -> Vec<String> {
    let script = packages.program(&format!("{SUITE}/requirements/{revision}.yaml"));
    let list = std::fs::read_to_string(script.get_args().next().unwrap()).unwrap();
    let own = list.lines().skip_while(|line| *line != side).skip(1).take_while(|line| line.starts_with("  - "));
    own.map(|line| line.trim_start_matches("  - ").to_owned()).collect()
}

/// The fixture passes all that is required, and what else is run fails nowhere.
#[track_caller]
fn check(revision: &str, scenarios: usize) -> Option<Report> {
    let packages = Packages::find()?;
    let fixture = Fixture::start();
    let report = Report::of(&packages, revision, Server { address: &fixture.address, token: None }).unwrap();
    assert_eq!(report.broken(), Vec::<String>::new());
    assert_eq!((report.required.len(), report.passed()), (scenarios, scenarios));
    assert_eq!(report.wrong(|_, _| true), Vec::<String>::new());
    Some(report)
}

#[test]
fn what_2026_07_28_requires_and_tasks() {
    let Some(report) = check("2026-07-28", 37) else { return };
    let (empty, tasks): (Vec<_>, Vec<_>) =
        report.seen.iter().filter(|(name, _)| name.starts_with("tasks-")).partition(|(_, seen)| seen.passed == 0);
    assert_eq!((tasks.len(), empty.len()), (9, 1), "{tasks:?} {empty:?}");
    assert_eq!(empty[0].0, NOT_WRITTEN);
}

#[test]
fn what_2025_11_25_requires() {
    check("2025-11-25", 30);
}

/// The product with its own tools passes what does not need the suite's, and each message it sends fits the schema.
#[track_caller]
fn check_itself(revision: &str, of_any: &[&str]) {
    let Some(packages) = Packages::find() else { return };
    let naestro = Naestro::new(&Project::plain());
    let server = naestro.start(["mcp", "--listen", "127.0.0.1:0"]);
    let address = server.says_after("listening on http://").trim_end_matches("/mcp").to_owned();
    let token = std::fs::read_to_string(naestro.home().join("mcp-token")).unwrap();
    let report = Report::of(&packages, revision, Server { address: &address, token: Some(token.trim()) }).unwrap();
    server.signal(Signal::SIGTERM);
    server.finish().exits(0);
    let wrong = report.wrong(|name, failed| {
        let needs_a_tool = failed.contains("Not testable: server does not list the diagnostic tool");
        failed.contains("wire-schema-valid") || (of_any.contains(&name) && !needs_a_tool)
    });
    assert_eq!(wrong, Vec::<String>::new());
    for name in of_any {
        assert!(report.seen.get(*name).is_some_and(|seen| seen.passed > 0), "{name} was not run: {:?}", report.seen.get(*name));
    }
}

#[test]
fn the_product_itself_keeps_what_2026_07_28_asks_of_any_server() {
    check_itself("2026-07-28", &OF_ANY_ALONE);
}

#[test]
fn the_product_itself_keeps_what_2025_11_25_asks_of_any_server() {
    check_itself("2025-11-25", &OF_ANY_IN_SESSIONS);
}

/// What the client fixture passes, which stands on what upstreams stand on.
#[test]
fn a_client_does_what_each_revision_requires() {
    let Some(packages) = Packages::find() else { return };
    for (revision, scenarios) in [("2026-07-28", 32), ("2025-11-25", 18)] {
        let report = Report::of_client(&packages, revision, &beside("mcp-client-fixture"));
        assert_eq!(report.broken(), Vec::<String>::new());
        assert_eq!((report.required.len(), report.passed()), (scenarios, scenarios));
    }
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
    let nobody = Server { address: "127.0.0.1:1", token: None };
    assert!(Report::of(&packages, "2025-11-25", nobody).is_err());
    assert!(!Report::unguarded(&packages, "2025-11-25", nobody).broken().is_empty(), "the suite passes without a server");
    assert_eq!(Report::of_client(&packages, "2025-11-25", Path::new("false")).passed(), 0);
}
