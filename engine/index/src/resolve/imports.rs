//! What imports bring in: modules, the items of modules, what is handed on from one to the next.
//!
//! Invariant: a circle of imports ends; what is asked for while it is being worked out is nothing. Within one question no item is
//! worked out twice from the same depth, however many ways lead to it.

use std::collections::{HashMap, HashSet};

use naestro_kernel::code::Fault;

use super::tree::{folder_of, join, name_of};
use super::{DEEPEST, Found, Node, Resolver, View, is_script};
use crate::{FileId, Import, Kind, Language};

/// A name that a module or a type may offer.
pub(super) type Item = (Node, String);

/// The items that one question has asked for so far.
#[derive(Default)]
pub(super) struct Asked {
    /// Those that are being worked out.
    open: HashSet<Item>,
    /// Those that met a circle or the bound on depth, from which depth on, and what was found all the same.
    partial: HashMap<Item, (u32, Vec<Node>)>,
    /// How often something was not followed.
    cuts: u64,
}

impl Asked {
    /// Opens an item, unless it is not to be followed: then this is what is found of it.
    fn open(&mut self, item: &Item, depth: u32) -> Option<Vec<Node>> {
        if self.open.is_empty() {
            self.partial.clear();
        }
        let partial = self.partial.get(item).filter(|(from, _)| *from <= depth).map(|(_, found)| found.clone());
        let is_new = partial.is_none() && depth <= DEEPEST && self.open.insert(item.clone());
        self.cuts += u64::from(!is_new);
        (!is_new).then(|| partial.unwrap_or_default())
    }

    /// Closes an item; says whether what was found of it is all there is. `cuts` is how often something was not followed before.
    fn close(&mut self, item: &Item, depth: u32, cuts: u64, found: &[Node]) -> bool {
        self.open.remove(item);
        let whole = self.open.is_empty() || self.cuts == cuts;
        if !whole {
            if !found.is_empty() {
                // What was not followed to here may be found now.
                self.partial.clear();
            }
            self.partial.insert(item.clone(), (depth, found.to_vec()));
        }
        whole
    }
}

impl Resolver<'_> {
    /// What the file's imports make of the name.
    pub(super) fn by_import(&self, view: &View, name: &str, depth: u32) -> Result<Found, Fault> {
        let mut outside = false;
        let mut named = Vec::new();
        for import in view.outline.imports.iter().filter(|import| import.alias == name) {
            let found = self.imported(view, import, depth)?;
            named.extend(found.nodes);
            outside |= found.outside;
        }
        if !named.is_empty() {
            named.sort_unstable();
            named.dedup();
            return Ok(Found::these(named));
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
    pub(super) fn imported(&self, view: &View, import: &Import, depth: u32) -> Result<Found, Fault> {
        let within = view.outline.at(import.span.start);
        if depth > DEEPEST {
            self.asked.borrow_mut().cuts += 1;
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
    pub(super) fn item(&self, module: Node, name: &str, depth: u32) -> Result<Vec<Node>, Fault> {
        let key = (module, name.to_owned());
        if let Some(known) = self.items.borrow().get(&key) {
            return Ok(known.clone());
        }
        if let Some(found) = self.asked.borrow_mut().open(&key, depth) {
            return Ok(found);
        }
        let cuts = self.asked.borrow().cuts;
        let found = self.find_item(module, name, depth);
        if self.asked.borrow_mut().close(&key, depth, cuts, found.as_deref().unwrap_or_default())
            && let Ok(found) = &found
        {
            self.items.borrow_mut().insert(key, found.clone());
        }
        found
    }

    pub(super) fn find_item(&self, module: Node, name: &str, depth: u32) -> Result<Vec<Node>, Fault> {
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
        let own: Vec<Node> = view.meant_by(name).filter(of_module).map(|at| Node::symbol(view.file, at)).collect();
        if !own.is_empty() {
            return Ok(own);
        }
        self.submodule_or_export(&view, module, name, depth)
    }

    pub(super) fn submodule_or_export(&self, view: &View, module: Node, name: &str, depth: u32) -> Result<Vec<Node>, Fault> {
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
    pub(super) fn default_export(&self, view: &View) -> Vec<Node> {
        let says_so = |symbol: &u32| view.symbol(*symbol).is_some_and(|symbol| symbol.marks.split(' ').any(|mark| mark == "default"));
        match view.children(None).find(says_so) {
            Some(symbol) => vec![Node::symbol(view.file, symbol)],
            None => vec![Node::module(view.file)],
        }
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
