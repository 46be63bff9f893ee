//! Finding the target, or what comes near it.
//!
//! Invariant: what is found is the best there is; what else it could have been is told.

use std::collections::HashSet;

use naestro_kernel::code::{Fault, Target};

use crate::affected::separator;
use crate::resolve::tree::{Tree, folder_of, name_of, stem_of};
use crate::resolve::{Node, Resolver, View};
use crate::{Commit, History, Kind};

/// What evidence is about.
pub(super) enum Subject {
    /// A symbol, with what else the target could have meant.
    Symbol { node: Node, title: String, others: Vec<String> },
    /// A file.
    File { path: String },
    /// A folder.
    Folder { path: String },
    /// A commit, or what changed in the working tree.
    Change { commit: Option<Commit> },
}

/// Finds the target.
pub(super) fn find(resolver: &Resolver<'_>, history: &dyn History, target: &Target) -> Result<Subject, Fault> {
    match target {
        Target::Path(path) => find_path(resolver, path),
        Target::Place { path, line, column } => find_place(resolver, path, *line, *column),
        Target::Member { path, symbol } => find_member(resolver, path, symbol),
        Target::Symbol(name) => find_symbol(resolver, name, |_| true, "symbol"),
        Target::Test(name) => find_test(resolver, name),
        Target::Commit(revision) => Ok(Subject::Change { commit: Some(history.commit(revision)?) }),
        Target::Diff => Ok(Subject::Change { commit: None }),
    }
}

fn find_path(resolver: &Resolver<'_>, path: &str) -> Result<Subject, Fault> {
    if resolver.tree.find(path).is_some() {
        return Ok(Subject::File { path: path.to_owned() });
    }
    if resolver.tree.is_folder(path) {
        return Ok(Subject::Folder { path: path.to_owned() });
    }
    Err(Fault::Unknown { what: format!("a file or folder `{path}`"), near: near_paths(&resolver.tree, path) })
}

/// Paths that come near: the same name elsewhere, the same stem, a name that differs by a letter or two.
fn near_paths(tree: &Tree, path: &str) -> Vec<String> {
    let name = name_of(path);
    let stem = stem_of(path);
    let distance = |other: &str| {
        let other_name = name_of(other);
        let steps = if other_name == name { 0 } else { 1 + strsim::levenshtein(name, other_name) };
        let same_stem = !stem.is_empty() && stem_of(other) == stem;
        (same_stem || steps <= 1 + name.len() / 3).then_some((steps, usize::from(folder_of(other) != folder_of(path))))
    };
    let close = |file: &&crate::File| name_of(&file.path).len().abs_diff(name.len()) <= 4 || stem_of(&file.path) == stem;
    let mut near: Vec<_> = tree.files().iter().filter(close).filter_map(|file| Some((distance(&file.path)?, file.path.clone()))).collect();
    near.sort_unstable();
    near.into_iter().take(5).map(|(_, path)| path).collect()
}

fn find_place(resolver: &Resolver<'_>, path: &str, line: u32, column: Option<u32>) -> Result<Subject, Fault> {
    let Some(file) = resolver.tree.find(path) else { return find_path(resolver, path) };
    let view = resolver.view(file.id)?;
    let text = resolver.text(path)?;
    let Some((start, own)) = line_at(&text, line) else {
        let last = text.lines().count().max(1);
        return Err(Fault::Unknown { what: format!("line {line} of {path}, which has {last}"), near: vec![format!("{path}:{last}")] });
    };
    if let Some(column) = column {
        let skipped: usize = own.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum();
        let byte = u32::try_from(start + skipped).unwrap_or(u32::MAX);
        if let Some(subject) = find_mentioned(resolver, &view, byte)? {
            return Ok(subject);
        }
        if let Some(symbol) = view.outline.at(byte) {
            return Ok(described(&view, symbol, Vec::new()));
        }
    }
    let indent = own.len() - own.trim_start().len();
    let byte = u32::try_from(start + indent).unwrap_or(u32::MAX);
    let begins = || (0_u32..).zip(&view.outline.symbols).find(|(_, symbol)| symbol.name_span.line == line).map(|(number, _)| number);
    match view.outline.at(byte).or_else(begins) {
        Some(symbol) => Ok(described(&view, symbol, Vec::new())),
        None => Ok(Subject::File { path: path.to_owned() }),
    }
}

/// A line by its number: its first byte, and its text.
fn line_at(text: &str, line: u32) -> Option<(usize, &str)> {
    let mut start = 0;
    for (number, own) in (1_u32..).zip(text.split_inclusive('\n')) {
        if number == line {
            return Some((start, own.trim_end_matches(['\n', '\r'])));
        }
        start += own.len();
    }
    None
}

