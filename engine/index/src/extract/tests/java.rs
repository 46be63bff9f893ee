//! Java.

use expect_test::expect;

use super::check;
use crate::Language::Java;

#[test]
fn definitions_with_heads_docs_and_annotations() {
    check(
        Java,
        r#"
package a.b;
import java.util.List;
import static x.Y.z;
import q.*;

/**
 * A cart.
 */
@Service("cart")
public class Cart<T> extends Base<T> implements Shop, d.Other {
    @Inject private final int size = LIMIT, rest;
    /** Adds. */
    @Override
    public <R> R add(int a, @NonNull Item... b) throws Broken {
        helper(); this.size.bar(a).baz(); new Line<T>(1); Type.of(b); Other::make; int local = rest;
        list.forEach(x -> use(x));
        Class.forName(name);
        return (R) super.add(a);
    }
    Cart() { }
    enum Color { RED, GREEN(1) { } }
    @interface Marked { int value() default 1; }
    record Pair(int a) { }
    interface Small { void q(); }
}
"#,
        expect![[r#"
            Module a.b 2-2 | package a.b
            Class Cart 10-26 bases=Base Shop d.Other marks=Service | public class Cart<T> extends Base<T> implements Shop, d.Other | body 11-26 | doc "A cart."
              Field size 12-12 marks=Inject | private final int size = LIMIT
              Field rest 12-12 marks=Inject | rest
              Method add 14-20 marks=Override | public <R> R add(int a, @NonNull Item... b) throws Broken | body 15-20 | doc "Adds."
              Method Cart 21-21 | Cart() | body 21-21
              Enum Color 22-22 | enum Color | body 22-22
                Variant RED 22-22 | RED
                Variant GREEN 22-22 | GREEN(1) { }
              Interface Marked 23-23 | @interface Marked | body 23-23
                Method value 23-23 | int value() default 1
              Class Pair 24-24 | record Pair(int a) | body 24-24
              Interface Small 25-25 | interface Small | body 25-25
                Method q 25-25 | void q()
            import "List" from "java.util" as "List"
            import "z" from "x.Y" as "z"
            import "*" from "q" as ""
            ~ macro Service in Cart:10
            ~ type T in Cart:11
            ~ type Base in Cart:11
            ~ type T in Cart:11
            ~ type Shop in Cart:11
            ~ type d in Cart:11
            ~ type [d] Other in Cart:11
            ~ macro Inject in size:12
            ~ name LIMIT in size:12
            ~ macro Override in add:14
            ~ type R in add:15
            ~ type R in add:15
            ~ macro NonNull in add:15
            ~ type Item in add:15
            ~ type Broken in add:15
            ~ call helper in add:16
            ~ member [this] size in add:16
            ~ method [this.size] bar in add:16
            ~ name a in add:16
            ~ method [] baz in add:16
            ~ call Line in add:16
            ~ type T in add:16
            ~ name Type in add:16
            ~ method [Type] of in add:16
            ~ name b in add:16
            ~ name Other in add:16
            ~ name [Other] make in add:16
            ~ name rest in add:16
            ~ name list in add:17
            ~ method [list] forEach in add:17
            ~ call use in add:17
            ~ name x in add:17
            ~ name Class in add:18
            ~ method [Class] forName in add:18
            ~ name name in add:18
            ~ type R in add:19
            ~ method [super] add in add:19
            ~ name a in add:19
            dynamic: [18]
        "#]],
    );
}

#[test]
fn tests_are_annotated() {
    check(
        Java,
        r#"
class CartTest {
    @BeforeEach void setUp() { cart = new Cart(); }
    @Test
    @DisplayName("adds")
    void adds() { assertEquals(2, cart.add(1)); }
    @ParameterizedTest(name = "{0}") @ValueSource(ints = {1})
    void each(int a) { }
    @Nested class Inner { @org.junit.jupiter.api.Test void deep() { } }
}
class Helper { void testLike() { } }
"#,
        expect![[r#"
            Suite CartTest 2-10 | class CartTest | body 2-10
              Method setUp 3-3 marks=BeforeEach | void setUp() | body 3-3
              Test adds 4-6 marks=Test DisplayName | void adds() | body 6-6
              Test each 7-8 marks=ParameterizedTest ValueSource | void each(int a) | body 8-8
              Suite Inner 9-9 marks=Nested | class Inner | body 9-9
                Test deep 9-9 marks=org.junit.jupiter.api.Test | void deep() | body 9-9
            Class Helper 11-11 | class Helper | body 11-11
              Method testLike 11-11 | void testLike() | body 11-11
            ~ macro BeforeEach in setUp:3
            ~ name cart in setUp:3
            ~ call Cart in setUp:3
            ~ macro Test in adds:4
            ~ macro DisplayName in adds:5
            ~ call assertEquals in adds:6
            ~ name cart in adds:6
            ~ method [cart] add in adds:6
            ~ macro ParameterizedTest in each:7
            ~ member name in each:7
            ~ macro ValueSource in each:7
            ~ member ints in each:7
            ~ macro Nested in Inner:9
            ~ name org in deep:9
            ~ member [org] junit in deep:9
            ~ member [org.junit] jupiter in deep:9
            ~ member [org.junit.jupiter] api in deep:9
            ~ macro [org.junit.jupiter.api] Test in deep:9
        "#]],
    );
}
