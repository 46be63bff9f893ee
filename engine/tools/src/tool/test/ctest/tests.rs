//! What ctest 3.25 wrote of real tests.

use expect_test::{Expect, expect};

use super::*;
use crate::tool::tests::folder;

const OUTPUT: &str = "    Start 1: a.passes
1/6 Test #1: a.passes .........................   Passed    0.00 sec
4/6 Test #4: a.kills ..........................***Exception: SegFault  0.00 sec
5/6 Test #5: gone .............................***Not Run   0.00 sec
6/6 Test #6: off ..............................***Not Run (Disabled)   0.00 sec
";

const RESULTS: &str = "<testsuite name=\"(empty)\">
	<testcase name=\"a.passes\" classname=\"a.passes\" time=\"0.003\" status=\"run\"><system-out></system-out></testcase>
	<testcase name=\"a.fails\" classname=\"a.fails\" time=\"0.003\" status=\"fail\"><failure message=\"\"/><system-out>sub/a_test.c:7: Failure
</system-out></testcase>
	<testcase name=\"a.skips\" classname=\"a.skips\" time=\"0\" status=\"notrun\"><skipped message=\"SKIP_RETURN_CODE=77\"/></testcase>
	<testcase name=\"a.kills\" classname=\"a.kills\" time=\"0\" status=\"fail\"><failure message=\"\"/><system-out></system-out></testcase>
	<testcase name=\"gone\" classname=\"gone\" time=\"0\" status=\"notrun\"><skipped message=\"Unable to find executable\"/><system-out>Unable to find executable: nosuch</system-out></testcase>
	<testcase name=\"off\" classname=\"off\" time=\"0\" status=\"disabled\"><system-out>Disabled</system-out></testcase>
</testsuite>";

#[test]
fn a_test_that_could_not_be_started_has_failed_and_a_disabled_one_was_skipped() {
    let root = folder(&[("p/sub/a_test.c", "")]);
    let said = said(OUTPUT);
    let cases = junit::read(RESULTS.as_bytes()).cases;
    let show = |told: &TestCase| {
        let case = case(told, &said, root.path(), &root.path().join("p"));
        let place = case.place.map(|place| place.replace(&root.path().display().to_string(), "ROOT"));
        format!("{}: {:?} at {place:?}: {:?}", case.id, case.verdict, case.message)
    };
    expect![[r#"
        a.passes: Passed at None: ""
        a.fails: Failed at Some("ROOT/p/sub/a_test.c:7"): "sub/a_test.c:7: Failure"
        a.skips: Skipped at None: ""
        a.kills: Failed at None: "Exception: SegFault"
        gone: Failed at None: "Not Run\nUnable to find executable\nUnable to find executable: nosuch"
        off: Skipped at None: """#]]
    .assert_eq(&cases.iter().map(show).collect::<Vec<_>>().join("\n"));
    expect![[r#"{"a.kills": "Exception: SegFault", "a.passes": "Passed", "gone": "Not Run", "off": "Not Run (Disabled)"}"#]]
        .assert_eq(&format!("{said:?}"));
}

#[test]
fn picks_are_found_by_name_or_by_the_program_their_file_becomes() {
    let known = |name: &str, program: &str| Known { name: name.into(), program: program.into(), added: None };
    let known = [known("Math.adds", "math_test"), known("a.one", "a_test"), known("a.two", "a_test")];
    let check = |path: &str, name: &[&str], id: Option<&str>, expect: Expect| {
        let pick = Pick { path: path.into(), name: name.iter().map(|part| (*part).to_owned()).collect(), id: id.map(str::to_owned) };
        expect.assert_eq(&format!("{:?}", chosen(&[pick], &known)));
    };
    check("t/math_test.cc", &["Math", "adds"], None, expect![[r#"Some({"Math.adds"})"#]]);
    check("t/a_test.c", &["main"], None, expect![[r#"Some({"a.one", "a.two"})"#]]);
    check("", &[], Some("a.two"), expect![[r#"Some({"a.two"})"#]]);
    check("t/other.c", &["x"], None, expect!["None"]);
}

#[test]
fn names_are_taken_letter_by_letter() {
    assert_eq!(escaped("a.b+(c)"), r"a\.b\+\(c\)");
}

#[test]
fn only_a_folder_built_from_these_sources_is_used_again() {
    let root = folder(&[("p/.gitignore", "/build\n"), ("p/CMakeLists.txt", ""), ("p/build/keep", ""), ("q/CMakeLists.txt", "")]);
    let base = root.path().canonicalize().unwrap();
    let home = base.join("p");
    let kept = |home: &Path| match super::folder(&base, home).unwrap() {
        Folder::Kept(path) => path.strip_prefix(&base).unwrap().display().to_string(),
        Folder::Temporary(_) => "temporary".into(),
    };
    assert_eq!((kept(&home).as_str(), kept(&base.join("q")).as_str()), ("p/build/naestro", "temporary"));
    let cache = |source: &Path| {
        let dir = home.join("build");
        fs::write(
            dir.join("CMakeCache.txt"),
            format!("CMAKE_CACHEFILE_DIR:INTERNAL={}\nCMAKE_HOME_DIRECTORY:INTERNAL={}\n", dir.display(), source.display()),
        )
        .unwrap();
        kept(&home)
    };
    assert_eq!((cache(&home).as_str(), cache(&base.join("q")).as_str()), ("p/build", "p/build/naestro"));
}

#[test]
fn errors_of_compiler_and_of_cmake_are_told_with_their_places() {
    let root = folder(&[("a.c", "")]);
    let check = |output: &str, expect: Expect| {
        let cases = errors(&output.replace("ROOT", &root.path().display().to_string()), root.path(), root.path());
        let lines: Vec<String> = cases.iter().map(|case| format!("{} at {:?}: {}", case.id, case.place, case.message)).collect();
        expect.assert_eq(&lines.join("\n").replace(&root.path().display().to_string(), "ROOT"));
    };
    check(
        "ROOT/a.c:3:5: error: unknown type name 'x'\nld: undefined reference to `y'\n",
        expect![[r#"
        build at Some("ROOT/a.c:3"): unknown type name 'x'
        build (2) at None: ld: undefined reference to `y'"#]],
    );
    check(
        "-- x\nCMake Error at CMakeLists.txt:3 (add_executable):\n  Cannot find source file\n",
        expect![[r#"
        build at Some("CMakeLists.txt:3"): CMake Error at CMakeLists.txt:3 (add_executable):
          Cannot find source file"#]],
    );
}
