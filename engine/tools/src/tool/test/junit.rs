//! JUnit XML: what pytest, node, surefire, gradle, ctest and others write of their tests.
//!
//! There is no standard, only habits; what is read here is what they share: `testcase` elements with a name, a class and a time,
//! and `failure`, `error` or `skipped` in them. Suites may lie in suites.
//!
//! Invariant: any bytes are read in bounded time and memory: nothing declared in the document is ever expanded, what is too much is
//! cut, and a document that ends early or is malformed says so and keeps the cases before that.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// The most that is read of a document, in bytes.
const DOCUMENT: u64 = 256 * 1024 * 1024;

/// The most cases that are kept of a document.
const CASES: usize = 200_000;

/// The most suites in suites whose names are kept.
const DEPTH: usize = 64;

/// The most characters kept of a name or a message.
const WORD: usize = 4096;

/// The most bytes kept of a text: a stack, what was printed.
const TEXT: usize = 32 * 1024;

/// A document, as far as it could be read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Document {
    /// In their order.
    pub(super) cases: Vec<TestCase>,
    /// Why not everything could be read; a fragment.
    pub(super) problem: Option<String>,
}

/// One `testcase`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct TestCase {
    /// The names of the suites it lies in, outermost first; unnamed ones are left out.
    pub(super) suites: Vec<String>,
    pub(super) class: String,
    pub(super) name: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) seconds: f64,
    /// The attribute of that name: ctest's `run`, `fail`, `notrun`, `disabled`.
    pub(super) status: String,
    pub(super) outcome: Outcome,
    /// What it printed; kept where it did not pass.
    pub(super) output: String,
}

/// How a case ended.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Outcome {
    #[default]
    Passed,
    /// With the attributes `type` and `message` and the text of its first failure or error.
    Failed { kind: String, message: String, text: String },
    /// With the reason.
    Skipped(String),
}

/// What the text that comes next belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Nothing,
    Failure,
    Skip,
    Output,
}

/// A document while it is read.
struct Reading {
    document: Document,
    suites: Vec<String>,
    case: Option<TestCase>,
    within: Within,
    /// How many suites and cases are open.
    opened: usize,
    /// Whether there was any.
    seen: bool,
}

/// Reads a file; one that is not there or cannot be read is a document with that problem.
pub(super) fn read_file(path: &Path) -> Document {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(DOCUMENT).read_to_end(&mut bytes)) {
        Ok(_) => read(&bytes),
        Err(e) => Document { cases: vec![], problem: Some(format!("read {}: {e}", path.display())) },
    }
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Document {
    read_most(bytes, CASES)
}

/// Reads a document and no more than so many cases of it.
fn read_most(bytes: &[u8], most: usize) -> Document {
    let text = decoded(bytes);
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    // What tests print ends up in such documents: a stray `&` or end tag is no reason to lose the rest.
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    let mut reading =
        Reading { document: Document::default(), suites: vec![], case: None, within: Within::Nothing, opened: 0, seen: false };
    let problem = loop {
        match reader.read_event() {
            Ok(Event::Eof) => break None,
            Ok(event) if reading.document.cases.len() < most || !begins_case(&event) => reading.take(&event),
            Ok(_) => break Some(format!("it holds more than {most} tests")),
            Err(e) => break Some(format!("it is malformed: {e}")),
        }
    };
    reading.finish(problem)
}

fn begins_case(event: &Event<'_>) -> bool {
    matches!(event, Event::Start(element) | Event::Empty(element) if element.local_name().into_inner() == "testcase")
}

/// The text, whatever its encoding: what cannot be decoded becomes U+FFFD.
fn decoded(bytes: &[u8]) -> String {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ if is_latin(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned(),
    }
}

fn wide(bytes: &[u8], order: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| order(*pair)).collect();
    String::from_utf16_lossy(&units)
}

fn is_latin(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).to_ascii_lowercase();
    let declared = head.split("?>").next().unwrap_or_default();
    declared.contains("iso-8859-1") || declared.contains("windows-1252")
}

