//! Prose in sentences: each with the citations, the places and the names it holds.
//!
//! Invariant: what is kept of a text is what was in it, byte for byte, but for the white space between sentences.

/// What begins and ends lines of code.
const FENCES: [&str; 2] = ["```", "~~~"];

/// Ends of sentences that need no white space after them.
const ENDS: [char; 3] = ['。', '！', '？'];

/// What may stand between the end of a sentence and the white space after it.
const CLOSING: [char; 9] = ['"', '\'', ')', '*', '_', '”', '’', '»', '\u{201f}'];

/// The most sources that one range cites.
const RANGE: usize = 100;

/// What may stand within a word: of names, places and paths.
const WITHIN: &str = "_:.#/-–";

/// What begins a citation, in the writing of any model.
const OPENING: [char; 3] = ['[', '［', '【'];

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
    /// Whether something in brackets looks like a citation and is none.
    pub(super) unreadable: bool,
}

/// Cuts a text into blocks: a line is one, with those that go on with its sentence.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut fence: Option<&str> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let line = line_of(rest);
        let (trimmed, mut length) = (line.trim(), line.len());
        if let Some(mark) = fence {
            if trimmed.starts_with(mark) {
                fence = None;
            }
        } else if let Some(mark) = FENCES.iter().find(|mark| trimmed.starts_with(**mark)) {
            fence = Some(mark);
            blocks.push(Block::Fenced);
        } else if trimmed.is_empty() {
            blocks.push(Block::Gap);
        } else if is_heading(trimmed) {
            blocks.push(Block::Heading(line.trim_end()));
        } else {
            while goes_on(&rest[..length], line_of(&rest[length..])) {
                length += line_of(&rest[length..]).len();
            }
            let (mark, words) = rest[..length].split_at(mark(line));
            blocks.push(Block::Prose { mark, sentences: sentences(words) });
        }
        rest = &rest[length..];
    }
    blocks
}

/// The first line with its end.
fn line_of(text: &str) -> &str {
    text.find('\n').map_or(text, |at| &text[..=at])
}

/// Whether it is a title: what ends as a sentence does is one, whatever stands before it.
fn is_heading(line: &str) -> bool {
    let words = line.trim_start_matches('#');
    words.len() < line.len() && words.starts_with([' ', '\t']) && !words.contains(['.', '!', '?', ENDS[0], ENDS[1], ENDS[2]])
}

