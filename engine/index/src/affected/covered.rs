//! What a coverage run knows better than the graph: tests that ran what changed by a way no syntax shows, and tests that a guess
//! leads to and that ran none of it.
//!
//! A record speaks of the lines that were there when it was written. It is believed where the file has not changed since; or where it
//! was written after the old commit and every line it names is one of code in that commit. Of code that runs when a file is loaded, or
//! in what tests share, it does not say whose it was; so it judges functions alone, and only those that no such part ran.
//!
//! Invariant: a test that is reached without a guess stays.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use naestro_kernel::code::{AffectedTest, Changed, Fault};

use super::reach::Reach;
use super::{Findings, names};
use crate::coverage::{Coverage, Covered};
use crate::extract::code_lines;
use crate::graph::Graph;
use crate::resolve::Node;
use crate::resolve::tree::{folder_of, join};
use crate::resolve::view::is_callable;
use crate::{History, Language, Span, Symbol};

/// Where the code of something that changed lies; nothing where it is no function.
#[derive(Clone, Copy, Default)]
pub(super) struct Places {
    before: Option<Span>,
    now: Option<Span>,
}

impl Places {
    pub(super) fn of(before: Option<&Symbol>, now: Option<&Symbol>) -> Self {
        let body = |symbol: Option<&Symbol>| symbol.filter(|symbol| is_callable(symbol.kind)).and_then(|symbol| symbol.body);
        Self { before: body(before), now: body(now) }
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
    /// Whether it ran while files were loaded, or in what tests share.
    is_shared: bool,
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
    let mut notes = Vec::new();
    let mut judged: BTreeMap<usize, Ran> = BTreeMap::new();
    let mut recorded: BTreeSet<usize> = BTreeSet::new();
    let all = all(graph)?;
    let by_name = by_name(&all);
    for coverage in history.coverage(&files)? {
        let coverage = match coverage {
            Ok(coverage) => coverage,
            Err(why) => {
                notes.push(why);
                continue;
            }
        };
        let whose: Vec<Vec<usize>> = coverage.contexts.iter().map(|context| tests_of(context, &coverage.path, &all, &by_name)).collect();
        if whose.iter().all(Vec::is_empty) {
            notes.push(format!("the coverage record {} does not say which test ran what: record it with contexts", coverage.path));
            continue;
        }
        recorded.extend(whose.iter().flatten());
        for (path, covered) in &coverage.files {
            let Some(is_now) = believed(history, since, &coverage, path, covered)? else {
                notes.push(format!("the coverage record {} is older than {path}, and is not used for it", coverage.path));
                continue;
            };
            for (cause, places) in found.places.iter().enumerate().filter(|(cause, _)| found.changed[*cause].path == *path) {
                if let Some(body) = if is_now { places.now } else { places.before } {
                    hear(judged.entry(cause).or_default(), &coverage, covered, body, &whose);
                }
            }
        }
    }
    if judged.is_empty() {
        return Ok(notes);
    }
    let added = add(&all, &judged, &found.changed, tests);
    let left_out = leave_out(&all, &judged, &recorded, reach, tests);
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
        ran.is_shared |= name.is_empty() || name.ends_with("|setup") || name.ends_with("|teardown");
        ran.by.extend(whose.get(*context).into_iter().flatten());
    }
}

/// Whether a record is believed about a file: of its lines now, or of those in the old commit; nothing where of neither.
fn believed(history: &dyn History, since: &str, coverage: &Coverage, path: &str, covered: &Covered) -> Result<Option<bool>, Fault> {
    if !covered.is_stale {
        return Ok(Some(true));
    }
    if history.commit(since)?.time > coverage.taken {
        return Ok(None);
    }
    let (Some(language), Some(bytes)) = (Language::of(path), history.bytes_in(since, path)?) else { return Ok(None) };
    let code = code_lines(language, &bytes);
    let fits = covered.ran.values().flatten().all(|line| code.contains(line));
    Ok(fits.then_some(false))
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
        let path = join(folder_of(record), path);
        let fits = |at: &usize| all[*at].path == path && all[*at].name == name;
        return name.last().and_then(|last| by_name.get(last)).into_iter().flatten().copied().filter(fits).collect();
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

fn leave_out(
    all: &[Known],
    judged: &BTreeMap<usize, Ran>,
    recorded: &BTreeSet<usize>,
    reach: &Reach,
    tests: &mut Vec<AffectedTest>,
) -> usize {
    let mut out: BTreeSet<(&str, &[String])> = BTreeSet::new();
    for (at, known) in all.iter().enumerate().filter(|(at, known)| recorded.contains(at) && reach.is_guess(known.node)) {
        let Some(causes) = reach.causes(known.node).filter(|_| !reach.is_cut(known.node)) else { continue };
        let did_not = |cause: usize| judged.get(&cause).is_some_and(|ran| !ran.is_shared && !ran.by.contains(&at));
        if causes.iter().all(|(cause, _)| did_not(*cause)) {
            out.insert((&known.path, &known.name));
        }
    }
    let before = tests.len();
    tests.retain(|test| !out.contains(&(test.path.as_str(), test.name.as_slice())));
    before - tests.len()
}

#[cfg(test)]
mod tests;
