//! Rust.

use expect_test::expect;

use super::{check, check_imports, check_mentions};
use crate::Language::Rust;

#[test]
fn definitions_with_heads_docs_and_attributes() {
    check(
        Rust,
        r#"
//! The file.
use std::fmt;

/// A point.
///
/// In the plane.
#[derive(Debug, Clone)]
pub struct Point<T> { pub x: T, /** Up. */ y: T }
struct Pair(u8, u8);
// no documentation
enum Shape { Dot, Line { from: Point<u8> } }
const LIMIT: usize = 3;
static mut COUNT: u8 = 0;
type Alias = Vec<Point<u8>>;
macro_rules! twice { ($x:expr) => { double($x) } }
trait Draw: fmt::Debug + Send { type Out; fn draw(&self) -> Self::Out; fn twice(&self) { self.draw(); } }
impl<T: Copy> fmt::Display for Point<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "{}", self.x) }
}
impl Point<u8> {
    /// Makes one.
    #[must_use]
    pub const fn new(x: u8) -> Self
    where u8: Copy {
        fn inner() {}
        inner();
        Self { x, y: LIMIT as u8 }
    }
}
mod inside { pub fn deep() {} }
pub mod outside;
"#,
        expect![[r#"
            Struct Point 8-9 marks=Debug Clone | pub struct Point<T> | body 9-9 | doc "A point.\n\nIn the plane."
              Field x 9-9 | pub x: T
              Field y 9-9 | y: T
            Struct Pair 10-10 | struct Pair(u8, u8)
            Enum Shape 12-12 | enum Shape | body 12-12
              Variant Dot 12-12 | Dot
              Variant Line 12-12 | Line { from: Point<u8> }
                Field from 12-12 | from: Point<u8>
            Constant LIMIT 13-13 | const LIMIT: usize = 3
            Variable COUNT 14-14 | static mut COUNT: u8 = 0
            Type Alias 15-15 | type Alias = Vec<Point<u8>>
            Macro twice 16-16 | macro_rules! twice { ($x:expr) => { double($x) } }
            Trait Draw 17-17 bases=fmt::Debug Send | trait Draw: fmt::Debug + Send | body 17-17
              Type Out 17-17 | type Out
              Method draw 17-17 owner=Draw | fn draw(&self) -> Self::Out
              Method twice 17-17 owner=Draw | fn twice(&self) | body 17-17
            Impl Point 18-20 bases=fmt::Display | impl<T: Copy> fmt::Display for Point<T> | body 18-20
              Method fmt 19-19 owner=Point | fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result | body 19-19
            Impl Point 21-30 | impl Point<u8> | body 21-30
              Method new 23-29 owner=Point marks=must_use | pub const fn new(x: u8) -> Self where u8: Copy | body 25-29 | doc "Makes one."
                Function inner 26-26 | fn inner() | body 26-26
            Module inside 31-31 | mod inside | body 31-31
              Function deep 31-31 | pub fn deep() | body 31-31
            Module outside 32-32 | pub mod outside
            import "fmt" from "std" as "fmt"
            import "" from "self::outside" as "outside" (handed on)
            ~ macro derive in Point:8
            ~ macro Debug in Point:8
            ~ macro Clone in Point:8
            ~ type T in Point:9
            ~ type T in x:9
            ~ type T in y:9
            ~ type Point in from:12
            ~ type Vec in Alias:15
            ~ type Point in Alias:15
            ~ call double in twice:16
            ~ name fmt in Draw:17
            ~ type [fmt] Debug in Draw:17
            ~ type Send in Draw:17
            ~ name Self in draw:17
            ~ type [Self] Out in draw:17
            ~ method [self] draw in twice:17
            ~ type T in Point:18
            ~ type Copy in Point:18
            ~ name fmt in Point:18
            ~ type [fmt] Display in Point:18
            ~ type Point in Point:18
            ~ type T in Point:18
            ~ name fmt in fmt:19
            ~ type [fmt] Formatter in fmt:19
            ~ name fmt in fmt:19
            ~ type [fmt] Result in fmt:19
            ~ macro write in fmt:19
            ~ macro f in fmt:19
            ~ member [self] x in fmt:19
            ~ type Point in Point:21
            ~ macro must_use in new:23
            ~ type Self in new:24
            ~ type Copy in new:25
            ~ call inner in new:27
            ~ type Self in new:28
            ~ name x in new:28
            ~ member y in new:28
            ~ name LIMIT in new:28
        "#]],
    );
}

