//! The report: what was tested, what failed and what was not run; for people and for later steps.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::bounded;
use super::super::process::Ended;
use super::GIVE_MORE;
use super::case::{Case, Verdict};
use crate::project::Package;

/// The most failures the text tells.
const FAILURES: usize = 50;

/// The most lines of a failure's message that the text shows.
const LINES: usize = 8;

/// The most characters of a line of a message that the text shows.
const WIDTH: usize = 160;

/// The most characters of a line of the runner's own words, where they are all that is known.
const WORDS: usize = 500;

/// The most tests of a kind that one line of the text names.
const NAMED: usize = 10;

/// How the tests of a package ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Passed,
    Failed,
    BuildFailed,
    NotFinished,
    /// What runs its tests is not installed.
    Missing,
    NotRun,
    /// Nothing in it is affected by what changed, or nothing in it was selected.
    Unaffected,
    /// Its tests were named and not run.
    Listed,
    /// Its runner cannot name tests without running them.
    Unlisted,
}

/// What testing one package came to.
#[derive(Clone, Debug)]
pub(super) struct Tested {
    pub(super) name: String,
    pub(super) dir: String,
    pub(super) runner: String,
    pub(super) state: State,
    pub(super) seconds: f64,
    /// What each test came to; errors of a build are told as a test named `build`.
    pub(super) cases: Vec<Case>,
    /// Tests that passed and that the runner counted without naming them.
    pub(super) unnamed: u64,
    /// Why it is in its state, and what to do next; empty where there is nothing to say.
    pub(super) note: String,
}

/// How many tests of a package ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) flaky: u64,
    pub(super) skipped: u64,
    listed: u64,
}

impl Tested {
    pub(super) fn new(package: &Package, state: State, note: &str) -> Self {
        Self::named(&package.name, &package.dir, package.runner.name(), state, note)
    }

    pub(super) fn named(name: &str, dir: &str, runner: &str, state: State, note: &str) -> Self {
        let (name, dir, runner, note) = (name.into(), dir.into(), runner.into(), note.into());
        Self { name, dir, runner, state, seconds: 0.0, cases: vec![], unnamed: 0, note }
    }

    pub(super) fn all(group: &[&Package], state: State, note: &str) -> Vec<Self> {
        group.iter().map(|package| Self::new(package, state, note)).collect()
    }

    /// Settles the state by the cases and by how the runner ended; `words` are its own, for where it says no without naming a test.
    pub(super) fn conclude(&mut self, ended: &Ended, words: &str) {
        if self.cases.iter().any(|case| case.verdict == Verdict::Failed) {
            self.state = State::Failed;
        }
        if ended.overdue {
            self.unfinished();
        } else if ended.signal.is_some() || (ended.code != Some(0) && self.state == State::Passed) {
            // The runner says no and we do not see why, or it did not come to all its tests: never call that passed.
            let signal = ended.signal.map_or_else(String::new, |signal| format!("ended by signal {signal}\n"));
            let words: Vec<String> = words.lines().map(|line| bounded::line(line, WORDS)).collect();
            self.cases.push(Case::new("(the runner)", Verdict::Failed).says(&format!("{signal}{}", words.join("\n"))));
            self.state = State::Failed;
        }
    }

    /// Says that the budget ended first.
    pub(super) fn unfinished(&mut self) {
        self.state = if self.state == State::Failed { State::Failed } else { State::NotFinished };
        self.note = format!("the budget ended before all its tests were run; {GIVE_MORE}");
    }

    /// Says, where the budget ended first, what was running then and how much has no result.
    pub(super) fn left(&mut self, running: &[&str], lost: usize) {
        if !running.is_empty() {
            let none = if lost > 0 { format!("; {} no result", have(lost)) } else { String::new() };
            self.note = format!("the budget ended while this was running: {}{none}; {GIVE_MORE}", named(running));
        }
    }

