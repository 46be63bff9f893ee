//! Names and texts of other servers, made fit for here.
//!
//! Invariant: two tools never have one name here, whatever their servers call them: a server's name holds no underscore, so the first two
//! underscores end it, and a tool's name that had to be changed carries a digest of the real one.

use naestro_policy::digest_bytes;

/// The most characters of a tool's name: what providers of models take.
const NAME: usize = 64;
/// The most bytes of a description.
const DESCRIPTION: usize = 1024;

/// The name a tool has here.
pub(super) fn here(server: &str, tool: &str) -> String {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let whole = format!("{server}__{tool}");
    if whole.len() <= NAME && !tool.is_empty() && tool.chars().all(is_fit) {
        return whole;
    }
    let mark: String = digest_bytes(tool.as_bytes()).to_string().chars().take(8).collect();
    let room = NAME.saturating_sub(server.len() + 2 + 1 + mark.len());
    let fit: String = tool.chars().map(|c| if is_fit(c) { c } else { '-' }).take(room).collect();
    format!("{server}__{fit}-{mark}")
}

/// A description as models read it: it says whose word it is.
pub(super) fn description(server: &str, text: &str) -> String {
    format!("Tool of the server {server}, which says of it: {}", beginning(&clean(text), DESCRIPTION))
}

/// The text without what could steer a terminal or hide itself: control and bidirectional characters, but for line feeds and tabs.
pub(super) fn clean(text: &str) -> String {
    let is_harmless = |c: &char| {
        matches!(c, '\n' | '\t')
            || !(c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'))
    };
    text.chars().filter(is_harmless).collect()
}

/// The beginning of a text, with a note where something was cut.
pub(super) fn beginning(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{} [... {} bytes cut]", &text[..end], text.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_models_and_never_one() {
        assert_eq!(here("tracker", "close_issue"), "tracker__close_issue");
        for odd in ["", "close issue", "close\u{1b}[2J", "schließen", &"x".repeat(100)] {
            let name = here("tracker", odd);
            assert!(name.len() <= NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{name}");
        }
        assert_ne!(here("a", "x y"), here("a", "x-y"));
        assert_ne!(here("a", &"x".repeat(100)), here("a", &"x".repeat(101)));
        assert!(here(&"s".repeat(32), &"x".repeat(100)).len() <= NAME);
    }

    #[test]
    fn what_could_steer_or_hide_is_gone() {
        assert_eq!(clean("a\u{1b}[31mb\u{7}\u{202e}c\u{e0041}\n\td\r"), "a[31mbc\n\td");
        let long = description("tracker", &"ä".repeat(DESCRIPTION));
        assert!(long.len() < DESCRIPTION + 120 && long.ends_with("bytes cut]"), "{}", long.len());
    }
}
