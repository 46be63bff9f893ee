//! The figures, from mutants made up.

use expect_test::expect;

use super::super::child::Test;
use super::*;

fn key(id: &str) -> Key {
    Key { package: "p".into(), id: id.into() }
}

fn report(ids: &[&str], state: State) -> Report {
    let tests = ids.iter().map(|id| (key(id), Test { state, path: None })).collect();
    Report { verdict: "passed".into(), runners: BTreeSet::from(["pytest".into()]), tests, ..Report::default() }
}

/// Figures of a suite `a` to `j` and one mutant for each pair of failing and listed tests.
fn figures(mutants: &[(&[&str], &[&str])]) -> Figures {
    let suite = report(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"], State::Passed);
    let mut figures = Figures::new("demo".into(), 1);
    figures.begin(&suite, Duration::from_millis(1500)).expect("tests that pass");
    (figures.mutants, figures.drawn) = (40, mutants.len());
    for (at, (failing, listed)) in mutants.iter().enumerate() {
        let mutant = Mutant::example(&format!("f{at}"));
        let failing = failing.iter().map(|id| key(id)).collect();
        let mut listed = report(listed, State::Listed);
        if listed.tests.len() == suite.tests.len() {
            listed.widened.insert(("everything".into(), "a build file".into()));
        }
        figures.measured.push(Measured::new(&mutant, &failing, &listed, &suite));
    }
    figures
}

#[test]
fn figures_are_told_beside_their_goals() {
    let all = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut figures = figures(&[(&["a"], &["a"]), (&["a", "b"], &["a", "c", "unknown"]), (&["a"], &all)]);
    figures.count(&Truth::Unbuilt);
    figures.count(&Truth::Unnoticed);
    expect![[r"
        demo (pytest): 10 tests, 0 of them fail as it is; first run 1.5 s
          mutants    3 drawn of 40: 3 usable, 1 unbuilt, 1 unnoticed, 0 unfinished
          recall     mean 83.3 % (goal: at least 98.0 %)
          worst      50.0 %: src/a.py:1 f1: `<` -> `<=`; missed: b
          selected   median 20.0 % (goal: at most 30.0 %), p90 100.0 %, mean 43.3 %
          everything 1 of 3 times
          widened    1 times, everything: a build file
    "]]
    .assert_eq(&figures.text());
    let json = figures.json();
    assert_eq!(json["worst"]["missed"][0]["id"], "b");
    assert_eq!((&json["usable"], &json["everything"]), (&json!(3), &json!(1)));
}

#[test]
fn without_a_usable_mutant_there_are_no_shares() {
    let text = figures(&[]).text();
    assert!(text.ends_with("0 usable, 0 unbuilt, 0 unnoticed, 0 unfinished\n"), "{text}");
    assert_eq!(figures(&[]).json()["worst"], Value::Null);
}

#[test]
fn a_suite_without_a_test_that_passes_cannot_be_measured() {
    for suite in [report(&[], State::Passed), report(&["a"], State::Failed)] {
        assert!(Figures::new("demo".into(), 1).begin(&suite, Duration::ZERO).is_err());
    }
}

#[test]
fn a_quantile_is_a_value_that_was_measured() {
    let tenths: Vec<f64> = (1..=10).map(f64::from).collect();
    assert_eq!([quantile(&tenths, 50), quantile(&tenths, 90), quantile(&tenths, 100)], [5.0, 9.0, 10.0]);
    assert_eq!([quantile(&[], 50), quantile(&[3.0], 90)], [0.0, 3.0]);
}
