//! What the walk knows of a language: its grammar, its query, and what part each kind of node plays.
//!
//! Invariant: made once per process and language; a query that does not fit its grammar is a defect that the tests find.

use std::ops::BitOr;
use std::sync::OnceLock;

use tree_sitter::Query;

use super::define::Draft;
use super::walk::Walk;
use super::{c, go, java, python, rust, script};
use crate::{Kind, Language};

/// A language as the walk sees it.
pub(super) struct Grammar {
    pub(super) language: Language,
    pub(super) syntax: tree_sitter::Language,
    pub(super) query: Query,
    /// What each pattern of the query says.
    pub(super) patterns: Vec<Pattern>,
    /// What each capture of the query means.
    pub(super) captures: Vec<Capture>,
    pub(super) rules: &'static Rules,
    roles: Vec<Roles>,
}

/// What a language says of itself.
pub(super) struct Rules {
    /// The query, in parts.
    pub(super) query: &'static [&'static str],
    /// The parts that kinds of nodes play.
    pub(super) roles: &'static [(Roles, &'static [&'static str])],
    /// Whether the text before the parentheses of a call may make it more than a call: a test, an import.
    pub(super) notable: fn(&[u8]) -> bool,
    /// Completes a definition that the query found, or refuses it.
    pub(super) shape: for<'t> fn(&mut Walk<'t, '_>, &mut Draft<'t>) -> bool,
    /// Takes the names out of a node that imports.
    pub(super) import: for<'t> fn(&mut Walk<'t, '_>, tree_sitter::Node<'t>),
    /// Looks at a call that is notable but defines nothing.
    pub(super) call: for<'t> fn(&mut Walk<'t, '_>, tree_sitter::Node<'t>),
    /// What is called when code is reached by other ways than its name.
    pub(super) dynamic: &'static [&'static str],
    /// Words that look like names and are none.
    pub(super) silent: &'static [&'static str],
    /// How comments that document begin.
    pub(super) docs: &'static [&'static str],
}

/// One pattern of a query.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    /// Whether it holds only where no function is around it.
    pub(super) top: bool,
}

/// What a capture of a query means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture {
    Symbol(Kind),
    Import,
    Name,
    Body,
    Bases,
    Owner,
    Callee,
    Title,
    Declarator,
    Other,
}

impl Grammar {
    /// The grammar of a language.
    pub(super) fn of(language: Language) -> &'static Self {
        static ALL: [OnceLock<Grammar>; 9] = [const { OnceLock::new() }; 9];
        ALL[language as usize].get_or_init(|| Self::new(language))
    }

    #[expect(clippy::expect_used, reason = "the queries are part of the program; a test compiles every one")]
    fn new(language: Language) -> Self {
        let (syntax, rules) = parts(language);
        let text = rules.query.concat();
        let query = Query::new(&syntax, &text).expect("a query fits its grammar");
        let captures = query.capture_names().iter().map(|name| Capture::of(name)).collect();
        let patterns = (0..query.pattern_count()).map(|index| Pattern::of(&query, index)).collect();
        let mut roles = rules_by_kind(&syntax, rules);
        for index in 0..query.pattern_count() {
            let kind = root(&text[query.start_byte_for_pattern(index)..]);
            mark(&syntax, &mut roles, kind, Roles::CANDIDATE);
        }
        Self { language, syntax, query, patterns, captures, rules, roles }
    }

    /// The parts a kind of node plays.
    pub(super) fn roles(&self, kind: u16) -> Roles {
        self.roles.get(usize::from(kind)).copied().unwrap_or(Roles::NONE)
    }
}

fn parts(language: Language) -> (tree_sitter::Language, &'static Rules) {
    match language {
        Language::Rust => (tree_sitter_rust::LANGUAGE.into(), &rust::RULES),
        Language::Python => (tree_sitter_python::LANGUAGE.into(), &python::RULES),
        Language::TypeScript => (tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(), &script::TYPESCRIPT),
        Language::Tsx => (tree_sitter_typescript::LANGUAGE_TSX.into(), &script::TYPESCRIPT),
        Language::JavaScript => (tree_sitter_javascript::LANGUAGE.into(), &script::JAVASCRIPT),
        Language::Go => (tree_sitter_go::LANGUAGE.into(), &go::RULES),
        Language::Java => (tree_sitter_java::LANGUAGE.into(), &java::RULES),
        Language::C => (tree_sitter_c::LANGUAGE.into(), &c::C),
        Language::Cpp => (tree_sitter_cpp::LANGUAGE.into(), &c::CPP),
    }
}

fn rules_by_kind(syntax: &tree_sitter::Language, rules: &Rules) -> Vec<Roles> {
    let mut roles = vec![Roles::NONE; syntax.node_kind_count()];
    for (role, kinds) in rules.roles {
        for kind in *kinds {
            mark(syntax, &mut roles, kind, *role);
        }
    }
    roles
}

