//! Which tests are run: those that a change affects, those that a person names, or all.
//!
//! The runner's own list is matched with what is known about the code: exactly by file and name, or where the runner's file is another
//! (a module whose path was set, a test that is made in another file) by name alone, which may choose too many and never too few.
//!
//! Invariant: a test that the runner lists and that is not known to the code index is run.

mod named;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::case::{Case, Pick};
use super::report::Told;
use crate::project::{self, Package};
use crate::tool::Stop;
pub(super) use named::Named;

/// Why a test is run that is listed and not known.
const UNKNOWN: &str = "the code index does not know it";

/// What chooses tests.
pub(super) enum Selection {
    /// Nothing does: all are run.
    All,
    /// A change.
    Affected(Affected),
    /// A person.
    Named(Named),
}

/// What is to be done with the tests of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// All are run, for this reason where there is one.
    All(Option<String>),
    /// Some are run.
    Some,
    /// None is run, for this reason.
    None(String),
}

/// What the tool affected told, ready to be asked.
#[derive(Debug, Default)]
pub(super) struct Affected {
    told: Data,
    /// The tests that are affected, by file and name.
    exact: BTreeMap<(String, String), usize>,
    /// The same, by name alone.
    by_name: BTreeMap<String, usize>,
    /// Every known test, by file and name.
    known: BTreeSet<(String, String)>,
    /// Every known test, by name alone.
    names: BTreeSet<String>,
    /// The files that changed, and those of symbols that did.
    files: BTreeSet<String>,
}

/// The data of the tool affected.
#[derive(Debug, Default, Deserialize)]
struct Data {
    changed: Vec<Changed>,
    tests: Vec<AffectedTest>,
    widened: Vec<Widened>,
    #[serde(default)]
    known: usize,
    #[serde(default)]
    names: Vec<(String, Vec<String>)>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Changed {
    path: String,
    name: String,
    line: u32,
}

#[derive(Debug, Deserialize)]
struct AffectedTest {
    path: String,
    name: Vec<String>,
    line: u32,
    reason: String,
    causes: Vec<(usize, u32)>,
}

#[derive(Debug, Deserialize)]
struct Widened {
    file: String,
    scope: String,
    reason: String,
}

/// What a listed test is to the code index.
#[derive(Debug, PartialEq, Eq)]
enum Match {
    /// It is the affected test of this index.
    Affected(usize),
    /// It is known, and not affected.
    Known,
    /// It is not known.
    Unknown,
}

impl Affected {
    /// # Errors
    /// Says what the argument must be.
    pub(super) fn read(data: &Value) -> Result<Self, Stop> {
        let shape = |e: serde_json::Error| Stop::refused(format!("the argument \"affected\" must be the data of the tool affected: {e}"));
        let told: Data = Deserialize::deserialize(data).map_err(shape)?;
        let key = |path: &str, name: &[String]| (path.to_owned(), name.join("\n"));
        let exact = told.tests.iter().enumerate().map(|(at, test)| (key(&test.path, &test.name), at)).collect();
        let by_name = told.tests.iter().enumerate().map(|(at, test)| (test.name.join("\n"), at)).collect();
        let known = told.names.iter().map(|(path, name)| key(path, name)).collect();
        let names = told.names.iter().map(|(_, name)| name.join("\n")).collect();
        let files = told.files.iter().cloned().chain(told.changed.iter().map(|changed| changed.path.clone())).collect();
        Ok(Self { told, exact, by_name, known, names, files })
    }

    /// Puts what the report repeats into it.
    pub(super) fn tell(&self, told: &mut Told) {
        let changed = self.told.changed.iter();
        told.changed = changed.map(|one| serde_json::json!({ "path": one.path, "name": one.name, "line": one.line })).collect();
        told.widened = self.told.widened.iter().map(|one| [one.file.clone(), one.scope.clone(), one.reason.clone()]).collect();
        told.known = Some(self.told.known);
    }

