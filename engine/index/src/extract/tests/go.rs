//! Go.

use expect_test::expect;

use super::check;
use crate::Language::Go;

#[test]
fn definitions_with_heads_and_docs() {
    check(
        Go,
        r#"
package shop

import (
	"fmt"
	m "a/b"
	. "x"
	_ "y"
	"gopkg.in/yaml.v3"
	"github.com/z/w/v2"
)

// Server serves.
// At length.
type Server[T any] struct {
	Addr string `json:"addr"`
	*Embedded
	conf pkg.Conf
}

type (
	Runner interface { Run(x int) error; pkg.Other }
	Alias = int
)

const ( First = iota; Second )
var limit, other = 1, 2

// Run runs.
func (s *Server[T]) Run(a, b int) (err error) {
	x := fmt.Println(a)
	s.conf.Load(func(y int) { inner(y) })
	return &Alias{Addr: x}
}
func external() int
"#,
        expect![[r#"
            Module shop 2-2 | package shop
            Struct Server 15-19 | type Server[T any] struct | body 15-19 | doc "Server serves.\nAt length."
              Field Addr 16-16 | Addr string `json:"addr"`
              Field conf 18-18 | conf pkg.Conf
            Interface Runner 21-22 | type ( Runner | body 22-22
              Method Run 22-22 | Run(x int) error
            Type Alias 23-23 | Alias = int
            Constant First 26-26 | const ( First = iota
            Constant Second 26-26 | Second
            Variable limit 27-27 | var limit, other = 1, 2
            Method Run 30-34 owner=Server | func (s *Server[T]) Run(a, b int) (err error) | body 30-34 | doc "Run runs."
            Function external 35-35 | func external() int
            import "" from "fmt" as "fmt"
            import "" from "a/b" as "m"
            import "*" from "x" as ""
            import "" from "y" as ""
            import "" from "gopkg.in/yaml.v3" as "yaml"
            import "" from "github.com/z/w/v2" as "w"
            ~ name T in Server:15
            ~ type any in Server:15
            ~ type string in Addr:16
            ~ type Embedded in Server:17
            ~ name pkg in conf:18
            ~ type [pkg] Conf in conf:18
            ~ type int in Run:22
            ~ type error in Run:22
            ~ name pkg in Runner:22
            ~ type [pkg] Other in Runner:22
            ~ type int in Alias:23
            ~ name other in limit:27
            ~ type Server in Run:30
            ~ type T in Run:30
            ~ type int in Run:30
            ~ type error in Run:30
            ~ name x in Run:31
            ~ name fmt in Run:31
            ~ method [fmt] Println in Run:31
            ~ name a in Run:31
            ~ name s in Run:32
            ~ member [s] conf in Run:32
            ~ method [s.conf] Load in Run:32
            ~ type int in Run:32
            ~ call inner in Run:32
            ~ name y in Run:32
            ~ type Alias in Run:33
            ~ name Addr in Run:33
            ~ name x in Run:33
            ~ type int in external:35
        "#]],
    );
}

#[test]
fn tests_are_told_by_name_and_parameter() {
    check(
        Go,
        r#"
package shop
func TestAdds(t *testing.T) { t.Run("sub", func(t *testing.T) { add(1) }) }
func Testable(t *testing.T) {}
func TestMain(m *testing.M) {}
func BenchmarkAdds(b *testing.B) {}
func ExampleAdds() {}
func FuzzAdds(f *testing.F) {}
"#,
        expect![[r#"
            Module shop 2-2 | package shop
            Test TestAdds 3-3 | func TestAdds(t *testing.T) | body 3-3
            Function Testable 4-4 | func Testable(t *testing.T) | body 4-4
            Function TestMain 5-5 | func TestMain(m *testing.M) | body 5-5
            Function BenchmarkAdds 6-6 marks=benchmark | func BenchmarkAdds(b *testing.B) | body 6-6
            Function ExampleAdds 7-7 marks=example | func ExampleAdds() | body 7-7
            Function FuzzAdds 8-8 marks=fuzz | func FuzzAdds(f *testing.F) | body 8-8
            ~ name testing in TestAdds:3
            ~ type [testing] T in TestAdds:3
            ~ name t in TestAdds:3
            ~ method [t] Run in TestAdds:3
            ~ name testing in TestAdds:3
            ~ type [testing] T in TestAdds:3
            ~ call add in TestAdds:3
            ~ name testing in Testable:4
            ~ type [testing] T in Testable:4
            ~ name testing in TestMain:5
            ~ type [testing] M in TestMain:5
            ~ name testing in BenchmarkAdds:6
            ~ type [testing] B in BenchmarkAdds:6
            ~ name testing in FuzzAdds:8
            ~ type [testing] F in FuzzAdds:8
        "#]],
    );
}
