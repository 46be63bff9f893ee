//! Failures: retries, pauses, timeouts, what a failed step means for the others.

use expect_test::expect;

use super::check;

#[test]
fn a_passing_failure_is_tried_again_after_a_pause_that_doubles() {
    check(
        "
        run parallel=1
        step a look attempts=3
        begin
        0 fail transient
        wait 1000
        woke
        0 fail transient
        wait 2000
        woke
        0 fail transient",
        expect![[r#"
              0: a calls look
            > begin
            > 0 fail transient
              wake at 1000
            > wait 1000
            > woke
              0: a calls look (attempt 2)
            > 0 fail transient
              wake at 3000
            > wait 2000
            > woke
              0: a calls look (attempt 3)
            > 0 fail transient
              conclude Failed: failed to finish step `a`: do it
        "#]],
    );
}

#[test]
fn the_other_side_says_when_to_come_back() {
    check(
        "
        run parallel=1
        step a model attempts=2
        begin
        0 fail transient after=7000
        wait 6999
        woke
        wait 1
        woke
        0 ok done",
        expect![[r#"
              0: a answer of 1000
            > begin
            > 0 fail transient after=7000
              wake at 7000
            > wait 6999
            > woke
              wake at 7000
            > wait 1
            > woke
              0: a answer of 1000 (attempt 2)
            > 0 ok done
              conclude Succeeded: done
        "#]],
    );
}

#[test]
fn what_cannot_be_helped_is_not_tried_again() {
    check(
        "
        run parallel=1
        step a look attempts=3
        begin
        0 fail permanent",
        expect![[r#"
              0: a calls look
            > begin
            > 0 fail permanent
              conclude Failed: failed to finish step `a`: do it
        "#]],
    );
}

#[test]
fn a_model_that_takes_too_long_is_asked_again_and_a_tool_is_not() {
    check(
        "
        run parallel=2
        step m model attempts=2 skip
        step t look attempts=2 skip
        begin
        0 fail late
        1 fail late
        wait 1000
        woke
        0 ok hello",
        expect![[r#"
              0: m answer of 1000
              1: t calls look
            > begin
            > 0 fail late
              wake at 1000
            > 1 fail late
            > wait 1000
            > woke
              0: m answer of 1000 (attempt 2)
            > 0 ok hello
              conclude Succeeded: 1 of 2 steps succeeded
        "#]],
    );
}

#[test]
fn a_unit_may_take_as_long_as_its_step_and_the_deadline_allow() {
    check(
        "
        run parallel=3 wall=50000
        step a look timeout=5000
        step b look
        step c look wall=700 timeout=9000
        begin",
        expect![[r#"
              wake at 50000
              0: a calls look within 5000 ms
              1: b calls look within 50000 ms
              2: c calls look within 700 ms
            > begin
        "#]],
    );
}

#[test]
fn the_deadline_ends_the_run_and_cancels_what_is_in_flight() {
    check(
        "
        run wall=5000
        step a look
        begin
        0 go
        wait 5000
        woke
        0 cancelled
        steps",
        expect![[r#"
              wake at 5000
              0: a calls look within 5000 ms
            > begin
            > 0 go
            > wait 5000
            > woke
              cancel 0
            > 0 cancelled
              conclude Failed: failed to finish within 5 s of wall time
            > steps
              a: Running
        "#]],
    );
}

#[test]
fn a_step_that_may_fail_has_those_that_need_it_skipped() {
    check(
        "
        run parallel=2
        step a look skip
        step b look after=a
        step c look after=b
        step d look
        begin
        0 no it is broken
        1 ok fine
        steps",
        expect![[r#"
              0: a calls look
              1: d calls look
            > begin
            > 0 no it is broken
            > 1 ok fine
              conclude Succeeded: fine
            > steps
              a: Failed it is broken
              b: Skipped `a` did not succeed
              c: Skipped `b` did not succeed
              d: Succeeded
        "#]],
    );
}

#[test]
fn a_step_that_must_not_fail_winds_the_run_down() {
    check(
        "
        run parallel=3
        step a look
        step b look
        step c look after=b
        begin
        1 go
        0 no it is broken
        1 cancelled
        steps",
        expect![[r#"
              0: a calls look
              1: b calls look
            > begin
            > 1 go
            > 0 no it is broken
              cancel 1
            > 1 cancelled
              conclude Failed: it is broken
            > steps
              a: Failed it is broken
              b: Running
              c: Skipped
        "#]],
    );
}

#[test]
fn a_unit_handed_out_before_the_failure_is_cancelled_when_it_begins() {
    check(
        "
        run parallel=2
        step a look
        step b look
        begin
        0 fail permanent
        1 go
        1 fail transient",
        expect![[r#"
              0: a calls look
              1: b calls look
            > begin
            > 0 fail permanent
            > 1 go
              cancel 1
            > 1 fail transient
              conclude Failed: failed to finish step `a`: do it
        "#]],
    );
}

#[test]
fn a_denied_step_refuses_the_run() {
    check(
        "
        run parallel=1
        step a send
        begin
        0 deny not here",
        expect![[r#"
              0: a calls send
            > begin
            > 0 deny not here
              conclude Refused: failed to finish step `a`: not here
        "#]],
    );
}

#[test]
fn a_workspace_that_does_not_open_ends_the_run() {
    check(
        "
        run parallel=1
        step a read attempts=3
        begin
        1 fail transient",
        expect![[r#"
              1: open
            > begin
            > 1 fail transient
              conclude Failed: failed to do it
        "#]],
    );
}

#[test]
fn what_was_not_cancelled_on_request_is_a_failure() {
    check(
        "
        run parallel=1
        step a look
        begin
        0 cancelled",
        expect![[r#"
              0: a calls look
            > begin
            > 0 cancelled
              conclude Failed: failed to finish step `a`: finish: it was cancelled
        "#]],
    );
}
