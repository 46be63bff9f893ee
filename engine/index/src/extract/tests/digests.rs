//! What counts as a change.

use crate::Language::{JavaScript, Python, Rust, TypeScript};
use crate::{Language, outline};

/// Says which symbols' digests differ between two versions, and whether the code outside of symbols does.
#[track_caller]
fn differing(language: Language, old: &str, new: &str) -> Vec<String> {
    let (old, new) = (outline(language, old.as_bytes()), outline(language, new.as_bytes()));
    assert_eq!(old.symbols.len(), new.symbols.len(), "the same symbols");
    let pairs = old.symbols.iter().zip(&new.symbols);
    let mut names: Vec<_> = pairs.filter(|(old, new)| old.digest != new.digest).map(|(old, _)| old.name.clone()).collect();
    names.extend((old.loose != new.loose).then(|| "loose".to_owned()));
    names
}

const NONE: [&str; 0] = [];

#[test]
fn comments_spaces_and_documentation_change_nothing() {
    assert_eq!(differing(Rust, "fn f() { a(1) }", "/// Doc.\nfn f() {\n    // why\n    a( 1 )\n}\n"), NONE);
    assert_eq!(differing(Python, "def f():\n    return 1\n", "# x\ndef f():\n    \"\"\"Doc.\"\"\"\n    return  1 # y\n"), NONE);
    assert_eq!(differing(TypeScript, "export const f = () => 1;", "/** x */\nexport const f =\n  () => 1;"), NONE);
}

#[test]
fn a_token_changes_its_own_symbol_alone() {
    assert_eq!(differing(Rust, "mod m { fn f() { 1 } fn g() { 2 } }", "mod m { fn f() { 1 } fn g() { 3 } }"), ["g"]);
    assert_eq!(differing(Rust, "struct S { a: u8 }", "struct S { a: u16 }"), ["a"]);
    assert_eq!(
        differing(Python, "class A:\n    x = 1\n    def m(self): return 1\n", "class A:\n    x = 1\n    def m(self): return 2\n"),
        ["m"]
    );
    assert_eq!(differing(Rust, "fn f() { \"a b\" }", "fn f() { \"a  b\" }"), ["f"]);
    assert_eq!(differing(Python, "def f(): return 'a  \\n'", "def f(): return 'a \\n'"), ["f"]);
}

#[test]
fn attributes_and_exports_belong_to_what_they_are_put_on() {
    assert_eq!(differing(Rust, "fn f() {}", "#[inline]\nfn f() {}"), ["f"]);
    assert_eq!(differing(Python, "def f(): pass\n", "@cache\ndef f(): pass\n"), ["f"]);
    assert_eq!(differing(TypeScript, "const f = 1;", "export const f = 1;"), ["f"]);
}

#[test]
fn what_stands_outside_of_symbols_is_loose() {
    assert_eq!(differing(Python, "import a\ndef f(): pass\n", "import b\ndef f(): pass\n"), ["loose"]);
    assert_eq!(differing(JavaScript, "setUp(1); function f() {}", "setUp(2); function f() {}"), ["loose"]);
}

#[test]
fn a_new_definition_changes_nothing_else() {
    for (language, old, more) in [
        (Rust, "fn f() {}\n", "#[test]\nfn g() {}\nconst A: u8 = 1;\nstruct U(u8);\n"),
        (Python, "def f(): pass\n", "@x\ndef g(): pass\nA = 1\n"),
        (TypeScript, "function f() {}\n", "export const g = () => 1;\nlet a = 1;\nit('x', () => {});\nexport default class {}\n"),
        (Language::Go, "package a\nfunc f() {}\n", "const A = 1\ntype T struct { a int }\n"),
        (Language::Java, "class A { }\n", "@X class B { int a = 1; }\n"),
        (Language::Cpp, "int f() { }\n", "struct S { int a; };\nint b = 1;\ntemplate <class T> class C { };\n"),
    ] {
        let (before, after) = (outline(language, old.as_bytes()), outline(language, format!("{old}{more}").as_bytes()));
        assert_eq!(before.loose, after.loose, "{language:?}");
        assert_eq!(
            before.symbols.last().map(|symbol| symbol.digest),
            after.symbols.get(before.symbols.len() - 1).map(|symbol| symbol.digest),
            "{language:?}"
        );
    }
}

#[test]
fn what_indentation_and_line_ends_mean_is_seen() {
    assert_eq!(differing(Python, "def f():\n    if a:\n        b()\n        c()\n", "def f():\n    if a:\n        b()\n    c()\n"), ["f"]);
    assert_eq!(differing(Python, "def f():\n    a\n    -b\n", "def f():\n    a -b\n"), ["f"]);
}
