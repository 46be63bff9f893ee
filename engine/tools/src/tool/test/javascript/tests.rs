//! Titles, patterns, and what the reporters wrote of real tests.

use expect_test::{Expect, expect};

use super::*;
use crate::project::Runner;

fn package(home: &str, dir: &str) -> Package {
    Package::for_tests(Runner::Vitest, "p", dir, home)
}

fn pick(path: &str, name: &[&str]) -> Pick {
    Pick { path: path.into(), name: name.iter().map(|part| (*part).to_owned()).collect(), id: None }
}

#[track_caller]
fn check_selection(seen: Titles, picks: &[Pick], expect: Expect) {
    let selection = Selection::of(picks, &package("", "web"), seen);
    expect.assert_eq(&format!("{} {}", selection.files.join(" "), selection.pattern.as_deref().unwrap_or("(whole files)")));
}

#[test]
fn tests_are_chosen_by_file_and_full_title() {
    let one = pick("web/src/a.test.ts", &["math (basic)", "adds 1 + 1"]);
    check_selection(Titles::Full, std::slice::from_ref(&one), expect![[r#"src/a.test.ts (^| )(math \(basic\)( | > )adds 1 \+ 1)$"#]]);
    check_selection(Titles::Last, std::slice::from_ref(&one), expect![[r#"src/a.test.ts (^| )(adds 1 \+ 1)$"#]]);
    check_selection(
        Titles::Full,
        &[one.clone(), pick("lib/b.test.ts", &["pair %i < ${b} $c.d $5"])],
        expect![[r#"../lib/b.test.ts src/a.test.ts (^| )(math \(basic\)( | > )adds 1 \+ 1|pair [^]* < [^]* [^]* [^]*)$"#]],
    );
    check_selection(Titles::Full, &[one, pick("web/src/c.test.ts", &[])], expect!["src/a.test.ts src/c.test.ts (whole files)"]);
    let known = Pick { path: String::new(), name: vec![], id: Some("web/src/a.test.ts > suite > costs $5 > 4".into()) };
    check_selection(Titles::Full, &[known], expect![[r#"src/a.test.ts (^| )(suite( | > )costs \$5( | > )4)$"#]]);
    let many: Vec<Pick> = (0..2000).map(|number| pick("web/a.test.ts", &[&format!("a test of some length {number}")])).collect();
    check_selection(Titles::Full, &many, expect!["a.test.ts (whole files)"]);
}

#[test]
fn a_template_fits_what_the_run_made_of_it() {
    let fits = |title: &str, name: &str| filled(&pieces(title), name);
    assert!(fits("pair %i < %i", "pair 1 < 2") && fits("object $a.b is ${c}", "object 1 is 2") && fits("%s", "anything"));
    assert!(!fits("pair %i < %i", "pair 1 > 2") && !fits("plain", "plainer") && !fits("%sab", "ba"));
    assert!(fits("100 %", "100 %") && fits("costs $", "costs $"));
    // The same letters are not used twice.
    assert!(!fits("aa%saa", "aaa"));
}

/// What the reporters wrote of two real files, shortened.
const TOLD: &str = r#"{"file":"/r/p/src/math.test.js","name":["math (basic)","adds 1 + 1"],"line":2,"state":"passed","ms":3.5,"retries":0}
{"file":"/r/p/src/math.test.js","name":["math (basic)","fails"],"line":3,"state":"failed","ms":4,"retries":0,"errors":[{"message":"Error: expect(received).toEqual(expected) // deep equality","stack":"Error: expect(received)...\n    at new Promise (<anonymous>)\n    at x (/r/p/node_modules/jest-circus/build/a.js:1:2)\n    at Object.toEqual (/r/p/src/math.test.js:4:33)","expected":"{ a: 1 }","actual":"{ a: 2 }"}]}
{"file":"/r/p/src/math.test.js","name":["math (basic)","later"],"line":6,"state":"skipped","retries":0}
{"file":"/r/p/src/math.test.js","name":["same"],"state":"passed","retries":1}
{"file":"/r/p/src/math.test.js","name":["same"],"state":"unknown"}
{"file":"/r/p/src/broken.test.js","name":[],"state":"failed","errors":[{"message":"  ● Test suite failed to run\n\n    advice\n\n    Details:\n\n    SyntaxError: /r/p/src/broken.test.js: Unexpected token (2:0)\n","stack":""}]}
{"file":"/r/p/src/other.test.js","name":["throws"],"state":"failed","errors":[{"message":"bad","stack":"TypeError: bad\n    at file:///r/shared/help.js:3:30\n    at async x"}]}
{"end":true,"errors":[{"message":"Unhandled rejection","stack":""}]}
{"file":"/r/p/src/cut"#;

#[test]
fn lines_become_tests_with_the_place_of_their_failure() {
    let told = cases(TOLD, Path::new("/r/p"), Path::new("/r"));
    let show = |case: &Case| {
        let compared = case.expected.as_ref().map(|expected| format!(" expected {expected} actual {:?}", case.actual)).unwrap_or_default();
        format!("{}: {:?} x{} line {:?} at {:?}: {}{compared}", case.id, case.verdict, case.attempts, case.line, case.place, case.message)
    };
    let lines: Vec<String> = told.cases.iter().map(show).collect();
    expect![[r#"
        src/math.test.js > math (basic) > adds 1 + 1: Passed x1 line Some(2) at None: 
        src/math.test.js > math (basic) > fails: Failed x1 line Some(3) at Some("src/math.test.js:4"): Error: expect(received).toEqual(expected) // deep equality expected { a: 1 } actual Some("{ a: 2 }")
        src/math.test.js > math (basic) > later: Skipped x0 line Some(6) at None: 
        src/math.test.js > same: Flaky x2 line None at None: 
        src/math.test.js > same (2): NotRun x0 line None at None: 
        src/broken.test.js: Failed x1 line None at Some("src/broken.test.js:2"): SyntaxError: /r/p/src/broken.test.js: Unexpected token (2:0)
        src/other.test.js > throws: Failed x1 line None at Some("/r/shared/help.js:3"): bad"#]].assert_eq(&lines.join("\n"));
    assert_eq!((told.whole, told.errors), (true, vec!["Unhandled rejection".to_owned()]));
}

#[test]
fn a_runner_that_ends_well_without_its_reporter_is_not_believed() {
    let ended = |code: i32, output: &str| Ended { code: Some(code), signal: None, output: output.into(), overdue: false };
    let state = |ended: &Ended, told: &str| tested(&package("", ""), ended, cases(told, Path::new("/r"), Path::new("/r"))).state;
    assert_eq!(state(&ended(0, "hello"), ""), State::NotFinished);
    assert_eq!(state(&ended(0, "No tests found, exiting with code 0"), ""), State::Passed);
    assert_eq!(state(&ended(0, ""), "{\"end\":true}"), State::Passed);
    assert_eq!(state(&ended(1, ""), "{\"end\":true}"), State::Failed);
    assert_eq!(state(&ended(0, ""), "{\"file\":\"/r/a\",\"name\":[\"a\"],\"state\":\"unknown\"}\n{\"end\":true}"), State::NotFinished);
    let killed = Ended { code: None, signal: Some(9), output: String::new(), overdue: false };
    assert_eq!(state(&killed, "{\"file\":\"/r/a\",\"name\":[\"a\"],\"state\":\"passed\"}"), State::Failed);
    let stopped = Ended { overdue: true, ..killed };
    assert_eq!(state(&stopped, "{\"file\":\"/r/a\",\"name\":[\"a\"],\"state\":\"passed\"}"), State::NotFinished);
}
