//! Documents as the runners wrote them, and documents no runner should write.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(document: impl AsRef<[u8]>, expect: Expect) {
    let document = read(document.as_ref());
    let mut lines: Vec<String> = document.cases.iter().map(line).collect();
    lines.extend(document.problem.map(|problem| format!("problem: {problem}")));
    expect.assert_eq(&lines.join("\n"));
}

fn line(case: &TestCase) -> String {
    let suites = case.suites.join(" > ");
    let place = case.file.as_ref().map(|file| format!(" at {file}:{:?}", case.line)).unwrap_or_default();
    format!("[{suites}] {} {:?} {}s{place} {:?} {:?}", case.class, case.name, case.seconds, case.outcome, case.output)
}

#[test]
fn surefire_names_class_and_method_and_quotes_the_stack() {
    check(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="demo.ATest" time="0.037" tests="4" errors="1" skipped="1" failures="1">
  <properties>
    <property name="java.version" value="17"/>
  </properties>
  <testcase name="adds" classname="demo.ATest" time="0.005"/>
  <testcase name="fails" classname="demo.ATest" time="1,000.015">
    <failure message="two ==&gt; expected: &lt;2&gt; but was: &lt;3&gt;" type="org.opentest4j.AssertionFailedError"><![CDATA[org.opentest4j.AssertionFailedError: two ==> expected: <2> but was: <3>
	at demo.ATest.fails(ATest.java:9)
]]></failure>
    <system-out><![CDATA[said]]></system-out>
  </testcase>
  <testcase name="skipped" classname="demo.ATest" time="0">
    <skipped message="later"/>
  </testcase>
  <testcase name="flaky" classname="demo.ATest" time="0.1">
    <flakyFailure message="once" type="x">never mind</flakyFailure>
  </testcase>
  <testcase name="deep" classname="demo.ATest$Inner" time="0.001">
    <error message="no &lt;good&gt;" type="java.lang.IllegalStateException"><![CDATA[java.lang.IllegalStateException: no <good>
	at demo.ATest$Inner.deep(ATest.java:13)
]]></error>
  </testcase>
</testsuite>"#,
        expect![[r#"
            [demo.ATest] demo.ATest "adds" 0.005s Passed ""
            [demo.ATest] demo.ATest "fails" 1000.015s Failed { kind: "org.opentest4j.AssertionFailedError", message: "two ==> expected: <2> but was: <3>", text: "org.opentest4j.AssertionFailedError: two ==> expected: <2> but was: <3>\n\tat demo.ATest.fails(ATest.java:9)\n" } "said"
            [demo.ATest] demo.ATest "skipped" 0s Skipped("later") ""
            [demo.ATest] demo.ATest "flaky" 0.1s Passed ""
            [demo.ATest] demo.ATest$Inner "deep" 0.001s Failed { kind: "java.lang.IllegalStateException", message: "no <good>", text: "java.lang.IllegalStateException: no <good>\n\tat demo.ATest$Inner.deep(ATest.java:13)\n" } """#]],
    );
}

#[test]
fn node_nests_suites_and_pytest_names_files() {
    check(
        r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites>
	<testsuite name="math (basic)" time="0.006816" tests="5">
		<testcase name="adds 1 + 1" time="0.000884" classname="test"/>
		<testsuite name="inner" time="0.002095">
			<testcase name="deep" time="0.001922" classname="test" failure="1 !== 2">
				<failure type="testCodeFailure" message="1 !== 2">
    at async Promise.all (index 0) &lt;anonymous> {
				</failure>
			</testcase>
		</testsuite>
		<testcase name="someday" time="0.000087" classname="test">
			<skipped type="todo" message="true"/>
		</testcase>
	</testsuite>
	<!-- tests 12 -->
</testsuites>"#,
        expect![[r#"
            [math (basic)] test "adds 1 + 1" 0.000884s Passed ""
            [math (basic) > inner] test "deep" 0.001922s Failed { kind: "testCodeFailure", message: "1 !== 2", text: "\n    at async Promise.all (index 0) <anonymous> {\n\t\t\t\t" } ""
            [math (basic)] test "someday" 0.000087s Skipped("true") """#]],
    );
    check(
        r#"<testsuites><testsuite name="pytest"><testcase classname="tests.test_a.TestIt" name="test_x[1]" file="tests/test_a.py" line="6" time="0.1"><skipped type="pytest.skip">why not</skipped></testcase></testsuite></testsuites>"#,
        expect![[r#"[pytest] tests.test_a.TestIt "test_x[1]" 0.1s at tests/test_a.py:Some(6) Skipped("why not") """#]],
    );
}

#[test]
fn ctest_tells_by_its_status_and_output() {
    check(
        "<testsuite name=\"(empty)\"\n\ttests=\"2\"\n\t>\n\t<testcase name=\"a.fails\" classname=\"a.fails\" time=\"0.003\" status=\"fail\">\n\t\t<failure message=\"\"/>\n\t\t<system-out>a_test.c:7: [NON-XML-CHAR-0x1B][31m &lt;&amp;&gt;\n</system-out>\n\t</testcase>\n\t<testcase name=\"gone\" classname=\"gone\" time=\"0\" status=\"notrun\">\n\t\t<skipped message=\"Unable to find executable\"/>\n\t\t<system-out>Unable to find executable: nosuch</system-out>\n\t</testcase>\n</testsuite>",
        expect![[r#"
            [(empty)] a.fails "a.fails" 0.003s Failed { kind: "", message: "", text: "" } "a_test.c:7: [NON-XML-CHAR-0x1B][31m <&>\n"
            [(empty)] gone "gone" 0s Skipped("Unable to find executable") "Unable to find executable: nosuch""#]],
    );
}

#[test]
fn a_document_that_ends_early_keeps_what_it_had_and_never_calls_the_open_case_passed() {
    let whole = r#"<testsuite name="s"><testcase name="a" classname="c"/><testcase name="b" classname="c"><failure message="m">text"#;
    check(
        whole,
        expect![[r#"
        [s] c "a" 0s Passed ""
        [s] c "b" 0s Failed { kind: "", message: "m", text: "text" } ""
        problem: it ends before its end"#]],
    );
    check(
        r#"<testsuite name="s"><testcase name="a" classname="c"/><testcase name="b" classname="c">"#,
        expect![[r#"
        [s] c "a" 0s Passed ""
        problem: it ends before its end"#]],
    );
    check(
        r#"<testsuite name="s"><testcase name="a" classname="c"/><testcase name="b" clas"#,
        expect![[r#"
        [s] c "a" 0s Passed ""
        problem: it is malformed: syntax error: tag not closed: `>` not found before end of input"#]],
    );
    check("", expect!["problem: it is no JUnit XML"]);
    check("no xml at all & <", expect!["problem: it is malformed: syntax error: tag not closed: `>` not found before end of input"]);
    check("<html><body>502</body></html>", expect!["problem: it is no JUnit XML"]);
}

#[test]
fn odd_bytes_and_entities_are_taken_as_they_are() {
    check(b"<testsuite><testcase name='caf\xe9 \x01' classname='c'><failure>a & b &#27;[31m &#0; \x00</oops></failure></testcase></testsuite>", expect![[r#"[] c "caf� \u{1}" 0s Failed { kind: "", message: "", text: "a & b \u{1b}[31m &#0; \0" } """#]]);
    check(
        b"<?xml version='1.0' encoding='ISO-8859-1'?><testsuite><testcase name='caf\xe9'/></testsuite>",
        expect![[r#"[]  "café" 0s Passed """#]],
    );
    let wide: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain("<testsuite><testcase name='é'/></testsuite>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    check(wide, expect![[r#"[]  "é" 0s Passed """#]]);
    check(
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><testsuite><testcase name='&b;'><failure message='&b;'>&b;</failure></testcase></testsuite>",
        expect![[r#"[]  "&b;" 0s Failed { kind: "", message: "&b;", text: "&b;" } """#]],
    );
}

#[test]
fn what_is_too_much_is_cut() {
    let long = "x".repeat(1_000_000);
    let document = format!(
        "<testsuite><testcase name='{long}'><failure message='{long}'>{long}</failure><system-out>{long}</system-out></testcase></testsuite>"
    );
    let case = read(document.as_bytes()).cases.remove(0);
    let Outcome::Failed { message, text, .. } = &case.outcome else { panic!("{:?}", case.outcome) };
    assert_eq!((case.name.len(), message.len(), text.len(), case.output.len()), (WORD, WORD, TEXT, TEXT));
    let deep = "<testsuite name='s'>".repeat(20_000) + "<testcase name='a'/>" + &"</testsuite>".repeat(20_000);
    let document = read(deep.as_bytes());
    assert_eq!((document.cases[0].suites.len(), &document.problem), (DEPTH, &None));
    let many = format!("<testsuite>{}</testsuite>", "<testcase name='a'/>".repeat(4));
    let document = read_most(many.as_bytes(), 3);
    assert_eq!((document.cases.len(), document.problem.as_deref()), (3, Some("it holds more than 3 tests")));
    assert_eq!(read_most(many.as_bytes(), 4).problem, None);
}
