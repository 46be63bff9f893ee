//! Tests that ctest runs: the project is configured and built first, then ctest tells in JUnit XML what each came to.
//!
//! A build folder that belongs to this very source folder is used again. Otherwise a new one is made: where the project's own rules
//! ignore a build folder, in there, so that the next run need not build all anew; else in a temporary folder.
//!
//! Invariant: nothing is written where git would see it, and nothing built from other sources is ever tested.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ignore::gitignore::GitignoreBuilder;
use serde_json::Value;
use tempfile::TempDir;

use super::case::{Case, Pick, Verdict, Wanted};
use super::javascript::last_words;
use super::junit::{self, Outcome, TestCase};
use super::report::{State, Tested};
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;

const MISSING: &str = "cmake is not installed; get it from https://cmake.org or your system's packages";
const ALL: &str = "ctest does not tell which file a test is in, so all of its tests were run";
const OLD: &str = "ctest is too old to write its results down; it is used from version 3.21 on";

/// Folders that projects are built in by custom.
const FOLDERS: &[&str] = &["build", "_build", "out", "cmake-build-debug", "cmake-build-release", "builddir"];

/// The folder below an ignored one that we build in.
const OURS: &str = "naestro";

/// The most compiler errors that are told.
const ERRORS: usize = 5;

