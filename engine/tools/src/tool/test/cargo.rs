//! Cargo's tests, by its own harness or by nextest.
//!
//! The build comes first and tells, in JSON, which test binary belongs to which package: what the harness prints does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::libtest::{self, Section};
use super::nextest;
use super::report::{Failure, State, Tested};
use super::{GIVE_MORE, Run, Session};
use crate::project::{Package, Runner};
use crate::tool::Fault;
use crate::tool::process::Ended;

const NO_CARGO: &str = "cargo is not installed; get it from https://rustup.rs";

/// The most compiler errors that are told.
const ERRORS: usize = 5;

/// The most lines of a runner's own words that are told.
const SAID: usize = 12;

/// Which package each test binary belongs to, by the binary's file name.
type Owners = BTreeMap<String, String>;

/// Tests packages of one workspace. Cargo may write a lock file; it is put back as it was, since testing changes nothing.
pub(super) fn test(session: &Session<'_>, group: &[&Package]) -> Result<Vec<Tested>, Fault> {
    let lock = session.root.join(&group[0].home).join("Cargo.lock");
    let before = fs::read(&lock).ok();
    let tested = build_and_run(session, group);
    let restored = match before {
        Some(before) if fs::read(&lock).ok().as_ref() != Some(&before) => fs::write(&lock, before),
        None if lock.exists() => fs::remove_file(&lock),
        _ => Ok(()),
    };
    restored.map_err(|e| Fault::Broken(format!("put {} back: {e}", lock.display())))?;
    tested
}

fn build_and_run(session: &Session<'_>, group: &[&Package]) -> Result<Vec<Tested>, Fault> {
    let Run::Ended(build) = session.start(&group[0].home, argv(session, &["test", "--no-run", "--message-format=json"], group))? else {
        return Ok(Tested::all(group, State::Missing, NO_CARGO));
    };
    if build.overdue {
        return Ok(Tested::all(group, State::NotFinished, &format!("the budget ended while it was built; {GIVE_MORE}")));
    }
    if build.code == Some(0) {
        return execute(session, group, &owners(&build.output, session, group));
    }
    if group.len() == 1 {
        return Ok(vec![unbuilt(group[0], &build)]);
    }
    // One that does not build must not keep the others from being tested.
    let alone = |package: &&Package| match session.is_over() {
        true => Ok(Tested::all(&[package], State::NotRun, "the budget had ended")),
        false => build_and_run(session, &[package]),
    };
    Ok(group.iter().map(alone).collect::<Result<Vec<_>, _>>()?.concat())
}

