//! Python.

use expect_test::expect;

use super::{check, check_imports, check_mentions};
use crate::Language::Python;

#[test]
fn definitions_with_heads_docs_and_decorators() {
    check(
        Python,
        r#"
"""The file."""
LIMIT = 3
name: str = "x"
a, b = 1, 2
type Alias = list[int]

@cache
@app.route("/x", methods=["GET"])
async def handler(request, *args: int, key=LIMIT) -> Response:
    """Handles it.

    At length.
    """
    local = 1
    def inner(): pass
    return f"{render(request)!r} {local}"

class Point(Base[int], mix.In, metaclass=Meta):
    '''A point.'''
    x: int = 0
    LIMIT = 2
    @property
    def norm(self): return self.x.real
    class Inner: pass
"#,
        expect![[r#"
            Constant LIMIT 3-3 | LIMIT = 3
            Variable name 4-4 | name: str = "x"
            Type Alias 6-6 | type Alias = list[int]
            Function handler 8-17 marks=cache app.route | async def handler(request, *args: int, key=LIMIT) -> Response | body 11-17 | doc "Handles it.\n\nAt length."
              Function inner 16-16 | def inner() | body 16-16
            Class Point 19-25 bases=Base mix.In | class Point(Base[int], mix.In, metaclass=Meta) | body 20-25 | doc "A point."
              Field x 21-21 | x: int = 0
              Field LIMIT 22-22 | LIMIT = 2
              Method norm 23-24 marks=property | def norm(self) | body 24-24
              Class Inner 25-25 | class Inner | body 25-25
            ~ type str in name:4
            ~ name a in -:5
            ~ name b in -:5
            ~ type list in Alias:6
            ~ type int in Alias:6
            ~ name cache in handler:8
            ~ name app in handler:9
            ~ method [app] route in handler:9
            ~ member methods in handler:9
            ~ type int in handler:10
            ~ name LIMIT in handler:10
            ~ type Response in handler:10
            ~ name local in handler:15
            ~ call render in handler:17
            ~ name request in handler:17
            ~ name local in handler:17
            ~ name Base in Point:19
            ~ name int in Point:19
            ~ name mix in Point:19
            ~ member [mix] In in Point:19
            ~ member metaclass in Point:19
            ~ name Meta in Point:19
            ~ type int in x:21
            ~ name property in norm:23
            ~ member [self] x in norm:24
            ~ member [self.x] real in norm:24
        "#]],
    );
}

#[test]
fn tests_suites_and_fixtures() {
    check(
        Python,
        r#"
@pytest.fixture(autouse=True)
def db(tmp_path, config: Config = None):
    yield connect(config)

def test_plain(db, self_made):
    assert db.get(1) == f"{two}"

@pytest.mark.usefixtures("clean", 'db')
class TestThings:
    def test_in(self, db): pass
    def helper(self, x): pass

class Old(unittest.TestCase):
    def testCamel(self): self.assertEqual(f(1), 2)
    def setUp(self): pass

def make():
    def test_nested(): pass
"#,
        expect![[r#"
            Function db 2-4 marks=pytest.fixture autouse | def db(tmp_path, config: Config = None) | body 4-4
            Test test_plain 6-7 | def test_plain(db, self_made) | body 7-7
            Suite TestThings 9-12 marks=pytest.mark.usefixtures | class TestThings | body 11-12
              Test test_in 11-11 | def test_in(self, db) | body 11-11
              Method helper 12-12 | def helper(self, x) | body 12-12
            Suite Old 14-16 bases=unittest.TestCase | class Old(unittest.TestCase) | body 15-16
              Test testCamel 15-15 | def testCamel(self) | body 15-15
              Method setUp 16-16 | def setUp(self) | body 16-16
            Function make 18-19 | def make() | body 19-19
              Function test_nested 19-19 | def test_nested() | body 19-19
            ~ name pytest in db:2
            ~ method [pytest] fixture in db:2
            ~ member autouse in db:2
            ~ name tmp_path in db:3
            ~ name config in db:3
            ~ type Config in db:3
            ~ call connect in db:4
            ~ name config in db:4
            ~ name db in test_plain:6
            ~ name self_made in test_plain:6
            ~ name db in test_plain:7
            ~ method [db] get in test_plain:7
            ~ name two in test_plain:7
            ~ name pytest in TestThings:9
            ~ member [pytest] mark in TestThings:9
            ~ method [pytest.mark] usefixtures in TestThings:9
            ~ macro clean in TestThings:9
            ~ macro db in TestThings:9
            ~ name db in test_in:11
            ~ name unittest in Old:14
            ~ member [unittest] TestCase in Old:14
            ~ method [self] assertEqual in testCamel:15
            ~ call f in testCamel:15
        "#]],
    );
}

#[test]
fn imports_are_one_per_name() {
    check_imports(
        Python,
        "import a.b.c\nimport a.b as c, d\nfrom . import x\nfrom ..p.q import (r, s as t,)\nfrom z import *\nfrom __future__ import annotations\ndef f():\n    from m import n\n",
        expect![[r#"
            import "" from "a.b.c" as "a.b.c"
            import "" from "a.b" as "c"
            import "" from "d" as "d"
            import "x" from "." as "x" (handed on)
            import "r" from "..p.q" as "r" (handed on)
            import "s" from "..p.q" as "t" (handed on)
            import "*" from "z" as "" (handed on)
            import "annotations" from "__future__" as "annotations" (handed on)
            import "n" from "m" as "n""#]],
    );
}

#[test]
fn what_reaches_code_by_other_ways() {
    check(
        Python,
        "importlib.import_module(name)\n__import__('x')\neval(text)\ngetattr(x, 'plain')\ngetattr(x, name)\n",
        expect![[r#"
            ~ name importlib in -:1
            ~ method [importlib] import_module in -:1
            ~ name name in -:1
            ~ call __import__ in -:2
            ~ call eval in -:3
            ~ name text in -:3
            ~ call getattr in -:4
            ~ name x in -:4
            ~ call getattr in -:5
            ~ name x in -:5
            ~ name name in -:5
            dynamic: [1, 2, 3, 5]
        "#]],
    );
}

#[test]
fn mentions_know_how_they_are_meant() {
    check_mentions(
        Python,
        r#"
def f(a: A[B], b=default) -> "C[m.D]":
    x = a.b.c(d)
    g(key=h, *rest)
    for i in items: print(i)
    with open(p) as q: q.read().strip()
    return [y for y in z if w] or (lambda k: k.m)
"#,
        expect![[r#"
            type A in f:2
            type B in f:2
            name default in f:2
            macro C in f:2
            macro m in f:2
            member [m] D in f:2
            name x in f:3
            name a in f:3
            member [a] b in f:3
            method [a.b] c in f:3
            name d in f:3
            call g in f:4
            member key in f:4
            name h in f:4
            name rest in f:4
            name i in f:5
            name items in f:5
            call print in f:5
            name i in f:5
            call open in f:6
            name p in f:6
            name q in f:6
            method [q] read in f:6
            method [] strip in f:6
            name y in f:7
            name z in f:7
            name w in f:7
            name k in f:7
            member [k] m in f:7"#]],
    );
}