/// Endings of sources that a failure may be in.
const SOURCES: &[&str] = &[".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".m", ".mm"];

/// A folder that is built in.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

/// A test as ctest lists it.
struct Known {
    name: String,
    /// The file name of the program it runs, without its ending.
    program: String,
    /// The list that adds it, and the line.
    added: Option<(String, u32)>,
}

/// Tests one project.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    let home = session.root.join(&package.home);
    let folder = folder(session.root, &home).map_err(|e| Fault::Broken(format!("make a folder to build in: {e}")))?;
    if let Some(unbuilt) = build(session, package, &home, folder.path())? {
        return Ok(unbuilt);
    }
    let known = match known(session, package, folder.path())? {
        Ok(known) => known,
        Err(tested) => return Ok(tested),
    };
    match wanted {
        Wanted::List => Ok(listed(package, &known)),
        Wanted::All => execute(session, package, folder.path(), &known, None),
        Wanted::Only(picks) => match chosen(picks, &known) {
            Some(names) => execute(session, package, folder.path(), &known, Some(&names)),
            None => execute(session, package, folder.path(), &known, None).map(|tested| with_note(tested, ALL)),
        },
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

fn with_note(mut tested: Tested, note: &str) -> Tested {
    if tested.note.is_empty() {
        tested.note = note.to_owned();
    }
    tested
}

fn folder(root: &Path, home: &Path) -> std::io::Result<Folder> {
    let customary = FOLDERS.iter().map(|name| home.join(name));
    let all = customary.flat_map(|dir| [dir.join(OURS), dir]);
    if let Some(own) = all.into_iter().find(|dir| is_built_from(dir, home)) {
        return Ok(Folder::Kept(own));
    }
    if let Some(ignored) = FOLDERS.iter().map(|name| home.join(name)).find(|dir| is_ignored(root, home, dir)) {
        let ours = ignored.join(OURS);
        // What is there was built from other sources: a copy of the project brought it along.
        if ours.exists() {
            fs::remove_dir_all(&ours)?;
        }
        return Ok(Folder::Kept(ours));
    }
    Ok(Folder::Temporary(TempDir::with_prefix("naestro-ctest")?))
}

/// Whether the folder was configured for these sources at this place.
fn is_built_from(dir: &Path, home: &Path) -> bool {
    let cache = fs::read_to_string(dir.join("CMakeCache.txt")).unwrap_or_default();
    let named = |key: &str| cache.lines().find_map(|line| line.strip_prefix(key)).map(PathBuf::from);
    let same = |named: Option<PathBuf>, wanted: &Path| named.and_then(|path| path.canonicalize().ok()) == wanted.canonicalize().ok();
    same(named("CMAKE_HOME_DIRECTORY:INTERNAL="), home) && same(named("CMAKE_CACHEFILE_DIR:INTERNAL="), dir)
}

/// Whether the project's own rules ignore the folder.
fn is_ignored(root: &Path, home: &Path, dir: &Path) -> bool {
    let above = home.ancestors().take_while(|above| above.starts_with(root));
    above.into_iter().any(|above| {
        let mut rules = GitignoreBuilder::new(above);
        // Where there are none, nothing is ignored.
        drop(rules.add(above.join(".gitignore")));
        rules.build().is_ok_and(|rules| rules.matched_path_or_any_parents(dir, true).is_ignore())
    })
}

/// Configures where that was not done, and builds; what that came to, where it failed.
fn build(session: &Session<'_>, package: &Package, home: &Path, folder: &Path) -> Result<Option<Tested>, Fault> {
    let (source, target) = (home.display().to_string(), folder.display().to_string());
    let configure = ["cmake", "-S", &source, "-B", &target].map(str::to_owned).to_vec();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).to_string();
    let make = ["cmake", "--build", &target, "--parallel", &threads].map(str::to_owned).to_vec();
    let steps = if folder.join("CMakeCache.txt").is_file() { vec![make] } else { vec![configure, make] };
    for argv in steps {
        let Run::Ended(ended) = session.start(&package.home, argv)? else { return Ok(Some(Tested::new(package, State::Missing, MISSING))) };
        if ended.overdue {
            let mut tested = Tested::new(package, State::NotFinished, "");
            tested.unfinished();
            return Ok(Some(tested));
        }
        if ended.code != Some(0) {
            let mut tested = Tested::new(package, State::BuildFailed, "it does not build; nothing of it was run");
            tested.cases = errors(&ended.output, session.root, home);
            return Ok(Some(tested));
        }
    }
    Ok(None)
}

/// The compiler's errors, or cmake's, each as a failing case named `build`.
fn errors(output: &str, root: &Path, home: &Path) -> Vec<Case> {
    let lines: Vec<&str> = output.lines().collect();
    let said =
        lines.iter().filter(|line| line.contains(": error:") || line.contains(": fatal error:") || line.contains("undefined reference"));
    let mut cases: Vec<Case> = said
        .take(ERRORS)
        .zip(1..)
        .map(|(line, number)| {
            let id = if number == 1 { "build".to_owned() } else { format!("build ({number})") };
            let message = line.split_once("error: ").map_or(*line, |(_, message)| message);
            Case::new(&id, Verdict::Failed).says(message).at(place(line, root, home))
        })
        .collect();
    if cases.is_empty() {
        let first = lines.iter().position(|line| line.starts_with("CMake Error")).unwrap_or(lines.len().saturating_sub(12));
        let at = lines.get(first).and_then(|line| line.strip_prefix("CMake Error at ")?.split([' ', '(']).next());
        let said = lines[first..].iter().take(12).copied().collect::<Vec<_>>().join("\n");
        cases.push(Case::new("build", Verdict::Failed).says(&said).at(at.map(str::to_owned)));
    }
    cases
}

/// The tests there are; what that came to, where ctest does not tell.
fn known(session: &Session<'_>, package: &Package, folder: &Path) -> Result<Result<Vec<Known>, Tested>, Fault> {
    let argv = ["ctest", "--show-only=json-v1"].map(str::to_owned).to_vec();
    let Run::Ended(ended) = session.start(&folder.display().to_string(), argv)? else {
        return Ok(Err(Tested::new(package, State::Missing, MISSING)));
    };
    let list = ended.output.find('{').and_then(|at| serde_json::from_str::<Value>(&ended.output[at..]).ok());
    let Some(list) = list else {
        let mut tested = Tested::new(package, State::NotRun, "ctest does not list its tests");
        tested.conclude(&ended, &last_words(&ended.output));
        return Ok(Err(tested));
    };
    let one = |test: &Value| {
        let program = test["command"].get(0).and_then(Value::as_str).map(Path::new).and_then(Path::file_stem);
        let program = program.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Some(Known { name: test["name"].as_str()?.to_owned(), program, added: added(&list["backtraceGraph"], &test["backtrace"]) })
    };
    Ok(Ok(list["tests"].as_array().into_iter().flatten().filter_map(one).collect()))
}

/// Where a test was added: the place of a node of the graph.
fn added(graph: &Value, node: &Value) -> Option<(String, u32)> {
    let node = graph["nodes"].get(usize::try_from(node.as_u64()?).ok()?)?;
    let file = graph["files"].get(usize::try_from(node["file"].as_u64()?).ok()?)?.as_str()?;
    Some((file.to_owned(), u32::try_from(node["line"].as_u64()?).ok()?))
}

fn listed(package: &Package, known: &[Known]) -> Tested {
    let mut tested = Tested::new(package, State::Listed, "");
    tested.cases = known.iter().map(|test| placed(Case::new(&test.name, Verdict::Listed), known)).collect();
    tested
}

/// A case with its name and with where it was added.
fn placed(mut case: Case, known: &[Known]) -> Case {
    let added = known.iter().find(|test| test.name == case.id).and_then(|test| test.added.clone());
    (case.path, case.line) = added.unzip();
    case.name = vec![case.id.clone()];
    case
}

/// The names of what was picked; nothing where one of the picks is none that can be found among them.
fn chosen(picks: &[Pick], known: &[Known]) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for pick in picks {
        let called: Vec<String> =
            pick.id.iter().cloned().chain([pick.name.join("."), pick.name.join("::")]).chain(pick.name.last().cloned()).collect();
        let program = Path::new(&pick.path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let named: Vec<&Known> = known.iter().filter(|test| called.contains(&test.name)).collect();
        let of_file = || known.iter().filter(|test| !program.is_empty() && test.program == program).collect();
        let found = if named.is_empty() { of_file() } else { named };
        if found.is_empty() {
            return None;
        }
        names.extend(found.into_iter().map(|test| test.name.clone()));
    }
    Some(names)
}

fn execute(
    session: &Session<'_>,
    package: &Package,
    folder: &Path,
    known: &[Known],
    names: Option<&BTreeSet<String>>,
) -> Result<Tested, Fault> {
    let results = TempDir::with_prefix("naestro-test").map_err(|e| Fault::Broken(format!("make a folder for results: {e}")))?;
    let file = results.path().join("results.xml");
    let pattern = names.map(|names| format!("^({})$", names.iter().map(|name| escaped(name)).collect::<Vec<_>>().join("|")));
    let options = pattern.filter(|pattern| pattern.len() < 64 * 1024).into_iter().flat_map(|pattern| ["-R".to_owned(), pattern]);
    let written = ["--output-junit".to_owned(), file.display().to_string()];
    let argv = package.command.iter().cloned().chain(written).chain(options).collect();
    let Run::Ended(ended) = session.start(&folder.display().to_string(), argv)? else {
        return Ok(Tested::new(package, State::Missing, MISSING));
    };
    let mut tested = Tested::new(package, State::Passed, "");
    if !file.exists() && !ended.overdue && ended.code == Some(0) && !ended.output.contains("No tests were found") {
        return Ok(Tested::new(package, State::NotRun, OLD));
    }
    let document = if file.exists() { junit::read_file(&file) } else { junit::Document::default() };
    let said = said(&ended.output);
    let home = session.root.join(&package.home);
    tested.cases = document.cases.iter().map(|told| placed(case(told, &said, session.root, &home), known)).collect();
    tested.seconds = tested.cases.iter().filter_map(|case| case.seconds).sum();
    // Stopped before it could write, it has still said of some tests how they ended.
    if document.cases.is_empty() {
        tested.cases = said.iter().map(|(name, how)| placed(Case::new(name, ended_as(how)).says(how), known)).collect();
    }
    tested.conclude(&ended, &last_words(&ended.output));
    if let (State::Passed, Some(problem)) = (tested.state, &document.problem) {
        tested.state = State::NotFinished;
        tested.note = format!("what ctest told of its tests cannot be read whole: {problem}");
    }
    Ok(tested)
}

/// For ctest's regular expressions.
fn escaped(name: &str) -> String {
    let special = |c: &char| r"\^$.*+?()[]|".contains(*c);
    name.chars().flat_map(|c| special(&c).then_some('\\').into_iter().chain([c])).collect()
}

/// How ctest says that each test ended: `Exception: SegFault` of `4/6 Test #4: a.kills ....***Exception: SegFault  0.00 sec`.
fn said(output: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (_, rest) = line.split_once(" Test ")?;
        let (_, rest) = rest.split_once(": ")?;
        let (name, rest) = rest.split_once(" ..").or_else(|| rest.split_once("..."))?;
        let how = rest.trim_start_matches('.').trim().trim_start_matches("***").strip_suffix("sec")?.trim();
        let (how, seconds) = how.rsplit_once("  ").unwrap_or((how, ""));
        seconds.trim().parse::<f64>().ok()?;
        Some((name.trim().to_owned(), how.trim().to_owned()))
    };
    output.lines().filter_map(line).collect()
}

