//! What a coverage run knows better than the graph: tests that ran what changed by a way no syntax shows, and tests that a guess
//! leads to and that ran none of it.
//!
//! A record speaks of the lines that were there when it was written. It is believed where it is newer than what is checked out, names lines
//! of code alone, and every definition at the file's margin, of the file as it is (unchanged since) or was in the old commit. Of code that
//! runs when a file is loaded, or in what tests share, it does not say whose it was; so a test is left out only for functions that no such
//! part ran, of which nothing but the body changed, and that no decorator may remember the results of.
//!
//! Not seen in a record: that only some cases of a parametrised test ran, and that a function remembers results by itself.
//!
//! Invariant: a test that is reached without a guess stays.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use naestro_kernel::code::{AffectedTest, Changed, Fault};

use super::reach::Reach;
use super::{Findings, names};
use crate::coverage::{Coverage, Covered};
use crate::extract::{code_lines, outline};
use crate::graph::Graph;
use crate::resolve::Node;
use crate::resolve::tree::{folders_of, join};
use crate::resolve::view::is_callable;
use crate::{History, Language, Span, Symbol};

/// Where the code of something that changed lies; nothing where it is no function.
#[derive(Clone, Copy, Default)]
pub(super) struct Places {
    before: Option<Span>,
    now: Option<Span>,
    /// Whether only its body changed, so that who did not run it notices nothing; and nothing is wrapped around it that may remember.
    is_body_only: bool,
}

impl Places {
    pub(super) fn of(before: Option<&Symbol>, now: Option<&Symbol>) -> Self {
        let body = |symbol: Option<&Symbol>| symbol.filter(|symbol| is_callable(symbol.kind)).and_then(|symbol| symbol.body);
        Self { before: body(before), now: body(now), is_body_only: false }
    }

    /// The same of a symbol that is in both versions.
    pub(super) fn changed(both: Option<(&Symbol, &Symbol)>, before: &[u8], now: &[u8]) -> Self {
        let Some((old, new)) = both else { return Self::default() };
        let head = |symbol: &Symbol, bytes: &[u8]| {
            let end = symbol.body.map_or(symbol.head, |body| body.start);
            bytes.get(symbol.head as usize..end as usize).unwrap_or_default().to_vec()
        };
        let is_body_only = old.marks.is_empty() && new.marks.is_empty() && head(old, before) == head(new, now);
        Self { is_body_only, ..Self::of(Some(old), Some(new)) }
    }
}

/// A test as the graph knows it.
struct Known {
    node: Node,
    path: String,
    name: Vec<String>,
    line: u32,
}

/// What a record says about one change.
#[derive(Default)]
struct Ran {
    /// The tests that ran it, by their numbers.
    by: BTreeSet<usize>,
    /// Whether it ran while files were loaded, in what tests share, or in what is no known test.
    is_shared: bool,
    /// The tests whose own parts the records that judge it saw.
    recorded: BTreeSet<usize>,
    /// The record.
    record: String,
}

