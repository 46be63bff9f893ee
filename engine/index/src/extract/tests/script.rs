//! TypeScript, TSX and JavaScript.

use expect_test::expect;

use super::{check, check_imports, check_mentions};
use crate::Language::{JavaScript, Tsx, TypeScript};

#[test]
fn definitions_with_heads_docs_and_decorators() {
    check(
        TypeScript,
        r#"
/** A point. */
@Dec({ a: 1 })
export class Point<T> extends Base<T> implements Shape, ns.Other {
  @Input() private x?: number = start;
  #hidden;
  constructor(private z: Zed) { super(); }
  // Runs.
  @Log async run(a: Arg): Promise<Out> { return this.x?.foo(a); }
  arrow = (b: number) => b;
}
export default function () { go(); }
export const twice = (a: number) => a * two, three = 3;
let plain = 1;
const { not, here } = thing;
interface Shape extends Other { area: number; at(x: number): void }
export enum Color { Red, Green = 2 }
namespace Deep.Er { export function f() { const local = () => 1; } }
declare module "ambient" { function g(): void; }
abstract class A { abstract m(): void }
type Union = typeof twice | Point<string>;
"#,
        expect![[r#"
            Class Point 3-11 bases=Base Shape ns.Other marks=Dec export | export class Point<T> extends Base<T> implements Shape, ns.Other | body 4-11 | doc "A point."
              Field x 5-5 marks=Input | private x?: number = start
              Field #hidden 6-6 | #hidden
              Method constructor 7-7 | constructor(private z: Zed) | body 7-7
              Method run 9-9 marks=Log | async run(a: Arg): Promise<Out> | body 9-9 | doc "Runs."
              Method arrow 10-10 | arrow = (b: number) | body 10-10
            Function default 12-12 marks=export default | export default function () | body 12-12
            Function twice 13-13 marks=export | export const twice = (a: number) | body 13-13
            Constant three 13-13 marks=export | three = 3
            Variable plain 14-14 | let plain = 1
            Constant not 15-15 | not
            Constant here 15-15 | here
            Interface Shape 16-16 bases=Other | interface Shape extends Other | body 16-16
              Field area 16-16 | area: number
              Method at 16-16 | at(x: number): void
            Enum Color 17-17 marks=export | export enum Color | body 17-17
              Variant Red 17-17 | Red
              Variant Green 17-17 | Green = 2
            Module Deep.Er 18-18 | namespace Deep.Er | body 18-18
              Function f 18-18 marks=export | export function f() | body 18-18
            Module ambient 19-19 | declare module "ambient" | body 19-19
              Function g 19-19 | function g(): void
            Class A 20-20 | abstract class A | body 20-20
              Method m 20-20 | abstract m(): void
            Type Union 21-21 | type Union = typeof twice | Point<string>
            ~ call Dec in Point:3
            ~ member a in Point:3
            ~ type T in Point:4
            ~ type Base in Point:4
            ~ type T in Point:4
            ~ type Shape in Point:4
            ~ name ns in Point:4
            ~ type [ns] Other in Point:4
            ~ call Input in x:5
            ~ name start in x:5
            ~ type Zed in constructor:7
            ~ name Log in run:9
            ~ type Arg in run:9
            ~ type Promise in run:9
            ~ type Out in run:9
            ~ member [this] x in run:9
            ~ method [this.x] foo in run:9
            ~ name a in run:9
            ~ name b in arrow:10
            ~ call go in default:12
            ~ name a in twice:13
            ~ name two in twice:13
            ~ name thing in -:15
            ~ type Other in Shape:16
            ~ name twice in Union:21
            ~ type Point in Union:21
        "#]],
    );
}

#[test]
fn tests_are_calls() {
    check(
        TypeScript,
        r#"
describe("math", () => {
  beforeEach(() => reset());
  const helper = () => setup();
  it("adds", async () => { expect(add(1)).toBe(new Sum()); });
  it.each([[1, two]])("adds %i", (a) => { add(a); });
  test.each`a | b`("table", ({ a }) => {});
  it(`says ${name}`, function () { say(); });
  it(title + 1, () => {});
  test.skip("skipped", opts, () => {});
  it.todo("later");
  describe.only('it\'s in', () => { test("deep", () => {}) });
});
test("top", async (t) => { await t.test("sub", () => { sub(); }); });
Deno.test("deno", () => {});
/x/.test("no test");
re.test(value);
suite(notATest);
"#,
        expect![[r#"
            Suite math 2-13 | describe("math", () | body 2-13
              Test adds 5-5 | it("adds", async () | body 5-5
              Test adds %i 6-6 | it.each([[1, two]])("adds %i", (a) | body 6-6
              Test table 7-7 | test.each`a | b`("table", ({ a }) | body 7-7
              Test says ${name} 8-8 named by ``says ${name}`` | it(`says ${name}`, function () | body 8-8
              Test title + 1 9-9 | it(title + 1, () | body 9-9
              Test skipped 10-10 | test.skip("skipped", opts, () | body 10-10
              Test later 11-11 | it.todo("later")
              Suite it's in 12-12 named by `'it\'s in'` | describe.only('it\'s in', () | body 12-12
                Test deep 12-12 | test("deep", () | body 12-12
            Test top 14-14 | test("top", async (t) | body 14-14
              Test sub 14-14 | await t.test("sub", () | body 14-14
            Test deno 15-15 | Deno.test("deno", () | body 15-15
            ~ call describe in math:2
            ~ call beforeEach in math:3
            ~ call reset in math:3
            ~ call setup in math:4
            ~ call it in adds:5
            ~ call expect in adds:5
            ~ call add in adds:5
            ~ method [] toBe in adds:5
            ~ call Sum in adds:5
            ~ name it in adds %i:6
            ~ method [it] each in adds %i:6
            ~ name two in adds %i:6
            ~ call add in adds %i:6
            ~ name a in adds %i:6
            ~ name test in table:7
            ~ method [test] each in table:7
            ~ call it in says ${name}:8
            ~ name name in says ${name}:8
            ~ call say in says ${name}:8
            ~ call it in title + 1:9
            ~ name title in title + 1:9
            ~ name test in skipped:10
            ~ method [test] skip in skipped:10
            ~ name opts in skipped:10
            ~ name it in later:11
            ~ method [it] todo in later:11
            ~ name describe in it's in:12
            ~ method [describe] only in it's in:12
            ~ call test in deep:12
            ~ call test in top:14
            ~ name t in sub:14
            ~ method [t] test in sub:14
            ~ call sub in sub:14
            ~ name Deno in deno:15
            ~ method [Deno] test in deno:15
            ~ method [] test in -:16
            ~ name re in -:17
            ~ method [re] test in -:17
            ~ name value in -:17
            ~ call suite in -:18
            ~ name notATest in -:18
        "#]],
    );
}

#[test]
fn imports_of_both_kinds_of_modules() {
    check_imports(
        TypeScript,
        r#"
import d, * as ns from "x"; import {a as b, type c} from './y'; import './side'; import z = require("q"); import type { T } from "t";
export * from './e'; export * as k from './f'; export { n as o, default } from "./g"; export { l as m }; export default foo;
const p = require("p"), { q, r: s, u = 1 } = require('./r'); const v = require("v").w; require("w");
const { x } = await import("./lazy"); import(`./tick`);
"#,
        expect![[r#"
            import "default" from "x" as "d"
            import "" from "x" as "ns"
            import "a" from "./y" as "b"
            import "c" from "./y" as "c"
            import "" from "./side" as ""
            import "" from "q" as "z"
            import "T" from "t" as "T"
            import "*" from "./e" as "" (handed on)
            import "" from "./f" as "k" (handed on)
            import "n" from "./g" as "o" (handed on)
            import "default" from "./g" as "default" (handed on)
            import "l" from "" as "m" (handed on)
            import "foo" from "" as "default" (handed on)
            import "" from "p" as "p"
            import "q" from "./r" as "q"
            import "r" from "./r" as "s"
            import "u" from "./r" as "u"
            import "w" from "v" as "v"
            import "" from "w" as ""
            import "x" from "./lazy" as "x"
            import "" from "./tick" as """#]],
    );
}

#[test]
fn what_is_loaded_by_a_computed_name() {
    check(
        JavaScript,
        "const a = require(name);\nimport(`./${b}`);\neval(text);\n",
        expect![[r#"
        ~ call require in -:1
        ~ name name in -:1
        ~ name b in -:2
        ~ call eval in -:3
        ~ name text in -:3
        dynamic: [1, 2, 3]
    "#]],
    );
}

#[test]
fn common_js_and_prototypes() {
    check(
        JavaScript,
        "exports.f = function (a) { g(a); };\nmodule.exports.h = (b) => b;\nexports.limit = 3;\nOld.prototype.run = function () {};\nOld.make = () => {};\nconst api = { one() {}, two: () => 2, three: three };\nvar C = class extends B { field = 1; };\nfunction* gen() { this.x = function () {}; }\n",
        expect![[r#"
            Function f 1-1 marks=export | exports.f = function (a) | body 1-1
            Function h 2-2 marks=export | module.exports.h = (b) | body 2-2
            Variable limit 3-3 marks=export | exports.limit = 3
            Method run 4-4 owner=Old | Old.prototype.run = function () | body 4-4
            Method make 5-5 owner=Old | Old.make = () | body 5-5
            Constant api 6-6 | const api = { one() {}, two: () => 2, three: three }
              Method one 6-6 | one() | body 6-6
              Method two 6-6 | two: () | body 6-6
            Class C 7-7 bases=B | var C = class extends B | body 7-7
              Field field 7-7 | field = 1
            Function gen 8-8 | function* gen() | body 8-8
            ~ name exports in f:1
            ~ call g in f:1
            ~ name a in f:1
            ~ name module in h:2
            ~ member [module] exports in h:2
            ~ name b in h:2
            ~ name exports in limit:3
            ~ name Old in run:4
            ~ member [Old] prototype in run:4
            ~ name Old in make:5
            ~ member three in api:6
            ~ name three in api:6
            ~ type B in C:7
            ~ member [this] x in gen:8
        "#]],
    );
}

#[test]
fn elements_are_calls_of_components() {
    check_mentions(
        Tsx,
        "const View = (p: Props) => <div><Card.Body title={p.title} on={handle}>text {shown}</Card.Body><Leaf /></div>;",
        expect![[r#"
            type Props in View:1
            name Card in View:1
            call [Card] Body in View:1
            member title in View:1
            name p in View:1
            member [p] title in View:1
            member on in View:1
            name handle in View:1
            name shown in View:1
            name Card in View:1
            member [Card] Body in View:1
            call Leaf in View:1"#]],
    );
}

#[test]
fn mentions_know_how_they_are_meant() {
    check_mentions(
        TypeScript,
        r#"
function f(a: A, { b, c: d }: P = q): ns.Out<R> {
  const x = a.b?.c(y)!.z;
  new Q.Make<T>(w as Cast);
  const o = { key: value, short, [computed]: 1 };
  `text ${inner.deep}`;
  label: for (const i of items) { i; }
}
"#,
        expect![[r#"
            type A in f:2
            member c in f:2
            name d in f:2
            type P in f:2
            name q in f:2
            name ns in f:2
            type [ns] Out in f:2
            type R in f:2
            name a in f:3
            member [a] b in f:3
            method [a.b] c in f:3
            name y in f:3
            member [] z in f:3
            name Q in f:4
            call [Q] Make in f:4
            type T in f:4
            name w in f:4
            type Cast in f:4
            member key in f:5
            name value in f:5
            name short in f:5
            name computed in f:5
            name inner in f:6
            member [inner] deep in f:6
            name i in f:7
            name items in f:7
            name i in f:7"#]],
    );
}
