//! What there is to say about a symbol.
//!
//! Invariant: every list is bounded, and what is over the bound is counted.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use naestro_kernel::code::{Fault, Role, Watch};

use super::Told;
use super::target::word;
use crate::affected::separator;
use crate::extract::{documentation, signature};
use crate::graph::Use;
use crate::resolve::tree::folder_of;
use crate::resolve::view::is_type;
use crate::resolve::{Node, View};
use crate::{Kind, Manner};

/// How many members, callers, callees and tests are told.
const MEMBERS: usize = 20;
const USERS: usize = 12;
const TESTS: usize = 8;
const COMMITS: usize = 5;

/// How many nodes are followed to find tests.
const FOLLOWED: usize = 60;

/// How many more files may be opened on the way to tests: an answer is wanted within 30 ms, and each file costs a quarter of one.
const OPENED: usize = 20;

/// How many files that mention one name are looked at on that way: a name that more mention leads to everything.
const FILES_A_NAME: usize = 24;

/// Gathers the facts about a symbol.
pub(super) fn tell(told: &mut Told<'_>, node: Node, watch: &dyn Watch) -> Result<(), Fault> {
    let view = told.graph.resolver.view(node.file)?;
    let Some(number) = node.symbol else { return Ok(()) };
    tell_definition(told, &view, number)?;
    tell_members(told, &view, number)?;
    tell_callers(told, &view, node)?;
    tell_callees(told, &view, number)?;
    if watch.cancelled() {
        return Err(Fault::Cancelled);
    }
    tell_tests(told, node, watch)?;
    if let Some(symbol) = view.symbol(number) {
        told.commits(&view.path, (symbol.span.line, symbol.span.last_line), COMMITS)?;
        told.companions(&view.path, COMMITS)?;
    }
    if view.outline.errors > 0 {
        let (count, places) = (view.outline.errors, if view.outline.errors == 1 { "place" } else { "places" });
        told.gap(format!("{} has {count} {places} that do not fit its grammar; symbols near them may be missing", view.path));
    }
    Ok(())
}

fn qualified(view: &View, symbol: u32) -> String {
    view.outline.qualified(symbol).join(separator(view.language))
}

fn tell_definition(told: &mut Told<'_>, view: &View, number: u32) -> Result<(), Fault> {
    let Some(symbol) = view.symbol(number) else { return Ok(()) };
    let name = &symbol.name;
    let span = (symbol.span.start, symbol.span.end);
    let cited = match told.pages.part(&view.path, span, name)? {
        // A test's text may be worked out, or be written with escapes.
        None if matches!(symbol.kind, Kind::Test | Kind::Suite) => told.pages.part(&view.path, span, "")?,
        cited => cited,
    };
    let bytes = told.pages.bytes(&view.path)?.unwrap_or_default();
    let signature = signature(symbol, &bytes);
    let text = if signature.is_empty() { format!("{} {}", word(symbol.kind), qualified(view, number)) } else { signature };
    told.cite(Role::Definition, text, cited, false);
    let doc = documentation(symbol, &bytes);
    if let Some(place) = symbol.doc_span.filter(|_| !doc.is_empty()) {
        let cited = told.pages.part(&view.path, (place.start, place.end), "")?;
        told.cite(Role::Documentation, doc.lines().next().unwrap_or_default().to_owned(), cited, false);
    }
    Ok(())
}

fn tell_members(told: &mut Told<'_>, view: &View, number: u32) -> Result<(), Fault> {
    let Some(symbol) = view.symbol(number) else { return Ok(()) };
    if !symbol.kind.holds_members() && symbol.kind != Kind::Module {
        return Ok(());
    }
    let mut members: Vec<Node> = view.children(Some(number)).map(|at| Node::symbol(view.file, at)).collect();
    if is_type(symbol.kind) {
        members.extend(members_elsewhere(told, view, number)?);
    }
    tell_definitions(told, Role::Member, &members, MEMBERS)
}

/// The members that `impl` blocks and receivers add to a type.
fn members_elsewhere(told: &Told<'_>, view: &View, number: u32) -> Result<Vec<Node>, Fault> {
    let name = view.name(number);
    let mut found = Vec::new();
    let blocks = told.graph.resolver.named(name)?;
    for block in blocks.iter().filter(|block| block.kind == Kind::Impl && (block.number, block.file) != (number, view.file)) {
        let other = told.graph.resolver.view(block.file)?;
        found.extend(other.children(Some(block.number)).map(|at| Node::symbol(block.file, at)));
    }
    for file in told.graph.resolver.tree.directly_in(folder_of(&view.path)).filter(|file| file.language == view.language).take(64) {
        let other = told.graph.resolver.view(file.id)?;
        let received =
            (0_u32..).zip(&other.outline.symbols).filter(|(_, symbol)| symbol.parent.is_none() && symbol.owner.as_deref() == Some(name));
        found.extend(received.map(|(at, _)| Node::symbol(file.id, at)));
    }
    Ok(found)
}

