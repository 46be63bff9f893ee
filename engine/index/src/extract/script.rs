//! JavaScript and TypeScript: definitions are values as often as declarations, and modules come in two kinds.
//!
//! A definition that is exported has the mark `export`, and `default` where it is the module's default, whose name is `default`
//! where it has none. `export { a as b }` without a module is an import from the empty module.

use tree_sitter::Node;

use super::define::Draft;
use super::grammar::{Roles, Rules};
use super::walk::{Walk, line_of, span};
use super::{script_tests, text};
use crate::{Import, Kind, Span};

const ROLES: &[(Roles, &[&str])] = &[
    (Roles::NAME, &["identifier", "shorthand_property_identifier"]),
    (Roles::TYPE_NAME, &["type_identifier"]),
    (Roles::MEMBER_NAME, &["property_identifier", "private_property_identifier"]),
    (Roles::COMMENT.or(Roles::OPAQUE), &["comment", "html_comment"]),
    (Roles::OPAQUE, &["string", "regex", "statement_identifier"]),
    (Roles::ACCESS, &["member_expression", "nested_identifier", "nested_type_identifier"]),
    (Roles::CALL, &["call_expression"]),
    (Roles::NEW, &["new_expression"]),
    (Roles::GENERIC, &["generic_type", "instantiation_expression", "non_null_expression"]),
    (Roles::ATTRIBUTE, &["decorator"]),
    (
        Roles::WRAPPER,
        &[
            "export_statement",
            "lexical_declaration",
            "variable_declaration",
            "expression_statement",
            "ambient_declaration",
            "await_expression",
        ],
    ),
    (
        Roles::CODE,
        &[
            "function_declaration",
            "generator_function_declaration",
            "function_expression",
            "generator_function",
            "arrow_function",
            "method_definition",
            "class_static_block",
        ],
    ),
    (Roles::ENDS, &["expression_statement", "return_statement"]),
    (Roles::BINDS, &["formal_parameters", "array_pattern", "rest_pattern", "catch_clause", "jsx_closing_element"]),
    (Roles::BINDS_FIRST, &["variable_declarator", "required_parameter", "optional_parameter", "arrow_function", "assignment_pattern"]),
    (Roles::KEY, &["pair", "pair_pattern", "jsx_attribute"]),
    (Roles::TYPE, &["class_heritage", "extends_clause"]),
    (Roles::MEMBERS, &["enum_body"]),
    (Roles::ELEMENT, &["jsx_opening_element", "jsx_self_closing_element"]),
];

pub(super) const JAVASCRIPT: Rules = Rules {
    query: &[include_str!("../../queries/script.scm"), include_str!("../../queries/javascript.scm")],
    roles: ROLES,
    notable,
    shape,
    import,
    call: load,
    dynamic: &["eval", "Function"],
    silent: &[],
    docs: &["//", "/*"],
};

pub(super) const TYPESCRIPT: Rules =
    Rules { query: &[include_str!("../../queries/script.scm"), include_str!("../../queries/typescript.scm")], ..JAVASCRIPT };

fn notable(head: &[u8]) -> bool {
    matches!(head, b"require" | b"import") || script_tests::notable(head)
}

fn shape<'t>(walk: &mut Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    if draft.node.kind() == "call_expression" {
        return script_tests::shape(walk, draft);
    }
    exported(walk, draft);
    own_decorators(walk, draft);
    draft.base_names = draft.bases.map_or_else(String::new, |bases| base_names(bases, walk.bytes));
    match draft.kind {
        Kind::Method => method(walk, draft),
        Kind::Variable => variable(walk, draft),
        Kind::Module => module(walk, draft),
        Kind::Constant => unpacked(walk, draft),
        _ => true,
    }
}

/// Marks what is exported.
fn exported<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>) {
    let wrappers = walk.frames.iter().rev().take_while(|frame| frame.roles.has(Roles::WRAPPER)).map(|frame| frame.node);
    let Some(statement) = wrappers.chain([draft.node]).find(|node| node.kind() == "export_statement") else { return };
    let mut cursor = statement.walk();
    let default = statement.children(&mut cursor).any(|child| child.kind() == "default");
    draft.marks = if default { "export default".to_owned() } else { "export".to_owned() };
}

