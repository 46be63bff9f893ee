//! Updates and evidence in words: what a person sees of progress, and what a model reads of facts.

use std::fmt::Write as _;

use naestro_api::{CallState, Citation, Evidence, Fact, Role, Source, StepState, UpdateBody};

/// The most characters of one line of progress.
const LINE: usize = 160;
/// The most lines of an excerpt that a model reads of the target itself, and of what is only near it.
const WHOLE: usize = 60;
const NEAR: usize = 0;

/// What is done now, one line; `None` for what says nothing about that.
pub(crate) fn of_update(update: &UpdateBody) -> Option<String> {
    let text = match update {
        UpdateBody::Started { title, .. } => format!("started: {title}"),
        UpdateBody::Plan { plan } => format!("planned {} steps", plan.steps.len()),
        UpdateBody::Workspace { level } => format!("workspace: {level}"),
        UpdateBody::Step { step, state: StepState::Running, .. } => format!("step {step}"),
        UpdateBody::Step { step, state: StepState::Failed, note } => format!("step {step} failed: {note}"),
        UpdateBody::Message { text, .. } => text.clone(),
        UpdateBody::Call { label, state: CallState::Started, .. } => label.clone(),
        UpdateBody::Reading { done, total } => reading(*done, *total),
        UpdateBody::Question(question) => format!("asks: {}", question.text),
        UpdateBody::Notice { text } => text.clone(),
        UpdateBody::Step { .. }
        | UpdateBody::Call { .. }
        | UpdateBody::Delta { .. }
        | UpdateBody::Evidence { .. }
        | UpdateBody::Tests { .. }
        | UpdateBody::Finished { .. } => return None,
    };
    Some(line(&text))
}

/// How far the project is read.
pub(crate) fn reading(done: usize, total: usize) -> String {
    format!("reading the project: {done} of {total} files")
}

/// The first line of a text, bounded.
pub(crate) fn line(text: &str) -> String {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    if first.chars().count() <= LINE { first.to_owned() } else { first.chars().take(LINE - 1).chain(['…']).collect() }
}

/// Where a fact was found.
pub(crate) fn source(source: &Source) -> String {
    match source {
        Source::Code(Citation { path, line, last_line, .. }) if last_line > line => format!("{path}:{line}-{last_line}"),
        Source::Code(Citation { path, line, .. }) => format!("{path}:{line}"),
        Source::Commit(id) => format!("commit {}", id.get(..10).unwrap_or(id)),
        Source::Event { run, seq } => format!("run {run}, event {seq}"),
    }
}

/// The evidence as text: each fact with its number and its source below what it is to the target.
pub(crate) fn evidence(evidence: &Evidence) -> String {
    let mut out = format!("{}\n", evidence.title);
    let mut role = None;
    for (number, fact) in evidence.facts.iter().enumerate() {
        if role.replace(fact.role) != Some(fact.role) {
            push(&mut out, format_args!("\n{}\n", heading(fact.role)));
        }
        self::fact(&mut out, number + 1, fact);
    }
    for left in evidence.left_out.iter().filter(|left| left.count > 0) {
        push(&mut out, format_args!("\n{}: {} more\n", heading(left.role), left.count));
    }
    if evidence.facts.is_empty() {
        out.push_str("\nnothing is known about it\n");
    }
    for gap in &evidence.gaps {
        push(&mut out, format_args!("\nnot known: {gap}\n"));
    }
    out
}

fn fact(out: &mut String, number: usize, fact: &Fact) {
    let guess = if fact.guess { " (a guess)" } else { "" };
    push(out, format_args!("[{number}] {}  {}{guess}\n", fact.text, source(&fact.source)));
    let most = if matches!(fact.role, Role::Definition | Role::Documentation | Role::Change) { WHOLE } else { NEAR };
    fact.excerpt.lines().take(most).for_each(|line| push(out, format_args!("    {line}\n")));
}

fn heading(role: Role) -> &'static str {
    match role {
        Role::Definition => "definition",
        Role::Documentation => "documentation",
        Role::Member => "members",
        Role::Caller => "callers",
        Role::Callee => "callees",
        Role::Import => "imports",
        Role::Test => "tests that reach it",
        Role::Commit => "history",
        Role::Companion => "often changes together with",
        Role::Change => "changes",
        Role::Failure => "earlier failures",
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use naestro_api::LeftOut;

    use super::*;

    #[test]
    fn progress_is_one_short_line() {
        assert_eq!(line("\n  first \nsecond"), "first");
        assert_eq!(line(&"x".repeat(500)).chars().count(), LINE);
        assert_eq!(line(""), "");
    }

    #[test]
    fn evidence_is_read_by_what_it_is_to_the_target() {
        let citation = Citation { path: "a.rs".into(), start: 0, end: 9, line: 3, last_line: 4, digest: String::new() };
        let fact = |role, text: &str| Fact {
            role,
            text: text.into(),
            name: None,
            excerpt: "fn a() {\n}".into(),
            source: Source::Code(citation.clone()),
            guess: role == Role::Caller,
        };
        let facts = vec![fact(Role::Definition, "a is defined"), fact(Role::Caller, "b calls it")];
        let left_out = vec![LeftOut { role: Role::Caller, count: 2 }];
        let whole = Evidence { title: "function a".into(), facts, left_out, gaps: vec!["macros".into()] };
        expect![[r#"
            function a

            definition
            [1] a is defined  a.rs:3-4
                fn a() {
                }

            callers
            [2] b calls it  a.rs:3-4 (a guess)

            callers: 2 more

            not known: macros
        "#]]
        .assert_eq(&evidence(&whole));
    }
}
