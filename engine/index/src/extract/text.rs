//! Small questions about source text.
//!
//! Invariant: bytes in, lossy strings out; nothing looks further than what it is given.

/// The text of a node, lossy.
pub(super) fn of(node: tree_sitter::Node<'_>, bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[node.byte_range()]).into_owned()
}

/// In one line, runs of spaces collapsed, at most so many characters.
pub(super) fn collapsed(bytes: &[u8], limit: usize) -> String {
    let bounded = &bytes[..bytes.len().min(limit * 8)];
    let text = String::from_utf8_lossy(bounded);
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > limit * 4 {
            break;
        }
    }
    bounded_to(line, limit)
}

/// At most so many characters of it.
pub(super) fn bounded_to(mut text: String, limit: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(limit) {
        text.truncate(end);
    }
    text
}

/// What a quoted literal holds, without its quotes.
pub(super) fn unquoted(text: &str) -> &str {
    let inner = text.trim();
    for quote in ["\"\"\"", "'''", "\"", "'", "`"] {
        if let Some(rest) = inner.strip_prefix(quote) {
            return rest.strip_suffix(quote).unwrap_or(rest);
        }
    }
    inner
}

/// Whether a byte may be part of a name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The longest qualifier that is still told; a longer chain is more than names.
const LONGEST: usize = 200;

/// What stands before a name, in one form: no spaces, no type arguments, `.` for `->` and `?.`. Empty where it is more than names.
pub(super) fn qualifier(text: &[u8]) -> Vec<u8> {
    if text.len() > LONGEST {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut angles = 0_u32;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let next = text.get(at + 1).copied().unwrap_or_default();
        at += 1;
        match byte {
            b'-' if next == b'>' => {
                out.push(b'.');
                at += 1;
            }
            b'<' => angles += 1,
            b'>' => angles = angles.saturating_sub(1),
            _ if angles > 0 || byte.is_ascii_whitespace() => {}
            b'?' | b'!' if next == b'.' => {}
            b'.' | b':' | b'#' => out.push(byte),
            _ if is_word(byte) => out.push(byte),
            _ => return Vec::new(),
        }
    }
    tidy(out)
}

/// Without what type arguments leave behind (`a::::b`), and without the last separator.
fn tidy(mut path: Vec<u8>) -> Vec<u8> {
    while path.last().is_some_and(|byte| matches!(byte, b'.' | b':' | b'?' | b'!')) {
        path.pop();
    }
    let mut at = 0;
    while at + 4 <= path.len() {
        if &path[at..at + 4] == b"::::" {
            path.drain(at..at + 2);
        } else {
            at += 1;
        }
    }
    path
}

/// The last part of a dotted or `::` path.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit(['.', ':']).next().unwrap_or(path)
}

/// The braces that follow a node in the text, where the tree does not say that they belong to it. `left` is how many bytes may still be
/// looked at for this in the whole file.
pub(super) fn block(bytes: &[u8], name: tree_sitter::Node<'_>, left: &mut usize) -> Option<crate::Span> {
    let start = name.end_byte();
    let near = &bytes[..start.saturating_add(*left).min(bytes.len())];
    let mut at = start;
    let found = braces(near, super::walk::line_of(name), &mut at);
    *left = left.saturating_sub(at - start);
    found
}

/// The first braces from a byte on, which is moved to where the search ends.
fn braces(bytes: &[u8], mut line: u32, at: &mut usize) -> Option<crate::Span> {
    let (mut depth, mut open) = (0_usize, None);
    while let Some(&byte) = bytes.get(*at) {
        match byte {
            b'\n' => line += 1,
            b'"' => {
                let rest = &bytes[*at + 1..];
                let end = rest.iter().position(|byte| *byte == b'"').unwrap_or(rest.len().saturating_sub(1));
                let lines = rest[..end].iter().filter(|byte| **byte == b'\n').count();
                line = line.saturating_add(u32::try_from(lines).ok()?);
                *at += 1 + end;
            }
            // A letter in quotes may be a brace; a lifetime has but one quote.
            b'\'' if bytes.get(*at + 2) == Some(&b'\'') => *at += 2,
            b';' if depth == 0 => return None,
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.checked_sub(1)?,
            b'{' => {
                open = open.or((depth == 0).then_some((*at, line)));
                depth += 1;
            }
            b'}' => {
                depth = depth.checked_sub(1)?;
                if let (0, Some((start, first))) = (depth, open) {
                    return Some(crate::Span {
                        start: u32::try_from(start).ok()?,
                        end: u32::try_from(*at + 1).ok()?,
                        line: first,
                        last_line: line,
                    });
                }
            }
            _ => {}
        }
        *at += 1;
    }
    None
}

/// The byte after the first `]` near by.
pub(super) fn bracket_end(bytes: &[u8], from: usize) -> usize {
    let near = &bytes[from..bytes.len().min(from + 400)];
    near.iter().position(|byte| *byte == b']').map_or(from + 1, |at| from + at + 1)
}
