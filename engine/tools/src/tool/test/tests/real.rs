//! Every runner on a small real project of its own: a passing, a failing and a skipped test in two files, one test chosen, the list.
//!
//! A runner that is not installed is named as skipped. vitest and jest are looked for in the folders named by
//! `NAESTRO_TEST_NODE_MODULES`, each of which holds a `node_modules`; `tests/runners/setup.sh` makes one.

use std::path::Path;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::super::super::tests::folder;
use super::super::case::{Case, Pick};
use super::super::*;

/// What `naestro` says of the one package of a project.
fn tested(root: &TempDir, wanted: &Wanted<'_>) -> Tested {
    let root = root.path().canonicalize().unwrap();
    let survey = project::survey(&root);
    let packages: Vec<&Package> = survey.packages.iter().collect();
    let session = Session { root: &root, deadline: Instant::now() + Duration::from_secs(120), cancel: &Cancel::default() };
    session.group(&packages[..1], wanted).unwrap().remove(0)
}

#[track_caller]
fn check(root: &TempDir, wanted: &Wanted<'_>, expect: Expect) {
    let tested = tested(root, wanted);
    let mut lines: Vec<String> = tested.cases.iter().map(line).collect();
    lines.sort();
    let note = if tested.note.is_empty() { String::new() } else { format!(" ({})", tested.note) };
    let shown = format!("{:?}{note}\n{}", tested.state, lines.join("\n"));
    expect.assert_eq(&shown.replace(&root.path().canonicalize().unwrap().display().to_string(), "ROOT"));
}

fn line(case: &Case) -> String {
    let place = case.path.as_ref().map(|path| format!(" {path}:{}", case.line.unwrap_or_default())).unwrap_or_default();
    let at = case.place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
    let message = case.message.lines().next().map(|line| format!(": {line}")).unwrap_or_default();
    let compared =
        case.expected.as_ref().map(|expected| format!(" | expected {expected} | actual {}", case.actual.as_deref().unwrap_or("?")));
    format!("{:?} {} {:?}{place}{at}{message}{}", case.verdict, case.id, case.name, compared.unwrap_or_default())
}

fn pick(path: &str, name: &[&str]) -> Pick {
    Pick { path: path.into(), name: name.iter().map(|part| (*part).to_owned()).collect(), id: None }
}

/// Whether a program is there; where it is not, that is said.
fn has(program: &str) -> bool {
    let found = located(Path::new("/"), vec![program.into()]).is_some();
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

/// A project with the packages that one of the named folders holds; nothing, and that is said, where none holds the runner.
fn with_modules(runner: &str, files: &[(&str, &str)]) -> Option<TempDir> {
    let named = std::env::var_os("NAESTRO_TEST_NODE_MODULES").unwrap_or_default();
    let Some(modules) =
        std::env::split_paths(&named).map(|dir| dir.join("node_modules")).find(|dir| dir.join(".bin").join(runner).exists())
    else {
        eprintln!("SKIPPED: {runner} is not installed; tests/runners/setup.sh does that");
        return None;
    };
    let root = folder(files);
    std::os::unix::fs::symlink(modules, root.path().join("node_modules")).unwrap();
    has("node").then_some(root)
}

/// Tests as vitest and jest both understand them, without the import that only vitest needs.
const MATH: &str = "describe('math (basic)', () => {
  it('adds 1 + 1', () => { expect(1 + 1).toBe(2) })
  it('fails', () => {
    expect(3).toBe(2)
  })
  it.skip('later', () => {})
  it.each([[1, 2], [3, 4]])('pair %i < %i', (a, b) => { expect(a).toBeLessThan(b) })
})
";

const OTHER: &str = "test('plain', () => {})\ntest('throws', () => { throw new TypeError('bad') })\n";

const BROKEN: &str = "test('never', () => {\n";

