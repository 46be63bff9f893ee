//! What the runners of JavaScript have in common: titles, patterns over them, and the lines our reporters write.
//!
//! vitest, jest and node each load a reporter of ours, which writes one line of JSON for each test as soon as it can: so the file of
//! every test is known, and what was run before a runner hangs or dies is not lost. A test is chosen by a regular expression over
//! its full title; titles are templates (`adds %i`, `adds $a`, `` `adds ${a}` ``), which only the run fills in.
//!
//! Invariant: what was asked for by its title and did not come is run once more by its whole file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use tempfile::TempDir;

use super::Session;
use super::case::{Case, Pick, Verdict, Wanted};
use super::report::{State, Tested};
use crate::project::Package;
use crate::tool::Fault;
use crate::tool::bounded;
use crate::tool::process::Ended;

/// Between the parts of a test's id.
const WITHIN: &str = " > ";

/// The longest pattern that is given to a runner, in bytes; where more is wanted, whole files are run.
const PATTERN: usize = 16 * 1024;

/// The most files that are named to a runner; where more are wanted, all are run.
const FILES: usize = 2000;

/// The most that is read of what a reporter wrote, in bytes.
const TOLD: u64 = 256 * 1024 * 1024;

/// The most characters of what was expected and what was there.
const OPERAND: usize = 1000;

/// What a runner that found no test at all says, without a word to its reporters.
const NONE: &[&str] = &["No tests found", "No test files found"];

/// The most last lines of a runner's own words that are told, and the most characters of each.
const LAST: usize = 12;
const WIDTH: usize = 300;

/// A pattern that no title fits.
const NOTHING: &str = "(?!)";

/// What one start of a runner is to run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selection {
    /// Files, relative to the package; every one where there is none.
    pub(super) files: Vec<String>,
    /// A regular expression over full titles.
    pub(super) pattern: Option<String>,
}

/// What a start came to.
pub(super) enum Outcome {
    /// What runs the tests is not installed: what to do about it.
    Missing(String),
    /// It ran.
    Ended(Ended),
}

/// How a runner is started: it is to run the selection, with the reporter of ours that lies in the folder.
pub(super) type Start = fn(&Session<'_>, &Package, &Selection, &Path) -> Result<Outcome, Fault>;

/// A runner of JavaScript.
pub(super) struct Script {
    pub(super) start: Start,
    /// The reporter's file name and its source.
    pub(super) reporter: (&'static str, &'static str),
    pub(super) titles: Titles,
}

/// What a pattern is held against.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Titles {
    /// The names of the suites and of the test, with a space between them.
    Full,
    /// Perhaps, as in older versions of node, the test's own name alone.
    Last,
}

/// What one start told.
#[derive(Default)]
struct Told {
    cases: Vec<Case>,
    /// What failed outside of every test.
    errors: Vec<String>,
    /// The tests, or files, that began and did not end.
    running: BTreeSet<String>,
    /// Whether the reporter came to its end.
    whole: bool,
}

/// A line a reporter wrote.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Line {
    end: bool,
    file: Option<String>,
    name: Vec<String>,
    line: Option<u32>,
    state: String,
    ms: Option<f64>,
    retries: Option<u32>,
    errors: Vec<Error>,
}

/// An error in such a line.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Error {
    message: String,
    stack: String,
    expected: Option<String>,
    actual: Option<String>,
    line: Option<u32>,
}

/// Tests a package.
pub(super) fn test(script: &Script, session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    let (selection, picks) = match wanted {
        Wanted::All => (Selection::default(), None),
        Wanted::List => (Selection { files: vec![], pattern: Some(NOTHING.into()) }, None),
        Wanted::Only(picks) => (Selection::of(picks, package, script.titles), Some(picks)),
    };
    let (mut ended, mut told) = match told(script, session, package, &selection)? {
        Ok(told) => told,
        Err(missing) => return Ok(Tested::new(package, State::Missing, &missing)),
    };
    if let Some(picks) = picks.filter(|_| selection.pattern.is_some()) {
        told.cases.retain(|case| case.verdict != Verdict::Skipped || picks.iter().any(|pick| fits(pick, package, case)));
        let lost: Vec<&Pick> = picks.iter().filter(|pick| !told.cases.iter().any(|case| fits(pick, package, case))).collect();
        let again = Selection::files_of(&lost, package);
        if !again.files.is_empty()
            && !ended.overdue
            && !session.is_over()
            && let Ok((end, more)) = self::told(script, session, package, &again)?
        {
            told = told.with(more);
            ended = if end.code == Some(0) && !end.overdue { ended } else { end };
        }
    }
    Ok(if matches!(wanted, Wanted::List) { listed(package, &ended, told) } else { tested(package, &ended, told) })
}