/// Adds the tests that ran what changed, leaves out those that a guess leads to and that did not; says what came of it.
pub(super) fn sharpen(
    graph: &Graph<'_>,
    history: &dyn History,
    since: &str,
    found: &Findings,
    reach: &Reach,
    tests: &mut Vec<AffectedTest>,
) -> Result<Vec<String>, Fault> {
    let files: BTreeSet<&str> = found.changed.iter().map(|changed| changed.path.as_str()).collect();
    let files: Vec<String> = files.into_iter().filter(|path| Language::of(path) == Some(Language::Python)).map(str::to_owned).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let records = history.coverage(&files)?;
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let mut notes = Vec::new();
    let mut judged: BTreeMap<usize, Ran> = BTreeMap::new();
    let all = all(graph)?;
    let by_name = by_name(&all);
    for coverage in records {
        let coverage = match coverage {
            Ok(coverage) => coverage,
            Err(why) => {
                notes.push(why);
                continue;
            }
        };
        let whose: Vec<Vec<usize>> = coverage.contexts.iter().map(|context| tests_of(context, &coverage.path, &all, &by_name)).collect();
        if whose.iter().all(Vec::is_empty) {
            let has_contexts = coverage.contexts.iter().any(|context| !context.is_empty());
            let why =
                if has_contexts { "names no test that is known" } else { "does not say which test ran what: record it with contexts" };
            notes.push(format!("the coverage record {} {why}", coverage.path));
            continue;
        }
        // A test that was skipped has a set-up and nothing of its own; of a name that two tests have, either may have run.
        let own = coverage.contexts.iter().zip(&whose).filter(|(context, whose)| !is_around(context) && whose.len() == 1);
        let recorded: BTreeSet<usize> = own.flat_map(|(_, whose)| whose.iter().copied()).collect();
        for (path, covered) in &coverage.files {
            let Some(is_now) = believed(history, since, &coverage, path, covered)? else {
                notes.push(format!("the coverage record {} does not fit {path}, and is not used for it", coverage.path));
                continue;
            };
            for (cause, places) in found.places.iter().enumerate().filter(|(cause, _)| found.changed[*cause].path == *path) {
                if let Some(body) = if is_now { places.now } else { places.before } {
                    let ran = judged.entry(cause).or_default();
                    hear(ran, &coverage, covered, body, &whose);
                    ran.recorded.extend(&recorded);
                }
            }
        }
    }
    if judged.is_empty() {
        return Ok(notes);
    }
    let added = add(&all, &judged, &found.changed, tests);
    let left_out = leave_out(&all, &judged, &found.places, reach, tests);
    if added + left_out > 0 {
        let records: BTreeSet<&str> = judged.values().map(|ran| ran.record.as_str()).collect();
        let records = records.into_iter().collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "by {records}: {added} added that ran what changed, {left_out} left out that only might reach it and did not run it"
        ));
    }
    Ok(notes)
}

/// Takes in what a record says about a function.
fn hear(ran: &mut Ran, coverage: &Coverage, covered: &Covered, body: Span, whose: &[Vec<usize>]) {
    ran.record.clone_from(&coverage.path);
    let contexts = covered.ran.iter().filter(|(_, lines)| lines.range(body.line..=body.last_line).next().is_some());
    for (context, _) in contexts {
        let name = coverage.contexts.get(*context).map_or("", String::as_str);
        let whose = whose.get(*context).map_or(&[][..], Vec::as_slice);
        ran.is_shared |= is_around(name) || whose.is_empty();
        ran.by.extend(whose);
    }
}

/// Whether a context is no test's own part: what ran while files were loaded, or around a test.
fn is_around(context: &str) -> bool {
    context.is_empty() || context.ends_with("|setup") || context.ends_with("|teardown")
}

/// Whether a record is believed about a file: of its lines now, or of those in the old commit; nothing where of neither.
fn believed(history: &dyn History, since: &str, coverage: &Coverage, path: &str, covered: &Covered) -> Result<Option<bool>, Fault> {
    if history.commit(since)?.time > coverage.taken {
        return Ok(None);
    }
    let is_now = !covered.is_stale;
    let bytes = if is_now { history.bytes(path)? } else { history.bytes_in(since, path)? };
    let (Some(language), Some(bytes)) = (Language::of(path), bytes) else { return Ok(None) };
    let code = code_lines(language, &bytes);
    let ran: BTreeSet<u32> = covered.ran.values().flatten().copied().collect();
    // What stands at the margin is run whenever the file is loaded: a record that misses one of those lines is of another version.
    let at_margin =
        |symbol: &Symbol| symbol.parent.is_none() && symbol.head.checked_sub(1).is_none_or(|at| bytes.get(at as usize) == Some(&b'\n'));
    let outline = outline(language, &bytes);
    let loaded = outline.symbols.iter().filter(|symbol| at_margin(symbol)).all(|symbol| ran.contains(&symbol.name_span.line));
    Ok((loaded && ran.is_subset(&code)).then_some(is_now))
}