#[test]
fn vitest_runs_chooses_and_lists() {
    let import = "import { describe, it, test, expect } from 'vitest';";
    let [math, other, broken] = [MATH, OTHER, BROKEN].map(|text| format!("{import}{text}"));
    let manifest = r#"{"name":"web","type":"module","scripts":{"test":"vitest"}}"#;
    let Some(root) = with_modules(
        "vitest",
        &[("p/package.json", manifest), ("p/src/math.test.js", &math), ("p/src/other.test.ts", &other), ("p/src/broken.test.js", &broken)],
    ) else {
        return;
    };
    check(
        &root,
        &Wanted::All,
        expect![[r#"
            Failed
            Failed src/broken.test.js [] p/src/broken.test.js:0 at p/src/broken.test.js: Failed to parse source for import analysis because the content contains invalid JS syntax. If you are using JSX, make sure to name the file with the .jsx or .tsx extension.
            Failed src/math.test.js > math (basic) > fails ["math (basic)", "fails"] p/src/math.test.js:3 at p/src/math.test.js:4: expected 3 to be 2 // Object.is equality | expected 2 | actual 3
            Failed src/other.test.ts > throws ["throws"] p/src/other.test.ts:2 at p/src/other.test.ts:2: bad
            Passed src/math.test.js > math (basic) > adds 1 + 1 ["math (basic)", "adds 1 + 1"] p/src/math.test.js:2
            Passed src/math.test.js > math (basic) > pair 1 < 2 ["math (basic)", "pair 1 < 2"] p/src/math.test.js:7
            Passed src/math.test.js > math (basic) > pair 3 < 4 ["math (basic)", "pair 3 < 4"] p/src/math.test.js:7
            Passed src/other.test.ts > plain ["plain"] p/src/other.test.ts:1
            Skipped src/math.test.js > math (basic) > later ["math (basic)", "later"] p/src/math.test.js:6"#]],
    );
    check(
        &root,
        &Wanted::Only(&[pick("p/src/math.test.js", &["math (basic)", "pair %i < %i"])]),
        expect![[r#"
        Passed
        Passed src/math.test.js > math (basic) > pair 1 < 2 ["math (basic)", "pair 1 < 2"] p/src/math.test.js:7
        Passed src/math.test.js > math (basic) > pair 3 < 4 ["math (basic)", "pair 3 < 4"] p/src/math.test.js:7"#]],
    );
    check(
        &root,
        &Wanted::List,
        expect![[r#"
            Listed
            Failed src/broken.test.js [] p/src/broken.test.js:0 at p/src/broken.test.js: Failed to parse source for import analysis because the content contains invalid JS syntax. If you are using JSX, make sure to name the file with the .jsx or .tsx extension.
            Listed src/math.test.js > math (basic) > adds 1 + 1 ["math (basic)", "adds 1 + 1"] p/src/math.test.js:2
            Listed src/math.test.js > math (basic) > fails ["math (basic)", "fails"] p/src/math.test.js:3
            Listed src/math.test.js > math (basic) > later ["math (basic)", "later"] p/src/math.test.js:6
            Listed src/math.test.js > math (basic) > pair 1 < 2 ["math (basic)", "pair 1 < 2"] p/src/math.test.js:7
            Listed src/math.test.js > math (basic) > pair 3 < 4 ["math (basic)", "pair 3 < 4"] p/src/math.test.js:7
            Listed src/other.test.ts > plain ["plain"] p/src/other.test.ts:1
            Listed src/other.test.ts > throws ["throws"] p/src/other.test.ts:2"#]],
    );
}

#[test]
fn jest_runs_chooses_and_lists() {
    let manifest = r#"{"name":"web","scripts":{"test":"jest"}}"#;
    let Some(root) = with_modules(
        "jest",
        &[("p/package.json", manifest), ("p/src/math.test.js", MATH), ("p/src/other.test.js", OTHER), ("p/src/broken.test.js", BROKEN)],
    ) else {
        return;
    };
    check(
        &root,
        &Wanted::All,
        expect![[r#"
            Failed
            Failed src/broken.test.js [] p/src/broken.test.js:0 at p/src/broken.test.js:2: SyntaxError: ROOT/p/src/broken.test.js: Unexpected token (2:0)
            Failed src/math.test.js > math (basic) > fails ["math (basic)", "fails"] p/src/math.test.js:3 at p/src/math.test.js:4: Error: expect(received).toBe(expected) // Object.is equality | expected 2 | actual 3
            Failed src/other.test.js > throws ["throws"] p/src/other.test.js:2 at p/src/other.test.js:2: TypeError: bad
            Passed src/math.test.js > math (basic) > adds 1 + 1 ["math (basic)", "adds 1 + 1"] p/src/math.test.js:2
            Passed src/math.test.js > math (basic) > pair 1 < 2 ["math (basic)", "pair 1 < 2"] p/src/math.test.js:7
            Passed src/math.test.js > math (basic) > pair 3 < 4 ["math (basic)", "pair 3 < 4"] p/src/math.test.js:7
            Passed src/other.test.js > plain ["plain"] p/src/other.test.js:1
            Skipped src/math.test.js > math (basic) > later ["math (basic)", "later"] p/src/math.test.js:6"#]],
    );
    check(
        &root,
        &Wanted::Only(&[pick("p/src/math.test.js", &["math (basic)", "pair %i < %i"])]),
        expect![[r#"
        Passed
        Passed src/math.test.js > math (basic) > pair 1 < 2 ["math (basic)", "pair 1 < 2"] p/src/math.test.js:7
        Passed src/math.test.js > math (basic) > pair 3 < 4 ["math (basic)", "pair 3 < 4"] p/src/math.test.js:7"#]],
    );
    check(
        &root,
        &Wanted::List,
        expect![[r#"
            Listed
            Failed src/broken.test.js [] p/src/broken.test.js:0 at p/src/broken.test.js:2: SyntaxError: ROOT/p/src/broken.test.js: Unexpected token (2:0)
            Listed src/math.test.js > math (basic) > adds 1 + 1 ["math (basic)", "adds 1 + 1"] p/src/math.test.js:2
            Listed src/math.test.js > math (basic) > fails ["math (basic)", "fails"] p/src/math.test.js:3
            Listed src/math.test.js > math (basic) > later ["math (basic)", "later"] p/src/math.test.js:6
            Listed src/math.test.js > math (basic) > pair 1 < 2 ["math (basic)", "pair 1 < 2"] p/src/math.test.js:7
            Listed src/math.test.js > math (basic) > pair 3 < 4 ["math (basic)", "pair 3 < 4"] p/src/math.test.js:7
            Listed src/other.test.js > plain ["plain"] p/src/other.test.js:1
            Listed src/other.test.js > throws ["throws"] p/src/other.test.js:2"#]],
    );
}

#[test]
fn node_runs_and_chooses() {
    if !has("node") {
        return;
    }
    let math = "import { describe, it, test } from 'node:test'\nimport assert from 'node:assert'\ndescribe('math (basic)', () => {\n  it('adds 1 + 1', () => { assert.equal(1 + 1, 2) })\n  it('fails', () => {\n    assert.strictEqual(3, 2)\n  })\n  it.skip('later', () => {})\n})\ntest('top', async (t) => { await t.test('sub', () => {}) })\n";
    let other = "import { test } from 'node:test'\ntest('plain', () => {})\ntest('dies', () => { process.kill(process.pid, 'SIGKILL') })\n";
    let manifest = r#"{"name":"srv","type":"module","scripts":{"test":"node --test 'test/*.test.js'"}}"#;
    let root = folder(&[("p/package.json", manifest), ("p/test/math.test.js", math), ("p/test/other.test.js", other)]);
    check(
        &root,
        &Wanted::All,
        expect![[r#"
        Failed
        Failed test/math.test.js > math (basic) > fails ["math (basic)", "fails"] p/test/math.test.js:5 at p/test/math.test.js:6: Expected values to be strictly equal: | expected 2 | actual 3
        Failed test/other.test.js [] p/test/other.test.js:1 at p/test/other.test.js: test failed (ended by SIGKILL)
        Passed test/math.test.js > math (basic) > adds 1 + 1 ["math (basic)", "adds 1 + 1"] p/test/math.test.js:4
        Passed test/math.test.js > top > sub ["top", "sub"] p/test/math.test.js:10
        Passed test/math.test.js > top ["top"] p/test/math.test.js:10
        Skipped test/math.test.js > math (basic) > later ["math (basic)", "later"] p/test/math.test.js:8"#]],
    );
    check(
        &root,
        &Wanted::Only(&[pick("p/test/math.test.js", &["math (basic)", "adds 1 + 1"])]),
        expect![[r#"
        Passed
        Passed test/math.test.js > math (basic) > adds 1 + 1 ["math (basic)", "adds 1 + 1"] p/test/math.test.js:4"#]],
    );
    check(
        &root,
        &Wanted::Only(&[pick("p/test/math.test.js", &["top"])]),
        expect![[r#"
        Passed
        Passed test/math.test.js > top > sub ["top", "sub"] p/test/math.test.js:10
        Passed test/math.test.js > top ["top"] p/test/math.test.js:10"#]],
    );
}

#[test]
fn go_runs_chooses_and_lists() {
    if !has("go") {
        return;
    }
    let tests = "package demo\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif got := 3; got != 2 {\n\t\tt.Errorf(\"Two() = got %d, want %d\", got, 2)\n\t}\n}\n\nfunc TestTable(t *testing.T) {\n\tt.Run(\"two words\", func(t *testing.T) {})\n}\n\nfunc TestSkips(t *testing.T) { t.Skip(\"later\") }\n";
    let panics = "package sub\n\nimport \"testing\"\n\nfunc TestPanics(t *testing.T) {\n\tvar m map[string]int\n\tm[\"a\"] = 1\n}\n";
    let bad = "package bad\n\nimport \"testing\"\n\nfunc TestNever(t *testing.T) { undefined() }\n";
    let root = folder(&[
        ("p/go.mod", "module example.com/demo\n\ngo 1.19\n"),
        ("p/a_test.go", tests),
        ("p/sub/s_test.go", panics),
        ("p/bad/b_test.go", bad),
    ]);
    check(
        &root,
        &Wanted::All,
        expect![[r#"
        Failed
        Failed example.com/demo TestTwo ["TestTwo"] p/a_test.go:5 at p/a_test.go:7: a_test.go:7: Two() = got 3, want 2 | expected 2 | actual 3
        Failed example.com/demo/bad (build) [] at p/bad/b_test.go:5: bad/b_test.go:5:32: undefined: undefined
        Failed example.com/demo/sub TestPanics ["TestPanics"] p/sub/s_test.go:5 at p/sub/s_test.go:7: panic: assignment to entry in nil map [recovered]
        Passed example.com/demo TestTable ["TestTable"] p/a_test.go:11
        Passed example.com/demo TestTable/two_words ["TestTable", "two_words"] p/a_test.go:11
        Skipped example.com/demo TestSkips ["TestSkips"] p/a_test.go:15"#]],
    );
    check(
        &root,
        &Wanted::Only(&[pick("p/a_test.go", &["TestTable"])]),
        expect![[r#"
        Passed
        Passed example.com/demo TestTable ["TestTable"] p/a_test.go:11
        Passed example.com/demo TestTable/two_words ["TestTable", "two_words"] p/a_test.go:11"#]],
    );
    check(
        &root,
        &Wanted::Only(&[pick("p/bad/b_test.go", &["TestNever"])]),
        expect![[r#"
        BuildFailed (it does not compile; nothing of it was run)
        Failed example.com/demo/bad (build) [] at p/bad/b_test.go:5: bad/b_test.go:5:32: undefined: undefined"#]],
    );
    std::fs::remove_dir_all(root.path().join("p/bad")).unwrap();
    check(
        &root,
        &Wanted::List,
        expect![[r#"
        Listed
        Listed example.com/demo TestSkips ["TestSkips"] p/a_test.go:15
        Listed example.com/demo TestTable ["TestTable"] p/a_test.go:11
        Listed example.com/demo TestTwo ["TestTwo"] p/a_test.go:5
        Listed example.com/demo/sub TestPanics ["TestPanics"] p/sub/s_test.go:5"#]],
    );
}

/// What `tests/runners/setup.sh` fetches into Maven's repository; `-o` keeps the test itself from the network.
const POM: &str = include_str!("../../../../../../tests/runners/pom.xml");

#[test]
fn maven_runs_what_was_chosen() {
    if !has("mvn") {
        return;
    }
    let tests = "package demo;\n\nimport static org.junit.jupiter.api.Assertions.*;\nimport org.junit.jupiter.api.*;\n\nclass ATest {\n    @Test void adds() { assertEquals(2, 1 + 1); }\n    @Test void fails() {\n        assertEquals(2, 3, \"two\");\n    }\n    @Test void never() {}\n    @Test @Disabled(\"later\") void skipped() {}\n    @Nested class Inner {\n        @Test void deep() { throw new IllegalStateException(\"no <good>\"); }\n    }\n}\n";
    let other = "package demo;\nclass BTest { @org.junit.jupiter.api.Test void unwanted() {} }\n";
    let root = folder(&[
        ("p/pom.xml", POM),
        ("p/.mvn/maven.config", "-o\n"),
        ("p/src/test/java/demo/ATest.java", tests),
        ("p/src/test/java/demo/BTest.java", other),
    ]);
    let file = "p/src/test/java/demo/ATest.java";
    let picks = [["ATest", "adds"], ["ATest", "fails"], ["ATest", "skipped"]].map(|name| pick(file, &name));
    let first = tested(&root, &Wanted::Only(&picks));
    if first.cases.iter().any(|case| case.message.contains("in offline mode")) {
        eprintln!("SKIPPED: maven's repository lacks what the test needs; tests/runners/setup.sh fetches it");
        return;
    }
    let mut lines: Vec<String> = first.cases.iter().map(line).collect();
    lines.sort();
    expect![[r#"
        Failed
        Failed demo.ATest#fails ["ATest", "fails"] p/src/test/java/demo/ATest.java:0 at p/src/test/java/demo/ATest.java:9: two ==> expected: <2> but was: <3> | expected 2 | actual 3
        Passed demo.ATest#adds ["ATest", "adds"] p/src/test/java/demo/ATest.java:0
        Skipped demo.ATest#skipped ["ATest", "skipped"] p/src/test/java/demo/ATest.java:0"#]].assert_eq(&format!("{:?}\n{}", first.state, lines.join("\n")));
}

#[test]
fn gradle_runs_what_was_chosen() {
    let jars = ["/usr/share/java/junit4.jar", "/usr/share/java/hamcrest-core.jar"];
    if !has("gradle") {
        return;
    }
    if !jars.iter().all(|jar| Path::new(jar).exists()) {
        eprintln!("SKIPPED: gradle's test needs {}", jars.join(" and "));
        return;
    }
    let build = format!("apply plugin: 'java'\ndependencies {{ testImplementation files('{}') }}\n", jars.join("', '"));
    let tests = "package demo;\nimport static org.junit.Assert.*;\nimport org.junit.*;\npublic class ATest {\n    @Test public void adds() { assertEquals(2, 1 + 1); }\n    @Test public void fails() {\n        assertEquals(2, 3);\n    }\n    @Test public void never() {}\n    @Test @Ignore(\"later\") public void skipped() {}\n}\n";
    let root = folder(&[("p/settings.gradle", ""), ("p/build.gradle", &build), ("p/src/test/java/demo/ATest.java", tests)]);
    let file = "p/src/test/java/demo/ATest.java";
    let picks = [["ATest", "adds"], ["ATest", "fails"], ["ATest", "skipped"]].map(|name| pick(file, &name));
    check(
        &root,
        &Wanted::Only(&picks),
        expect![[r#"
        Failed
        Failed demo.ATest#fails ["ATest", "fails"] p/src/test/java/demo/ATest.java:0 at p/src/test/java/demo/ATest.java:7: java.lang.AssertionError: expected:<2> but was:<3> | expected 2 | actual 3
        Passed demo.ATest#adds ["ATest", "adds"] p/src/test/java/demo/ATest.java:0
        Skipped demo.ATest#skipped ["ATest", "skipped"] p/src/test/java/demo/ATest.java:0"#]],
    );
}

#[test]
fn ctest_builds_runs_chooses_and_lists() {
    if !has("cmake") || !has("cc") {
        return;
    }
    let list = "cmake_minimum_required(VERSION 3.10)\nproject(demo C)\nenable_testing()\nadd_executable(a_test a_test.c)\nadd_executable(b_test b_test.c)\nadd_test(NAME a.passes COMMAND a_test 0)\nadd_test(NAME a.fails COMMAND a_test 1)\nadd_test(NAME a.skips COMMAND a_test 77)\nset_tests_properties(a.skips PROPERTIES SKIP_RETURN_CODE 77)\nadd_test(NAME b COMMAND b_test)\n";
    let program = "#include <stdio.h>\n#include <stdlib.h>\nint main(int argc, char **argv) {\n    int code = atoi(argv[1]);\n    if (code) fprintf(stderr, \"a_test.c:%d: expected: <0> but was: <%d>\\n\", __LINE__, code);\n    return code;\n}\n";
    let other = "#include <signal.h>\nint main(void) { return raise(SIGSEGV); }\n";
    let root = folder(&[("p/CMakeLists.txt", list), ("p/a_test.c", program), ("p/b_test.c", other), ("p/.gitignore", "build/\n")]);
    check(
        &root,
        &Wanted::All,
        expect![[r#"
            Failed
            Failed a.fails ["a.fails"] p/CMakeLists.txt:7 at p/a_test.c:5: a_test.c:5: expected: <0> but was: <1> | expected 0 | actual 1
            Failed b ["b"] p/CMakeLists.txt:10: Exception: SegFault
            Passed a.passes ["a.passes"] p/CMakeLists.txt:6
            Skipped a.skips ["a.skips"] p/CMakeLists.txt:8"#]],
    );
    check(
        &root,
        &Wanted::Only(&[pick("p/a_test.c", &["main"])]),
        expect![[r#"
            Failed
            Failed a.fails ["a.fails"] p/CMakeLists.txt:7 at p/a_test.c:5: a_test.c:5: expected: <0> but was: <1> | expected 0 | actual 1
            Passed a.passes ["a.passes"] p/CMakeLists.txt:6
            Skipped a.skips ["a.skips"] p/CMakeLists.txt:8"#]],
    );
    check(
        &root,
        &Wanted::Only(&[pick("p/unheard.c", &["main"])]),
        expect![[r#"
            Failed (ctest does not tell which file a test is in, so all of its tests were run)
            Failed a.fails ["a.fails"] p/CMakeLists.txt:7 at p/a_test.c:5: a_test.c:5: expected: <0> but was: <1> | expected 0 | actual 1
            Failed b ["b"] p/CMakeLists.txt:10: Exception: SegFault
            Passed a.passes ["a.passes"] p/CMakeLists.txt:6
            Skipped a.skips ["a.skips"] p/CMakeLists.txt:8"#]],
    );
    check(
        &root,
        &Wanted::List,
        expect![[r#"
            Listed
            Listed a.fails ["a.fails"] p/CMakeLists.txt:7
            Listed a.passes ["a.passes"] p/CMakeLists.txt:6
            Listed a.skips ["a.skips"] p/CMakeLists.txt:8
            Listed b ["b"] p/CMakeLists.txt:10"#]],
    );
    std::fs::write(root.path().join("p/b_test.c"), "int main(void) { return nothing; }\n").unwrap();
    let unbuilt = tested(&root, &Wanted::All);
    assert_eq!((unbuilt.state, unbuilt.cases[0].place.as_deref()), (State::BuildFailed, Some("p/b_test.c:1")));
}

#[test]
fn a_runner_that_is_missing_hangs_dies_or_talks_nonsense_is_not_passed() {
    let script = |name: &str, text: &str| {
        let root =
            folder(&[("package.json", r#"{"name":"web","scripts":{"test":"vitest"}}"#), (&format!("node_modules/.bin/{name}"), text)]);
        let program = root.path().join("node_modules/.bin").join(name);
        std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        root
    };
    let state = |root: &TempDir| {
        let tested = tested(root, &Wanted::All);
        let said = tested.cases.first().map(|case| case.message.clone()).unwrap_or_default();
        format!("{:?} {:?} {said:?}", tested.state, tested.note)
    };
    expect![[r#"Missing "vitest is not installed in the project; get it with: npm install" """#]].assert_eq(&state(&script("other", "")));
    expect![[r#"Failed "the run ended before the end of its tests, by signal 9" "ended by signal 9""#]]
        .assert_eq(&state(&script("vitest", "#!/bin/sh\nkill -9 $$\n")));
    expect![[r#"NotFinished "the run ended before the end of its tests, with status 0\n{\"end\":true}" """#]]
        .assert_eq(&state(&script("vitest", "#!/bin/sh\necho '{\"end\":true}'; head -c 1000 /dev/zero\n")));
    expect![[r#"Failed "the run ended before the end of its tests, with status 3" "wrong""#]]
        .assert_eq(&state(&script("vitest", "#!/bin/sh\necho wrong; exit 3\n")));
    let root = script("vitest", "#!/bin/sh\nsleep 600\n");
    let path = root.path().canonicalize().unwrap();
    let session = Session { root: &path, deadline: Instant::now() + Duration::from_millis(300), cancel: &Cancel::default() };
    let survey = project::survey(&path);
    let packages: Vec<&Package> = survey.packages.iter().collect();
    assert_eq!(session.group(&packages, &Wanted::All).unwrap()[0].state, State::NotFinished);
}
