//! pytest's tests, told by a small plugin of ours: its words for people leave out what is needed here.
//!
//! Invariant: the plugin lies in a folder of its own that goes when the tests have ended; the project's is not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use tempfile::TempDir;

use super::case::{Case, Pick, Verdict, Wanted};
use super::report::{State, Tested};
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;
use crate::tool::process::Ended;

const NO_PYTHON: &str = "python3 is not installed; get it from your system's packages or https://www.python.org";
const NO_PYTEST: &str = "pytest is not installed; get it with: python3 -m pip install pytest (best in the project's .venv)";

/// The plugin.
const PLUGIN: &str = include_str!("pytest/naestro_report.py");

/// What makes the output plain and short, has it go on after a failure or a file that cannot be read, and names the plugin.
const PLAIN: &[&str] =
    &["--tb=short", "--color=no", "--maxfail=0", "--continue-on-collection-errors", "--rootdir=.", "-p", "naestro_report", "-o"];

/// What an interpreter is told where no user said how pytest is started.
const MODULE: [&str; 3] = ["-m", "pytest", "-q"];

/// pytest's code for "no tests were collected".
const NONE_COLLECTED: i32 = 5;

/// The most last lines of pytest's own words that are told.
const SAID: usize = 7;

/// One line of what the plugin tells.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    /// A test that was found.
    Listed { id: String, line: Option<u32> },
    /// The tests that are about to be run.
    Found { ids: Vec<String> },
    /// A test begins.
    Start { id: String },
    /// A test that began has ended.
    Finish { id: String },
    /// A file that could not be read.
    Broken { id: String, text: String },
    /// How the setup, the call or the teardown of a test ended.
    Report(Report),
    /// pytest came to its end; `stopped` where it was told to end before all tests were run.
    End { stopped: bool },
}

#[derive(Deserialize)]
struct Report {
    id: String,
    line: Option<u32>,
    when: String,
    outcome: String,
    xfail: bool,
    seconds: f64,
    text: String,
    compared: Option<[String; 2]>,
}

/// Tests one project.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    let folder = plugin(wanted).map_err(|e| Fault::Broken(format!("write the plugin for pytest: {e}")))?;
    // The cache lies elsewhere rather than being switched off: a project's own options may need it. It is a new one, since one that
    // remembers what failed would have `--lf` leave out the rest.
    let cache = format!("cache_dir={}", folder.path().join("cache").display());
    let mut options: Vec<String> = PLAIN.iter().map(|option| (*option).to_owned()).chain([cache]).collect();
    match wanted {
        Wanted::All => {}
        Wanted::List => options.push("--collect-only".into()),
        Wanted::Only(picks) => options.extend(files(session.root, package, picks)),
    }
    let before = std::env::var("PYTHONPATH").map(|path| format!(":{path}")).unwrap_or_default();
    let path = format!("{}{before}", folder.path().display());
    let mut missing = NO_PYTHON;
    for command in commands(package) {
        let argv = command.into_iter().chain(options.iter().cloned()).collect();
        match session.start_with(&package.home, argv, vec![("PYTHONPATH", path.clone())])? {
            Run::Missing => {}
            Run::Ended(ended) if ended.output.contains("No module named pytest") => missing = NO_PYTEST,
            Run::Ended(ended) => {
                let told = fs::read(folder.path().join("told")).unwrap_or_default();
                return Ok(tested(package, &ended, &String::from_utf8_lossy(&told), wanted));
            }
        }
    }
    Ok(Tested::new(package, State::Missing, missing))
}

/// How pytest may be started, the likeliest first: a user's own command is the only one; else the project's interpreter, that of the
/// environment that is active, the program `pytest`, and whatever python3 there is.
fn commands(package: &Package) -> Vec<Vec<String>> {
    let Some((python, module)) = package.command.split_first().filter(|(_, rest)| *rest == MODULE) else {
        return vec![package.command.clone()];
    };
    let by = |python: String| [python].into_iter().chain(module.iter().cloned()).collect::<Vec<_>>();
    let mut commands = vec![];
    if python.contains('/') {
        commands.push(by(python.clone()));
    }
    // A relative one would be taken for one of the folder's.
    let active = std::env::var("VIRTUAL_ENV").ok().filter(|folder| folder.starts_with('/'));
    commands.extend(active.map(|folder| by(format!("{folder}/bin/python3"))));
    commands.push(["pytest", "-q"].map(str::to_owned).to_vec());
    commands.push(by("python3".into()));
    commands
}