    /// Says that a run ended by itself before all its tests had a result, which is never a success.
    pub(super) fn broke_off(&mut self, ended: &Ended, running: &[&str], lost: usize, words: &str) {
        if self.state == State::Passed {
            self.state = State::NotFinished;
        }
        let place = if running.is_empty() { "before the end of its tests".into() } else { format!("in the middle of {}", named(running)) };
        let status = match (ended.signal, ended.code) {
            (Some(signal), _) => format!("by signal {signal}"),
            (None, Some(code)) => format!("with status {code}"),
            (None, None) => "without a status".into(),
        };
        let none = if lost > 0 { format!("; {} no result", have(lost)) } else { String::new() };
        let words = if words.is_empty() || self.state == State::Failed { String::new() } else { format!("\n{words}") };
        self.note = format!("the run ended {place}, {status}{none}{words}");
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts { passed: self.unnamed, ..Counts::default() };
        for case in &self.cases {
            match case.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed if self.state != State::BuildFailed => counts.failed += 1,
                Verdict::Flaky => counts.flaky += 1,
                Verdict::Skipped => counts.skipped += 1,
                Verdict::Listed => counts.listed += 1,
                Verdict::Failed | Verdict::NotRun => {}
            }
        }
        counts
    }

    fn line(&self, width: usize) -> String {
        let (name, seconds, counts) = (&self.name, self.seconds, self.counts());
        let flaky = if counts.flaky > 0 { format!(" {:>4} flaky", counts.flaky) } else { String::new() };
        let numbers =
            format!("{:>5} passed {:>4} failed{flaky} {:>4} skipped {seconds:>7.1} s", counts.passed, counts.failed, counts.skipped);
        match self.state {
            State::Passed | State::Failed => format!("  {name:<width$} {numbers}\n"),
            State::NotFinished => format!("  {name:<width$} {numbers}   not finished\n"),
            State::BuildFailed => format!("  {name:<width$} did not build\n"),
            State::Missing | State::NotRun => format!("  {name:<width$} not run\n"),
            State::Unaffected => format!("  {name:<width$} nothing to run: {}\n", self.note),
            State::Listed => format!("  {name:<width$} {}\n", counted(counts.listed, "test")),
            State::Unlisted => format!("  {name:<width$} not listed\n"),
        }
    }

    fn data(&self) -> Value {
        let counts = self.counts();
        json!({
            "name": self.name, "dir": self.dir, "runner": self.runner, "state": self.state, "passed": counts.passed, "failed": counts.failed,
            "flaky": counts.flaky, "skipped": counts.skipped, "seconds": self.seconds, "note": self.note,
        })
    }
}

/// What earlier steps said that the report repeats.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// What was compared to find what changed, where that is known.
    pub(super) compared: Option<String>,
    /// Why there is nothing to test, where there is nothing.
    pub(super) verdict: Option<String>,
    /// Files that changed and that nothing here tests.
    pub(super) unowned: Vec<String>,
    /// Submodules that changed and that no package here owns.
    pub(super) submodules: Vec<String>,
    /// The symbols that changed, as the tool affected tells them.
    pub(super) changed: Vec<Value>,
    /// What could not be reasoned about: the file, the scope and the reason.
    pub(super) widened: Vec<[String; 3]>,
    /// How many tests the code index knows; nothing where it was not asked.
    pub(super) known: Option<usize>,
}

/// The whole report.
pub(super) struct Report {
    pub(super) tested: Vec<Tested>,
    pub(super) told: Told,
    /// What there is to say about the selection; one sentence each.
    pub(super) notes: Vec<String>,
    pub(super) seconds: f64,
    pub(super) budget: u64,
}

impl Report {
    /// Whether all that was to be run was run and nothing failed; what had nothing to run does not count.
    pub(super) fn is_ok(&self) -> bool {
        self.tested.iter().all(|tested| matches!(tested.state, State::Passed | State::Listed | State::Unaffected))
    }

    pub(super) fn data(&self) -> Value {
        let packages: Vec<Value> = self.tested.iter().map(Tested::data).collect();
        let tests: Vec<Value> = self.tested.iter().flat_map(|tested| tested.cases.iter().map(|case| test(tested, case))).collect();
        let widened = self.told.widened.iter().map(|[file, scope, reason]| json!({ "file": file, "scope": scope, "reason": reason }));
        json!({
            "ok": self.is_ok(), "verdict": self.headline(), "compared": self.told.compared, "seconds": self.seconds,
            "budget_s": self.budget, "packages": packages, "tests": tests, "known": self.told.known, "changed": self.told.changed,
            "widened": widened.collect::<Vec<_>>(), "unowned": self.told.unowned, "submodules": self.told.submodules, "notes": self.notes,
        })
    }