/// Whether a line goes on with the sentence that the text before it did not end; half of a sentence may say the opposite of it.
fn goes_on(before: &str, line: &str) -> bool {
    let begins = line.trim_start();
    let ended = before.trim_end().trim_end_matches(CLOSING).ends_with(['.', '!', '?', ']', ':']);
    !ended
        && mark(line) == line.len() - begins.len()
        && begins.starts_with(|c: char| c.is_lowercase() || matches!(c, '`' | '(' | '['))
        && !FENCES.iter().any(|mark| begins.starts_with(mark))
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

/// The sentences of a line; one ends where its end is followed by white space.
fn sentences(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut in_code = false;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        // Several in a row open or close as one does.
        in_code ^= c == '`' && before != '`';
        before = c;
        let rest = &line[at + c.len_utf8()..];
        let is_end = matches!(c, '.' | '!' | '?' | '…') && at >= start && ends(&line[start..at], rest);
        if !in_code && at >= start && (is_end || ENDS.contains(&c)) {
            let end = at + c.len_utf8() + citations_after(rest);
            found.push(line[start..end].trim());
            start = end;
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
    let after = rest.trim_start_matches(CLOSING);
    (after.is_empty() || after.starts_with(char::is_whitespace) || after.starts_with(OPENING)) && !abbreviated
}

/// The length of the citations that stand after the end of a sentence and belong to it.
fn citations_after(rest: &str) -> usize {
    let mut length = rest.len() - rest.trim_start_matches(CLOSING).len();
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
        if last < first || last - first > RANGE {
            return None;
        }
        found.extend(first..=last);
    }
    Some(found)
}

impl<'a> Refers<'a> {
    pub(super) fn of(sentence: &'a str) -> Self {
        let mut refers = Self::default();
        for (is_code, part) in parts(sentence) {
            match (is_code, place(part)) {
                (true, Some(place)) => refers.places.push(place),
                (true, None) if !part.trim().is_empty() => refers.names.push(part.trim()),
                (true, None) => {}
                (false, _) => refers.words(part),
            }
        }
        refers
    }

    /// Whether it claims nothing that could be looked up.
    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.places.is_empty() && self.names.is_empty() && !self.unreadable
    }

    fn words(&mut self, part: &'a str) {
        self.bracketed(part);
        for word in part.split(|c: char| c.is_whitespace() || (!c.is_alphanumeric() && !WITHIN.contains(c))) {
            self.word(word);
        }
        let called = part.match_indices("()").map(|(at, _)| &part[..at]);
        self.names.extend(called.map(last_name).filter(|name| !name.is_empty()));
    }

    fn bracketed(&mut self, part: &str) {
        let mut before: Option<usize> = None;
        let mut between = "";
        for inside in part.split(OPENING).skip(1) {
            let (inside, after) = inside.split_once([']', '］', '】']).unwrap_or((inside, ""));
            match numbers(inside) {
                Some(numbers) => {
                    // `[1]-[3]`
                    let from = before.filter(|_| matches!(between.trim(), "-" | "–" | "—" | "to"));
                    let to = numbers.first().copied().unwrap_or_default();
                    self.numbers.extend(from.into_iter().flat_map(|from| from + 1..to.min(from + RANGE)));
                    before = numbers.last().copied();
                    self.numbers.extend(numbers);
                }
                // What looks like a citation and cannot be read cannot hold.
                None => self.unreadable |= inside.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(char::is_numeric),
            }
            between = after;
        }
    }

    fn word(&mut self, word: &'a str) {
        let word = word.trim_matches(|c: char| matches!(c, '.' | ':' | '-' | '/'));
        if let Some(place) = place(word) {
            self.places.push(place);
        } else if word.contains("::") || word.trim_matches('_').contains('_') || is_mixed(word) {
            self.names.push(word);
        }
    }
}

/// The parts of a sentence, each with whether it stands between backticks; several of them open what as many close.
fn parts(sentence: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let mut rest = sentence;
    while let Some(at) = rest.find('`') {
        let count = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        parts.push((false, &rest[..at]));
        rest = &rest[at + count..];
        let end = closing(rest, count);
        parts.push((true, &rest[..end]));
        rest = rest.get(end + count..).unwrap_or_default();
    }
    parts.push((false, rest));
    parts
}

/// Where a run of exactly so many backticks is; the end where there is none.
fn closing(text: &str, count: usize) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find('`').map(|at| from + at) {
        let run = text[at..].len() - text[at..].trim_start_matches('`').len();
        if run == count {
            return at;
        }
        from = at + run;
    }
    text.len()
}

/// The name at the end of a text: what stands before `()`.
fn last_name(text: &str) -> &str {
    let start = text.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.')).len();
    text[start..].trim_matches([':', '.'])
}

/// Whether a word is written as only names are: `readAll`.
fn is_mixed(word: &str) -> bool {
    let starts_small = word.starts_with(|c: char| c.is_ascii_lowercase());
    starts_small && !["iOS", "macOS"].contains(&word) && word.chars().all(char::is_alphanumeric) && word.chars().any(char::is_uppercase)
}

/// `path:line`, `path:line-last` or `path#Lline-Llast`.
fn place(text: &str) -> Option<(&str, u32, u32)> {
    let (path, lines) = text.rsplit_once([':', '#'])?;
    let (first, last) = lines.split_once(['-', '–']).unwrap_or((lines, lines));
    let line = |text: &str| text.trim_start_matches('L').parse().ok();
    let is_path = path.contains(['.', '/']) && !path.contains("::") && !path.contains(char::is_whitespace);
    if is_path { Some((path, line(first)?, line(last)?)) } else { None }
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
        assert_eq!(refers.places, [("src/a.rs", 3, 5), ("b.rs", 7, 7)]);
        assert_eq!(refers.names, ["parse", "load_all", "Reader::next"]);
    }
}
