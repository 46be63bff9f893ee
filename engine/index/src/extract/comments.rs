//! Comments that document what follows them.
//!
//! Invariant: a run is of comments in lines that follow each other, none of them at the end of a line of code.

use crate::Span;

/// Comments in lines that follow each other.
#[derive(Clone, Copy, Default)]
pub(super) struct Run(Span);

impl Run {
    pub(super) fn is_empty(self) -> bool {
        self.0.end == 0
    }

    /// This run with one more comment, or a new run where it does not follow directly.
    pub(super) fn and(self, next: Span) -> Self {
        if self.is_empty() || next.line > self.0.last_line + 1 {
            return Self(next);
        }
        Self(Span { end: next.end, last_line: next.last_line, ..self.0 })
    }

    /// Its place, where it stands directly before that line.
    pub(super) fn before(self, line: u32) -> Option<Span> {
        (!self.is_empty() && self.0.last_line + 1 >= line).then_some(self.0)
    }
}

/// Whether a comment that begins so documents what follows it.
pub(super) fn documents(text: &[u8], beginnings: &[&str]) -> bool {
    let rule = text.starts_with(b"////") || text.starts_with(b"/***");
    !rule && beginnings.iter().any(|beginning| text.starts_with(beginning.as_bytes()))
}

/// The text of comments, without their markers.
pub(super) fn cleaned(raw: &str) -> String {
    let lines = raw.lines().map(|line| {
        let line = line.trim().trim_end_matches("*/").trim_end();
        let marker = ["/**", "///", "//!", "/*!", "//", "/*", "*", "#"].iter().find_map(|marker| line.strip_prefix(marker));
        let text = marker.unwrap_or(line);
        text.strip_prefix(' ').unwrap_or(text).trim_end()
    });
    joined(lines)
}

/// The text of a docstring, without its quotes and indentation.
pub(super) fn docstring(raw: &str) -> String {
    let raw = raw.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    joined(super::text::unquoted(raw).lines().map(str::trim))
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim_matches(['\n', ' ']).to_owned()
}
