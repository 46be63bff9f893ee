//! What cargo builds for testing: which binary belongs to which target of which package, and in which file its tests lie.
//!
//! The build tells it in JSON; what the harness prints does not.
//!
//! Invariant: a test's id names its target, unless that is the library, so that no two tests of a package share one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::super::Session;
use super::super::case::{Case, Verdict};
use super::super::libtest;
use crate::project::Package;

/// One binary of tests, or the documentation tests of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The folder of its package, relative to the root.
    pub(super) dir: String,
    /// Its package's name.
    pub(super) package: String,
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Its first file, relative to its package's folder.
    pub(super) source: String,
    /// The binary's file name, or `doc:` and the crate's name.
    pub(super) binary: String,
    /// Whether Rust's own harness runs it.
    pub(super) harness: bool,
}

/// What kind of target it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Library,
    Binary,
    Test,
    Example,
    Bench,
    Documentation,
}

/// The targets that the output of a build tells of, of the packages that are tested.
pub(super) fn targets(output: &str, session: &Session<'_>, group: &[&Package]) -> Vec<Target> {
    let mut found: Vec<Target> = Vec::new();
    let own: Vec<Vec<(Kind, String)>> = group.iter().map(|package| own_harnesses(session.root, &package.dir)).collect();
    for message in super::messages(output, "compiler-artifact") {
        let Some(manifest) = message["manifest_path"].as_str() else { continue };
        let dir = manifest.trim_end_matches("/Cargo.toml");
        let dir = Path::new(dir).strip_prefix(session.root).map_or_else(|_| dir.to_owned(), |dir| dir.display().to_string());
        let Some(at) = group.iter().position(|package| package.dir == dir) else { continue };
        let Some(target) = target(&message, group[at], session.root) else { continue };
        let harness = !own[at].iter().any(|(kind, name)| *kind == target.kind && (*name == target.name || name.is_empty()));
        if !found.contains(&target) {
            found.push(Target { harness, ..target });
        }
    }
    found
}

fn target(message: &Value, package: &Package, root: &Path) -> Option<Target> {
    let told = &message["target"];
    let name = told["name"].as_str()?.to_owned();
    let folder = root.join(&package.dir);
    let source = Path::new(told["src_path"].as_str()?);
    let source = source.strip_prefix(&folder).unwrap_or(source).display().to_string();
    let kind = kind(told["kind"].as_array()?.first()?.as_str()?);
    let is_test = message["profile"]["test"] == true;
    let (kind, binary) = match message["executable"].as_str() {
        Some(binary) if is_test => (kind, binary.rsplit('/').next().unwrap_or(binary).to_owned()),
        _ if !is_test && told["doctest"] == true => (Kind::Documentation, format!("doc:{}", name.replace('-', "_"))),
        _ => return None,
    };
    Some(Target { dir: package.dir.clone(), package: package.name.clone(), kind, name, source, binary, harness: true })
}

fn kind(word: &str) -> Kind {
    match word {
        "bin" => Kind::Binary,
        "test" => Kind::Test,
        "example" => Kind::Example,
        "bench" => Kind::Bench,
        _ => Kind::Library,
    }
}

/// The targets whose manifest says `harness = false`; the library's name is empty.
fn own_harnesses(root: &Path, dir: &str) -> Vec<(Kind, String)> {
    let manifest = fs::read_to_string(root.join(dir).join("Cargo.toml")).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let Some(manifest) = manifest else { return Vec::new() };
    let own = |table: &toml::Value| table.get("harness").and_then(toml::Value::as_bool) == Some(false);
    let name = |table: &toml::Value| table.get("name").and_then(toml::Value::as_str).map(str::to_owned);
    let lists = ["bin", "test", "example", "bench"].iter().filter_map(|key| Some((kind(key), manifest.get(*key)?.as_array()?)));
    let mut found: Vec<(Kind, String)> =
        lists.flat_map(|(kind, list)| list.iter().filter(|table| own(table)).filter_map(move |table| Some((kind, name(table)?)))).collect();
    found.extend(manifest.get("lib").filter(|table| own(table)).map(|_| (Kind::Library, String::new())));
    found
}