    /// What else there is to say about how they were told apart.
    pub(super) fn notes(&self) -> &[String] {
        &self.told.notes
    }

    /// The packages that hold affected tests, by their place in the list.
    pub(super) fn owners(&self, packages: &[Package]) -> BTreeSet<usize> {
        let files: BTreeSet<&str> = self.told.tests.iter().map(|test| test.path.as_str()).collect();
        files.into_iter().flat_map(|file| project::owners(packages, file)).collect()
    }

    /// What is to be done with a package; `owns` says whether it holds affected tests, `changed` whether its own files changed.
    fn plan(&self, package: &Package, owns: bool, changed: bool) -> Plan {
        if let Some(widened) = self.told.widened.iter().find(|widened| project::is_below(&widened.scope, &package.dir)) {
            return Plan::All(Some(widened.why()));
        }
        let partly = self.told.widened.iter().any(|widened| project::is_below(&package.dir, &widened.scope));
        if owns || partly || changed { Plan::Some } else { Plan::None("no test of it reaches what changed".into()) }
    }

    /// Why a listed test is run; nothing if it is not.
    fn reason(&self, case: &Case) -> Option<String> {
        let path = case.path.as_deref();
        if let Some(widened) = self.told.widened.iter().find(|widened| path.is_none_or(|path| project::is_below(&widened.scope, path))) {
            return Some(widened.why());
        }
        if case.is_documentation() {
            let path = path.filter(|path| self.files.contains(*path))?;
            return Some(format!("{path} changed"));
        }
        match self.find(case) {
            Match::Affected(at) => Some(self.told.tests[at].reason.clone()),
            Match::Known => None,
            Match::Unknown => Some(UNKNOWN.to_owned()),
        }
    }

    /// What a test is to the code index: by its file and its name or what stands before a case's own part, then by name alone.
    fn find(&self, case: &Case) -> Match {
        let name: Vec<&str> = case.name.iter().map(|part| plain(part)).collect();
        if let Some(path) = &case.path {
            for length in (1..=name.len()).rev() {
                let key = (path.clone(), name[..length].join("\n"));
                if let Some(at) = self.exact.get(&key) {
                    return Match::Affected(*at);
                }
                if self.known.contains(&key) {
                    return Match::Known;
                }
            }
        }
        let mut found = Match::Unknown;
        for start in 0..name.len() {
            for end in (start + 1..=name.len()).rev() {
                let key = name[start..end].join("\n");
                if let Some(at) = self.by_name.get(&key) {
                    return Match::Affected(*at);
                }
                if self.names.contains(&key) {
                    found = Match::Known;
                }
            }
        }
        found
    }

    /// The affected tests of a package, for a runner that cannot list its own; nothing where a part of it must be run whole, since
    /// what that part holds is not known.
    fn picks(&self, packages: &[Package], package: &Package) -> Option<Vec<Pick>> {
        if self.told.widened.iter().any(|widened| project::is_below(&package.dir, &widened.scope)) {
            return None;
        }
        let mine = |file: &str| project::owners(packages, file).into_iter().any(|at| std::ptr::eq(&raw const packages[at], package));
        let files: BTreeSet<&str> = self.told.tests.iter().map(|test| test.path.as_str()).collect();
        let files: BTreeSet<&str> = files.into_iter().filter(|file| mine(file)).collect();
        let tests = self.told.tests.iter().filter(|test| files.contains(test.path.as_str()));
        Some(tests.map(|test| Pick { path: test.path.clone(), name: test.name.clone(), id: None }).collect())
    }

    /// Every known test of a package.
    fn all(&self, packages: &[Package], package: &Package) -> Vec<Pick> {
        let mine = |file: &str| project::owners(packages, file).into_iter().any(|at| std::ptr::eq(&raw const packages[at], package));
        let files: BTreeSet<&str> = self.told.names.iter().map(|(path, _)| path.as_str()).collect();
        let files: BTreeSet<&str> = files.into_iter().filter(|file| mine(file)).collect();
        let tests = self.told.names.iter().filter(|(path, _)| files.contains(path.as_str()));
        tests.map(|(path, name)| Pick { path: path.clone(), name: name.clone(), id: None }).collect()
    }

