//! What Maven and Gradle have in common: classes, the reports they write, and where classes lie.
//!
//! Invariant: only a report that this run wrote is read; what an earlier one left behind proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Session;
use super::case::{Case, Pick, Verdict};
use super::javascript::last_words;
use super::junit::{self, Outcome, TestCase};
use super::report::{State, Tested};
use crate::project::Package;
use crate::tool::process::Ended;

/// Endings of source files.
const SOURCES: &[&str] = &["java", "kt", "groovy", "scala"];

/// How deep below a build its modules' reports are looked for.
const DEPTH: usize = 10;

/// Folders in which no reports are.
const CLOSED: &[&str] = &["src", "node_modules", "classes", "test-classes", "generated-sources"];

/// The most compiler errors that are told.
const ERRORS: usize = 5;

/// What surefire says where tests were cut off, and then calls a success, since failures are to be told by the reports alone.
const CUT: &[&str] = &["There was a timeout", "The forked VM terminated without"];

/// What is chosen of a module: a class, perhaps one method of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Choice {
    /// The module's folder, relative to the build.
    pub(super) module: String,
    /// As the runtime names it: `demo.ATest$Inner`.
    pub(super) class: String,
    pub(super) method: Option<String>,
}

/// The report files there are, each with when it was written and how long it is.
pub(super) type Reports = BTreeMap<PathBuf, (SystemTime, u64)>;

/// The classes and methods that are picked; modules are the folders that hold one of these manifests.
pub(super) fn choices(session: &Session<'_>, package: &Package, picks: &[Pick], manifests: &[&str]) -> BTreeSet<Choice> {
    let home = session.root.join(&package.home);
    picks.iter().filter_map(|pick| choice(session.root, &home, pick, manifests)).collect()
}

fn choice(root: &Path, home: &Path, pick: &Pick, manifests: &[&str]) -> Option<Choice> {
    if pick.path.is_empty() {
        let id = pick.id.as_deref()?;
        let (module, test) = id.split_once(": ").filter(|(module, _)| !module.contains('#')).unwrap_or(("", id));
        let (class, method) = test.split_once('#')?;
        let method = plain(method);
        return Some(Choice { module: module.to_owned(), class: class.to_owned(), method: is_name(method).then(|| method.to_owned()) });
    }
    let file = root.join(&pick.path);
    let module =
        file.ancestors().skip(1).take_while(|dir| dir.starts_with(home)).find(|dir| manifests.iter().any(|name| dir.join(name).is_file()));
    let module = module.and_then(|dir| dir.strip_prefix(home).ok()).map(|dir| dir.display().to_string()).unwrap_or_default();
    let stem = file.file_stem()?.to_string_lossy().into_owned();
    let (classes, method) = match pick.name.as_slice() {
        [] => (stem, None),
        [method] => (stem, Some(method.clone())),
        [classes @ .., method] => (classes.join("$"), Some(method.clone())),
    };
    let text = fs::read_to_string(&file).unwrap_or_default();
    let class = declared(&text).map_or_else(|| classes.clone(), |package| format!("{package}.{classes}"));
    Some(Choice { module, class, method: method.map(|method| plain(&method).to_owned()).filter(|method| is_name(method)) })
}

/// The package a source file declares.
fn declared(text: &str) -> Option<&str> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("package "))?;
    Some(line.split(';').next().unwrap_or(line).trim())
}

/// A method's name without what a run adds to it: `pair` of `pair(int, int)[1]`, `pair{int}[1]`, `pair[1]`.
fn plain(method: &str) -> &str {
    method.split(['(', '{', '[']).next().unwrap_or(method).trim()
}

/// Whether a runner can be asked for it; Kotlin and Spock have names with spaces.
fn is_name(method: &str) -> bool {
    !method.is_empty() && method.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
}

/// The report files below a build that lie in folders `in_folder` says yes to.
pub(super) fn reports(home: &Path, in_folder: fn(&Path) -> bool) -> Reports {
    let mut found = Reports::new();
    gather(home, DEPTH, in_folder, &mut found);
    found
}

fn gather(dir: &Path, depth: usize, in_folder: fn(&Path) -> bool, found: &mut Reports) {
    // What cannot be read holds no report we could read either.
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 && !name.starts_with('.') && !CLOSED.contains(&name.as_str()) {
            gather(&path, depth - 1, in_folder, found);
        } else if kind.is_file()
            && name.starts_with("TEST-")
            && name.ends_with(".xml")
            && in_folder(dir)
            && let Ok(about) = entry.metadata()
            && let Ok(written) = about.modified()
        {
            found.insert(path, (written, about.len()));
        }
    }
}

