//! Cargo's tests, by its own harness or by nextest.
//!
//! The build comes first: it tells which binaries of tests there are, and what does not compile.

mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::case::{Case, Pick, Verdict, Wanted};
use super::libtest::{self, Section};
use super::nextest;
use super::report::{State, Tested};
use super::{GIVE_MORE, Run, Session};
use crate::project::{Package, Runner, is_below};
use crate::tool::Fault;
use crate::tool::process::Ended;
use targets::{Kind, Sources, Target};

const NO_CARGO: &str = "cargo is not installed; get it from https://rustup.rs";

/// The most compiler errors that are told.
const ERRORS: usize = 5;

/// The most lines of a runner's own words that are told.
const SAID: usize = 12;

/// The most bytes of tests' names in one command; the system refuses commands of more than some two million.
const NAMES: usize = 256 * 1024;

/// Options of a command that are left out, beside those that name a package.
const OURS: &[&str] = &["--no-fail-fast", "--no-run", "--workspace", "--all"];

/// Options that say what is built; those of the second list have a value.
const BUILD: &[&str] = &["--all-features", "--no-default-features", "--release", "--locked", "--offline", "--frozen"];
const VALUED: &[&str] = &["--features", "-F", "--target", "--config"];

/// Tests packages of one workspace. Cargo may write a lock file; it is put back as it was, since testing changes nothing.
pub(super) fn test(session: &Session<'_>, group: &[&Package], wanted: &Wanted<'_>) -> Result<Vec<Tested>, Fault> {
    let lock = session.root.join(&group[0].home).join("Cargo.lock");
    let before = fs::read(&lock).ok();
    let tested = build_and_run(session, group, wanted);
    let restored = match before {
        Some(before) if fs::read(&lock).ok().as_ref() != Some(&before) => fs::write(&lock, before),
        None if lock.exists() => fs::remove_file(&lock),
        _ => Ok(()),
    };
    restored.map_err(|e| Fault::Broken(format!("put {} back: {e}", lock.display())))?;
    tested
}

fn build_and_run(session: &Session<'_>, group: &[&Package], wanted: &Wanted<'_>) -> Result<Vec<Tested>, Fault> {
    let Run::Ended(build) = session.start(&group[0].home, argv(session, &["test", "--no-run", "--message-format=json"], group))? else {
        return Ok(Tested::all(group, State::Missing, NO_CARGO));
    };
    if build.overdue {
        return Ok(Tested::all(group, State::NotFinished, &format!("the budget ended while it was built; {GIVE_MORE}")));
    }
    if build.code == Some(0) {
        let mut targets = targets::targets(&build.output, session, group);
        if group[0].runner == Runner::Nextest {
            // Nextest runs no documentation, and asks of every other target that it can be listed.
            targets.retain(|target| target.kind != Kind::Documentation);
            targets.iter_mut().for_each(|target| target.harness = true);
        }
        return Work { session, group, targets: &targets }.does(wanted);
    }
    if group.len() == 1 {
        return Ok(vec![unbuilt(group[0], &build)]);
    }
    // One that does not build must not keep the others from being tested.
    let alone = |package: &&Package| match session.is_over() {
        true => Ok(Tested::all(&[package], State::NotRun, "the budget had ended")),
        false => build_and_run(session, &[package], wanted),
    };
    Ok(group.iter().map(alone).collect::<Result<Vec<_>, _>>()?.concat())
}

fn argv(session: &Session<'_>, words: &[&str], group: &[&Package]) -> Vec<String> {
    let packages = group.iter().flat_map(|package| ["-p".to_owned(), spec(session.root, package)]);
    let command = &group[0].command;
    let own = options(command);
    let own = if group[0].runner == Runner::Nextest && words[0] == "test" { of_build(&own) } else { own };
    command[..verb(command)].iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).chain(packages).chain(own).collect()
}

/// Where the verb of a command such as `cargo +nightly nextest run --all-features` stands; its end where there is none.
fn verb(command: &[String]) -> usize {
    command.iter().position(|word| ["test", "nextest"].contains(&word.as_str())).unwrap_or(command.len())
}

/// The options of a command, without what is said here where it is needed: cargo takes some of it only once.
pub(super) fn options(command: &[String]) -> Vec<String> {
    let words = command.get(verb(command) + 1..).unwrap_or_default();
    let mut words = words.strip_prefix(&["run".to_owned()]).unwrap_or(words).iter();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if ["-p", "--package"].contains(&word.as_str()) {
            words.next();
        } else if !OURS.contains(&word.as_str()) && !word.starts_with("--package=") {
            kept.push(word.clone());
        }
    }
    kept
}

