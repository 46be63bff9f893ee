//! Go: names make tests, receivers make methods, imports are known by the last part of their path.

use tree_sitter::Node;

use super::define::Draft;
use super::grammar::{Roles, Rules};
use super::text;
use super::walk::{Walk, span};
use crate::{Import, Kind};

pub(super) const RULES: Rules = Rules {
    query: &[include_str!("../../queries/go.scm")],
    roles: &[
        (Roles::NAME, &["identifier", "package_identifier"]),
        (Roles::TYPE_NAME, &["type_identifier"]),
        (Roles::MEMBER_NAME, &["field_identifier"]),
        (Roles::COMMENT.or(Roles::OPAQUE), &["comment"]),
        (Roles::OPAQUE, &["interpreted_string_literal", "raw_string_literal", "rune_literal", "label_name"]),
        (Roles::ACCESS, &["selector_expression", "qualified_type"]),
        (Roles::CALL, &["call_expression"]),
        (Roles::GENERIC, &["generic_type"]),
        (Roles::WRAPPER, &["type_declaration", "const_declaration", "var_declaration"]),
        (Roles::CODE, &["function_declaration", "method_declaration", "func_literal"]),
        (Roles::BINDS, &["parameter_declaration", "variadic_parameter_declaration"]),
    ],
    notable: |_| false,
    shape,
    import,
    call: |_, _| {},
    dynamic: &["MethodByName", "FieldByName"],
    silent: &["_"],
    docs: &["//", "/*"],
};

fn shape<'t>(walk: &mut Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    match draft.kind {
        Kind::Function => function(walk, draft),
        Kind::Method => draft.owner_name = draft.owner.and_then(|receiver| receiver_type(receiver, walk.bytes)),
        _ => {}
    }
    true
}

fn function(walk: &Walk<'_, '_>, draft: &mut Draft<'_>) {
    let name = text::of(draft.name, walk.bytes);
    let parameters = draft.node.child_by_field_name("parameters");
    let takes_t = parameters.is_some_and(|parameters| text::of(parameters, walk.bytes).contains("testing.T"));
    if begins(&name, "Test") && takes_t {
        draft.kind = Kind::Test;
    }
    for (beginning, mark) in [("Benchmark", "benchmark"), ("Example", "example"), ("Fuzz", "fuzz")] {
        if begins(&name, beginning) {
            mark.clone_into(&mut draft.marks);
        }
    }
}

/// Whether a name begins so, and what follows does not go on with the word.
fn begins(name: &str, beginning: &str) -> bool {
    name.strip_prefix(beginning).is_some_and(|rest| !rest.starts_with(char::is_lowercase))
}

/// The type's name in `(s *Server[T])`.
fn receiver_type(receiver: Node<'_>, bytes: &[u8]) -> Option<String> {
    let mut at = receiver.named_child(0)?.child_by_field_name("type")?;
    while at.kind() != "type_identifier" {
        at = at.child_by_field_name("type").or_else(|| at.named_child(0))?;
    }
    Some(text::of(at, bytes))
}

fn import<'t>(walk: &mut Walk<'t, '_>, node: Node<'t>) {
    walk.quiet = node.end_byte();
    let Some(path) = node.child_by_field_name("path") else { return };
    let module = text::unquoted(&text::of(path, walk.bytes)).to_owned();
    let given = node.child_by_field_name("name").map(|name| text::of(name, walk.bytes));
    let (name, alias) = match given.as_deref() {
        Some(".") => ("*".to_owned(), String::new()),
        Some("_") => (String::new(), String::new()),
        Some(alias) => (String::new(), alias.to_owned()),
        None => (String::new(), last_part(&module).to_owned()),
    };
    walk.import(Import { span: span(node), module, name, alias, exported: false });
}

/// The last part of a path, major versions (`/v2`, `.v3`) left out.
fn last_part(path: &str) -> &str {
    let is_version =
        |part: &str| part.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or(path);
    let last = if is_version(last) { parts.next().unwrap_or(last) } else { last };
    last.split_once('.').filter(|(_, rest)| is_version(rest)).map_or(last, |(name, _)| name)
}
