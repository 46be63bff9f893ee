//! Small wrong versions of a file: what a selection of tests is measured against.
//!
//! Each changes one token, or one returned value, inside the body of a function that is no test. Whether it still builds is not
//! known here; that a test notices it is the point of trying.
//!
//! Invariant: nothing is changed in tests, attributes, types, texts, comments, or what is given to macros.

use core::ops::Range;

use tree_sitter::Node;

use crate::extract::parsed;
use crate::{Kind, Language, Outline, Symbol, outline};

/// One small change to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The qualified name of the function it is in.
    pub symbol: String,
    /// Its line, from 1.
    pub line: u32,
    /// The bytes it replaces.
    pub bytes: Range<usize>,
    /// What it puts there.
    pub replacement: String,
}

/// Every such change to a file of Rust, Python, TypeScript or JavaScript, in order; none for other files.
#[must_use]
pub fn mutants(path: &str, bytes: &[u8]) -> Vec<Mutant> {
    let language = Language::of(path).filter(|language| operators(*language).is_some());
    let Some((language, tree)) = language.and_then(|language| Some((language, parsed(language, bytes)?))) else { return Vec::new() };
    let outline = outline(language, bytes);
    let mut search = Search { language, bytes, places: Places::new(&outline), found: Vec::new() };
    search.run(tree.root_node());
    search.found
}

/// The words of a language for the same few things.
struct Words {
    separator: &'static str,
    /// What a returned value is replaced by.
    nothing: &'static str,
    /// What is not looked into.
    apart: &'static [&'static str],
}

fn operators(language: Language) -> Option<Words> {
    match language {
        Language::Rust => Some(Words {
            separator: "::",
            nothing: "Default::default()",
            apart: &[
                "attribute_item",
                "inner_attribute_item",
                "macro_invocation",
                "macro_definition",
                "line_comment",
                "block_comment",
                "string_literal",
                "raw_string_literal",
                "char_literal",
                "array_type",
                "generic_type",
                "type_arguments",
                "type_parameters",
                "where_clause",
                "use_declaration",
            ],
        }),
        Language::Python => Some(Words {
            separator: ".",
            nothing: "None",
            apart: &["string", "comment", "type", "decorator", "import_statement", "import_from_statement"],
        }),
        Language::TypeScript | Language::Tsx | Language::JavaScript => Some(Words {
            separator: ".",
            nothing: "undefined",
            apart: &[
                "string",
                "template_string",
                "regex",
                "comment",
                "decorator",
                "type_annotation",
                "type_arguments",
                "type_parameters",
                "literal_type",
                "type_alias_declaration",
                "interface_declaration",
                "import_statement",
            ],
        }),
        Language::Go | Language::Java | Language::C | Language::Cpp => None,
    }
}

/// The walk for mutants.
struct Search<'o> {
    language: Language,
    bytes: &'o [u8],
    places: Places<'o>,
    found: Vec<Mutant>,
}

impl Search<'_> {
    fn run(&mut self, root: Node<'_>) {
        let Some(words) = operators(self.language) else { return };
        let mut cursor = root.walk();
        let mut around = vec![root];
        loop {
            let node = cursor.node();
            let apart = words.apart.contains(&node.kind());
            if !apart && let Some(parent) = around.last() {
                self.consider(node, *parent, &words);
            }
            if !apart && cursor.goto_first_child() {
                around.push(node);
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                around.pop();
            }
        }
    }

    fn consider(&mut self, node: Node<'_>, parent: Node<'_>, words: &Words) {
        let text = &self.bytes[node.byte_range()];
        let Some((bytes, replacement)) = change(node, parent, text, words) else { return };
        let Some(symbol) = self.places.function(bytes.start) else { return };
        let symbol = self.places.outline.qualified(symbol).join(words.separator);
        let line = u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX);
        self.found.push(Mutant { symbol, line, bytes, replacement });
    }
}

