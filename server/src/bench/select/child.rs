//! `naestro test` as a script starts it: a process, and the JSON it prints.
//!
//! Invariant: the one place that knows the shape of that JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use naestro_api::Error;
use serde::Serialize;
use serde_json::Value;

use super::failed;

/// What a package's note says where its time ended; its state tells first that a test failed.
const OVERDUE: &str = "the budget ended before";
/// The scope of what is widened to everything.
const EVERYTHING: &str = "everything";

/// Which test of a project: its package and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Key {
    pub(super) package: String,
    pub(super) id: String,
}

/// How a test ended, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It passed, if perhaps not the first time.
    Passed,
    Failed,
    /// The project itself skips it.
    Skipped,
    /// It was selected, and only that was asked.
    Listed,
    /// It has no result.
    NotRun,
}

/// One test of a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    pub(super) state: State,
    pub(super) path: Option<String>,
}

/// What `naestro test` reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Report {
    pub(super) verdict: String,
    pub(super) runners: BTreeSet<String>,
    pub(super) tests: BTreeMap<Key, Test>,
    /// Whether its time ended before all tests did.
    pub(super) cut: bool,
    /// Why the selection holds more than what reaches the change: the scope and the reason.
    pub(super) widened: BTreeSet<(String, String)>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) enum Scope {
    /// The results of all tests.
    All,
    /// The tests that are selected for the change, not run.
    Listed,
}

/// Starts `naestro test` in one workspace.
pub(super) struct Child {
    /// The executable.
    pub(super) program: PathBuf,
    pub(super) home: PathBuf,
    pub(super) workspace: PathBuf,
    pub(super) wall: String,
}

impl Child {
    /// Asks, and waits for the report.
    ///
    /// # Errors
    /// `unavailable` where there is none; what was said instead.
    #[expect(clippy::disallowed_methods, reason = "what is measured is the command as its users start it")]
    pub(super) fn ask(&self, scope: Scope) -> Result<Report, Error> {
        let mut command = Command::new(&self.program);
        command.arg("test").arg(if matches!(scope, Scope::All) { "--all" } else { "--list" });
        command.args(["--json", "--wall", &self.wall, "--workspace"]).arg(&self.workspace);
        command.env("NAESTRO_HOME", &self.home).env("NAESTRO_CONFIG", self.home.join("config.toml"));
        let output = command.stdin(Stdio::null()).output().map_err(|error| failed(&format!("start naestro test: {error}")))?;
        let told = String::from_utf8_lossy(&output.stdout);
        report(&told).map_err(|why| {
            let aside = String::from_utf8_lossy(&output.stderr);
            failed(&format!("naestro test in {}: {why} {}", self.workspace.display(), aside.trim()))
        })
    }
}

/// The report among the lines that `naestro test --json` printed, or why there is none.
fn report(told: &str) -> Result<Report, String> {
    let lines = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut refusal = "it printed no report".to_owned();
    for line in lines {
        match line["type"].as_str() {
            Some("tests") => return read(&line["report"]),
            Some("error") => refusal = text(&line, "message"),
            _ => {}
        }
    }
    Err(refusal)
}

fn read(report: &Value) -> Result<Report, String> {
    let tests = report["tests"].as_array().ok_or("its report has no tests")?;
    let list = |field: &str| report[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let (packages, widened) = (list("packages"), list("widened"));
    Ok(Report {
        verdict: text(report, "verdict"),
        runners: tests.iter().map(|test| text(test, "runner")).collect(),
        tests: tests.iter().map(test).collect::<Result<_, _>>()?,
        cut: packages.iter().any(|package| package["state"] == "not_finished" || text(package, "note").contains(OVERDUE)),
        widened: widened.iter().map(|widened| (scope(widened), text(widened, "reason"))).collect(),
    })
}

/// How far the selection was widened.
fn scope(widened: &Value) -> String {
    let scope = text(widened, "scope");
    if scope.is_empty() { EVERYTHING.to_owned() } else { scope }
}

fn test(test: &Value) -> Result<(Key, Test), String> {
    let state = match text(test, "state").as_str() {
        "passed" | "flaky" => State::Passed,
        "failed" => State::Failed,
        "skipped" => State::Skipped,
        "listed" => State::Listed,
        "not_run" => State::NotRun,
        other => return Err(format!("its report has a test in the state `{other}`")),
    };
    let path = test["path"].as_str().map(str::to_owned);
    Ok((Key { package: text(test, "package"), id: text(test, "id") }, Test { state, path }))
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = r#"[
        {"id":"a","package":"p","runner":"pytest","path":"t.py","line":3,"state":"failed","seconds":0.1},
        {"id":"b","package":"p","runner":"pytest","path":null,"line":null,"state":"flaky","seconds":null}
    ]"#;

    fn told(report: &str) -> String {
        let line = format!(r#"{{"type":"tests","report":{{{report}}}}}"#).replace('\n', "");
        format!("{{\"type\":\"opened\"}}\nno JSON\n{line}\n{{\"type\":\"finished\"}}\n")
    }

    #[test]
    fn the_report_is_found_among_the_lines() {
        let widened = r#"[{"file":"x.py","scope":"p","reason":"dynamic import"},{"file":"y","scope":"","reason":"a build file"}]"#;
        let report = report(&told(&format!(r#""verdict":"failed","tests":{TESTS},"widened":{widened}"#))).expect("a report");
        let key = |id: &str| Key { package: "p".into(), id: id.into() };
        assert_eq!((report.verdict.as_str(), report.cut), ("failed", false));
        assert_eq!(report.tests[&key("a")], Test { state: State::Failed, path: Some("t.py".into()) });
        assert_eq!(report.tests[&key("b")], Test { state: State::Passed, path: None });
        let widened = [("everything", "a build file"), ("p", "dynamic import")];
        assert_eq!(report.widened, widened.map(|(scope, reason)| (scope.into(), reason.into())).into());
    }

    #[test]
    fn a_run_whose_time_ended_is_cut() {
        let check = |package: &str, expect: bool| {
            let told = told(&format!(r#""tests":[],"packages":[{package}]"#));
            assert_eq!(report(&told).map(|report| report.cut), Ok(expect), "{package}");
        };
        check(r#"{"state":"passed","note":""}"#, false);
        check(r#"{"state":"failed","note":"no tests"}"#, false);
        check(r#"{"state":"failed","note":"the budget ended before all its tests were run"}"#, true);
        check(r#"{"state":"not_finished","note":""}"#, true);
    }

    #[test]
    fn what_was_said_instead_of_a_report_is_the_error() {
        let check = |told: &str, expect: &str| assert_eq!(report(told), Err(expect.to_owned()));
        check("", "it printed no report");
        check(r#"{"type":"error","message":"find a runner"}"#, "find a runner");
        check(r#"{"type":"tests","report":{}}"#, "its report has no tests");
        check(
            r#"{"type":"tests","report":{"tests":[{"id":"a","package":"p","state":"sleepy"}]}}"#,
            "its report has a test in the state `sleepy`",
        );
    }
}
