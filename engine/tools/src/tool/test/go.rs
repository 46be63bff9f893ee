//! go's tests, by `go test -json`.
//!
//! Tests are chosen by their top function; what a function tests within it always runs with it.
//!
//! Invariant: a test that began and did not end never counts as passed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::case::{Case, Pick, Verdict, Wanted};
use super::javascript::last_words;
use super::report::{State, Tested};
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;
use crate::tool::process::Ended;

const MISSING: &str = "go is not installed; get it from https://go.dev/dl";

/// The longest pattern that is given to go, in bytes; where more is wanted, whole packages are run.
const PATTERN: usize = 32 * 1024;

/// Beginnings of functions that `-run` chooses.
const RUN: &[&str] = &["Test", "Example", "Fuzz"];

/// A line of `go test -json`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Event {
    action: String,
    package: String,
    import_path: String,
    test: String,
    output: String,
    elapsed: Option<f64>,
}

/// What one package of go's or one test of it said so far.
#[derive(Default)]
struct Said {
    verdict: Option<Verdict>,
    seconds: Option<f64>,
    output: String,
}

/// What go said of the packages it was to test.
#[derive(Default)]
struct Told {
    /// By package and test, in the order they began; a package itself has no test.
    said: BTreeMap<(String, String), Said>,
    order: Vec<(String, String)>,
    /// What the compiler said, by package.
    builds: BTreeMap<String, String>,
    /// The packages that do not build.
    unbuilt: BTreeSet<String>,
}

/// The folders to test, relative to the module, each with its functions; all of them where there is none named.
type Choice = BTreeMap<String, Option<BTreeSet<String>>>;

/// Tests one module.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    let first = match wanted {
        Wanted::List => return list(session, package),
        Wanted::All => start(session, package, &["./...".to_owned()], None)?,
        Wanted::Only(picks) => return only(session, package, picks),
    };
    let Some(ended) = first else { return Ok(Tested::new(package, State::Missing, MISSING)) };
    Ok(tested(session, package, &[ended]))
}

fn only(session: &Session<'_>, package: &Package, picks: &[Pick]) -> Result<Tested, Fault> {
    let choice = choice(package, picks);
    let (named, whole): (Vec<_>, Vec<_>) = choice.iter().partition(|(_, names)| names.is_some());
    let names: BTreeSet<&str> =
        named.iter().flat_map(|(_, names)| names.iter().flat_map(|names| names.iter().map(String::as_str))).collect();
    let pattern = format!("^({})$", names.into_iter().collect::<Vec<_>>().join("|"));
    let folders = |of: &[(&String, &Option<BTreeSet<String>>)]| of.iter().map(|(dir, _)| seen(dir)).collect::<Vec<_>>();
    let mut ends = Vec::new();
    for (dirs, pattern) in [(folders(&named), Some(pattern.as_str()).filter(|pattern| pattern.len() <= PATTERN)), (folders(&whole), None)] {
        if dirs.is_empty() || session.is_over() {
            continue;
        }
        let Some(ended) = start(session, package, &dirs, pattern)? else { return Ok(Tested::new(package, State::Missing, MISSING)) };
        ends.push(ended);
    }
    let mut tested = tested(session, package, &ends);
    let lost = lost(package, picks, &choice, &tested);
    if !lost.is_empty() && tested.state != State::NotFinished && !session.is_over() {
        ends.extend(start(session, package, &lost, None)?);
        tested = self::tested(session, package, &ends);
    }
    if ends.is_empty() && !picks.is_empty() {
        tested.unfinished();
    }
    Ok(tested)
}

/// Runs go; nothing where it is not installed. Results that go remembers are no runs.
fn start(session: &Session<'_>, package: &Package, folders: &[String], pattern: Option<&str>) -> Result<Option<Ended>, Fault> {
    let pattern = pattern.into_iter().flat_map(|pattern| ["-run", pattern]);
    let words = ["-json", "-count=1"].into_iter().chain(pattern).map(str::to_owned);
    // The command without its folders: what else it says, a person may have said.
    let command = package.command.iter().filter(|word| !word.starts_with("./")).cloned();
    Ok(match session.start(&package.home, command.chain(words).chain(folders.iter().cloned()).collect())? {
        Run::Missing => None,
        Run::Ended(ended) => Some(ended),
    })
}

