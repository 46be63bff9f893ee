//! One test, as its runner tells of it, and how a runner is asked for some tests of a package.
//!
//! Every runner's file offers one function, `test(session, package, wanted)`, that starts the runner and says in a
//! [`Tested`](super::report::Tested) what each test came to. It names a test as the runner does (`id`), so that the same test can be
//! asked for again, and as far as it can as the code does (`path` and `name`), so that what is known about the code can be matched with it.
//!
//! Invariant: a test that failed says so whatever else is unknown of it; nothing that is not known is made up.

use serde::Serialize;

use super::super::bounded;

/// The most lines of a message that are kept.
const LINES: usize = 60;

/// The most characters of a message that are kept.
const CHARACTERS: usize = 6000;

/// The most characters of what was expected, and of what was there instead.
const OPERAND: usize = 1000;

/// What is wanted of a package's tests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// All of them are run.
    All,
    /// At least these are run; a runner that cannot choose so finely may run more, and tells of all it ran.
    Only(&'a [Pick]),
    /// None is run: each is told as [`Verdict::Listed`], in a package that is `State::Listed`. A runner that cannot name its tests
    /// without running them says `State::Unlisted`, and is then asked for picks without an `id`.
    List,
}

/// A test that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pick {
    /// Its file, relative to the root; empty where only `id` is known.
    pub(super) path: String,
    /// The names of what it lies in within the file, outermost first, then its own; empty for every test of the file.
    pub(super) name: Vec<String>,
    /// As the runner itself named it in a [`Case`], where it did.
    pub(super) id: Option<String>,
}

/// How one test ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// It failed and passed, with nothing changed between.
    Flaky,
    Skipped,
    /// It was wanted, and the runner did not come to it or to its end.
    #[default]
    NotRun,
    /// It is there; nobody wanted it run.
    Listed,
}

/// One test.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Case {
    /// As the runner knows it; one package has no two of the same.
    pub(super) id: String,
    /// Its file: absolute, or relative to the package's home; the session makes it relative to the root.
    pub(super) path: Option<String>,
    /// Suites, classes or modules within the file as far as the runner tells, then the test.
    pub(super) name: Vec<String>,
    /// Where it begins, from 1.
    pub(super) line: Option<u32>,
    pub(super) verdict: Verdict,
    /// How long it took; nothing where the runner does not say.
    pub(super) seconds: Option<f64>,
    /// `file:line` of the failure, as `path` is relative to the home; nothing where the runner does not say.
    pub(super) place: Option<String>,
    /// What a failing test said, bounded by [`Case::says`].
    pub(super) message: String,
    /// What it expected, where it compared; taken from the message by the session if the runner does not tell.
    pub(super) expected: Option<String>,
    /// What was there instead.
    pub(super) actual: Option<String>,
    /// How often it was run.
    pub(super) attempts: u32,
    /// Why it was chosen; filled in by the session.
    pub(super) reason: Option<String>,
    /// The likeliest cause of its failure; filled in by the session.
    pub(super) cause: Option<String>,
}

impl Case {
    /// A test of this id, run once unless it was only listed or not come to.
    pub(super) fn new(id: &str, verdict: Verdict) -> Self {
        let attempts = u32::from(!matches!(verdict, Verdict::NotRun | Verdict::Listed | Verdict::Skipped));
        Self { id: id.to_owned(), verdict, attempts, ..Self::default() }
    }

    /// With this message, bounded.
    pub(super) fn says(mut self, message: &str) -> Self {
        let lines: Vec<&str> = message.trim().lines().take(LINES).map(str::trim_end).collect();
        self.message = bounded::line(&lines.join("\n"), CHARACTERS);
        self
    }

    /// With this place of its failure.
    pub(super) fn at(mut self, place: Option<String>) -> Self {
        self.place = place;
        self
    }

    /// Whether it is an example in documentation, which has no name of its own.
    pub(super) fn is_documentation(&self) -> bool {
        matches!(&self.name[..], [only] if *only == self.id && only.contains("(line "))
    }

    /// Whether its runner can be asked for it alone; what stands for a build, a file or a whole binary cannot be.
    pub(super) fn is_test(&self) -> bool {
        !self.name.is_empty()
    }

    /// As it is asked for.
    pub(super) fn pick(&self) -> Pick {
        Pick { path: self.path.clone().unwrap_or_default(), name: self.name.clone(), id: Some(self.id.clone()) }
    }

    /// Reads what was expected and what was there out of the message, where the runner did not tell.
    pub(super) fn compare(&mut self) {
        if matches!(self.verdict, Verdict::Failed | Verdict::Flaky)
            && self.expected.is_none()
            && let Some((expected, actual)) = operands(&self.message)
        {
            (self.expected, self.actual) = (Some(bounded::line(&expected, OPERAND)), Some(bounded::line(&actual, OPERAND)));
        }
    }
}

