//! Steps that no mention shows: what is called without being named.

use std::collections::BTreeSet;

use naestro_kernel::code::Fault;

use super::Graph;
use crate::resolve::tree::{folder_of, lies_below};
use crate::resolve::view::is_callable;
use crate::resolve::{Node, View, base_names};
use crate::{Kind, Language, Symbol};

/// Set-up and tear-down by name: Python's unittest and pytest.
const SET_UP: [&str; 11] = [
    "setUp",
    "tearDown",
    "setUpClass",
    "tearDownClass",
    "asyncSetUp",
    "asyncTearDown",
    "setup_method",
    "teardown_method",
    "setup_class",
    "teardown_class",
    "setup",
];

/// The same for a whole Python file.
const MODULE_SET_UP: [&str; 6] =
    ["setUpModule", "tearDownModule", "setup_module", "teardown_module", "setup_function", "teardown_function"];

/// Go's methods that its standard library calls.
const GO_CALLED: [&str; 22] = [
    "As",
    "Close",
    "Error",
    "Format",
    "GoString",
    "Is",
    "Len",
    "Less",
    "MarshalBinary",
    "MarshalJSON",
    "MarshalText",
    "MarshalYAML",
    "Read",
    "Scan",
    "ServeHTTP",
    "String",
    "Swap",
    "UnmarshalJSON",
    "UnmarshalText",
    "Unwrap",
    "Value",
    "Write",
];

