//! What nextest prints: one line for each test, with its package, and the output of those that failed.

use std::collections::BTreeMap;

use super::case::{Case, Verdict};
use super::libtest;

/// How tests are run so that every one is told and nothing else is changed.
pub(super) const RUN: &[&str] = &["nextest", "run", "--no-fail-fast", "--no-tests=pass", "--color=never", "--status-level=all"];

/// The most bytes of a filter; nextest reads it recursively.
const FILTER: usize = 64 * 1024;

/// Words a test's line begins with when it passed; any other of [`BAD`] means that it did not.
const GOOD: &[&str] = &["PASS", "LEAK", "FLAKY"];

/// Words, or beginnings of words, of a test's line when it failed.
const BAD: &[&str] = &["FAIL", "SIG", "ABORT", "TIMEOUT", "LEAK-FAIL", "XFAIL"];

/// Filters that together choose exactly these tests of these binaries.
pub(super) fn filters<'a>(chosen: impl Iterator<Item = (String, &'a [&'a str])>) -> Vec<String> {
    let mut filters: Vec<String> = Vec::new();
    for (binary, tests) in chosen {
        let mut rest = tests;
        while !rest.is_empty() {
            let mut size = 0;
            let fit = rest.iter().take_while(|test| {
                size += test.len() + 12;
                size < FILTER
            });
            let (now, later) = rest.split_at(fit.count().max(1));
            let names: Vec<String> = now.iter().map(|test| format!("test(={})", escaped(test))).collect();
            filters.push(format!("(binary_id(={}) & ({}))", escaped(&binary), names.join(" | ")));
            rest = later;
        }
    }
    joined(filters)
}

/// Small filters of several binaries as one.
fn joined(filters: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for filter in filters {
        match joined.last_mut().filter(|last| last.len() + filter.len() < FILTER) {
            Some(last) => *last = format!("{last} | {filter}"),
            None => joined.push(filter),
        }
    }
    joined
}

/// A name with what the language of filters gives a meaning escaped.
fn escaped(name: &str) -> String {
    name.chars().flat_map(|c| ['\\'].into_iter().filter(move |_| matches!(c, '\\' | '(' | ')' | ',')).chain([c])).collect()
}

/// The last word on every test with the binary it is of, in the order they were first named.
pub(super) fn cases(output: &str) -> Vec<(String, Case)> {
    let mut order: Vec<(String, Case)> = Vec::new();
    let mut known: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(status) = Status::of(line) else { continue };
        let mut body = Vec::new();
        while let Some(line) = lines.next_if(|line| Status::of(line).is_none() && !line.trim_start().starts_with("Summary [")) {
            body.push(line);
        }
        let case = status.case(&body);
        let key = (status.binary.to_owned(), status.test.to_owned());
        match known.get(&key) {
            None => {
                known.insert(key, order.len());
                order.push((status.binary.to_owned(), case));
            }
            Some(at) => again(&mut order[*at].1, case),
        }
    }
    order
}

/// What a later line says of a test: a further attempt, or the summary, which names it without its output.
fn again(before: &mut Case, case: Case) {
    match (before.verdict, case.verdict) {
        (Verdict::Failed, Verdict::Passed) => before.verdict = Verdict::Flaky,
        (Verdict::Failed, Verdict::Failed) if before.message.is_empty() => *before = case,
        _ => {}
    }
    if before.verdict == Verdict::Flaky {
        before.attempts = before.attempts.max(2);
    }
}

/// `PASS [   0.005s] (1/3) package::target name of test`
struct Status<'a> {
    verdict: Verdict,
    seconds: Option<f64>,
    binary: &'a str,
    test: &'a str,
}

impl<'a> Status<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (word, rest) = line.trim_start().split_once(" [")?;
        let verdict = verdict(word)?;
        let (took, rest) = rest.split_once(']')?;
        let seconds = took.trim().trim_start_matches('>').trim_end_matches('s').parse().ok();
        if seconds.is_none() && verdict != Verdict::Skipped {
            return None;
        }
        let rest = rest.trim_start();
        let rest = if rest.starts_with('(') { rest.split_once(')')?.1.trim_start() } else { rest };
        let (binary, test) = rest.split_once(' ')?;
        Some(Self { verdict, seconds, binary, test: test.trim() })
    }

    fn case(&self, body: &[&str]) -> Case {
        let name = libtest::modules(self.test);
        let case = if self.verdict == Verdict::Failed { failure(self.test, body) } else { Case::new(self.test, self.verdict) };
        Case { name, seconds: self.seconds, ..case }
    }
}

fn verdict(word: &str) -> Option<Verdict> {
    let word = if word.starts_with("FLAKY ") { "FLAKY" } else { word.rsplit(' ').next()? };
    match word {
        "SKIP" => Some(Verdict::Skipped),
        _ if GOOD.contains(&word) => Some(Verdict::Passed),
        _ if BAD.iter().any(|bad| word.starts_with(bad)) => Some(Verdict::Failed),
        _ => None,
    }
}

fn failure(test: &str, body: &[&str]) -> Case {
    let body: Vec<&str> = body.iter().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let mut found = libtest::failure(test, &body);
    if let Some((message, _)) = found.message.split_once("\n\n") {
        found.message = message.to_owned();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_each_test_of_its_binary_and_stay_small() {
        let one = filters([("a::b".to_owned(), &["x::y", "odd (1, 2)"][..]), ("c".to_owned(), &["z"][..])].into_iter());
        assert_eq!(one, [r"(binary_id(=a::b) & (test(=x::y) | test(=odd \(1\, 2\)))) | (binary_id(=c) & (test(=z)))"]);
        let names: Vec<String> = (0..20_000).map(|at| format!("module::tests::case_{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let many = filters([("a".to_owned(), &names[..])].into_iter());
        assert!(many.len() < 20 && many.iter().all(|filter| filter.len() < FILTER + 100), "{}", many.len());
        assert_eq!(many.iter().map(|filter| filter.matches("test(=").count()).sum::<usize>(), 20_000);
    }

    #[test]
    fn a_test_that_nextest_itself_tried_again_is_flaky() {
        let output = "  TRY 1 FAIL [   0.004s] (1/2) p tests::wavers\n  stdout ---\n    thread 'x' panicked at src/lib.rs:3:9:\n    no\n\n  TRY 2 PASS [   0.003s] (1/2) p tests::wavers\n        SKIP [         ] (-/-) p::own later\n        PASS [   0.003s] (2/2) p::own holds\n     Summary [   0.010s] 2 tests run: 2 passed (1 flaky), 1 skipped\n   FLAKY 2/3 [   0.003s] p tests::wavers\n";
        let told: Vec<String> =
            cases(output).into_iter().map(|(binary, case)| format!("{binary} {} {:?} {}", case.id, case.verdict, case.attempts)).collect();
        assert_eq!(told, ["p tests::wavers Flaky 2", "p::own later Skipped 0", "p::own holds Passed 1"]);
    }
}
