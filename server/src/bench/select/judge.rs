//! Which tests a mutant breaks: the truth that a selection is held against.
//!
//! Invariant: a mutant whose tests did not all get to their end breaks no known set of tests, and is not used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::child::{Key, Report, State, Test};

/// What the tests say about a mutant.
#[derive(Debug, PartialEq)]
pub(super) enum Truth {
    /// No test ran: the mutant does not build.
    Unbuilt,
    /// Every test ends as it does without the mutant.
    Unnoticed,
    /// Some tests have no result, as when they go on for ever.
    Unfinished,
    /// These passed without the mutant, and do not with it.
    Failing(BTreeSet<Key>),
}

/// Compares a run of all tests with one before the mutant.
///
/// A test without a result counts as failing where its whole file has none and is told as failing itself: it can no longer be loaded.
pub(super) fn judge(baseline: &Report, run: &Report) -> Truth {
    let ended = |key: &Key| run.tests.get(key).is_some_and(|test| matches!(test.state, State::Passed | State::Failed));
    if !baseline.tests.keys().any(ended) {
        return Truth::Unbuilt;
    }
    let passed = baseline.tests.iter().filter(|(_, test)| test.state == State::Passed);
    let mut files: BTreeMap<File<'_>, Ends<'_>> = BTreeMap::new();
    for (key, test) in passed {
        let ends = files.entry(file(key, test)).or_default();
        match run.tests.get(key).map(|test| test.state) {
            Some(State::Passed) => ends.passed += 1,
            Some(State::Failed) => ends.failing.push(key),
            // A test that skips itself now does not tell what is wrong.
            Some(State::Skipped) => {}
            Some(State::NotRun | State::Listed) | None => ends.lost.push(key),
        }
    }
    let broken = broken(baseline, run);
    let is_known = |(file, ends): (&File<'_>, &Ends<'_>)| ends.lost.is_empty() || (ends.is_lost() && broken.contains(file));
    if run.cut || !files.iter().all(is_known) {
        return Truth::Unfinished;
    }
    let failing: BTreeSet<Key> = files.into_values().flat_map(|ends| [ends.failing, ends.lost].concat()).cloned().collect();
    if failing.is_empty() { Truth::Unnoticed } else { Truth::Failing(failing) }
}

/// The files that are told as failing by what is none of their tests.
fn broken<'a>(baseline: &Report, run: &'a Report) -> BTreeSet<File<'a>> {
    let told = run.tests.iter().filter(|(key, test)| test.state == State::Failed && !baseline.tests.contains_key(key));
    told.map(|(key, test)| file(key, test)).filter(|file| file.1.is_some()).collect()
}

type File<'a> = (&'a str, Option<&'a str>);

fn file<'a>(key: &'a Key, test: &'a Test) -> File<'a> {
    (&key.package, test.path.as_deref())
}

/// How the tests of one file ended.
#[derive(Default)]
struct Ends<'a> {
    passed: usize,
    failing: Vec<&'a Key>,
    lost: Vec<&'a Key>,
}

impl Ends<'_> {
    /// Whether none of them has a result.
    fn is_lost(&self) -> bool {
        self.passed == 0 && self.failing.is_empty()
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbuilt => f.write_str("does not build"),
            Self::Unnoticed => f.write_str("no test notices it"),
            Self::Unfinished => f.write_str("its tests do not end"),
            Self::Failing(failing) => write!(f, "{} fail", failing.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report of lines `file test state`.
    fn run(lines: &str) -> Report {
        let test = |line: &str| {
            let [path, id, state] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("three words: {line}") };
            let state = match state {
                "passed" => State::Passed,
                "failed" => State::Failed,
                "skipped" => State::Skipped,
                _ => State::NotRun,
            };
            (Key { package: "p".into(), id: id.into() }, Test { state, path: Some(path.into()) })
        };
        Report { tests: lines.split(',').filter(|line| !line.is_empty()).map(test).collect(), ..Report::default() }
    }

    #[track_caller]
    fn check(after: &str, expect: Result<&[&str], Truth>) {
        let before = run("x a passed,x b passed,y c passed,y d failed,y e skipped");
        let keys = |ids: &[&str]| ids.iter().map(|id| Key { package: "p".into(), id: (*id).into() }).collect();
        assert_eq!(judge(&before, &run(after)), expect.map_or_else(|truth| truth, |ids| Truth::Failing(keys(ids))));
    }

    #[test]
    fn a_test_fails_by_a_mutant_if_it_passed_without() {
        check("x a failed,x b passed,y c passed,y d failed,y e skipped", Ok(&["a"]));
        check("x a passed,x b passed,y c passed,y d failed,y e skipped", Err(Truth::Unnoticed));
        check("x a passed,x b skipped,y c passed,y d passed,y e failed", Err(Truth::Unnoticed));
    }

    #[test]
    fn a_file_that_cannot_be_loaded_fails_with_all_its_tests() {
        check("x x failed,y c passed,y d failed", Ok(&["a", "b"]));
        check("x x failed,x a not_run,x b not_run,y c failed", Ok(&["a", "b", "c"]));
    }

    #[test]
    fn without_all_results_there_is_no_truth() {
        check("", Err(Truth::Unbuilt));
        check("x a not_run,z build failed", Err(Truth::Unbuilt));
        check("y c failed,y d failed", Err(Truth::Unfinished));
        check("x a failed,x x failed,y c passed", Err(Truth::Unfinished));
        let cut = Report { cut: true, ..run("x a failed,x b passed,y c passed") };
        assert_eq!(judge(&run("x a passed,x b passed,y c passed"), &cut), Truth::Unfinished);
    }
}