fn all(graph: &Graph<'_>) -> Result<Vec<Known>, Fault> {
    let mut all = Vec::new();
    for (file, symbol) in graph.resolver.facts().tests()? {
        let view = graph.resolver.view(file)?;
        let line = view.symbol(symbol).map_or(1, |symbol| symbol.name_span.line.max(symbol.span.line));
        all.push(Known { node: Node::symbol(file, symbol), path: view.path.clone(), name: names(&view, symbol), line });
    }
    Ok(all)
}

/// The tests by their last names.
fn by_name(all: &[Known]) -> HashMap<&str, Vec<usize>> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, known) in all.iter().enumerate() {
        if let Some(last) = known.name.last() {
            by_name.entry(last).or_default().push(at);
        }
    }
    by_name
}

/// The tests that a context stands for: `tests/test_a.py::TestA::test_b[1]|run` as pytest-cov names it, or `test_a.TestA.test_b`.
fn tests_of(context: &str, record: &str, all: &[Known], by_name: &HashMap<&str, Vec<usize>>) -> Vec<usize> {
    let test = context.split(['|', '[']).next().unwrap_or_default();
    if let Some((path, name)) = test.split_once("::") {
        let name: Vec<&str> = name.split("::").collect();
        let named: Vec<usize> =
            name.last().and_then(|last| by_name.get(last)).into_iter().flatten().copied().filter(|at| all[*at].name == name).collect();
        // pytest names files from its own root, which may lie above where it was started.
        let found = folders_of(record).map(|folder| {
            let path = join(folder, path);
            named.iter().copied().filter(|at| all[*at].path == path).collect::<Vec<usize>>()
        });
        return found.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    }
    let parts: Vec<&str> = test.split('.').collect();
    let fits = |at: &usize| {
        let known = &all[*at];
        let Some(module) = parts
            .len()
            .checked_sub(known.name.len())
            .filter(|_| parts.ends_with(&known.name.iter().map(String::as_str).collect::<Vec<_>>()))
        else {
            return false;
        };
        let path: Vec<&str> = known.path.strip_suffix(".py").unwrap_or(&known.path).split('/').collect();
        module > 0 && path.ends_with(&parts[..module])
    };
    parts.last().and_then(|last| by_name.get(last)).into_iter().flatten().copied().filter(fits).collect()
}

fn add(all: &[Known], judged: &BTreeMap<usize, Ran>, changed: &[Changed], tests: &mut Vec<AffectedTest>) -> usize {
    let mut selected: BTreeSet<(String, Vec<String>)> = tests.iter().map(|test| (test.path.clone(), test.name.clone())).collect();
    let before = tests.len();
    for (cause, ran) in judged {
        for known in ran.by.iter().map(|at| &all[*at]) {
            if selected.insert((known.path.clone(), known.name.clone())) {
                let reason = format!("it ran `{}` when {} was recorded", changed[*cause].name, ran.record);
                let (path, name) = (known.path.clone(), known.name.clone());
                tests.push(AffectedTest { path, name, line: known.line, reason, causes: vec![(*cause, 1)] });
            }
        }
    }
    tests.len() - before
}

fn leave_out(all: &[Known], judged: &BTreeMap<usize, Ran>, places: &[Places], reach: &Reach, tests: &mut Vec<AffectedTest>) -> usize {
    let mut out: BTreeSet<(&str, u32, &[String])> = BTreeSet::new();
    for (at, known) in all.iter().enumerate().filter(|(_, known)| reach.is_guess(known.node)) {
        let Some(causes) = reach.causes(known.node).filter(|_| !reach.is_cut(known.node)) else { continue };
        let did_not = |cause: usize| {
            let is_body_only = places.get(cause).is_some_and(|places| places.is_body_only);
            let ran = judged.get(&cause).filter(|_| is_body_only);
            ran.is_some_and(|ran| ran.recorded.contains(&at) && !ran.is_shared && !ran.by.contains(&at))
        };
        if causes.iter().all(|(cause, _)| did_not(*cause)) {
            out.insert((&known.path, known.line, &known.name));
        }
    }
    let before = tests.len();
    tests.retain(|test| !out.contains(&(test.path.as_str(), test.line, test.name.as_slice())));
    before - tests.len()
}

#[cfg(test)]
mod tests;
