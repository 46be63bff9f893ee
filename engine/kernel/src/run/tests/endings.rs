//! Endings: acceptance of the whole plan, the conclusion.

use expect_test::expect;

use super::check;

#[test]
fn a_plan_without_agents_is_accepted_as_a_whole() {
    check(
        "
        run checks=build,test
        step a look
        begin
        0 ok fine
        2 ok
        1 ok
        3 ok",
        expect![[r#"
              0: a calls look
            > begin
            > 0 ok fine
              2: open
            > 2 ok
              1: checks build
            > 1 ok
              3: checks test
            > 3 ok
              conclude Succeeded: fine
        "#]],
    );
}

#[test]
fn a_failed_acceptance_command_fails_the_run() {
    check(
        "
        run checks=test
        step a look
        begin
        0 ok fine
        2 ok
        1 no",
        expect![[r#"
              0: a calls look
            > begin
            > 0 ok fine
              2: open
            > 2 ok
              1: checks test
            > 1 no
              conclude Failed: failed to pass the acceptance command `test`
        "#]],
    );
}

#[test]
fn an_agent_that_failed_has_accepted_nothing() {
    check(
        "
        run checks=test
        step a agent skip
        begin
        0 fail permanent
        2 ok
        1 no",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 fail permanent
              2: open
            > 2 ok
              1: checks test
            > 1 no
              conclude Failed: failed to pass the acceptance command `test`
        "#]],
    );
}

#[test]
fn the_summary_is_the_last_steps_text() {
    check(
        "
        run parallel=1
        step a look
        step b look after=a
        begin
        0 ok first
        1 ok second",
        expect![[r#"
              0: a calls look
            > begin
            > 0 ok first
              1: b calls look
            > 1 ok second
              conclude Succeeded: second
        "#]],
    );
}

#[test]
fn a_failed_step_speaks_for_itself_and_one_that_may_fail_does_not() {
    check(
        "
        run wall=1000
        step a look skip
        step b look
        begin
        0 no may fail
        1 go
        wait 1000
        woke
        1 cancelled",
        expect![[r#"
              wake at 1000
              0: a calls look within 1000 ms
              1: b calls look within 1000 ms
            > begin
            > 0 no may fail
            > 1 go
            > wait 1000
            > woke
              cancel 1
            > 1 cancelled
              conclude Failed: failed to finish within 1 s of wall time
        "#]],
    );
}

#[test]
fn a_finished_run_takes_in_nothing_more() {
    check(
        "
        run parallel=1
        step a look
        begin
        0 ok
        cancel
        suspend
        resume
        woke
        steps",
        expect![[r#"
              0: a calls look
            > begin
            > 0 ok
              conclude Succeeded:
            > cancel
            > suspend
            > resume
            > woke
            > steps
              a: Succeeded
        "#]],
    );
}
