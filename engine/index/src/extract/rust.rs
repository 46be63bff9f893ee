//! Rust: attributes make tests, `impl` blocks hold methods, `use` brings names in trees, macros hide tokens.

use tree_sitter::Node;

use super::adopt::has_mark;
use super::define::Draft;
use super::grammar::{Roles, Rules};
use super::text;
use super::walk::{Walk, span};
use crate::{Import, Kind};

pub(super) const RULES: Rules = Rules {
    query: &[include_str!("../../queries/rust.scm")],
    roles: &[
        (Roles::NAME, &["identifier", "shorthand_field_identifier"]),
        (Roles::TYPE_NAME, &["type_identifier"]),
        (Roles::MEMBER_NAME, &["field_identifier"]),
        (Roles::COMMENT.or(Roles::OPAQUE), &["line_comment", "block_comment"]),
        (Roles::OPAQUE, &["string_literal", "raw_string_literal", "char_literal", "lifetime", "label", "metavariable"]),
        (Roles::ACCESS, &["field_expression"]),
        (Roles::PATH, &["scoped_identifier", "scoped_type_identifier"]),
        (Roles::CALL, &["call_expression"]),
        (Roles::GENERIC, &["generic_function", "generic_type", "generic_type_with_turbofish"]),
        (Roles::ATTRIBUTE, &["attribute_item"]),
        (Roles::MACRO, &["macro_invocation", "attribute"]),
        (Roles::TOKENS, &["token_tree", "token_tree_pattern"]),
        (Roles::CODE, &["function_item", "closure_expression"]),
        (Roles::BINDS_FIRST, &["parameter", "let_declaration", "captured_pattern", "for_expression", "const_parameter"]),
        (
            Roles::BINDS,
            &["closure_parameters", "tuple_pattern", "reference_pattern", "mut_pattern", "ref_pattern", "token_binding_pattern"],
        ),
        (Roles::KEY, &["field_initializer", "field_pattern"]),
        (Roles::TYPE, &["trait_bounds", "type_arguments"]),
    ],
    notable: |_| false,
    shape,
    import,
    call: |_, _| {},
    dynamic: &["include"],
    silent: &["in"],
    docs: &["///", "/**"],
};

const TESTS: &[&str] = &["test", "rstest", "test_case", "quickcheck", "wasm_bindgen_test"];
/// How deep the tree of a `use` may be.
const DEEPEST: usize = 64;

fn shape<'t>(walk: &mut Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    match draft.kind {
        Kind::Function => function(walk, draft),
        Kind::Impl => implementation(walk, draft),
        Kind::Trait => draft.base_names = draft.bases.map_or_else(String::new, |bases| types(bases, walk.bytes)),
        Kind::Module if draft.body.is_none() => module_file(walk, draft),
        _ => {}
    }
    true
}

fn function(walk: &Walk<'_, '_>, draft: &mut Draft<'_>) {
    let around = walk.innermost().filter(|symbol| matches!(symbol.kind, Kind::Impl | Kind::Trait));
    if has_mark(&walk.pending(), TESTS) {
        draft.kind = Kind::Test;
    } else if let Some(symbol) = around {
        draft.kind = Kind::Method;
        draft.owner_name = Some(symbol.name.clone());
    }
}

fn implementation<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>) {
    draft.name = type_name(draft.name);
    draft.base_names = draft
        .bases
        .map_or_else(String::new, |bases| String::from_utf8_lossy(&text::qualifier(&walk.bytes[bases.byte_range()])).into_owned());
}

/// The name in a type: `Foo` of `&mut a::Foo<T>`; the whole where there is none.
fn type_name(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    for _ in 0..DEEPEST {
        let inner = match at.kind() {
            "generic_type" | "reference_type" | "pointer_type" => at.child_by_field_name("type"),
            "scoped_type_identifier" => at.child_by_field_name("name"),
            _ => return at,
        };
        let Some(inner) = inner else { return at };
        at = inner;
    }
    at
}