impl Graph<'_> {
    /// Adds who reaches a symbol without naming it. `is_named` says whether anyone else names it.
    pub(super) fn hidden(&self, view: &View, symbol: u32, is_named: bool, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        let Some(own) = view.symbol(symbol) else { return Ok(()) };
        if matches!(own.kind, Kind::Field | Kind::Variant | Kind::Suite | Kind::Variable | Kind::Constant | Kind::Type)
            && let Some(parent) = own.parent
        {
            add(Node::symbol(view.file, parent), false);
        }
        if own.kind == Kind::Impl {
            self.add_types(view, &own.name, add)?;
        }
        if let Some(owner) = view.owner(symbol)
            && self.is_called_unnamed(view, own, owner, is_named)?
        {
            self.add_types(view, owner, add)?;
            self.add_holder(view, own, add);
        }
        if own.kind == Kind::Suite || (own.kind == Kind::Class && view.below(symbol).any(|at| is_test(view, at))) {
            add_tests_below(view, symbol, add);
            self.add_inherited(view, symbol, add)?;
        }
        if let Some(around) = view.around(own.parent).find(|around| view.symbol(*around).is_some_and(|around| is_callable(around.kind))) {
            add(Node::symbol(view.file, around), false);
        }
        if own.kind == Kind::Module && view.language == Some(Language::Rust) {
            add_tests_below(view, symbol, add);
        }
        self.hidden_set_up(view, own, symbol, add)?;
        let is_loose = own.owner.is_none() && own.parent.is_none() && own.kind == Kind::Function;
        if is_loose && !is_named && matches!(view.language, Some(Language::Python | Language::JavaScript)) && !own.marks.contains("fixture")
        {
            add(Node::module(view.file), true);
        }
        Ok(())
    }

    fn add_types(&self, view: &View, name: &str, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        let types = self.resolver.types(view.language, name)?;
        let here = types.iter().any(|node| node.file == view.file);
        for node in types.iter().filter(|node| !here || node.file == view.file) {
            add(*node, true);
        }
        Ok(())
    }

    /// What a member lies in, where that is a value or a class of its own.
    fn add_holder(&self, view: &View, own: &Symbol, add: &mut impl FnMut(Node, bool)) {
        if let Some(parent) = own.parent.filter(|parent| view.symbol(*parent).is_some_and(|parent| parent.kind != Kind::Impl)) {
            add(Node::symbol(view.file, parent), true);
        }
    }

    /// Whether a member is called by the language, by an operator, or by code that is not here.
    fn is_called_unnamed(&self, view: &View, own: &Symbol, owner: &str, is_named: bool) -> Result<bool, Fault> {
        if !matches!(own.kind, Kind::Method | Kind::Function) {
            return Ok(false);
        }
        let name = own.name.as_str();
        let by_language = match view.language {
            Some(Language::Rust) => return self.is_foreign_trait(view, own, is_named),
            Some(Language::Python) => name.starts_with("__") && name.ends_with("__"),
            Some(Language::Go) => GO_CALLED.binary_search(&name).is_ok(),
            Some(Language::Java) => name == owner || own.marks.split(' ').any(|mark| mark == "Override"),
            Some(Language::C | Language::Cpp) => name == owner || name.starts_with('~') || name.starts_with("operator"),
            _ => matches!(name, "constructor" | "toString" | "toJSON" | "valueOf" | "then" | "next") || name.starts_with('['),
        };
        Ok(by_language || !is_named)
    }

    /// Whether a Rust method implements a trait that is not defined here, or one that nobody calls by name.
    fn is_foreign_trait(&self, view: &View, own: &Symbol, is_named: bool) -> Result<bool, Fault> {
        let parent = own.parent.and_then(|parent| view.symbol(parent)).filter(|parent| parent.kind == Kind::Impl);
        let Some(base) = parent.and_then(|parent| base_names(&parent.bases).next()) else { return Ok(false) };
        let traits = self.resolver.types(view.language, base)?;
        Ok(traits.is_empty() || !is_named)
    }

    /// Tests that a class inherits from the classes it extends, where those are tests of this repository.
    fn add_inherited(&self, view: &View, class: u32, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        let Some(own) = view.symbol(class) else { return Ok(()) };
        for base in base_names(&own.bases) {
            for node in self.resolver.types(view.language, base)?.iter() {
                let other = self.resolver.view(node.file)?;
                if let Some(symbol) = node.symbol {
                    add_tests_below(&other, symbol, add);
                }
            }
        }
        Ok(())
    }

    fn hidden_set_up(&self, view: &View, own: &Symbol, symbol: u32, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        let name = own.name.as_str();
        match view.language {
            Some(Language::Python) => {
                if SET_UP.contains(&name)
                    && let Some(class) = own.parent
                {
                    add(Node::symbol(view.file, class), false);
                    add_tests_below(view, class, add);
                } else if MODULE_SET_UP.contains(&name) {
                    add(Node::module(view.file), false);
                } else if own.marks.contains("fixture") {
                    self.hidden_fixture(view, own, symbol, add)?;
                }
            }
            Some(Language::Java) if own.marks.split(' ').any(|mark| mark.starts_with("Before") || mark.starts_with("After")) => {
                if let Some(class) = own.parent {
                    add(Node::symbol(view.file, class), false);
                    add_tests_below(view, class, add);
                }
            }
            Some(Language::Go) if name == "TestMain" || (name == "init" && own.owner.is_none()) => self.add_go_package(view, name, add)?,
            _ => {}
        }
        Ok(())
    }

    /// A fixture that is used without being asked for by a parameter: everywhere below its folder, or where a mark names it.
    fn hidden_fixture(&self, view: &View, own: &Symbol, symbol: u32, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        let text = self.resolver.text(&view.path)?;
        let head_end = own.body.map_or(own.span.end, |body| body.start);
        let head = text.get(own.span.start as usize..head_end as usize).unwrap_or_default();
        if head.contains("autouse=True") || head.contains("autouse = True") {
            self.add_tests_seeing(view, symbol, add)?;
        }
        for file in self.resolver.facts().mentioning(&own.name)? {
            let other = self.resolver.view(file)?;
            if lies_below(&other.path, folder_of(&view.path)) && !other.mentions_of("usefixtures").is_empty() {
                for test in other.tests() {
                    add(Node::symbol(file, test), true);
                }
            }
        }
        Ok(())
    }

    /// The tests an autouse fixture serves: of its class, of its file, or of every file below its `conftest.py`.
    fn add_tests_seeing(&self, view: &View, symbol: u32, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        let class = view.around(Some(symbol)).skip(1).find(|at| view.symbol(*at).is_some_and(|symbol| symbol.kind.holds_members()));
        if let Some(class) = class {
            add_tests_below(view, class, add);
        } else if view.path.ends_with("conftest.py") {
            let below = self.resolver.tree.below(folder_of(&view.path));
            for file in below.iter().filter(|file| file.language == Some(Language::Python)) {
                let other = self.resolver.view(file.id)?;
                for test in other.tests() {
                    add(Node::symbol(file.id, test), false);
                }
            }
        } else {
            for test in view.tests() {
                add(Node::symbol(view.file, test), false);
            }
        }
        Ok(())
    }

    /// Go's `TestMain` runs around the tests of its folder; `init` runs when the package is loaded.
    fn add_go_package(&self, view: &View, name: &str, add: &mut impl FnMut(Node, bool)) -> Result<(), Fault> {
        for file in self.resolver.tree.directly_in(folder_of(&view.path)).filter(|file| file.language == Some(Language::Go)) {
            let other = self.resolver.view(file.id)?;
            for test in other.tests() {
                add(Node::symbol(file.id, test), false);
            }
        }
        if name == "init" {
            add(Node::module(view.file), false);
        }
        Ok(())
    }

    /// Whether a mention at the top of a file is part of what runs when the file is loaded, rather than of what it exports.
    pub(super) fn runs_when_loaded(&self, view: &View, start: u32) -> Result<bool, Fault> {
        match view.language {
            Some(Language::Python) => Ok(!is_main_part(&self.resolver.text(&view.path)?, start)),
            Some(Language::TypeScript | Language::Tsx | Language::JavaScript) => Ok(!is_export(&self.resolver.text(&view.path)?, start)),
            _ => Ok(false),
        }
    }
}

