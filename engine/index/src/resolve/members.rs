//! Members of types, by the type's name, and by their own name alone where the type is not known.
//!
//! Invariant: types are told apart by name and file only.

use std::collections::BTreeMap;
use std::rc::Rc;

use naestro_kernel::code::Fault;

use super::view::is_type;
use super::{Candidate, Found, Node, Resolver, View, base_names, held, is_script, related};
use crate::{Definition, Kind, Language, Manner, Mention};

/// Everything a call or a member of one name can mean where its type is not known.
#[derive(Default)]
pub(super) struct Members {
    /// All of it.
    pub(super) all: Vec<Node>,
    /// What is no member of a type.
    pub(super) loose: Vec<Node>,
    /// The others, by the name of their type and the names of what that is based on.
    pub(super) by_type: BTreeMap<String, Vec<Node>>,
}

impl Resolver<'_> {
    /// What a member of something that is not defined here means: what the repository itself adds to it, or, of what may be a type
    /// parameter, nothing certain.
    pub(super) fn on_outside(&self, view: &View, qualifier: &str, name: &str) -> Result<Found, Fault> {
        let last = qualifier.rsplit("::").next().unwrap_or(qualifier);
        let last = last.split('<').next().unwrap_or(last);
        if view.language == Some(Language::Rust) && qualifier == last && last.len() <= 2 {
            return Ok(Found::nothing());
        }
        let nodes: Vec<Node> =
            self.named(name)?.iter().filter(|found| found.owner.as_deref() == Some(last)).map(Definition::node).collect();
        Ok(if nodes.is_empty() { Found::outside() } else { Found::these(nodes) })
    }

    /// The members of that name of a type, or of a value that lists them (`const api = { parse() {} }`), those of its bases included.
    pub(super) fn members(&self, of: Node, name: &str) -> Result<Vec<Node>, Fault> {
        let view = self.view(of.file)?;
        let Some(symbol) = of.symbol else { return Ok(Vec::new()) };
        let own: Vec<Node> = view.children(Some(symbol)).filter(|at| view.name(*at) == name).map(|at| Node::symbol(of.file, at)).collect();
        let is_function = view.symbol(symbol).is_some_and(|symbol| matches!(symbol.kind, Kind::Function | Kind::Method | Kind::Test));
        match own.is_empty() {
            _ if is_function => Ok(Vec::new()),
            false => Ok(own),
            true => self.members_by_type(&view, view.name(symbol), name),
        }
    }

    /// The members of that name of a type by its name, and where it has none, those of the types it is based on.
    pub(crate) fn members_by_type(&self, view: &View, owner: &str, name: &str) -> Result<Vec<Node>, Fault> {
        let mut owners = vec![owner.to_owned()];
        let mut at = 0;
        while at < owners.len() && at < 16 {
            let found = self.own_members(view, &owners[at], name)?;
            if !found.is_empty() {
                return Ok(found);
            }
            for base in self.bases(view.language, &owners[at])? {
                if !owners.contains(&base) {
                    owners.push(base);
                }
            }
            at += 1;
        }
        Ok(Vec::new())
    }

    /// The members that types of that very name have; those of the same file where there are any.
    pub(crate) fn own_members(&self, view: &View, owner: &str, name: &str) -> Result<Vec<Node>, Fault> {
        let named = self.named(name)?;
        let fits = |found: &&Definition| found.owner.as_deref() == Some(owner) && related(view.language, self.language(found.file));
        let mut found: Vec<Node> = named.iter().filter(fits).map(Definition::node).collect();
        if found.iter().any(|node| node.file == view.file) {
            found.retain(|node| node.file == view.file);
        }
        Ok(found)
    }

    /// The names of the types that types of that name extend or implement.
    pub(crate) fn bases(&self, language: Option<Language>, owner: &str) -> Result<Vec<String>, Fault> {
        let key = (language, owner.to_owned());
        if let Some(known) = self.based_on.borrow().get(&key) {
            return Ok(known.clone());
        }
        let named = self.named(owner)?;
        let fits = |found: &&Definition| found.kind.holds_members() && related(language, self.language(found.file));
        let all = named.iter().filter(fits).flat_map(|found| base_names(&found.bases));
        let mut bases: Vec<String> = all.filter(|base| *base != owner).map(str::to_owned).collect();
        bases.sort_unstable();
        bases.dedup();
        self.based_on.borrow_mut().insert(key, bases.clone());
        Ok(bases)
    }

    /// What has that name and could be meant: guesses, unless there is but one.
    pub(super) fn by_name(&self, view: &View, mention: &Mention, name: &str) -> Result<Vec<Candidate>, Fault> {
        let stands_alone = mention.qualifier.is_none() && !matches!(mention.manner, Manner::MethodCall | Manner::Member);
        if stands_alone {
            return Ok(Vec::new());
        }
        let untyped = is_script(view.language) || view.language == Some(Language::Python);
        let members = self.members_named(view.language, name, untyped)?;
        let alone = members.all.len() == 1;
        let plausible = self.plausible(view, mention, &members)?;
        Ok(plausible.into_iter().map(|node| Candidate { node, guess: !alone || untyped || held::is_standard(name) }).collect())
    }

    /// Everything that code of a language can mean by a member of that name; where nothing is typed and no type has one, functions too.
    fn members_named(&self, language: Option<Language>, name: &str, untyped: bool) -> Result<Rc<Members>, Fault> {
        let key = (language, name.to_owned());
        if let Some(known) = self.members.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let mut members = Members::default();
        let mut functions = Vec::new();
        for found in self.named(name)?.iter().filter(|found| related(language, self.language(found.file))) {
            match &found.owner {
                Some(owner) if found.kind != Kind::Test => {
                    members.all.push(found.node());
                    for named in std::iter::once(owner.clone()).chain(self.bases_of_member(found, owner)?) {
                        members.by_type.entry(named).or_default().push(found.node());
                    }
                }
                None if matches!(found.kind, Kind::Function | Kind::Variable | Kind::Method) => functions.push(found.node()),
                _ => {}
            }
        }
        if members.all.is_empty() && untyped {
            members.loose = functions;
            members.all.clone_from(&members.loose);
        }
        let members = Rc::new(members);
        self.members.borrow_mut().insert(key, Rc::clone(&members));
        Ok(members)
    }

    /// What a symbol is.
    pub(crate) fn kind(&self, node: Node) -> Option<Kind> {
        let known = self.kinds.borrow().get(&node).copied();
        known.or_else(|| self.view(node.file).ok()?.symbol(node.symbol?).map(|symbol| symbol.kind))
    }

    /// The types of that name, `impl` blocks left out.
    pub(crate) fn types(&self, language: Option<Language>, name: &str) -> Result<Vec<Node>, Fault> {
        let named = self.named(name)?;
        let fits = |found: &&Definition| is_type(found.kind) && related(language, self.language(found.file));
        Ok(named.iter().filter(fits).map(Definition::node).collect())
    }
}