/// Those of nextest's options that cargo knows too, and that say what is built.
fn of_build(options: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut options = options.iter().peekable();
    while let Some(option) = options.next() {
        let (name, value) = option.split_once('=').map_or((option.as_str(), None), |(name, value)| (name, Some(value)));
        if BUILD.contains(&name) {
            kept.push(option.clone());
        } else if VALUED.contains(&name) {
            kept.push(option.clone());
            kept.extend(options.next_if(|_| value.is_none()).cloned());
        }
    }
    kept
}

/// The package as cargo tells it from another of its name among the dependencies: by where it lies.
fn spec(root: &Path, package: &Package) -> String {
    let dir = if package.dir.is_empty() { root.to_owned() } else { root.join(&package.dir) };
    // What would end the path of a URL; cargo encodes the rest itself.
    let path = dir.to_string_lossy().replace('%', "%25").replace('#', "%23").replace('?', "%3F").replace('\\', "%5C");
    // Without "path+" before it, since older versions of cargo know it so only.
    format!("file://{path}#{}", package.name)
}

/// The JSON lines of cargo's output, by their reason.
fn messages<'a>(output: &'a str, reason: &'a str) -> impl Iterator<Item = Value> + 'a {
    let parsed = output.lines().filter(|line| line.starts_with('{')).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(move |message| message["reason"] == reason)
}

/// A package that did not build, with the compiler's first errors.
fn unbuilt(package: &Package, build: &Ended) -> Tested {
    let mut tested = Tested::new(package, State::BuildFailed, "");
    let mut errors =
        messages(&build.output, "compiler-message").map(|message| message["message"].clone()).filter(|message| message["level"] == "error");
    // A library is compiled with and without its tests: the same error comes twice.
    while let Some(message) = (tested.cases.len() < ERRORS).then(|| errors.next()).flatten() {
        let error = Case::new("build", Verdict::Failed).at(place(&message)).says(message["rendered"].as_str().unwrap_or_default());
        if error.place.is_some() && !tested.cases.contains(&error) {
            tested.cases.push(error);
        }
    }
    tested.note = match tested.cases.is_empty() {
        false => "it does not compile; nothing of it was run".into(),
        true => said(&build.output),
    };
    tested
}

fn place(message: &Value) -> Option<String> {
    let span = message["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
    Some(format!("{}:{}", span["file_name"].as_str()?, span["line_start"].as_u64()?))
}

/// The words of a runner that are for people: from its first error on, or the last of them where it tells none.
fn said(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.starts_with('{') && !line.trim().is_empty()).collect();
    let first = lines.iter().position(|line| line.starts_with("error"));
    let start = first.unwrap_or(lines.len().saturating_sub(SAID));
    lines[start..].iter().take(SAID).copied().collect::<Vec<_>>().join("\n")
}

/// Packages that are built, and what is to be done with their tests.
struct Work<'a> {
    session: &'a Session<'a>,
    group: &'a [&'a Package],
    targets: &'a [Target],
}