/// Starts the runner; where it is missing, what to do about it.
fn told(script: &Script, session: &Session<'_>, package: &Package, selection: &Selection) -> Result<Result<(Ended, Told), String>, Fault> {
    let broken = |e: std::io::Error| Fault::Broken(format!("write a reporter: {e}"));
    let folder = TempDir::with_prefix("naestro-test").map_err(broken)?;
    fs::write(folder.path().join(script.reporter.0), script.reporter.1).map_err(broken)?;
    let ended = match (script.start)(session, package, selection, folder.path())? {
        Outcome::Missing(missing) => return Ok(Err(missing)),
        Outcome::Ended(ended) => ended,
    };
    let text = read(&folder.path().join("told"));
    let home = session.root.join(&package.home);
    Ok(Ok((ended, cases(&text, &home, session.root))))
}

fn read(path: &Path) -> String {
    use std::io::Read;
    let mut bytes = Vec::new();
    // A runner that ended before its reporter began wrote no such file; how it ended is then what counts.
    let taken = fs::File::open(path).and_then(|file| file.take(TOLD).read_to_end(&mut bytes));
    taken.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&bytes).into_owned())
}

impl Told {
    /// Together with what a second start told; of a test both know, the second word counts.
    fn with(mut self, second: Self) -> Self {
        let known: BTreeSet<String> = second.cases.iter().map(|case| case.id.clone()).collect();
        self.cases.retain(|case| !known.contains(&case.id));
        self.cases.extend(second.cases);
        self.errors.extend(second.errors);
        self.running.extend(second.running);
        Self { whole: self.whole && second.whole, ..self }
    }
}

fn tested(package: &Package, ended: &Ended, told: Told) -> Tested {
    let mut tested = Tested::new(package, State::Passed, "");
    tested.seconds = told.cases.iter().filter_map(|case| case.seconds).sum();
    tested.cases = told.cases;
    if !told.errors.is_empty() {
        tested.cases.push(Case::new("(outside of every test)", Verdict::Failed).says(&told.errors.join("\n\n")));
    }
    tested.conclude(ended, &last_words(&ended.output));
    let silent = !(told.whole || (tested.cases.is_empty() && NONE.iter().any(|none| ended.output.contains(none))));
    // A file runs for as long as any test in it does, which is then all there is to say.
    let files: BTreeSet<&str> = told.running.iter().filter_map(|id| id.split_once(WITHIN)).map(|(file, _)| file).collect();
    let running: Vec<&str> = told.running.iter().map(String::as_str).filter(|id| !files.contains(id)).collect();
    let lost: Vec<String> = tested.cases.iter().filter(|case| case.verdict == Verdict::NotRun).map(|case| case.id.clone()).collect();
    if ended.overdue {
        tested.left(&running, lost.len());
    } else if silent || !lost.is_empty() {
        let lost: Vec<&str> = lost.iter().map(String::as_str).collect();
        tested.broke_off(ended, &lost, lost.len(), &last_words(&ended.output));
    }
    tested
}

/// The tests by their names alone; a file that cannot even be loaded is told as failing.
fn listed(package: &Package, ended: &Ended, told: Told) -> Tested {
    let mut tested = Tested::new(package, State::Listed, "");
    let nameless = told.cases.iter().any(|case| case.name.is_empty() && case.verdict != Verdict::Failed);
    if ended.overdue || nameless || (told.cases.is_empty() && ended.code != Some(0)) {
        tested.state = State::Unlisted;
        return tested;
    }
    let list = |mut case: Case| {
        if case.verdict != Verdict::Failed {
            (case.verdict, case.seconds, case.attempts) = (Verdict::Listed, None, 0);
        }
        case
    };
    tested.cases = told.cases.into_iter().map(list).collect();
    tested
}

/// The last lines of what a runner said, for where nothing else is known.
pub(super) fn last_words(output: &str) -> String {
    let plain = output.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "");
    let lines: Vec<String> = plain.lines().filter(|line| !line.trim().is_empty()).map(|line| bounded::line(line, WIDTH)).collect();
    lines[lines.len().saturating_sub(LAST)..].join("\n")
}