/// What the mention at that byte means.
fn find_mentioned(resolver: &Resolver<'_>, view: &View, byte: u32) -> Result<Option<Subject>, Fault> {
    let holds = |mention: &crate::Mention| {
        let length = u32::try_from(view.outline.name(mention.name).len()).unwrap_or(0);
        mention.start <= byte && byte < mention.start + length
    };
    let found = (0_u32..).zip(&view.outline.mentions).find(|(_, mention)| holds(mention));
    let Some((number, mention)) = found else { return Ok(None) };
    let mut candidates = resolver.resolve(view, number)?;
    candidates.sort_by_key(|candidate| candidate.guess);
    let Some(best) = candidates.first() else { return Ok(None) };
    let other = resolver.view(best.node.file)?;
    let place = format!("{}:{}", view.path, mention.line);
    let Some(symbol) = best.node.symbol else { return Ok(Some(Subject::File { path: other.path.clone() })) };
    let name = view.outline.name(mention.name);
    let mut others = Vec::new();
    if candidates.len() > 1 {
        others.push(format!("`{name}` at {place} may mean {} things; the nearest is told", candidates.len()));
    } else if best.guess {
        others.push(format!("that `{name}` at {place} means this is a guess by its name"));
    }
    let Subject::Symbol { node, title, .. } = described(&other, symbol, Vec::new()) else { return Ok(None) };
    Ok(Some(Subject::Symbol { node, title: format!("{title}, mentioned at {place}"), others }))
}

fn find_member(resolver: &Resolver<'_>, path: &str, symbol: &str) -> Result<Subject, Fault> {
    let Some(file) = resolver.tree.find(path) else { return find_path(resolver, path) };
    match find_symbol(resolver, symbol, |node| node.file == file.id, "symbol") {
        Err(Fault::Unknown { .. }) => {
            let view = resolver.view(file.id)?;
            let mut near: Vec<(usize, String)> =
                view.outline.symbols.iter().map(|own| (strsim::levenshtein(&own.name, symbol), own.name.clone())).collect();
            near.sort_unstable();
            near.dedup();
            let near = near.into_iter().take(5).map(|(_, name)| format!("{path}#{name}")).collect();
            Err(Fault::Unknown { what: format!("a symbol `{symbol}` in {path}"), near })
        }
        found => found,
    }
}

/// Finds a symbol by its name, perhaps below names it lies in; of more than one, what a reader is likeliest to mean.
fn find_symbol(resolver: &Resolver<'_>, wanted: &str, passes: impl Fn(Node) -> bool, what: &str) -> Result<Subject, Fault> {
    let parts: Vec<&str> = wanted.split([':', '.', '#', '/']).filter(|part| !part.is_empty()).collect();
    let Some(last) = parts.last() else { return Err(Fault::Unknown { what: format!("a {what} `{wanted}`"), near: Vec::new() }) };
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let whole = resolver.named(wanted)?;
    let by_last = resolver.named(last)?;
    for (node, number) in whole.iter().chain(by_last.iter()).map(|found| (found.node(), found.number)).filter(|(node, _)| passes(*node)) {
        let view = resolver.view(node.file)?;
        let Some(symbol) = view.symbol(number) else { continue };
        let qualified = view.outline.qualified(number);
        let fits = symbol.name == wanted || is_below(&view, &qualified, &parts);
        if fits && seen.insert(node) {
            found.push(((rank(&view, symbol), qualified.len(), view.path.clone(), node.symbol), node));
        }
    }
    // By path and not by the file's number, which is another after an edit.
    found.sort();
    let mut found: Vec<Node> = found.into_iter().map(|(_, node)| node).collect();
    let is_block = |node: Node| resolver.kind(node) == Some(Kind::Impl);
    if found.iter().any(|node| !is_block(*node)) {
        found.retain(|node| !is_block(*node));
    }
    let Some(best) = found.first() else {
        let inherited = inherited(resolver, &parts)?;
        let near = if inherited.is_empty() { resolver.facts().near(last, 5)? } else { inherited };
        return Err(Fault::Unknown { what: format!("a {what} `{wanted}`"), near });
    };
    let mut others = Vec::new();
    if found.len() > 1 {
        let mut places = Vec::new();
        for node in found.iter().skip(1).take(5) {
            let view = resolver.view(node.file)?;
            places.push(format!(
                "{}#{}",
                view.path,
                node.symbol.map(|number| view.outline.qualified(number).join(separator(view.language))).unwrap_or_default()
            ));
        }
        let more = if found.len() > 6 { format!(" and {} more", found.len() - 6) } else { String::new() };
        others.push(format!("`{wanted}` is defined {} times; the others are {}{more}", found.len(), places.join(", ")));
    }
    let view = resolver.view(best.file)?;
    Ok(one_of(described(&view, best.symbol.unwrap_or(0), others), found.len()))
}

/// The subject, with a title that says at once that it is not the only one of its name.
fn one_of(subject: Subject, count: usize) -> Subject {
    match subject {
        Subject::Symbol { node, title, others } if count > 1 => {
            Subject::Symbol { node, title: format!("{title}, one of {count} of that name"), others }
        }
        other => other,
    }
}

