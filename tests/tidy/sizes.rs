//! Sizes: the ten longest files and functions, printed with every run of the tests; the worst of them fail it.

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::{Source, no_complaints, repository};

/// The most lines of a file, its tests included.
const FILE: usize = 1000;
/// The most lines of a function, tests apart.
const FUNCTION: usize = 100;

/// A name with its number of lines.
type Length = (usize, String);

fn functions(source: &Source) -> Vec<Length> {
    if !source.is_rust() || source.is_test() {
        return Vec::new();
    }
    let mut functions = Functions { path: &source.path, found: Vec::new() };
    functions.visit_file(&syn::parse_file(&source.text).unwrap());
    functions.found
}

/// Collects functions of every kind, and passes over tests.
struct Functions<'a> {
    path: &'a str,
    found: Vec<Length>,
}

impl Functions<'_> {
    fn take(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let lines = block.span().end().line + 1 - first;
        self.found.push((lines, format!("{}:{first} {}", self.path, signature.ident)));
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.take(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.take(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.take(&function.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn longest(mut lengths: Vec<Length>) -> Vec<Length> {
    lengths.sort_by(|one, two| two.cmp(one));
    lengths
}

fn report(title: &str, lengths: &[Length]) -> String {
    let lines = lengths.iter().take(10).map(|(lines, name)| format!("{lines:6}  {name}\n"));
    let (count, middle) = (lengths.len(), lengths.get(lengths.len() / 2).map_or(0, |length| length.0));
    format!("{title} ({count}; median {middle} lines)\n{}", lines.collect::<String>())
}

fn too_long(lengths: &[Length], limit: usize) -> Vec<String> {
    lengths.iter().filter(|length| length.0 > limit).map(|(lines, name)| format!("{name}: {lines} lines, at most {limit}")).collect()
}

#[test]
fn nothing_is_too_long() {
    let sources = repository();
    let rust = sources.iter().filter(|source| source.is_rust());
    let files = longest(rust.map(|source| (source.text.lines().count(), source.path.clone())).collect());
    let functions = longest(sources.iter().flat_map(functions).collect());
    println!("{}\n{}", report("The longest files", &files), report("The longest functions", &functions));
    no_complaints(&[too_long(&files, FILE), too_long(&functions, FUNCTION)].concat());
}

#[test]
fn lengths_are_counted_and_tests_are_not() {
    let text = "fn one() {}\nimpl X {\n    /// Doc.\n    fn two(\n    ) {\n    }\n}\n#[cfg(test)]\nmod tests {\n    fn three() {}\n}\n";
    let found = longest(functions(&Source::new("a.rs", text)));
    assert_eq!(found, [(3, "a.rs:4 two".to_owned()), (1, "a.rs:1 one".to_owned())]);
    assert_eq!(functions(&Source::new("a/tests.rs", text)), []);
    assert_eq!(too_long(&found, 2), ["a.rs:4 two: 3 lines, at most 2"]);
}