impl Selection {
    /// The files of these tests, and their titles where they fit.
    fn of(picks: &[Pick], package: &Package, seen: Titles) -> Self {
        let all: Vec<&Pick> = picks.iter().collect();
        let titles: BTreeSet<String> = picks.iter().map(|pick| Title::of(pick).pattern(seen)).collect();
        let pattern = format!("(^| )({})$", titles.into_iter().collect::<Vec<_>>().join("|"));
        let whole = picks.iter().any(|pick| Title::of(pick).0.is_empty()) || pattern.len() > PATTERN;
        Self { pattern: (!whole).then_some(pattern), ..Self::files_of(&all, package) }
    }

    /// The files of these tests, whole.
    fn files_of(picks: &[&Pick], package: &Package) -> Self {
        let files: BTreeSet<String> = picks.iter().map(|pick| seen_from(&package.dir, &file(pick, package))).collect();
        let all = files.len() > FILES;
        Self { files: if all { vec![] } else { files.into_iter().collect() }, pattern: None }
    }
}

/// A test's file, relative to the root.
fn file(pick: &Pick, package: &Package) -> String {
    if pick.path.is_empty() {
        let id = pick.id.as_deref().unwrap_or_default();
        return joined(&package.home, id.split(WITHIN).next().unwrap_or_default());
    }
    pick.path.clone()
}