impl Work<'_> {
    fn does(&self, wanted: &Wanted<'_>) -> Result<Vec<Tested>, Fault> {
        match (self.group[0].runner, wanted) {
            (Runner::Nextest, Wanted::All) => self.nextest(&[None]),
            (_, Wanted::All) => self.run(vec![self.argv(&["test", "--no-fail-fast"], &[])], self.targets),
            (_, Wanted::List) => self.list(),
            (runner, Wanted::Only(picks)) => self.only(runner, picks),
        }
    }

    fn argv(&self, words: &[&str], targets: &[&Target]) -> Vec<String> {
        let flags: BTreeSet<Vec<String>> = targets.iter().map(|target| target.flags()).collect();
        argv(self.session, words, self.group).into_iter().chain(flags.into_iter().flatten()).collect()
    }

    /// Runs these commands and adds up the sections of each package; `expected` are the targets that should end.
    fn run(&self, commands: Vec<Vec<String>>, expected: &[Target]) -> Result<Vec<Tested>, Fault> {
        let mut tested = Tested::all(self.group, State::Passed, "");
        let mut sources = Sources::new(self.session.root);
        let mut unfinished = BTreeSet::new();
        let mut slow: Vec<(String, String)> = Vec::new();
        for command in commands {
            let Run::Ended(ended) = self.session.start(&self.group[0].home, command)? else {
                return Ok(Tested::all(self.group, State::Missing, NO_CARGO));
            };
            let sections = libtest::sections(&ended.output);
            if ended.overdue {
                unfinished.extend(incomplete(expected, &sections));
            }
            for section in sections {
                let Some(target) = self.targets.iter().find(|target| target.binary == section.binary) else { continue };
                let Some(tested) = tested.iter_mut().find(|tested| tested.dir == target.dir) else { continue };
                let died = !section.ended && (section.failed || (target.harness && section.begun && !ended.overdue));
                slow.extend(section.slow.iter().map(|test| (target.dir.clone(), test.clone())));
                self.add(tested, section, target, died, &mut sources);
            }
            conclude(&mut tested, &ended);
        }
        for tested in tested.iter_mut().filter(|tested| unfinished.contains(&tested.dir)) {
            tested.unfinished();
            let running: Vec<&str> = slow.iter().filter(|(dir, _)| *dir == tested.dir).map(|(_, test)| test.as_str()).collect();
            tested.left(&running, 0);
        }
        Ok(tested)
    }

    /// Adds what a binary told; one that `died` ended before its tests did, with whatever code.
    fn add(&self, tested: &mut Tested, section: Section, target: &Target, died: bool, sources: &mut Sources<'_>) {
        tested.seconds += section.seconds;
        tested.unnamed += section.unnamed;
        if died {
            let name = section.binary.rsplit_once('-').map_or(section.binary.as_str(), |(name, _)| name);
            let how = if section.begun { "ended before its tests did" } else { "a harness of its own" };
            tested.cases.push(Case::new(&format!("{name} ({how})"), Verdict::Failed).says(&section.tail.join("\n")));
        } else if !target.harness && !section.begun {
            tested.cases.push(sources.alone(target, Verdict::Passed));
        }
        for mut case in section.cases {
            sources.settle(&mut case, target, &self.group[0].home);
            tested.cases.push(case);
        }
    }

    /// Names the tests of every target, by the harness's own list.
    fn list(&self) -> Result<Vec<Tested>, Fault> {
        let mut tested = Tested::all(self.group, State::Listed, "");
        let mut sources = Sources::new(self.session.root);
        let (documentation, code): (Vec<&Target>, Vec<&Target>) =
            self.targets.iter().filter(|target| target.harness).partition(|target| target.kind == Kind::Documentation);
        for targets in [code, documentation].iter().filter(|targets| !targets.is_empty()) {
            let mut command = self.argv(&["test"], targets);
            command.extend(["--", "--list", "--format", "terse"].map(str::to_owned));
            let Run::Ended(ended) = self.session.start(&self.group[0].home, command)? else {
                return Ok(Tested::all(self.group, State::Missing, NO_CARGO));
            };
            if ended.overdue || ended.code != Some(0) {
                // What cannot be named can still be run as a whole.
                return Ok(Tested::all(self.group, State::Unlisted, &said(&ended.output)));
            }
            for (binary, tests) in libtest::listed(&ended.output) {
                let Some(target) = targets.iter().find(|target| target.binary == binary) else { continue };
                let Some(tested) = tested.iter_mut().find(|tested| tested.dir == target.dir) else { continue };
                tested.cases.extend(tests.into_iter().map(|test| {
                    let mut case = Case::new(test, Verdict::Listed);
                    sources.settle(&mut case, target, &self.group[0].home);
                    case
                }));
            }
        }
        for target in self.targets.iter().filter(|target| !target.harness) {
            let of = tested.iter_mut().find(|tested| tested.dir == target.dir);
            of.into_iter().for_each(|tested| tested.cases.push(sources.alone(target, Verdict::Listed)));
        }
        Ok(tested)
    }

    /// Runs the tests of these ids; picks without one run the whole file they lie in, which is every target for all we know.
    fn only(&self, runner: Runner, picks: &[Pick]) -> Result<Vec<Tested>, Fault> {
        if picks.iter().any(|pick| pick.id.is_none()) {
            return self.does(&Wanted::All);
        }
        let chosen = |target: &Target| {
            let mine = picks.iter().filter(|pick| pick.path.is_empty() || is_below(&target.dir, &pick.path));
            let ids = mine.filter_map(|pick| pick.id.as_deref());
            ids.filter_map(|id| if id == target.alone() { Some(id) } else { target.test(id) }).collect()
        };
        let chosen: Vec<(&Target, Vec<&str>)> = self.targets.iter().map(|target| (target, chosen(target))).collect();
        let chosen: Vec<(&Target, Vec<&str>)> = chosen.into_iter().filter(|(_, tests)| !tests.is_empty()).collect();
        if runner == Runner::Nextest {
            let filters = nextest::filters(
                chosen
                    .iter()
                    .filter(|(target, _)| target.kind != Kind::Documentation)
                    .map(|(target, tests)| (target.binary_id(), &tests[..])),
            );
            return self.nextest(&filters.into_iter().map(Some).collect::<Vec<_>>());
        }
        let expected: Vec<Target> = chosen.iter().map(|(target, _)| (*target).clone()).collect();
        self.run(self.commands(&chosen), &expected)
    }

    /// The commands that run the chosen tests: those of code and those of documentation apart, since cargo takes only one of both.
    fn commands(&self, chosen: &[(&Target, Vec<&str>)]) -> Vec<Vec<String>> {
        let mut commands = Vec::new();
        for documentation in [false, true] {
            let of = chosen.iter().filter(|(target, _)| target.harness && (target.kind == Kind::Documentation) == documentation);
            let (targets, tests): (Vec<&Target>, Vec<&Vec<&str>>) = of.map(|(target, tests)| (*target, tests)).unzip();
            // Rustdoc cuts what it is given at white space, which every name of an example has: its file is as near as one gets.
            let name = |test: &'_ str| if documentation { test.find(" - ").map_or(test.len(), |at| at) } else { test.len() };
            let names: BTreeSet<&str> = tests.into_iter().flatten().map(|test| &test[..name(test)]).collect();
            for names in chunks(names.into_iter(), NAMES) {
                let mut command = self.argv(&["test", "--no-fail-fast"], &targets);
                command.push("--".to_owned());
                command.extend((!documentation).then(|| "--exact".to_owned()));
                command.extend(names.into_iter().map(str::to_owned));
                commands.push(command);
            }
        }
        let own: Vec<&Target> = chosen.iter().map(|(target, _)| *target).filter(|target| !target.harness).collect();
        commands.extend((!own.is_empty()).then(|| self.argv(&["test", "--no-fail-fast"], &own)));
        commands
    }

    /// Runs nextest once for each filter; without one, all of the group.
    fn nextest(&self, filters: &[Option<String>]) -> Result<Vec<Tested>, Fault> {
        let mut tested = Tested::all(self.group, State::Passed, "");
        let mut sources = Sources::new(self.session.root);
        for filter in filters {
            let mut command = self.argv(nextest::RUN, &[]);
            command.extend(filter.iter().flat_map(|filter| ["-E".to_owned(), filter.clone()]));
            let Run::Ended(ended) = self.session.start(&self.group[0].home, command)? else {
                return Ok(Tested::all(self.group, State::Missing, NO_CARGO));
            };
            for (binary, mut case) in nextest::cases(&ended.output) {
                let Some(target) = self.targets.iter().find(|target| target.binary_id() == binary) else {
                    continue;
                };
                let Some(tested) = tested.iter_mut().find(|tested| tested.dir == target.dir) else { continue };
                sources.settle(&mut case, target, &self.group[0].home);
                tested.seconds += case.seconds.unwrap_or_default();
                tested.cases.push(case);
            }
            conclude(&mut tested, &ended);
            if ended.overdue {
                tested.iter_mut().for_each(Tested::unfinished);
                break;
            }
        }
        for tested in &mut tested {
            // What one filter leaves out is told as skipped, and another may have run it.
            tested
                .cases
                .sort_by(|one, other| (&one.id, one.verdict == Verdict::Skipped).cmp(&(&other.id, other.verdict == Verdict::Skipped)));
            tested.cases.dedup_by(|other, one| one.id == other.id);
        }
        Ok(tested)
    }
}

