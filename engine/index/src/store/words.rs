//! The words of a text, each once, in the form that the full-text table keeps them in.
//!
//! The table folds case, identifiers differ by it: so a word is kept in lower case with a mark for its capitals behind it
//! (`HashMap` is `hashmap~88`), and is asked for in the same form. Each word is kept once per file, since all that is asked is
//! which files hold it; that makes the table several times cheaper than the text itself would.
//!
//! Invariant: two words have the same form only if they are the same word.

use std::collections::HashSet;

/// The longest word that is kept, in bytes; what is longer is data.
pub(crate) const LONGEST: usize = 128;

/// All words of a text in their form, with a space between them.
pub(crate) fn words(text: &str) -> String {
    let mut seen = HashSet::new();
    let mut forms = String::with_capacity(text.len() / 4);
    for word in text.split(|c: char| !is_part(c)).filter(|word| is_kept(word)) {
        if seen.insert(word) {
            push_form(word, &mut forms);
            forms.push(' ');
        }
    }
    forms
}

/// The query that finds the files that hold a name; nothing where none of its words are kept.
///
/// A name of several words (`operator new`, `#secret`, a test's sentence) finds the files that hold all of them.
pub(crate) fn query(name: &str) -> Option<String> {
    let forms = words(name);
    let quoted: Vec<String> = forms.split_whitespace().map(|form| format!("\"{form}\"")).collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

fn is_part(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || c == '_' || c == '$' } else { c.is_alphanumeric() }
}

/// Identifiers are kept; numbers, and what is too long, are data.
fn is_kept(word: &str) -> bool {
    word.len() <= LONGEST && word.as_bytes().first().is_some_and(|first| !first.is_ascii_digit())
}

fn push_form(word: &str, forms: &mut String) {
    forms.extend(word.chars().map(|c| c.to_ascii_lowercase()));
    forms.push('~');
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let marks = word.as_bytes().chunks(4).map(mark);
        forms.extend(marks);
    }
}

/// Which of up to four bytes are capitals, as a hexadecimal digit.
fn mark(bytes: &[u8]) -> char {
    let bits = (0..4).fold(0, |bits, at| bits << 1 | u32::from(bytes.get(at).is_some_and(u8::is_ascii_uppercase)));
    char::from_digit(bits, 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(words(text).trim_end(), expect);
    }

    #[test]
    fn each_word_once_with_its_capitals_marked() {
        check("let map: HashMap = HashMap::new(); // a map", "let~ map~ hashmap~88 new~ a~");
        check("hashMap HASHMAP hashmap", "hashmap~08 hashmap~fe hashmap~");
        check("größe über_$x", "größe~ über_$x~");
        check("404 x86_64 0xff “quoted”—dash", "x86_64~ quoted~ dash~");
        check(&"a".repeat(LONGEST + 1), "");
    }

    #[test]
    fn a_query_has_the_form_of_its_word() {
        assert_eq!(query("HashMap").as_deref(), Some("\"hashmap~88\""));
        assert_eq!(query("#secret").as_deref(), Some("\"secret~\""));
        assert_eq!(query("adds A number").as_deref(), Some("\"adds~\" \"a~8\" \"number~\""));
        assert_eq!(query("42"), None);
        assert_eq!(query(""), None);
        assert_eq!(query("x\" OR \"y").as_deref(), Some("\"x~\" \"or~c\" \"y~\""));
    }
}