    /// For people: what was compared, the verdict, then what there is to know.
    pub(super) fn text(&self) -> String {
        let mut text = bounded::Bounded::new(bounded::TEXT);
        self.told.compared.iter().for_each(|compared| text.push(format!("{compared}\n").as_bytes()));
        text.push(format!("{}\n", self.headline()).as_bytes());
        let width = self.tested.iter().map(|tested| tested.name.chars().count()).max().unwrap_or_default();
        for tested in &self.tested {
            text.push(tested.line(width).as_bytes());
            let listed = tested.cases.iter().filter(|case| case.verdict == Verdict::Listed);
            listed.for_each(|case| text.push(format!("      {}{}\n", case.id, why(case)).as_bytes()));
        }
        self.failures().for_each(|part| text.push(part.as_bytes()));
        for line in self.after() {
            text.push(format!("\n{line}\n").as_bytes());
        }
        text.text().trim_end().to_owned()
    }

    /// The first of the failures of each package, and how many more there are; then the flaky ones.
    fn failures(&self) -> impl Iterator<Item = String> {
        self.tested.iter().map(|tested| {
            let failed: Vec<&Case> = tested.cases.iter().filter(|case| case.verdict == Verdict::Failed).collect();
            let mut text: String = failed.iter().take(FAILURES).map(|case| failure(&tested.name, case)).collect();
            if failed.len() > FAILURES {
                text.push_str(&format!("  and {} in {}\n", counted((failed.len() - FAILURES) as u64, "more failure"), tested.name));
            }
            let flaky: Vec<&str> = tested.cases.iter().filter(|case| case.verdict == Verdict::Flaky).map(|case| case.id.as_str()).collect();
            if !flaky.is_empty() {
                text.push_str(&format!("\n  flaky: {}: {} (failed and passed with nothing changed between)\n", tested.name, named(&flaky)));
            }
            text
        })
    }

    /// What is said after the failures.
    fn after(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .tested
            .iter()
            .filter(|tested| !tested.note.is_empty() && tested.state != State::Unaffected)
            .map(|tested| format!("{}: {}", tested.name, tested.note))
            .collect();
        lines.extend(self.chosen());
        lines.extend(self.told.widened.iter().map(|[file, scope, reason]| {
            let scope = if scope.is_empty() { "everything" } else { scope };
            let file = if file.is_empty() { String::new() } else { format!("{file}: ") };
            format!("widened to {scope}: {file}{reason}")
        }));
        lines.extend(self.notes.iter().cloned());
        if !self.told.unowned.is_empty() {
            lines.push(format!("no package owns, so nothing tested: {}", self.told.unowned.join(", ")));
        }
        lines.extend(self.told.submodules.iter().map(|path| submodule(path)));
        lines
    }

    /// Why tests were chosen: how many for each reason, the most frequent first.
    fn chosen(&self) -> Option<String> {
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        let run = |case: &&Case| !matches!(case.verdict, Verdict::Listed);
        for reason in self.tested.iter().flat_map(|tested| &tested.cases).filter(run).filter_map(|case| case.reason.as_deref()) {
            *reasons.entry(reason).or_default() += 1;
        }
        let mut reasons: Vec<(&str, u64)> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let lines: Vec<String> =
            reasons.iter().take(NAMED).map(|(reason, count)| format!("  {}: {reason}", counted(*count, "test"))).collect();
        let more = reasons.len().saturating_sub(NAMED);
        let rest = if more > 0 { format!("\n  and {}", counted(more as u64, "more reason")) } else { String::new() };
        (!lines.is_empty()).then(|| format!("why these:\n{}{rest}", lines.join("\n")))
    }

    fn is_failed(&self) -> bool {
        self.tested.iter().any(|tested| matches!(tested.state, State::Failed | State::BuildFailed))
    }

    fn of_state(&self, states: &[State]) -> usize {
        self.tested.iter().filter(|tested| states.contains(&tested.state)).count()
    }

