//! What changed in a file, told by its symbols before and now.
//!
//! Invariant: comments, spaces and the order of definitions change nothing.

use std::collections::BTreeMap;

use naestro_kernel::code::{Changed, Fault, Widened};

use super::covered::Places;
use super::{Findings, scope, separator};
use crate::extract::{LARGEST, outline};
use crate::graph::Graph;
use crate::resolve::tree::{folder_of, name_of, stem_of};
use crate::resolve::{Node, View, related};
use crate::{History, Kind, Language, Outline};

/// Where following the graph begins: a node, and which change it is, by its number; or no number for what is no symbol.
pub(super) struct Seed {
    pub(super) node: Node,
    pub(super) cause: usize,
    /// The name of what is there no more, where the node only named it.
    pub(super) lost: Option<String>,
}

/// What a symbol is compared by: what it lies in and what it is.
type Key = Vec<(Kind, String, String)>;

/// Compares a file with what it was in a commit.
pub(super) fn compare(graph: &Graph<'_>, history: &dyn History, since: &str, path: &str, found: &mut Findings) -> Result<(), Fault> {
    if scope::concerns_nothing(path) {
        return Ok(());
    }
    let tree = &graph.resolver.tree;
    if let Some(reason) = scope::shapes_its_package(path) {
        found.widened.push(widened(path, tree.package(path), reason));
        return Ok(());
    }
    let Some(language) = Language::of(path) else {
        found.widened.push(widened(path, tree.package(path), "it is no code that is understood, and tests may read it"));
        return Ok(());
    };
    let file = tree.find(path);
    if let Some(note) = file.map(|file| file.note.as_str()).filter(|note| !note.is_empty()) {
        found.widened.push(widened(path, tree.package(path), &format!("it is not understood: {note}")));
        return Ok(());
    }
    let before = history.bytes_in(since, path)?;
    if before.as_ref().is_some_and(|before| before.len() > LARGEST) {
        found.widened.push(widened(path, tree.package(path), "it was too large to tell what changed in it"));
        return Ok(());
    }
    let old = before.as_deref().map(|bytes| outline(language, bytes)).unwrap_or_default();
    let before = before.unwrap_or_default();
    let Some(file) = file else { return removed_file(graph, path, language, &old, found) };
    let view = graph.resolver.view(file.id)?;
    doubts(graph, &view, found)?;
    let now = graph.resolver.text(path)?;
    compare_outlines(graph, &view, &old, (&before, now.as_bytes()), found)
}

/// What makes comparing a file's symbols too little.
fn doubts(graph: &Graph<'_>, view: &View, found: &mut Findings) -> Result<(), Fault> {
    let package = graph.resolver.tree.package(&view.path);
    let mut doubt = |reason: &str| found.widened.push(widened(&view.path, package, reason));
    if view.outline.errors > 0 {
        doubt("its syntax is broken, so what it defines is not certain");
    }
    let text = graph.resolver.text(&view.path)?;
    if scope::is_generated(&text) {
        doubt("it is generated, so what makes it may have changed too");
    }
    if view.language == Some(Language::Rust) {
        let manifest = graph.resolver.text(&crate::resolve::tree::join(package, "Cargo.toml"))?;
        if manifest.lines().any(|line| line.split_whitespace().collect::<String>() == "proc-macro=true") {
            found.widened.push(widened(&view.path, "", "it is part of a procedural macro, which may concern whatever uses it"));
        }
    }
    Ok(())
}

fn widened(file: &str, scope: &str, reason: &str) -> Widened {
    Widened { file: file.to_owned(), scope: scope.to_owned(), reason: reason.to_owned() }
}

/// One symbol that differs between two outlines of a file, by its numbers in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// It is in both, with other tokens.
    Changed { before: u32, now: u32 },
    /// It is new.
    Added { now: u32 },
    /// It is there no more.
    Removed { before: u32 },
}

/// What differs between two outlines of a file, in order: what is there now, then what was removed.
pub(crate) fn differences(old: &Outline, new: &Outline) -> Vec<Difference> {
    let mut before = by_key(old);
    let mut fresh: Vec<u32> = Vec::new();
    for (number, symbol) in (0_u32..).zip(&new.symbols) {
        let known = before.get_mut(&key(new, number));
        let same = known
            .and_then(|known| known.iter().position(|at| old.symbols[*at as usize].digest == symbol.digest).map(|at| known.remove(at)));
        if same.is_none() {
            fresh.push(number);
        }
    }
    let mut found = Vec::new();
    for now in fresh {
        let counterpart = before.get_mut(&key(new, now)).and_then(Vec::pop);
        found.push(counterpart.map_or(Difference::Added { now }, |before| Difference::Changed { before, now }));
    }
    let mut removed: Vec<u32> = before.into_values().flatten().collect();
    removed.sort_unstable();
    found.extend(removed.into_iter().map(|before| Difference::Removed { before }));
    found
}

