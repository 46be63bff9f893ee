//! What the syntax of one file says, and nothing more.
//!
//! Invariant: an outline is a function of the language and the bytes. Symbols are in order of their start, parents before their
//! children; mentions are in order of their place.

use serde::{Deserialize, Serialize};

/// A part of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
    /// The first line, from 1.
    pub line: u32,
    /// The last line, from 1.
    pub last_line: u32,
}

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// What it defines.
    pub symbols: Vec<Symbol>,
    /// What it imports.
    pub imports: Vec<Import>,
    /// Every name it mentions, where it is not the name of a definition.
    pub mentions: Vec<Mention>,
    /// The names that mentions give by number.
    pub names: Vec<String>,
    /// How many places do not fit the grammar.
    pub errors: u32,
    /// Lines with something that reaches code by other ways than its name: a dynamic import, reflection, evaluated text.
    pub dynamic: Vec<u32>,
    /// BLAKE3, first 8 bytes, of the tokens outside every symbol, comments and spaces left out: the code that runs when the file is loaded.
    pub loose: u64,
}

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// What it is.
    pub kind: Kind,
    /// Its name; of a test that is named by a text (`it("adds")`), the text.
    pub name: String,
    /// The symbol it lies in, by its number.
    pub parent: Option<u32>,
    /// The type a method belongs to where that is no parent here: Rust's `impl Type`, Go's receiver, `Type::` in C++.
    pub owner: Option<String>,
    /// The trait or interface a Rust `impl` implements, or the types a class extends and implements, separated by a space; else empty.
    pub bases: String,
    /// The whole definition, with its attributes or decorators and without its documentation.
    pub span: Span,
    /// Its name.
    pub name_span: Span,
    /// Its body, where it has one: what may change without its users noticing from outside.
    pub body: Option<Span>,
    /// Where its head begins: the first byte after its attributes or decorators. Its head ends where its body begins.
    pub head: u32,
    /// Its documentation's place: comments before it, or a docstring in its body.
    pub doc_span: Option<Span>,
    /// Names of attributes, decorators or annotations, such as `test`, `pytest.fixture`, `derive(Debug)`'s `Debug`; separated by a space.
    pub marks: String,
    /// BLAKE3, first 8 bytes, of its tokens, comments and spaces left out, what lies in child symbols left out too.
    pub digest: u64,
}

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    /// A Rust `mod`, a namespace, a package clause's module.
    Module,
    /// A Rust `impl` block; its name is the type's.
    Impl,
    Struct,
    Class,
    Interface,
    Trait,
    Enum,
    Variant,
    Field,
    Function,
    Method,
    Constant,
    Variable,
    Type,
    Macro,
    /// A group of tests: `describe`, a test class of Python or Java.
    Suite,
    /// A test, whatever it is written as.
    Test,
}

impl Kind {
    /// Whether symbols of that kind have members, which are reached through them.
    pub(crate) fn holds_members(self) -> bool {
        matches!(self, Self::Impl | Self::Struct | Self::Class | Self::Interface | Self::Trait | Self::Enum | Self::Suite)
    }
}

/// What a file takes from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The whole statement.
    pub span: Span,
    /// The module as it is written, without the name taken from it: `crate::a::b`, `./x`, `a.b`, `..pkg`, `java.util`, `"dir/x.h"`'s text.
    pub module: String,
    /// The name taken from it; empty where the module itself is imported, `*` where everything is.
    pub name: String,
    /// The name it has here; empty where it brings in every name.
    pub alias: String,
    /// Whether it is handed on to those who import this file: `pub use`, `export from`.
    pub exported: bool,
}

/// A name that is mentioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The name, by its number.
    pub name: u32,
    /// What stands before it, by its number: `a::b` of `a::b::name`, `x` of `x.name`, `self`; nothing where it stands alone,
    /// and the empty name where it is more than names (`f().name`).
    pub qualifier: Option<u32>,
    /// How it is mentioned.
    pub manner: Manner,
    /// Its first byte.
    pub start: u32,
    /// Its line, from 1.
    pub line: u32,
    /// The innermost symbol it lies in, by its number; nothing at the top of the file.
    pub within: Option<u32>,
}

/// How a name is mentioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Manner {
    /// `name(...)`, `a::name(...)`.
    Call,
    /// `x.name(...)`.
    MethodCall,
    /// `x.name`.
    Member,
    /// As a type.
    Type,
    /// `name!(...)`, and names inside the tokens given to a macro.
    Macro,
    /// Any other way, a parameter's name of a pytest test or fixture included: there the name asks for a fixture.
    Name,
}

impl Outline {
    /// A name by its number; empty where there is none.
    #[must_use]
    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }

    /// The names of what a symbol lies in, outermost first, its own last. An `impl` counts by its type's name.
    #[must_use]
    pub fn qualified(&self, symbol: u32) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = self.symbols.get(symbol as usize);
        while let Some(symbol) = at {
            names.push(symbol.name.as_str());
            if symbol.parent.is_none() {
                names.extend(symbol.owner.as_deref());
            }
            at = symbol.parent.and_then(|parent| self.symbols.get(parent as usize));
        }
        names.reverse();
        names
    }

    /// The name of the type a symbol is a member of.
    #[must_use]
    pub fn owner(&self, symbol: u32) -> Option<&str> {
        let own = self.symbols.get(symbol as usize)?;
        self.holder(own).map(|parent| parent.name.as_str()).or(own.owner.as_deref())
    }

    /// What a symbol is a member of, where that is in this file.
    pub(crate) fn holder(&self, of: &Symbol) -> Option<&Symbol> {
        of.parent.and_then(|parent| self.symbols.get(parent as usize)).filter(|parent| parent.kind.holds_members())
    }

    /// The innermost symbol whose definition holds the byte.
    #[must_use]
    pub fn at(&self, byte: u32) -> Option<u32> {
        let holds = |symbol: &Symbol| symbol.span.start <= byte && byte < symbol.span.end;
        (0_u32..).zip(&self.symbols).filter(|(_, symbol)| holds(symbol)).last().map(|(number, _)| number)
    }
}
