//! Which methods of a name a call can plausibly mean, without types.
//!
//! A function that calls `x.len()` got `x` from somewhere: it names the type, or calls something whose head names it, or reads a field
//! that does. The names found so are what the function *holds*; a method of a type that is not held is not meant.
//!
//! Invariant: it only ever narrows; what it cannot judge stays.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;
use std::sync::LazyLock;

use naestro_kernel::code::Fault;

use super::members::Members;
use super::view::{is_callable, is_type};
use super::{Node, Resolver, View, base_names, related};
use crate::{Definition, FileId, Kind, Language, Mention};

/// A name that more symbols have says too little to follow each.
const TOO_COMMON: usize = 12;

/// How often what is held is followed to what that holds.
const ROUNDS: usize = 3;

/// Names that the standard libraries give methods of their own: one definition here does not make a call mean it.
static STANDARD: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("standard.txt").split_whitespace().collect());

impl Resolver<'_> {
    /// Those of the methods or members that a mention can plausibly mean.
    pub(super) fn plausible(&self, view: &View, mention: &Mention, members: &Members) -> Result<Vec<Node>, Fault> {
        let name = view.outline.name(mention.name);
        if members.all.is_empty() || (members.all.len() == 1 && !is_standard(name)) {
            return Ok(members.all.clone());
        }
        let held = self.held(view, mention.within)?;
        let aliases = || view.outline.imports.iter().map(|import| import.alias.as_str());
        let mut kept: BTreeSet<Node> = members.loose.iter().copied().collect();
        // Whichever is fewer is gone through: a name may have thousands of owners, and be called as often.
        if members.by_type.len() <= held.len() {
            let sees = |name: &str| held.contains(name) || aliases().any(|alias| alias == name);
            kept.extend(members.by_type.iter().filter(|(name, _)| sees(name)).flat_map(|(_, nodes)| nodes));
        } else {
            let seen = held.iter().map(String::as_str).chain(aliases());
            kept.extend(seen.filter_map(|name| members.by_type.get(name)).flatten());
        }
        // A name of our own whose type is in no sight is meant nevertheless: by a blanket `impl`, through a value from far away.
        let is_ours = !is_standard(name) && members.all.len() <= TOO_COMMON;
        Ok(if kept.is_empty() && is_ours { members.all.clone() } else { kept.into_iter().collect() })
    }

    /// The types whose members a member stands for: those its `impl` implements, or its class extends.
    pub(super) fn bases_of_member(&self, member: &Definition, owner: &str) -> Result<Vec<String>, Fault> {
        match self.language(member.file) {
            Some(Language::Rust) => Ok(base_names(&member.bases).map(str::to_owned).collect()),
            language => self.bases(language, owner),
        }
    }

    /// The names of the types that the function around a place has to do with.
    fn held(&self, view: &View, within: Option<u32>) -> Result<Rc<HashSet<String>>, Fault> {
        let function = view.around(within).find(|at| {
            let of = |at: u32| view.symbol(at).is_some_and(|symbol| is_callable(symbol.kind));
            of(*at) && !view.around(Some(*at)).skip(1).any(of)
        });
        let key = Node { file: view.file, symbol: function.or_else(|| view.around(within).last()) };
        if let Some(known) = self.held.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let held = Rc::new(self.work_out_held(view, key)?);
        self.held.borrow_mut().insert(key, Rc::clone(&held));
        Ok(held)
    }

    /// Whether a file may be opened to follow what is held: it is open already, or there is budget left.
    fn may_follow(&self, file: FileId) -> bool {
        if self.views.borrow().contains_key(&file) {
            return true;
        }
        let left = self.followed.get().checked_sub(1);
        self.followed.set(left.unwrap_or(0));
        self.is_cut.set(self.is_cut.get() || left.is_none());
        left.is_some()
    }

    fn work_out_held(&self, view: &View, of: Node) -> Result<HashSet<String>, Fault> {
        let is_typed = matches!(view.language, Some(Language::Rust | Language::Go | Language::Java | Language::C | Language::Cpp));
        let mut held: HashSet<String> = HashSet::new();
        let mut fresh: Vec<String> = Vec::new();
        let mut take = |name: &str, fresh: &mut Vec<String>| {
            if !held.contains(name) {
                held.insert(name.to_owned());
                fresh.push(name.to_owned());
            }
        };
        for name in mentioned(view, of.symbol, false) {
            take(name, &mut fresh);
        }
        if let Some((block, owner)) = view.enclosing_type(of.symbol) {
            take(owner, &mut fresh);
            let head = block.filter(|at| view.symbol(*at).is_some_and(|symbol| matches!(symbol.kind, Kind::Impl | Kind::Trait)));
            for name in head.into_iter().flat_map(|at| mentioned(view, Some(at), true)) {
                take(name, &mut fresh);
            }
        }
        if !is_typed {
            for name in self.of_class(view, of.symbol)? {
                take(&name, &mut fresh);
            }
        }
        let package = self.tree.package(&view.path);
        let rounds = if is_typed { ROUNDS } else { 2 };
        for round in 0..rounds {
            let now = std::mem::take(&mut fresh);
            for name in now {
                let nodes = self.named(&name)?;
                if nodes.len() > TOO_COMMON {
                    continue;
                }
                let mut nodes: Vec<&Definition> = nodes.iter().filter(|node| related(view.language, self.language(node.file))).collect();
                nodes.sort_by_key(|node| self.tree.file(node.file).is_none_or(|file| self.tree.package(&file.path) != package));
                for node in nodes {
                    let about_type = is_type(node.kind) || matches!(node.kind, Kind::Impl | Kind::Field | Kind::Variant);
                    if (round > 0 && !about_type && is_typed) || !self.may_follow(node.file) {
                        continue;
                    }
                    let other = self.view(node.file)?;
                    let Some(symbol) = other.symbol(node.number) else { continue };
                    for base in base_names(&symbol.bases) {
                        take(base, &mut fresh);
                    }
                    for inner in mentioned(&other, Some(node.number), is_typed) {
                        take(inner, &mut fresh);
                    }
                }
            }
        }
        Ok(held)
    }
}

