//! The dependency law of `layers.toml`: a wrong edge fails here before anyone gets used to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::manifests::{Manifest, manifests};
use super::{no_complaints, repository};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Law {
    longest_chain: usize,
    only_for_tests: BTreeSet<String>,
    crates: BTreeMap<String, Layer>,
    owners: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    uses: BTreeSet<String>,
    #[serde(default)]
    tests_use: BTreeSet<String>,
    #[serde(default)]
    bare: bool,
}

impl Law {
    fn complaints(&self, manifests: &[Manifest]) -> Vec<String> {
        let mut complaints: Vec<String> = manifests.iter().flat_map(|manifest| self.about(manifest)).collect();
        let there: BTreeSet<&String> = manifests.iter().map(|manifest| &manifest.package).collect();
        complaints
            .extend(self.crates.keys().filter(|name| !there.contains(name)).map(|name| format!("{name} is in the law and nowhere else")));
        let longest = manifests.iter().map(|manifest| chain(&manifest.package, manifests)).max().unwrap_or_default();
        if longest > self.longest_chain {
            complaints.push(format!("a chain of {longest} own crates; the law allows {}", self.longest_chain));
        }
        complaints
    }

    fn about(&self, manifest: &Manifest) -> Vec<String> {
        let name = &manifest.package;
        let Some(layer) = self.crates.get(name) else { return vec![format!("{name} is not in the law")] };
        let refused = manifest.dependencies.iter().filter_map(|dependency| {
            let why = self.refusal(name, layer, dependency)?;
            Some(format!("{name} must not use {dependency}: {why}"))
        });
        let dev =
            manifest.dev.iter().filter(|dependency| self.crates.contains_key(*dependency) && !self.only_for_tests.contains(*dependency));
        let dev = dev.filter(|dependency| !layer.uses.contains(*dependency) && !layer.tests_use.contains(*dependency));
        refused.chain(dev.map(|dependency| format!("{name}'s tests must not use {dependency}: layers.toml does not list it"))).collect()
    }

    fn refusal(&self, name: &str, layer: &Layer, dependency: &str) -> Option<String> {
        if layer.bare {
            return Some("it uses no other crate at all".into());
        }
        if self.only_for_tests.contains(dependency) && !self.only_for_tests.contains(name) {
            return Some("that is for tests only".into());
        }
        if self.crates.contains_key(dependency) {
            return (!layer.uses.contains(dependency)).then(|| "layers.toml does not list it".into());
        }
        let owners = self.owners.get(dependency)?;
        (!owners.contains(name)).then(|| format!("it belongs to {}", owners.iter().cloned().collect::<Vec<_>>().join(", ")))
    }
}

/// How many own crates the longest chain from this one has, itself included.
fn chain(name: &str, manifests: &[Manifest]) -> usize {
    let Some(manifest) = manifests.iter().find(|manifest| manifest.package == name) else { return 0 };
    1 + manifest.dependencies.iter().map(|dependency| chain(dependency, manifests)).max().unwrap_or_default()
}

#[test]
fn every_crate_keeps_the_law() {
    let sources = repository();
    let law = sources.iter().find(|source| source.path == "layers.toml").unwrap();
    let law: Law = toml::from_str(&law.text).unwrap();
    let manifests = manifests(&sources);
    assert!(manifests.len() > 5, "the manifests were not found");
    no_complaints(&law.complaints(&manifests));
}

#[test]
fn bare_crates_are_no_std() {
    let sources = repository();
    let law: Law = toml::from_str(&sources.iter().find(|source| source.path == "layers.toml").unwrap().text).unwrap();
    for manifest in manifests(&sources).iter().filter(|manifest| law.crates[&manifest.package].bare) {
        let lib = format!("{}/src/lib.rs", manifest.folder);
        let lib = sources.iter().find(|source| source.path == lib).unwrap();
        assert!(lib.text.lines().any(|line| line == "#![no_std]"), "{} is not no_std", manifest.package);
    }
}

#[test]
fn wrong_edges_are_found() {
    let law = "
        longest_chain = 2
        only_for_tests = ['mock']
        crates.pure = { uses = [], bare = true }
        crates.low = { uses = ['pure'] }
        crates.high = { uses = ['low'] }
        crates.gone = { uses = [] }
        owners.database = ['low']";
    let manifest = |name: &str, rest: &str| Manifest::read(name, &format!("package.name = '{name}'\n{rest}")).unwrap();
    let manifests = [
        manifest("pure", "dependencies.serde = '1'"),
        manifest("low", "dependencies = { pure = '1', mock = '1', high = '1' }\ndev-dependencies = { mock = '1', high = '1' }"),
        manifest("new", "target.'cfg(unix)'.dependencies.database = '1'"),
        manifest("high", "build-dependencies.database = '1'"),
    ];
    let found = toml::from_str::<Law>(law).unwrap().complaints(&manifests).join("\n");
    expect_test::expect![[r#"
        pure must not use serde: it uses no other crate at all
        low must not use high: layers.toml does not list it
        low must not use mock: that is for tests only
        low's tests must not use high: layers.toml does not list it
        new is not in the law
        high must not use database: it belongs to low
        gone is in the law and nowhere else"#]]
    .assert_eq(&found);
}