/// The folders of the packages of which a binary did not come to its end.
fn incomplete(expected: &[Target], sections: &[Section]) -> Vec<String> {
    let ended = |target: &Target| sections.iter().any(|section| section.binary == target.binary && (section.ended || section.failed));
    expected.iter().filter(|target| target.kind != Kind::Documentation && !ended(target)).map(|target| target.dir.clone()).collect()
}

/// Sorts the cases, since tests end in any order and the report has one; settles what cannot be told from them.
fn conclude(tested: &mut [Tested], ended: &Ended) {
    for tested in tested.iter_mut() {
        tested.cases.sort_by(|one, other| one.id.cmp(&other.id));
        if tested.cases.iter().any(|case| case.verdict == Verdict::Failed) {
            tested.state = State::Failed;
        }
    }
    if !ended.overdue && tested.iter().all(|tested| tested.state == State::Passed) {
        tested[0].conclude(ended, &said(&ended.output));
    }
}

/// The names in parts of at most so many bytes each.
fn chunks<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> Vec<Vec<&'a str>> {
    let mut chunks: Vec<Vec<&str>> = Vec::new();
    let mut size = usize::MAX;
    for name in names {
        if size.saturating_add(name.len() + 1) > most {
            chunks.push(Vec::new());
            size = 0;
        }
        size += name.len() + 1;
        chunks.iter_mut().next_back().into_iter().for_each(|chunk| chunk.push(name));
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_thousand_names_fit_into_few_commands() {
        let names: Vec<String> = (0..20_000).map(|at| format!("a::module::with::a::name::tests::case_{at}")).collect();
        let chunks = chunks(names.iter().map(String::as_str), NAMES);
        assert_eq!((chunks.len(), chunks.concat().len()), (4, 20_000));
        assert!(chunks.iter().all(|chunk| chunk.iter().map(|name| name.len() + 1).sum::<usize>() <= NAMES));
    }
}