/// The names that a Rust file gives to macros outside its functions: what those make may use one another.
pub(super) fn beside_in_macros(view: &View, module: Option<u32>) -> BTreeSet<String> {
    let beside = view.outline.mentions.iter().filter(|mention| mention.within == module);
    beside.filter(|mention| view.import_at(mention.start).is_none()).map(|mention| view.outline.name(mention.name).to_owned()).collect()
}

fn is_test(view: &View, symbol: u32) -> bool {
    view.symbol(symbol).is_some_and(|symbol| symbol.kind == Kind::Test)
}

fn add_tests_below(view: &View, symbol: u32, add: &mut impl FnMut(Node, bool)) {
    for test in view.below(symbol).filter(|at| is_test(view, *at)) {
        add(Node::symbol(view.file, test), false);
    }
}

/// Whether a byte lies in a Python file's `if __name__ == "__main__":`.
fn is_main_part(text: &str, start: u32) -> bool {
    let before = text.get(..start as usize).unwrap_or_default();
    let head = before.lines().rev().find(|line| line.starts_with(|c: char| !c.is_whitespace() && c != '#'));
    head.is_some_and(|line| line.starts_with("if __name__"))
}

/// Whether a byte lies in a script's statement that only exports: `export { .. }`, `export default x`, `module.exports = { .. }`.
fn is_export(text: &str, start: u32) -> bool {
    let before = text.get(..start as usize).unwrap_or_default();
    let starts = ["export {", "export default", "export =", "module.exports", "exports."];
    let Some(from) = starts.iter().filter_map(|word| before.rfind(word)).max() else { return false };
    let between = &before[from..];
    let open = between.matches(['{', '(', '[']).count();
    let closed = between.matches(['}', ')', ']']).count();
    let same_statement = !between.contains(';') && (open > closed || !between.trim_end().contains('\n'));
    same_statement && !between.contains('(')
}
