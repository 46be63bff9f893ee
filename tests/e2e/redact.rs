//! The one redactor: what differs from run to run and machine to machine gets a name by the order it first appears in.

use std::collections::BTreeMap;

use naestro_tests::projects::Project;

/// Replaces ids, digests, times, ports and folders.
pub(super) struct Redactor {
    folder: String,
    known: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Redactor {
    /// A redactor that knows the project's folder.
    pub(super) fn new(project: &Project) -> Self {
        Self { folder: project.root().to_string_lossy().into_owned(), known: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// The text with everything that differs replaced.
    pub(super) fn text(mut self, text: &str) -> String {
        let text = without_numbers_after(&without_level(text), "seconds\\\":").replace(&self.folder, "[folder]");
        let mut redacted = String::new();
        let mut word = String::new();
        for letter in text.chars() {
            if letter.is_ascii_alphanumeric() || letter == '-' || letter == '.' || letter == ':' && is_host(&word) {
                word.push(letter);
            } else {
                redacted.push_str(&self.word(&std::mem::take(&mut word)));
                redacted.push(letter);
            }
        }
        redacted.push_str(&self.word(&word));
        redacted
    }

    fn word(&mut self, word: &str) -> String {
        let hex = |length: usize| word.len() == length && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let kind = match word.len() {
            36 if word.matches('-').count() == 4 => "run",
            64 if hex(64) => "digest",
            12 if hex(12) && !word.bytes().all(|byte| byte.is_ascii_digit()) => "short",
            13 if word.starts_with("17") && word.bytes().all(|byte| byte.is_ascii_digit()) => return "[time]".to_owned(),
            _ if is_host(word) => return "[host]".to_owned(),
            _ => return word.to_owned(),
        };
        if let Some(name) = self.known.get(word) {
            return name.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("[{kind} {count}]");
        self.known.insert(word.to_owned(), name.clone());
        name
    }
}

/// The text without the isolation a workspace has, which is the machine's.
fn without_level(text: &str) -> String {
    const MARK: &str = "\"level\":\"";
    let Some((before, after)) = text.split_once(MARK) else { return text.to_owned() };
    let rest = after.split_once('"').map_or("", |(_, rest)| rest);
    format!("{before}{MARK}[level]\"{}", without_level(rest))
}

/// The text without the numbers that follow this one.
fn without_numbers_after(text: &str, mark: &str) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        format!("{text}{mark}[time]{}", part.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.'))
    })
}

fn is_host(word: &str) -> bool {
    word.starts_with("127.0.0.1")
}

#[test]
fn what_differs_gets_a_name_and_what_is_the_same_the_same_name() {
    let project = Project::empty();
    let digest = "ab".repeat(32);
    let text = format!("{0}/a at 1790000000123 by 127.0.0.1:4711, {digest} and {digest}, 10 of 12", project.root().display());
    expect_test::expect!["[folder]/a at [time] by [host], [digest 1] and [digest 1], 10 of 12"]
        .assert_eq(&Redactor::new(&project).text(&text));
}
