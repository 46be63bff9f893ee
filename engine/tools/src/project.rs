//! Projects: which runner tests which files of a repository.
//!
//! One file per kind of project below `project/`; each turns the files there are into [`Package`]s, and what concerns
//! all kinds (who owns a changed file, who depends on it, what concerns everyone) is decided here.
//!
//! Invariant: looking at a project starts no process and writes nothing; where it is not clear what a change concerns,
//! more is tested, and the reason says so.

mod cargo;
mod ctest;
mod document;
mod go;
mod java;
mod javascript;
mod manifest;
mod pytest;
mod unit;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::tool::walk::walk;

/// The largest manifest that is read, in bytes.
const MANIFEST: u64 = 1024 * 1024;

/// What runs a package's tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `cargo test`.
    Cargo,
    /// `cargo nextest run`.
    Nextest,
    /// `python -m pytest`.
    Pytest,
    /// `vitest run`.
    Vitest,
    /// `jest`.
    Jest,
    /// `node --test`.
    Node,
    /// `go test`.
    Go,
    /// `mvn test`.
    Maven,
    /// `gradle test`.
    Gradle,
    /// `ctest`.
    Ctest,
}

/// Something that is tested as a whole. Paths are relative to the root, with `/`; the root itself is empty.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// What runs its tests.
    pub runner: Runner,
    /// Its name, as its runner knows it.
    pub name: String,
    /// Where it lies.
    pub dir: String,
    /// Where its runner is started; packages that share it are tested together.
    pub home: String,
    /// Its test command, run in `home`.
    pub command: Vec<String>,
    /// Other folders its files lie in.
    also: Vec<String>,
    /// The folders of the packages it depends on.
    needs: Vec<String>,
    /// Files that concern every package of its home.
    shared: Vec<String>,
    /// Whether no manifest says that it is one, only the names of its files.
    guessed: bool,
}

/// The packages there are, and what could not be read.
pub(crate) struct Survey {
    /// In order of their folders.
    pub packages: Vec<Package>,
    /// What is wrong, by manifest.
    pub problems: Vec<(String, String)>,
}

/// A package a change concerns.
pub(crate) struct Concerned<'a> {
    /// The package.
    pub package: &'a Package,
    /// Why, in a few words.
    pub reason: String,
    /// Whether its own files changed, rather than what it depends on.
    pub changed: bool,
}

/// What a change concerns.
pub(crate) struct Selection<'a> {
    /// The packages to test: first those that changed, then those that depend on them.
    pub concerned: Vec<Concerned<'a>>,
    /// Files no package owns.
    pub unowned: Vec<String>,
    /// How many files are documentation, which no test reads.
    pub documents: usize,
}

/// The files of a project while it is looked at.
struct Files<'a> {
    root: &'a Path,
    paths: Vec<String>,
    problems: Vec<(String, String)>,
}

/// Looks for every kind of project below `root`.
pub(crate) fn survey(root: &Path) -> Survey {
    let mut files = Files::below(root);
    let mut packages = cargo::packages(&mut files);
    for kind in [pytest::packages, javascript::packages, go::packages, java::packages, ctest::packages] {
        packages.append(&mut kind(&mut files));
    }
    let firm: Vec<String> = packages.iter().filter(|package| !package.guessed).map(|package| package.dir.clone()).collect();
    packages.retain(|package| !package.guessed || firm.iter().all(|dir| !is_below(dir, &package.dir)));
    packages.sort_by(|one, other| one.dir.cmp(&other.dir));
    Survey { packages, problems: files.problems }
}

/// Decides what a change of these files concerns; of all files, where `everything` is given as the reason.
pub(crate) fn select<'a>(packages: &'a [Package], files: &[String], everything: Option<&str>) -> Selection<'a> {
    let mut reasons: Vec<Option<(bool, String)>> = vec![everything.map(|reason| (true, reason.to_owned())); packages.len()];
    let mut selection = Selection { concerned: Vec::new(), unowned: Vec::new(), documents: 0 };
    for file in files {
        if document::is_document(file) {
            selection.documents += 1;
            continue;
        }
        let found = concerned_by(packages, file);
        if found.is_empty() {
            selection.unowned.push(file.clone());
        }
        for (index, reason) in found {
            reasons[index].get_or_insert((true, reason));
        }
    }
    dependents(packages, &mut reasons);
    let concerned =
        packages.iter().zip(reasons).filter_map(|(package, why)| why.map(|(changed, reason)| Concerned { package, reason, changed }));
    selection.concerned = concerned.collect();
    selection.concerned.sort_by_key(|concerned| !concerned.changed);
    selection
}

/// The packages whose own files these are: in every home the innermost, and all of it where the file concerns everyone.
fn concerned_by(packages: &[Package], file: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, package) in packages.iter().enumerate() {
        if package.shared.iter().any(|shared| shared == file) {
            found.push((index, format!("{file} concerns every package")));
            continue;
        }
        let kin = packages.iter().filter(|other| other.home == package.home && other.runner == package.runner);
        let innermost = kin.filter_map(|other| other.holds(file)).max();
        if innermost.is_some() && package.holds(file) == innermost {
            found.push((index, format!("{file} changed")));
        }
    }
    found
}