fn compare_outlines(
    graph: &Graph<'_>,
    view: &View,
    old: &Outline,
    (before_bytes, now_bytes): (&[u8], &[u8]),
    found: &mut Findings,
) -> Result<(), Fault> {
    let symbol = |outline: &Outline, number: u32| outline.symbols.get(number as usize).cloned();
    for difference in differences(old, &view.outline) {
        match difference {
            Difference::Changed { before, now } => {
                let (before, after) = (symbol(old, before), symbol(&view.outline, now));
                let places = Places::changed(before.as_ref().zip(after.as_ref()), before_bytes, now_bytes);
                add_changed(view, places, now, found);
            }
            Difference::Added { now } => add_changed(view, Places::of(None, view.symbol(now)), now, found),
            Difference::Removed { before } => add_removed(graph, &view.path, view.language, old, before, found)?,
        }
    }
    if old.loose != view.outline.loose {
        let cause = found.add(Changed { path: view.path.clone(), name: String::new(), line: 1 }, Places::default());
        found.seeds.push(Seed { node: Node::module(view.file), cause, lost: None });
    }
    Ok(())
}

fn add_changed(view: &View, places: Places, number: u32, found: &mut Findings) {
    let line = view.symbol(number).map_or(1, |symbol| symbol.name_span.line.max(1));
    let name = view.outline.qualified(number).join(separator(view.language));
    let cause = found.add(Changed { path: view.path.clone(), name, line }, places);
    found.seeds.push(Seed { node: Node::symbol(view.file, number), cause, lost: None });
    widen_by_hook(view, number, found);
}

/// A hook or a fixture of a `conftest.py` that nobody asks for by name works on every test below it.
fn widen_by_hook(view: &View, number: u32, found: &mut Findings) {
    let is_hook = view.name(number).starts_with("pytest_");
    if is_hook && name_of(&view.path) == "conftest.py" {
        let reason = format!("its `{}` is called by pytest for every test below it", view.name(number));
        found.widened.push(widened(&view.path, folder_of(&view.path), &reason));
    }
}

/// A symbol that is there no more: whoever mentions its name may have meant it, and its type may have lost what nobody names.
fn add_removed(
    graph: &Graph<'_>,
    path: &str,
    language: Option<Language>,
    old: &Outline,
    number: u32,
    found: &mut Findings,
) -> Result<(), Fault> {
    let Some(symbol) = old.symbols.get(number as usize) else { return Ok(()) };
    if symbol.kind == Kind::Module {
        return Ok(());
    }
    let name = old.qualified(number).join(separator(language));
    let cause = found.add(Changed { path: path.to_owned(), name, line: symbol.name_span.line.max(1) }, Places::of(Some(symbol), None));
    if symbol.kind == Kind::Test {
        return Ok(());
    }
    for file in graph.resolver.facts().mentioning(&symbol.name)? {
        let view = graph.resolver.view(file)?;
        if related(view.language, language) {
            let users = view.mentions_of(&symbol.name).iter().filter_map(|at| view.mention(*at));
            found.seeds.extend(users.map(|mention| Seed {
                node: Node { file, symbol: mention.within },
                cause,
                lost: Some(symbol.name.clone()),
            }));
        }
    }
    let parent = symbol.parent.and_then(|at| old.symbols.get(at as usize)).filter(|parent| parent.kind.holds_members());
    let Some(owner) = parent.map(|parent| parent.name.clone()).or(symbol.owner.clone()) else { return Ok(()) };
    let types = graph.resolver.types(language, &owner)?;
    found.seeds.extend(types.into_iter().map(|node| Seed { node, cause, lost: Some(symbol.name.clone()) }));
    Ok(())
}

/// A file that is there no more: its symbols are removed, and whoever imports it is concerned.
fn removed_file(graph: &Graph<'_>, path: &str, language: Language, old: &Outline, found: &mut Findings) -> Result<(), Fault> {
    for number in (0_u32..).zip(&old.symbols).map(|(number, _)| number) {
        add_removed(graph, path, Some(language), old, number, found)?;
    }
    let cause = found.add(Changed { path: path.to_owned(), name: String::new(), line: 1 }, Places::default());
    let stem = stem_of(path);
    for file in graph.resolver.facts().mentioning(stem)? {
        let view = graph.resolver.view(file)?;
        let ends = |module: &str| module.rsplit(['/', '.', ':']).any(|part| part == stem);
        let imports = view.outline.imports.iter().any(|import| ends(&import.module) || import.name == stem);
        if related(view.language, Some(language)) && imports {
            found.seeds.push(Seed { node: Node::module(file), cause, lost: Some(path.to_owned()) });
        }
    }
    Ok(())
}

fn by_key(outline: &Outline) -> BTreeMap<Key, Vec<u32>> {
    let mut found: BTreeMap<Key, Vec<u32>> = BTreeMap::new();
    for (number, _) in (0_u32..).zip(&outline.symbols) {
        found.entry(key(outline, number)).or_default().push(number);
    }
    found
}

fn key(outline: &Outline, symbol: u32) -> Key {
    let at = |number: &u32| outline.symbols.get(*number as usize);
    let around = std::iter::successors(Some(symbol), |number| at(number)?.parent);
    around
        .filter_map(|number| at(&number))
        .map(|symbol| (symbol.kind, format!("{}.{}", symbol.owner.as_deref().unwrap_or(""), symbol.name), symbol.bases.clone()))
        .collect()
}