/// The members that a type has from what it is based on, as targets: `Type.name` is none of its own.
fn inherited(resolver: &Resolver<'_>, parts: &[&str]) -> Result<Vec<String>, Fault> {
    let [.., owner, name] = parts else { return Ok(Vec::new()) };
    let mut near = Vec::new();
    for node in resolver.named(owner)?.iter() {
        let view = resolver.view(node.file)?;
        for member in resolver.members_by_type(&view, owner, name)? {
            let of = resolver.view(member.file)?;
            let qualified = member.symbol.map(|symbol| of.outline.qualified(symbol).join(separator(of.language)));
            near.extend(qualified.map(|qualified| format!("{}#{qualified}", of.path)));
        }
    }
    near.sort_unstable();
    near.dedup();
    near.truncate(5);
    Ok(near)
}

/// Whether the names given before a symbol's are those it lies in: types, modules, or its file and folders.
fn is_below(view: &View, qualified: &[&str], parts: &[&str]) -> bool {
    let path: Vec<&str> = view.path.rsplit_once('.').map_or(view.path.as_str(), |(path, _)| path).split('/').collect();
    let all: Vec<&str> = path
        .into_iter()
        .filter(|part| !matches!(*part, "mod" | "lib" | "main" | "__init__" | "index" | "src"))
        .chain(qualified.iter().copied())
        .collect();
    let mut at = all.len();
    parts.iter().rev().enumerate().all(|(step, part)| {
        let found = all[..at].iter().rposition(|name| name == part).filter(|found| step > 0 || found + 1 == all.len());
        at = found.unwrap_or(0);
        found.is_some()
    })
}

/// What is meant first: definitions before fields, code before tests.
fn rank(view: &View, symbol: &crate::Symbol) -> (bool, u8) {
    let in_tests = view.path.split('/').any(|part| matches!(part, "test" | "tests" | "benches" | "examples")) || symbol.kind == Kind::Test;
    let kind = match symbol.kind {
        Kind::Struct | Kind::Class | Kind::Interface | Kind::Trait | Kind::Enum => 0,
        Kind::Function | Kind::Macro | Kind::Type | Kind::Constant => 1,
        Kind::Method | Kind::Test | Kind::Suite => 2,
        Kind::Module | Kind::Variable => 3,
        Kind::Impl | Kind::Field | Kind::Variant => 4,
    };
    (in_tests, kind)
}

fn find_test(resolver: &Resolver<'_>, asked: &str) -> Result<Subject, Fault> {
    // As test runs list them: the file first, and a test's parameters last.
    let in_file = asked.split_once("::").and_then(|(path, name)| Some((resolver.tree.find(path)?.id, name)));
    let wanted = in_file.map_or(asked, |(_, name)| name.split('[').next().unwrap_or(name));
    let parts: Vec<&str> = wanted.split([':', '.', '#', '/', '>', '[']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut found = Vec::new();
    let mut near = Vec::new();
    for (file, symbol) in resolver.facts().tests()?.into_iter().filter(|(file, _)| in_file.is_none_or(|(only, _)| *file == only)) {
        let view = resolver.view(file)?;
        let qualified = view.outline.qualified(symbol);
        let whole = qualified.join(separator(view.language));
        let matches = |end: &str| end == wanted || view.name(symbol) == wanted;
        if matches(&whole) || whole.ends_with(wanted) || qualified.ends_with(&parts) || is_below(&view, &qualified, &parts) {
            found.push((whole.len(), view.path.clone(), Node::symbol(file, symbol)));
        } else if near.len() < 20_000 {
            near.push((strsim::levenshtein(view.name(symbol), parts.last().copied().unwrap_or("")), format!("test:{whole}")));
        }
    }
    found.sort_unstable();
    let Some((_, _, best)) = found.first() else {
        near.sort_unstable();
        near.dedup();
        return Err(Fault::Unknown { what: format!("a test `{asked}`"), near: near.into_iter().take(5).map(|(_, name)| name).collect() });
    };
    let view = resolver.view(best.file)?;
    let others = if found.len() > 1 {
        vec![format!("{} tests are called `{asked}`; the one with the shortest name is told", found.len())]
    } else {
        Vec::new()
    };
    Ok(one_of(described(&view, best.symbol.unwrap_or(0), others), found.len()))
}

fn described(view: &View, symbol: u32, others: Vec<String>) -> Subject {
    let name = view.outline.qualified(symbol).join(separator(view.language));
    let kind = view.symbol(symbol).map_or("symbol", |symbol| word(symbol.kind));
    Subject::Symbol { node: Node::symbol(view.file, symbol), title: format!("{kind} `{name}` in {}", view.path), others }
}

/// A kind of symbol in a word.
pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Module => "module",
        Kind::Impl => "implementation",
        Kind::Struct => "struct",
        Kind::Class => "class",
        Kind::Interface => "interface",
        Kind::Trait => "trait",
        Kind::Enum => "enum",
        Kind::Variant => "variant",
        Kind::Field => "field",
        Kind::Function => "function",
        Kind::Method => "method",
        Kind::Constant => "constant",
        Kind::Variable => "variable",
        Kind::Type => "type",
        Kind::Macro => "macro",
        Kind::Suite => "suite",
        Kind::Test => "test",
    }
}
