//! Manifests: read once, for the other rules too; each inherits what the workspace says once.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{Source, no_complaints, repository};

/// A crate's manifest, as far as the rules look at it.
pub(super) struct Manifest {
    /// The folder it is in, from the root.
    pub(super) folder: String,
    pub(super) package: String,
    /// What ships with it, build scripts included.
    pub(super) dependencies: BTreeSet<String>,
    /// What only its tests use.
    pub(super) dev: BTreeSet<String>,
    pub(super) table: Table,
}

/// The manifests of all crates; the root's, which is no crate's, is left out.
pub(super) fn manifests(sources: &[Source]) -> Vec<Manifest> {
    sources.iter().filter_map(|source| Manifest::read(source.path.strip_suffix("/Cargo.toml")?, &source.text)).collect()
}

impl Manifest {
    pub(super) fn read(folder: &str, text: &str) -> Option<Self> {
        let table: Table = text.parse().unwrap();
        let package = table.get("package")?.get("name")?.as_str()?.to_owned();
        let named = |kind| sections(&table, kind).flat_map(Table::keys).cloned().collect();
        let dependencies: BTreeSet<String> = named("dependencies");
        let build: BTreeSet<String> = named("build-dependencies");
        Some(Self { folder: folder.into(), package, dependencies: &dependencies | &build, dev: named("dev-dependencies"), table })
    }

    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for key in ["version", "edition", "rust-version", "license", "repository", "publish"] {
            if !inherits(self.table["package"].get(key)) {
                complaints.push(format!("{}: say `{key}.workspace = true`", self.package));
            }
        }
        if !inherits(self.table.get("lints")) {
            complaints.push(format!("{}: say `[lints] workspace = true`", self.package));
        }
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, _) in sections(&self.table, kind).flatten().filter(|(_, dependency)| !inherits(Some(dependency))) {
                complaints.push(format!("{}: {name} belongs into the root's [workspace.dependencies]", self.package));
            }
        }
        complaints
    }
}

/// The section of that kind, and those that hold for one platform only.
fn sections<'a>(table: &'a Table, kind: &'a str) -> impl Iterator<Item = &'a Table> {
    let platforms = table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    table.get(kind).into_iter().chain(platforms.filter_map(move |platform| platform.get(kind))).filter_map(Value::as_table)
}

fn inherits(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

#[test]
fn every_manifest_inherits_what_the_workspace_says_once() {
    let complaints: Vec<String> = manifests(&repository()).iter().flat_map(Manifest::complaints).collect();
    no_complaints(&complaints);
}

#[test]
fn every_dependency_of_the_workspace_is_used() {
    let sources = repository();
    let root: Table = sources.iter().find(|source| source.path == "Cargo.toml").unwrap().text.parse().unwrap();
    let used: BTreeSet<String> = manifests(&sources).into_iter().flat_map(|manifest| &manifest.dependencies | &manifest.dev).collect();
    let listed: BTreeMap<_, _> = root["workspace"]["dependencies"].as_table().unwrap().iter().collect();
    let idle = listed.keys().filter(|name| !used.contains(**name)).map(|name| format!("Cargo.toml: no crate uses {name}"));
    no_complaints(&idle.collect::<Vec<_>>());
}

#[test]
fn a_manifest_that_goes_its_own_way_is_found() {
    let text = "
        package = { name = 'x', version = '1', edition.workspace = true, license.workspace = true, publish.workspace = true }
        lints.workspace = false
        dependencies = { a.workspace = true, b = '1' }
        target.'cfg(unix)'.dev-dependencies.c = { path = '../c' }";
    let found = Manifest::read("x", text).unwrap().complaints().join("\n");
    expect_test::expect![[r#"
        x: say `version.workspace = true`
        x: say `rust-version.workspace = true`
        x: say `repository.workspace = true`
        x: say `[lints] workspace = true`
        x: b belongs into the root's [workspace.dependencies]
        x: c belongs into the root's [workspace.dependencies]"#]]
    .assert_eq(&found);
}