/// The cases of the reports that are new or were written anew; with what could not be read.
pub(super) fn cases(home: &Path, before: &Reports, after: &Reports) -> (Vec<Case>, Vec<String>) {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    let mut known: BTreeMap<String, u32> = BTreeMap::new();
    for path in after.iter().filter(|(path, about)| before.get(*path) != Some(about)).map(|(path, _)| path) {
        let document = junit::read_file(path);
        problems.extend(document.problem.map(|problem| format!("{}: {problem}", path.display())));
        let mut module = Module::of(home, path);
        for told in document.cases {
            let mut case = module.case(&told);
            let count = known.entry(case.id.clone()).or_default();
            *count += 1;
            if *count > 1 {
                case.id = format!("{} ({count})", case.id);
            }
            cases.push(case);
        }
    }
    (cases, problems)
}

/// A module, as far as its sources are looked up.
struct Module {
    /// Relative to the build.
    dir: String,
    home: PathBuf,
    /// Folders of sources: `src/test/java`.
    sources: Vec<PathBuf>,
    known: BTreeMap<String, Option<String>>,
}

impl Module {
    /// The module a report belongs to: the nearest folder above it that has sources.
    fn of(home: &Path, report: &Path) -> Self {
        let above = report.ancestors().skip(1).take_while(|dir| dir.starts_with(home));
        let at = above.into_iter().find(|dir| dir.join("src").is_dir()).unwrap_or(home).to_owned();
        let dir = at.strip_prefix(home).map(|dir| dir.display().to_string()).unwrap_or_default();
        Self { sources: sources(&at), dir, home: home.to_owned(), known: BTreeMap::new() }
    }

    fn case(&mut self, told: &TestCase) -> Case {
        let module = if self.dir.is_empty() { String::new() } else { format!("{}: ", self.dir) };
        let verdict = match told.outcome {
            Outcome::Passed => Verdict::Passed,
            Outcome::Failed { .. } => Verdict::Failed,
            Outcome::Skipped(_) => Verdict::Skipped,
        };
        let mut case = Case::new(&format!("{module}{}#{}", told.class, told.name), verdict);
        if let Outcome::Failed { kind, message, text } = &told.outcome {
            case = case.says(if message.is_empty() { if text.is_empty() { kind } else { text } } else { message }).at(self.place(text));
        }
        let classes = told.class.rsplit('.').next().unwrap_or_default().split('$').map(str::to_owned);
        // Where a display name stands alone, it is all there is.
        let name = Some(plain(&told.name)).filter(|name| !name.is_empty()).unwrap_or(&told.name).to_owned();
        case.name = classes.chain([name]).collect();
        case.path = self.file(&told.class);
        case.seconds = Some(told.seconds);
        case
    }

    /// The source file of a class, relative to the build.
    fn file(&mut self, class: &str) -> Option<String> {
        let outer = class.split('$').next().unwrap_or(class).replace('.', "/");
        self.source(&outer, None)
    }

    /// The source file at `demo/ATest`, by that name and one of the endings or by the name it is said to have.
    fn source(&mut self, outer: &str, named: Option<&str>) -> Option<String> {
        let key = format!("{outer}:{}", named.unwrap_or_default());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let candidates: Vec<String> = match named {
            Some(file) => vec![outer.rsplit_once('/').map_or_else(|| file.to_owned(), |(dir, _)| format!("{dir}/{file}"))],
            None => SOURCES.iter().map(|ending| format!("{outer}.{ending}")).collect(),
        };
        let mut paths = self.sources.iter().flat_map(|dir| candidates.iter().map(move |candidate| dir.join(candidate)));
        let found =
            paths.find(|path| path.is_file()).and_then(|path| path.strip_prefix(&self.home).ok().map(|path| path.display().to_string()));
        self.known.insert(key, found.clone());
        found
    }

