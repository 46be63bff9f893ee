//! The tests a change affects.
//!
//! What changed is told by comparing what the syntax of each file said before and says now (`changed`); what cannot be compared widens
//! the selection to a part of the tree (`scope`); from the changed symbols the graph is followed to the tests (`reach`); where a coverage
//! run recorded which test ran what, that is heard too (`covered`).
//!
//! Invariant: a test that is not selected has no way to a change that the graph knows, or only guessed ones of which a coverage run knows
//! better; and no part of the tree that was widened holds it.

mod changed;
mod covered;
mod reach;
mod scope;

use std::collections::BTreeSet;

use naestro_kernel::code::{Affected, AffectedTest, Change, Changed, Fault, Watch, Widened};

use self::changed::Seed;
pub(crate) use self::changed::{Difference, differences};
use self::covered::Places;
use self::reach::Reach;
use crate::graph::Graph;
use crate::resolve::{Node, Resolver, View};
use crate::{Facts, History, Language};

/// The tests a change affects, and why.
///
/// # Errors
/// `Cancelled`; `Unavailable` where the index or the old commit cannot be read.
pub fn affected(facts: &dyn Facts, history: &dyn History, change: &Change, watch: &dyn Watch) -> Result<Affected, Fault> {
    let graph = Graph::new(Resolver::new(facts, history)?);
    let known = known(&graph)?;
    let Some(since) = change.since.as_deref() else {
        let everything = Widened {
            file: String::new(),
            scope: String::new(),
            reason: "there is no commit to compare with, so every test may be affected".to_owned(),
        };
        return Ok(Affected { changed: Vec::new(), tests: Vec::new(), widened: vec![everything], known, notes: Vec::new() });
    };
    let mut found = Findings::default();
    for path in &change.files {
        if watch.cancelled() {
            return Err(Fault::Cancelled);
        }
        changed::compare(&graph, history, since, path, &mut found)?;
    }
    let reach = Reach::from(&graph, &found.seeds, watch)?;
    reach::widen_by_macros(&graph, &reach, &found.changed, &mut found.widened)?;
    let mut tests = select(&graph, &reach, &found.changed)?;
    let notes = covered::sharpen(&graph, history, since, &found, &reach, &mut tests)?;
    add_dynamic(&graph, &change.files, &mut tests)?;
    tests.sort_by(|a, b| (&a.path, a.line, &a.name).cmp(&(&b.path, b.line, &b.name)));
    tests.dedup_by(|a, b| a.path == b.path && a.line == b.line && a.name == b.name);
    let widened: BTreeSet<_> = found.widened.into_iter().map(|widened| (widened.file, widened.scope, widened.reason)).collect();
    let widened = widened.into_iter().map(|(file, scope, reason)| Widened { file, scope, reason }).collect();
    Ok(Affected { changed: found.changed, tests, widened, known, notes })
}

/// What comparing the files has found.
#[derive(Default)]
struct Findings {
    changed: Vec<Changed>,
    /// Of each of them, where its code lies.
    places: Vec<Places>,
    seeds: Vec<Seed>,
    widened: Vec<Widened>,
}

impl Findings {
    /// Notes a change; its number.
    fn add(&mut self, changed: Changed, places: Places) -> usize {
        self.changed.push(changed);
        self.places.push(places);
        self.changed.len() - 1
    }
}

fn known(graph: &Graph<'_>) -> Result<Vec<(String, Vec<String>)>, Fault> {
    let mut known = Vec::new();
    for (file, symbol) in graph.resolver.facts().tests()? {
        let view = graph.resolver.view(file)?;
        known.push((view.path.clone(), names(&view, symbol)));
    }
    Ok(known)
}

/// The names of what a symbol lies in, and its own.
fn names(view: &View, symbol: u32) -> Vec<String> {
    view.outline.qualified(symbol).into_iter().map(str::to_owned).collect()
}

/// How a language writes a name below a name.
pub(crate) fn separator(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Rust | Language::Cpp | Language::C) => "::",
        _ => ".",
    }
}

/// The tests that are reached, each with the way.
fn select(graph: &Graph<'_>, reach: &Reach, changed: &[Changed]) -> Result<Vec<AffectedTest>, Fault> {
    let mut tests = Vec::new();
    for (file, symbol) in graph.resolver.facts().tests()? {
        let node = Node::symbol(file, symbol);
        let Some(causes) = reach.causes(node) else { continue };
        let view = graph.resolver.view(file)?;
        let line = view.symbol(symbol).map_or(1, |symbol| symbol.name_span.line.max(symbol.span.line));
        let causes = causes.iter().filter(|(cause, _)| *cause < changed.len()).copied().collect();
        tests.push(AffectedTest { path: view.path.clone(), name: names(&view, symbol), line, reason: reach.way(graph, node)?, causes });
    }
    Ok(tests)
}

/// Adds the tests of files that reach code by other ways than names, where something in their package changed.
fn add_dynamic(graph: &Graph<'_>, files: &[String], tests: &mut Vec<AffectedTest>) -> Result<(), Fault> {
    let tree = &graph.resolver.tree;
    let packages: BTreeSet<&str> = files.iter().filter(|path| Language::of(path).is_some()).map(|path| tree.package(path)).collect();
    for file in graph.resolver.facts().dynamic()? {
        let view = graph.resolver.view(file)?;
        if !packages.contains(tree.package(&view.path)) {
            continue;
        }
        for symbol in view.tests() {
            let Some(own) = view.symbol(symbol) else { continue };
            let Some(line) = view.outline.dynamic.iter().find(|line| (own.span.line..=own.span.last_line).contains(line)) else { continue };
            let reason = format!("line {line} reaches code by other ways than its name, and something in its package changed");
            let line = own.name_span.line.max(own.span.line);
            tests.push(AffectedTest { path: view.path.clone(), name: names(&view, symbol), line, reason, causes: Vec::new() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod tests;
