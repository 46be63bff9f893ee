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
fn braces_that_never_end_are_looked_for_no_longer_than_the_file_is_worth() {
    let cases = 10_000;
    assert_eq!(counts(Language::Cpp, &"TEST_CASE(\"a\") {\n".repeat(cases)), (0, cases));
    assert_eq!(counts(Language::Cpp, &"TEST_CASE(\"a\") { x(); }\n".repeat(cases)), (cases, 2 * cases));
    let outline = outline(Language::Cpp, b"TEST_CASE(\"a\") {\n  x(R\"(\n)\");\n}\n");
    assert_eq!(outline.symbols[0].span.last_line, 4);
    let quoted = "#[test] fn a() { '{' }\n".repeat(cases);
    assert_eq!(counts(Rust, &format!("m! {{ {quoted} }}")), (cases, cases + 1));
}

#[test]
fn broken_syntax_gives_what_can_be_had() {
    let outline = outline(Rust, b"fn good() { call(); }\nfn bad( { \xff\xfe }\nstruct S { a: u8 }\n");
    let names: Vec<_> = outline.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    assert!(names.contains(&"good") && outline.errors > 0, "{names:?} {}", outline.errors);
}

/// One small file of each language, with something of everything that is looked into.
const SAMPLES: [(Language, &str); 9] = [
    (
        Rust,
        "/// D.\n#[derive(A)] #[serde(default = \"a::b\")]\npub struct S<T> { a: u8 }\nproptest! { #[test] fn p(x in 0..1) { go(x) } }\nuse a::{b, self, c as d, e::*};\nimpl<T> m::T for S<T> { fn f(&self) -> u8 { a::b::<u8>(c.d)?; x![y.z(1)]; } }\nmod x; r#\"é\"#;",
    ),
    (
        Python,
        "@a.b(autouse=True)\nclass T(x.TestCase, metaclass=M):\n    '''é'''\n    def test_a(self, b: C = 1): return f\"{a.b(1)!r}\"\nfrom ..p import (q as r)\nimport a.b as c\ngetattr(x, y)\ntype A[B] = int\n",
    ),
    (
        Language::TypeScript,
        "/** D */ @A() export class C<T> extends B<T> implements I { @P() x?: n = 1; async m() { return this.x?.y(z)!; } }\ndescribe.each`a`(`é ${b}`, () => { it('x', async () => {}); });\nexport default () => {}; import a, * as b from 'c'; const { d, e: f } = require(g); export { h as i }; enum E { A, B = 1 }",
    ),
    (Language::Tsx, "const V = (p: P) => <div a={b}><C.D {...e} />é</div>; test(\"x\", () => {});"),
    (
        JavaScript,
        "exports.a = function () {}; A.prototype.b = () => {}; const c = { d() {}, e: () => 1 }; class F extends G { #h = 1; }\nimport(`i${j}`); label: for (;;) {}",
    ),
    (
        Language::Go,
        "package a\nimport ( b \"c/d\"; . \"e\" )\n// D\ntype S[T any] struct { A, B int `é` }\nfunc (s *S[T]) M(a int) error { return b.C(func() {}) }\nconst ( X = iota; Y )\nfunc TestA(t *testing.T) {}",
    ),
    (
        Language::Java,
        "package a.b; import static c.D.e; import f.*;\n/** é */ @A(\"x\") class B<T> extends C<T> implements D { @E int f = 1, g; @Test void h(@I J... k) { l.m(n).o(); new P<Q>(1); r -> s; } enum T { U(1) { } } }",
    ),
    (
        Language::C,
        "#include \"a.h\"\n#define F(x) g(x, 'é', \"y\") \\\n  z\nstatic int *f(struct S *s, int (*c)(int)) { s->a.b = M; }\ntypedef struct { int a[3]; } T, *U; enum E { A = 1 };",
    ),
    (
        Language::Cpp,
        "namespace a::b { template <class T> class C : public D, e::F<T> { ~C(); bool operator==(const C&); }; }\nint a::C<int>::m() const { return ::g() + std::h<int>(w); }\nTEST(S, N) { é(); }\nTEST_CASE(\"t\") { SECTION(\"s\") { x(); } }\nusing namespace std;",
    ),
];

#[test]
fn files_cut_anywhere_keep_the_invariants() {
    for (language, source) in SAMPLES {
        for cut in 0..=source.len() {
            holds(language, &source.as_bytes()[..cut]);
            holds(language, &source.as_bytes()[cut..]);
        }
    }
}

/// Symbols and mentions are in order and within the file; numbers name what there is.
#[track_caller]
fn holds(language: Language, bytes: &[u8]) {
    let outline = outline(language, bytes);
    let shown = || format!("{language:?} {:?}", String::from_utf8_lossy(bytes));
    assert!(outline.symbols.is_sorted_by_key(|symbol| symbol.span.start), "order of {}", shown());
    assert!(outline.mentions.is_sorted_by_key(|mention| mention.start), "order of mentions of {}", shown());
    for (number, symbol) in outline.symbols.iter().enumerate() {
        assert!(symbol.span.start <= symbol.span.end && symbol.span.end as usize <= bytes.len(), "{symbol:?} of {}", shown());
        assert!(symbol.name_span.start >= symbol.span.start && symbol.name_span.end <= symbol.span.end, "{symbol:?} of {}", shown());
        assert!(symbol.parent.is_none_or(|parent| (parent as usize) < number), "{symbol:?} of {}", shown());
    }
    for mention in &outline.mentions {
        assert!(!outline.name(mention.name).is_empty(), "{mention:?} of {}", shown());
        let within = mention.within.map(|number| outline.symbols[number as usize].span);
        assert!(within.is_none_or(|span| span.start <= mention.start && mention.start < span.end), "{mention:?} of {}", shown());
    }
}
