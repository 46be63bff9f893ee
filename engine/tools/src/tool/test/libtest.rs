//! What Rust's own test harness prints, as cargo shows it: one section for each test binary.
//!
//! Invariant: the counts are those of the harness's own last line; nothing is counted twice.

use std::collections::BTreeMap;

use super::case::{Case, Verdict};

/// The most last lines of a binary that are kept.
const TAIL: usize = 12;

/// What a test's line may say after its name.
const KINDS: &[&str] = &[" - should panic", " - compile fail", " - compile"];

/// What one test binary printed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Section {
    /// The binary's file name, or `doc:` and the crate's name.
    pub(super) binary: String,
    /// Every test the harness named, in the order it did.
    pub(super) cases: Vec<Case>,
    /// Tests that passed by the count of its last line, and that none of its other lines named.
    pub(super) unnamed: u64,
    pub(super) seconds: f64,
    /// Whether Rust's own harness began.
    pub(super) begun: bool,
    /// Whether the harness wrote its last line.
    pub(super) ended: bool,
    /// Whether cargo says that the binary failed.
    pub(super) failed: bool,
    /// Tests that the harness called slow, and that have not ended.
    pub(super) slow: Vec<String>,
    /// Its last lines, for a binary that ended without a word.
    pub(super) tail: Vec<String>,
    known: BTreeMap<String, usize>,
}

/// Cuts cargo's output into sections.
pub(super) fn sections(output: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(binary) = begins(line) {
            sections.push(Section { binary, ..Section::default() });
        } else if let Some(section) = sections.last_mut() {
            section.take(line, &mut lines);
        }
    }
    sections
}

/// The tests that cargo's output names when it is asked with `--list --format terse`, by binary.
pub(super) fn listed(output: &str) -> Vec<(String, Vec<&str>)> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for line in output.lines() {
        if let Some(binary) = begins(line) {
            found.push((binary, Vec::new()));
        } else if let (Some((_, tests)), Some(test)) = (found.last_mut(), line.strip_suffix(": test")) {
            tests.push(test);
        }
    }
    found
}

/// The binary whose section a line begins.
fn begins(line: &str) -> Option<String> {
    let line = line.strip_prefix("   ")?.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("doc:{}", name.replace('-', "_")));
    }
    let path = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?.1;
    Some(path.rsplit('/').next().unwrap_or(path).to_owned())
}

impl Section {
    fn take<'a>(&mut self, line: &'a str, lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) {
        if let Some(test) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" ----")) {
            let test = test.trim_end_matches(" stdout").trim_end_matches(" stderr");
            let body = block(lines);
            self.name(failure(test, &body));
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.result(result);
        } else if let Some(case) = named(line) {
            self.name(case);
        } else if let Some((test, _)) = line.strip_prefix("test ").and_then(|line| line.split_once(" has been running for over ")) {
            self.slow.push(test.to_owned());
        } else if line.starts_with("running ") {
            self.begun = true;
        } else if line.starts_with("error: test failed") || line.starts_with("error: doctest failed") {
            self.failed = true;
        }
        self.tail.push(line.to_owned());
        if self.tail.len() > TAIL {
            self.tail.remove(0);
        }
    }

    /// A failing test is known by its line before its block comes; the block then takes its place.
    fn name(&mut self, case: Case) {
        self.slow.retain(|slow| *slow != case.id);
        match self.known.get(&case.id) {
            Some(at) if case.verdict == Verdict::Failed => self.cases[*at] = case,
            Some(_) => {}
            None => {
                self.known.insert(case.id.clone(), self.cases.len());
                self.cases.push(case);
            }
        }
    }

    fn result(&mut self, line: &str) {
        self.ended = true;
        let took = line.rsplit_once("finished in ").and_then(|(_, took)| took.trim_end_matches('s').parse().ok());
        self.seconds = took.unwrap_or_default();
        // A test whose own output came between its name and its result: what did not fail has passed.
        for case in self.cases.iter_mut().filter(|case| case.verdict == Verdict::NotRun) {
            (case.verdict, case.attempts) = (Verdict::Passed, 1);
        }
        let passed = self.cases.iter().filter(|case| case.verdict == Verdict::Passed).count() as u64;
        self.unnamed = count(line, "passed").saturating_sub(passed);
        if let [case] = &mut self.cases[..] {
            case.seconds = took;
        }
    }
}

/// The number before a word of the harness's last line.
fn count(line: &str, word: &str) -> u64 {
    let mut counts = line.split(';').filter_map(|part| part.trim().strip_suffix(word));
    counts.find_map(|part| part.split_whitespace().last()?.parse().ok()).unwrap_or_default()
}

/// The test a line of the form `test NAME ... ok` names; one without a result that can be read is not known to have ended.
fn named(line: &str) -> Option<Case> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = KINDS.iter().find_map(|kind| name.strip_suffix(kind)).unwrap_or(name);
    let word = result.split([' ', ',']).next().unwrap_or_default();
    let verdict = match word {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Skipped,
        _ => Verdict::NotRun,
    };
    Some(Case { name: modules(name), ..Case::new(name, verdict) })
}

/// The modules a test lies in, then the test.
pub(super) fn modules(test: &str) -> Vec<String> {
    test.split("::").map(str::to_owned).collect()
}

/// The lines of a test's block, up to the next one or the list of names.
fn block<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Vec<&'a str> {
    let mut body = Vec::new();
    while let Some(line) = lines.next_if(|line| !line.starts_with("---- ") && *line != "failures:" && !line.starts_with("test result: ")) {
        body.push(line);
    }
    body
}

/// A failing test from what it printed: where it panicked and with what message, or else all it printed.
pub(super) fn failure(test: &str, body: &[&str]) -> Case {
    let case = Case { name: modules(test), ..Case::new(test, Verdict::Failed) };
    let panic = body.iter().enumerate().find_map(|(at, line)| Some((at, line.split_once("panicked at ")?.1)));
    let Some((at, place)) = panic else {
        return case.says(&body.join("\n"));
    };
    let message: Vec<&str> = body[at + 1..]
        .iter()
        .copied()
        .take_while(|line| !line.trim_start().starts_with("note: ") && line.trim() != "stack backtrace:")
        .collect();
    case.at(Some(file_and_line(place))).says(&message.join("\n"))
}

/// `src/lib.rs:3` of `src/lib.rs:3:9:`.
fn file_and_line(place: &str) -> String {
    let place = place.trim_end_matches(':');
    place.rsplit_once(':').map_or(place, |(file_and_line, _)| file_and_line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_harness_calls_slow_is_running_until_it_ends() {
        let output = "     Running unittests src/lib.rs (target/debug/deps/p-0)\n\nrunning 2 tests\ntest a::hangs has been running for over 60 seconds\ntest late has been running for over 60 seconds\ntest late ... ok\n";
        assert_eq!(sections(output)[0].slow, ["a::hangs"]);
    }
}
