//! Which symbol a mention means.
//!
//! In order: the scopes around the mention, what its file imports, what its package shares; and where all that says nothing, what
//! has that name and could be seen, which is a guess. Nothing infers types: what a method belongs to is judged by the types that the
//! code around the call has to do with (`held`).
//!
//! Invariant: an answer that is no guess follows from scopes, imports and file names alone.

mod held;
mod modules;
mod rust;
pub(crate) mod tree;
pub(crate) mod view;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use naestro_kernel::code::Fault;

use self::tree::{Tree, folder_of, folders_of, join, name_of};
pub(crate) use self::view::View;
use self::view::{holds_members, is_type};
use crate::{Facts, FileId, History, Import, Kind, Language, Manner, Mention};

/// How many manifests of a kind are read to know the packages of a repository.
const MANIFESTS_READ: usize = 2_000;

/// How many imports are followed one after another.
const DEEPEST: u32 = 10;

/// A symbol of a file, or the code of the file outside its symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node {
    /// The file.
    pub(crate) file: FileId,
    /// The symbol's number; nothing for the file itself.
    pub(crate) symbol: Option<u32>,
}

impl Node {
    /// A file as a module.
    pub(crate) fn module(file: FileId) -> Self {
        Self { file, symbol: None }
    }

    /// A symbol of a file.
    pub(crate) fn symbol(file: FileId, symbol: u32) -> Self {
        Self { file, symbol: Some(symbol) }
    }
}

/// What a mention may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// The symbol.
    pub(crate) node: Node,
    /// Whether the syntax alone does not prove it.
    pub(crate) guess: bool,
}

/// What a module's or an import's text means.
#[derive(Clone, Debug, Default)]
struct Found {
    nodes: Vec<Node>,
    /// Whether it is certainly not in the repository.
    outside: bool,
}

impl Found {
    fn nothing() -> Self {
        Self::default()
    }

    fn outside() -> Self {
        Self { nodes: Vec::new(), outside: true }
    }

    fn these(nodes: Vec<Node>) -> Self {
        Self { nodes, outside: false }
    }
}

type Known<K, V> = RefCell<HashMap<K, V>>;

/// Resolves mentions. It keeps what it has read, so it answers for one moment of the repository.
pub(crate) struct Resolver<'a> {
    facts: &'a dyn Facts,
    history: &'a dyn History,
    /// The files.
    pub(crate) tree: Tree,
    views: Known<FileId, Rc<View>>,
    named: Known<String, Rc<[Node]>>,
    modules: Known<(String, Language, String), Found>,
    items: Known<(Node, String), Vec<Node>>,
    asked: RefCell<HashSet<(Node, String)>>,
    held: Known<Node, Rc<HashSet<String>>>,
    crates: RefCell<Option<HashMap<String, FileId>>>,
    packages: RefCell<Option<Rc<[(String, String)]>>>,
}

impl<'a> Resolver<'a> {
    /// A resolver that has read nothing yet but the list of files.
    pub(crate) fn new(facts: &'a dyn Facts, history: &'a dyn History) -> Result<Self, Fault> {
        Ok(Self {
            facts,
            history,
            tree: Tree::new(facts.files()?),
            views: RefCell::default(),
            named: RefCell::default(),
            modules: RefCell::default(),
            items: RefCell::default(),
            asked: RefCell::default(),
            held: RefCell::default(),
            crates: RefCell::default(),
            packages: RefCell::default(),
        })
    }