/// The names of the types in a list of bounds.
fn types(bounds: Node<'_>, bytes: &[u8]) -> String {
    let mut cursor = bounds.walk();
    let named = bounds.named_children(&mut cursor);
    let names = named.map(|node| String::from_utf8_lossy(&text::qualifier(&bytes[node.byte_range()])).into_owned());
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `mod x;` takes in a file.
fn module_file(walk: &mut Walk<'_, '_>, draft: &Draft<'_>) {
    let name = text::of(draft.name, walk.bytes);
    let exported = is_public(draft.node);
    walk.import(Import { span: span(draft.node), module: format!("self::{name}"), name: String::new(), alias: name, exported });
}

fn is_public(node: Node<'_>) -> bool {
    node.named_child(0).is_some_and(|first| first.kind() == "visibility_modifier")
}

fn import<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) {
    walk.quiet = node.end_byte();
    if node.kind() == "extern_crate_declaration" {
        return extern_crate(walk, node);
    }
    let Some(tree) = node.child_by_field_name("argument") else { return };
    let mut taken = Vec::new();
    let mut rest = vec![(tree, String::new(), 0)];
    while let Some((tree, prefix, depth)) = rest.pop() {
        if depth > DEEPEST {
            continue;
        }
        branch(walk.bytes, tree, prefix, depth, &mut rest, &mut taken);
    }
    let exported = is_public(node);
    for (module, name, alias) in taken {
        walk.import(Import { span: span(node), module, name, alias, exported });
    }
}

type Branch<'t> = (Node<'t>, String, usize);
type Taken = (String, String, String);

/// One node of the tree of a `use`: names it takes, or branches of it. They are pushed last first, so that names come in order.
fn branch<'t>(bytes: &[u8], tree: Node<'t>, prefix: String, depth: usize, rest: &mut Vec<Branch<'t>>, taken: &mut Vec<Taken>) {
    match tree.kind() {
        "scoped_use_list" => {
            let path = tree.child_by_field_name("path").map_or_else(String::new, |path| compact(path, bytes));
            if let Some(list) = tree.child_by_field_name("list") {
                rest.push((list, joined(&prefix, &path), depth + 1));
            }
        }
        "use_list" => {
            let mut cursor = tree.walk();
            let children: Vec<_> = tree.named_children(&mut cursor).collect();
            rest.extend(children.into_iter().rev().map(|child| (child, prefix.clone(), depth + 1)));
        }
        "use_as_clause" => {
            let path = tree.child_by_field_name("path").map_or_else(String::new, |path| compact(path, bytes));
            let alias = tree.child_by_field_name("alias").map(|alias| text::of(alias, bytes));
            taken.push(leaf(&prefix, &path, alias));
        }
        "use_wildcard" => {
            let path = tree.named_child(0).map_or_else(String::new, |path| compact(path, bytes));
            taken.push((joined(&prefix, &path), "*".to_owned(), String::new()));
        }
        "line_comment" | "block_comment" => {}
        _ => taken.push(leaf(&prefix, &compact(tree, bytes), None)),
    }
}

fn leaf(prefix: &str, path: &str, alias: Option<String>) -> Taken {
    let whole = if path == "self" && !prefix.is_empty() { prefix.to_owned() } else { joined(prefix, path) };
    let own = whole.rsplit("::").next().unwrap_or_default().to_owned();
    let alias = alias.unwrap_or_else(|| own.clone());
    match whole.rsplit_once("::") {
        Some((module, name)) if path != "self" => (module.to_owned(), name.to_owned(), alias),
        _ => (whole, String::new(), alias),
    }
}

fn joined(prefix: &str, path: &str) -> String {
    if prefix.is_empty() || path.is_empty() { format!("{prefix}{path}") } else { format!("{prefix}::{path}") }
}

fn compact(node: Node<'_>, bytes: &[u8]) -> String {
    text::of(node, bytes).split_whitespace().collect()
}

fn extern_crate(walk: &mut Walk<'_, '_>, node: Node<'_>) {
    let Some(name) = node.child_by_field_name("name") else { return };
    let module = text::of(name, walk.bytes);
    let alias = node.child_by_field_name("alias").map_or_else(|| module.clone(), |alias| text::of(alias, walk.bytes));
    walk.import(Import { span: span(node), module, name: String::new(), alias, exported: is_public(node) });
}

/// `#[test] fn name(...) { ... }` among the tokens of a macro such as `proptest!` is a test; says whether it was one.
pub(super) fn defines_in_tokens<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) -> bool {
    let marked = walk.frames.last().and_then(|frame| frame.mark.as_ref()).is_some_and(|mark| mark.any(TESTS));
    if !marked || !follows_fn(walk.bytes, node.start_byte()) || walk.innermost().is_some_and(|symbol| symbol.kind == Kind::Test) {
        return false;
    }
    let Some(reach) = text::block(walk.bytes, node, &mut walk.braces) else { return false };
    let mut draft = Draft::of(node, Kind::Test, node);
    draft.reach = Some(reach);
    walk.open(draft);
    true
}

fn follows_fn(bytes: &[u8], start: usize) -> bool {
    let before = bytes[..start].trim_ascii_end();
    before.len() < start && before.ends_with(b"fn") && before.len() + 16 > start
}
