//! What is said about a target, and that every citation holds.

use std::cell::Cell;

use expect_test::{Expect, expect};
use naestro_kernel::Digest;
use naestro_kernel::code::{Evidence, Fault, Role, Source, Target};

use super::evidence;
use crate::fixture::{Memory, Patient};
use crate::{Commit, Coverage, Facts, History};

#[track_caller]
fn check_evidence(fixture: &str, target: &str, expect: Expect) {
    let memory = Memory::parse(fixture);
    check_evidence_of(&memory, target, expect);
}

#[track_caller]
fn check_evidence_of(memory: &Memory, target: &str, expect: Expect) {
    expect.assert_eq(&match told(memory, target) {
        Ok(evidence) => {
            check_citations(memory, &evidence);
            shown(&evidence)
        }
        Err(Fault::Unknown { what, near }) => format!("there is no {what}; near: {}", near.join(", ")),
        Err(fault) => fault.to_string(),
    });
}

fn told(memory: &Memory, target: &str) -> Result<Evidence, Fault> {
    let files = memory.files()?;
    let is_path = |path: &str| files.iter().any(|file| file.path == path || file.path.starts_with(&format!("{path}/")));
    evidence(memory, memory, &Target::parse(target, is_path), &Patient)
}

fn shown(evidence: &Evidence) -> String {
    let mut lines = vec![evidence.title.clone()];
    for fact in &evidence.facts {
        let place = match &fact.source {
            Source::Code(citation) => format!("{}:{}-{}", citation.path, citation.line, citation.last_line),
            Source::Commit(id) => format!("commit {id}"),
            Source::Event { .. } => "event".to_owned(),
        };
        lines.push(format!("{:?}{} {} [{place}]", fact.role, if fact.guess { "?" } else { "" }, fact.text));
    }
    lines.extend(evidence.left_out.iter().map(|(role, count)| format!("{count} more of {role:?}")));
    lines.extend(evidence.gaps.iter().map(|gap| format!("gap: {gap}")));
    lines.join("\n")
}

#[track_caller]
fn check_citations(memory: &Memory, evidence: &Evidence) {
    for fact in &evidence.facts {
        let Source::Code(citation) = &fact.source else { continue };
        let bytes = &memory.now[&citation.path];
        let part = &bytes[usize::try_from(citation.start).unwrap()..usize::try_from(citation.end).unwrap()];
        assert_eq!(citation.digest, Digest(*blake3::hash(part).as_bytes()), "{}", fact.text);
        let name = fact.name.clone().unwrap_or_default();
        assert!(String::from_utf8_lossy(part).contains(&name), "{} does not hold {name}", fact.text);
        let line = 1 + bytes[..usize::try_from(citation.start).unwrap()].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(citation.line as usize, line);
    }
}

const SHOP: &str = "
//- Cargo.toml
[package]
name = \"shop\"
//- src/lib.rs
pub mod cart;
pub mod tax;
//- src/cart.rs
use crate::tax::rate;
/// What everything costs.
pub fn total(prices: &[u32]) -> u32 {
    prices.iter().map(|price| price * rate()).sum()
}
pub struct Cart { prices: Vec<u32> }
impl Cart {
    /// All of it.
    pub fn sum(&self) -> u32 { total(&self.prices) }
}
//- src/tax.rs
pub fn rate() -> u32 { 2 }
//- tests/all.rs
use shop::cart::total;
#[test]
fn totals() { assert_eq!(total(&[1]), 2); }
";

