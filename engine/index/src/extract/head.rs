//! What a person reads of a definition first: its signature and its documentation, taken from the bytes of its file.
//!
//! They are not kept in outlines: whoever tells them cites those bytes, and most symbols of a file that is opened are never told.
//!
//! Invariant: places behind the end, of a file that changed since, give an empty text. Whether the bytes are still those of the outline is
//! looked at by those who cite them.

use super::{comments, text};
use crate::Symbol;

/// The longest signature, in characters.
const SIGNATURE: usize = 200;

/// How much of documentation is read, in bytes.
const DOC: usize = 8_000;

/// A symbol's head in one line, spaces collapsed, at most 200 characters.
pub(crate) fn signature(symbol: &Symbol, bytes: &[u8]) -> String {
    let end = symbol.body.map_or(symbol.span.end, |body| body.start);
    let head = bytes.get(symbol.head as usize..end as usize).unwrap_or_default();
    let line = text::collapsed(head, SIGNATURE);
    let line = line.trim_end_matches(['{', ':', ';', ',', ' ']);
    line.strip_suffix("=>").or_else(|| line.strip_suffix('=')).unwrap_or(line).trim_end().to_owned()
}

/// A symbol's documentation, markers of comments or quotes removed, of its first 8,000 bytes; empty where it has none.
pub(crate) fn documentation(symbol: &Symbol, bytes: &[u8]) -> String {
    let Some(place) = symbol.doc_span else { return String::new() };
    let raw = bytes.get(place.start as usize..place.end as usize).unwrap_or_default();
    let raw = String::from_utf8_lossy(&raw[..raw.len().min(DOC)]);
    let is_inside = symbol.body.is_some_and(|body| place.start >= body.start);
    if is_inside { comments::docstring(&raw) } else { comments::cleaned(&raw) }
}