/// A file as seen from where the runner is started.
fn seen_from(dir: &str, file: &str) -> String {
    let inside = if dir.is_empty() { Some(file) } else { file.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/')) };
    match inside {
        // It would be read as an option.
        Some(file) if file.starts_with('-') => format!("./{file}"),
        Some(file) => file.to_owned(),
        None => format!("{}{file}", "../".repeat(dir.split('/').count())),
    }
}

fn joined(dir: &str, file: &str) -> String {
    if dir.is_empty() { file.to_owned() } else { format!("{dir}/{file}") }
}

/// Whether the runner's case is one that was picked.
fn fits(pick: &Pick, package: &Package, case: &Case) -> bool {
    let own = file(pick, package);
    let same = case.path.as_deref().is_none_or(|path| joined(&package.home, path) == own || Path::new(path).ends_with(&own));
    pick.id.as_ref() == Some(&case.id) || (same && Title::of(pick).fits(&case.name))
}

/// A full title, cut at what only the run fills in.
struct Title(Vec<Vec<String>>);

impl Title {
    fn of(pick: &Pick) -> Self {
        if pick.name.is_empty()
            && let Some(id) = &pick.id
        {
            // As it was filled in: nothing in it is a template.
            return Self(id.split(WITHIN).skip(1).map(|part| vec![part.to_owned()]).collect());
        }
        Self(pick.name.iter().map(|part| pieces(part)).collect())
    }

    /// As a regular expression, without its ends.
    fn pattern(&self, seen: Titles) -> String {
        let parts = if seen == Titles::Last { &self.0[self.0.len().saturating_sub(1)..] } else { &self.0 };
        let part = |pieces: &Vec<String>| pieces.iter().map(|piece| escaped(piece)).collect::<Vec<_>>().join("[^]*");
        // A title may itself hold what stands between the parts of an id.
        parts.iter().map(part).collect::<Vec<_>>().join("( | > )")
    }

    /// Whether a test is this one, or one within it.
    fn fits(&self, name: &[String]) -> bool {
        let within = name.len() >= self.0.len() && self.0.iter().zip(name).all(|(pieces, part)| filled(pieces, part));
        // An id is cut where a title may have the same signs.
        within || (self.0.iter().all(|part| part.len() == 1) && self.0.concat().join(WITHIN) == name.join(WITHIN))
    }
}

/// Whether a text is the pieces with something in between.
fn filled(pieces: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = pieces else { return pieces.first().is_none_or(|only| only == text) };
    let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else { return false };
    for piece in middle {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

/// A title cut at its placeholders: `%s` and its kin, `${...}`, `$name`.
fn pieces(title: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut rest = title;
    while let Some(next) = rest.chars().next() {
        if let Some(length) = placeholder(rest) {
            pieces.push(String::new());
            rest = &rest[length..];
        } else if let Some(last) = pieces.last_mut() {
            last.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    pieces
}

/// The length of the placeholder a text begins with.
fn placeholder(text: &str) -> Option<usize> {
    if let Some(rest) = text.strip_prefix("${") {
        return rest.find('}').map(|end| end + 3);
    }
    if let Some(rest) = text.strip_prefix('$') {
        let name = rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | '.')).len();
        return (name > 0).then_some(name + 1);
    }
    let rest = text.strip_prefix('%')?;
    rest.starts_with(['s', 'd', 'i', 'f', 'j', 'o', 'O', 'p', 'c', '#', '$', '%']).then_some(2)
}

/// For a regular expression of JavaScript.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\^$.*+?()[]{}|".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// What a reporter's lines tell.
fn cases(text: &str, home: &Path, root: &Path) -> Told {
    let mut told = Told::default();
    let mut known: BTreeMap<String, u32> = BTreeMap::new();
    // A line that was cut because the runner was stopped is none.
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        if line.end {
            told.whole = true;
            told.errors.extend(line.errors.iter().map(|error| error.message.clone()));
            continue;
        }
        let mut case = case(&line, home, root);
        if line.state == "begun" {
            told.running.insert(case.id);
            continue;
        }
        told.running.remove(&case.id);
        if line.state == "over" {
            continue;
        }
        let count = known.entry(case.id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            case.id = format!("{} ({count})", case.id);
        }
        told.cases.push(case);
    }
    told
}

fn case(line: &Line, home: &Path, root: &Path) -> Case {
    let path = line.file.as_deref().map(|file| below(file, home));
    let id: Vec<&str> = path.as_deref().into_iter().chain(line.name.iter().map(String::as_str)).collect();
    let verdict = match line.state.as_str() {
        "passed" if line.retries.unwrap_or_default() > 0 => Verdict::Flaky,
        "passed" => Verdict::Passed,
        "failed" => Verdict::Failed,
        "skipped" => Verdict::Skipped,
        _ => Verdict::NotRun,
    };
    let mut case = Case::new(&id.join(WITHIN), verdict);
    case.attempts += line.retries.filter(|_| case.attempts > 0).unwrap_or_default();
    (case.name, case.line, case.seconds) = (line.name.clone(), line.line, line.ms.map(|ms| ms / 1000.0));
    if verdict == Verdict::Failed {
        case = failed(case, line, path.as_deref(), home, root);
    }
    Case { path, ..case }
}

fn failed(case: Case, line: &Line, path: Option<&str>, home: &Path, root: &Path) -> Case {
    let messages: Vec<&str> = line.errors.iter().map(|error| told_of(&error.message)).collect();
    let frame = line.errors.iter().find_map(|error| error.stack.lines().find_map(|line| frame(line, root)));
    let own = || {
        let at = line.errors.iter().find_map(|error| error.line.or_else(|| parsed(&error.message)));
        path.filter(|_| line.name.is_empty()).map(|path| at.map_or_else(|| path.to_owned(), |at| format!("{path}:{at}")))
    };
    let place = frame.map(|frame| below(&frame, home)).or_else(own);
    let operand = |text: &Option<String>| text.as_ref().map(|text| bounded::line(text, OPERAND));
    let compared = line.errors.iter().find(|error| error.expected.is_some());
    let mut case = case.says(&messages.join("\n\n")).at(place);
    case.expected = compared.and_then(|error| operand(&error.expected));
    case.actual = compared.and_then(|error| operand(&error.actual));
    case
}

/// The part of a message that is about this failure, where jest puts a page of advice before it.
fn told_of(message: &str) -> &str {
    message.split_once("\n    Details:\n").map_or(message, |(_, details)| details)
}

/// The line of `SyntaxError: /p/a.test.js: Unexpected token (2:0)`.
fn parsed(message: &str) -> Option<u32> {
    let line = message.lines().find(|line| line.contains("SyntaxError: "))?;
    line.trim_end().strip_suffix(')')?.rsplit_once('(')?.1.split(':').next()?.parse().ok()
}

/// `/p/a.test.js:5` of `    at Object.toEqual (file:///p/a.test.js:5:33)`, where that lies in the project.
fn frame(line: &str, root: &Path) -> Option<String> {
    let at = line.trim_start().strip_prefix("at ")?;
    let place = at.rsplit_once('(').map_or(at, |(_, place)| place).trim_end_matches(')');
    let place = place.strip_prefix("async ").unwrap_or(place);
    let place = place.strip_prefix("file://").unwrap_or(place);
    let (place, _column) = place.rsplit_once(':')?;
    let (file, number) = place.rsplit_once(':')?;
    number.parse::<u32>().ok()?;
    let own = Path::new(file).starts_with(root) && !file.contains("/node_modules/");
    own.then(|| place.to_owned())
}

/// Relative to the folder where it lies below it.
fn below(path: &str, home: &Path) -> String {
    let path = path.strip_prefix("file://").unwrap_or(path);
    Path::new(path).strip_prefix(home).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests;
