//! The walk over a syntax tree: symbols open and close, tokens are hashed, names are mentioned.
//!
//! Invariant: every node is entered once, in order; what is open is a stack, so nothing is ever looked for.

use std::ops::Range;

use tree_sitter::{Node, QueryCursor, Tree};

use super::adopt::Mark;
use super::comments::{self, Run};
use super::define::Open;
use super::grammar::{Grammar, Roles};
use super::names::Names;
use super::text;
use crate::{Import, Language, Mention, Outline, Span, Symbol};

/// How often each byte of a file is looked at, on average, for braces that the tree does not tell.
const BRACES: usize = 16;

/// The state of a walk over one file.
pub(super) struct Walk<'t, 'c> {
    pub(super) grammar: &'static Grammar,
    pub(super) bytes: &'t [u8],
    pub(super) cursor: &'c mut QueryCursor,
    pub(super) frames: Vec<Frame<'t>>,
    pub(super) open: Vec<Open>,
    /// The tokens of the file outside symbols, then those of each open symbol.
    pub(super) tokens: Vec<Vec<u8>>,
    pub(super) names: Names<'t>,
    pub(super) comments: Run,
    pub(super) outline: Outline,
    /// How many functions are around.
    pub(super) code: u32,
    /// Up to this byte no names are mentioned.
    pub(super) quiet: usize,
    /// Documentation inside a body: no tokens.
    pub(super) mute: Range<usize>,
    /// Up to this byte nothing is a symbol.
    pub(super) barren: usize,
    /// How many bytes may still be looked at for braces that the tree does not tell.
    pub(super) braces: usize,
    last_end: usize,
    last_line: u32,
}

/// A node the walk is in.
pub(super) struct Frame<'t> {
    pub(super) node: Node<'t>,
    pub(super) roles: Roles,
    pub(super) start: usize,
    /// Its place among its parent's children.
    pub(super) index: u32,
    /// How many of its children were entered.
    seen: u32,
    /// Where attributes, or the wrapper itself, began.
    pub(super) mark: Option<Mark>,
}

enum Step {
    Down,
    Leaf,
    Over,
}

impl<'t, 'c> Walk<'t, 'c> {
    pub(super) fn new(grammar: &'static Grammar, bytes: &'t [u8], cursor: &'c mut QueryCursor) -> Self {
        Self {
            grammar,
            bytes,
            cursor,
            frames: Vec::new(),
            open: Vec::new(),
            tokens: vec![Vec::new()],
            names: Names::default(),
            comments: Run::default(),
            outline: Outline::default(),
            code: 0,
            quiet: 0,
            mute: 0..0,
            barren: 0,
            braces: bytes.len().saturating_mul(BRACES),
            last_end: 0,
            last_line: 0,
        }
    }

