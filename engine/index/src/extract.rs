//! From bytes to an [`Outline`]: one parse, one walk.
//!
//! The walk meets every node once, in the order of the file, and never recurses. What a node defines or imports is asked of the
//! language's query (`queries/*.scm`), rooted at that one node: running the queries over whole files costs more than the parse, while
//! the walk is needed anyway, since every name has to be told apart as a call, a member, a type. What the query language cannot
//! say (what makes a function a test, the names a `use` brings) is said per language in the files beside this one.
//!
//! Invariant: the work is linear in the length of the file, whatever it holds; broken syntax gives what can be had.

mod adopt;
mod c;
mod comments;
mod define;
mod go;
mod grammar;
mod head;
mod java;
mod manner;
mod names;
mod python;
mod rust;
mod script;
mod script_tests;
mod text;
mod tokens;
mod walk;

use std::cell::RefCell;
use std::collections::BTreeSet;

use tree_sitter::{Node, Parser, QueryCursor};

use crate::{Language, Outline};
use grammar::Grammar;
pub(crate) use head::{documentation, signature};
use walk::Walk;

/// No outline is made of larger files of a repository, in bytes.
pub(crate) const LARGEST: usize = 4 << 20;

/// What the syntax of a file says. Bytes that are no UTF-8 are taken as they come; files of 4 GiB and more have no outline.
#[must_use]
pub fn outline(language: Language, bytes: &[u8]) -> Outline {
    if u32::try_from(bytes.len()).is_err() {
        return Outline::default();
    }
    let grammar = Grammar::of(language);
    TOOLS.with_borrow_mut(|tools| {
        let Some(tree) = parse(&mut tools.parser, grammar, bytes) else { return Outline::default() };
        Walk::new(grammar, bytes, &mut tools.cursor).run(&tree)
    })
}

/// A file's tree, by this thread's parser; nothing where there is none.
pub(crate) fn parsed(language: Language, bytes: &[u8]) -> Option<tree_sitter::Tree> {
    TOOLS.with_borrow_mut(|tools| parse(&mut tools.parser, Grammar::of(language), bytes))
}

/// The lines on which code stands, from 1: no comments, and no texts that stand alone, which document.
pub(crate) fn code_lines(language: Language, bytes: &[u8]) -> BTreeSet<u32> {
    let mut lines = BTreeSet::new();
    let Some(tree) = parsed(language, bytes) else { return lines };
    let is_silent = |node: &Node<'_>| {
        let stands_alone = node.kind() == "expression_statement" && node.named_child_count() == 1;
        node.kind() == "comment" || (stands_alone && node.named_child(0).is_some_and(|inner| inner.kind() == "string"))
    };
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if is_silent(&node) {
            continue;
        }
        if node.child_count() == 0 {
            let last = node.end_position().row
                - usize::from(node.end_position().column == 0 && node.end_position().row > node.start_position().row);
            lines.extend((node.start_position().row..=last).filter_map(|row| u32::try_from(row + 1).ok()));
        }
        open.extend(node.children(&mut node.walk()));
    }
    lines
}

fn parse(parser: &mut Parser, grammar: &Grammar, bytes: &[u8]) -> Option<tree_sitter::Tree> {
    parser.set_language(&grammar.syntax).ok()?;
    parser.parse(bytes, None)
}

/// What a thread reuses from file to file.
struct Tools {
    parser: Parser,
    cursor: QueryCursor,
}

thread_local! {
    static TOOLS: RefCell<Tools> = RefCell::new(Tools { parser: Parser::new(), cursor: rooted() });
}

/// A cursor that matches only at the node it is given.
fn rooted() -> QueryCursor {
    let mut cursor = QueryCursor::new();
    cursor.set_max_start_depth(Some(0));
    cursor
}

#[cfg(test)]
mod tests;