#[test]
fn a_function_has_callers_callees_and_tests() {
    check_evidence(
        SHOP,
        "total",
        expect![[r#"
            function `total` in src/cart.rs
            Definition pub fn total(prices: &[u32]) -> u32 [src/cart.rs:3-5]
            Documentation What everything costs. [src/cart.rs:2-2]
            Caller Cart::sum calls it [src/cart.rs:9-9]
            Caller totals calls it [tests/all.rs:3-3]
            Callee function rate [src/tax.rs:1-1]
            Test totals → total [tests/all.rs:3-3]
            gap: no git history here, so who changed it and when is not known"#]],
    );
}

#[test]
fn a_type_has_members() {
    check_evidence(
        SHOP,
        "src/cart.rs#Cart",
        expect![[r#"
            struct `Cart` in src/cart.rs
            Definition pub struct Cart [src/cart.rs:6-6]
            Member prices: Vec<u32> [src/cart.rs:6-6]
            Member pub fn sum(&self) -> u32 [src/cart.rs:9-9]
            gap: nothing mentions `Cart` by name; it may be reached by reflection, macros, or from outside this folder
            gap: no git history here, so who changed it and when is not known"#]],
    );
}

#[test]
fn a_place_is_the_innermost_symbol_and_a_column_is_what_is_mentioned_there() {
    check_evidence(
        SHOP,
        "src/cart.rs:4",
        expect![[r#"
            function `total` in src/cart.rs
            Definition pub fn total(prices: &[u32]) -> u32 [src/cart.rs:3-5]
            Documentation What everything costs. [src/cart.rs:2-2]
            Caller Cart::sum calls it [src/cart.rs:9-9]
            Caller totals calls it [tests/all.rs:3-3]
            Callee function rate [src/tax.rs:1-1]
            Test totals → total [tests/all.rs:3-3]
            gap: no git history here, so who changed it and when is not known"#]],
    );
    check_evidence(
        SHOP,
        "src/cart.rs:4:39",
        expect![[r#"
        function `rate` in src/tax.rs, mentioned at src/cart.rs:4
        Definition pub fn rate() -> u32 [src/tax.rs:1-1]
        Caller total calls it [src/cart.rs:4-4]
        Test totals → total → rate [tests/all.rs:3-3]
        gap: no git history here, so who changed it and when is not known"#]],
    );
}

#[test]
fn a_file_and_a_folder_tell_what_is_in_them() {
    check_evidence(
        SHOP,
        "src/tax.rs",
        expect![[r#"
            file src/tax.rs
            Definition src/tax.rs, 27 bytes [src/tax.rs:1-1]
            Member pub fn rate() -> u32 [src/tax.rs:1-1]
            Import src/cart.rs imports it [src/cart.rs:1-1]
            gap: no git history here, so who changed it and when is not known"#]],
    );
    check_evidence(
        SHOP,
        "src",
        expect![[r#"
        folder src: 3 files (3 Rust)
        Member pub fn total(prices: &[u32]) -> u32 [src/cart.rs:3-3]
        Member pub struct Cart [src/cart.rs:6-6]
        Member pub fn rate() -> u32 [src/tax.rs:1-1]"#]],
    );
}

#[test]
fn a_test_is_found_by_the_end_of_its_name() {
    check_evidence(
        SHOP,
        "test:totals",
        expect![[r#"
        test `totals` in tests/all.rs
        Definition fn totals() [tests/all.rs:2-3]
        Callee function total [src/cart.rs:3-3]
        gap: no git history here, so who changed it and when is not known"#]],
    );
}

#[test]
fn what_is_unknown_has_near_misses_that_can_be_pasted() {
    check_evidence(SHOP, "totl", expect!["there is no a symbol `totl`; near: total, totals, rate, tax"]);
    check_evidence(SHOP, "src/carts.rs", expect!["there is no a file or folder `src/carts.rs`; near: src/cart.rs"]);
    check_evidence(
        SHOP,
        "src/cart.rs#Kart",
        expect![
            "there is no a symbol `Kart` in src/cart.rs; near: src/cart.rs#Cart, src/cart.rs#sum, src/cart.rs#total, src/cart.rs#prices"
        ],
    );
    check_evidence(SHOP, "src/cart.rs:99", expect!["there is no line 99 of src/cart.rs, which has 10; near: src/cart.rs:10"]);
    check_evidence(SHOP, "test:total", expect!["there is no a test `total`; near: test:totals"]);
}

#[test]
fn guesses_are_marked_and_explained() {
    check_evidence(
        "
//- a.py
class A:
    def go(self): pass
class B:
    def go(self): pass
def use(x, a=A, b=B):
    x.go()
",
        "A.go",
        expect![[r#"
            method `A.go` in a.py
            Definition def go(self) [a.py:2-2]
            Caller? use calls it [a.py:6-6]
            gap: 1 caller is a guess: the name `go` is defined 2 times
            gap: no git history here, so who changed it and when is not known"#]],
    );
}

#[test]
fn an_ambiguous_name_says_what_else_it_could_be() {
    check_evidence(
        "
//- a.go
package a
func Run() {}
//- b/b.go
package b
func Run() {}
",
        "Run",
        expect![[r#"
            function `Run` in a.go, one of 2 of that name
            Definition func Run() [a.go:2-2]
            gap: `Run` is defined 2 times; the others are b/b.go#Run
            gap: nothing mentions `Run` by name; it may be reached by reflection, macros, or from outside this folder
            gap: no git history here, so who changed it and when is not known"#]],
    );
}

#[test]
fn a_file_that_changes_after_it_was_indexed_is_told_as_it_is_now() {
    let mut memory = Memory::parse("//- a.py\ndef old(): pass\ndef kept(): old()\n//- b.py\nfrom a import kept\ndef user(): kept()\n");
    memory.now.insert("a.py".to_owned(), b"# New lines\n# above.\ndef kept(): fresh()\ndef fresh(): pass\n".to_vec());
    check_evidence_of(
        &memory,
        "a.py#kept",
        expect![[r#"
        function `kept` in a.py
        Definition def kept() [a.py:3-3]
        Caller user calls it [b.py:2-2]
        Callee function fresh [a.py:4-4]
        gap: no git history here, so who changed it and when is not known"#]],
    );
    memory.now.insert("b.py".to_owned(), b"pass\n".to_vec());
    check_evidence_of(
        &memory,
        "a.py#kept",
        expect![[r#"
            function `kept` in a.py
            Definition def kept() [a.py:3-3]
            Callee function fresh [a.py:4-4]
            1 more of Caller
            gap: what changed while it was read is counted, not told; ask again
            gap: no git history here, so who changed it and when is not known"#]],
    );
    memory.now.remove("a.py");
    check_evidence_of(
        &memory,
        "a.py",
        expect![[r#"
            file a.py
            gap: a.py is no longer there"#]],
    );
}

/// A repository of which one file is another after it was read so often.
struct Changing {
    memory: Memory,
    path: &'static str,
    then: &'static str,
    reads: Cell<usize>,
}

impl History for Changing {
    fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        if path != self.path {
            return self.memory.bytes(path);
        }
        let left = self.reads.get();
        self.reads.set(left.saturating_sub(1));
        if left > 0 { self.memory.bytes(path) } else { Ok(Some(self.then.as_bytes().to_vec())) }
    }

    fn bytes_in(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.memory.bytes_in(commit, path)
    }

    fn commit(&self, revision: &str) -> Result<Commit, Fault> {
        self.memory.commit(revision)
    }

    fn commits(&self, path: &str, lines: (u32, u32), limit: usize) -> Result<Vec<Commit>, Fault> {
        self.memory.commits(path, lines, limit)
    }

    fn companions(&self, path: &str, limit: usize) -> Result<(Vec<(String, u32)>, u32), Fault> {
        self.memory.companions(path, limit)
    }

    fn coverage(&self, files: &[String]) -> Result<Vec<Result<Coverage, String>>, Fault> {
        self.memory.coverage(files)
    }

    fn changed(&self, commit: Option<&str>) -> Result<Vec<String>, Fault> {
        self.memory.changed(commit)
    }
}

#[test]
fn a_file_that_changes_while_it_is_explained_is_cited_as_it_was_understood() {
    let memory = Memory::parse("//- a.py\ndef kept():\n    \"\"\"Keeps.\"\"\"\n    return 1\n");
    let changing =
        Changing { memory, path: "a.py", then: "import os\nos.remove('everything, all of it, and more')\n", reads: Cell::new(1) };
    let target = Target::Member { path: "a.py".to_owned(), symbol: "kept".to_owned() };
    let told = evidence(&changing.memory, &changing, &target, &Patient).unwrap();
    check_citations(&changing.memory, &told);
    assert_eq!(told.facts.len(), 2, "{}", shown(&told));
}

#[test]
fn a_longer_name_in_the_place_of_another_is_not_cited_for_it() {
    let mut memory = Memory::parse("//- a.py\ndef run(): pass\n//- b.py\nfrom a import run\ndef user(): run()\n");
    memory.now.insert("b.py".to_owned(), b"from a import run\ndef user(): run_all()\n".to_vec());
    let told = told(&memory, "a.py#run").unwrap();
    assert_eq!(told.left_out, [(Role::Caller, 1)], "{}", shown(&told));
}

#[test]
fn a_test_whose_text_is_written_with_escapes_is_cited() {
    let mut memory = Memory::parse(
        "//- package.json\n{}\n//- a.js\nexport function f() { return 2 }\n//- a.js @before\nexport function f() { return 1 }\n\
         //- a.test.js\nimport { f } from './a';\ntest('doesn\\'t fail', () => { f(); });\n",
    );
    memory.commits = vec![commit("before", "First")];
    check_evidence_of(
        &memory,
        "diff",
        expect![[r#"
        what changed in the working tree
        Change function `f` in a.js changed [a.js:1-1]
        Test doesn't fail is affected: doesn't fail → f (changed) [a.test.js:2-2]"#]],
    );
}

#[test]
fn that_nothing_changed_is_an_answer_and_so_is_that_there_is_no_history() {
    let mut memory = Memory::parse("//- a.py\ndef f(): pass\n");
    check_evidence_of(&memory, "diff", expect!["there is no what changed: the folder is in no git repository that has a commit; near: "]);
    memory.commits = vec![commit("before", "First")];
    check_evidence_of(
        &memory,
        "diff",
        expect![[r#"
            what changed in the working tree
            Change nothing changed since HEAD [commit before]"#]],
    );
}

fn commit(id: &str, title: &str) -> Commit {
    Commit { id: id.to_owned(), parent: None, title: title.to_owned(), author: "Ada".to_owned(), time: 0 }
}

#[test]
fn the_history_of_a_symbol_is_told() {
    let mut memory = Memory::parse(SHOP);
    memory.commits = vec![commit("aa11", "Taxes are doubled")];
    check_evidence_of(
        &memory,
        "rate",
        expect![[r#"
        function `rate` in src/tax.rs
        Definition pub fn rate() -> u32 [src/tax.rs:1-1]
        Caller total calls it [src/cart.rs:4-4]
        Test totals → total → rate [tests/all.rs:3-3]
        Commit Taxes are doubled (Ada) [commit aa11]"#]],
    );
}

#[test]
fn what_changed_in_the_working_tree_is_told_by_symbol() {
    let mut memory = Memory::parse(&format!("{SHOP}//- src/tax.rs @before\npub fn rate() -> u32 {{ 1 }}\npub fn gone() {{}}\n"));
    memory.commits = vec![commit("before", "First")];
    check_evidence_of(
        &memory,
        "diff",
        expect![[r#"
            what changed in the working tree
            Change function `rate` in src/tax.rs changed [src/tax.rs:1-1]
            Test totals is affected: totals → total → rate (changed) [tests/all.rs:3-3]
            gap: function `gone` in src/tax.rs was removed"#]],
    );
}

#[test]
fn a_member_that_is_inherited_is_named_by_its_base() {
    check_evidence(
        "
//- cache.py
class LRI:
    def get(self): pass
class LRU(LRI):
    pass
",
        "LRU.get",
        expect!["there is no a symbol `LRU.get`; near: cache.py#LRI.get"],
    );
}

#[test]
fn a_test_is_found_as_test_runs_list_it() {
    let fixture = "
//- tests/test_a.py
class TestX:
    def test_it(self): pass
def test_flaky(n): pass
//- tests/test_b.py
def test_flaky(n): pass
";
    let title =
        |target: &str| told(&Memory::parse(fixture), target).map(|evidence| evidence.title).unwrap_or_else(|fault| fault.to_string());
    assert_eq!(title("test:tests/test_b.py::test_flaky"), "test `test_flaky` in tests/test_b.py");
    assert_eq!(title("test:tests/test_a.py::test_flaky[a-1]"), "test `test_flaky` in tests/test_a.py");
    assert_eq!(title("test:tests/test_a.py::TestX::test_it"), "test `TestX.test_it` in tests/test_a.py");
    assert_eq!(title("test:test_flaky"), "test `test_flaky` in tests/test_a.py, one of 2 of that name");
    assert_eq!(title("test:tests/test_b.py::test_it"), "find a test `tests/test_b.py::test_it`");
}