/// What is changed about a node, if anything is.
fn change(node: Node<'_>, parent: Node<'_>, text: &[u8], words: &Words) -> Option<(Range<usize>, String)> {
    match (node.kind(), parent.kind()) {
        ("boolean_literal" | "true" | "false", kind) if kind != "boolean_literal" => Some((node.byte_range(), flipped(text)?.to_owned())),
        // The fields of a tuple are numbered, not counted.
        ("integer_literal" | "integer" | "number", kind) if kind != "field_expression" => Some((node.byte_range(), next(text)?)),
        // In scripts `in` has no opposite.
        ("in", "binary_expression") => None,
        (
            _,
            "binary_expression"
            | "binary_operator"
            | "comparison_operator"
            | "boolean_operator"
            | "compound_assignment_expr"
            | "augmented_assignment"
            | "augmented_assignment_expression",
        ) if !node.is_named() => Some((node.byte_range(), swapped(text)?.to_owned())),
        ("!", "unary_expression") => Some((node.byte_range(), String::new())),
        ("not", "not_operator") => Some((node.start_byte()..parent.child_by_field_name("argument")?.start_byte(), String::new())),
        (kind, "return_expression" | "return_statement") if is_simple(kind) => Some((node.byte_range(), words.nothing.to_owned())),
        _ => None,
    }
}

fn flipped(text: &[u8]) -> Option<&'static str> {
    match text {
        b"true" => Some("false"),
        b"false" => Some("true"),
        b"True" => Some("False"),
        b"False" => Some("True"),
        _ => None,
    }
}

/// The next number, its suffix kept; nothing for what is not written in plain digits.
fn next(text: &[u8]) -> Option<String> {
    let text = str::from_utf8(text).ok()?;
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(end);
    let plain = suffix.is_empty() || suffix.starts_with(['u', 'i', 'n']);
    let number: u64 = digits.parse().ok().filter(|_| plain)?;
    Some(format!("{}{suffix}", number.checked_add(1)?))
}

fn swapped(text: &[u8]) -> Option<&'static str> {
    const PAIRS: [(&str, &str); 15] = [
        ("==", "!="),
        ("===", "!=="),
        ("<", "<="),
        (">", ">="),
        ("&&", "||"),
        ("and", "or"),
        ("+", "-"),
        ("*", "/"),
        ("+=", "-="),
        ("*=", "/="),
        ("<<", ">>"),
        ("&", "|"),
        ("is", "is not"),
        ("in", "not in"),
        ("%", "*"),
    ];
    let text = str::from_utf8(text).ok()?;
    let other = |(left, right): &(&'static str, &'static str)| match text {
        _ if text == *left => Some(*right),
        _ if text == *right => Some(*left),
        _ => None,
    };
    PAIRS.iter().find_map(other).or_else(|| (text == "??").then_some("&&"))
}

/// Whether a returned value is one whose replacement is another value: none that already is nothing, none that other changes reach.
fn is_simple(kind: &str) -> bool {
    matches!(
        kind,
        "identifier" | "call" | "call_expression" | "attribute" | "field_expression" | "member_expression" | "self" | "new_expression"
    )
}

/// Which symbols are around a place that only moves on.
struct Places<'o> {
    outline: &'o Outline,
    around: Vec<usize>,
    next: usize,
}

impl<'o> Places<'o> {
    fn new(outline: &'o Outline) -> Self {
        Self { outline, around: Vec::new(), next: 0 }
    }

    /// The function whose body holds the byte, where nothing of a test is around it.
    fn function(&mut self, byte: usize) -> Option<u32> {
        let symbols = &self.outline.symbols;
        while let Some(symbol) = symbols.get(self.next).filter(|symbol| symbol.span.start as usize <= byte) {
            while self.around.last().is_some_and(|last| symbols[*last].span.end <= symbol.span.start) {
                self.around.pop();
            }
            self.around.push(self.next);
            self.next += 1;
        }
        while self.around.last().is_some_and(|last| symbols[*last].span.end as usize <= byte) {
            self.around.pop();
        }
        if self.around.iter().any(|number| is_of_tests(&symbols[*number])) {
            return None;
        }
        let function = self.around.iter().rev().find(|number| matches!(symbols[**number].kind, Kind::Function | Kind::Method))?;
        let body = symbols[*function].body.filter(|body| body.start as usize <= byte && byte < body.end as usize);
        body.and_then(|_| u32::try_from(*function).ok())
    }
}

fn is_of_tests(symbol: &Symbol) -> bool {
    matches!(symbol.kind, Kind::Test | Kind::Suite) || symbol.marks.split(' ').any(|mark| mark == "cfg(test)")
}

#[cfg(test)]
mod tests;