#[test]
fn tests_are_told_by_their_attributes() {
    check(
        Rust,
        r#"
#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "x")]
    fn plain() { assert_eq!(super::add(1, 2).abs(), map[&key(3)].len(), "said {}", x); }
    #[tokio::test(flavor = "multi_thread")]
    async fn later() {}
    #[rstest]
    #[case(1)]
    fn table(#[case] x: u8) {}
    fn helper() {}
    proptest! {
        /// Holds.
        #[test]
        fn holds(x in 0..10u8) { check(x) }

        #[test]
        fn too(y: u8) { a::b(y); }
        fn not_one() { c() }
    }
}
"#,
        expect![[r#"
            Module tests 2-22 marks=cfg(test) | mod tests | body 3-22
              Test plain 4-6 marks=test should_panic | fn plain() | body 6-6
              Test later 7-8 marks=tokio::test | async fn later() | body 8-8
              Test table 9-11 marks=rstest case | fn table(#[case] x: u8) | body 11-11
              Function helper 12-12 | fn helper() | body 12-12
              Test holds 15-16 marks=test | fn holds(x in 0..10u8) | body 16-16 | doc "Holds."
              Test too 18-19 marks=test | fn too(y: u8) | body 19-19
            ~ macro cfg in tests:2
            ~ macro test in tests:2
            ~ macro test in plain:4
            ~ macro should_panic in plain:5
            ~ macro expected in plain:5
            ~ macro assert_eq in plain:6
            ~ call [super] add in plain:6
            ~ method [] abs in plain:6
            ~ macro map in plain:6
            ~ call key in plain:6
            ~ method [] len in plain:6
            ~ macro x in plain:6
            ~ name tokio in later:7
            ~ macro [tokio] test in later:7
            ~ macro flavor in later:7
            ~ macro multi_thread in later:7
            ~ macro rstest in table:9
            ~ macro case in table:10
            ~ macro case in table:11
            ~ macro proptest in tests:13
            ~ macro test in holds:15
            ~ macro x in holds:16
            ~ call check in holds:16
            ~ macro x in holds:16
            ~ macro test in too:18
            ~ macro y in too:19
            ~ macro a in too:19
            ~ call [a] b in too:19
            ~ macro y in too:19
            ~ call not_one in tests:20
            ~ call c in tests:20
        "#]],
    );
}

#[test]
fn uses_are_flattened() {
    check_imports(
        Rust,
        "use a; use a::b; pub use a::{b, self, c as d, e::*, f::{g, h::i}}; use crate::x::Y as _; use ::std::io; use super::*; use {p::q, r};
         pub(crate) mod x; extern crate core as base;",
        expect![[r#"
            import "" from "a" as "a"
            import "b" from "a" as "b"
            import "b" from "a" as "b" (handed on)
            import "" from "a" as "a" (handed on)
            import "c" from "a" as "d" (handed on)
            import "*" from "a::e" as "" (handed on)
            import "g" from "a::f" as "g" (handed on)
            import "i" from "a::f::h" as "i" (handed on)
            import "Y" from "crate::x" as "_"
            import "io" from "::std" as "io"
            import "*" from "super" as ""
            import "q" from "p" as "q"
            import "" from "r" as "r"
            import "" from "self::x" as "x" (handed on)
            import "" from "core" as "base""#]],
    );
}

#[test]
fn mentions_know_how_they_are_meant() {
    check_mentions(
        Rust,
        r#"
fn f<T: Bound>(mut a: Arg, (b, c): (B, C)) -> Result<Out> {
    let local = a.field.call::<u8>(other);
    let x = a::b::c::<u8>(d);
    Vec::<u8>::with(E::F, |g| g.h());
    self::go(); Self::me(); crate::top::far();
    chain().then(y)?.last;
    S { one, two: 2, ..rest };
    <T as Tr>::from(z);
    vec![foo(x), bar.baz(1), Q::r, format!("{}", s.t), 0..n];
    std::println!("{x}");
    'outer: loop { break 'outer; }
}
#[serde(default = "make::it", rename = "no name")]
struct S;
"#,
        expect![[r#"
            type T in f:2
            type Bound in f:2
            type Arg in f:2
            type B in f:2
            type C in f:2
            type Result in f:2
            type Out in f:2
            name a in f:3
            member [a] field in f:3
            method [a.field] call in f:3
            name other in f:3
            name a in f:4
            name [a] b in f:4
            call [a::b] c in f:4
            name d in f:4
            type Vec in f:5
            call [Vec] with in f:5
            name E in f:5
            name [E] F in f:5
            name g in f:5
            method [g] h in f:5
            call [self] go in f:6
            name Self in f:6
            call [Self] me in f:6
            name [crate] top in f:6
            call [crate::top] far in f:6
            call chain in f:7
            method [] then in f:7
            name y in f:7
            member [] last in f:7
            type S in f:8
            name one in f:8
            member two in f:8
            name rest in f:8
            type T in f:9
            type Tr in f:9
            call [] from in f:9
            name z in f:9
            macro vec in f:10
            call foo in f:10
            macro x in f:10
            macro bar in f:10
            method [bar] baz in f:10
            macro Q in f:10
            macro [Q] r in f:10
            macro format in f:10
            macro s in f:10
            member [s] t in f:10
            macro n in f:10
            name std in f:11
            macro [std] println in f:11
            macro serde in S:14
            macro make in S:14
            macro [make] it in S:14
            macro rename in S:14"#]],
    );
}