    /// What is known about the repository.
    pub(crate) fn facts(&self) -> &'a dyn Facts {
        self.facts
    }

    /// A file's outline, made quick to ask.
    pub(crate) fn view(&self, file: FileId) -> Result<Rc<View>, Fault> {
        if let Some(known) = self.views.borrow().get(&file) {
            return Ok(Rc::clone(known));
        }
        let Some(entry) = self.tree.file(file) else { return Err(Fault::Unavailable("read a file the index does not know".to_owned())) };
        let view = Rc::new(View::new(entry, self.facts.outline(file)?));
        self.views.borrow_mut().insert(file, Rc::clone(&view));
        Ok(view)
    }

    /// A file's text as it is now; empty where there is none.
    pub(crate) fn text(&self, path: &str) -> Result<String, Fault> {
        Ok(self.history.bytes(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    }

    /// Every symbol of that name.
    pub(crate) fn named(&self, name: &str) -> Result<Rc<[Node]>, Fault> {
        if let Some(known) = self.named.borrow().get(name) {
            return Ok(Rc::clone(known));
        }
        let found: Rc<[Node]> = self.facts.named(name)?.into_iter().map(|(file, symbol)| Node::symbol(file, symbol)).collect();
        self.named.borrow_mut().insert(name.to_owned(), Rc::clone(&found));
        Ok(found)
    }

    /// What the mention of that number in a file may mean; a symbol that mentions itself is among them.
    pub(crate) fn resolve(&self, view: &View, mention: u32) -> Result<Vec<Candidate>, Fault> {
        let Some(mention) = view.mention(mention) else { return Ok(Vec::new()) };
        let name = view.outline.name(mention.name).to_owned();
        let certain = match view.qualifier(mention) {
            None if matches!(mention.manner, Manner::MethodCall | Manner::Member) => Found::nothing(),
            None => self.bare(view, mention, &name)?,
            Some(qualifier) => self.qualified(view, mention, qualifier, &name)?,
        };
        let mut found = BTreeSet::new();
        if !certain.outside && certain.nodes.is_empty() {
            found.extend(self.by_name(view, mention, &name)?);
        }
        found.extend(certain.nodes.into_iter().map(|node| Candidate { node, guess: false }));
        Ok(found.into_iter().collect())
    }

    /// What a name that stands alone means.
    fn bare(&self, view: &View, mention: &Mention, name: &str) -> Result<Found, Fault> {
        let in_scope = self.scopes(view, mention.within, name);
        if !in_scope.is_empty() {
            return Ok(Found::these(in_scope));
        }
        let imported = self.by_import(view, name, 0)?;
        if imported.outside || !imported.nodes.is_empty() {
            return Ok(imported);
        }
        self.shared(view, mention, name).map(Found::these)
    }

    /// The scopes around a place that define the name: what lies in the symbols around, then the file.
    fn scopes(&self, view: &View, within: Option<u32>, name: &str) -> Vec<Node> {
        let all = view.defined(name);
        if all.is_empty() {
            return Vec::new();
        }
        let members_are_seen = matches!(view.language, Some(Language::Java | Language::Cpp | Language::C));
        for around in view.around(within) {
            let is_class = view.symbol(around).is_some_and(|symbol| holds_members(symbol.kind) && symbol.kind != Kind::Suite);
            let inside = || all.iter().copied().filter(|at| view.symbol(*at).is_some_and(|symbol| symbol.parent == Some(around)));
            if (!is_class || members_are_seen) && inside().next().is_some() {
                return inside().map(|at| Node::symbol(view.file, at)).collect();
            }
        }
        let own = view.enclosing_type(within).map(|(_, name)| name);
        let seen = |at: &u32| {
            let Some(symbol) = view.symbol(*at) else { return false };
            let of_file =
                symbol.parent.is_none() || symbol.parent.and_then(|at| view.symbol(at)).is_some_and(|symbol| symbol.kind == Kind::Module);
            of_file && (symbol.owner.is_none() || (members_are_seen && symbol.owner.as_deref() == own))
        };
        all.iter().filter(|at| seen(at)).map(|at| Node::symbol(view.file, *at)).collect()
    }

    /// What the file's imports make of the name.
    fn by_import(&self, view: &View, name: &str, depth: u32) -> Result<Found, Fault> {
        let mut outside = false;
        for import in view.outline.imports.iter().filter(|import| import.alias == name) {
            let found = self.imported(view, import, depth)?;
            if !found.nodes.is_empty() {
                return Ok(found);
            }
            outside |= found.outside;
        }
        if outside {
            return Ok(Found::outside());
        }
        for import in view.outline.imports.iter().filter(|import| import.alias.is_empty()) {
            let mut nodes = Vec::new();
            for module in self.imported(view, import, depth)?.nodes {
                nodes.extend(self.item(module, name, depth + 1)?);
            }
            if !nodes.is_empty() {
                return Ok(Found::these(nodes));
            }
        }
        Ok(Found::nothing())
    }

    /// What an import brings in: a symbol, or a module.
    fn imported(&self, view: &View, import: &Import, depth: u32) -> Result<Found, Fault> {
        let within = view.outline.at(import.span.start);
        if depth > DEEPEST {
            return Ok(Found::nothing());
        }
        let name = import.name.as_str();
        if import.module.is_empty() && is_script(view.language) {
            let own = self.scopes(view, None, name);
            let other = view.outline.imports.iter().find(|other| other.alias == name && !other.module.is_empty());
            return match other {
                Some(other) if own.is_empty() => self.imported(view, other, depth + 1),
                _ => Ok(Found::these(own)),
            };
        }
        if import.module.is_empty() && !name.is_empty() {
            return self.module(view, within, name, depth + 1);
        }
        let module = self.module(view, within, &import.module, depth + 1)?;
        if name.is_empty() || name == "*" || matches!(view.language, Some(Language::C | Language::Cpp)) {
            return Ok(module);
        }
        let mut nodes = Vec::new();
        for node in &module.nodes {
            nodes.extend(self.item(*node, name, depth + 1)?);
        }
        if nodes.is_empty() && view.language == Some(Language::Python) {
            let dot = if import.module.ends_with('.') { "" } else { "." };
            let submodule = self.module(view, within, &format!("{}{dot}{name}", import.module), depth + 1)?;
            if !submodule.nodes.is_empty() {
                return Ok(submodule);
            }
        }
        Ok(Found { outside: module.outside && nodes.is_empty(), nodes })
    }

    /// What a module or a type offers under a name, re-exports followed.
    fn item(&self, module: Node, name: &str, depth: u32) -> Result<Vec<Node>, Fault> {
        let key = (module, name.to_owned());
        if let Some(known) = self.items.borrow().get(&key) {
            return Ok(known.clone());
        }
        if depth > DEEPEST || !self.asked.borrow_mut().insert(key.clone()) {
            return Ok(Vec::new());
        }
        let found = self.find_item(module, name, depth);
        self.asked.borrow_mut().remove(&key);
        let found = found?;
        if self.asked.borrow().is_empty() {
            self.items.borrow_mut().insert(key, found.clone());
        }
        Ok(found)
    }

    fn find_item(&self, module: Node, name: &str, depth: u32) -> Result<Vec<Node>, Fault> {
        let view = self.view(module.file)?;
        if let Some(symbol) = module.symbol
            && view.symbol(symbol).is_some_and(|symbol| symbol.kind != Kind::Module)
        {
            return self.members(module, name);
        }
        if name == "default" {
            return Ok(self.default_export(&view));
        }
        let of_module = |at: &u32| {
            let Some(own) = view.symbol(*at) else { return false };
            let is_file = own.kind == Kind::Module && own.body.is_none();
            own.parent == module.symbol && own.owner.is_none() && own.kind != Kind::Impl && !is_file
        };
        let own: Vec<Node> = view.defined(name).iter().copied().filter(of_module).map(|at| Node::symbol(view.file, at)).collect();
        if !own.is_empty() {
            return Ok(own);
        }
        self.submodule_or_export(&view, module, name, depth)
    }

    fn submodule_or_export(&self, view: &View, module: Node, name: &str, depth: u32) -> Result<Vec<Node>, Fault> {
        if view.language == Some(Language::Rust)
            && let Some(child) = self.rust_child(module, name)?
        {
            return Ok(vec![Node::module(child)]);
        }
        let handed_on = |import: &&Import| !is_script(view.language) || import.exported;
        for import in view.outline.imports.iter().filter(handed_on).filter(|import| import.alias == name) {
            let found = self.imported(view, import, depth + 1)?;
            if !found.nodes.is_empty() || found.outside {
                return Ok(found.nodes);
            }
        }
        if view.language == Some(Language::Python) && name_of(&view.path) == "__init__.py" {
            let stem = join(folder_of(&view.path), name);
            let submodule = self.tree.first([format!("{stem}.py"), format!("{stem}/__init__.py"), format!("{stem}.pyi")]);
            if let Some(file) = submodule {
                return Ok(vec![Node::module(file)]);
            }
        }
        for import in view.outline.imports.iter().filter(handed_on).filter(|import| import.alias.is_empty() && import.name == "*") {
            let mut nodes = Vec::new();
            for glob in self.imported(view, import, depth + 1)?.nodes {
                nodes.extend(self.item(glob, name, depth + 1)?);
            }
            if !nodes.is_empty() {
                return Ok(nodes);
            }
        }
        Ok(Vec::new())
    }

    /// What a script exports by default: the symbol that says so, else the module itself.
    fn default_export(&self, view: &View) -> Vec<Node> {
        let says_so = |symbol: &u32| view.symbol(*symbol).is_some_and(|symbol| symbol.marks.split(' ').any(|mark| mark == "default"));
        match view.children(None).find(says_so) {
            Some(symbol) => vec![Node::symbol(view.file, symbol)],
            None => vec![Node::module(view.file)],
        }
    }

    /// What a package shares without an import: Go's and Java's folders, what C declares, Rust's macros, pytest's fixtures.
    fn shared(&self, view: &View, mention: &Mention, name: &str) -> Result<Vec<Node>, Fault> {
        let folder = folder_of(&view.path);
        let near = |node: &Node| self.tree.file(node.file).is_some_and(|file| folder_of(&file.path) == folder);
        match view.language {
            Some(Language::Go | Language::Java) => self.at_top(view, name, near),
            Some(Language::C | Language::Cpp) => self.at_top(view, name, |_| true),
            Some(Language::Rust) if mention.manner == Manner::Macro => {
                let all = self.named(name)?;
                let is_macro = |node: &&Node| self.kind(**node) == Some(Kind::Macro);
                Ok(all.iter().filter(is_macro).copied().collect())
            }
            Some(Language::Python) => self.fixture(view, mention, name),
            _ => Ok(Vec::new()),
        }
    }

    /// The symbols of that name at the top of the files that pass.
    fn at_top(&self, view: &View, name: &str, passes: impl Fn(&Node) -> bool) -> Result<Vec<Node>, Fault> {
        let mut found = Vec::new();
        for node in self.named(name)?.iter().filter(|node| passes(node)) {
            let other = self.view(node.file)?;
            let Some(symbol) = node.symbol.and_then(|at| other.symbol(at)) else { continue };
            if related(view.language, other.language) && symbol.owner.is_none() && other.owner(node.symbol.unwrap_or(0)).is_none() {
                found.push(*node);
            }
        }
        Ok(found)
    }

    /// The fixture that a parameter of a pytest test or fixture asks for.
    fn fixture(&self, view: &View, mention: &Mention, name: &str) -> Result<Vec<Node>, Fault> {
        let asks = |at: u32| view.symbol(at).is_some_and(|symbol| symbol.kind == Kind::Test || symbol.marks.contains("fixture"));
        if mention.manner != Manner::Name || !view.around(mention.within).any(asks) {
            return Ok(Vec::new());
        }
        let class = view.around(mention.within).find(|at| view.symbol(*at).is_some_and(|symbol| holds_members(symbol.kind)));
        let in_class = class.into_iter().flat_map(|class| view.children(Some(class))).find(|at| view.name(*at) == name);
        if let Some(symbol) = in_class {
            return Ok(vec![Node::symbol(view.file, symbol)]);
        }
        for folder in folders_of(&view.path) {
            let Some(conftest) = self.tree.find(&join(folder, "conftest.py")) else { continue };
            let found = self.item(Node::module(conftest.id), name, 1)?;
            if !found.is_empty() {
                return Ok(found.to_vec());
            }
        }
        Ok(Vec::new())
    }

    /// What `qualifier.name` or `qualifier::name` means.
    fn qualified(&self, view: &View, mention: &Mention, qualifier: &str, name: &str) -> Result<Found, Fault> {
        if matches!(qualifier, "self" | "this" | "Self" | "cls" | "super" | "super()") {
            let own = view.enclosing_type(mention.within).map(|(at, name)| (at, name.to_owned()));
            let is_module = view.language == Some(Language::Rust)
                && matches!(qualifier, "self" | "super")
                && mention.manner != Manner::MethodCall
                && mention.manner != Manner::Member;
            if let (Some((_, owner)), false) = (own, is_module) {
                return self.members_by_type(view, &owner, name).map(Found::these);
            }
        }
        let through = if view.language == Some(Language::Rust) && !matches!(mention.manner, Manner::MethodCall | Manner::Member) {
            self.rust_path(view, mention.within, qualifier, 0)?
        } else {
            self.dotted(view, mention, qualifier)?
        };
        if through.outside {
            return self.on_outside(view, qualifier, name);
        }
        let mut nodes = Vec::new();
        for node in through.nodes {
            nodes.extend(self.item(node, name, 1)?);
        }
        nodes.sort_unstable();
        nodes.dedup();
        Ok(Found::these(nodes))
    }

    /// What a member of something that is not defined here means: what the repository itself adds to it, or, of what may be a type
    /// parameter, nothing certain.
    fn on_outside(&self, view: &View, qualifier: &str, name: &str) -> Result<Found, Fault> {
        let last = qualifier.rsplit("::").next().unwrap_or(qualifier);
        let last = last.split('<').next().unwrap_or(last);
        if view.language == Some(Language::Rust) && qualifier == last && last.len() <= 2 {
            return Ok(Found::nothing());
        }
        let mut nodes = Vec::new();
        for node in self.named(name)?.iter() {
            let other = self.view(node.file)?;
            if node.symbol.and_then(|at| other.owner(at)) == Some(last) {
                nodes.push(*node);
            }
        }
        Ok(if nodes.is_empty() { Found::outside() } else { Found::these(nodes) })
    }

    /// The modules or types that `a.b` means; nothing where it is a value.
    fn dotted(&self, view: &View, mention: &Mention, path: &str) -> Result<Found, Fault> {
        if path.is_empty() {
            return Ok(Found::nothing());
        }
        if let Some(import) = view.outline.imports.iter().find(|import| import.module == path && import.name.is_empty()) {
            return self.imported(view, import, 0);
        }
        let mut parts = path.split(['.', ':']).filter(|part| !part.is_empty());
        let alone = Mention { manner: Manner::Name, ..*mention };
        let Some(first) = parts.next() else { return Ok(Found::nothing()) };
        let mut found = self.bare(view, &alone, first)?;
        for part in parts {
            let mut nodes = Vec::new();
            for node in &found.nodes {
                nodes.extend(self.item(*node, part, 1)?);
            }
            found.nodes = nodes;
        }
        Ok(found)
    }

    /// The members of that name of a type, or of a value that lists them (`const api = { parse() {} }`), those of its bases included.
    fn members(&self, of: Node, name: &str) -> Result<Vec<Node>, Fault> {
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
            for base in self.bases(view, &owners[at])? {
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
        let mut found = Vec::new();
        for node in self.named(name)?.iter() {
            let other = self.view(node.file)?;
            if related(view.language, other.language) && node.symbol.and_then(|at| other.owner(at)) == Some(owner) {
                found.push(*node);
            }
        }
        if found.iter().any(|node| node.file == view.file) {
            found.retain(|node| node.file == view.file);
        }
        Ok(found)
    }

    /// The names of the types that types of that name extend or implement.
    pub(crate) fn bases(&self, view: &View, owner: &str) -> Result<Vec<String>, Fault> {
        let mut bases = Vec::new();
        for node in self.named(owner)?.iter() {
            let other = self.view(node.file)?;
            let Some(symbol) = node.symbol.and_then(|at| other.symbol(at)).filter(|symbol| holds_members(symbol.kind)) else { continue };
            if related(view.language, other.language) {
                bases.extend(base_names(&symbol.bases).filter(|base| *base != owner).map(str::to_owned));
            }
        }
        bases.sort_unstable();
        bases.dedup();
        Ok(bases)
    }

    /// What has that name and could be meant: guesses, unless there is but one.
    fn by_name(&self, view: &View, mention: &Mention, name: &str) -> Result<Vec<Candidate>, Fault> {
        let stands_alone = mention.qualifier.is_none() && !matches!(mention.manner, Manner::MethodCall | Manner::Member);
        if stands_alone {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut functions = Vec::new();
        for node in self.named(name)?.iter() {
            let other = self.view(node.file)?;
            let Some(at) = node.symbol.filter(|_| related(view.language, other.language)) else { continue };
            let Some(symbol) = other.symbol(at) else { continue };
            match other.owner(at) {
                Some(_) if symbol.kind != Kind::Test => found.push(*node),
                None if matches!(symbol.kind, Kind::Function | Kind::Variable | Kind::Method) => functions.push(*node),
                _ => {}
            }
        }
        let untyped = is_script(view.language) || view.language == Some(Language::Python);
        if found.is_empty() && untyped {
            found = functions;
        }
        let alone = found.len() == 1;
        let plausible = self.plausible(view, mention, found)?;
        Ok(plausible.into_iter().map(|node| Candidate { node, guess: !alone || untyped }).collect())
    }

    /// What a symbol is.
    pub(crate) fn kind(&self, node: Node) -> Option<Kind> {
        self.view(node.file).ok()?.symbol(node.symbol?).map(|symbol| symbol.kind)
    }

    /// The types of that name, `impl` blocks left out.
    pub(crate) fn types(&self, language: Option<Language>, name: &str) -> Result<Vec<Node>, Fault> {
        let mut found = Vec::new();
        for node in self.named(name)?.iter() {
            let other = self.view(node.file)?;
            if related(language, other.language) && node.symbol.and_then(|at| other.symbol(at)).is_some_and(|symbol| is_type(symbol.kind)) {
                found.push(*node);
            }
        }
        Ok(found)
    }

    /// The files that the module part of an import means.
    pub(crate) fn import_files(&self, view: &View, import: &Import) -> Result<Vec<FileId>, Fault> {
        let within = view.outline.at(import.span.start);
        let mut files: Vec<FileId> = self.module(view, within, &import.module, 1)?.nodes.iter().map(|node| node.file).collect();
        files.extend(self.imported(view, import, 0)?.nodes.iter().map(|node| node.file));
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }
}

/// The last names of the types in a list of bases.
pub(crate) fn base_names(bases: &str) -> impl Iterator<Item = &str> {
    bases.split_whitespace().filter_map(|base| {
        let base = base.split(['<', '[', '(']).next()?;
        base.rsplit([':', '.']).next().filter(|name| !name.is_empty())
    })
}

/// Whether a language is JavaScript or TypeScript.
pub(crate) fn is_script(language: Option<Language>) -> bool {
    matches!(language, Some(Language::TypeScript | Language::Tsx | Language::JavaScript))
}

/// Whether code of one language may use code of the other by its name.
pub(crate) fn related(one: Option<Language>, other: Option<Language>) -> bool {
    let family = |language: Language| match language {
        Language::TypeScript | Language::Tsx | Language::JavaScript => 1,
        Language::C | Language::Cpp => 2,
        Language::Rust => 3,
        Language::Python => 4,
        Language::Go => 5,
        Language::Java => 6,
    };
    matches!((one, other), (Some(one), Some(other)) if family(one) == family(other))
}
