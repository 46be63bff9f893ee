//! Java: annotations make tests, and classes that hold tests are suites.

use tree_sitter::Node;

use super::adopt::{attribute_names, has_mark};
use super::define::Draft;
use super::grammar::{Roles, Rules};
use super::text;
use super::walk::{Walk, span};
use crate::{Import, Kind};

pub(super) const RULES: Rules = Rules {
    query: &[include_str!("../../queries/java.scm")],
    roles: &[
        (Roles::NAME, &["identifier"]),
        (Roles::TYPE_NAME, &["type_identifier"]),
        (Roles::COMMENT.or(Roles::OPAQUE), &["line_comment", "block_comment"]),
        (Roles::OPAQUE, &["string_literal", "character_literal"]),
        (Roles::ACCESS, &["field_access", "scoped_identifier", "scoped_type_identifier"]),
        (Roles::PATH, &["method_reference"]),
        (Roles::INVOKE, &["method_invocation"]),
        (Roles::NEW, &["object_creation_expression"]),
        (Roles::GENERIC, &["generic_type"]),
        (Roles::MACRO, &["annotation", "marker_annotation"]),
        (Roles::WRAPPER, &["field_declaration"]),
        (Roles::CODE, &["method_declaration", "constructor_declaration", "lambda_expression"]),
        (Roles::BINDS, &["formal_parameter", "catch_formal_parameter", "inferred_parameters"]),
        (Roles::BINDS_FIRST, &["variable_declarator", "lambda_expression"]),
        (Roles::KEY, &["element_value_pair"]),
    ],
    notable: |_| false,
    shape,
    import,
    call: |_, _| {},
    dynamic: &["forName", "loadClass", "getMethod", "getDeclaredMethod", "getDeclaredField", "getField"],
    silent: &[],
    docs: &["/**"],
};

const TESTS: &[&str] = &["Test", "ParameterizedTest", "RepeatedTest", "TestFactory", "TestTemplate", "Property"];

fn shape<'t>(walk: &mut Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    if draft.node.kind() == "variable_declarator" {
        return field(walk, draft);
    }
    annotations(draft.node, walk.bytes, draft);
    draft.base_names = base_names(draft.node, walk.bytes);
    if draft.kind == Kind::Method && has_mark(&draft.marks, TESTS) {
        draft.kind = Kind::Test;
        suite(walk);
    }
    true
}

fn field<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    let Some(frame) = walk.frames.last().filter(|frame| frame.node.kind() == "field_declaration") else { return false };
    annotations(frame.node, walk.bytes, draft);
    true
}

/// The class around a test is a suite.
fn suite(walk: &mut Walk<'_, '_>) {
    let Some(number) = walk.open.last().map(|open| open.number) else { return };
    if let Some(symbol) = walk.outline.symbols.get_mut(number as usize).filter(|symbol| symbol.kind == Kind::Class) {
        symbol.kind = Kind::Suite;
    }
}

fn annotations<'t>(node: Node<'t>, bytes: &[u8], draft: &mut Draft<'t>) {
    let Some(modifiers) = node.named_child(0).filter(|first| first.kind() == "modifiers") else { return };
    let mut cursor = modifiers.walk();
    for annotation in modifiers.named_children(&mut cursor).filter(|child| matches!(child.kind(), "annotation" | "marker_annotation")) {
        if !draft.marks.is_empty() {
            draft.marks.push(' ');
        }
        draft.marks.push_str(&attribute_names(&bytes[annotation.byte_range()]));
        draft.head = annotation.end_byte();
    }
}

fn base_names(node: Node<'_>, bytes: &[u8]) -> String {
    let mut types = Vec::new();
    let mut cursor = node.walk();
    for clause in node.named_children(&mut cursor) {
        match clause.kind() {
            "superclass" => types.extend(clause.named_child(0)),
            "super_interfaces" | "extends_interfaces" => types.extend(clause.named_child(0).into_iter().flat_map(children)),
            _ => {}
        }
    }
    let names = types.into_iter().map(|one| String::from_utf8_lossy(&text::qualifier(&bytes[one.byte_range()])).into_owned());
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}

fn children(list: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = list.walk();
    list.named_children(&mut cursor).collect()
}

fn import<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) {
    walk.quiet = node.end_byte();
    let mut cursor = node.walk();
    let parts: Vec<_> = node.named_children(&mut cursor).collect();
    let Some(path) = parts.iter().find(|part| matches!(part.kind(), "scoped_identifier" | "identifier")) else { return };
    let path: String = text::of(*path, walk.bytes).split_whitespace().collect();
    let all = parts.iter().any(|part| part.kind() == "asterisk");
    let (module, name, alias) = match path.rsplit_once('.') {
        _ if all => (path, "*".to_owned(), String::new()),
        Some((module, name)) => (module.to_owned(), name.to_owned(), name.to_owned()),
        None => (path.clone(), String::new(), path),
    };
    walk.import(Import { span: span(node), module, name, alias, exported: false });
}
