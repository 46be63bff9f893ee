//! Reports as Maven and Gradle wrote them, and what becomes of them.

use expect_test::{Expect, expect};
use std::time::Duration;

use super::*;
use crate::project::Runner;
use crate::tool::tests::folder;

/// What surefire wrote of a class with a nested one and a test with many values.
const SUREFIRE: &str = r#"<testsuite name="demo.ATest">
  <testcase name="adds" classname="demo.ATest" time="0.005"/>
  <testcase name="fails" classname="demo.ATest" time="0.015">
    <failure message="two ==&gt; expected: &lt;2&gt; but was: &lt;3&gt;" type="org.opentest4j.AssertionFailedError"><![CDATA[org.opentest4j.AssertionFailedError: two ==> expected: <2> but was: <3>
	at org.junit.Assert.fail(Assert.java:89)
	at app//demo.Other.never(Unknown Source)
	at app//demo.ATest.fails(ATest.java:9)
]]></failure>
  </testcase>
  <testcase name="pair(int, int)[1]" classname="demo.ATest" time="0"><skipped message="later"/></testcase>
  <testcase name="[2] 3, 4" classname="demo.ATest$Inner" time="0.1"><error type="java.lang.Exception">java.lang.Exception
	at demo.ATest$Inner.lambda$0(ATest.java:13)</error></testcase>
  <testcase name="[2] 3, 4" classname="demo.ATest$Inner" time="0.1"/>
</testsuite>"#;