/// Whether the standard libraries have methods of that name too.
pub(super) fn is_standard(name: &str) -> bool {
    STANDARD.contains(name)
}

/// How many classes based on one are looked into for what they give it.
const DERIVED: usize = 24;

impl Resolver<'_> {
    /// What the methods beside one mention, those of classes based on its class included: where nothing is typed, what a method reads
    /// from its object was put there by another.
    fn of_class(&self, view: &View, of: Option<u32>) -> Result<BTreeSet<String>, Fault> {
        let mut names = BTreeSet::new();
        let Some(class) =
            view.around(of).find(|at| view.symbol(*at).is_some_and(|symbol| matches!(symbol.kind, Kind::Class | Kind::Suite)))
        else {
            return Ok(names);
        };
        let mut all = |view: &View, class: u32| {
            for at in std::iter::once(class).chain(view.below(class)) {
                names.extend(mentioned(view, Some(at), false).into_iter().map(str::to_owned));
            }
        };
        all(view, class);
        let own = view.name(class);
        for file in self.facts.mentioning(own)?.into_iter().take(DERIVED) {
            let other = self.view(file)?;
            for (at, symbol) in (0_u32..).zip(&other.outline.symbols) {
                if !symbol.bases.is_empty() && base_names(&symbol.bases).any(|base| base == own) {
                    all(&other, at);
                }
            }
        }
        Ok(names)
    }
}

/// The names a symbol mentions: in its head alone, or wherever; of a type, what its fields and variants mention too.
fn mentioned(view: &View, symbol: Option<u32>, head_only: bool) -> BTreeSet<&str> {
    let Some(symbol) = symbol else {
        let top = view.outline.mentions.iter().filter(|mention| mention.within.is_none());
        return top.map(|mention| view.outline.name(mention.name)).collect();
    };
    let Some(own) = view.symbol(symbol) else { return BTreeSet::new() };
    let is_callable = is_callable(own.kind);
    let is_member = |at: &u32| view.symbol(*at).is_some_and(|symbol| matches!(symbol.kind, Kind::Field | Kind::Variant | Kind::Type));
    let within: Vec<u32> = if head_only || !is_callable {
        let inner = if is_callable { Vec::new() } else { view.below(symbol).filter(is_member).collect() };
        std::iter::once(symbol).chain(inner).collect()
    } else {
        std::iter::once(symbol).chain(view.below(symbol)).collect()
    };
    let end = if head_only && is_callable { own.body.map_or(u32::MAX, |body| body.start) } else { u32::MAX };
    let mentions =
        within.iter().flat_map(|at| view.mentions_in(*at)).filter_map(|at| view.mention(*at)).filter(|mention| mention.start < end);
    let mut names = BTreeSet::new();
    for mention in mentions {
        names.insert(view.outline.name(mention.name));
        names.extend(
            view.qualifier(mention).into_iter().flat_map(|qualifier| qualifier.split(['.', ':', '<', '>'])).filter(|part| !part.is_empty()),
        );
    }
    names
}