/// A name may stand for several kinds of a grammar; where they are shown, they are the same.
fn mark(syntax: &tree_sitter::Language, roles: &mut [Roles], kind: &str, role: Roles) {
    for (id, entry) in (0_u16..).zip(roles) {
        if syntax.node_kind_for_id(id) == Some(kind) {
            *entry = *entry | role;
        }
    }
}

/// The kind of node a pattern begins with, from its text on.
fn root(pattern: &str) -> &str {
    let inside = pattern.trim_start_matches(['(', ' ', '\n']);
    inside.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap_or_default()
}

impl Pattern {
    fn of(query: &Query, index: usize) -> Self {
        Self { top: query.property_settings(index).iter().any(|property| &*property.key == "top") }
    }
}

impl Capture {
    fn of(name: &str) -> Self {
        match name {
            "module" => Self::Symbol(Kind::Module),
            "impl" => Self::Symbol(Kind::Impl),
            "struct" => Self::Symbol(Kind::Struct),
            "class" => Self::Symbol(Kind::Class),
            "interface" => Self::Symbol(Kind::Interface),
            "trait" => Self::Symbol(Kind::Trait),
            "enum" => Self::Symbol(Kind::Enum),
            "variant" => Self::Symbol(Kind::Variant),
            "field" => Self::Symbol(Kind::Field),
            "function" => Self::Symbol(Kind::Function),
            "method" => Self::Symbol(Kind::Method),
            "constant" => Self::Symbol(Kind::Constant),
            "variable" => Self::Symbol(Kind::Variable),
            "type" => Self::Symbol(Kind::Type),
            "macro" => Self::Symbol(Kind::Macro),
            "test" => Self::Symbol(Kind::Test),
            "import" => Self::Import,
            "name" => Self::Name,
            "body" => Self::Body,
            "bases" => Self::Bases,
            "owner" => Self::Owner,
            "callee" => Self::Callee,
            "title" => Self::Title,
            "declarator" => Self::Declarator,
            _ => Self::Other,
        }
    }
}

/// Parts that a kind of node plays; a set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Roles(u32);

impl Roles {
    pub(super) const NONE: Self = Self(0);
    /// A pattern of the query begins with it.
    pub(super) const CANDIDATE: Self = Self(1);
    /// A name.
    pub(super) const NAME: Self = Self(1 << 1);
    /// A name of a type.
    pub(super) const TYPE_NAME: Self = Self(1 << 2);
    /// A comment.
    pub(super) const COMMENT: Self = Self(1 << 3);
    /// Taken as one token whatever is in it.
    pub(super) const OPAQUE: Self = Self(1 << 4);
    /// `x.name`: what comes last is the name, what comes before is its qualifier.
    pub(super) const ACCESS: Self = Self(1 << 5);
    /// `a::name`, likewise.
    pub(super) const PATH: Self = Self(1 << 6);
    /// `name(...)`: what comes first is called.
    pub(super) const CALL: Self = Self(1 << 7);
    /// A name with type arguments: what comes first stands for the whole.
    pub(super) const GENERIC: Self = Self(1 << 8);
    /// An attribute, decorator or annotation.
    pub(super) const ATTRIBUTE: Self = Self(1 << 9);
    /// Belongs to the one definition in it: `export`, `const`, what decorators are put on.
    pub(super) const WRAPPER: Self = Self(1 << 10);
    /// A function's inside, where variables are local.
    pub(super) const CODE: Self = Self(1 << 11);
    /// Where it ends changes what is meant, although no token says so.
    pub(super) const ENDS: Self = Self(1 << 12);
    /// What comes first is a new local name, or one given to a parameter.
    pub(super) const BINDS_FIRST: Self = Self(1 << 13);
    /// Every name directly in it is a new local name.
    pub(super) const BINDS: Self = Self(1 << 14);
    /// Whatever name is directly in it is meant as a type.
    pub(super) const TYPE: Self = Self(1 << 15);
    /// Tokens given to a macro, which no grammar tells apart.
    pub(super) const TOKENS: Self = Self(1 << 16);
    /// `name!`: what comes first is a macro.
    pub(super) const MACRO: Self = Self(1 << 17);
    /// A single token that is source itself: a C macro's replacement.
    pub(super) const SOURCE: Self = Self(1 << 18);
    /// `new Name(...)`: the name in it is called.
    pub(super) const NEW: Self = Self(1 << 19);
    /// What comes first is the name of a member: a key, a named argument.
    pub(super) const KEY: Self = Self(1 << 20);
    /// `x.name(...)` in one node: the name before the parentheses is called.
    pub(super) const INVOKE: Self = Self(1 << 21);
    /// Names directly in it are members of an enum.
    pub(super) const MEMBERS: Self = Self(1 << 22);
    /// A name of a member.
    pub(super) const MEMBER_NAME: Self = Self(1 << 23);
    /// What parameters stand in.
    pub(super) const PARAMETERS: Self = Self(1 << 24);

    /// An element of JSX: the name in it is called, unless it is one of the page's own.
    pub(super) const ELEMENT: Self = Self(1 << 25);

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Roles {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}