    pub(super) fn run(mut self, tree: &'t Tree) -> Outline {
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            let roles = self.grammar.roles(node.kind_id());
            let index = self.count();
            match self.enter(node, roles) {
                Step::Down if cursor.goto_first_child() => {
                    self.push(node, roles, index);
                    continue;
                }
                Step::Over => {}
                Step::Down | Step::Leaf => self.leaf(node, roles, index),
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return self.finish();
                }
                self.leave();
            }
        }
    }

    fn finish(mut self) -> Outline {
        self.close_until(usize::MAX);
        self.outline.loose = digest(&self.tokens[0]);
        self.outline.names = self.names.into_list();
        self.outline
    }

    /// The place of the node that is entered among its parent's children.
    fn count(&mut self) -> u32 {
        let Some(frame) = self.frames.last_mut() else { return 0 };
        frame.seen += 1;
        frame.seen - 1
    }

    fn push(&mut self, node: Node<'t>, roles: Roles, index: u32) {
        let start = node.start_byte();
        let mark = roles.has(Roles::WRAPPER).then(|| self.mark(node));
        self.code += u32::from(roles.has(Roles::CODE));
        self.frames.push(Frame { node, roles, start, index, seen: 0, mark });
    }

    fn leave(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        self.code -= u32::from(frame.roles.has(Roles::CODE));
        if frame.roles.has(Roles::ENDS) && !self.mutes(frame.node) {
            self.top().push(1);
        }
    }

    /// Whether a node is nothing but documentation.
    fn mutes(&self, node: Node<'t>) -> bool {
        self.mute.start <= node.start_byte() && node.end_byte() <= self.mute.end
    }

    fn enter(&mut self, node: Node<'t>, roles: Roles) -> Step {
        let start = node.start_byte();
        self.close_until(start);
        self.count_error(node);
        if roles.has(Roles::COMMENT) {
            self.comment(node);
            return Step::Over;
        }
        if roles.has(Roles::ATTRIBUTE) {
            self.attribute(node, node.end_byte());
        } else if self.bytes.get(start) == Some(&b'#') && self.in_tokens() {
            self.attribute(node, text::bracket_end(self.bytes, start));
        } else {
            self.define(node, roles);
            self.forget_attributes(roles);
        }
        if roles.has(Roles::OPAQUE) { Step::Leaf } else { Step::Down }
    }

    /// Whether the walk is directly among tokens given to a macro.
    fn in_tokens(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.roles.has(Roles::TOKENS))
    }

    fn count_error(&mut self, node: Node<'t>) {
        self.outline.errors += u32::from(node.is_error() || node.is_missing());
    }

    fn comment(&mut self, node: Node<'t>) {
        let trailing = self.last_end > 0 && line_of(node) == self.last_line;
        let text = &self.bytes[node.byte_range()];
        let documents = comments::documents(text, self.grammar.rules.docs);
        self.comments = if trailing || !documents { Run::default() } else { self.comments.and(span(node)) };
        self.gap(node.start_byte());
        self.last_end = node.end_byte();
    }

    /// What an attribute was put on has been met, or there is nothing to put it on.
    fn forget_attributes(&mut self, roles: Roles) {
        let Some(frame) = self.frames.last_mut() else { return };
        if !frame.roles.has(Roles::WRAPPER.or(Roles::TOKENS)) && !roles.has(Roles::ATTRIBUTE) {
            frame.mark = None;
        }
    }

    fn leaf(&mut self, node: Node<'t>, roles: Roles, index: u32) {
        let (start, end) = (node.start_byte(), node.end_byte());
        self.token(start, end);
        self.last_line = if roles.has(Roles::OPAQUE) { span(node).last_line } else { line_of(node) };
        if start < self.quiet || start == end {
            return;
        }
        if roles.has(Roles::NAME.or(Roles::TYPE_NAME).or(Roles::MEMBER_NAME)) {
            self.name(node, roles, index);
        } else if roles.has(Roles::SOURCE) {
            self.scan(start, end, line_of(node));
        } else if roles.has(Roles::OPAQUE) {
            self.text(node);
        }
    }

    fn token(&mut self, start: usize, end: usize) {
        self.comments = Run::default();
        self.gap(start);
        self.last_end = end;
        if !self.mute.contains(&start) && end > start {
            let bytes = self.bytes;
            let top = self.top();
            top.extend_from_slice(&bytes[start..end]);
            top.push(0);
        }
    }

    /// What lies between tokens and is no space is part of a token that has no node of its own.
    fn gap(&mut self, start: usize) {
        let bytes = self.bytes;
        let Some(gap) = bytes.get(self.last_end..start) else { return };
        if !self.mute.contains(&start) && !gap.iter().all(u8::is_ascii_whitespace) {
            let top = self.top();
            top.extend_from_slice(gap);
            top.push(0);
        }
    }

    /// The tokens of the innermost symbol.
    pub(super) fn top(&mut self) -> &mut Vec<u8> {
        let last = self.tokens.len() - 1;
        &mut self.tokens[last]
    }

    /// The innermost symbol.
    pub(super) fn innermost(&self) -> Option<&Symbol> {
        self.open.last().map(|open| &self.outline.symbols[open.number as usize])
    }

    pub(super) fn import(&mut self, import: Import) {
        self.outline.imports.push(import);
    }

    /// Notes a line that reaches code by other ways than its name.
    pub(super) fn note_dynamic(&mut self, line: u32) {
        if self.outline.dynamic.last() != Some(&line) {
            self.outline.dynamic.push(line);
        }
    }

    pub(super) fn mention(&mut self, mention: Mention) {
        self.outline.mentions.push(mention);
    }

    pub(super) fn is_python(&self) -> bool {
        self.grammar.language == Language::Python
    }

    /// Whether no function is around.
    pub(super) fn at_top(&self) -> bool {
        self.code == 0
    }
}

/// The line a node begins in, from 1.
pub(super) fn line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX)
}

/// Where a node is. One that ends with its line's end does not reach into the next.
pub(super) fn span(node: Node<'_>) -> Span {
    let end = node.end_position();
    let last = if end.column == 0 && end.row > node.start_position().row { end.row } else { end.row + 1 };
    Span {
        start: u32::try_from(node.start_byte()).unwrap_or(u32::MAX),
        end: u32::try_from(node.end_byte()).unwrap_or(u32::MAX),
        line: line_of(node),
        last_line: u32::try_from(last).unwrap_or(u32::MAX),
    }
}

/// The first 8 bytes of BLAKE3.
pub(super) fn digest(tokens: &[u8]) -> u64 {
    let hash = blake3::hash(tokens);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}
