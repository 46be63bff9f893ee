//! What is changed, by example.

use expect_test::{Expect, expect};

use super::mutants;

#[track_caller]
fn check(path: &str, source: &str, expect: Expect) {
    let lines = mutants(path, source.as_bytes()).into_iter().map(|mutant| {
        let from = &source[mutant.bytes.clone()];
        format!("{}:{} `{from}` -> `{}`", mutant.symbol, mutant.line, mutant.replacement)
    });
    expect.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn rust() {
    check(
        "src/lib.rs",
        r#"
const N: usize = 1;
#[cfg(feature = "x")]
fn f<const M: usize>(a: [u8; 4]) -> Vec<u8> {
    if !a.b && x == 10u8 || y < 0xff { return g(a.0); }
    let t: Foo<3> = true; // 1 + 1
    z -= 1.5; assert_eq!(1, 2); "2 + 2";
    x
}
impl T { fn m(&self) -> bool { const fn inner() -> u8 { 1 } self.a >= 2 } }
#[cfg(test)]
mod tests { fn helper() { 1 + 1 } #[test] fn t() { 2 + 2 } }
#[test]
fn t() { 3 + 3 }
"#,
        expect![[r#"
            f:5 `!` -> ``
            f:5 `&&` -> `||`
            f:5 `==` -> `!=`
            f:5 `10u8` -> `11u8`
            f:5 `||` -> `&&`
            f:5 `<` -> `<=`
            f:5 `g(a.0)` -> `Default::default()`
            f:6 `true` -> `false`
            f:7 `-=` -> `+=`
            T::m::inner:10 `1` -> `2`
            T::m:10 `>=` -> `>`
            T::m:10 `2` -> `3`"#]],
    );
}

#[test]
fn python() {
    check(
        "a/b.py",
        r#"
LIMIT = 1
class A:
    x = 2
    @dec(3)
    def m(self, a=4) -> "5":
        """6 + 6"""
        if not a and b == 1 or c is not d or e not in f:
            return a.b + 1
        x -= 1
        return self.x
        return None
        return True
def test_it():
    assert 1 + 1 == 2
class TestA:
    def helper(self): return 1
"#,
        expect![[r#"
            A.m:8 `not ` -> ``
            A.m:8 `and` -> `or`
            A.m:8 `==` -> `!=`
            A.m:8 `1` -> `2`
            A.m:8 `or` -> `and`
            A.m:8 `is not` -> `is`
            A.m:8 `or` -> `and`
            A.m:8 `not in` -> `in`
            A.m:9 `+` -> `-`
            A.m:9 `1` -> `2`
            A.m:10 `-=` -> `+=`
            A.m:10 `1` -> `2`
            A.m:11 `self.x` -> `None`
            A.m:13 `True` -> `False`"#]],
    );
}

#[test]
fn typescript() {
    check(
        "a.tsx",
        r#"
const N = 1;
export const f = (a: 1 | 2 = 3): Foo<4> => a ?? 0;
function g() { if (!a && b === 1 || c?.d !== 2n || "k" in o) { return h(); } x += 1; return `${1 + 1}`; }
class C { m() { return this.a; } field = 1; }
describe("x", () => { const h = () => 1 + 1; it("y", () => { f(1); }); });
"#,
        expect![[r#"
            f:3 `??` -> `&&`
            f:3 `0` -> `1`
            g:4 `!` -> ``
            g:4 `&&` -> `||`
            g:4 `===` -> `!==`
            g:4 `1` -> `2`
            g:4 `||` -> `&&`
            g:4 `!==` -> `===`
            g:4 `2n` -> `3n`
            g:4 `||` -> `&&`
            g:4 `h()` -> `undefined`
            g:4 `+=` -> `-=`
            g:4 `1` -> `2`
            C.m:5 `this.a` -> `undefined`"#]],
    );
}

#[test]
fn other_files_have_none() {
    check("a.go", "func f() int { return 1 + 1 }", expect![[""]]);
}
