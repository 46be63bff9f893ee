//! Definitions: what a node defines or imports, and the symbols that are open.
//!
//! Invariant: a symbol is opened when its node is entered and closed at its end, so symbols nest as their nodes do.

use std::ops::Range;

use tree_sitter::{Node, StreamingIterator};

use super::grammar::{Capture, Grammar, Roles};
use super::text;
use super::walk::{Walk, digest, span};
use crate::{Kind, Span, Symbol};

/// How much of what stands before the parentheses of a call is looked at.
const HEAD: usize = 48;

/// A symbol the walk is in.
pub(super) struct Open {
    pub(super) number: u32,
    pub(super) end: usize,
    /// Its name's bytes, which are no mentions; none where they may hold some.
    pub(super) name: Range<usize>,
}

/// A definition on its way to become a symbol.
pub(super) struct Draft<'t> {
    pub(super) node: Node<'t>,
    pub(super) kind: Kind,
    pub(super) name: Node<'t>,
    /// The name, where it is not the text of its node.
    pub(super) title: Option<String>,
    pub(super) body: Option<Node<'t>>,
    pub(super) bases: Option<Node<'t>>,
    pub(super) owner: Option<Node<'t>>,
    pub(super) callee: Option<Node<'t>>,
    pub(super) declarator: Option<Node<'t>>,
    /// Names of attributes, separated by a space.
    pub(super) marks: String,
    /// The owner and the bases as they will be said.
    pub(super) owner_name: Option<String>,
    pub(super) base_names: String,
    /// Where the head begins, if after attributes that are part of the node; else 0.
    pub(super) head: usize,
    /// Documentation that lies inside.
    pub(super) doc: Option<Node<'t>>,
    /// Its body, where no node is known for it; the definition ends with it.
    pub(super) reach: Option<Span>,
}

/// What a query says of a node.
enum Found<'t> {
    Import,
    Symbol(Box<Draft<'t>>),
}

impl<'t> Walk<'t, '_> {
    /// Opens a symbol or takes an import, where the node is one.
    pub(super) fn define(&mut self, node: Node<'t>, roles: Roles) {
        if roles.has(Roles::CALL) {
            let start = node.start_byte();
            let head = call_head(&self.bytes[start..node.end_byte().min(start + HEAD)]);
            if !(self.grammar.rules.notable)(head) {
                return;
            }
            let before = self.outline.symbols.len();
            self.ask(node, roles);
            if self.outline.symbols.len() == before {
                (self.grammar.rules.call)(self, node);
            }
        } else {
            self.ask(node, roles);
        }
    }

    /// Asks the query what the node is.
    fn ask(&mut self, node: Node<'t>, roles: Roles) {
        if !roles.has(Roles::CANDIDATE) || node.start_byte() < self.barren {
            return;
        }
        match self.query(node) {
            Some(Found::Import) => (self.grammar.rules.import)(self, node),
            Some(Found::Symbol(draft)) => self.shape(*draft),
            None => {}
        }
    }

    fn shape(&mut self, mut draft: Draft<'t>) {
        if (self.grammar.rules.shape)(self, &mut draft) && !draft.name.byte_range().is_empty() {
            self.open(draft);
        }
    }

    /// The first pattern that fits the node.
    fn query(&mut self, node: Node<'t>) -> Option<Found<'t>> {
        let grammar = self.grammar;
        let mut best = None;
        let mut least = usize::MAX;
        let mut matches = self.cursor.matches(&grammar.query, node, self.bytes);
        while let Some(one) = matches.next() {
            let top = grammar.patterns[one.pattern_index].top;
            if one.pattern_index < least && !(top && self.code > 0) {
                least = one.pattern_index;
                best = found(grammar, node, one.captures());
            }
        }
        best
    }

    /// Opens a symbol.
    pub(super) fn open(&mut self, draft: Draft<'t>) {
        let number = u32::try_from(self.outline.symbols.len()).unwrap_or(u32::MAX);
        let mut adopted = self.adopt(draft.node, number);
        let body = draft.reach.or_else(|| draft.body.map(span));
        if let Some(reach) = draft.reach {
            (adopted.span.end, adopted.span.last_line) = (reach.end, reach.last_line);
        }
        let run = if self.comments.is_empty() { adopted.comments } else { self.comments };
        if let Some(node) = draft.doc {
            self.mute = node.byte_range();
        }
        let doc_span = draft.doc.map(span).or_else(|| run.before(adopted.span.line));
        let mut marks = adopted.names;
        if !marks.is_empty() && !draft.marks.is_empty() {
            marks.push(' ');
        }
        marks.push_str(&draft.marks);
        // An `impl` is named by a type defined elsewhere, a test perhaps by a text that is worked out.
        let mentions = draft.kind == Kind::Impl || (matches!(draft.kind, Kind::Test | Kind::Suite) && draft.title.is_some());
        self.open.push(Open { number, end: adopted.span.end as usize, name: if mentions { 0..0 } else { draft.name.byte_range() } });
        self.outline.symbols.push(Symbol {
            kind: draft.kind,
            name: draft.title.unwrap_or_else(|| text::of(draft.name, self.bytes)),
            parent: adopted.parent,
            owner: draft.owner_name,
            bases: draft.base_names,
            span: adopted.span,
            name_span: span(draft.name),
            body,
            head: u32::try_from(adopted.head.max(draft.head)).unwrap_or(u32::MAX),
            doc_span,
            marks,
            digest: 0,
        });
        self.tokens.push(adopted.tokens);
    }

    /// Closes the symbols that end at or before the byte.
    pub(super) fn close_until(&mut self, byte: usize) {
        while self.open.last().is_some_and(|open| open.end <= byte) {
            let (Some(open), Some(tokens)) = (self.open.pop(), self.tokens.pop()) else { return };
            self.outline.symbols[open.number as usize].digest = digest(&tokens);
        }
    }

    /// Opens a symbol that a single node is.
    pub(super) fn open_leaf(&mut self, node: Node<'t>, kind: Kind) {
        self.open(Draft::of(node, kind, node));
    }
}

impl<'t> Draft<'t> {
    /// A definition of which only its node and its name's are known.
    pub(super) fn of(node: Node<'t>, kind: Kind, name: Node<'t>) -> Self {
        Self {
            node,
            kind,
            name,
            title: None,
            body: None,
            bases: None,
            owner: None,
            callee: None,
            declarator: None,
            marks: String::new(),
            owner_name: None,
            base_names: String::new(),
            head: 0,
            doc: None,
            reach: None,
        }
    }
}

fn found<'t>(grammar: &Grammar, node: Node<'t>, captures: &[tree_sitter::QueryCapture<'t>]) -> Option<Found<'t>> {
    let mut draft = Draft::of(node, Kind::Function, node);
    let mut known = false;
    for capture in captures {
        let here = Some(capture.node);
        match grammar.captures[capture.index as usize] {
            Capture::Import => return Some(Found::Import),
            Capture::Symbol(kind) => (draft.kind, known) = (kind, true),
            Capture::Name => draft.name = capture.node,
            Capture::Title => draft.name = capture.node,
            Capture::Body => draft.body = here,
            Capture::Bases => draft.bases = here,
            Capture::Owner => draft.owner = here,
            Capture::Callee => draft.callee = here,
            Capture::Declarator => draft.declarator = here,
            Capture::Other => {}
        }
    }
    known.then(|| Found::Symbol(Box::new(draft)))
}

/// What stands before the parentheses of a call.
fn call_head(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'(' | b'`' | b'<' | b'[' | b'{')).unwrap_or(text.len());
    text[..end].trim_ascii()
}
