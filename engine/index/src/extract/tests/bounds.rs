//! Files that no one would write.

use crate::Language::{JavaScript, Python, Rust};
use crate::{Language, outline};

/// Says how many symbols and mentions there are.
fn counts(language: Language, source: &str) -> (usize, usize) {
    let outline = outline(language, source.as_bytes());
    (outline.symbols.len(), outline.mentions.len())
}

#[test]
fn nesting_of_100_000_brackets_is_walked_without_recursion() {
    let depth = 100_000;
    let (open, close) = ("(".repeat(depth), ")".repeat(depth));
    assert_eq!(counts(Python, &format!("def f():\n    return {open}a{close}\n")), (1, 1));
    assert_eq!(counts(Rust, &format!("fn f() {{ {open}a{close} }}")), (1, 1));
    assert_eq!(counts(JavaScript, &format!("x = {}a{}", "[".repeat(depth), "]".repeat(depth))), (0, 2));
}

#[test]
fn one_line_of_a_megabyte_is_read_once() {
    let calls = 100_000;
    assert_eq!(counts(JavaScript, &"a.b(c);".repeat(calls)), (0, 3 * calls));
    assert_eq!(counts(Rust, &format!("fn f() {{ {} }}", "a.b(c);".repeat(calls))), (1, 3 * calls));
}

#[test]
fn two_megabytes_of_functions_are_all_found() {
    let functions: usize = 20_000;
    let source: String = (0..functions)
        .map(|number| {
            format!("/// Doc {number}.\n#[test]\nfn f{number}() {{\n    assert_eq!(g{number}(1), x.y());\n    call::it(\"text\");\n}}\n\n")
        })
        .collect();
    // Of each: test, assert_eq, g, x, y, call, it.
    assert_eq!(counts(Rust, &source), (functions, 7 * functions));
}

#[test]
fn attributes_in_nested_modules_cost_no_more_than_their_length() {
    let depth = 5_000;
    let source = format!("{}{}", "#[a] mod m {".repeat(depth), "}".repeat(depth));
    assert_eq!(counts(Rust, &source), (depth, depth));
}

#[test]
fn broken_syntax_gives_what_can_be_had() {
    let outline = outline(Rust, b"fn good() { call(); }\nfn bad( { \xff\xfe }\nstruct S { a: u8 }\n");
    let names: Vec<_> = outline.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    assert!(names.contains(&"good") && outline.errors > 0, "{names:?} {}", outline.errors);
}
