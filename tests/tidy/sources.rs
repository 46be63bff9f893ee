//! What every file is asked for: an opening that says what it is, a name that says so too, and no trace of anyone's machine.

use std::path::Path;

use syn::visit::Visit;

use super::{Source, no_complaints, repository};

/// Names that say nothing: what is put there has no other home, and soon everything is put there.
const EMPTY_NAMES: [&str; 9] = ["common", "core", "helper", "helpers", "manager", "misc", "shared", "util", "utils"];

/// Texts that point out of the repository; in two halves, so that this file does not hold them.
const FOREIGN: [(&str, &str); 5] = [("/wo", "rk/"), ("../sha", "red"), ("/ro", "ot/"), ("/Us", "ers/"), ("C:\\Us", "ers")];

fn opening(source: &Source) -> Option<String> {
    let opens = source.text.lines().next().is_some_and(|line| line.starts_with("//! "));
    (source.is_rust() && !opens).then(|| format!("{}: open with `//!`: what the file is, why, and its invariant", source.path))
}

fn empty_names(source: &Source) -> Vec<String> {
    let mut modules = Modules(Vec::new());
    if source.is_rust() {
        modules.visit_file(&syn::parse_file(&source.text).unwrap());
    }
    let parts = source.path.split('/').map(|part| Path::new(part).file_stem().unwrap().to_string_lossy().into_owned());
    let empty = parts.chain(modules.0).filter(|name| EMPTY_NAMES.contains(&name.as_str()));
    empty.map(|name| format!("{}: `{name}` says nothing about what is there", source.path)).collect()
}

/// The names of the modules a file declares.
struct Modules(Vec<String>);

impl<'ast> Visit<'ast> for Modules {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.0.push(module.ident.to_string());
        syn::visit::visit_item_mod(self, module);
    }
}

fn foreign(source: &Source) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    let found = lines.filter(|(_, line)| FOREIGN.iter().any(|(one, two)| line.contains(&format!("{one}{two}"))));
    found.map(|(number, line)| format!("{}:{}: points out of the repository: {}", source.path, number + 1, line.trim())).collect()
}

#[test]
fn every_file_opens_with_what_it_is() {
    no_complaints(&repository().iter().filter_map(opening).collect::<Vec<_>>());
}

#[test]
fn no_name_is_empty() {
    no_complaints(&repository().iter().flat_map(empty_names).collect::<Vec<_>>());
}

#[test]
fn nothing_points_out_of_the_repository() {
    no_complaints(&repository().iter().flat_map(foreign).collect::<Vec<_>>());
}

#[test]
fn violations_are_found() {
    assert!(opening(&Source::new("a.rs", "use std::fs;\n")).is_some());
    assert!(opening(&Source::new("a.rs", "//! Why.\n")).is_none());
    assert_eq!(empty_names(&Source::new("engine/utils/a.rs", "mod fine { mod misc {} }")).len(), 2);
    assert_eq!(foreign(&Source::new("a.md", &format!("x\nsee {}{}", FOREIGN[0].0, FOREIGN[0].1))).len(), 1);
}