/// Expected and actual of a message in one of the usual forms.
fn operands(message: &str) -> Option<(String, String)> {
    let after = |starts: &[&str]| {
        let found = message.lines().find_map(|line| starts.iter().find_map(|start| line.trim_start().strip_prefix(start)));
        found.map(|value| value.trim().trim_end_matches(',').trim_matches('`').to_owned())
    };
    // Rust: what is tested stands left by custom.
    if let (Some(actual), Some(expected)) = (after(&["left: "]), after(&["right: "])) {
        return Some((expected, actual));
    }
    if let (Some(expected), Some(actual)) = (after(&["Expected: ", "expected: "]), after(&["Received: ", "actual  : ", "actual: "])) {
        return Some((expected, actual));
    }
    message.lines().find_map(in_a_line)
}

/// `assert 1 == 2`, `1 != 2`, `expected: <1> but was: <2>`, `expected 1 to be 2`, `got 1, want 2`.
fn in_a_line(line: &str) -> Option<(String, String)> {
    let owned = |expected: &str, actual: &str| Some((expected.trim().to_owned(), actual.trim().to_owned()));
    let line = line.trim();
    let line = line.strip_prefix("AssertionError: ").unwrap_or(line);
    if let Some((actual, expected)) = line.strip_prefix("assert ").and_then(|rest| once(rest, " == ")) {
        return owned(expected, actual);
    }
    if let Some((expected, actual)) = line.split_once(" but was:") {
        let expected = expected.rsplit_once("expected:").map_or(expected, |(_, expected)| expected);
        return owned(pointed(expected), pointed(actual));
    }
    let chai = [" to strictly equal ", " to deeply equal ", " to equal ", " to be "];
    if let Some((actual, expected)) = line.strip_prefix("expected ").and_then(|rest| chai.iter().find_map(|words| once(rest, words))) {
        return owned(expected.split(" // ").next().unwrap_or(expected), actual);
    }
    if let Some((actual, expected)) = line.split_once("got ").and_then(|(_, rest)| rest.split_once(", want ")) {
        return owned(expected, actual);
    }
    let (actual, expected) = once(line, " !== ").or_else(|| once(line, " != "))?;
    owned(expected.split(" : ").next().unwrap_or(expected), actual)
}

/// The two sides of what stands there exactly once.
fn once<'a>(text: &'a str, between: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(between).filter(|(_, right)| !right.contains(between))
}

fn pointed(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('<').and_then(|value| value.strip_suffix('>')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: &str, actual: &str) {
        let mut case = Case::new("t", Verdict::Failed).says(message);
        case.compare();
        assert_eq!((case.expected.as_deref(), case.actual.as_deref()), (Some(expected), Some(actual)));
    }

    #[test]
    fn what_was_expected_and_what_was_there_is_read_from_the_usual_forms() {
        check("assertion `left == right` failed: two\n  left: 3\n right: 2", "2", "3");
        check("assertion failed: `(left == right)`\n  left: `3`,\n right: `2`", "2", "3");
        check("assert [1] == [2]\n  At index 0 diff: 1 != 2", "[2]", "[1]");
        check("AssertionError: 'a' != 'b'", "'b'", "'a'");
        check("AssertionError: 1 != 2 : they differ", "2", "1");
        check("Error: expect(received).toBe(expected)\n\nExpected: 2\nReceived: 1", "2", "1");
        check("Error Trace: a_test.go:3\n Error: Not equal:\n   expected: 2\n   actual  : 1", "2", "1");
        check("org.opentest4j.AssertionFailedError: expected: <2> but was: <1>", "2", "1");
        check("expected:<2> but was:<1>", "2", "1");
        check("AssertionError: expected 1 to be 2 // Object.is equality", "2", "1");
        check("Expected values to be strictly equal:\n\n1 !== 2\n", "2", "1");
        check("f(3) = got 1, want 2", "2", "1");
    }

    #[test]
    fn what_is_not_clear_is_not_guessed_and_what_passed_is_not_read() {
        for message in ["no", "assert a == b == c", "left: 1", ""] {
            let mut case = Case::new("t", Verdict::Failed).says(message);
            case.compare();
            assert_eq!(case.expected, None, "{message}");
        }
        let mut passed = Case::new("t", Verdict::Passed).says("assert 1 == 2");
        passed.compare();
        assert_eq!(passed.expected, None);
    }

    #[test]
    fn a_message_is_bounded() {
        let case = Case::new("t", Verdict::Failed).says(&"x".repeat(100_000));
        assert!(case.message.len() < 7000 && case.message.ends_with("bytes cut]"));
    }
}
