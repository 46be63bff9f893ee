//! Names where no grammar tells how they are meant: the tokens given to a macro, a C macro's replacement, texts that stand for names.
//!
//! Invariant: looks at a bounded number of bytes around a name.

use tree_sitter::Node;

use super::grammar::Roles;
use super::text::{self, is_word};
use super::walk::{Walk, line_of};
use crate::Manner;

impl<'t> Walk<'t, '_> {
    /// A name among tokens given to a macro: its neighbours tell how it is meant.
    pub(super) fn name_in_tokens(&mut self, node: Node<'t>) {
        let (start, end) = (node.start_byte(), node.end_byte());
        if super::rust::defines_in_tokens(self, node) {
            return;
        }
        let (manner, before) = lexical(self.bytes, start, end);
        self.say(start, end, line_of(node), manner, before);
    }

    /// What a text says, where it stands for a name.
    pub(super) fn text(&mut self, node: Node<'t>) {
        let Some(frame) = self.frames.last() else { return };
        if frame.roles.has(Roles::TOKENS) {
            self.text_of_attribute(node);
        } else if self.is_python() {
            self.text_of_python(node);
        }
    }

    /// Text among the tokens of an attribute may be a path: `#[serde(default = "path::to")]`.
    fn text_of_attribute(&mut self, node: Node<'t>) {
        let attribute = self.frames.iter().rev().take(3).any(|frame| frame.roles.has(Roles::ATTRIBUTE));
        let prose = self.bytes[..node.start_byte()].trim_ascii_end();
        let prose = prose.strip_suffix(b"=").unwrap_or(prose).trim_ascii_end().ends_with(b"expected");
        let (start, end) = (node.start_byte() + 1, node.end_byte().saturating_sub(1));
        let inner = self.bytes.get(start..end).unwrap_or_default();
        if attribute && !prose && inner.len() < 200 && inner.iter().all(|byte| is_word(*byte) || *byte == b':') {
            self.scan(start, end, line_of(node));
        }
    }

    /// A type may be written as text, and fixtures are asked for by their names: `usefixtures("db")`.
    fn text_of_python(&mut self, node: Node<'t>) {
        let mut around = self.frames.iter().rev().skip(1);
        let (Some(inner), Some(outer)) = (around.next(), around.next()) else { return };
        let asked = outer.roles.has(Roles::CALL) && {
            let end = self.bytes.len().min(outer.start + 40);
            let head = self.bytes[outer.start..end].split(|byte| *byte == b'(').next().unwrap_or_default();
            head.ends_with(b"usefixtures") || head.ends_with(b"getfixturevalue")
        };
        if asked || inner.roles.has(Roles::TYPE) {
            self.scan(node.start_byte(), node.end_byte(), line_of(node));
        }
    }

    /// Notes every name in a piece of source that has no tree.
    pub(super) fn scan(&mut self, start: usize, end: usize, line: u32) {
        let mut at = start;
        let mut row = line;
        while at < end {
            let byte = self.bytes[at];
            row += u32::from(byte == b'\n');
            if byte == b'"' || byte == b'\'' {
                at = skip_text(self.bytes, at, end);
            } else if is_word(byte) {
                let word_end = at + self.bytes[at..end].iter().take_while(|byte| is_word(**byte)).count();
                if !byte.is_ascii_digit() {
                    let (manner, before) = lexical(&self.bytes[..end], at, word_end);
                    self.say(at, word_end, row, manner, before);
                }
                at = word_end;
            } else {
                at += 1;
            }
        }
    }
}

/// The byte after a quoted text.
fn skip_text(bytes: &[u8], start: usize, end: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while at < end && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(end)
}

/// How a name among bare tokens is meant, and what stands before it.
fn lexical(bytes: &[u8], start: usize, end: usize) -> (Manner, Option<Vec<u8>>) {
    let after = bytes[end..].trim_ascii_start();
    let before = bytes[start.saturating_sub(220)..start].trim_ascii_end();
    let member = (before.ends_with(b".") && !before.ends_with(b"..")) || before.ends_with(b"->");
    let path = before.ends_with(b"::");
    let manner = match after {
        [b'(', ..] | [b':', b':', b'<', ..] if member => Manner::MethodCall,
        [b'(', ..] | [b':', b':', b'<', ..] => Manner::Call,
        _ if member => Manner::Member,
        _ => Manner::Macro,
    };
    if !member && !path {
        return (manner, None);
    }
    let chain = before.iter().rev().take_while(|byte| is_word(**byte) || matches!(byte, b'.' | b':' | b'-' | b'>')).count();
    (manner, Some(text::qualifier(&before[before.len() - chain..])))
}