/// Decorators that are part of the definition's own node.
fn own_decorators(walk: &Walk<'_, '_>, draft: &mut Draft<'_>) {
    let mut cursor = draft.node.walk();
    let decorators = draft.node.children(&mut cursor).take_while(|child| child.kind() == "decorator");
    for decorator in decorators {
        if !draft.marks.is_empty() {
            draft.marks.push(' ');
        }
        draft.marks.push_str(&super::adopt::attribute_names(&walk.bytes[decorator.byte_range()]));
        draft.head = decorator.end_byte();
    }
}

fn base_names(heritage: Node<'_>, bytes: &[u8]) -> String {
    let mut names = Vec::new();
    let mut cursor = heritage.walk();
    for clause in heritage.named_children(&mut cursor) {
        if matches!(clause.kind(), "extends_clause" | "implements_clause" | "extends_type_clause") {
            let mut inner = clause.walk();
            names.extend(clause.named_children(&mut inner).filter(|node| node.kind() != "type_arguments"));
        } else {
            names.push(clause);
        }
    }
    let names = names.into_iter().map(|node| String::from_utf8_lossy(&text::qualifier(&bytes[node.byte_range()])).into_owned());
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A method is one of a class, or of an object no function makes; `exports.f = ...` is a function.
fn method<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    let Some(owner) = draft.owner else {
        let around = walk.innermost().map(|symbol| symbol.kind);
        return walk.at_top() || matches!(around, Some(Kind::Class | Kind::Interface | Kind::Suite));
    };
    let owner = text::of(owner, walk.bytes);
    if matches!(owner.as_str(), "exports" | "module.exports") {
        draft.kind = Kind::Function;
        "export".clone_into(&mut draft.marks);
        return true;
    }
    let owner = owner.strip_suffix(".prototype").unwrap_or(&owner);
    draft.owner_name = Some(owner.to_owned());
    owner != "this" && owner.bytes().all(text::is_word)
}

fn variable<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    if draft.owner.is_some() {
        "export".clone_into(&mut draft.marks);
        return true;
    }
    let declaration = walk.frames.last().map(|frame| frame.node);
    if declaration.and_then(|node| node.child(0)).is_some_and(|first| first.kind() == "const") {
        draft.kind = Kind::Constant;
    }
    !draft.node.child_by_field_name("value").is_some_and(|value| loads(walk.bytes, value))
}

/// A name taken out of an object where no function is around: `export const { a, b } = slice.actions`.
fn unpacked<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    let mut around = walk.frames.iter().rev().map(|frame| frame.node);
    let pattern = around.next().is_some_and(|node| node.kind() == "object_pattern");
    let declarator = around.next().filter(|node| pattern && node.kind() == "variable_declarator");
    draft.marks.clear();
    declarator.and_then(|node| node.child_by_field_name("value")).is_some_and(|value| !loads(walk.bytes, value))
}

/// Whether a value is a module that is loaded, or a part of it: then its name is imported, not defined.
fn loads(bytes: &[u8], value: Node<'_>) -> bool {
    let text = bytes[value.byte_range()].trim_ascii_start();
    let text = text.strip_prefix(b"await ").unwrap_or(text);
    text.starts_with(b"require(") || text.starts_with(b"import(")
}

fn module<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    if draft.name.kind() == "string" {
        draft.title = Some(text::unquoted(&text::of(draft.name, walk.bytes)).to_owned());
        draft.name = script_tests::fragment(draft.name);
    }
    true
}

fn import<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) {
    let found = node.child_by_field_name("source").or_else(|| deep_source(node));
    let module = found.map_or_else(String::new, |source| text::unquoted(&text::of(source, walk.bytes)).to_owned());
    let statement = Statement { span: span(node), module, exported: node.kind() == "export_statement" };
    if let Some(value) = node.child_by_field_name("value") {
        let name = text::of(value, walk.bytes);
        return walk.import(statement.take(&name, "default"));
    }
    if found.is_some() {
        walk.quiet = node.end_byte();
    }
    let before = walk.outline.imports.len();
    clauses(walk, node, &statement);
    if walk.outline.imports.len() == before && !statement.module.is_empty() {
        let all = if statement.exported { "*" } else { "" };
        walk.import(statement.take(all, ""));
    }
}

