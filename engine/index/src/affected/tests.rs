//! What a change affects, language by language and trap by trap.

use expect_test::{Expect, expect};
use naestro_kernel::code::Change;

use super::affected;
use crate::fixture::{BEFORE, Memory, Patient};

#[track_caller]
fn check_affected(fixture: &str, expect: Expect) {
    let memory = Memory::parse(fixture);
    let change = Change { since: Some(BEFORE.to_owned()), files: memory.changed_files() };
    let found = affected(&memory, &memory, &change, &Patient).unwrap();
    let mut lines: Vec<String> =
        found.changed.iter().map(|changed| format!("changed {}:{} {}", changed.path, changed.line, changed.name)).collect();
    lines.extend(found.tests.iter().map(|test| format!("{}:{} {}", test.path, test.line, test.reason)));
    let scope = |scope: &str| if scope.is_empty() { "everything".to_owned() } else { scope.to_owned() };
    lines.extend(found.widened.iter().map(|widened| format!("widened to {}: {} {}", scope(&widened.scope), widened.file, widened.reason)));
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn a_test_that_calls_what_changed_is_selected_and_its_neighbour_is_not() {
    check_affected(
        "
//- Cargo.toml
[package]
name = \"demo\"
//- src/lib.rs
pub fn parse() -> u32 { helper() }
fn helper() -> u32 { 2 }
pub fn other() -> u32 { 3 }
//- src/lib.rs @before
pub fn parse() -> u32 { helper() }
fn helper() -> u32 { 1 }
pub fn other() -> u32 { 3 }
//- tests/all.rs
use demo::{other, parse};
#[test]
fn parses() { assert_eq!(parse(), 2); }
#[test]
fn others() { assert_eq!(other(), 3); }
",
        expect![[r#"
            changed src/lib.rs:2 helper
            tests/all.rs:3 parses → parse → helper (changed)"#]],
    );
}

#[test]
fn comments_and_spaces_change_nothing() {
    check_affected(
        "
//- src/lib.rs
// A comment.
pub fn parse()   -> u32 { 1 }
#[test]
fn parses() { parse(); }
//- src/lib.rs @before
pub fn parse() -> u32 { 1 }
#[test]
fn parses() { parse(); }
",
        expect![[r#""#]],
    );
}

#[test]
fn rust_paths_go_through_modules_and_re_exports() {
    check_affected(
        "
//- Cargo.toml
[package]
name = \"my-demo\"
//- src/lib.rs
mod inner;
pub mod deep;
pub use inner::parse as read;
//- src/inner.rs
pub fn parse() -> u32 { super::deep::er::count() }
//- src/deep/mod.rs
pub mod er;
//- src/deep/er.rs
pub fn count() -> u32 { 2 }
pub fn unused() {}
//- src/deep/er.rs @before
pub fn count() -> u32 { 1 }
pub fn unused() {}
//- tests/all.rs
#[test]
fn reads() { my_demo::read(); }
#[test]
fn nothing() { my_demo::deep::er::unused(); }
",
        expect![[r#"
            changed src/deep/er.rs:1 count
            tests/all.rs:2 reads → parse → count (changed)"#]],
    );
}

#[test]
fn rust_methods_are_meant_where_their_type_is_held() {
    check_affected(
        "
//- src/lib.rs
pub struct Stack { items: Vec<u32> }
impl Stack {
    pub fn new() -> Self { Self { items: Vec::new() } }
    pub fn len(&self) -> usize { self.items.len() + 0 }
}
pub struct Queue;
impl Queue {
    pub fn new() -> Self { Queue }
    pub fn len(&self) -> usize { 0 }
}
pub fn make() -> Stack { Stack::new() }
#[test]
fn of_a_stack() { assert_eq!(Stack::new().len(), 0); }
#[test]
fn of_a_made_stack() { let made = make(); assert_eq!(made.len(), 0); }
#[test]
fn of_a_queue() { assert_eq!(Queue::new().len(), 0); }
#[test]
fn of_a_vector() { assert_eq!(vec![1].len(), 1); }
//- src/lib.rs @before
pub struct Stack { items: Vec<u32> }
impl Stack {
    pub fn new() -> Self { Self { items: Vec::new() } }
    pub fn len(&self) -> usize { self.items.len() }
}
pub struct Queue;
impl Queue {
    pub fn new() -> Self { Queue }
    pub fn len(&self) -> usize { 0 }
}
pub fn make() -> Stack { Stack::new() }
#[test]
fn of_a_stack() { assert_eq!(Stack::new().len(), 0); }
#[test]
fn of_a_made_stack() { let made = make(); assert_eq!(made.len(), 0); }
#[test]
fn of_a_queue() { assert_eq!(Queue::new().len(), 0); }
#[test]
fn of_a_vector() { assert_eq!(vec![1].len(), 1); }
",
        expect![[r#"
            changed src/lib.rs:4 Stack::len
            src/lib.rs:13 of_a_stack → len (changed)
            src/lib.rs:15 of_a_made_stack → len (changed)"#]],
    );
}

#[test]
fn what_operators_and_formats_call_is_reached_through_its_type() {
    check_affected(
        "
//- src/lib.rs
pub struct Money(u32);
impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, \"{} euro\", self.0) }
}
pub fn pay() -> Money { Money(1) }
#[test]
fn shows() { assert_eq!(format!(\"{}\", pay()), \"1 euro\"); }
#[test]
fn nothing() {}
//- src/lib.rs @before
pub struct Money(u32);
impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, \"{}\", self.0) }
}
pub fn pay() -> Money { Money(1) }
#[test]
fn shows() { assert_eq!(format!(\"{}\", pay()), \"1 euro\"); }
#[test]
fn nothing() {}
",
        expect![[r#"
            changed src/lib.rs:3 Money::fmt
            src/lib.rs:7 shows → pay → Money → fmt (changed)"#]],
    );
}

#[test]
fn a_trait_method_is_reached_by_callers_that_know_only_the_trait() {
    check_affected(
        "
//- src/lib.rs
pub trait Encode { fn encode(&self) -> u8; }
pub struct A;
impl Encode for A { fn encode(&self) -> u8 { 2 } }
pub fn all<T: Encode>(item: T) -> u8 { item.encode() }
#[test]
fn encodes() { all(A); }
//- src/lib.rs @before
pub trait Encode { fn encode(&self) -> u8; }
pub struct A;
impl Encode for A { fn encode(&self) -> u8 { 1 } }
pub fn all<T: Encode>(item: T) -> u8 { item.encode() }
#[test]
fn encodes() { all(A); }
",
        expect![[r#"
            changed src/lib.rs:3 A::encode
            src/lib.rs:6 encodes → all → encode (changed)"#]],
    );
}

#[test]
fn a_macro_is_reached_by_those_that_expand_it() {
    check_affected(
        "
//- src/lib.rs
macro_rules! twice { ($e:expr) => { $e + $e + 0 }; }
pub fn four() -> u32 { twice!(2) }
#[test]
fn fours() { assert_eq!(four(), 4); }
//- src/lib.rs @before
macro_rules! twice { ($e:expr) => { $e + $e }; }
pub fn four() -> u32 { twice!(2) }
#[test]
fn fours() { assert_eq!(four(), 4); }
",
        expect![[r#"
            changed src/lib.rs:1 twice
            src/lib.rs:4 fours → four → twice (changed)"#]],
    );
}

#[test]
fn python_imports_packages_and_relative_modules() {
    check_affected(
        "
//- pyproject.toml
//- src/shop/__init__.py
from .cart import total as sum_up
//- src/shop/cart.py
from . import tax
def total(): return tax.rate()
def empty(): return 0
//- src/shop/tax.py
def rate(): return 2
//- src/shop/tax.py @before
def rate(): return 1
//- tests/test_shop.py
import shop
from shop.cart import empty
def test_total(): assert shop.sum_up() == 1
def test_empty(): assert empty() == 0
",
        expect![[r#"
            changed src/shop/tax.py:1 rate
            tests/test_shop.py:3 test_total → total → rate (changed)"#]],
    );
}

#[test]
fn python_fixtures_are_asked_for_by_parameters() {
    check_affected(
        "
//- tests/conftest.py
import pytest
@pytest.fixture
def client(): return make()
def make(): return 2
@pytest.fixture(autouse=True)
def clean(): pass
//- tests/conftest.py @before
import pytest
@pytest.fixture
def client(): return make()
def make(): return 1
@pytest.fixture(autouse=True)
def clean(): pass
//- tests/deep/test_a.py
def test_client(client): assert client
def test_none(): pass
",
        expect![[r#"
            changed tests/conftest.py:4 make
            tests/deep/test_a.py:1 test_client → client → make (changed)"#]],
    );
}

#[test]
fn an_autouse_fixture_serves_every_test_below_it() {
    check_affected(
        "
//- tests/conftest.py
import pytest
@pytest.fixture(autouse=True)
def clean(): return 2
//- tests/conftest.py @before
import pytest
@pytest.fixture(autouse=True)
def clean(): return 1
//- tests/deep/test_a.py
def test_any(): pass
//- other/test_b.py
def test_other(): pass
",
        expect![[r#"
            changed tests/conftest.py:3 clean
            tests/deep/test_a.py:1 test_any → clean (changed)"#]],
    );
}

#[test]
fn python_set_up_overriding_and_dunder_methods() {
    check_affected(
        "
//- box.py
class Box:
    def __len__(self): return 2
    def open(self): return self.key()
    def key(self): return 0
class Safe(Box):
    def key(self): return 2
//- box.py @before
class Box:
    def __len__(self): return 1
    def open(self): return self.key()
    def key(self): return 0
class Safe(Box):
    def key(self): return 1
//- test_box.py
import unittest
from box import Box, Safe
class BoxTest(unittest.TestCase):
    def test_len(self): self.assertEqual(len(Box()), 1)
    def test_nothing(self): pass
class SafeTest(unittest.TestCase):
    def setUp(self): self.safe = Safe()
    def test_opens(self): self.safe.open()
",
        expect![[r#"
            changed box.py:2 Box.__len__
            changed box.py:6 Safe.key
            test_box.py:4 test_len → Box → __len__ (changed)
            test_box.py:8 test_opens → open → key (changed)"#]],
    );
}

#[test]
fn scripts_import_by_path_by_index_and_by_default() {
    check_affected(
        "
//- package.json
{ \"name\": \"demo\" }
//- src/index.ts
export { add as plus } from './math';
export { default as shout } from './loud';
//- src/math.ts
export function add(a: number, b: number) { return a + b + 0; }
export function sub(a: number, b: number) { return a - b; }
//- src/math.ts @before
export function add(a: number, b: number) { return a + b; }
export function sub(a: number, b: number) { return a - b; }
//- src/loud.ts
export default function loud(text: string) { return text.toUpperCase(); }
//- src/loud.ts @before
export default function loud(text: string) { return text; }
//- test/math.test.ts
import { plus } from '../src';
import { sub } from '../src/math.js';
import anything from '../src/loud';
describe('math', () => {
  it('adds', () => { expect(plus(1, 2)).toBe(3); });
  it('subtracts', () => { expect(sub(1, 2)).toBe(-1); });
  it('shouts', () => { expect(anything('a')).toBe('A'); });
});
",
        expect![[r#"
            changed src/loud.ts:1 loud
            changed src/math.ts:1 add
            test/math.test.ts:5 adds → add (changed)
            test/math.test.ts:7 shouts → loud (changed)"#]],
    );
}

#[test]
fn before_each_serves_its_suite() {
    check_affected(
        "
//- src/a.test.js
import { make } from './a.js';
describe('one', () => {
  beforeEach(() => { make(); });
  it('uses it', () => {});
});
describe('two', () => {
  it('does not', () => {});
});
//- src/a.js
export function make() { return 2; }
//- src/a.js @before
export function make() { return 1; }
",
        expect![[r#"
            changed src/a.js:1 make
            src/a.test.js:4 uses it → one → make (changed)"#]],
    );
}

#[test]
fn go_packages_are_folders_and_init_runs_for_all() {
    check_affected(
        "
//- go.mod
module example.com/demo
//- calc/calc.go
package calc
func Add(a, b int) int { return plus(a, b) }
func Sub(a, b int) int { return a - b }
//- calc/plus.go
package calc
func plus(a, b int) int { return a + b + 0 }
//- calc/plus.go @before
package calc
func plus(a, b int) int { return a + b }
//- calc/calc_test.go
package calc
import \"testing\"
func TestAdd(t *testing.T) { Add(1, 2) }
func TestSub(t *testing.T) { Sub(1, 2) }
//- cmd/main_test.go
package main
import (
  \"testing\"
  \"example.com/demo/calc\"
)
func TestMainAdd(t *testing.T) { calc.Add(1, 2) }
",
        expect![[r#"
            changed calc/plus.go:2 plus
            calc/calc_test.go:3 TestAdd → Add → plus (changed)
            cmd/main_test.go:6 TestMainAdd → Add → plus (changed)"#]],
    );
}

#[test]
fn java_by_package_and_before_each() {
    check_affected(
        "
//- pom.xml
//- src/main/java/a/Calc.java
package a;
public class Calc {
  public int add(int x, int y) { return x + y + 0; }
  public int sub(int x, int y) { return x - y; }
}
//- src/main/java/a/Calc.java @before
package a;
public class Calc {
  public int add(int x, int y) { return x + y; }
  public int sub(int x, int y) { return x - y; }
}
//- src/test/java/a/CalcTest.java
package a;
import org.junit.jupiter.api.Test;
class CalcTest {
  @Test void adds() { new Calc().add(1, 2); }
  @Test void subtracts() { new Calc().sub(1, 2); }
}
",
        expect![[r#"
            changed src/main/java/a/Calc.java:3 Calc.add
            src/test/java/a/CalcTest.java:4 adds → add (changed)"#]],
    );
}

#[test]
fn c_through_headers() {
    check_affected(
        "
//- src/add.h
int add(int a, int b);
//- src/add.c
#include \"add.h\"
int add(int a, int b) { return a + b + 0; }
int sub(int a, int b) { return a - b; }
//- src/add.c @before
#include \"add.h\"
int add(int a, int b) { return a + b; }
int sub(int a, int b) { return a - b; }
//- tests/test_add.cpp
#include \"../src/add.h\"
TEST(Math, Adds) { EXPECT_EQ(add(1, 2), 3); }
TEST(Math, Subtracts) { EXPECT_EQ(sub(1, 2), -1); }
",
        expect![[r#"
            changed src/add.c:2 add
            tests/test_add.cpp:2 Adds → add (changed)"#]],
    );
}

#[test]
fn what_cannot_be_reasoned_about_widens_the_selection() {
    check_affected(
        "
//- Cargo.toml @before
//- Cargo.toml
[workspace]
//- README.md @before
//- README.md
Words.
//- a/Cargo.toml
[package]
//- a/build.rs @before
//- a/build.rs
fn main() {}
//- a/src/lib.rs @before
fn f() {}
//- a/src/lib.rs
fn f( {
//- a/tests/data.json @before
//- a/tests/data.json
{}
//- conftest.py @before
//- conftest.py
def pytest_configure(): pass
//- gen/made.py @before
//- gen/made.py
# @generated
X = 1
",
        expect![[r#"
            changed a/src/lib.rs:1 f
            changed a/src/lib.rs:1 
            changed conftest.py:1 pytest_configure
            changed gen/made.py:2 X
            widened to everything: Cargo.toml it decides how the package is built or its tests are run
            widened to a: a/build.rs it decides how the package is built or its tests are run
            widened to a: a/src/lib.rs its syntax is broken, so what it defines is not certain
            widened to a: a/tests/data.json it is no code that is understood, and tests may read it
            widened to everything: conftest.py its `pytest_configure` is called by pytest for every test below it
            widened to everything: gen/made.py it is generated, so what makes it may have changed too"#]],
    );
}

#[test]
fn what_is_removed_concerns_those_that_named_it() {
    check_affected(
        "
//- a.py
def kept(): pass
//- a.py @before
def kept(): pass
def lost(): pass
//- gone.py @gone
def old(): pass
//- test_a.py
from a import kept, lost
from gone import old
def test_kept(): kept()
def test_lost(): lost()
def test_old(): old()
",
        expect![[r#"
            changed a.py:2 lost
            changed gone.py:1 old
            changed gone.py:1 
            test_a.py:3 test_kept → test_a.py → gone.py (removed)
            test_a.py:4 test_lost → lost (removed)
            test_a.py:5 test_old → old (removed)"#]],
    );
}

#[test]
fn without_a_commit_everything_may_be_affected() {
    let memory = Memory::parse("//- test_a.py\ndef test_a(): pass\n");
    let found = affected(&memory, &memory, &Change { since: None, files: Vec::new() }, &Patient).unwrap();
    assert_eq!(found.known, vec![("test_a.py".to_owned(), vec!["test_a".to_owned()])]);
    assert_eq!(found.widened.len(), 1);
}

#[test]
fn a_blanket_implementation_is_reached_through_the_trait_alone() {
    check_affected(
        "
//- src/lib.rs
trait Flow { fn push_flow(&self) -> u8; }
impl<T> Flow for T { fn push_flow(&self) -> u8 { 2 } }
pub trait Network { fn run_all(&self) -> u8 { self.push_flow() } }
pub struct Net;
impl Network for Net {}
#[test]
fn runs() { Net.run_all(); }
//- src/lib.rs @before
trait Flow { fn push_flow(&self) -> u8; }
impl<T> Flow for T { fn push_flow(&self) -> u8 { 1 } }
pub trait Network { fn run_all(&self) -> u8 { self.push_flow() } }
pub struct Net;
impl Network for Net {}
#[test]
fn runs() { Net.run_all(); }
",
        expect![[r#"
            changed src/lib.rs:2 T::push_flow
            src/lib.rs:7 runs → run_all → push_flow (changed)"#]],
    );
}

#[test]
fn a_test_file_named_as_the_crate_does_not_hide_it() {
    check_affected(
        "
//- Cargo.toml
[package]
name = \"demo\"
//- src/lib.rs
pub mod prelude { pub use crate::deep::*; }
mod deep;
//- src/deep.rs
pub fn parse() -> u32 { 2 }
//- src/deep.rs @before
pub fn parse() -> u32 { 1 }
//- tests/demo.rs
use demo::prelude::*;
#[test]
fn parses() { parse(); }
//- tests/other.rs
use demo::prelude::*;
#[test]
fn parses_too() { parse(); }
",
        expect![[r#"
            changed src/deep.rs:1 parse
            tests/demo.rs:3 parses → parse (changed)
            tests/other.rs:3 parses_too → parse (changed)"#]],
    );
}

#[test]
fn tests_that_macros_make_widen_the_selection_to_their_file() {
    check_affected(
        "
//- Cargo.toml
[package]
name = \"demo\"
//- src/lib.rs
pub fn parse() -> u32 { 2 }
//- src/lib.rs @before
pub fn parse() -> u32 { 1 }
//- tests/made.rs
use demo::parse;
make_tests! { one => parse() }
",
        expect![[r#"
            changed src/lib.rs:1 parse
            widened to tests/made.rs: src/lib.rs a macro of this file mentions what reaches `parse`, and may make tests"#]],
    );
}

#[test]
fn twenty_thousand_tests_are_selected_from_at_once() {
    let mut fixture =
        "//- shop.py\ndef f0(): return 2\ndef f1(): return 1\n//- shop.py @before\ndef f0(): return 1\ndef f1(): return 1\n".to_owned();
    for file in 0..200 {
        fixture.push_str(&format!("//- tests/test_{file}.py\nimport shop\n"));
        for test in 0..100 {
            fixture.push_str(&format!("def test_{test}(): shop.f{}()\n", test % 2));
        }
    }
    let memory = Memory::parse(&fixture);
    let change = Change { since: Some(BEFORE.to_owned()), files: memory.changed_files() };
    let found = affected(&memory, &memory, &change, &Patient).unwrap();
    assert_eq!((found.known.len(), found.tests.len()), (20_000, 10_000));
}

#[test]
fn code_that_is_named_like_a_document_is_code() {
    check_affected(
        "
//- README_examples.py
def f(): return 2
//- README_examples.py @before
def f(): return 1
//- test_a.py
from README_examples import f
def test_f(): f()
",
        expect![[r#"
            changed README_examples.py:1 f
            test_a.py:2 test_f → f (changed)"#]],
    );
}

#[test]
fn a_class_within_a_class_has_its_own_bases() {
    check_affected(
        "
//- pets.py
class Animal:
    def speak(self): return 0
class Outer:
    class Dog(Animal):
        def speak(self): return 2
//- pets.py @before
class Animal:
    def speak(self): return 0
class Outer:
    class Dog(Animal):
        def speak(self): return 1
//- test_pets.py
from pets import Animal
def test_speaks(): Animal().speak()
",
        expect![[r#"
            changed pets.py:5 Outer.Dog.speak
            test_pets.py:2 test_speaks → speak (changed)"#]],
    );
}