    /// The first place of a stack that is in the module's own sources: `at demo.ATest.fails(ATest.java:9)`.
    fn place(&mut self, stack: &str) -> Option<String> {
        for line in stack.lines() {
            let Some((method, place)) = line.trim().strip_prefix("at ").and_then(|at| at.strip_suffix(')')?.split_once('(')) else {
                continue;
            };
            let (Some((file, number)), Some((class, _))) = (place.rsplit_once(':'), method.rsplit_once('.')) else { continue };
            let class = class.rsplit('/').next().unwrap_or(class).split('$').next().unwrap_or(class);
            if number.parse::<u32>().is_ok()
                && let Some(path) = self.source(&class.replace('.', "/"), Some(file))
            {
                return Some(format!("{path}:{number}"));
            }
        }
        None
    }
}

/// The folders `src/SET/LANGUAGE` of a module.
fn sources(module: &Path) -> Vec<PathBuf> {
    let below = |dir: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let mut found: Vec<PathBuf> = below(&module.join("src")).iter().flat_map(|set| below(set)).collect();
    found.sort();
    found
}

/// What a build came to, by how it ended and by the reports before and after it.
pub(super) fn tested(package: &Package, home: &Path, ended: &Ended, (before, after): (&Reports, &Reports)) -> Tested {
    let mut tested = Tested::new(package, State::Passed, "");
    let (cases, problems) = cases(home, before, after);
    tested.seconds = cases.iter().filter_map(|case| case.seconds).sum();
    tested.cases = cases;
    let errors = if ended.code == Some(0) { vec![] } else { compiler_errors(&ended.output, home) };
    if !errors.is_empty() && tested.cases.is_empty() {
        tested.state = State::BuildFailed;
        tested.note = "it does not compile; nothing of it was run".into();
        tested.cases = errors;
        return tested;
    }
    tested.cases.extend(errors);
    if !problems.is_empty() {
        tested.cases.push(Case::new("(a report that cannot be read)", Verdict::Failed).says(&problems.join("\n")));
    }
    if let Some(line) = ended.output.lines().find(|line| CUT.iter().any(|words| line.contains(words))) {
        tested.cases.push(Case::new("(the runner)", Verdict::Failed).says(line));
    }
    tested.conclude(ended, &said(&ended.output));
    if tested.state == State::Passed && tested.cases.is_empty() {
        tested.state = State::NotRun;
        tested.note = "the build ended well, but told of no test: none was run".into();
    }
    tested
}

/// What a build says of its failing, without the advice that follows.
fn said(output: &str) -> String {
    let lines: Vec<&str> =
        output.lines().map(|line| line.strip_prefix("[ERROR] ").unwrap_or(line)).filter(|line| !line.trim().is_empty()).collect();
    let wrong = lines
        .iter()
        .position(|line| line.contains("What went wrong:") || line.starts_with("Failed to execute") || line.contains("rror resolving"));
    wrong.map_or_else(|| last_words(output), |at| lines[at..].iter().take(8).copied().collect::<Vec<_>>().join("\n"))
}

/// The compiler's errors, each as a failing case named `build`: `[ERROR] /p/A.java:[3,27] cannot find`, `/p/A.java:3: error: cannot find`.
pub(super) fn compiler_errors(output: &str, home: &Path) -> Vec<Case> {
    let error = |line: &str| {
        let line = line.strip_prefix("[ERROR] ").or_else(|| line.strip_prefix("e: ")).unwrap_or(line);
        let line = line.strip_prefix("file://").unwrap_or(line);
        let ending = SOURCES.iter().find_map(|ending| line.find(&format!(".{ending}:")).map(|at| at + ending.len() + 1))?;
        let (file, rest) = line.split_at(ending);
        let rest = rest.trim_start_matches(':').trim_start_matches('[');
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, message) = rest.split_at(digits);
        number.parse::<u32>().ok()?;
        let path = Path::new(file).strip_prefix(home).ok()?.display().to_string();
        let message = message.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | ']' | ':' | ' '));
        let message = message.strip_prefix("error: ").unwrap_or(message);
        Some((format!("{path}:{number}"), message.to_owned()))
    };
    let mut seen = BTreeSet::new();
    let errors =
        output.lines().filter_map(error).filter(|error| !error.1.starts_with("warning") && seen.insert(error.clone())).take(ERRORS);
    errors.zip(1..).map(|((place, message), number)| Case::new(&id(number), Verdict::Failed).says(&message).at(Some(place))).collect()
}

fn id(number: u32) -> String {
    if number == 1 { "build".to_owned() } else { format!("build ({number})") }
}

#[cfg(test)]
mod tests;
