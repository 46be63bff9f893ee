//! Evidence as people read it: the target, then the facts by what they are to it, each with its number and its source.
//!
//! Invariant: a fact whose source no longer holds says so where it stands, and is not shown with its text as if it did.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use naestro_api::{Citation, Evidence, Fact, Role, Source};

use crate::clean;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const WARN: Style = AnsiColor::Yellow.on_default();
/// The most lines of the target's own source that are shown, and of what documents or changes it.
const WHOLE: usize = 40;
const PART: usize = 12;

/// The citations in evidence, in order of the facts.
pub(crate) fn citations(evidence: &Evidence) -> Vec<Citation> {
    evidence.facts.iter().filter_map(cited).cloned().collect()
}

/// The evidence as text; `holds` says of each of its citations, in order, whether it still holds.
pub(crate) fn text(evidence: &Evidence, holds: &[bool]) -> String {
    let mut out = format!("{BOLD}{}{BOLD:#}\n", clean::line(&evidence.title));
    let mut holds = holds.iter();
    let facts: Vec<(usize, &Fact, bool)> = evidence
        .facts
        .iter()
        .enumerate()
        .map(|(at, fact)| (at + 1, fact, cited(fact).is_none() || holds.next().copied().unwrap_or(false)))
        .collect();
    for role in roles(evidence) {
        push(&mut out, format_args!("\n{BOLD}{}{BOLD:#}\n", heading(role)));
        for (number, fact, holds) in facts.iter().filter(|(_, fact, _)| fact.role == role) {
            out.push_str(&self::fact(*number, fact, *holds));
        }
        for left in evidence.left_out.iter().filter(|left| left.role == role && left.count > 0) {
            push(&mut out, format_args!("  {DIM}and {} more{DIM:#}\n", left.count));
        }
    }
    if evidence.facts.is_empty() {
        out.push_str("\nnothing is known about it\n");
    }
    if !evidence.gaps.is_empty() {
        push(&mut out, format_args!("\n{BOLD}not known{BOLD:#}\n"));
        evidence.gaps.iter().for_each(|gap| push(&mut out, format_args!("  {}\n", clean::line(gap))));
    }
    let changed = facts.iter().filter(|(_, _, holds)| !holds).count();
    if changed > 0 {
        let what = if changed == 1 { "1 source" } else { &format!("{changed} sources") };
        push(&mut out, format_args!("\n{WARN}{what} changed while this was explained: ask again{WARN:#}\n"));
    }
    out
}

fn cited(fact: &Fact) -> Option<&Citation> {
    match &fact.source {
        Source::Code(citation) => Some(citation),
        Source::Commit(_) | Source::Event { .. } => None,
    }
}