impl Reading {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(element) => self.open(element),
            Event::Empty(element) => {
                self.open(element);
                self.close(element.local_name().into_inner());
            }
            Event::End(element) => self.close(element.local_name().into_inner()),
            Event::Text(text) => self.say(text),
            Event::CData(text) => self.say(text),
            Event::GeneralRef(entity) => self.say(&resolved(entity)),
            _ => {}
        }
    }

    fn open(&mut self, element: &BytesStart<'_>) {
        match element.local_name().into_inner() {
            "testsuites" => self.enter(),
            "testsuite" => {
                self.enter();
                if self.suites.len() < DEPTH {
                    self.suites.push(attribute(element, "name"));
                }
            }
            "testcase" => {
                self.enter();
                self.keep();
                self.case = Some(self.begun(element));
            }
            "failure" | "error" => self.failure(element),
            "skipped" => self.skip(element),
            "system-out" | "system-err" => self.within = Within::Output,
            // Such as surefire's `flakyFailure`: a test that passed in the end.
            _ => self.within = Within::Nothing,
        }
    }

    fn enter(&mut self) {
        self.opened += 1;
        self.seen = true;
    }

    fn close(&mut self, name: &str) {
        match name {
            "testsuites" => self.opened = self.opened.saturating_sub(1),
            "testsuite" => {
                self.opened = self.opened.saturating_sub(1);
                self.suites.pop();
            }
            "testcase" => {
                self.opened = self.opened.saturating_sub(1);
                self.keep();
            }
            _ => self.within = Within::Nothing,
        }
    }

    fn begun(&self, element: &BytesStart<'_>) -> TestCase {
        TestCase {
            suites: self.suites.iter().filter(|name| !name.is_empty()).cloned().collect(),
            class: attribute(element, "classname"),
            name: attribute(element, "name"),
            file: Some(attribute(element, "file")).filter(|file| !file.is_empty()),
            line: attribute(element, "line").parse().ok(),
            // Some write thousands with a comma.
            seconds: attribute(element, "time")
                .replace(',', "")
                .parse()
                .ok()
                .filter(|seconds: &f64| seconds.is_finite())
                .unwrap_or_default(),
            status: attribute(element, "status"),
            ..TestCase::default()
        }
    }

    fn failure(&mut self, element: &BytesStart<'_>) {
        let Some(case) = &mut self.case else { return };
        self.within = Within::Nothing;
        if !matches!(case.outcome, Outcome::Failed { .. }) {
            self.within = Within::Failure;
            let (kind, message) = (attribute(element, "type"), attribute(element, "message"));
            case.outcome = Outcome::Failed { kind, message, text: String::new() };
        }
    }

    fn skip(&mut self, element: &BytesStart<'_>) {
        let Some(case) = &mut self.case else { return };
        self.within = Within::Skip;
        if case.outcome == Outcome::Passed {
            case.outcome = Outcome::Skipped(attribute(element, "message"));
        }
    }

    fn say(&mut self, text: &str) {
        let Some(case) = &mut self.case else { return };
        match (self.within, &mut case.outcome) {
            (Within::Failure, Outcome::Failed { text: said, .. }) => append(said, text),
            (Within::Skip, Outcome::Skipped(reason)) if reason.trim().is_empty() => append(reason, text),
            (Within::Output, _) => append(&mut case.output, text),
            _ => {}
        }
    }

    /// Adds the case that was read.
    fn keep(&mut self) {
        self.within = Within::Nothing;
        let Some(mut case) = self.case.take() else { return };
        if case.outcome == Outcome::Passed && !matches!(case.status.as_str(), "notrun" | "disabled" | "fail") {
            case.output.clear();
        }
        self.document.cases.push(case);
    }

    fn finish(mut self, problem: Option<String>) -> Document {
        // A case the document ends in: that it failed is known, that it passed is not.
        if let Some(case) = self.case.take().filter(|case| matches!(case.outcome, Outcome::Failed { .. })) {
            self.document.cases.push(case);
        }
        let short = (self.opened > 0).then(|| "it ends before its end".to_owned());
        let other = (!self.seen).then(|| "it is no JUnit XML".to_owned());
        self.document.problem = problem.or(short).or(other);
        self.document
    }
}

/// What a reference stands for; one that the document itself declares stays as it is written.
fn resolved(entity: &quick_xml::events::BytesRef<'_>) -> String {
    let known = match &**entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => entity.resolve_char_ref().ok().flatten(),
    };
    known.map_or_else(|| format!("&{};", &**entity), String::from)
}

/// An attribute's value; empty where there is none.
fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).filter_map(Result::ok).find(|attribute| attribute.key.local_name().into_inner() == name);
    let Some(found) = found else { return String::new() };
    let value = found.normalized_value(XmlVersion::Implicit1_0).unwrap_or_else(|_| found.value.clone());
    value.chars().take(WORD).collect()
}

/// Adds what there is room for.
fn append(text: &mut String, more: &str) {
    let room = TEXT.saturating_sub(text.len());
    text.push_str(&more[..more.floor_char_boundary(room)]);
}

#[cfg(test)]
mod tests;