#[test]
fn a_report_becomes_tests_with_their_files_and_places() {
    let root =
        folder(&[("m/pom.xml", ""), ("m/src/test/java/demo/ATest.java", ""), ("m/target/surefire-reports/TEST-demo.ATest.xml", SUREFIRE)]);
    let (cases, problems) = cases(root.path(), &Reports::new(), &reports(root.path(), |dir| dir.ends_with("surefire-reports")));
    let show = |case: &Case| {
        let name = case.name.join(" > ");
        format!("{} [{name}] {:?} {:?} at {:?}: {:?}", case.id, case.path, case.verdict, case.place, case.message)
    };
    expect![[r#"
        m: demo.ATest#adds [ATest > adds] Some("m/src/test/java/demo/ATest.java") Passed at None: ""
        m: demo.ATest#fails [ATest > fails] Some("m/src/test/java/demo/ATest.java") Failed at Some("m/src/test/java/demo/ATest.java:9"): "two ==> expected: <2> but was: <3>"
        m: demo.ATest#pair(int, int)[1] [ATest > pair] Some("m/src/test/java/demo/ATest.java") Skipped at None: ""
        m: demo.ATest$Inner#[2] 3, 4 [ATest > Inner > [2] 3, 4] Some("m/src/test/java/demo/ATest.java") Failed at Some("m/src/test/java/demo/ATest.java:13"): "java.lang.Exception\n\tat demo.ATest$Inner.lambda$0(ATest.java:13)"
        m: demo.ATest$Inner#[2] 3, 4 (2) [ATest > Inner > [2] 3, 4] Some("m/src/test/java/demo/ATest.java") Passed at None: """#]].assert_eq(&cases.iter().map(show).collect::<Vec<_>>().join("\n"));
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn what_an_earlier_run_left_behind_is_not_read() {
    let root = folder(&[("build/test-results/test/TEST-a.xml", SUREFIRE), ("build/test-results/test/TEST-b.xml", "<testsuite>")]);
    let before = reports(root.path(), |_| true);
    assert_eq!(cases(root.path(), &before, &before), (vec![], vec![]));
    let mut older = before.clone();
    older.values_mut().for_each(|(written, _)| *written -= Duration::from_secs(1));
    let (again, problems) = cases(root.path(), &older, &before);
    assert_eq!((again.len(), problems.len()), (5, 1));
}

#[test]
fn picks_become_classes_by_what_their_files_declare() {
    let root = folder(&[
        ("b/pom.xml", ""),
        ("b/web/pom.xml", ""),
        ("b/web/src/test/java/demo/ATest.java", "// x\npackage demo;\nclass ATest {}"),
        ("b/src/test/kotlin/BTest.kt", "class BTest"),
    ]);
    let package = Package::for_tests(Runner::Maven, "b", "b", "b");
    let session = Session { root: root.path(), deadline: std::time::Instant::now(), cancel: &crate::tool::Cancel::default() };
    let check = |path: &str, name: &[&str], id: Option<&str>, expect: Expect| {
        let pick = Pick { path: path.into(), name: name.iter().map(|part| (*part).to_owned()).collect(), id: id.map(str::to_owned) };
        expect.assert_eq(&format!("{:?}", choices(&session, &package, &[pick], &["pom.xml"])));
    };
    check(
        "b/web/src/test/java/demo/ATest.java",
        &["ATest", "Inner", "deep"],
        None,
        expect![[r#"{Choice { module: "web", class: "demo.ATest$Inner", method: Some("deep") }}"#]],
    );
    check("b/web/src/test/java/demo/ATest.java", &[], None, expect![[r#"{Choice { module: "web", class: "demo.ATest", method: None }}"#]]);
    check(
        "b/src/test/kotlin/BTest.kt",
        &["BTest", "with some words"],
        None,
        expect![[r#"{Choice { module: "", class: "BTest", method: None }}"#]],
    );
    check(
        "",
        &[],
        Some("web: demo.ATest$Inner#pair(int, int)[1]"),
        expect![[r#"{Choice { module: "web", class: "demo.ATest$Inner", method: Some("pair") }}"#]],
    );
    check("", &[], Some("demo.ATest#adds"), expect![[r#"{Choice { module: "", class: "demo.ATest", method: Some("adds") }}"#]]);
}

#[test]
fn compilers_say_where_they_stopped() {
    let output = "[ERROR] COMPILATION ERROR : \n[ERROR] /r/src/test/java/BTest.java:[3,23] incompatible types: String\n[ERROR] /r/src/test/java/BTest.java:[3,23] incompatible types: String\n/r/src/A.java:7: error: ';' expected\ne: file:///r/src/B.kt:5:9 Unresolved reference: x\n/elsewhere/C.java:1: error: no\n[ERROR] Re-run Maven\n";
    let lines: Vec<String> =
        compiler_errors(output, Path::new("/r")).iter().map(|case| format!("{} at {:?}: {}", case.id, case.place, case.message)).collect();
    expect![[r#"
        build at Some("src/test/java/BTest.java:3"): incompatible types: String
        build (2) at Some("src/A.java:7"): ';' expected
        build (3) at Some("src/B.kt:5"): Unresolved reference: x"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_build_that_fails_before_its_tests_is_not_passed() {
    let package = Package::for_tests(Runner::Gradle, "g", "", "");
    let none = Reports::new();
    let check = |code: i32, output: &str, expect: Expect| {
        let ended = Ended { code: Some(code), signal: None, output: output.into(), overdue: false };
        let tested = tested(&package, Path::new("/r"), &ended, (&none, &none));
        expect.assert_eq(&format!("{:?} {:?} {:?}", tested.state, tested.note, tested.cases.first().map(|case| &case.message)));
    };
    check(0, "", expect![[r#"NotRun "the build ended well, but told of no test: none was run" None"#]]);
    check(
        1,
        "/r/src/A.java:7: error: ';' expected",
        expect![[r#"BuildFailed "it does not compile; nothing of it was run" Some("';' expected")"#]],
    );
    check(
        1,
        "FAILURE: Build failed with an exception.\n\n* What went wrong:\nCould not resolve junit:junit:4.13.2.\n",
        expect![[r#"Failed "" Some("* What went wrong:\nCould not resolve junit:junit:4.13.2.")"#]],
    );
}