    /// Affected tests of these files that no listed test is.
    pub(super) fn missed(&self, listed: &[Case], owned: impl Fn(&str) -> bool) -> Vec<String> {
        let found: BTreeSet<usize> = listed
            .iter()
            .filter_map(|case| match self.find(case) {
                Match::Affected(at) => Some(at),
                Match::Known | Match::Unknown => None,
            })
            .collect();
        let missed = self.told.tests.iter().enumerate().filter(|(at, test)| !found.contains(at) && owned(&test.path));
        missed.map(|(_, test)| format!("{}:{} {}", test.path, test.line, test.name.join("::"))).collect()
    }

    /// The likeliest cause of a failure: what changed nearest to the test, one that the failure names before others.
    pub(super) fn cause(&self, case: &Case) -> Option<String> {
        let Match::Affected(at) = self.find(case) else { return None };
        let test = &self.told.tests[at];
        let mut causes: Vec<(bool, u32, &Changed)> = test
            .causes
            .iter()
            .filter_map(|(index, distance)| self.told.changed.get(*index).map(|changed| (!names(case, changed), *distance, changed)))
            .collect();
        causes.sort_by_key(|(unnamed, distance, _)| (*unnamed, *distance));
        let (_, _, changed) = causes.first()?;
        Some(format!("`{}` in {}:{} changed; {}", changed.name, changed.path, changed.line, test.reason))
    }
}

impl Widened {
    fn why(&self) -> String {
        if self.file.is_empty() { self.reason.clone() } else { format!("{}: {}", self.file, self.reason) }
    }
}

impl Selection {
    /// What is to be done with a package.
    pub(super) fn plan(&self, packages: &[Package], at: usize, changed: bool, owners: &BTreeSet<usize>) -> Plan {
        match self {
            Self::All => Plan::All(None),
            Self::Affected(affected) => affected.plan(&packages[at], owners.contains(&at), changed),
            Self::Named(named) => named.plan(packages, at),
        }
    }

    /// Why a listed test is run; nothing if it is not.
    pub(super) fn reason(&self, case: &Case) -> Option<String> {
        match self {
            Self::All => Some(String::new()),
            Self::Affected(affected) => affected.reason(case),
            Self::Named(named) => named.reason(case),
        }
    }

    /// The tests of a package that the code index knows, where it was asked: all of them, or those that are affected.
    pub(super) fn known(&self, packages: &[Package], package: &Package, whole: bool) -> Vec<Pick> {
        let Self::Affected(affected) = self else { return vec![] };
        let some = if whole { None } else { affected.picks(packages, package) };
        some.unwrap_or_else(|| affected.all(packages, package))
    }

    /// The tests of a package whose runner cannot list them; nothing where all must be run.
    pub(super) fn picks(&self, packages: &[Package], package: &Package) -> Option<Vec<Pick>> {
        match self {
            Self::All => None,
            Self::Affected(affected) => affected.picks(packages, package),
            Self::Named(named) => named.picks(packages, package),
        }
    }
}

/// Whether a failure names a changed symbol, or happened in its file.
fn names(case: &Case, changed: &Changed) -> bool {
    let own = changed.name.rsplit(['.', ':', '#']).next().unwrap_or(&changed.name);
    let mut words = case.message.split(|c: char| !c.is_alphanumeric() && c != '_');
    let place = case.place.as_deref().and_then(|place| place.rsplit_once(':')).map(|(file, _)| file);
    words.any(|word| word == own) || (place == Some(changed.path.as_str()) && place != case.path.as_deref())
}

/// A test's name without the parameters in brackets that some runners add.
pub(super) fn plain(name: &str) -> &str {
    if name.ends_with(']') { name.split_once('[').map_or(name, |(name, _)| name) } else { name }
}

#[cfg(test)]
mod tests;
