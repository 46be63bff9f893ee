//! C and C++: names hide in declarators, methods are defined outside their classes, tests are macros.

use tree_sitter::Node;

use super::define::Draft;
use super::grammar::{Roles, Rules};
use super::text;
use super::walk::{Walk, span};
use crate::{Import, Kind};

const ROLES: &[(Roles, &[&str])] = &[
    (Roles::NAME, &["identifier", "namespace_identifier"]),
    (Roles::TYPE_NAME, &["type_identifier"]),
    (Roles::MEMBER_NAME, &["field_identifier"]),
    (Roles::COMMENT.or(Roles::OPAQUE), &["comment"]),
    (Roles::OPAQUE, &["string_literal", "char_literal", "raw_string_literal", "system_lib_string"]),
    (Roles::SOURCE, &["preproc_arg"]),
    (Roles::ACCESS, &["field_expression"]),
    (Roles::PATH, &["qualified_identifier", "nested_namespace_specifier"]),
    (Roles::CALL, &["call_expression"]),
    (Roles::GENERIC, &["template_function", "template_type", "template_method"]),
    (Roles::NEW, &["new_expression"]),
    (Roles::WRAPPER, &["template_declaration"]),
    (Roles::CODE, &["function_definition", "lambda_expression"]),
    (Roles::BINDS, &["parameter_declaration", "declaration", "preproc_params"]),
    (
        Roles::BINDS_FIRST,
        &["init_declarator", "pointer_declarator", "reference_declarator", "array_declarator", "optional_parameter_declaration"],
    ),
];

pub(super) const C: Rules = Rules {
    query: &[include_str!("../../queries/c.scm")],
    roles: ROLES,
    notable: |_| false,
    shape,
    import,
    call: |_, _| {},
    dynamic: &["dlsym"],
    silent: &[],
    docs: &["//", "/*"],
};

pub(super) const CPP: Rules = Rules {
    query: &[include_str!("../../queries/c.scm"), include_str!("../../queries/cpp.scm")],
    notable: |head| TEST_CASES.iter().any(|word| word.as_bytes() == head) || head == SUITE,
    ..C
};

const TEST_CASES: &[&str] = &["TEST_CASE", "SCENARIO", "TEMPLATE_TEST_CASE", "TEST_CASE_TEMPLATE"];
const SUITE: &[u8] = b"TEST_SUITE";
const GTESTS: &[&str] = &["TEST", "TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_P"];
/// How many declarators may be around a name.
const DEEPEST: usize = 16;

fn shape<'t>(walk: &mut Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    if draft.kind == Kind::Test {
        return test_case(walk, draft);
    }
    draft.base_names = draft.bases.map_or_else(String::new, |bases| base_names(bases, walk.bytes));
    match draft.declarator {
        Some(declarator) => declared(walk, draft, declarator),
        None => true,
    }
}

/// What a declarator declares.
struct Declared<'t> {
    name: Node<'t>,
    /// The parameters, where it is a function rather than a pointer to one.
    parameters: Option<Node<'t>>,
    /// What is qualified.
    owner: Option<String>,
}

fn declared<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>, declarator: Node<'t>) -> bool {
    let Some(found) = unwrap(declarator, walk.bytes) else { return false };
    draft.name = found.name;
    if let Some(test) = found.parameters.filter(|_| draft.kind == Kind::Function).and_then(|parameters| gtest(walk, &found, parameters)) {
        (draft.kind, draft.name, draft.owner_name) = (Kind::Test, test.0, Some(test.1));
        return true;
    }
    let in_type = walk.innermost().is_some_and(|symbol| matches!(symbol.kind, Kind::Class | Kind::Struct));
    let function = found.parameters.is_some() && draft.kind != Kind::Type;
    if function {
        draft.kind = if in_type || found.owner.is_some() { Kind::Method } else { Kind::Function };
    }
    draft.owner_name = found.owner;
    true
}

