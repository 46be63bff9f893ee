//! Cargo: workspaces and packages, read from their manifests.
//!
//! The manifests are read here rather than by `cargo metadata`, which is a process, may wait for a lock and may write.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use toml::{Table, Value};

use super::{Files, Package, Runner, is_below, join, resolve, split};

/// Files at a workspace's root that concern every package of it.
const SHARED: &[&str] =
    &["Cargo.toml", "Cargo.lock", "rust-toolchain", "rust-toolchain.toml", ".cargo/config", ".cargo/config.toml", ".config/nextest.toml"];

/// The tables that hold dependencies.
const DEPENDENCIES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies"];

/// The manifests there are, by folder.
type Manifests = BTreeMap<String, Table>;

/// Every package cargo would test from where it lies.
pub(super) fn packages(files: &mut Files<'_>) -> Vec<Package> {
    let mut manifests = Manifests::new();
    for dir in files.folders_with("Cargo.toml") {
        if let Some(table) = files.table(&join(&dir, "Cargo.toml")) {
            manifests.insert(dir, table);
        }
    }
    let nextest = is_installed("cargo-nextest");
    let homes: BTreeMap<&String, String> = manifests.keys().filter_map(|dir| home(&manifests, dir).map(|home| (dir, home))).collect();
    let found = homes.iter().filter_map(|(dir, home)| {
        let runner = if nextest && files.has(&join(home, ".config/nextest.toml")) { Runner::Nextest } else { Runner::Cargo };
        package(&manifests, dir, home, runner)
    });
    found.collect()
}

fn package(manifests: &Manifests, dir: &str, home: &str, runner: Runner) -> Option<Package> {
    let table = &manifests[dir];
    let name = table.get("package")?.get("name")?.as_str()?.to_owned();
    let words: &[&str] = if runner == Runner::Nextest { &["cargo", "nextest", "run"] } else { &["cargo", "test"] };
    let command = words.iter().copied().chain(["--no-fail-fast", "-p", &name]).map(str::to_owned).collect();
    Some(Package {
        runner,
        dir: dir.to_owned(),
        home: home.to_owned(),
        command,
        also: outside(table, dir),
        needs: needs(manifests, dir, home),
        shared: SHARED.iter().map(|file| join(home, file)).collect(),
        guessed: false,
        name,
    })
}

/// The folder of the workspace the package belongs to, its own where it stands alone; nothing where cargo would refuse it.
fn home(manifests: &Manifests, dir: &str) -> Option<String> {
    let table = &manifests[dir];
    if table.contains_key("workspace") {
        return Some(dir.to_owned());
    }
    if let Some(named) = table.get("package").and_then(|package| package.get("workspace")).and_then(Value::as_str) {
        return resolve(dir, named);
    }
    let mut above = ancestors(dir).filter(|above| manifests.get(*above).is_some_and(|table| table.contains_key("workspace")));
    let Some(root) = above.next() else { return Some(dir.to_owned()) };
    if matches(manifests, root, "exclude", dir) && !matches(manifests, root, "members", dir) {
        return Some(dir.to_owned());
    }
    members(manifests, root).iter().any(|member| member == dir).then(|| root.to_owned())
}

/// The members of a workspace: those named, its own package, and what they depend on by path below it.
fn members(manifests: &Manifests, root: &str) -> Vec<String> {
    let mut members: Vec<String> =
        manifests.keys().filter(|dir| *dir == root || matches(manifests, root, "members", dir)).cloned().collect();
    let mut next = 0;
    while let Some(dir) = members.get(next).cloned() {
        for need in needs(manifests, &dir, root) {
            let inside = is_below(root, &need) && manifests.contains_key(&need) && !matches(manifests, root, "exclude", &need);
            if inside && !members.contains(&need) {
                members.push(need);
            }
        }
        next += 1;
    }
    members
}

/// Whether a list of folders in the workspace's table names this one; `exclude` also means what lies below.
fn matches(manifests: &Manifests, root: &str, key: &str, dir: &str) -> bool {
    let listed = manifests[root].get("workspace").and_then(|workspace| workspace.get(key)).and_then(Value::as_array);
    let patterns: Vec<String> = listed.into_iter().flatten().filter_map(Value::as_str).filter_map(|path| resolve(root, path)).collect();
    match key {
        "exclude" => patterns.iter().any(|excluded| is_below(excluded, dir)),
        _ => globs(&patterns).is_match(dir),
    }
}

/// A set of the patterns that are any; `*` stops at `/`.
pub(super) fn globs(patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    let globs = patterns.iter().filter_map(|pattern| GlobBuilder::new(pattern).literal_separator(true).build().ok());
    globs.for_each(|glob| {
        set.add(glob);
    });
    set.build().unwrap_or_else(|_| GlobSet::empty())
}

/// The folders a package depends on by path, those its workspace names for it included.
fn needs(manifests: &Manifests, dir: &str, home: &str) -> Vec<String> {
    let inherited = manifests.get(home).and_then(|table| table.get("workspace")?.get("dependencies")?.as_table());
    let path = |(name, wanted): (&String, &Value)| {
        if wanted.get("workspace").and_then(Value::as_bool) == Some(true) {
            return resolve(home, inherited?.get(name)?.get("path")?.as_str()?);
        }
        resolve(dir, wanted.get("path")?.as_str()?)
    };
    let mut found: Vec<String> = dependency_tables(&manifests[dir]).flat_map(|table| table.iter().filter_map(path)).collect();
    found.sort();
    found.dedup();
    found
}

fn dependency_tables(table: &Table) -> impl Iterator<Item = &Table> {
    let targets =
        table.get("target").and_then(Value::as_table).into_iter().flat_map(|targets| targets.values()).filter_map(Value::as_table);
    std::iter::once(table).chain(targets).flat_map(|table| DEPENDENCIES.iter().filter_map(|key| table.get(*key)?.as_table()))
}

/// The folders of targets that lie outside the package's own.
fn outside(table: &Table, dir: &str) -> Vec<String> {
    let lists = ["bin", "test", "bench", "example"].iter().filter_map(|key| table.get(*key)?.as_array()).flatten();
    let paths = lists.chain(table.get("lib")).filter_map(|target| target.get("path")?.as_str());
    let away = paths.filter_map(|path| resolve(dir, path)).map(|path| split(&path).0.to_owned());
    away.filter(|folder| !folder.is_empty() && !is_below(dir, folder)).collect()
}

/// The folders above, nearest first, the root last.
fn ancestors(dir: &str) -> impl Iterator<Item = &str> {
    std::iter::successors((!dir.is_empty()).then(|| split(dir).0), |above| (!above.is_empty()).then(|| split(above).0))
}

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|paths| std::env::split_paths(&paths).any(|folder| folder.join(program).is_file()))
}