/// Cites the heads of definitions.
pub(super) fn tell_definitions(told: &mut Told<'_>, role: Role, nodes: &[Node], most: usize) -> Result<(), Fault> {
    for node in nodes.iter().take(most) {
        let view = told.graph.resolver.view(node.file)?;
        let Some((number, symbol)) = node.symbol.and_then(|at| Some((at, view.symbol(at)?))) else { continue };
        let cited = told.pages.line(&view.path, symbol.name_span.start, &symbol.name)?;
        let signature = signature(symbol, &told.pages.bytes(&view.path)?.unwrap_or_default());
        let text = if signature.is_empty() { qualified(&view, number) } else { signature };
        told.cite(role, text, cited, false);
    }
    told.leave_out(role, nodes.len().saturating_sub(most));
    Ok(())
}

fn tell_callers(told: &mut Told<'_>, view: &View, node: Node) -> Result<(), Fault> {
    let mut uses = told.graph.uses(node)?;
    for base in told.graph.base_members(view, node.symbol.unwrap_or(0))? {
        uses.extend(told.graph.uses(base)?.into_iter().map(|found| Use { guess: true, ..found }));
    }
    let own =
        |found: &Use| found.by == node || (found.by.file == node.file && view.around(found.by.symbol).any(|at| Some(at) == node.symbol));
    uses.retain(|found| !own(found));
    let is_own_block = |by: Node| -> Result<bool, Fault> {
        let other = told.graph.resolver.view(by.file)?;
        let name = view.name(node.symbol.unwrap_or(0));
        Ok(by.symbol.and_then(|at| other.symbol(at)).is_some_and(|symbol| symbol.kind == Kind::Impl && symbol.name == name))
    };
    let mut first: BTreeMap<Node, Use> = BTreeMap::new();
    for found in &uses {
        if is_own_block(found.by)? {
            continue;
        }
        let known = first.entry(found.by).or_insert(*found);
        if (found.guess, found.start) < (known.guess, known.start) {
            *known = *found;
        }
    }
    let mut ranked = Vec::new();
    for found in first.into_values() {
        let other = told.graph.resolver.view(found.by.file)?;
        let is_test =
            other.around(found.by.symbol).any(|at| other.symbol(at).is_some_and(|symbol| matches!(symbol.kind, Kind::Test | Kind::Suite)));
        ranked.push(((is_test, found.guess, far(&view.path, &other.path), other.path.clone(), found.start), found));
    }
    ranked.sort();
    for (_, found) in ranked.iter().take(USERS) {
        tell_use(told, found)?;
    }
    told.leave_out(Role::Caller, ranked.len().saturating_sub(USERS));
    gaps_of_uses(told, view, node, &ranked.iter().map(|(_, found)| *found).collect::<Vec<_>>())
}

fn tell_use(told: &mut Told<'_>, found: &Use) -> Result<(), Fault> {
    let view = told.graph.resolver.view(found.by.file)?;
    let Some(mention) = view.mention(found.mention) else { return Ok(()) };
    let cited = told.pages.line(&view.path, mention.start, view.outline.name(mention.name))?;
    let by = found.by.symbol.map_or_else(|| format!("the top of {}", view.path), |symbol| qualified(&view, symbol));
    let how = match mention.manner {
        Manner::Call | Manner::MethodCall | Manner::Macro => "calls it",
        Manner::Type => "has it as a type",
        Manner::Member | Manner::Name => "mentions it",
    };
    told.cite(Role::Caller, format!("{by} {how}"), cited, found.guess);
    Ok(())
}

/// How far apart two files are: folders to leave and to enter.
fn far(one: &str, other: &str) -> usize {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split('/').collect(), other.split('/').collect());
    let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    one.len() + other.len() - 2 * shared
}

fn gaps_of_uses(told: &Told<'_>, view: &View, node: Node, uses: &[Use]) -> Result<(), Fault> {
    let name = view.name(node.symbol.unwrap_or(0));
    let kind = told.graph.resolver.kind(node);
    let skipped = told.graph.skipped();
    if skipped > 0 {
        told.gap(format!("{skipped} more files mention `{name}` and were not looked at"));
    }
    let guesses = uses.iter().filter(|found| found.guess).count();
    if guesses > 0 {
        let defined = told.graph.resolver.named(name)?.len();
        let (callers, are) = if guesses == 1 { ("caller", "is a guess") } else { ("callers", "are guesses") };
        told.gap(format!(
            "{guesses} {callers} {are}: the name `{name}` is defined {defined} {}",
            if defined == 1 { "time" } else { "times" }
        ));
    }
    if uses.is_empty() && !matches!(kind, Some(Kind::Test | Kind::Suite | Kind::Impl | Kind::Module)) {
        told.gap(format!("nothing mentions `{name}` by name; it may be reached by reflection, macros, or from outside this folder"));
    }
    Ok(())
}