/// The roles there are, in the order in which the evidence first has them.
fn roles(evidence: &Evidence) -> Vec<Role> {
    let mut roles = Vec::new();
    for role in evidence.facts.iter().map(|fact| fact.role).chain(evidence.left_out.iter().map(|left| left.role)) {
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    roles
}

fn fact(number: usize, fact: &Fact, holds: bool) -> String {
    let source = clean::line(&source(&fact.source)).into_owned();
    if !holds {
        return format!("  [{number}] {source}  {WARN}changed: it no longer says what was found there{WARN:#}\n");
    }
    let guess = if fact.guess { format!("  {WARN}(a guess){WARN:#}") } else { String::new() };
    let mut out = format!("  [{number}] {}  {DIM}{source}{DIM:#}{guess}\n", clean::line(&fact.text));
    let most = match fact.role {
        Role::Definition => WHOLE,
        Role::Documentation | Role::Change => PART,
        _ => 0,
    };
    let first = cited(fact).map_or(1, |citation| citation.line);
    let last = first as usize + fact.excerpt.lines().count();
    let width = last.to_string().len();
    for (line, number) in fact.excerpt.lines().take(most).zip(first..) {
        push(&mut out, format_args!("      {DIM}{number:>width$} |{DIM:#} {}\n", clean::text(line)));
    }
    // The excerpt is bounded itself: what is left out is told by the lines cited.
    let shown = fact.excerpt.lines().count().min(most);
    let whole = cited(fact).map_or(shown, |citation| citation.last_line.saturating_sub(citation.line) as usize + 1);
    let more = whole.saturating_sub(shown);
    if shown > 0 && more > 0 {
        push(&mut out, format_args!("      {DIM}{:>width$} | ... {more} more{DIM:#}\n", ""));
    }
    out
}

fn source(source: &Source) -> String {
    match source {
        Source::Code(Citation { path, line, last_line, .. }) if last_line > line => format!("{path}:{line}-{last_line}"),
        Source::Code(Citation { path, line, .. }) => format!("{path}:{line}"),
        Source::Commit(id) => format!("commit {}", id.get(..10).unwrap_or(id)),
        Source::Event { run, seq } => format!("run {run}, event {seq}"),
    }
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
    use expect_test::{Expect, expect};
    use naestro_api::LeftOut;

    use super::*;

    fn code(line: u32, last_line: u32) -> Source {
        Source::Code(Citation { path: "src/a.rs".to_owned(), start: 0, end: 1, line, last_line, digest: String::new() })
    }

    fn fact(role: Role, text: &str, excerpt: &str, source: Source) -> Fact {
        Fact { role, text: text.to_owned(), name: None, excerpt: excerpt.to_owned(), source, guess: role == Role::Caller }
    }

    #[track_caller]
    fn check(evidence: &Evidence, holds: &[bool], expect: Expect) {
        expect.assert_eq(&anstream::adapter::strip_str(&text(evidence, holds)).to_string());
    }

    #[test]
    fn facts_stand_below_their_role_with_number_and_source() {
        let evidence = Evidence {
            title: "function `add` in src/a.rs".to_owned(),
            facts: vec![
                fact(Role::Definition, "fn add()", "fn add() {\n    \u{1b}[2J\n}\n", code(9, 11)),
                fact(Role::Caller, "total", "    add();", code(30, 30)),
                fact(Role::Caller, "sum", "    add();", code(40, 40)),
                fact(Role::Commit, "Adds", "", Source::Commit("0123456789abcdef".to_owned())),
            ],
            left_out: vec![LeftOut { role: Role::Caller, count: 3 }],
            gaps: vec!["no coverage run is known".to_owned()],
        };
        check(
            &evidence,
            &[true, false, true],
            expect![[r#"
                function `add` in src/a.rs

                definition
                  [1] fn add()  src/a.rs:9-11
                       9 | fn add() {
                      10 |     \u{1b}[2J
                      11 | }

                callers
                  [2] src/a.rs:30  changed: it no longer says what was found there
                  [3] sum  src/a.rs:40  (a guess)
                  and 3 more

                history
                  [4] Adds  commit 0123456789

                not known
                  no coverage run is known

                1 source changed while this was explained: ask again
            "#]],
        );
    }

    #[test]
    fn the_lines_left_out_are_those_cited_and_not_shown() {
        let long: String = (1..=41).map(|line| format!("line {line}\n")).collect();
        let check = |role, excerpt: &str, last_line: u32, expect: Option<&str>| {
            let told = super::fact(1, &fact(role, "f", excerpt, code(1, last_line)), true);
            let told = anstream::adapter::strip_str(&told).to_string();
            let last = told.lines().last().and_then(|line| line.split_once("| ... ")).map(|(_, more)| more.to_owned());
            assert_eq!(last.as_deref(), expect, "{told}");
        };
        check(Role::Definition, &long, 67, Some("27 more"));
        check(Role::Definition, "one\ntwo\n", 5, Some("3 more"));
        check(Role::Definition, "one\ntwo\n", 2, None);
        check(Role::Documentation, &long, 41, Some("29 more"));
        check(Role::Caller, "one\n", 9, None);
    }

    #[test]
    fn nothing_known_is_said() {
        let evidence = Evidence { title: "file a".to_owned(), facts: Vec::new(), left_out: Vec::new(), gaps: Vec::new() };
        check(&evidence, &[], expect![["file a\n\nnothing is known about it\n"]]);
    }
}
