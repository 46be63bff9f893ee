//! Plans: what is wrong with them, and replacing them on the way.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use expect_test::expect;

use super::check;
use super::script::{opening, plan, step};

/// The faults of a plan, one a line.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`expect!` is written in place")]
fn check_faults(scenario: &str, expect: expect_test::Expect) {
    let (run, steps) = scenario.trim().split_once('\n').unwrap_or((scenario.trim(), ""));
    let steps = steps.lines().map(|line| step(line.trim())).collect();
    let faults = plan(steps).validate(&opening(run));
    let text: Vec<String> =
        faults.into_iter().map(|fault| format!("{}: {}", fault.step.map_or("plan".to_string(), |step| step.0), fault.reason)).collect();
    expect.assert_eq(&text.join("\n"));
}

#[test]
fn every_fault_names_its_step_and_the_reason() {
    check_faults("run", expect!["plan: it has no steps"]);
    check_faults(
        "run no-model tokens=100 wall=10
        a look after=x,b in=y
        b nonsense
        b agent tools=test turns=0
        c model tokens=200 wall=20 attempts=0
        D explain",
        expect![[r#"
            a: it comes after `x`, which does not exist
            a: its input `y` comes from `y`, which does not exist
            b: there is no tool `nonsense`
            b: another step has the same id
            b: there is no tool `test` for agents
            b: it allows no turn
            b: it needs a model, and none is configured
            c: it allows no attempt
            c: it needs a model, and none is configured
            c: its budget of 200 tokens is more than the run's 100
            c: its budget of 20 ms of wall time is more than the run's 10
            D: an id has 1 to 64 characters of a-z, 0-9, _ and -
            D: there is no tool `explain`"#]],
    );
}

#[test]
fn a_cycle_is_shown_as_the_way_round() {
    check_faults(
        "run
        start look
        a look after=start,c
        b look in=a
        c look after=b",
        expect!["a: it waits for itself: a <- c <- b <- a"],
    );
    check_faults("run\na look after=a", expect!["a: it waits for itself: a <- a"]);
}

#[test]
fn a_budget_that_no_reply_fits_cannot_be_met() {
    check_faults(
        "run price=1
        a model tokens=0
        b model tokens=255
        c model tokens=256
        d agent micros=0
        e look tokens=0",
        expect![[r#"
            a: its budget of 0 tokens is less than the 256 of the shortest reply
            b: its budget of 255 tokens is less than the 256 of the shortest reply
            d: it needs a model that costs money, and its budget has none"#]],
    );
    check_faults(
        "run reply=100\na model tokens=99\nb model tokens=100",
        expect!["a: its budget of 99 tokens is less than the 100 of the shortest reply"],
    );
}

#[test]
fn an_invalid_plan_ends_the_run_and_says_why() {
    check(
        "
        run parallel=1
        step a look after=b
        step b look after=a
        begin",
        expect![[r#"
              conclude Failed: failed to carry out the plan: step `a`: it waits for itself: a <- b <- a
            > begin
        "#]],
    );
}

#[test]
fn a_replacement_changes_what_has_not_started() {
    check(
        "
        run parallel=1
        step a look
        step b look after=a
        step c look after=b
        begin
        replan a look; d look after=a
        0 ok
        1 ok
        steps",
        expect![[r#"
              0: a calls look
            > begin
            > replan a look; d look after=a
            > 0 ok
              1: d calls look
            > 1 ok
              conclude Succeeded:
            > steps
              a: Succeeded
              d: Succeeded
        "#]],
    );
}

#[test]
fn a_replacement_that_touches_what_has_started_changes_nothing() {
    check(
        "
        run parallel=1
        step a look
        step b look after=a
        begin
        replan b look
        replan a read; b look after=a
        replan a look; b look after=c
        0 ok
        1 ok
        steps",
        expect![[r#"
              0: a calls look
            > begin
            > replan b look
            > replan a read; b look after=a
            > replan a look; b look after=c
            > 0 ok
              1: b calls look
            > 1 ok
              conclude Succeeded:
            > steps
              a: Succeeded
              b: Succeeded
        "#]],
    );
}

#[test]
fn once_every_step_has_ended_nothing_is_added() {
    check(
        "
        run checks=test
        step a look
        begin
        0 ok
        replan a look; b look
        2 ok
        1 ok",
        expect![[r#"
              0: a calls look
            > begin
            > 0 ok
              2: open
            > replan a look; b look
            > 2 ok
              1: checks test
            > 1 ok
              conclude Succeeded:
        "#]],
    );
}
