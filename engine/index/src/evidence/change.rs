//! What there is to say about a commit, or about what changed in the working tree.
//!
//! Invariant: what is told to have changed differs in more than comments and spaces.

use naestro_kernel::code::{Change, Fact, Fault, Role, Source, Watch};

use super::Told;
use super::target::word;
use crate::affected::{Difference, affected, differences, separator};
use crate::extract::{LARGEST, outline};
use crate::{Commit, Facts, History, Language, Outline};

/// How many changes and tests are told.
const CHANGES: usize = 30;
const TESTS: usize = 8;

/// Gathers the facts about a change.
pub(super) fn tell(told: &mut Told<'_>, facts: &dyn Facts, commit: Option<Commit>, watch: &dyn Watch) -> Result<String, Fault> {
    let history = told.history;
    let files = history.changed(commit.as_ref().map(|commit| commit.id.as_str()))?;
    let (before, title) = match &commit {
        Some(commit) => (commit.parent.clone(), format!("commit {}: {}", commit.id.get(..10).unwrap_or(&commit.id), commit.title)),
        None => (Some(head(history)?.id), "what changed in the working tree".to_owned()),
    };
    if let (None, Some(head), []) = (&commit, &before, files.as_slice()) {
        told.facts.push(fact(Role::Change, "nothing changed since HEAD".to_owned(), Source::Commit(head.clone())));
        return Ok(title);
    }
    if let Some(commit) = &commit {
        told.facts.push(fact(Role::Definition, format!("{} ({})", commit.title, commit.author), Source::Commit(commit.id.clone())));
    }
    let mut count = 0;
    for path in &files {
        if watch.cancelled() {
            return Err(Fault::Cancelled);
        }
        let now = match &commit {
            Some(commit) => history.bytes_in(&commit.id, path)?,
            None => history.bytes(path)?,
        };
        let old = before.as_deref().map_or(Ok(None), |before| history.bytes_in(before, path))?;
        count += tell_file(told, path, old, now, commit.as_ref(), count)?;
    }
    told.leave_out(Role::Change, count.saturating_sub(CHANGES));
    match (&commit, before) {
        (None, Some(since)) => tell_tests(told, facts, &Change { since: Some(since), files }, watch)?,
        _ => told.gap("which tests a commit affects is known for the working tree only; `test --since` tells it"),
    }
    Ok(title)
}

/// The commit the working tree is compared with.
fn head(history: &dyn History) -> Result<Commit, Fault> {
    history.commit("HEAD").map_err(|fault| match fault {
        Fault::Unknown { .. } => {
            Fault::Unknown { what: "what changed: the folder is in no git repository that has a commit".to_owned(), near: Vec::new() }
        }
        other => other,
    })
}

fn fact(role: Role, text: String, source: Source) -> Fact {
    Fact { role, text, name: None, excerpt: String::new(), source, guess: false }
}

/// Tells what changed in one file; returns how many changes there are.
fn tell_file(
    told: &mut Told<'_>,
    path: &str,
    old: Option<Vec<u8>>,
    now: Option<Vec<u8>>,
    commit: Option<&Commit>,
    told_before: usize,
) -> Result<usize, Fault> {
    let is_large = |bytes: &Option<Vec<u8>>| bytes.as_ref().is_some_and(|bytes| bytes.len() > LARGEST);
    let language = Language::of(path).filter(|_| !is_large(&old) && !is_large(&now));
    let read = |bytes: &Option<Vec<u8>>| language.zip(bytes.as_deref()).map(|(language, bytes)| outline(language, bytes));
    let (was, is) = (read(&old).unwrap_or_default(), read(&now).unwrap_or_default());
    let found = differences(&was, &is);
    if found.is_empty() {
        let how = match (old.is_some(), now.is_some()) {
            (false, true) => "was added",
            (true, false) => "was removed",
            _ if language.is_none() => "changed",
            _ => "changed, but no symbol of it",
        };
        if told_before < CHANGES {
            tell_whole(told, path, how, commit)?;
        }
        return Ok(1);
    }
    for difference in found.iter().take(CHANGES.saturating_sub(told_before)) {
        tell_difference(told, path, &was, &is, difference, commit)?;
    }
    Ok(found.len())
}

fn tell_whole(told: &mut Told<'_>, path: &str, how: &str, commit: Option<&Commit>) -> Result<(), Fault> {
    let text = format!("{path} {how}");
    if let Some(commit) = commit {
        told.facts.push(fact(Role::Change, text, Source::Commit(commit.id.clone())));
        return Ok(());
    }
    let length = told.pages.bytes(path)?.map_or(0, |bytes| bytes.len().min(400));
    let cited = told.pages.part(path, (0, u32::try_from(length).unwrap_or(0)), "")?;
    if cited.is_none() {
        told.gap(text);
    } else {
        told.cite(Role::Change, text, cited, false);
    }
    Ok(())
}

fn tell_difference(
    told: &mut Told<'_>,
    path: &str,
    was: &Outline,
    is: &Outline,
    difference: &Difference,
    commit: Option<&Commit>,
) -> Result<(), Fault> {
    let (outline, number, how) = match *difference {
        Difference::Changed { now, .. } => (is, now, "changed"),
        Difference::Added { now } => (is, now, "was added"),
        Difference::Removed { before } => (was, before, "was removed"),
    };
    let Some(symbol) = outline.symbols.get(number as usize) else { return Ok(()) };
    let name = outline.qualified(number).join(separator(Language::of(path)));
    let text = format!("{} `{name}` in {path} {how}", word(symbol.kind));
    match (commit, difference) {
        (Some(commit), _) => told.facts.push(fact(Role::Change, text, Source::Commit(commit.id.clone()))),
        (None, Difference::Removed { .. }) => told.gap(text),
        (None, _) => {
            let cited = told.pages.part(path, (symbol.span.start, symbol.span.end), &symbol.name)?;
            told.cite(Role::Change, text, cited, false);
        }
    }
    Ok(())
}

/// Tells how many tests the change affects, and the first of them.
fn tell_tests(told: &mut Told<'_>, facts: &dyn Facts, change: &Change, watch: &dyn Watch) -> Result<(), Fault> {
    let affected = affected(facts, told.history, change, watch)?;
    for widened in &affected.widened {
        let scope = if widened.scope.is_empty() { "everything" } else { &widened.scope };
        told.gap(format!("{} may concern every test of {scope}: {}", widened.file, widened.reason));
    }
    for test in affected.tests.iter().take(TESTS) {
        let Some(last) = test.name.last() else { continue };
        let Some(bytes) = told.pages.bytes(&test.path)? else { continue };
        let start: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(test.line.saturating_sub(1) as usize).map(<[u8]>::len).sum();
        let end = bytes[start..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |found| start + found);
        let span = (u32::try_from(start).unwrap_or(0), u32::try_from(end).unwrap_or(0));
        // A test's text may be worked out, or be written with escapes.
        let cited = match told.pages.part(&test.path, span, last)? {
            None => told.pages.part(&test.path, span, "")?,
            cited => cited,
        };
        let name = test.name.join(separator(Language::of(&test.path)));
        told.cite(Role::Test, format!("{name} is affected: {}", test.reason), cited, false);
    }
    told.leave_out(Role::Test, affected.tests.len().saturating_sub(TESTS));
    Ok(())
}
