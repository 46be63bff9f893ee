//! The walk over a syntax tree: symbols open and close, tokens are hashed, names are mentioned.
//!
//! Invariant: every node is entered once, in order; what is open is a stack, so nothing is ever looked for.

use std::ops::Range;

use tree_sitter::{Node, QueryCursor, StreamingIterator, Tree};

use super::adopt::Mark;
use super::comments::{self, Run};
use super::grammar::{Capture, Grammar, Roles};
use super::names::Names;
use super::text;
use crate::{Import, Kind, Language, Mention, Outline, Span, Symbol};

/// The longest documentation that is kept, in characters.
const DOC: usize = 2_000;
/// The longest signature that is kept, in characters.
const SIGNATURE: usize = 200;
/// How much of what stands before the parentheses of a call is looked at.
const HEAD: usize = 48;

/// The state of a walk over one file.
pub(super) struct Walk<'t, 'c> {
    pub(super) grammar: &'static Grammar,
    pub(super) bytes: &'t [u8],
    cursor: &'c mut QueryCursor,
    pub(super) frames: Vec<Frame<'t>>,
    pub(super) open: Vec<Open>,
    /// The tokens of the file outside symbols, then those of each open symbol.
    pub(super) tokens: Vec<Vec<u8>>,
    pub(super) names: Names<'t>,
    pub(super) comments: Run,
    pub(super) outline: Outline,
    /// How many functions are around.
    code: u32,
    /// Up to this byte no names are mentioned.
    pub(super) quiet: usize,
    /// Documentation inside a body: no tokens.
    mute: Range<usize>,
    /// Up to this byte nothing is a symbol.
    pub(super) barren: usize,
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

/// A symbol the walk is in.
pub(super) struct Open {
    pub(super) number: u32,
    pub(super) end: usize,
    /// Its name's bytes, which are no mentions; none where they may hold some.
    pub(super) name: Range<usize>,
    /// Where its signature begins and ends.
    head: (usize, usize),
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

    fn define(&mut self, node: Node<'t>, roles: Roles) {
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
        if (self.grammar.rules.shape)(self, &mut draft) {
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

    fn open(&mut self, draft: Draft<'t>) {
        let number = u32::try_from(self.outline.symbols.len()).unwrap_or(u32::MAX);
        let head_start = draft.head;
        let mut adopted = self.adopt(draft.node, number);
        let body = draft.reach.or_else(|| draft.body.map(span));
        if let Some(reach) = draft.reach {
            (adopted.span.end, adopted.span.last_line) = (reach.end, reach.last_line);
        }
        let run = if self.comments.is_empty() { adopted.comments } else { self.comments };
        let (doc, doc_span) = self.documentation(&draft, run, adopted.span.line);
        let mut marks = adopted.names;
        if !marks.is_empty() && !draft.marks.is_empty() {
            marks.push(' ');
        }
        marks.push_str(&draft.marks);
        // An `impl` is named by a type defined elsewhere, a test perhaps by a text that is worked out.
        let mentions = draft.kind == Kind::Impl || (matches!(draft.kind, Kind::Test | Kind::Suite) && draft.title.is_some());
        self.open.push(Open {
            number,
            end: adopted.span.end as usize,
            name: if mentions { 0..0 } else { draft.name.byte_range() },
            head: (adopted.head.max(head_start), body.map_or(adopted.span.end, |body| body.start) as usize),
        });
        self.outline.symbols.push(Symbol {
            kind: draft.kind,
            name: draft.title.unwrap_or_else(|| text::of(draft.name, self.bytes)),
            parent: adopted.parent,
            owner: draft.owner_name,
            bases: draft.base_names,
            span: adopted.span,
            name_span: span(draft.name),
            body,
            signature: String::new(),
            doc,
            doc_span,
            marks,
            digest: 0,
        });
        self.tokens.push(adopted.tokens);
    }

    fn documentation(&mut self, draft: &Draft<'t>, run: Run, line: u32) -> (String, Option<Span>) {
        if let Some(node) = draft.doc {
            self.mute = node.byte_range();
            let raw = text::of(node, self.bytes);
            return (text::bounded_to(comments::docstring(&raw), DOC), Some(span(node)));
        }
        match run.before(line) {
            Some(place) => {
                let raw = String::from_utf8_lossy(&self.bytes[place.start as usize..place.end as usize]);
                (text::bounded_to(comments::cleaned(&raw), DOC), Some(place))
            }
            None => (String::new(), None),
        }
    }

    /// Closes the symbols that end at or before the byte.
    fn close_until(&mut self, byte: usize) {
        while self.open.last().is_some_and(|open| open.end <= byte) {
            let (Some(open), Some(tokens)) = (self.open.pop(), self.tokens.pop()) else { return };
            let head = self.bytes.get(open.head.0..open.head.1).unwrap_or_default();
            let symbol = &mut self.outline.symbols[open.number as usize];
            symbol.digest = digest(&tokens);
            let line = text::collapsed(head, SIGNATURE);
            let line = line.trim_end_matches(['{', ':', ';', ',', ' ']);
            symbol.signature = line.strip_suffix("=>").or_else(|| line.strip_suffix('=')).unwrap_or(line).trim_end().to_owned();
        }
    }

    fn leaf(&mut self, node: Node<'t>, roles: Roles, index: u32) {
        let (start, end) = (node.start_byte(), node.end_byte());
        self.token(start, end);
        self.last_line = if roles.has(Roles::OPAQUE) { span(node).last_line } else { line_of(node) };
        if start < self.quiet {
            return;
        }
        if roles.has(Roles::NAME.or(Roles::TYPE_NAME).or(Roles::MEMBER_NAME)) {
            self.name(node, roles, index);
        } else if roles.has(Roles::SOURCE) {
            self.scan(start, end, line_of(node));
        } else if roles.has(Roles::OPAQUE) {
            self.text_in_tokens(node);
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

    /// Opens a symbol that a single node is.
    pub(super) fn open_leaf(&mut self, node: Node<'t>, kind: Kind) {
        let draft = Draft::of(node, kind, node);
        self.open(draft);
    }

    /// Opens a symbol that the query has no pattern for.
    pub(super) fn open_draft(&mut self, draft: Draft<'t>) {
        self.open(draft);
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
fn digest(tokens: &[u8]) -> u64 {
    let hash = blake3::hash(tokens);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}
