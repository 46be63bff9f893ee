//! What Rust's own test harness prints, as cargo shows it: one section for each test binary.
//!
//! Invariant: the counts are those of the harness's own last line; nothing is counted twice.

use std::collections::BTreeSet;

use super::report::Failure;

/// What one test binary printed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Section {
    /// The binary's file name, or `doc:` and the crate's name.
    pub(super) binary: String,
    /// Passed, failed, skipped.
    pub(super) counts: [u64; 3],
    pub(super) seconds: f64,
    pub(super) failures: Vec<Failure>,
    /// Whether Rust's own harness began.
    pub(super) begun: bool,
    /// Whether the harness wrote its last line.
    pub(super) ended: bool,
    /// Whether cargo says that the binary failed.
    pub(super) failed: bool,
    /// Its last lines, for a binary that ended without a word.
    pub(super) tail: Vec<String>,
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
            let failure = failure(test, &body);
            self.failures.push(failure);
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.result(result);
        } else if let Some(test) = failed_line(line) {
            self.name(test);
        } else if line.starts_with("running ") {
            self.begun = true;
        } else if line.starts_with("error: test failed") || line.starts_with("error: doctest failed") {
            self.failed = true;
        }
        self.tail.push(line.to_owned());
        if self.tail.len() > 12 {
            self.tail.remove(0);
        }
    }

    /// A failing test is known by its line before its block comes; the block then takes its place.
    fn name(&mut self, test: &str) {
        self.failures.push(Failure::new(test, None, ""));
    }

    fn result(&mut self, line: &str) {
        self.ended = true;
        for (index, word) in ["passed", "failed", "ignored"].iter().enumerate() {
            let count = line
                .split(';')
                .filter_map(|part| part.trim().strip_suffix(word))
                .find_map(|part| part.split_whitespace().last()?.parse().ok());
            self.counts[index] = count.unwrap_or_default();
        }
        let took = line.rsplit_once("finished in ").and_then(|(_, took)| took.trim_end_matches('s').parse().ok());
        self.seconds = took.unwrap_or_default();
        // The block of a test says more than its line: it comes last, so it is kept.
        self.failures.reverse();
        let mut known = BTreeSet::new();
        self.failures.retain(|failure| known.insert(failure.test.clone()));
        self.failures.reverse();
    }
}

/// The test a line of the form `test NAME ... FAILED` names.
fn failed_line(line: &str) -> Option<&str> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(name.trim_end_matches(" - should panic"))
}

/// The lines of a test's block, up to the next one or the list of names.
fn block<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Vec<&'a str> {
    let mut body = Vec::new();
    while let Some(line) = lines.next_if(|line| !line.starts_with("---- ") && *line != "failures:" && !line.starts_with("test result: ")) {
        body.push(line);
    }
    body
}

/// A failure from what a test printed: where it panicked and with what message, or else all it printed.
pub(super) fn failure(test: &str, body: &[&str]) -> Failure {
    let panic = body.iter().enumerate().find_map(|(at, line)| Some((at, line.split_once("panicked at ")?.1)));
    let Some((at, place)) = panic else {
        return Failure::new(test, None, &body.join("\n"));
    };
    let message: Vec<&str> = body[at + 1..]
        .iter()
        .copied()
        .take_while(|line| !line.trim_start().starts_with("note: ") && line.trim() != "stack backtrace:")
        .collect();
    Failure::new(test, Some(file_and_line(place)), &message.join("\n"))
}

/// `src/lib.rs:3` of `src/lib.rs:3:9:`.
fn file_and_line(place: &str) -> String {
    let place = place.trim_end_matches(':');
    place.rsplit_once(':').map_or(place, |(file_and_line, _)| file_and_line).to_owned()
}