fn choice(package: &Package, picks: &[Pick]) -> Choice {
    let mut choice = Choice::new();
    for pick in picks {
        let (dir, name) = chosen(package, pick);
        let runs =
            name.filter(|name| RUN.iter().any(|start| name.starts_with(start)) && name.chars().all(|c| c.is_alphanumeric() || c == '_'));
        match (choice.entry(dir).or_insert_with(|| Some(BTreeSet::new())), runs) {
            (Some(names), Some(name)) => drop(names.insert(name)),
            (whole, None) => *whole = None,
            (None, _) => {}
        }
    }
    choice
}

/// The folder of a test, relative to the module, and its function.
fn chosen(package: &Package, pick: &Pick) -> (String, Option<String>) {
    if pick.path.is_empty() {
        let (import, test) = pick.id.as_deref().unwrap_or_default().split_once(' ').unwrap_or_default();
        return (folder(package, import).to_owned(), test.split('/').next().map(str::to_owned));
    }
    let inside = pick.path.strip_prefix(&package.home).unwrap_or(&pick.path).trim_start_matches('/');
    (inside.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned(), pick.name.first().cloned())
}

/// The folder of a package, relative to the module.
fn folder<'a>(package: &Package, import: &'a str) -> &'a str {
    import.strip_prefix(&package.name).unwrap_or(import).trim_start_matches('/')
}

fn seen(dir: &str) -> String {
    if dir.is_empty() { ".".to_owned() } else { format!("./{dir}") }
}

/// The folders where something that was wanted by name did not come: it is run within something of another name.
fn lost(package: &Package, picks: &[Pick], choice: &Choice, tested: &Tested) -> Vec<String> {
    let came = |dir: &str, name: &str| {
        let fits = |case: &Case| {
            let import = case.id.split(' ').next().unwrap_or_default();
            folder(package, import) == dir && case.name.first().is_none_or(|first| first == name)
        };
        tested.cases.iter().any(fits)
    };
    let chosen = picks.iter().map(|pick| chosen(package, pick)).filter(|(dir, _)| choice.get(dir).is_some_and(Option::is_some));
    let lost: BTreeSet<String> =
        chosen.filter(|(dir, name)| name.as_ref().is_some_and(|name| !came(dir, name))).map(|(dir, _)| seen(&dir)).collect();
    lost.into_iter().collect()
}

fn tested(session: &Session<'_>, package: &Package, ends: &[Ended]) -> Tested {
    let mut tested = Tested::new(package, State::Passed, "");
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut files = Files { home: session.root.join(&package.home), known: BTreeMap::new() };
    for ended in ends {
        for case in told(&ended.output).cases(package, &mut files, ended.overdue, session.root) {
            if !cases.contains_key(&case.id) {
                order.push(case.id.clone());
            }
            cases.insert(case.id.clone(), case);
        }
    }
    tested.cases = order.iter().filter_map(|id| cases.remove(id)).collect();
    tested.seconds = tested.cases.iter().filter(|case| case.name.len() == 1).filter_map(|case| case.seconds).sum();
    if !tested.cases.is_empty() && tested.cases.iter().all(|case| case.name.is_empty()) {
        tested.state = State::BuildFailed;
        tested.note = "it does not compile; nothing of it was run".into();
        return tested;
    }
    for ended in ends {
        tested.conclude(ended, &last_words(&plain(&ended.output)));
        if tested.state == State::Passed && told(&ended.output).order.is_empty() {
            tested.state = State::NotFinished;
            tested.note = format!("it ended well and did not tell of any package:\n{}", last_words(&plain(&ended.output)));
        }
    }
    tested
}

/// What go said beside its events.
fn plain(output: &str) -> String {
    output.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n")
}

