//! What nextest prints: one line for each test, with its package, and the output of those that failed.

use std::collections::BTreeMap;

use super::libtest;
use super::report::Failure;

/// What nextest said about one test.
pub(super) struct Outcome {
    /// The package, or the package and the target, as nextest spells it.
    pub(super) binary: String,
    pub(super) passed: bool,
    pub(super) seconds: f64,
    /// Why it failed; nothing where it passed.
    pub(super) failure: Option<Failure>,
}

/// Words a test's line begins with when it passed; any other of [`BAD`] means that it did not.
const GOOD: &[&str] = &["PASS", "LEAK", "FLAKY"];

/// Words, or beginnings of words, of a test's line when it failed.
const BAD: &[&str] = &["FAIL", "SIG", "ABORT", "TIMEOUT", "LEAK-FAIL", "XFAIL"];

/// The last outcome of every test, in the order they were first named.
pub(super) fn outcomes(output: &str) -> Vec<Outcome> {
    let mut order: Vec<(String, String)> = Vec::new();
    let mut known: BTreeMap<(String, String), Outcome> = BTreeMap::new();
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((passed, seconds, binary, test)) = status(line) else { continue };
        let mut body = Vec::new();
        while let Some(line) = lines.next_if(|line| status(line).is_none() && !line.trim_start().starts_with("Summary [")) {
            body.push(line);
        }
        let key = (binary.to_owned(), test.to_owned());
        // The summary names failing tests once more, without their output.
        if let Some(before) = known.get(&key)
            && (before.failure.as_ref().is_some_and(|failure| failure.place.is_some()) && !passed)
        {
            continue;
        }
        let failure = (!passed).then(|| failure(test, &body));
        if known.insert(key.clone(), Outcome { binary: binary.to_owned(), passed, seconds, failure }).is_none() {
            order.push(key);
        }
    }
    order.iter().filter_map(|key| known.remove(key)).collect()
}

/// `PASS [   0.005s] (1/3) package::target name of test`
fn status(line: &str) -> Option<(bool, f64, &str, &str)> {
    let (word, rest) = line.trim_start().split_once(" [")?;
    let word = word.rsplit(' ').next()?;
    let passed = GOOD.contains(&word);
    if !passed && !BAD.iter().any(|bad| word.starts_with(bad)) {
        return None;
    }
    let (took, rest) = rest.split_once(']')?;
    let seconds = took.trim().trim_start_matches('>').trim_end_matches('s').parse().ok()?;
    let rest = rest.trim_start();
    let rest = if rest.starts_with('(') { rest.split_once(')')?.1.trim_start() } else { rest };
    let (binary, test) = rest.split_once(' ')?;
    Some((passed, seconds, binary, test.trim()))
}

fn failure(test: &str, body: &[&str]) -> Failure {
    let body: Vec<&str> = body.iter().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let mut found = libtest::failure(test, &body);
    if let Some((message, _)) = found.message.split_once("\n\n") {
        found.message = message.to_owned();
    }
    found
}
