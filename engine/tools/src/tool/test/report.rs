//! The report: what was tested, what failed and what was not run; for people and for later steps.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::bounded;
use crate::project::Package;

/// The most failures of a package that are told.
const FAILURES: usize = 50;

/// The most lines of a failure's message that the text shows.
const LINES: usize = 8;

/// How the tests of a package ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Passed,
    Failed,
    BuildFailed,
    NotFinished,
    Missing,
    NotRun,
}

/// What testing one package came to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tested {
    pub(super) name: String,
    pub(super) dir: String,
    pub(super) runner: String,
    pub(super) state: State,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) seconds: f64,
    pub(super) failures: Vec<Failure>,
    /// Why it is in its state, and what to do next; empty where there is nothing to say.
    pub(super) note: String,
}

/// One failing test.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) test: String,
    /// `file:line`, relative to the root where it lies below it; nothing where the runner does not say.
    pub(super) place: Option<String>,
    pub(super) message: String,
}

/// The whole report.
pub(super) struct Report {
    pub(super) tested: Vec<Tested>,
    /// What was compared to find what changed, where that is known.
    pub(super) compared: Option<String>,
    /// Why there is nothing to test, where there is nothing.
    pub(super) verdict: Option<String>,
    /// Files that changed and that nothing here tests.
    pub(super) unowned: Vec<String>,
    /// Submodules that changed and that no package here owns.
    pub(super) submodules: Vec<String>,
    pub(super) seconds: f64,
    pub(super) budget: u64,
}

impl Tested {
    pub(super) fn new(package: &Package, state: State, note: &str) -> Self {
        Self::named(&package.name, &package.dir, package.runner.name(), state, note)
    }

    pub(super) fn named(name: &str, dir: &str, runner: &str, state: State, note: &str) -> Self {
        let (name, dir, runner, note) = (name.into(), dir.into(), runner.into(), note.into());
        Self { name, dir, runner, state, passed: 0, failed: 0, skipped: 0, seconds: 0.0, failures: vec![], note }
    }

    pub(super) fn all(group: &[&Package], state: State, note: &str) -> Vec<Self> {
        group.iter().map(|package| Self::new(package, state, note)).collect()
    }

    /// Adds a failing test, once, as long as there is room; all are counted by `failed`.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.state = State::Failed;
        if self.failures.len() < FAILURES && !self.failures.iter().any(|known| known.test == failure.test) {
            self.failures.push(failure);
        }
    }

    fn line(&self, width: usize) -> String {
        let (name, seconds) = (&self.name, self.seconds);
        let counts = format!("{:>5} passed {:>4} failed {:>4} skipped {seconds:>7.1} s", self.passed, self.failed, self.skipped);
        match self.state {
            State::Passed | State::Failed => format!("  {name:<width$} {counts}\n"),
            State::NotFinished => format!("  {name:<width$} {counts}   not finished\n"),
            State::BuildFailed => format!("  {name:<width$} did not build\n"),
            State::Missing | State::NotRun => format!("  {name:<width$} not run\n"),
        }
    }
}

impl Report {
    /// Whether nothing failed; where nothing at all could be run, that is no success.
    pub(super) fn is_ok(&self) -> bool {
        !self.is_failed() && (self.tested.is_empty() || self.tested.iter().any(|tested| tested.state == State::Passed))
    }

    pub(super) fn data(&self) -> Value {
        json!({ "ok": self.is_ok(), "verdict": self.headline(), "seconds": self.seconds, "budget_s": self.budget, "packages": self.tested, "unowned": self.unowned, "submodules": self.submodules })
    }

    /// For people: what was compared, the verdict, then what there is to know.
    pub(super) fn text(&self) -> String {
        let mut text = bounded::Bounded::new(bounded::TEXT);
        self.compared.iter().for_each(|compared| text.push(format!("{compared}\n").as_bytes()));
        text.push(format!("{}\n", self.headline()).as_bytes());
        let width = self.tested.iter().map(|tested| tested.name.chars().count()).max().unwrap_or_default();
        self.tested.iter().for_each(|tested| text.push(tested.line(width).as_bytes()));
        for tested in &self.tested {
            tested.failures.iter().for_each(|failure| text.push(failure.text(&tested.name).as_bytes()));
            if tested.failed > tested.failures.len() as u64 {
                let more = counted(tested.failed - tested.failures.len() as u64, "more failure");
                text.push(format!("  and {more} in {}\n", tested.name).as_bytes());
            }
        }
        for tested in self.tested.iter().filter(|tested| !tested.note.is_empty()) {
            text.push(format!("\n{}: {}\n", tested.name, tested.note).as_bytes());
        }
        if !self.unowned.is_empty() {
            text.push(format!("\nno package owns, so nothing tested: {}\n", self.unowned.join(", ")).as_bytes());
        }
        self.submodules.iter().for_each(|path| text.push(format!("\n{}\n", submodule(path)).as_bytes()));
        text.text().trim_end().to_owned()
    }

    fn is_failed(&self) -> bool {
        self.tested.iter().any(|tested| matches!(tested.state, State::Failed | State::BuildFailed))
    }

    fn headline(&self) -> String {
        let Some(first) = self.tested.first() else {
            return self.verdict.clone().unwrap_or_else(|| "nothing to test".into());
        };
        let passed: u64 = self.tested.iter().map(|tested| tested.passed).sum();
        let failed: u64 = self.tested.iter().map(|tested| tested.failed).sum();
        let broken = self.tested.iter().filter(|tested| tested.state == State::BuildFailed).count();
        let partly =
            self.tested.iter().filter(|tested| matches!(tested.state, State::NotFinished | State::Missing | State::NotRun)).count();
        let scope = if self.tested.len() == 1 { first.name.clone() } else { format!("{} packages", self.tested.len()) };
        let mut parts = Vec::new();
        if failed > 0 {
            parts.push(format!("{failed} of {} failed", counted(passed + failed, "test")));
        }
        if broken > 0 {
            parts.push(format!("{broken} did not build"));
        }
        if partly > 0 {
            parts.push(format!("{partly} not wholly run"));
        }
        if failed == 0 {
            parts.push(format!("{} passed", counted(passed, "test")));
        }
        let word = if self.is_failed() {
            "failed"
        } else if partly > 0 {
            "incomplete"
        } else {
            "passed"
        };
        format!("{word}: {} in {scope} ({:.1} s)", parts.join(", "), self.seconds)
    }
}

impl Failure {
    pub(super) fn new(test: &str, place: Option<String>, message: &str) -> Self {
        Self { test: test.into(), place, message: clipped(message) }
    }

    fn text(&self, package: &str) -> String {
        let place = self.place.as_deref().map_or_else(String::new, |place| format!("   at {place}"));
        let lines: Vec<String> = self.message.lines().take(LINES).map(|line| format!("      {}\n", bounded::line(line, 160))).collect();
        format!("\n  failed: {package} {}{place}\n{}", self.test, lines.concat())
    }
}

/// Says how a submodule is tested: it is a repository of its own.
pub(in crate::tool) fn submodule(path: &str) -> String {
    format!("{path} is a submodule: naestro test --workspace {path}")
}

/// `1 test`, `2 tests`.
pub(in crate::tool) fn counted(count: u64, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{end}")
}

/// At most 30 lines and 4,000 characters.
fn clipped(message: &str) -> String {
    let lines: Vec<&str> = message.trim().lines().take(30).collect();
    bounded::line(&lines.join("\n"), 4000)
}