impl Target {
    /// The arguments of cargo that choose it.
    pub(super) fn flags(&self) -> Vec<String> {
        let named = |flag: &str| vec![flag.to_owned(), self.name.clone()];
        match self.kind {
            Kind::Library => vec!["--lib".into()],
            Kind::Binary => named("--bin"),
            Kind::Test => named("--test"),
            Kind::Example => named("--example"),
            Kind::Bench => named("--bench"),
            Kind::Documentation => vec!["--doc".into()],
        }
    }

    /// As nextest spells it.
    pub(super) fn binary_id(&self) -> String {
        match self.kind {
            Kind::Library | Kind::Documentation => self.package.clone(),
            Kind::Test => format!("{}::{}", self.package, self.name),
            Kind::Binary => format!("{}::bin/{}", self.package, self.name),
            Kind::Example => format!("{}::example/{}", self.package, self.name),
            Kind::Bench => format!("{}::bench/{}", self.package, self.name),
        }
    }

    /// What a test of it is called in its package.
    pub(super) fn id(&self, test: &str) -> String {
        match self.kind {
            Kind::Library | Kind::Documentation => test.to_owned(),
            _ => format!("{}::{test}", self.source),
        }
    }

    /// The test that an id names, if it is one of this target.
    pub(super) fn test<'a>(&self, id: &'a str) -> Option<&'a str> {
        match self.kind {
            Kind::Documentation => is_documentation(id).then_some(id),
            Kind::Library => (!is_documentation(id) && !id.contains(".rs::")).then_some(id),
            _ => id.strip_prefix(&self.source)?.strip_prefix("::"),
        }
    }

    /// The name of the one case that stands for a harness of its own.
    pub(super) fn alone(&self) -> String {
        format!("{} (a harness of its own)", self.name)
    }
}

/// `src/lib.rs - name (line 3)`
fn is_documentation(id: &str) -> bool {
    id.contains(" - ") && id.ends_with(')') && id.contains("(line ")
}

/// Finds the files of modules, each once.
pub(super) struct Sources<'a> {
    root: &'a Path,
    known: BTreeMap<(String, Vec<String>), (String, usize)>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root, known: BTreeMap::new() }
    }

    /// Names a case after its target, with its file and its name within it.
    pub(super) fn settle(&mut self, case: &mut Case, target: &Target, home: &str) {
        if target.kind == Kind::Documentation {
            let (file, _) = case.id.split_once(" - ").unwrap_or((&case.id, ""));
            let in_home = self.root.join(home).join(file).is_file();
            case.path = Some(self.absolute(if in_home { home } else { &target.dir }, file));
            case.name = vec![case.id.clone()];
            case.line = case.id.rsplit_once("(line ").and_then(|(_, line)| line.trim_end_matches(')').parse().ok());
            return;
        }
        let parts = libtest::modules(&case.id);
        let modules = &parts[..parts.len() - 1];
        let (file, depth) = self.file(target, modules);
        case.path = Some(self.absolute(&target.dir, &file));
        case.name = parts[depth..].to_vec();
        case.id = target.id(&case.id);
    }

    /// A case that stands for a harness of its own.
    pub(super) fn alone(&self, target: &Target, verdict: Verdict) -> Case {
        Case { path: Some(self.absolute(&target.dir, &target.source)), ..Case::new(&target.alone(), verdict) }
    }

    fn absolute(&self, dir: &str, file: &str) -> String {
        self.root.join(dir).join(file).display().to_string()
    }

    /// The innermost file that holds these modules of a target, and how many of them it stands for.
    fn file(&mut self, target: &Target, modules: &[String]) -> (String, usize) {
        if modules.is_empty() {
            return (target.source.clone(), 0);
        }
        let key = (format!("{}/{}", target.dir, target.source), modules.to_vec());
        if let Some(found) = self.known.get(&key) {
            return found.clone();
        }
        let folder = Path::new(&target.source).parent().unwrap_or(Path::new(""));
        let module = folder.join(modules.join("/")).display().to_string();
        let files = [format!("{module}.rs"), format!("{module}/mod.rs")];
        let exists = files.into_iter().find(|file| self.root.join(&target.dir).join(file).is_file());
        let found = match exists {
            Some(file) => (file, modules.len()),
            None => self.file(target, &modules[..modules.len() - 1]),
        };
        self.known.insert(key, found.clone());
        found
    }
}