/// A folder with the plugin, and with the tests that are wanted where their ids are known.
fn plugin(wanted: &Wanted<'_>) -> std::io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("naestro_report.py"), PLUGIN)?;
    if let Wanted::Only(picks) = wanted
        && picks.iter().all(|pick| pick.id.is_some())
    {
        let ids: Vec<&str> = picks.iter().filter_map(|pick| pick.id.as_deref()).collect();
        fs::write(folder.path().join("wanted"), ids.join("\n"))?;
    }
    Ok(folder)
}

/// The files of the picks as pytest is given them, so that no other is collected; none where one is not known.
fn files(root: &Path, package: &Package, picks: &[Pick]) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for pick in picks {
        let file = pick.id.as_deref().and_then(|id| id.split_once("::")).map_or("", |(file, _)| file);
        // A name that pytest would read as an option, or as one with parameters, is not given.
        let readable = !file.starts_with('-') && !file.contains('[');
        if file.is_empty() || !readable || !root.join(&package.home).join(file).is_file() {
            return Vec::new();
        }
        files.push(file.to_owned());
    }
    files.sort();
    files.dedup();
    if files.iter().map(String::len).sum::<usize>() > 64 * 1024 { Vec::new() } else { files }
}

/// What the plugin told.
#[derive(Default)]
struct Told {
    cases: Vec<Case>,
    known: BTreeMap<String, usize>,
    found: BTreeSet<String>,
    /// The tests that began and did not end.
    running: BTreeSet<String>,
    whole: bool,
}

impl Told {
    fn read(text: &str) -> Self {
        let mut told = Self::default();
        // A line that was cut off when the runner was killed is no line.
        text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()).for_each(|line| told.take(line));
        told
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Listed { id, line } => self.case(&id, named(&id, line, Verdict::Listed)),
            Line::Broken { id, text } => self.case(&id, failed(named(&id, None, Verdict::Failed), &text)),
            Line::Report(report) => self.case(&report.id, report.case()),
            Line::Found { ids } => self.found.extend(ids),
            Line::Start { id } => drop(self.running.insert(id)),
            Line::Finish { id } => drop(self.running.remove(&id)),
            Line::End { stopped } => self.whole = !stopped,
        }
    }

    fn case(&mut self, id: &str, case: Case) {
        match self.known.get(id) {
            Some(at) => self.cases[*at].then(case),
            None => {
                self.known.insert(id.to_owned(), self.cases.len());
                self.cases.push(case);
            }
        }
    }

    /// How many of the tests that were found have no result; each of them is then a case too.
    fn lost(&mut self) -> usize {
        for id in &self.running {
            // One that did not end has no result yet, whatever its first phases came to.
            if let Some(case) = self.known.get(id).map(|at| &mut self.cases[*at]).filter(|case| case.verdict == Verdict::Passed) {
                (case.verdict, case.attempts) = (Verdict::NotRun, 0);
            }
        }
        for id in std::mem::take(&mut self.found) {
            if !self.known.contains_key(&id) {
                self.case(&id, named(&id, None, Verdict::NotRun));
            }
        }
        self.cases.iter().filter(|case| case.verdict == Verdict::NotRun).count()
    }
}

fn tested(package: &Package, ended: &Ended, told: &str, wanted: &Wanted<'_>) -> Tested {
    let mut told = Told::read(told);
    let lost = told.lost();
    let mut tested = Tested::new(package, State::Passed, "");
    tested.seconds = told.cases.iter().filter_map(|case| case.seconds).fold(0.0, |sum, seconds| sum + seconds);
    tested.cases = told.cases;
    let lines: Vec<&str> = ended.output.lines().filter(|line| !line.trim().is_empty()).collect();
    let said = lines[lines.len().saturating_sub(SAID)..].join("\n");
    if matches!(wanted, Wanted::List) {
        return listed(tested, ended, told.whole, &said);
    }
    if ended.code == Some(NONE_COLLECTED) {
        return tested;
    }
    tested.conclude(ended, &said);
    let running: Vec<&str> = told.running.iter().map(String::as_str).collect();
    if ended.overdue {
        tested.left(&running, lost);
    } else if !told.whole || lost > 0 {
        tested.broke_off(ended, &running, lost, &said);
    }
    tested
}

