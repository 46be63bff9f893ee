//! What a tool answers with: the same facts once for programs, by the output schema, and once in words for models.

use naestro_api::{
    Cost, Engine, Error, Evidence, Explanation, Fact, Outcome, Query, Question, Reply, RunState, TestEntry, TestReport, TestState,
};
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::{Value, json};

use crate::follow::{self, Heard};
use crate::{failure, resources, words};

/// The most bytes of a diff that a result shows; the resource has all of it.
const DIFF: usize = 16 * 1024;
/// The most failing tests that a result names.
const FAILURES: usize = 50;

/// How a run stands, in the words of the output schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Running,
    Waiting,
    Suspended,
    Succeeded,
    Failed,
    Cancelled,
    Refused,
}

impl State {
    /// Of this run.
    pub(crate) fn of(run: &RunState) -> Self {
        match run.outcome {
            Some(Outcome::Succeeded) => Self::Succeeded,
            Some(Outcome::Failed) => Self::Failed,
            Some(Outcome::Cancelled) => Self::Cancelled,
            Some(Outcome::Refused) => Self::Refused,
            Some(Outcome::Suspended) | None if !run.questions.is_empty() => Self::Waiting,
            None if run.live => Self::Running,
            Some(Outcome::Suspended) | None => Self::Suspended,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting for an answer",
            Self::Suspended => "suspended",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }
}

#[derive(Serialize)]
struct Run<'a> {
    run: &'a str,
    session: &'a str,
    state: State,
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changed: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<&'a Question>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tests: Option<Tests<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<Value>,
    cost: Cost,
}

#[derive(Serialize)]
struct Tests<'a> {
    verdict: &'a str,
    passed: usize,
    failed: usize,
    flaky: usize,
    skipped: usize,
    failures: Vec<&'a TestEntry>,
}

/// What came of a run so far.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal.
pub(crate) async fn of_run(engine: &dyn Engine, run: &str, heard: Heard) -> Result<CallToolResult, Error> {
    let state = follow::state(engine, run).await?;
    let diff = if state.changed.is_empty() { String::new() } else { diff(engine, &state.run).await? };
    let stands = State::of(&state);
    let facts = heard.evidence.as_ref().map(facts).unwrap_or_default();
    let answer = Run {
        run: &state.run,
        session: &state.session,
        state: stands,
        summary: &state.summary,
        changed: &state.changed,
        diff: (!diff.is_empty()).then(|| resources::diff_uri(&state.run)),
        question: state.questions.first(),
        next: next(&state, stands),
        tests: heard.report.as_ref().map(tests),
        facts,
        cost: state.cost,
    };
    let text = in_words(&answer, &diff);
    Ok(structured(text, json!(answer)))
}

/// The diff of a run.
///
/// # Errors
/// `unknown_run`, or what is wrong with the journal.
pub(crate) async fn diff(engine: &dyn Engine, run: &str) -> Result<String, Error> {
    match engine.query(Query::Diff { run: run.to_owned() }).await? {
        Reply::Diff(diff) => Ok(diff),
        _ => Err(failure::unexpected("a diff")),
    }
}

/// An explanation that was ready at once.
pub(crate) fn explanation(explanation: &Explanation) -> CallToolResult {
    match explanation {
        Explanation::Code { target, evidence } => {
            let facts = facts(evidence);
            let value = json!({ "state": State::Succeeded, "target": target, "facts": facts, "gaps": evidence.gaps });
            structured(words::evidence(evidence), value)
        }
        Explanation::Run { target, text, cites } => {
            structured(text.clone(), json!({ "state": State::Succeeded, "target": target, "summary": text, "events": cites }))
        }
    }
}

/// A result that says the same twice.
pub(crate) fn structured(text: String, value: Value) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(value);
    result
}

/// What the caller can do next, where the run is not over.
fn next(run: &RunState, stands: State) -> Option<String> {
    let id = &run.run;
    match stands {
        State::Running => Some(waits(id)),
        State::Waiting => run.questions.first().map(|question| {
            let choice = question.choices.first().map_or("TEXT", String::as_str);
            let then = if run.live { waits(id) } else { resumes(id) };
            format!("a human answers it in a terminal: naestro answer {id} {} {choice}\nthen {then}", question.question)
        }),
        State::Suspended => Some(resumes(id)),
        State::Succeeded | State::Failed | State::Cancelled | State::Refused => None,
    }
}

fn waits(run: &str) -> String {
    format!("wait for it: trace with op \"wait\" and run {run}")
}

fn resumes(run: &str) -> String {
    format!("go on with it: orchestrate with resume {run}")
}

fn in_words(run: &Run<'_>, diff: &str) -> String {
    let mut lines = vec![format!("run {}: {}", run.run, run.state.word())];
    lines.extend((!run.summary.is_empty()).then(|| run.summary.to_owned()));
    lines.extend(run.question.map(|question| format!("question {}: {}\n{}", question.question, question.text, question.detail)));
    if !diff.is_empty() {
        lines.push(format!("changed: {}", run.changed.join(", ")));
        let (shown, cut) = beginning(diff, DIFF);
        lines.push(format!("```diff\n{shown}```"));
        lines
            .extend(cut.then(|| format!("the diff has {} bytes; the resource {} has all of it", diff.len(), resources::diff_uri(run.run))));
    }
    lines.extend(run.next.clone());
    lines.join("\n")
}

/// The beginning of a text up to the end of a line within `most` bytes, and whether more follows.
fn beginning(text: &str, most: usize) -> (&str, bool) {
    if text.len() <= most {
        return (text, false);
    }
    let end = text.as_bytes()[..most].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    (&text[..end], true)
}

fn tests(report: &TestReport) -> Tests<'_> {
    let count = |state| report.tests.iter().filter(|test| test.state == state).count();
    let stands_out = |test: &&TestEntry| matches!(test.state, TestState::Failed | TestState::Flaky);
    Tests {
        verdict: &report.verdict,
        passed: count(TestState::Passed),
        failed: count(TestState::Failed),
        flaky: count(TestState::Flaky),
        skipped: count(TestState::Skipped),
        failures: report.tests.iter().filter(stands_out).take(FAILURES).collect(),
    }
}

fn facts(evidence: &Evidence) -> Vec<Value> {
    let fact = |fact: &Fact| json!({ "role": fact.role, "text": fact.text, "source": words::source(&fact.source), "guess": fact.guess });
    evidence.facts.iter().map(fact).collect()
}

#[cfg(test)]
mod tests_of_text {
    use super::*;

    #[test]
    fn a_long_diff_is_cut_at_a_line() {
        assert_eq!(beginning("a\nb\n", 10), ("a\nb\n", false));
        assert_eq!(beginning("a\nb\nc", 4), ("a\nb\n", true));
        assert_eq!(beginning("äöü", 1), ("", true));
    }
}