/// The packages whose runners run the tests of a file, by their place in the list.
pub(crate) fn owners(packages: &[Package], file: &str) -> Vec<usize> {
    let found = concerned_by(packages, file).into_iter().map(|(at, _)| at);
    found.filter(|at| packages[*at].runner.runs(file)).collect()
}

/// Adds, until there is no more, what depends on what is concerned.
fn dependents(packages: &[Package], reasons: &mut [Option<(bool, String)>]) {
    loop {
        let more = packages.iter().enumerate().filter(|(index, _)| reasons[*index].is_none()).find_map(|(index, package)| {
            let cause = packages.iter().zip(reasons.iter()).find(|(other, why)| why.is_some() && package.needs.contains(&other.dir));
            cause.map(|(other, _)| (index, format!("depends on {}", other.name)))
        });
        let Some((index, reason)) = more else { return };
        reasons[index] = Some((false, reason));
    }
}

impl Package {
    /// Has its tests run by this program instead, which may be cargo's other runner.
    pub(crate) fn run_by(&mut self, command: Vec<String>) {
        if matches!(self.runner, Runner::Cargo | Runner::Nextest) && command.iter().any(|word| word == "nextest" || word == "test") {
            self.runner = if command.iter().any(|word| word == "nextest") { Runner::Nextest } else { Runner::Cargo };
        }
        self.command = command;
    }

    /// One that no manifest says anything about.
    #[cfg(test)]
    pub(crate) fn for_tests(runner: Runner, name: &str, dir: &str, home: &str) -> Self {
        let (name, dir, home) = (name.to_owned(), dir.to_owned(), home.to_owned());
        Self { runner, name, dir, home, command: vec![], also: vec![], needs: vec![], shared: vec![], guessed: false }
    }

    /// How deep the folder lies by which it holds the file.
    fn holds(&self, file: &str) -> Option<usize> {
        std::iter::once(&self.dir).chain(&self.also).filter(|dir| is_below(dir, file)).map(String::len).max()
    }
}

impl Runner {
    /// The kinds of packages there are, as a person names them.
    pub(crate) const KINDS: &[&str] = &["cargo", "pytest", "vitest", "jest", "node --test", "go", "maven", "gradle", "ctest"];

    /// Whether tests in such a file can be run by it.
    fn runs(self, file: &str) -> bool {
        let endings: &[&str] = match self {
            Self::Cargo | Self::Nextest => &["rs"],
            Self::Pytest => &["py"],
            Self::Vitest | Self::Jest | Self::Node => &["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"],
            Self::Go => &["go"],
            Self::Maven | Self::Gradle => &["java", "kt", "groovy", "scala"],
            Self::Ctest => &["c", "cc", "cpp", "cxx", "c++", "h", "hh", "hpp", "hxx", "inl"],
        };
        // A folder has no ending, and may hold any.
        split(file).1.rsplit_once('.').is_none_or(|(_, ending)| endings.contains(&ending))
    }

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo test",
            Self::Nextest => "cargo nextest",
            Self::Pytest => "pytest",
            Self::Vitest => "vitest",
            Self::Jest => "jest",
            Self::Node => "node --test",
            Self::Go => "go test",
            Self::Maven => "maven",
            Self::Gradle => "gradle",
            Self::Ctest => "ctest",
        }
    }
}

impl<'a> Files<'a> {
    /// Every regular file that is not ignored; a folder that cannot be read becomes a problem.
    fn below(root: &'a Path) -> Self {
        let mut files = Self { root, paths: Vec::new(), problems: Vec::new() };
        for entry in walk(root, None) {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    files.paths.extend(entry.path().strip_prefix(root).ok().map(|path| path.to_string_lossy().into_owned()));
                }
                Ok(_) => {}
                Err(e) => files.problems.push(("a folder".into(), e.to_string())),
            }
        }
        files.paths.sort();
        files
    }

    /// The folders that hold a file of that name.
    fn folders_with(&self, name: &str) -> Vec<String> {
        self.paths.iter().filter(|path| split(path).1 == name).map(|path| split(path).0.to_owned()).collect()
    }

    fn has(&self, path: &str) -> bool {
        self.paths.binary_search_by(|known| known.as_str().cmp(path)).is_ok()
    }

    /// A manifest's text; one that cannot be read becomes a problem.
    fn text(&mut self, path: &str) -> Option<String> {
        let mut text = String::new();
        let read = File::open(self.root.join(path)).and_then(|file| file.take(MANIFEST).read_to_string(&mut text));
        match read {
            Ok(_) => Some(text),
            Err(e) => {
                self.problems.push((path.to_owned(), e.to_string()));
                None
            }
        }
    }

    /// A manifest's table; one that is no TOML becomes a problem.
    fn table(&mut self, path: &str) -> Option<toml::Table> {
        match self.text(path)?.parse() {
            Ok(table) => Some(table),
            Err(e) => {
                let e: toml::de::Error = e;
                self.problems.push((path.to_owned(), e.message().to_owned()));
                None
            }
        }
    }
}

/// Whether `path` is `dir` or lies below it.
pub(crate) fn is_below(dir: &str, path: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// `path` as seen from `dir`, with `.` and `..` worked out; nothing if it leads out of the root.
fn resolve(dir: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder and the name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests;