/// The tests by their names; a file that cannot be read is told as failing, and its tests are not known.
fn listed(mut tested: Tested, ended: &Ended, whole: bool, said: &str) -> Tested {
    tested.state = State::Listed;
    let broken = tested.cases.iter().any(|case| case.verdict == Verdict::Failed);
    if ended.code == Some(NONE_COLLECTED) || (broken && whole && !ended.overdue) {
        return tested;
    }
    tested.conclude(ended, said);
    if ended.overdue || !whole || ended.code != Some(0) {
        // What cannot be collected can still be run, which then tells why.
        tested.state = State::Unlisted;
        tested.cases.retain(|case| case.verdict == Verdict::Listed);
    }
    tested
}

/// A test of this id: its file, then its class and its own name.
fn named(id: &str, line: Option<u32>, verdict: Verdict) -> Case {
    let (file, rest) = id.split_once("::").unwrap_or((id, ""));
    // What stands in brackets are a test's parameters, which may hold anything.
    let (names, parameters) = rest.find('[').map_or((rest, ""), |at| rest.split_at(at));
    let mut name: Vec<String> = names.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    name.iter_mut().next_back().into_iter().for_each(|last| last.push_str(parameters));
    Case { path: Some(file.to_owned()), name, line: line.map(|line| line + 1), ..Case::new(id, verdict) }
}

impl Report {
    fn case(&self) -> Case {
        let verdict = match (self.outcome.as_str(), self.when.as_str()) {
            ("failed", _) => Verdict::Failed,
            ("skipped", _) => Verdict::Skipped,
            ("passed", "call") => Verdict::Passed,
            // Setup that went well says nothing yet of the test.
            _ => Verdict::NotRun,
        };
        // One that is expected to fail and passes is a pass, unless the project is strict, which is told as a failure.
        let verdict = if self.xfail && verdict != Verdict::Failed && verdict != Verdict::Passed { Verdict::Skipped } else { verdict };
        let mut case = named(&self.id, self.line, verdict);
        case.seconds = Some(self.seconds);
        if verdict == Verdict::Failed {
            case = failed(case, &self.text);
            // By custom what is tested stands left.
            if let Some([actual, expected]) = &self.compared {
                (case.actual, case.expected) = (Some(actual.clone()), Some(expected.clone()));
            }
        }
        case
    }
}

impl Case {
    /// With what a later phase of the same test says; a failure that is followed by a pass was run again.
    fn then(&mut self, later: Self) {
        let seconds = Some(self.seconds.unwrap_or_default() + later.seconds.unwrap_or_default());
        match (self.verdict, later.verdict) {
            (Verdict::Failed, Verdict::Passed) => (self.verdict, self.attempts) = (Verdict::Flaky, 2),
            (Verdict::Failed | Verdict::Flaky, _) | (_, Verdict::NotRun) => {}
            _ => *self = later,
        }
        self.seconds = seconds;
    }
}

/// The failure with what its text says of its place and message.
fn failed(case: Case, text: &str) -> Case {
    let lines: Vec<&str> = text.lines().collect();
    let in_file = lines.iter().rev().find_map(|line| syntax(line));
    let place = in_file.or_else(|| lines.iter().rev().filter_map(|line| place(line)).find(|place| is_own(place)));
    // An error of collecting may come from Python alone: it is still about the test's file.
    let place = place.or_else(|| case.id.ends_with(".py").then(|| case.id.clone()));
    let why: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("E ")).map(str::trim).collect();
    let message = if why.is_empty() { text.to_owned() } else { why.join("\n") };
    case.at(place).says(&message)
}

/// Whether a place lies in the project, rather than in Python or in what is installed.
fn is_own(place: &str) -> bool {
    !place.starts_with(['/', '<']) && !place.starts_with("../") && !place.contains("site-packages/")
}

/// `/p/a.py:3` of `E     File "/p/a.py", line 3`, which is where a file's syntax is wrong.
fn syntax(line: &str) -> Option<String> {
    let (file, rest) = line.strip_prefix("E ")?.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let number: u32 = rest.split(',').next()?.trim().parse().ok()?;
    Some(format!("{file}:{number}"))
}

/// `tests/test_a.py:3` of `tests/test_a.py:3: in test_x`.
fn place(line: &str) -> Option<String> {
    let (file, rest) = line.split_once(".py:")?;
    let number = rest.split(':').next()?;
    number.parse::<u32>().ok()?;
    (!file.starts_with(' ')).then(|| format!("{file}.py:{number}"))
}
