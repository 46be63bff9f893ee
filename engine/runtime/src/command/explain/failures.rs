//! Earlier failures: what recent test runs about the folder say of the thing that is explained.
//!
//! Invariant: cheap and bounded. Only the ends of the newest runs are read; what cannot be read is left out, since it is not asked for.

use naestro_api::{Evidence, Fact, Role, Source, TestEntry, TestReport, TestState};
use naestro_kernel::code::Target;
use naestro_kernel::{Event, Outcome, What};
use naestro_policy::port::{Journal, RunEntry};

/// The newest runs that are looked at, those about the folder among them, and the events at the end of each.
const LISTED: usize = 100;
const RUNS: usize = 20;
const EVENTS: usize = 16;
/// The most facts.
const FACTS: usize = 5;

/// The failures of tests that reach the target or lie where it does, newest first, each test once; of a test, its own alone.
pub(super) fn of(journal: &dyn Journal, root: &str, target: &Target, evidence: &Evidence) -> Vec<Fact> {
    let subject = Subject::of(target, evidence);
    let runs = journal.list(LISTED).unwrap_or_default();
    let mut facts: Vec<Fact> = Vec::new();
    for entry in runs.iter().filter(|entry| entry.workspace == root && entry.outcome.is_some()).take(RUNS) {
        for (seq, test) in failed(journal, entry).into_iter().filter(|(_, test)| subject.concerns(test)) {
            if facts.len() < FACTS && !facts.iter().any(|fact| fact.name.as_deref() == Some(&test.id)) {
                facts.push(fact(entry, seq, test));
            }
        }
    }
    facts
}

/// What a failing test may have to do with.
struct Subject<'a> {
    paths: Vec<&'a str>,
    tests: Vec<&'a str>,
    /// Whether the subject is the one test, in the one file.
    is_test: bool,
}

impl<'a> Subject<'a> {
    fn of(target: &Target, evidence: &'a Evidence) -> Self {
        let paths = evidence.facts.iter().filter(|fact| fact.role == Role::Definition).filter_map(|fact| match &fact.source {
            Source::Code(citation) => Some(citation.path.as_str()),
            Source::Commit(_) | Source::Event { .. } => None,
        });
        if let Target::Test(_) = target {
            // The test that was found, which the target may name by less than its name.
            let own = evidence.facts.iter().find(|fact| fact.role == Role::Definition).and_then(|fact| fact.name.as_deref());
            let tests = own.into_iter().collect();
            return Self { paths: paths.collect(), tests, is_test: true };
        }
        let tests = evidence.facts.iter().filter(|fact| fact.role == Role::Test).filter_map(|fact| fact.name.as_deref());
        Self { paths: paths.collect(), tests: tests.collect(), is_test: false }
    }

    fn concerns(&self, test: &TestEntry) -> bool {
        let place = test.place.as_deref().and_then(|place| place.split_once(':')).map(|(path, _)| path);
        let lies_there = self.paths.iter().any(|path| test.path.as_deref() == Some(path) || place == Some(path));
        let is_named = self.tests.iter().any(|name| is_named(&test.id, name));
        // A runner that does not say where a test lies leaves its name alone.
        if self.is_test { is_named && (lies_there || test.path.is_none()) } else { is_named || lies_there }
    }
}

/// Whether the id ends with that name, as a whole word.
fn is_named(id: &str, name: &str) -> bool {
    // What stands in brackets at the end are a test's parameters.
    let id = if id.ends_with(']') { id.split_once('[').map_or(id, |(id, _)| id) } else { id };
    id.strip_suffix(name).is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The tests that failed at the end of a run, each with the index of the event that says so.
fn failed(journal: &dyn Journal, entry: &RunEntry) -> Vec<(u64, TestEntry)> {
    let from = entry.events.saturating_sub(EVENTS as u64);
    let events = journal.read(entry.run, from, EVENTS).unwrap_or_default();
    let tests = |(event, seq): (&Event, u64)| {
        report(event).into_iter().flat_map(move |report| report.tests.into_iter().map(move |test| (seq, test)))
    };
    events.iter().zip(from..).flat_map(tests).filter(|(_, test)| test.state == TestState::Failed).collect()
}

fn report(event: &Event) -> Option<TestReport> {
    let What::Done { outcome: Outcome::Tool { output, .. }, .. } = &event.what else { return None };
    serde_json::from_slice(&output.data.as_ref()?.bytes).ok()
}

fn fact(entry: &RunEntry, seq: u64, test: TestEntry) -> Fact {
    let message = test.message.as_deref().and_then(|message| message.lines().find(|line| !line.trim().is_empty()));
    let place = test.place.as_deref().map(|place| format!(" at {place}")).unwrap_or_default();
    let text = format!("test `{}` failed{place}{}", test.id, message.map(|message| format!(": {}", message.trim())).unwrap_or_default());
    let source = Source::Event { run: entry.run.to_string(), seq };
    Fact { role: Role::Failure, text, name: Some(test.id), excerpt: String::new(), source, guess: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    use naestro_api::Citation;

    #[test]
    fn a_failure_concerns_what_it_names_or_lies_in() {
        let check = |id: &str, path: &str, place: &str, expect: bool| {
            let subject = Subject { paths: vec!["src/a.rs"], tests: vec!["adds"], is_test: false };
            let test = TestEntry { id: id.into(), path: Some(path.into()), place: Some(place.into()), ..TestEntry::default() };
            assert_eq!(subject.concerns(&test), expect, "{id} {path} {place}");
        };
        check("tests::adds", "src/b.rs", "src/b.rs:3", true);
        check("tests::never_adds", "src/b.rs", "src/b.rs:3", false);
        check("other", "src/a.rs", "", true);
        check("other", "src/b.rs", "src/a.rs:9", true);
        check("other", "src/b.rs", "src/b.rs:9", false);
    }

    #[test]
    fn of_a_test_only_its_own_failures_count() {
        let code = |path: &str| {
            let citation = Citation { path: path.into(), start: 0, end: 1, line: 1, last_line: 1, digest: String::new() };
            Source::Code(citation)
        };
        let fact = |role, name: &str| Fact {
            role,
            text: String::new(),
            name: Some(name.into()),
            excerpt: String::new(),
            source: code("tests/test_a.py"),
            guess: false,
        };
        let facts = vec![fact(Role::Definition, "test_flaky"), fact(Role::Test, "test_other")];
        let evidence = Evidence { title: String::new(), facts, left_out: Vec::new(), gaps: Vec::new() };
        let concerned = |target: &Target| {
            let ids = ["tests/test_a.py::test_flaky", "tests/test_a.py::test_flaky[1]", "tests/test_a.py::test_other"];
            let test = |id: &str| TestEntry { id: id.into(), path: Some("tests/test_a.py".into()), ..TestEntry::default() };
            ids.into_iter().filter(|id| Subject::of(target, &evidence).concerns(&test(id))).count()
        };
        assert_eq!(concerned(&Target::Test("flaky".into())), 2);
        let elsewhere =
            TestEntry { id: "tests/test_b.py::test_flaky".into(), path: Some("tests/test_b.py".into()), ..TestEntry::default() };
        assert!(!Subject::of(&Target::Test("test_flaky".into()), &evidence).concerns(&elsewhere));
        assert_eq!(concerned(&Target::Path("tests/test_a.py".into())), 3);
    }
}
