//! Go: modules, with the folders of this repository that they are told to use.

use super::unit::{self, Unit};
use super::{Files, Package, Runner, join, resolve, split};

/// Files that concern every module of a workspace.
const SHARED: &[&str] = &["go.work", "go.work.sum"];

/// A module that was found.
struct Module {
    dir: String,
    path: String,
    /// Folders its `replace` directives lead to.
    replaced: Vec<String>,
    /// The modules it requires.
    required: Vec<String>,
}

/// Every module that has tests.
pub(super) fn packages(files: &mut Files<'_>) -> Vec<Package> {
    let mut modules = Vec::new();
    for dir in files.folders_with("go.mod").into_iter().filter(|dir| !is_skipped(dir)) {
        if let Some(text) = files.text(&join(&dir, "go.mod")) {
            modules.push(module(dir, &text));
        }
    }
    let works: Vec<(String, Vec<String>)> = files
        .folders_with("go.work")
        .into_iter()
        .filter_map(|dir| files.text(&join(&dir, "go.work")).map(|text| (dir.clone(), used(&dir, &text))))
        .collect();
    unit::packages(modules.iter().map(|module| unit(files, &modules, &works, module)).collect())
}

/// Whether go itself leaves the folder out: test data and what is copied in.
fn is_skipped(dir: &str) -> bool {
    dir.split('/').any(|part| part == "testdata" || part == "vendor" || part.starts_with(['_', '.']))
}

fn module(dir: String, text: &str) -> Module {
    let mut module = Module { path: String::new(), replaced: vec![], required: vec![], dir };
    for (directive, words) in directives(text) {
        match (directive.as_str(), words.as_slice()) {
            ("module", [path, ..]) => module.path.clone_from(path),
            ("require", [path, ..]) => module.required.push(path.clone()),
            ("replace", [.., path]) if path.starts_with('.') => module.replaced.extend(resolve(&module.dir, path)),
            _ => {}
        }
    }
    module
}

/// The folders a workspace names.
fn used(dir: &str, text: &str) -> Vec<String> {
    let named = directives(text).into_iter().filter(|(directive, _)| directive == "use");
    named.filter_map(|(_, words)| resolve(dir, words.first()?)).collect()
}

/// Each directive with its words; those of a block each by themselves.
fn directives(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let mut words = line.split_whitespace().map(|word| word.trim_matches(['"', '`']).to_owned());
        let Some(first) = words.next() else { continue };
        let rest: Vec<String> = words.collect();
        match &block {
            Some(_) if first == ")" => block = None,
            Some(directive) => found.push((directive.clone(), std::iter::once(first).chain(rest).collect())),
            None if rest.first().is_some_and(|word| word == "(") => block = Some(first),
            None => found.push((first, rest)),
        }
    }
    found
}

fn unit(files: &Files<'_>, modules: &[Module], works: &[(String, Vec<String>)], module: &Module) -> Unit {
    let work = works.iter().find(|(_, used)| used.contains(&module.dir));
    let required = modules.iter().filter(|other| {
        let together = work.is_some_and(|(_, used)| used.contains(&other.dir));
        together && module.required.contains(&other.path)
    });
    let needs = module.replaced.iter().cloned().chain(required.map(|other| other.dir.clone())).collect();
    let package = has_tests(files, modules, module).then(|| package(module, work.map(|(dir, _)| dir.as_str())));
    Unit { dir: module.dir.clone(), needs, package }
}

/// Whether a test lies in the module itself, not in one below it.
fn has_tests(files: &Files<'_>, modules: &[Module], module: &Module) -> bool {
    let owner = |path: &str| modules.iter().map(|other| &other.dir).filter(|dir| super::is_below(dir, path)).max_by_key(|dir| dir.len());
    files.paths.iter().any(|path| path.ends_with("_test.go") && !is_skipped(split(path).0) && owner(path) == Some(&module.dir))
}

fn package(module: &Module, work: Option<&str>) -> Package {
    Package {
        runner: Runner::Go,
        name: module.path.clone(),
        dir: module.dir.clone(),
        home: module.dir.clone(),
        command: ["go", "test", "./..."].map(str::to_owned).to_vec(),
        also: vec![],
        needs: vec![],
        shared: work.into_iter().flat_map(|dir| SHARED.iter().map(|name| join(dir, name))).collect(),
        guessed: false,
    }
}