/// Unwraps a declarator until its name is found.
fn unwrap<'t>(declarator: Node<'t>, bytes: &[u8]) -> Option<Declared<'t>> {
    let (mut at, mut parameters, mut owner) = (declarator, None, None);
    for _ in 0..DEEPEST {
        let inner = match at.kind() {
            "identifier" | "field_identifier" | "type_identifier" | "destructor_name" | "operator_name" | "operator_cast" => {
                return Some(Declared { name: at, parameters, owner });
            }
            "function_declarator" => {
                parameters = at.child_by_field_name("parameters");
                at.child_by_field_name("declarator")
            }
            "parenthesized_declarator" => {
                parameters = None;
                at.named_child(0)
            }
            "qualified_identifier" => {
                owner = at.child_by_field_name("scope").map(|scope| scope_name(scope, bytes)).or(owner);
                at.child_by_field_name("name")
            }
            "template_function" | "template_method" | "template_type" => at.child_by_field_name("name"),
            "reference_declarator" | "attributed_declarator" => at.named_child(0),
            _ => at.child_by_field_name("declarator"),
        };
        at = inner?;
    }
    None
}

/// The innermost scope, type arguments left out.
fn scope_name(scope: Node<'_>, bytes: &[u8]) -> String {
    let name = String::from_utf8_lossy(&text::qualifier(&bytes[scope.byte_range()])).into_owned();
    text::last_part(&name).to_owned()
}

/// `TEST(Suite, Name) { ... }` looks like a function without a type.
fn gtest<'t>(walk: &Walk<'t, '_>, found: &Declared<'t>, parameters: Node<'t>) -> Option<(Node<'t>, String)> {
    let word = text::of(found.name, walk.bytes);
    if !GTESTS.contains(&word.as_str()) || parameters.named_child_count() != 2 {
        return None;
    }
    Some((parameters.named_child(1)?, text::of(parameters.named_child(0)?, walk.bytes)))
}

/// `TEST_CASE("adds") { ... }` looks like a call before a block.
fn test_case<'t>(walk: &mut Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    if walk.innermost().is_some_and(|symbol| symbol.kind == Kind::Test) {
        return false;
    }
    let Some(reach) = text::block(walk.bytes, draft.node, &mut walk.braces) else { return false };
    if draft.callee.is_some_and(|callee| &walk.bytes[callee.byte_range()] == SUITE) {
        draft.kind = Kind::Suite;
    }
    draft.reach = Some(reach);
    draft.title = Some(text::unquoted(&text::of(draft.name, walk.bytes)).to_owned());
    draft.name = draft.name.named_child(0).filter(|_| draft.name.named_child_count() == 1).unwrap_or(draft.name);
    true
}

fn base_names(clause: Node<'_>, bytes: &[u8]) -> String {
    let mut cursor = clause.walk();
    let types = clause.named_children(&mut cursor).filter(|node| node.kind() != "access_specifier");
    let names = types.map(|node| String::from_utf8_lossy(&text::qualifier(&bytes[node.byte_range()])).into_owned());
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}

fn import<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) {
    walk.quiet = node.end_byte();
    if node.kind() == "using_declaration" {
        return using(walk, node);
    }
    let module = node.child_by_field_name("path").map_or_else(String::new, |path| text::of(path, walk.bytes));
    walk.import(Import { span: span(node), module, name: String::new(), alias: String::new(), exported: true });
}

/// `using namespace a::b` brings in every name, `using a::b` one.
fn using(walk: &mut Walk<'_, '_>, node: Node<'_>) {
    let Some(path) = node.named_child(0) else { return };
    let path: String = text::of(path, walk.bytes).split_whitespace().collect();
    let whole = walk.bytes[node.byte_range()].split(u8::is_ascii_whitespace).any(|word| word == b"namespace");
    let (module, name, alias) = match path.rsplit_once("::") {
        _ if whole => (path, "*".to_owned(), String::new()),
        Some((module, name)) => (module.to_owned(), name.to_owned(), name.to_owned()),
        None => (String::new(), path.clone(), path),
    };
    walk.import(Import { span: span(node), module, name, alias, exported: false });
}
