//! Which symbol a mention means.
//!
//! In order: the scopes around the mention, what its file imports, what its package shares; and where all that says nothing, what
//! has that name and could be seen, which is a guess. Nothing infers types: what a method belongs to is judged by the types that the
//! code around the call has to do with (`held`).
//!
//! Invariant: an answer that is no guess follows from scopes, imports and file names alone.

mod held;
mod imports;
mod members;
mod modules;
mod rust;
pub(crate) mod tree;
mod unimported;
pub(crate) mod view;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use naestro_kernel::code::Fault;

use self::imports::{Asked, Item};
use self::members::Members;
use self::tree::Tree;
pub(crate) use self::view::View;
use self::view::is_callable;
use crate::{Definition, Facts, FileId, History, Kind, Language, Manner, Mention};

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

impl Definition {
    /// The symbol.
    pub(crate) fn node(&self) -> Node {
        Node::symbol(self.file, self.number)
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

/// Packages of scripts: each one's name and folder.
type Packages = Rc<[(String, String)]>;

/// Resolves mentions. It keeps what it has read, so it answers for one moment of the repository.
pub(crate) struct Resolver<'a> {
    facts: &'a dyn Facts,
    history: &'a dyn History,
    /// The files.
    pub(crate) tree: Tree,
    views: Known<FileId, Rc<View>>,
    named: Known<String, Rc<[Definition]>>,
    kinds: Known<Node, Kind>,
    modules: Known<(String, Language, String), Found>,
    items: Known<Item, Vec<Node>>,
    asked: RefCell<Asked>,
    members: Known<(Option<Language>, String), Rc<Members>>,
    based_on: Known<(Option<Language>, String), Vec<String>>,
    held: Known<Node, Rc<HashSet<String>>>,
    /// How many more files may be opened to follow what functions hold.
    followed: Cell<usize>,
    /// Whether that was too few.
    is_cut: Cell<bool>,
    crates: RefCell<Option<HashMap<String, FileId>>>,
    packages: RefCell<Option<Packages>>,
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
            kinds: RefCell::default(),
            modules: RefCell::default(),
            items: RefCell::default(),
            asked: RefCell::default(),
            members: RefCell::default(),
            based_on: RefCell::default(),
            held: RefCell::default(),
            followed: Cell::new(usize::MAX),
            is_cut: Cell::new(false),
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

    /// How many files were opened so far: what an answer costs.
    pub(crate) fn opened(&self) -> usize {
        self.views.borrow().len()
    }

    /// From now on opens no more than so many files to judge which methods are meant, those of the same package first.
    pub(crate) fn follow(&self, most: usize) {
        self.followed.set(most);
    }

    /// Whether more files would have been opened for that.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.get()
    }

    /// A file's text as it is now; empty where there is none.
    pub(crate) fn text(&self, path: &str) -> Result<String, Fault> {
        Ok(self.history.bytes(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    }

    /// Every symbol of that name.
    pub(crate) fn named(&self, name: &str) -> Result<Rc<[Definition]>, Fault> {
        if let Some(known) = self.named.borrow().get(name) {
            return Ok(Rc::clone(known));
        }
        let found: Rc<[Definition]> = self.facts.named(name)?.into();
        self.kinds.borrow_mut().extend(found.iter().map(|definition| (definition.node(), definition.kind)));
        self.named.borrow_mut().insert(name.to_owned(), Rc::clone(&found));
        Ok(found)
    }

    /// The language of a file.
    fn language(&self, file: FileId) -> Option<Language> {
        self.tree.file(file).and_then(|file| file.language)
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
        let is_value = |node: &Node| matches!(self.kind(*node), Some(Kind::Constant | Kind::Variable));
        if !in_scope.is_empty() {
            // `try: from x import y` and `except: y = ...` give one name two meanings.
            let either = view.language == Some(Language::Python) && in_scope.iter().all(is_value);
            let imported = if either { self.by_import(view, name, 0)?.nodes } else { Vec::new() };
            return Ok(Found::these(in_scope.into_iter().chain(imported).collect()));
        }
        let mut imported = self.by_import(view, name, 0)?;
        if mention.manner == Manner::Macro && view.language == Some(Language::Rust) {
            // Macros have names of their own beside those of modules and functions.
            imported.nodes.extend(self.unimported(view, mention, name)?);
            imported.nodes.sort_unstable();
            imported.nodes.dedup();
            imported.outside &= imported.nodes.is_empty();
        }
        if imported.outside || !imported.nodes.is_empty() {
            return Ok(imported);
        }
        self.unimported(view, mention, name).map(Found::these)
    }

    /// The scopes around a place that define the name: what lies in the symbols around, then the file.
    fn scopes(&self, view: &View, within: Option<u32>, name: &str) -> Vec<Node> {
        let all: Vec<u32> = view.meant_by(name).collect();
        if all.is_empty() {
            return Vec::new();
        }
        let members_are_seen = matches!(view.language, Some(Language::Java | Language::Cpp | Language::C));
        let mut in_body = true;
        for around in view.around(within) {
            let kind = view.symbol(around).map(|symbol| symbol.kind);
            let is_class = kind.is_some_and(|kind| kind.holds_members() && kind != Kind::Suite);
            let inside = || all.iter().copied().filter(|at| view.symbol(*at).is_some_and(|symbol| symbol.parent == Some(around)));
            if (!is_class || members_are_seen || in_body) && inside().next().is_some() {
                return inside().map(|at| Node::symbol(view.file, at)).collect();
            }
            in_body &= !kind.is_some_and(is_callable);
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
