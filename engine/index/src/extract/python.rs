//! Python: names make tests, classes of tests are suites, docstrings lie inside, and everything can be looked up by text.

use tree_sitter::Node;

use super::define::Draft;
use super::grammar::{Roles, Rules};
use super::text;
use super::walk::{Walk, line_of, span};
use crate::{Import, Kind};

pub(super) const RULES: Rules = Rules {
    query: &[include_str!("../../queries/python.scm")],
    roles: &[
        (Roles::NAME, &["identifier"]),
        (Roles::COMMENT.or(Roles::OPAQUE), &["comment"]),
        (Roles::OPAQUE, &["string_content"]),
        (Roles::ACCESS, &["attribute"]),
        (Roles::CALL, &["call"]),
        (Roles::GENERIC, &["generic_type"]),
        (Roles::ATTRIBUTE, &["decorator"]),
        (Roles::WRAPPER, &["decorated_definition"]),
        (Roles::CODE, &["function_definition", "lambda"]),
        (Roles::ENDS, &["block", "expression_statement", "return_statement"]),
        (Roles::PARAMETERS, &["parameters"]),
        (Roles::BINDS, &["lambda_parameters", "list_splat_pattern", "dictionary_splat_pattern", "as_pattern_target"]),
        (Roles::BINDS_FIRST, &["typed_parameter", "default_parameter", "typed_default_parameter", "for_in_clause"]),
        (Roles::KEY, &["keyword_argument"]),
        (Roles::TYPE, &["type"]),
    ],
    notable: |head| matches!(head, b"getattr" | b"setattr" | b"hasattr"),
    shape,
    import,
    call: lookup,
    dynamic: &["import_module", "__import__", "eval", "exec"],
    silent: &["self", "cls"],
    docs: &[],
};

fn shape<'t>(walk: &mut Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    draft.doc = draft.body.and_then(docstring);
    match draft.kind {
        Kind::Function => function(walk, draft),
        Kind::Class => class(walk, draft),
        Kind::Variable => variable(walk, draft),
        _ => {}
    }
    true
}

fn function(walk: &Walk<'_, '_>, draft: &mut Draft<'_>) {
    let name = &walk.bytes[draft.name.byte_range()];
    let around = walk.innermost().map(|symbol| symbol.kind);
    let in_class = matches!(around, Some(Kind::Class | Kind::Suite));
    if name.starts_with(b"test_") && walk.at_top() || name.starts_with(b"test") && around == Some(Kind::Suite) {
        draft.kind = Kind::Test;
    } else if in_class {
        draft.kind = Kind::Method;
    }
}

fn class(walk: &Walk<'_, '_>, draft: &mut Draft<'_>) {
    draft.base_names = draft.bases.map_or_else(String::new, |bases| base_names(bases, walk.bytes));
    let is_case = draft.base_names.split(' ').any(|base| base.ends_with("TestCase"));
    if is_case || walk.bytes[draft.name.byte_range()].starts_with(b"Test") {
        draft.kind = Kind::Suite;
    }
}

fn base_names(bases: Node<'_>, bytes: &[u8]) -> String {
    let mut cursor = bases.walk();
    let positional = bases.named_children(&mut cursor).filter(|node| node.kind() != "keyword_argument");
    let names = positional.map(|node| {
        let node = if node.kind() == "subscript" { node.child_by_field_name("value").unwrap_or(node) } else { node };
        String::from_utf8_lossy(&text::qualifier(&bytes[node.byte_range()])).into_owned()
    });
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}

fn variable(walk: &Walk<'_, '_>, draft: &mut Draft<'_>) {
    let name = &walk.bytes[draft.name.byte_range()];
    if walk.innermost().is_some_and(|symbol| matches!(symbol.kind, Kind::Class | Kind::Suite)) {
        draft.kind = Kind::Field;
    } else if name.iter().any(u8::is_ascii_uppercase) && !name.iter().any(u8::is_ascii_lowercase) {
        draft.kind = Kind::Constant;
    }
}

/// The string a body begins with.
fn docstring(body: Node<'_>) -> Option<Node<'_>> {
    let first = body.named_child(0)?;
    let inner = if first.kind() == "expression_statement" { first.named_child(0)? } else { first };
    (inner.kind() == "string").then_some(inner)
}

fn import<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) {
    walk.quiet = node.end_byte();
    let from = match node.kind() {
        "future_import_statement" => Some("__future__".to_owned()),
        "import_from_statement" => node.child_by_field_name("module_name").map(|module| compact(module, walk.bytes)),
        _ => None,
    };
    let exported = from.is_some() && walk.at_top();
    let mut cursor = node.walk();
    let names: Vec<_> = node.children_by_field_name("name", &mut cursor).collect();
    for one in names {
        let import = taken(one, from.as_deref(), walk.bytes);
        walk.import(Import { span: span(node), exported, ..import });
    }
    let mut cursor = node.walk();
    let all = node.named_children(&mut cursor).any(|child| child.kind() == "wildcard_import");
    if let (true, Some(module)) = (all, from) {
        walk.import(Import { span: span(node), module, name: "*".to_owned(), alias: String::new(), exported });
    }
}

/// One name of an import: of a module where one is given, else the module itself, known here by its whole dotted name.
fn taken(node: Node<'_>, from: Option<&str>, bytes: &[u8]) -> Import {
    let name = compact(node.child_by_field_name("name").unwrap_or(node), bytes);
    let alias = node.child_by_field_name("alias").map_or_else(|| name.clone(), |alias| text::of(alias, bytes));
    let (module, name) = from.map_or_else(|| (name.clone(), String::new()), |from| (from.to_owned(), name.clone()));
    Import { span: crate::Span::default(), module, name, alias, exported: false }
}

fn compact(node: Node<'_>, bytes: &[u8]) -> String {
    text::of(node, bytes).split_whitespace().collect()
}

/// `getattr(x, name)` reaches what the text in `name` says, unless that is written out.
fn lookup<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) {
    let name = node.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(1));
    if name.is_some_and(|name| name.kind() != "string") {
        walk.note_dynamic(line_of(node));
    }
}
