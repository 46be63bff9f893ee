//! Tests of JavaScript and TypeScript, which are calls: `it("adds", () => ...)`.
//!
//! Known are the words of mocha, jest, vitest, node:test, Deno, playwright, tape and ava. What is called decides; a word that other things
//! are called too (`/x/.test(text)`) needs a function among what it is given.

use tree_sitter::Node;

use super::define::Draft;
use super::text;
use super::walk::Walk;
use crate::Kind;

const TESTS: &[&str] = &["it", "test", "fit", "xit", "xtest", "specify"];
const SUITES: &[&str] = &["describe", "fdescribe", "xdescribe", "suite", "context"];
/// What may follow such a word without making it something else.
const MODIFIERS: &[&str] = &[
    "only",
    "skip",
    "each",
    "todo",
    "concurrent",
    "sequential",
    "shuffle",
    "fails",
    "failing",
    "skipIf",
    "runIf",
    "for",
    "serial",
    "parallel",
    "fixme",
    "slow",
    "if",
    "ignore",
];
/// Words that are tests where they are called on something: `t.test`, `t.step`, `Deno.test`, `test.describe`.
const MEMBERS: &[&str] = &["test", "step", "it", "describe"];
/// The longest title.
const TITLE: usize = 300;
/// How many steps a callee may have.
const STEPS: usize = 8;

/// Whether what is called may be a test's word.
pub(super) fn notable(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'.').any(|part| {
        let known = |word: &&str| word.as_bytes() == part;
        part.len() <= 9 && (TESTS.iter().any(known) || SUITES.iter().any(known) || MEMBERS.iter().any(known))
    })
}

/// Makes a test or suite of a call, or refuses it.
pub(super) fn shape<'t>(walk: &Walk<'t, '_>, draft: &mut Draft<'t>) -> bool {
    let Some(kind) = draft.callee.and_then(|callee| kind(callee, walk.bytes)) else { return false };
    let title = draft.name;
    let function = last_function(draft.node);
    let plain = matches!(title.kind(), "string" | "template_string");
    let member = draft.callee.is_some_and(|callee| callee.kind() == "member_expression");
    if function.is_none() && (!plain || member && !is_todo(draft, walk.bytes)) || is_function(title) {
        return false;
    }
    draft.kind = kind;
    draft.body = function.and_then(|function| function.child_by_field_name("body"));
    draft.title = Some(titled(title, walk.bytes));
    draft.name = fragment(title);
    true
}

fn is_todo(draft: &Draft<'_>, bytes: &[u8]) -> bool {
    draft.callee.is_some_and(|callee| bytes[callee.byte_range()].ends_with(b".todo") || bytes[callee.byte_range()].ends_with(b".skip"))
}

/// What is called, as a test's word: its root, or its last part.
fn kind(callee: Node<'_>, bytes: &[u8]) -> Option<Kind> {
    let mut parts = Vec::new();
    let mut at = callee;
    for _ in 0..STEPS {
        match at.kind() {
            "call_expression" => at = at.child_by_field_name("function")?,
            "member_expression" => {
                parts.push(text::of(at.child_by_field_name("property")?, bytes));
                at = at.child_by_field_name("object")?;
            }
            "identifier" => {
                let root = text::of(at, bytes);
                parts.retain(|part| !MODIFIERS.contains(&part.as_str()));
                return word(&root, &parts);
            }
            _ => return None,
        }
    }
    None
}

fn word(root: &str, parts: &[String]) -> Option<Kind> {
    let last = parts.first().map(String::as_str);
    match last {
        None if SUITES.contains(&root) => Some(Kind::Suite),
        None if TESTS.contains(&root) => Some(Kind::Test),
        Some("describe") => Some(Kind::Suite),
        Some(last) if MEMBERS.contains(&last) && parts.len() == 1 => Some(Kind::Test),
        _ => None,
    }
}

fn is_function(node: Node<'_>) -> bool {
    matches!(node.kind(), "arrow_function" | "function_expression" | "generator_function")
}

/// The function among the last two arguments.
fn last_function(call: Node<'_>) -> Option<Node<'_>> {
    let arguments = call.child_by_field_name("arguments")?;
    let count = u32::try_from(arguments.named_child_count()).ok()?;
    (count.saturating_sub(2)..count).rev().filter_map(|index| arguments.named_child(index)).find(|node| is_function(*node))
}

fn titled(title: Node<'_>, bytes: &[u8]) -> String {
    let raw = text::collapsed(&bytes[title.byte_range()], TITLE);
    if !matches!(title.kind(), "string" | "template_string") {
        return raw;
    }
    let whole = text::of(title, bytes);
    let inner = text::unquoted(&whole).replace("\\'", "'").replace("\\\"", "\"").replace("\\\\", "\\");
    text::bounded_to(inner, TITLE)
}

/// The text itself, where the literal holds nothing else.
pub(super) fn fragment(title: Node<'_>) -> Node<'_> {
    let only = title.named_child(0).filter(|child| child.kind() == "string_fragment" && title.named_child_count() == 1);
    only.unwrap_or(title)
}
