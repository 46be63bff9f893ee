//! C and C++.

use expect_test::expect;

use super::check;
use crate::Language::{C, Cpp};

#[test]
fn c_definitions() {
    check(
        C,
        r#"
#include <stdio.h>
#include "dir/x.h"
#define LIMIT 1
#define TWICE(x) twice(x, "text", s->f) /* no */
/* Makes one. */
static int *make(struct Point *p, int (*call)(int)) { p->at.x = LIMIT; go(p->run(1)); int local = other; return (Line *)p; }
int declared(int a);
typedef struct { int a; struct Point *next[3]; } Node;
typedef int (*Callback)(int);
struct Point { int x; void (*run)(int); };
enum Color { RED, GREEN = 2 };
union Both { int a; };
int count = 1;
#ifdef DEBUG
int debug;
#endif
"#,
        expect![[r#"
            Macro LIMIT 4-4 | #define LIMIT 1
            Macro TWICE 5-5 | #define TWICE(x) twice(x, "text", s->f) /* no */
            Function make 7-7 | static int *make(struct Point *p, int (*call)(int)) | body 7-7 | doc "Makes one."
            Function declared 8-8 | int declared(int a)
            Type Node 9-9 | typedef struct { int a; struct Point *next[3]; } Node
              Field a 9-9 | int a
              Field next 9-9 | struct Point *next[3]
            Type Callback 10-10 | typedef int (*Callback)(int)
            Struct Point 11-11 | struct Point | body 11-11
              Field x 11-11 | int x
              Field run 11-11 | void (*run)(int)
            Enum Color 12-12 | enum Color | body 12-12
              Variant RED 12-12 | RED
              Variant GREEN 12-12 | GREEN = 2
            Struct Both 13-13 | union Both | body 13-13
              Field a 13-13 | int a
            Variable count 14-14 | int count = 1
            Variable debug 16-16 | int debug
            import "" from "<stdio.h>" as "" (handed on)
            import "" from "\"dir/x.h\"" as "" (handed on)
            ~ call twice in TWICE:5
            ~ macro x in TWICE:5
            ~ macro s in TWICE:5
            ~ member [s] f in TWICE:5
            ~ type Point in make:7
            ~ name p in make:7
            ~ member [p] at in make:7
            ~ member [p.at] x in make:7
            ~ name LIMIT in make:7
            ~ call go in make:7
            ~ name p in make:7
            ~ method [p] run in make:7
            ~ name other in make:7
            ~ type Line in make:7
            ~ name p in make:7
            ~ type Point in next:9
            ~ name DEBUG in -:15
        "#]],
    );
}

#[test]
fn cpp_definitions() {
    check(
        Cpp,
        r#"
#include <vector>
using namespace std;
using std::vector;
namespace a::b {
// A list.
template <typename T> class List : public Base, e::Other<T> {
 public:
  List();
  ~List() override;
  virtual int size() const = 0;
  int at(int i) { return items_.get(i); }
  int items_ = 1;
  using Item = int;
  bool operator==(const List& other);
};
}
int a::b::List<int>::size() const { return this->n + ::global() + std::move<int>(w) + new Line(1); }
enum class Color { RED };
auto lambda = [](int a) { return a + b; };
"#,
        expect![[r#"
            Module a::b 5-17 | namespace a::b | body 5-17
              Class List 7-16 bases=Base e::Other | template <typename T> class List : public Base, e::Other<T> | body 7-16 | doc "A list."
                Method List 9-9 | List()
                Method ~List 10-10 | ~List() override
                Method size 11-11 | virtual int size() const = 0
                Method at 12-12 | int at(int i) | body 12-12
                Field items_ 13-13 | int items_ = 1
                Type Item 14-14 | using Item = int
                Method operator== 15-15 | bool operator==(const List& other)
            Method size 18-18 owner=List | int a::b::List<int>::size() const | body 18-18
            Enum Color 19-19 | enum class Color | body 19-19
              Variant RED 19-19 | RED
            Variable lambda 20-20 | auto lambda = [](int a) { return a + b; }
            import "" from "<vector>" as "" (handed on)
            import "*" from "std" as ""
            import "vector" from "std" as "vector"
            ~ type T in List:7
            ~ type Base in List:7
            ~ name e in List:7
            ~ type [e] Other in List:7
            ~ type T in List:7
            ~ name items_ in at:12
            ~ method [items_] get in at:12
            ~ name i in at:12
            ~ type List in operator==:15
            ~ name a in size:18
            ~ name b in size:18
            ~ type List in size:18
            ~ member [this] n in size:18
            ~ call global in size:18
            ~ name std in size:18
            ~ call [std] move in size:18
            ~ name w in size:18
            ~ call Line in size:18
            ~ name a in lambda:20
            ~ name b in lambda:20
        "#]],
    );
}

#[test]
fn cpp_tests_are_macros() {
    check(
        Cpp,
        r#"
TEST(Math, Adds) { EXPECT_EQ(add(1), 2); }
TEST_F(Fixture, Works) { run(); }
TEST_CASE("titled", "[tag]") { SECTION("part") { REQUIRE(add(1) == 2); } }
TEST_CASE("second") { again(); }
void helper() { }
"#,
        expect![[r#"
            Test Adds 2-2 owner=Math | TEST(Math, Adds) | body 2-2
            Test Works 3-3 owner=Fixture | TEST_F(Fixture, Works) | body 3-3
            Test titled 4-4 | TEST_CASE("titled", "[tag]") | body 4-4
            Test second 5-5 | TEST_CASE("second") | body 5-5
            Function helper 6-6 | void helper() | body 6-6
            ~ name TEST in Adds:2
            ~ type Math in Adds:2
            ~ call EXPECT_EQ in Adds:2
            ~ call add in Adds:2
            ~ name TEST_F in Works:3
            ~ type Fixture in Works:3
            ~ call run in Works:3
            ~ call TEST_CASE in titled:4
            ~ call SECTION in titled:4
            ~ call REQUIRE in titled:4
            ~ call add in titled:4
            ~ call TEST_CASE in second:5
            ~ call again in second:5
            errors: 3
        "#]],
    );
}