fn argv(session: &Session<'_>, words: &[&str], group: &[&Package]) -> Vec<String> {
    let packages = group.iter().flat_map(|package| ["-p".to_owned(), spec(session.root, package)]);
    std::iter::once("cargo").chain(words.iter().copied()).map(str::to_owned).chain(packages).collect()
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

/// Those of the group alone: a dependency may have a crate of the same name.
fn owners(output: &str, session: &Session<'_>, group: &[&Package]) -> Owners {
    let mut owners = Owners::new();
    for message in messages(output, "compiler-artifact") {
        let Some(manifest) = message["manifest_path"].as_str() else { continue };
        let dir = manifest.trim_end_matches("/Cargo.toml");
        let dir = Path::new(dir).strip_prefix(session.root).map_or_else(|_| dir.to_owned(), |dir| dir.display().to_string());
        if group.iter().all(|package| package.dir != dir) {
            continue;
        }
        if let (true, Some(binary)) = (message["profile"]["test"] == true, message["executable"].as_str()) {
            owners.insert(binary.rsplit('/').next().unwrap_or(binary).to_owned(), dir);
        } else if let (true, Some(name)) = (message["target"]["doctest"] == true, message["target"]["name"].as_str()) {
            owners.insert(format!("doc:{}", name.replace('-', "_")), dir);
        }
    }
    owners
}

/// A package that did not build, with the compiler's first errors.
fn unbuilt(package: &Package, build: &Ended) -> Tested {
    let mut tested = Tested::new(package, State::BuildFailed, "");
    let mut errors =
        messages(&build.output, "compiler-message").map(|message| message["message"].clone()).filter(|message| message["level"] == "error");
    // A library is compiled with and without its tests: the same error comes twice.
    while let Some(message) = (tested.failures.len() < ERRORS).then(|| errors.next()).flatten() {
        let error = Failure::new("build", place(&message), message["rendered"].as_str().unwrap_or_default());
        if error.place.is_some() && !tested.failures.contains(&error) {
            tested.failures.push(error);
        }
    }
    tested.note = match tested.failures.is_empty() {
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

fn execute(session: &Session<'_>, group: &[&Package], owners: &Owners) -> Result<Vec<Tested>, Fault> {
    let words: &[&str] = match group[0].runner {
        Runner::Nextest => &["nextest", "run", "--no-fail-fast", "--no-tests=pass", "--color=never"],
        _ => &["test", "--no-fail-fast"],
    };
    let Run::Ended(ended) = session.start(&group[0].home, argv(session, words, group))? else {
        return Ok(Tested::all(group, State::Missing, NO_CARGO));
    };
    let mut tested = Tested::all(group, State::Passed, "");
    let unfinished = match group[0].runner {
        Runner::Nextest => by_nextest(&ended, &mut tested),
        _ => by_libtest(&ended, &mut tested, owners),
    };
    // Tests end in any order; the report has one.
    tested.iter_mut().for_each(|tested| tested.failures.sort_by(|one, other| one.test.cmp(&other.test)));
    if ended.overdue {
        for (tested, _) in tested.iter_mut().zip(&unfinished).filter(|(_, unfinished)| **unfinished) {
            tested.note = format!("the budget ended before all its tests were run; {GIVE_MORE}");
            tested.state = if tested.state == State::Failed { State::Failed } else { State::NotFinished };
        }
    } else if ended.code != Some(0) && tested.iter().all(|tested| tested.state == State::Passed) {
        // The runner says no and we do not see why: never call that passed.
        let message = said(&ended.output);
        tested[0].failed += 1;
        tested[0].fail(Failure::new("(the runner)", None, &message));
    }
    Ok(tested)
}

/// Adds up the sections of each package; says which packages have binaries that did not end.
fn by_libtest(ended: &Ended, tested: &mut [Tested], owners: &Owners) -> Vec<bool> {
    let sections = libtest::sections(&ended.output);
    let unfinished = |dir: &str| {
        let binaries = owners.iter().filter(|(binary, owner)| !binary.starts_with("doc:") && *owner == dir);
        binaries
            .map(|(binary, _)| binary)
            .any(|binary| !sections.iter().any(|section| section.binary == *binary && (section.ended || section.failed)))
    };
    let unfinished = tested.iter().map(|tested| unfinished(&tested.dir)).collect();
    for section in sections {
        let Some(tested) = owners.get(&section.binary).and_then(|dir| tested.iter_mut().find(|tested| tested.dir == *dir)) else {
            continue;
        };
        add(tested, section, ended.overdue);
    }
    unfinished
}

fn add(tested: &mut Tested, section: Section, overdue: bool) {
    tested.passed += section.counts[0];
    tested.failed += section.counts[1];
    tested.skipped += section.counts[2];
    tested.seconds += section.seconds;
    if section.failed && !section.ended {
        tested.failed += 1;
        let name = section.binary.rsplit_once('-').map_or(section.binary.as_str(), |(name, _)| name);
        let how = if section.begun { "ended before its tests did" } else { "a harness of its own" };
        tested.fail(Failure::new(&format!("{name} ({how})"), None, &section.tail.join("\n")));
    } else if overdue && !section.ended {
        tested.failed += section.failures.len() as u64;
    }
    section.failures.into_iter().for_each(|failure| tested.fail(failure));
}

/// Adds up nextest's lines; it does not say which packages it did not come to.
fn by_nextest(ended: &Ended, tested: &mut [Tested]) -> Vec<bool> {
    for outcome in nextest::outcomes(&ended.output) {
        let package = outcome.binary.split("::").next().unwrap_or_default();
        let Some(tested) = tested.iter_mut().find(|tested| tested.name == package) else { continue };
        tested.seconds += outcome.seconds;
        tested.passed += u64::from(outcome.passed);
        if let Some(failure) = outcome.failure {
            tested.failed += 1;
            tested.fail(failure);
        }
    }
    vec![true; tested.len()]
}