    /// The headline of a run in which nothing failed for good.
    fn wavering(&self, passed: u64, flaky: u64, scope: &str) -> String {
        let cases = self.tested.iter().flat_map(|tested| &tested.cases);
        let names: Vec<&str> = cases.filter(|case| case.verdict == Verdict::Flaky).map(|case| case.id.as_str()).collect();
        let are = if flaky == 1 { "is" } else { "are" };
        let (wavering, passed) = (counted(flaky, "test"), counted(passed, "test"));
        format!("passed, but {wavering} {are} flaky: {}; {passed} passed in {scope} ({:.1} s)", named(&names), self.seconds)
    }

    fn headline(&self) -> String {
        let Some(first) = self.tested.first() else {
            return self.told.verdict.clone().unwrap_or_else(|| "nothing to test".into());
        };
        let sum = |of: fn(&Counts) -> u64| self.tested.iter().map(|tested| of(&tested.counts())).sum::<u64>();
        let (passed, failed, flaky, listed) =
            (sum(|counts| counts.passed), sum(|counts| counts.failed), sum(|counts| counts.flaky), sum(|counts| counts.listed));
        let scope = if self.tested.len() == 1 { first.name.clone() } else { format!("{} packages", self.tested.len()) };
        let partly = self.of_state(&[State::NotFinished, State::Missing, State::NotRun, State::Unlisted]);
        let broken = self.of_state(&[State::BuildFailed]);
        let mut parts = Vec::new();
        if failed > 0 {
            parts.push(format!("{failed} of {} failed", counted(passed + failed + flaky, "test")));
        }
        if broken > 0 {
            parts.push(format!("{broken} did not build"));
        }
        if partly > 0 {
            parts.push(format!("{partly} not wholly run"));
        }
        let sound = !self.is_failed() && partly == 0 && listed == 0;
        if flaky > 0 && !sound {
            parts.push(format!("{flaky} flaky"));
        }
        let lists = self.of_state(&[State::Listed]) > 0;
        if lists || listed > 0 {
            parts.push(format!("{} named, none run", counted(listed, "test")));
        } else if failed == 0 {
            parts.push(format!("{} passed", counted(passed, "test")));
        }
        let word = match () {
            () if self.is_failed() => "failed",
            () if partly > 0 => "incomplete",
            () if lists || listed > 0 => "listed",
            () if self.of_state(&[State::Unaffected]) == self.tested.len() => {
                return format!("nothing to run: no test in {scope} is affected ({:.1} s)", self.seconds);
            }
            () if flaky > 0 => return self.wavering(passed, flaky, &scope),
            () => "passed",
        };
        format!("{word}: {} in {scope} ({:.1} s)", parts.join(", "), self.seconds)
    }
}

/// `3 tests have`, `1 test has`.
fn have(lost: usize) -> String {
    format!("{} {}", counted(lost as u64, "test"), if lost == 1 { "has" } else { "have" })
}

fn test(tested: &Tested, case: &Case) -> Value {
    json!({
        "id": case.id, "package": tested.name, "runner": tested.runner, "path": case.path, "line": case.line, "state": case.verdict,
        "seconds": case.seconds, "reason": case.reason, "place": case.place, "message": case.message, "expected": case.expected,
        "actual": case.actual, "attempts": case.attempts, "cause": case.cause,
    })
}

/// One failing test for people.
fn failure(package: &str, case: &Case) -> String {
    let place = case.place.as_deref().map_or_else(String::new, |place| format!("   at {place}"));
    let mut lines: Vec<String> = case.message.lines().take(LINES).map(|line| bounded::line(line, WIDTH)).collect();
    if let (Some(expected), Some(actual)) = (&case.expected, &case.actual) {
        lines.push(format!("expected {}, got {}", bounded::line(expected, 120), bounded::line(actual, 120)));
    }
    lines.extend(case.cause.as_ref().map(|cause| format!("likeliest cause: {cause}")));
    let lines: Vec<String> = lines.iter().map(|line| format!("      {line}\n")).collect();
    format!("\n  failed: {package} {}{place}\n{}", case.id, lines.concat())
}

fn why(case: &Case) -> String {
    case.reason.as_deref().map_or_else(String::new, |reason| format!("   {reason}"))
}

/// The first of the names, and how many more there are.
fn named(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names[..names.len() - more].join(", "))
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
