//! What stands before a definition and belongs to it: attributes, decorators, `export`, `const`.
//!
//! The walk meets it before it knows of what it is. So it marks where it began, and when the definition opens, what was noted since
//! then is handed over: names mentioned, tokens, documentation.
//!
//! Invariant: a mark is used once; what is handed over was noted in the same symbol.

use tree_sitter::Node;

use super::comments::Run;
use super::grammar::Roles;
use super::text;
use super::walk::{Walk, line_of, span};
use crate::Span;

/// Where something began that will belong to the next definition.
pub(super) struct Mark {
    start: usize,
    line: u32,
    mentions: usize,
    tokens: usize,
    comments: Run,
    /// Names of attributes, separated by a space.
    pub(super) names: String,
    /// Where the last attribute ended; 0 where there is none.
    head: usize,
}

/// What a definition gets handed over.
pub(super) struct Adopted {
    pub(super) span: Span,
    pub(super) head: usize,
    pub(super) tokens: Vec<u8>,
    pub(super) names: String,
    pub(super) comments: Run,
    pub(super) parent: Option<u32>,
}

impl<'t> Walk<'t, '_> {
    /// Marks this place.
    pub(super) fn mark(&self, node: Node<'t>) -> Mark {
        Mark {
            start: node.start_byte(),
            line: line_of(node),
            mentions: self.outline.mentions.len(),
            tokens: self.tokens.last().map_or(0, Vec::len),
            comments: self.comments,
            names: String::new(),
            head: 0,
        }
    }

    /// An attribute begins: what follows it among its siblings will have it.
    pub(super) fn attribute(&mut self, node: Node<'t>, end: usize) {
        self.barren = self.barren.max(node.end_byte());
        let names = attribute_names(&self.bytes[node.start_byte()..end]);
        let fresh = self.mark(node);
        let Some(frame) = self.frames.last_mut() else { return };
        let mark = frame.mark.get_or_insert(fresh);
        mark.head = end;
        if !mark.names.is_empty() {
            mark.names.push(' ');
        }
        mark.names.push_str(&names);
    }

    /// Names of the attributes that the next definition here will have.
    pub(super) fn pending(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for frame in self.frames.iter().rev() {
            names.extend(frame.mark.as_ref().map(|mark| mark.names.as_str()).filter(|names| !names.is_empty()));
            if !frame.roles.has(Roles::WRAPPER) {
                break;
            }
        }
        names.join(" ")
    }

    /// Hands over to a definition what began before it, and says how far it goes.
    pub(super) fn adopt(&mut self, node: Node<'t>, number: u32) -> Adopted {
        let mut place = span(node);
        let mut mark: Option<Mark> = None;
        let mut names = String::new();
        for frame in self.frames.iter_mut().rev() {
            let Some(taken) = frame.mark.take() else { break };
            if !names.is_empty() && !taken.names.is_empty() {
                names.push(' ');
            }
            names.push_str(&taken.names);
            let head = mark.as_ref().map_or(0, |inner| inner.head);
            mark = Some(Mark { head: taken.head.max(head), ..taken });
            if !frame.roles.has(Roles::WRAPPER) {
                break;
            }
            if ends_with(&self.bytes[place.end as usize..frame.node.end_byte().max(place.end as usize)]) {
                let whole = span(frame.node);
                (place.end, place.last_line) = (whole.end, whole.last_line);
            }
        }
        if self.bytes.get(place.end as usize) == Some(&b';') {
            place.end += 1;
        }
        let parent = self.open.last().map(|open| open.number);
        let Some(mark) = mark else {
            return Adopted { span: place, head: node.start_byte(), tokens: Vec::new(), names, comments: Run::default(), parent };
        };
        (place.start, place.line) = (u32::try_from(mark.start).unwrap_or(u32::MAX), mark.line);
        let tokens = self.hand_over(&mark, number, parent);
        Adopted { span: place, head: mark.head.max(mark.start), tokens, names, comments: mark.comments, parent }
    }

    fn hand_over(&mut self, mark: &Mark, number: u32, parent: Option<u32>) -> Vec<u8> {
        for mention in &mut self.outline.mentions[mark.mentions..] {
            if mention.within == parent {
                mention.within = Some(number);
            }
        }
        let top = self.top();
        top.split_off(mark.tokens.min(top.len()))
    }
}

/// Whether nothing but the end of a statement follows.
fn ends_with(rest: &[u8]) -> bool {
    rest.len() <= 64 && rest.iter().all(|byte| byte.is_ascii_whitespace() || *byte == b';')
}

/// The names in an attribute or decorator: `test` of `#[test]`, `pytest.fixture` of `@pytest.fixture(...)`, what is derived.
pub(super) fn attribute_names(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(400)]).into_owned();
    let inner = text.trim_start_matches(['#', '!', '[', '@', ' ', '\n', '\t']);
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | ':' | '$');
    let end = inner.find(|letter| !is_name(letter)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    match name {
        "derive" => words(rest),
        "cfg" if rest.starts_with("(test)") => "cfg(test)".to_owned(),
        _ if rest.contains("autouse=True") => format!("{name} autouse"),
        _ => name.to_owned(),
    }
}

fn words(list: &str) -> String {
    let names = list.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}

impl Mark {
    /// Whether one of its attributes is among these, by its last part.
    pub(super) fn any(&self, wanted: &[&str]) -> bool {
        has_mark(&self.names, wanted)
    }
}

/// Whether one of the attributes is among these, by its last part.
pub(super) fn has_mark(names: &str, wanted: &[&str]) -> bool {
    names.split(' ').any(|name| wanted.contains(&text::last_part(name)))
}