/// The module of `import x = require("y")`.
fn deep_source(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    let clause = node.named_children(&mut cursor).find(|child| child.kind() == "import_require_clause")?;
    clause.child_by_field_name("source")
}

/// What the names of one statement have in common.
struct Statement {
    span: Span,
    module: String,
    exported: bool,
}

impl Statement {
    fn take(&self, name: &str, alias: &str) -> Import {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        Import { span: self.span, module: self.module.clone(), name, alias, exported: self.exported }
    }
}

fn clauses<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>, statement: &Statement) {
    let mut cursor = node.walk();
    let children: Vec<_> = node.named_children(&mut cursor).collect();
    for child in children {
        match child.kind() {
            "import_clause" | "named_imports" | "export_clause" => clauses(walk, child, statement),
            "identifier" => {
                let alias = text::of(child, walk.bytes);
                let name = if node.kind() == "import_require_clause" { "" } else { "default" };
                walk.import(statement.take(name, &alias));
            }
            "import_require_clause" => clauses(walk, child, statement),
            "namespace_import" | "namespace_export" => {
                let alias = child.named_child(0).map_or_else(String::new, |alias| text::of(alias, walk.bytes));
                walk.import(statement.take("", &alias));
            }
            "import_specifier" | "export_specifier" => specifier(walk, child, statement),
            _ => {}
        }
    }
}

fn specifier<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>, statement: &Statement) {
    let Some(name) = node.child_by_field_name("name") else { return };
    let name = text::of(name, walk.bytes);
    let alias = node.child_by_field_name("alias").map_or_else(|| name.clone(), |alias| text::of(alias, walk.bytes));
    walk.import(statement.take(text::unquoted(&name), text::unquoted(&alias)));
}

/// `require("x")` and `import("x")` are imports; with anything but a literal they are no names at all.
fn load<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) {
    let callee = node.child_by_field_name("function").map_or("", |callee| callee.kind());
    let argument = node.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(0));
    let (Some(argument), true) = (argument, matches!(callee, "identifier" | "import")) else { return };
    let plain = argument.kind() == "string" || (argument.kind() == "template_string" && argument.named_child_count() <= 1);
    let head = &walk.bytes[node.start_byte()..node.end_byte().min(node.start_byte() + 7)];
    if !head.starts_with(b"require") && !head.starts_with(b"import") {
        return;
    }
    if !plain {
        return walk.note_dynamic(line_of(node));
    }
    let module = text::unquoted(&text::of(argument, walk.bytes)).to_owned();
    bind(walk, node, module);
}

/// Takes the names that a loaded module is given.
fn bind<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>, module: String) {
    let mut statement = Statement { span: span(node), module, exported: false };
    let mut part = String::new();
    let around: Vec<Node<'t>> = walk.frames.iter().rev().take(4).map(|frame| frame.node).collect();
    for frame in around {
        match frame.kind() {
            "await_expression" | "parenthesized_expression" => {}
            "member_expression" if part.is_empty() => {
                part = frame.child_by_field_name("property").map_or_else(String::new, |property| text::of(property, walk.bytes));
            }
            "variable_declarator" => {
                statement.span = span(frame);
                let Some(name) = frame.child_by_field_name("name") else { break };
                return bound(walk, name, &part, &statement);
            }
            _ => break,
        }
    }
    walk.import(statement.take(&part, ""));
}

fn bound<'t>(walk: &mut Walk<'t, '_>, name: Node<'t>, part: &str, statement: &Statement) {
    if name.kind() != "object_pattern" {
        let alias = text::of(name, walk.bytes);
        return walk.import(statement.take(part, &alias));
    }
    let mut cursor = name.walk();
    let children: Vec<_> = name.named_children(&mut cursor).collect();
    for child in children {
        let (key, value) = match child.kind() {
            "pair_pattern" => (child.child_by_field_name("key"), child.child_by_field_name("value")),
            "object_assignment_pattern" => (child.child_by_field_name("left"), child.child_by_field_name("left")),
            _ => (Some(child), Some(child)),
        };
        if let (Some(key), Some(value)) = (key, value) {
            let (key, value) = (text::of(key, walk.bytes), text::of(value, walk.bytes));
            walk.import(statement.take(&key, &value));
        }
    }
}
