//! What code of a package sees without an import.
//!
//! Invariant: it is asked only where scopes and imports say nothing.

use naestro_kernel::code::Fault;

use super::tree::{folder_of, folders_of, join};
use super::{Node, Resolver, View, related};
use crate::{Definition, Kind, Language, Manner, Mention};

impl Resolver<'_> {
    /// What a package shares without an import: Go's and Java's folders, what C declares, Rust's macros, pytest's fixtures.
    pub(super) fn unimported(&self, view: &View, mention: &Mention, name: &str) -> Result<Vec<Node>, Fault> {
        let folder = folder_of(&view.path);
        let near = |node: &Node| self.tree.file(node.file).is_some_and(|file| folder_of(&file.path) == folder);
        match view.language {
            Some(Language::Go | Language::Java) => self.at_top(view, name, near),
            Some(Language::C | Language::Cpp) => self.at_top(view, name, |_| true),
            Some(Language::Rust) if mention.manner == Manner::Macro => {
                Ok(self.named(name)?.iter().filter(|found| found.kind == Kind::Macro).map(Definition::node).collect())
            }
            Some(Language::Python) => self.fixture(view, mention, name),
            _ => Ok(Vec::new()),
        }
    }

    /// The symbols of that name at the top of the files that pass.
    pub(super) fn at_top(&self, view: &View, name: &str, passes: impl Fn(&Node) -> bool) -> Result<Vec<Node>, Fault> {
        let named = self.named(name)?;
        let is_loose = |found: &&Definition| found.owner.is_none() && related(view.language, self.language(found.file));
        Ok(named.iter().filter(is_loose).map(Definition::node).filter(passes).collect())
    }

    /// The fixture that a parameter of a pytest test or fixture asks for.
    pub(super) fn fixture(&self, view: &View, mention: &Mention, name: &str) -> Result<Vec<Node>, Fault> {
        let asks = |at: u32| view.symbol(at).is_some_and(|symbol| symbol.kind == Kind::Test || symbol.marks.contains("fixture"));
        if mention.manner != Manner::Name || !view.around(mention.within).any(asks) {
            return Ok(Vec::new());
        }
        let class = view.around(mention.within).find(|at| view.symbol(*at).is_some_and(|symbol| symbol.kind.holds_members()));
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
}
