//! Prose in sentences: each with the citations, the places and the names it holds.
//!
//! Invariant: what is kept of a text is what was in it, byte for byte, but for the white space between sentences.

/// One line or paragraph of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block<'a> {
    /// A heading: it claims nothing.
    Heading(&'a str),
    /// Sentences, and what stands before the first, such as the mark of a list.
    Prose { mark: &'a str, sentences: Vec<&'a str> },
    /// Lines between fences: nobody can cite in them.
    Fenced,
    /// An empty line.
    Gap,
}

/// What a sentence refers to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refers<'a> {
    /// The numbers in brackets.
    pub(super) numbers: Vec<usize>,
    /// Places: the file, the first and the last line.
    pub(super) places: Vec<(&'a str, u32, u32)>,
    /// Names: code spans, and words that can only be names of code.
    pub(super) names: Vec<&'a str>,
}

/// Cuts a text into blocks; lines of one paragraph are one block each, since models break lines only between sentences or items.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(mark) = fence {
            if trimmed.starts_with(mark) {
                fence = None;
            }
        } else if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark)) {
            fence = Some(mark);
            blocks.push(Block::Fenced);
        } else if trimmed.is_empty() {
            blocks.push(Block::Gap);
        } else if trimmed.starts_with('#') {
            blocks.push(Block::Heading(line.trim_end()));
        } else {
            let (mark, rest) = line.split_at(mark(line));
            blocks.push(Block::Prose { mark, sentences: sentences(rest) });
        }
    }
    blocks
}

/// How long the mark before a line's words is: white space, and `-`, `*`, `+`, `>` or a number of a list.
fn mark(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    let rest = &line[indent..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let bullet = if rest.starts_with(['-', '*', '+', '>']) {
        1
    } else if digits > 0 && rest[digits..].starts_with(['.', ')']) {
        digits + 1
    } else {
        0
    };
    if bullet > 0 && rest[bullet..].starts_with(' ') { indent + bullet + 1 } else { indent }
}

/// The sentences of a line; one ends where its end is followed by white space and by what begins another.
fn sentences(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut in_code = false;
    for (at, c) in line.char_indices() {
        if c == '`' {
            in_code = !in_code;
        }
        let rest = &line[at + c.len_utf8()..];
        if !in_code && matches!(c, '.' | '!' | '?') && ends(&line[start..at], rest) {
            let end = at + c.len_utf8() + citations_after(rest);
            if end > start {
                found.push(line[start..end].trim());
                start = end;
            }
        }
    }
    found.push(line[start.min(line.len())..].trim());
    found.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    found
}

/// Whether a sentence ends here: not within a word, and not after an abbreviation.
fn ends(before: &str, rest: &str) -> bool {
    let word = before.rsplit([' ', '(']).next().unwrap_or_default();
    let abbreviated = ["e.g", "i.e", "etc", "cf", "vs", "approx"].contains(&word.to_ascii_lowercase().as_str());
    (rest.is_empty() || rest.starts_with([' ', '\t', '"', ')', '['])) && !abbreviated
}

/// The length of the citations that stand after the end of a sentence and belong to it.
fn citations_after(rest: &str) -> usize {
    let mut length = rest.len() - rest.trim_start_matches(['"', ')', '*']).len();
    loop {
        let tail = rest[length..].trim_start();
        let skipped = rest.len() - length - tail.len();
        match tail.strip_prefix('[').and_then(|tail| tail.split_once(']')) {
            Some((inside, _)) if numbers(inside).is_some() => length += skipped + inside.len() + 2,
            _ => return length,
        }
    }
}

/// The numbers of `1`, `1, 2` or `1-3`.
fn numbers(inside: &str) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for part in inside.split(',') {
        let (first, last) = part.split_once(['-', '–']).unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if last < first || last - first > 100 {
            return None;
        }
        found.extend(first..=last);
    }
    Some(found)
}

impl<'a> Refers<'a> {
    pub(super) fn of(sentence: &'a str) -> Self {
        let mut refers = Self::default();
        let mut outside = Vec::new();
        for (at, part) in sentence.split('`').enumerate() {
            match (at % 2 == 1, place(part)) {
                (true, Some(place)) => refers.places.push(place),
                (true, None) if !part.trim().is_empty() => refers.names.push(part.trim()),
                (true, None) => {}
                (false, _) => outside.push(part),
            }
        }
        for part in outside {
            refers.bracketed(part);
            part.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '[' | ']' | '"'))
                .for_each(|word| refers.word(word));
        }
        refers
    }

    fn bracketed(&mut self, part: &str) {
        let inside = part.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
        inside.filter_map(|(inside, _)| numbers(inside)).for_each(|numbers| self.numbers.extend(numbers));
    }

    fn word(&mut self, word: &'a str) {
        let word = word.trim_matches(|c: char| matches!(c, '.' | ':' | '*' | '!' | '?' | '\''));
        if let Some(place) = place(word) {
            self.places.push(place);
        } else if word.contains("::") || word.trim_matches('_').contains('_') {
            self.names.push(word);
        }
    }
}

/// `path:line` or `path:line-last`.
fn place(text: &str) -> Option<(&str, u32, u32)> {
    let (path, lines) = text.rsplit_once(':')?;
    let (first, last) = lines.split_once(['-', '–']).unwrap_or((lines, lines));
    let is_path = path.contains(['.', '/']) && !path.contains("::") && !path.contains(char::is_whitespace);
    if is_path { Some((path, first.parse().ok()?, last.parse().ok()?)) } else { None }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let lines = blocks(text).into_iter().map(|block| match block {
            Block::Heading(heading) => format!("heading {heading}"),
            Block::Prose { mark, sentences } => format!("{mark:?} {}", sentences.join(" | ")),
            Block::Fenced => "fenced".into(),
            Block::Gap => String::new(),
        });
        expect.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_text_is_cut_where_a_person_would() {
        check(
            "# Title\nOne `a. B` thing [1]. Two, e.g. this.[2] Three? [3][4, 5] Four src/lib.rs:3 ends\n\n  - An item. [1]\n12. Last v1.2 one\n```rust\nfn x() {}\n```",
            expect![[r##"
                heading # Title
                "" One `a. B` thing [1]. | Two, e.g. this.[2] | Three? [3][4, 5] | Four src/lib.rs:3 ends

                "  - " An item. [1]
                "12. " Last v1.2 one
                fenced"##]],
        );
    }

    #[test]
    fn what_a_sentence_refers_to() {
        let refers = Refers::of("`parse` and load_all call Reader::next at src/a.rs:3-5 and `b.rs:7` [1][2, 4-5] (std x) [note].");
        assert_eq!(refers.numbers, [1, 2, 4, 5]);
        assert_eq!(refers.places, [("b.rs", 7, 7), ("src/a.rs", 3, 5)]);
        assert_eq!(refers.names, ["parse", "load_all", "Reader::next"]);
    }
}
