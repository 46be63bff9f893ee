//! What is reached by what: from a symbol to those that use it, by name or without naming it.
//!
//! A step leads from something that may behave differently to something that may therefore behave differently too. Most steps are
//! mentions, resolved. The others are those that syntax hides: a method that operators, frameworks or the language itself call is
//! reached by who has to do with its type; a base's method by who calls the override's base; a test's set-up by its tests.
//!
//! Invariant: a guess is a step. Too many steps select too many tests, too few lose one.

mod hidden;
mod uses;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use naestro_kernel::code::Fault;

use self::hidden::beside_in_macros;
pub(crate) use self::uses::Use;
use self::uses::Uses;
use crate::resolve::view::is_type;
use crate::resolve::{Node, Resolver, View};
use crate::{FileId, Kind, Language};

/// One step: who is reached, and whether that is a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step {
    /// Who uses it.
    pub(crate) to: Node,
    /// Whether the syntax alone does not prove it.
    pub(crate) guess: bool,
}

/// The graph of a repository, worked out where it is asked for.
pub(crate) struct Graph<'a> {
    /// Resolves the mentions.
    pub(crate) resolver: Resolver<'a>,
    most: Cell<usize>,
    near: String,
    skipped: Cell<usize>,
    uses: RefCell<HashMap<String, Rc<Uses>>>,
    importers: RefCell<HashMap<FileId, Rc<[FileId]>>>,
}

impl<'a> Graph<'a> {
    /// A graph that nothing is known of yet.
    pub(crate) fn new(resolver: Resolver<'a>) -> Self {
        Self::bounded(resolver, usize::MAX, String::new())
    }

    /// A graph that looks at so many files that mention a name, those nearest to a path first, and counts the others.
    pub(crate) fn bounded(resolver: Resolver<'a>, most: usize, near: String) -> Self {
        Self { resolver, most: Cell::new(most), near, skipped: Cell::new(0), uses: RefCell::default(), importers: RefCell::default() }
    }

    /// From now on looks at no more than so many files that mention a name; what was looked at stays known.
    pub(crate) fn narrow(&self, most: usize) {
        self.most.set(most.min(self.most.get()));
    }

    /// How many files were not looked at although they mention a name that was asked for.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped.get()
    }

    /// Who may behave differently where that node does; each once.
    pub(crate) fn steps(&self, node: Node) -> Result<Vec<Step>, Fault> {
        let mut steps = BTreeMap::new();
        let mut add = |to: Node, guess: bool| {
            if to != node {
                steps.entry(to).and_modify(|known| *known &= guess).or_insert(guess);
            }
        };
        let view = self.resolver.view(node.file)?;
        match node.symbol {
            None => self.steps_of_module(&view, &mut add)?,
            Some(symbol) => self.steps_of_symbol(&view, symbol, &mut add)?,
        }
        Ok(steps.into_iter().map(|(to, guess)| Step { to, guess }).collect())
    }

    /// Every use of a symbol by its name, or by the names under which it is handed on.
    pub(crate) fn uses(&self, node: Node) -> Result<Vec<Use>, Fault> {
        let view = self.resolver.view(node.file)?;
        let Some(symbol) = node.symbol else { return Ok(Vec::new()) };
        let mut names = vec![view.name(symbol).to_owned()];
        let mut found = Vec::new();
        let mut at = 0;
        while at < names.len() && at < 8 {
            let uses = self.uses_of_name(&names[at])?;
            found.extend(uses.of(node).iter().copied());
            for alias in &uses.aliases {
                if !names.contains(alias) {
                    names.push(alias.clone());
                }
            }
            at += 1;
        }
        found.extend(self.default_uses(&view, symbol)?);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn steps_of_symbol(&self, view: &View, symbol: u32, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        let node = Node::symbol(view.file, symbol);
        let Some(own) = view.symbol(symbol) else { return Ok(()) };
        if matches!(own.kind, Kind::Test) {
            return Ok(());
        }
        let uses = self.uses(node)?;
        let mut is_named = false;
        for found in &uses {
            is_named |= found.by != node;
            self.add_user(found, add)?;
        }
        for base in self.base_members(view, symbol)? {
            for found in self.uses(base)? {
                is_named = true;
                self.add_user(&found, add)?;
            }
        }
        self.hidden(view, symbol, is_named, add)
    }

    /// A use's node; a use at the top of a file is the file's own, as far as running or expanding it can matter.
    fn add_user(&self, found: &Use, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        let view = self.resolver.view(found.by.file)?;
        let in_module = found.by.symbol.is_none_or(|at| view.symbol(at).is_some_and(|symbol| symbol.kind == Kind::Module));
        if in_module && view.language == Some(Language::Rust) {
            return self.add_made_by_macros(&view, found.by, add);
        }
        if found.by.symbol.is_some() {
            add(found.by, found.guess);
            return Ok(());
        }
        if self.runs_when_loaded(&view, found.start)? {
            add(found.by, found.guess);
        }
        Ok(())
    }

    /// What macros outside the functions of a Rust file may make: more of what they mention beside it, and tests in a file of tests.
    fn add_made_by_macros(&self, view: &View, module: Node, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        for name in beside_in_macros(view, module.symbol) {
            for found in self.resolver.named(&name)?.iter().filter(|found| found.file == view.file || is_type(found.kind)) {
                add(found.node(), true);
            }
        }
        let in_tests = view.path.split('/').any(|part| matches!(part, "tests" | "test" | "tests.rs" | "test.rs"));
        if in_tests || module.symbol.is_some_and(|at| matches!(view.name(at), "tests" | "test")) {
            add(module, true);
        }
        Ok(())
    }

    /// The methods of its type's bases that a method stands in for.
    pub(crate) fn base_members(&self, view: &View, symbol: u32) -> Result<Vec<Node>, Fault> {
        let mut found = Vec::new();
        let Some(owner) = view.owner(symbol) else { return Ok(found) };
        let name = view.name(symbol);
        let mut owners = vec![owner.to_owned()];
        let mut at = 0;
        while at < owners.len() && at < 16 {
            for base in self.resolver.bases(view.language, &owners[at])? {
                if !owners.contains(&base) {
                    found.extend(self.resolver.own_members(view, &base, name)?);
                    owners.push(base);
                }
            }
            at += 1;
        }
        found.retain(|node| *node != Node::symbol(view.file, symbol));
        Ok(found)
    }

    /// Who is concerned by the code of a file that runs when the file is loaded, or shapes all of it.
    fn steps_of_module(&self, view: &View, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        for test in view.tests() {
            add(Node::symbol(view.file, test), false);
        }
        if view.language == Some(Language::Rust) {
            for symbol in (0_u32..).zip(&view.outline.symbols).map(|(at, _)| at) {
                add(Node::symbol(view.file, symbol), true);
            }
            return Ok(());
        }
        for importer in self.importers(view.file)?.iter() {
            add(Node::module(*importer), false);
        }
        Ok(())
    }
}