fn ended_as(how: &str) -> Verdict {
    match how {
        "Passed" => Verdict::Passed,
        "Skipped" | "Not Run (Disabled)" => Verdict::Skipped,
        _ => Verdict::Failed,
    }
}

fn case(told: &TestCase, said: &BTreeMap<String, String>, root: &Path, home: &Path) -> Case {
    let skipped = |why: &str| why.starts_with("SKIP_") || why == "Disabled";
    let verdict = match (&told.outcome, told.status.as_str()) {
        (_, "disabled") => Verdict::Skipped,
        // A test that could not be started is written down as skipped.
        (Outcome::Skipped(why), _) if skipped(why) => Verdict::Skipped,
        (Outcome::Passed, "run" | "") => Verdict::Passed,
        _ => Verdict::Failed,
    };
    let mut case = Case { seconds: Some(told.seconds), ..Case::new(&told.name, verdict) };
    if verdict == Verdict::Failed {
        let how = said.get(&told.name).filter(|how| *how != "Failed").map_or("", String::as_str);
        let why = if let Outcome::Skipped(why) = &told.outcome { why } else { "" };
        let text = [how, why, told.output.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        let at = told.output.lines().find_map(|line| place(line, root, home));
        case = case.says(if text.is_empty() { "it failed without a word" } else { &text }).at(at);
    }
    case
}

/// The first `file:line` in a line that is a source of this project.
fn place(line: &str, root: &Path, home: &Path) -> Option<String> {
    let ends = SOURCES.iter().flat_map(|ending| line.match_indices(ending).map(move |(at, _)| at + ending.len()));
    ends.filter_map(|end| {
        let rest = line[end..].strip_prefix([':', '('])?;
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let start = line[..end].rfind(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '(' | ':')).map_or(0, |at| at + 1);
        let file = home.join(&line[start..end]);
        (!number.is_empty() && file.starts_with(root) && file.is_file()).then(|| format!("{}:{number}", file.display()))
    })
    .next()
}

#[cfg(test)]
mod tests;
