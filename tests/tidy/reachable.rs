//! No forgotten file: each Rust file is a target of its crate, or a module that another file declares.
//!
//! A test file that nobody declares is never compiled, and so never fails.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::manifests::{Manifest, manifests};
use super::{Source, no_complaints, repository};

/// The Rust files no target leads to.
fn forgotten(sources: &[Source]) -> Vec<String> {
    let rust: BTreeMap<&str, &Source> =
        sources.iter().filter(|source| source.is_rust()).map(|source| (source.path.as_str(), source)).collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<String> = manifests(sources).iter().flat_map(|manifest| targets(manifest, &rust)).collect();
    // The folder a target's own modules are in is the target's, whatever its name.
    let roots: BTreeSet<String> = open.iter().cloned().collect();
    while let Some(path) = open.pop() {
        let Some(source) = rust.get(path.as_str()) else { continue };
        if reached.insert(path.clone()) {
            let declared = declared(&path, roots.contains(&path), &source.text);
            open.extend(declared.into_iter().filter(|path| rust.contains_key(path.as_str())));
        }
    }
    rust.keys().filter(|path| !reached.contains(**path)).map(|path| format!("{path}: no target leads to it")).collect()
}

/// The root files of a crate: those its manifest names, and those cargo finds by itself.
fn targets(manifest: &Manifest, rust: &BTreeMap<&str, &Source>) -> Vec<String> {
    let folder = &manifest.folder;
    let tables = ["lib", "bin", "test", "bench", "example"].into_iter().filter_map(|kind| manifest.table.get(kind));
    let tables = tables.flat_map(|target| target.as_array().map_or(std::slice::from_ref(target), Vec::as_slice));
    let named = tables.filter_map(|target| target.get("path")).filter_map(Value::as_str).map(|path| resolve(folder, path));
    let found = rust.keys().filter_map(|path| {
        let inner = path.strip_prefix(folder.as_str())?.strip_prefix('/')?;
        let own = matches!(inner, "src/lib.rs" | "src/main.rs" | "build.rs");
        let in_folder = ["src/bin/", "tests/", "benches/", "examples/"].iter().any(|place| {
            let rest = inner.strip_prefix(place);
            rest.is_some_and(|rest| !rest.contains('/') || (rest.ends_with("/main.rs") && rest.matches('/').count() == 1))
        });
        (own || in_folder).then(|| (*path).to_owned())
    });
    named.chain(found).collect()
}

/// Where the modules that a file declares may be.
fn declared(path: &str, is_root: bool, text: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.trim_end_matches(".rs");
    let beneath = if is_root || stem == "mod" { folder.to_owned() } else { format!("{folder}/{stem}") };
    let mut paths = Vec::new();
    collect(&syn::parse_file(text).unwrap().items, folder, &beneath, &mut paths);
    paths
}

fn collect(items: &[syn::Item], folder: &str, beneath: &str, paths: &mut Vec<String>) {
    for item in items {
        let syn::Item::Mod(module) = item else { continue };
        let inner = format!("{beneath}/{}", module.ident);
        match (&module.content, path_attribute(module)) {
            (Some((_, items)), _) => collect(items, folder, &inner, paths),
            (None, Some(path)) => paths.push(resolve(folder, &path)),
            (None, None) => paths.extend([format!("{inner}.rs"), format!("{inner}/mod.rs")]),
        }
    }
}

fn path_attribute(module: &syn::ItemMod) -> Option<String> {
    module.attrs.iter().filter(|attribute| attribute.path().is_ident("path")).find_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
        Some(text.value())
    })
}

/// `path` seen from `folder`, with `..` taken out.
fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn no_file_is_forgotten() {
    no_complaints(&forgotten(&repository()));
}

#[test]
fn a_forgotten_file_is_found() {
    let sources = [
        Source::new("a/Cargo.toml", "package.name = 'a'\n[[test]]\npath = '../tests/main.rs'"),
        Source::new("a/src/lib.rs", "mod one; #[path = \"elsewhere.rs\"] mod two; mod inline { mod three; }"),
        Source::new("a/src/one.rs", "mod deep;"),
        Source::new("a/src/one/deep.rs", ""),
        Source::new("a/src/elsewhere.rs", ""),
        Source::new("a/src/inline/three.rs", ""),
        Source::new("a/src/two.rs", ""),
        Source::new("tests/main.rs", "mod story;"),
        Source::new("tests/story/mod.rs", "mod told;"),
        Source::new("tests/story/told.rs", ""),
        Source::new("tests/story/untold.rs", ""),
    ];
    expect_test::expect![[r#"
        a/src/two.rs: no target leads to it
        tests/story/untold.rs: no target leads to it"#]]
    .assert_eq(&forgotten(&sources).join("\n"));
}