/// Reads the events, and between them what the compiler says: as lines of its own, since go 1.24 as events.
fn told(output: &str) -> Told {
    let mut told = Told::default();
    let mut building: Option<String> = None;
    for line in output.lines() {
        if line.starts_with('{')
            && let Ok(event) = serde_json::from_str::<Event>(line)
        {
            told.take(event);
        } else if let Some(heading) = line.strip_prefix("# ") {
            building = Some(heading.split(' ').next().unwrap_or(heading).to_owned());
        } else if let Some(import) = unbuilt(line) {
            told.unbuilt.insert(import.to_owned());
        } else if let Some(package) = &building {
            let text = told.builds.entry(package.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }
    told
}

/// The package that a line says does not build: `FAIL\tdemo/sub [build failed]`.
fn unbuilt(line: &str) -> Option<&str> {
    line.strip_prefix("FAIL\t").filter(|line| line.ends_with(" failed]"))?.split([' ', '\t']).next()
}

impl Told {
    fn take(&mut self, event: Event) {
        let verdict = match event.action.as_str() {
            "pass" => Some(Verdict::Passed),
            "fail" => Some(Verdict::Failed),
            "skip" => Some(Verdict::Skipped),
            "build-output" => {
                let package = event.import_path.split(' ').next().unwrap_or_default().to_owned();
                let heading = event.output.starts_with("# ");
                return self.builds.entry(package).or_default().push_str(if heading { "" } else { &event.output });
            }
            "bench" | "start" | "build-fail" => return,
            _ => None,
        };
        if event.test.is_empty() && event.output.contains(" failed]\n") {
            self.unbuilt.insert(event.package.clone());
        }
        let key = (event.package, event.test);
        if !self.said.contains_key(&key) {
            self.order.push(key.clone());
        }
        let said = self.said.entry(key).or_default();
        said.output.push_str(&event.output);
        if verdict.is_some() {
            (said.verdict, said.seconds) = (verdict, event.elapsed);
        }
    }

    fn cases(&self, package: &Package, files: &mut Files, overdue: bool, root: &Path) -> Vec<Case> {
        let tests = self.order.iter().filter(|(_, test)| !test.is_empty());
        let mut cases: Vec<Case> = tests.map(|key| self.case(package, files, key, overdue, root)).collect();
        cases.extend(self.unbuilt.iter().map(|import| {
            let text = self.builds.get(import).map_or("it does not build", String::as_str);
            Case::new(&format!("{import} (build)"), Verdict::Failed).says(text).at(text.lines().find_map(compiler))
        }));
        cases
    }

    fn case(&self, package: &Package, files: &mut Files, key: &(String, String), overdue: bool, root: &Path) -> Case {
        let (import, test) = key;
        let said = &self.said[key];
        // Where its package has ended, a test that has not has ended it.
        let otherwise = if overdue { Verdict::NotRun } else { Verdict::Failed };
        let verdict = said.verdict.unwrap_or(otherwise);
        let name: Vec<String> = test.split('/').map(str::to_owned).collect();
        let dir = folder(package, import);
        let found = files.find(dir, &name);
        let mut case = Case::new(&format!("{import} {test}"), verdict);
        if verdict == Verdict::Failed {
            let mut text = words(&said.output);
            if said.verdict.is_none() {
                let whole = self.said.get(&(import.clone(), String::new())).map_or("", |whole| whole.output.as_str());
                text = format!("it ended the whole test binary\n{text}\n{}", words(whole));
            }
            case = case.says(if text.trim().is_empty() { "something tested within it failed" } else { &text }).at(place(
                &said.output,
                dir,
                root,
            ));
        }
        (case.path, case.line) = found.unzip();
        Case { name, seconds: said.seconds, ..case }
    }
}

/// What a test itself said, without go's own lines.
fn words(output: &str) -> String {
    let own = |line: &&str| !line.starts_with("=== ") && !line.trim_start().starts_with("--- ");
    output.lines().filter(own).collect::<Vec<_>>().join("\n")
}

/// Where a test says that it failed, relative to the module; of a panic the nearest place that is the project's own.
fn place(output: &str, dir: &str, root: &Path) -> Option<String> {
    let frame = |line: &str| {
        let place = line.strip_prefix('\t')?.split(" +0x").next()?;
        let (file, number) = place.rsplit_once(':')?;
        number.parse::<u32>().ok()?;
        Path::new(file).starts_with(root).then(|| place.to_owned())
    };
    if output.contains("panic: ") {
        return output.lines().find_map(frame);
    }
    let said = |line: &str| {
        let (file, rest) = line.trim_start().split_once(".go:")?;
        let number: u32 = rest.split(':').next()?.parse().ok()?;
        let plain = !file.is_empty() && !file.contains(char::is_whitespace) && line.starts_with(' ');
        plain
            .then(|| if dir.is_empty() || file.contains('/') { format!("{file}.go:{number}") } else { format!("{dir}/{file}.go:{number}") })
    };
    output.lines().find_map(said)
}

/// The place of `sub/a_test.go:5:32: undefined: x`, relative to the module.
fn compiler(line: &str) -> Option<String> {
    let (file, rest) = line.trim_start_matches("vet: ").trim_start_matches("./").split_once(".go:")?;
    let number: u32 = rest.split(':').next()?.parse().ok()?;
    Some(format!("{file}.go:{number}"))
}

/// Which file and line a test function is at, by folder.
struct Files {
    home: std::path::PathBuf,
    known: BTreeMap<String, BTreeMap<String, (String, u32)>>,
}

impl Files {
    /// The place of the innermost function that the names of a test lead to: of a suite its method.
    fn find(&mut self, dir: &str, name: &[String]) -> Option<(String, u32)> {
        let home = &self.home;
        let known = self.known.entry(dir.to_owned()).or_insert_with(|| functions(home, dir));
        let method = name.get(1).and_then(|method| known.get(&format!(".{method}")));
        method.or_else(|| known.get(name.first()?)).cloned()
    }
}

/// The functions of a folder's test files; methods with a dot before them.
fn functions(home: &Path, dir: &str) -> BTreeMap<String, (String, u32)> {
    let mut found = BTreeMap::new();
    // A folder or file that cannot be read has no tests we could place; go's own words about it are told.
    for entry in fs::read_dir(home.join(dir)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with("_test.go") {
            continue;
        }
        let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(function) = function(line) {
                found.entry(function).or_insert_with(|| (path.clone(), number));
            }
        }
    }
    found
}

/// `TestA` of `func TestA(t *testing.T) {`, `.TestA` of `func (s *Suite) TestA() {`.
fn function(line: &str) -> Option<String> {
    let rest = line.strip_prefix("func ")?;
    let (dot, rest) = match rest.strip_prefix('(') {
        Some(receiver) => (".", receiver.split_once(") ")?.1),
        None => ("", rest),
    };
    let name = rest.split('(').next()?.trim();
    RUN.iter().any(|start| name.starts_with(start)).then(|| format!("{dot}{name}"))
}

fn list(session: &Session<'_>, package: &Package) -> Result<Tested, Fault> {
    let argv = ["go", "test", "-list", ".", "./..."].map(str::to_owned).to_vec();
    let Run::Ended(ended) = session.start(&package.home, argv)? else { return Ok(Tested::new(package, State::Missing, MISSING)) };
    let mut tested = Tested::new(package, State::Listed, "");
    let mut files = Files { home: session.root.join(&package.home), known: BTreeMap::new() };
    let mut names: Vec<&str> = Vec::new();
    for line in ended.output.lines() {
        if let Some(import) = line.strip_prefix("ok  \t").and_then(|line| line.split('\t').next()) {
            tested.cases.extend(names.drain(..).map(|name| named(package, &mut files, import, name)));
        } else if RUN.iter().any(|start| line.starts_with(start)) && !line.contains(char::is_whitespace) {
            names.push(line);
        } else if let Some(import) = unbuilt(line) {
            // It is chosen as what is not known is, and running it tells why it does not build.
            tested.cases.push(Case::new(&format!("{import} (build)"), Verdict::Failed).says("it does not build"));
        }
    }
    if ended.overdue || (ended.code != Some(0) && tested.cases.is_empty()) {
        tested.state = State::Unlisted;
    }
    if ended.code != Some(0) {
        tested.note = format!("not everything could be listed:\n{}", last_words(&ended.output));
    }
    Ok(tested)
}

fn named(package: &Package, files: &mut Files, import: &str, name: &str) -> Case {
    let names = vec![name.to_owned()];
    let (path, line) = files.find(folder(package, import), &names).unzip();
    Case { name: names, path, line, ..Case::new(&format!("{import} {name}"), Verdict::Listed) }
}

#[cfg(test)]
mod tests;
