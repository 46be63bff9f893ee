//! Text from outside made safe for a terminal: what could move the cursor, recolour or reorder is shown as an escape.
//!
//! Invariant: nothing that came from a model, a tool, a file or a journal reaches a terminal by another way.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with control and bidirectional characters escaped; line feeds and tabs are kept.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    escape(text, |character| character == '\n' || character == '\t')
}

/// The text as one line: line feeds and tabs are escaped too.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// JSON with those characters escaped as JSON escapes them; they occur inside strings only, so it means the same.
pub(crate) fn json(text: String) -> String {
    if !text.contains(is_risky) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_risky(character) { push(&mut out, format_args!("\\u{:04x}", u32::from(character))) } else { out.push(character) }
    }
    out
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(|character| is_risky(character) && !keep(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (at, character) in text.char_indices() {
        match character {
            // A carriage return before a line feed is only the way some systems end a line.
            '\r' if keep('\n') && text[at + 1..].starts_with('\n') => {}
            '\n' if !keep('\n') => out.push_str("\\n"),
            '\t' if !keep('\t') => out.push_str("\\t"),
            character if is_risky(character) && !keep(character) => push(&mut out, format_args!("{}", character.escape_unicode())),
            character => out.push(character),
        }
    }
    Cow::Owned(out)
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

/// Control characters (C0, DEL, C1) and those that change the direction or the breaking of lines; all below U+10000.
fn is_risky(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_is_shown_instead_of_done() {
        let check = |given: &str, expect: &str| assert_eq!(text(given), expect);
        check("plain\ttext\nin two lines, naïve 😀", "plain\ttext\nin two lines, naïve 😀");
        check("\u{1b}[2Jgone", "\\u{1b}[2Jgone");
        check("a\rb", "a\\u{d}b");
        check("a\r\nb", "a\nb");
        check("\u{9b}31m", "\\u{9b}31m");
        check("user\u{202e}txt.exe", "user\\u{202e}txt.exe");
        check("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}");
        check("bell\u{7}", "bell\\u{7}");
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(line("ok\r\nerror: failed to"), "ok\\u{d}\\nerror: failed to");
    }

    #[test]
    fn json_means_the_same_and_holds_nothing_risky() {
        let value = serde_json::json!({ "text": "\u{1b}[2J \u{202e} \u{9b} \u{7f} ok 😀" });
        let cleaned = json(value.to_string());
        assert!(!cleaned.contains(is_risky), "{cleaned}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&cleaned).ok(), Some(value));
    }
}