fn tell_callees(told: &mut Told<'_>, view: &View, number: u32) -> Result<(), Fault> {
    let mut seen: HashMap<Node, (bool, bool, u32)> = HashMap::new();
    let inside: HashSet<Node> = std::iter::once(number).chain(view.below(number)).map(|at| Node::symbol(view.file, at)).collect();
    let mut mentions: Vec<u32> = std::iter::once(number).chain(view.below(number)).flat_map(|at| view.mentions_in(at).to_vec()).collect();
    mentions.sort_unstable();
    for at in mentions.into_iter().take(600) {
        let candidates = told.graph.resolver.resolve(view, at)?;
        if candidates.len() > 4 {
            continue;
        }
        for candidate in candidates.into_iter().filter(|candidate| candidate.node.symbol.is_some() && !inside.contains(&candidate.node)) {
            let called = matches!(told.graph.resolver.kind(candidate.node), Some(Kind::Function | Kind::Method | Kind::Macro));
            seen.entry(candidate.node).or_insert((candidate.guess, !called, at));
        }
    }
    let mut callees: Vec<(bool, bool, u32, Node)> = seen.into_iter().map(|(node, (guess, other, at))| (guess, other, at, node)).collect();
    callees.sort_unstable();
    for (guess, _, _, node) in callees.iter().take(USERS) {
        let other = told.graph.resolver.view(node.file)?;
        let Some((at, symbol)) = node.symbol.and_then(|at| Some((at, other.symbol(at)?))) else { continue };
        let cited = told.pages.line(&other.path, symbol.name_span.start, &symbol.name)?;
        told.cite(Role::Callee, format!("{} {}", word(symbol.kind), qualified(&other, at)), cited, *guess);
    }
    told.leave_out(Role::Callee, callees.len().saturating_sub(USERS));
    Ok(())
}

/// The nearest tests that reach the symbol, each with its way.
fn tell_tests(told: &mut Told<'_>, node: Node, watch: &dyn Watch) -> Result<(), Fault> {
    let mut from: HashMap<Node, (Node, bool)> = HashMap::from([(node, (node, false))]);
    let mut queue = VecDeque::from([node]);
    let mut tests = Vec::new();
    let mut followed = 0;
    told.graph.narrow(FILES_A_NAME);
    let opened = told.graph.resolver.opened();
    while let Some(at) = queue.pop_front() {
        let is_far = followed >= FOLLOWED || told.graph.resolver.opened() >= opened + OPENED;
        if tests.len() >= 4 * TESTS || is_far {
            told.gap("tests further away were not looked for");
            break;
        }
        if watch.cancelled() {
            return Err(Fault::Cancelled);
        }
        followed += 1;
        for step in told.graph.steps(at)? {
            if from.contains_key(&step.to) {
                continue;
            }
            let guess = step.guess || from.get(&at).is_some_and(|(_, guess)| *guess);
            from.insert(step.to, (at, guess));
            if told.graph.resolver.kind(step.to) == Some(Kind::Test) {
                tests.push(step.to);
            } else {
                queue.push_back(step.to);
            }
        }
    }
    for test in tests.iter().take(TESTS) {
        tell_test(told, *test, node, &from)?;
    }
    told.leave_out(Role::Test, tests.len().saturating_sub(TESTS));
    Ok(())
}

fn tell_test(told: &mut Told<'_>, test: Node, target: Node, from: &HashMap<Node, (Node, bool)>) -> Result<(), Fault> {
    let view = told.graph.resolver.view(test.file)?;
    let Some((number, symbol)) = test.symbol.and_then(|at| Some((at, view.symbol(at)?))) else { return Ok(()) };
    let mut way = Vec::new();
    let mut at = test;
    while at != target && way.len() < 16 {
        let Some((next, _)) = from.get(&at) else { break };
        at = *next;
        let other = told.graph.resolver.view(at.file)?;
        way.push(at.symbol.map_or_else(|| other.path.clone(), |symbol| other.name(symbol).to_owned()));
    }
    let guess = from.get(&test).is_some_and(|(_, guess)| *guess);
    let cited = told.pages.line(&view.path, symbol.name_span.start, &symbol.name)?;
    let cited = match cited {
        Some(cited) => Some(cited),
        None => told.pages.part(&view.path, (symbol.span.start, symbol.name_span.end.max(symbol.span.start + 1)), "")?,
    };
    told.cite(Role::Test, format!("{} → {}", qualified(&view, number), way.join(" → ")), cited, guess);
    Ok(())
}
