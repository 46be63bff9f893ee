//! How a name is mentioned, from where it stands in the tree.
//!
//! Invariant: looks at a bounded number of surrounding nodes and bytes.

use tree_sitter::Node;

use super::adopt::has_mark;
use super::grammar::Roles;
use super::text;
use super::walk::{Frame, Walk, line_of};
use crate::{Kind, Manner, Mention};

/// How many nodes are climbed to find what a path is part of.
const CLIMB: usize = 32;
/// The farthest a new local name stands from the start of what binds it.
const NEAR: usize = 24;

/// Where a name stands: in which node as a whole, and what comes before it.
struct Place {
    /// How many frames are around the whole.
    frames: usize,
    /// Whether the whole is its parent's first child.
    first: bool,
    /// Where the path or access begins that ends with the name.
    from: Option<usize>,
    /// Whether it is reached through `.`.
    member: bool,
}

impl<'t> Walk<'t, '_> {
    /// Notes that a name is mentioned, unless it names a definition or a new local variable.
    pub(super) fn name(&mut self, node: Node<'t>, roles: Roles, index: u32) {
        let start = node.start_byte();
        if self.open.last().is_some_and(|open| open.name.contains(&start)) {
            return;
        }
        let Some(parent) = self.frames.last() else { return };
        if self.grammar.rules.silent.iter().any(|word| word.as_bytes() == &self.bytes[node.byte_range()]) {
            return;
        }
        if parent.roles.has(Roles::TOKENS) {
            self.name_in_tokens(node);
            return;
        }
        if parent.roles.has(Roles::MEMBERS) {
            self.open_leaf(node, Kind::Variant);
            return;
        }
        if roles.has(Roles::NAME) && self.binds(parent, start, index) {
            return;
        }
        let mut place = self.place(start, index);
        self.invoked(&mut place, node);
        let manner = self.manner(&place, roles, node);
        let before = place.from.and_then(|from| self.before(from, start));
        self.say(start, node.end_byte(), line_of(node), manner, before);
    }

    fn binds(&self, parent: &Frame<'t>, start: usize, index: u32) -> bool {
        let roles = parent.roles;
        if roles.has(Roles::PARAMETERS) || self.is_parameter(parent, index) {
            return !self.asks_for_fixture();
        }
        let own = roles.has(Roles::ELEMENT) && self.bytes[start].is_ascii_lowercase();
        if roles.has(Roles::BINDS) || own {
            return true;
        }
        let before = self.bytes.get(parent.start..start).unwrap_or_default();
        let value = |byte: &u8| matches!(byte, b'=' | b':' | b'(' | b'[' | b'>');
        roles.has(Roles::BINDS_FIRST) && before.len() <= NEAR && !before.iter().any(value) && !before.windows(4).any(|word| word == b" in ")
    }

    fn is_parameter(&self, parent: &Frame<'t>, index: u32) -> bool {
        let around = self.frames.len().checked_sub(2).and_then(|at| self.frames.get(at));
        index == 0 && parent.roles.has(Roles::BINDS_FIRST) && around.is_some_and(|frame| frame.roles.has(Roles::PARAMETERS))
    }

    /// A parameter of a pytest test or fixture asks for the fixture of its name.
    fn asks_for_fixture(&self) -> bool {
        let asks = |symbol: &crate::Symbol| symbol.kind == Kind::Test || has_mark(&symbol.marks, &["fixture"]);
        self.is_python() && self.innermost().is_some_and(asks)
    }

    fn place(&self, start: usize, index: u32) -> Place {
        let mut place = Place { frames: self.frames.len(), first: index == 0, from: None, member: false };
        let mut whole = start;
        for frame in self.frames.iter().rev().take(CLIMB) {
            if frame.roles.has(Roles::PATH.or(Roles::ACCESS)) && frame.start != whole {
                place.from = Some(frame.start);
                place.member |= frame.roles.has(Roles::ACCESS);
                whole = frame.start;
            } else if !(frame.roles.has(Roles::GENERIC) && place.first) {
                break;
            }
            place.first = frame.index == 0;
            place.frames -= 1;
        }
        place
    }

    /// `x.name(...)` in one node: what stands before the name is in that node too.
    fn invoked(&self, place: &mut Place, node: Node<'t>) {
        let around = place.frames.checked_sub(1).and_then(|at| self.frames.get(at));
        if let Some(frame) = around.filter(|frame| frame.roles.has(Roles::INVOKE) && !place.first)
            && self.next(node.end_byte()) == b'('
        {
            place.from = Some(frame.start);
        }
    }

    fn manner(&self, place: &Place, roles: Roles, node: Node<'t>) -> Manner {
        let around = place.frames.checked_sub(1).and_then(|at| self.frames.get(at));
        let parent = around.map_or(Roles::NONE, |frame| frame.roles);
        if parent.has(Roles::CALL) && place.first {
            return if place.member { Manner::MethodCall } else { Manner::Call };
        }
        if parent.has(Roles::INVOKE) && self.next(node.end_byte()) == b'(' {
            return if place.first { Manner::Call } else { Manner::MethodCall };
        }
        if parent.has(Roles::MACRO) {
            return Manner::Macro;
        }
        if parent.has(Roles::NEW.or(Roles::ELEMENT)) {
            return Manner::Call;
        }
        if roles.has(Roles::TYPE_NAME) || parent.has(Roles::TYPE) {
            return Manner::Type;
        }
        let key = parent.has(Roles::KEY) && place.first && place.from.is_none();
        if key || place.member || roles.has(Roles::MEMBER_NAME) { Manner::Member } else { Manner::Name }
    }

    /// What stands before a name whose path begins there: nothing where that is the empty path.
    fn before(&self, from: usize, start: usize) -> Option<Vec<u8>> {
        let text = &self.bytes[from..start];
        let root = text.iter().all(|byte| *byte == b':' || byte.is_ascii_whitespace());
        (!root).then(|| text::qualifier(text))
    }

    /// The next byte that is no space.
    fn next(&self, from: usize) -> u8 {
        self.bytes[from..].iter().copied().find(|byte| !byte.is_ascii_whitespace()).unwrap_or_default()
    }

    /// Notes a mention.
    pub(super) fn say(&mut self, start: usize, end: usize, line: u32, manner: Manner, before: Option<Vec<u8>>) {
        let dynamic = self.grammar.rules.dynamic;
        let name = self.names.number(&self.bytes[start..end], dynamic);
        let qualifier = before.map(|before| self.names.number(before, dynamic));
        let within = self.open.last().map(|open| open.number);
        let called = matches!(manner, Manner::Call | Manner::MethodCall | Manner::Macro);
        if called && self.names.is_dynamic(name) {
            self.note_dynamic(line);
        }
        self.mention(Mention { name, qualifier, manner, start: u32::try_from(start).unwrap_or(u32::MAX), line, within });
    }
}
