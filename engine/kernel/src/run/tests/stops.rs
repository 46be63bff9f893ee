//! Cancellation at every point, and forks.

use expect_test::expect;

use super::check;

#[test]
fn cancelled_before_anything_began_it_ends_at_once() {
    check(
        "
        run parallel=1
        step q ask
        step a send
        begin
        question step q
        0 asked
        cancel
        answer 0 late
        steps",
        expect![[r#"
              ask for step q: which?
              0: a calls send
            > begin
            > question step q
            > 0 asked
              = waiting
            > cancel
              conclude Cancelled: cancelled
            > answer 0 late
            > steps
              q: Running
              a: Running
        "#]],
    );
}

#[test]
fn cancelled_in_flight_it_ends_when_all_have() {
    check(
        "
        run parallel=2
        step a look
        step b look
        begin
        0 go
        cancel
        1 go
        0 cancelled
        1 ok",
        expect![[r#"
              0: a calls look
              1: b calls look
            > begin
            > 0 go
            > cancel
              cancel 0
            > 1 go
              cancel 1
            > 0 cancelled
            > 1 ok
              conclude Cancelled: cancelled
        "#]],
    );
}

#[test]
fn cancelled_while_suspended_it_ends() {
    check(
        "
        run parallel=1
        step a look
        begin
        0 go
        suspend
        0 cancelled
        cancel",
        expect![[r#"
              0: a calls look
            > begin
            > 0 go
            > suspend
              cancel 0
            > 0 cancelled
              = suspended
            > cancel
              conclude Cancelled: cancelled
        "#]],
    );
}

#[test]
fn a_cancelled_run_keeps_its_diff_and_imports_nothing() {
    check(
        "
        run apply
        step a edit
        step b edit after=a
        begin
        1 ok
        0 wrote tree
        2 go
        cancel
        2 cancelled
        3 go
        3 ok one.rs",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: b calls edit
            > 2 go
            > cancel
              cancel 2
            > 2 cancelled
              3: diff
            > 3 go
            > 3 ok one.rs
              conclude Cancelled: cancelled
        "#]],
    );
}

#[test]
fn a_cancellation_outlives_a_crash() {
    check(
        "
        run parallel=1
        step a look
        begin
        0 go
        cancel
        resume crashed",
        expect![[r#"
              0: a calls look
            > begin
            > 0 go
            > cancel
              cancel 0
            > resume crashed
              conclude Cancelled: cancelled
        "#]],
    );
}

#[test]
fn a_fork_goes_on_from_where_its_parent_was() {
    check(
        "
        run parallel=2
        step a look
        step b look after=a
        begin
        0 ok one
        1 go
        fork
        resume
        1 ok two",
        expect![[r#"
              0: a calls look
            > begin
            > 0 ok one
              1: b calls look
            > 1 go
            > fork
              = suspended
            > resume
              1: b calls look (attempt 2)
            > 1 ok two
              conclude Succeeded: two
        "#]],
    );
}

#[test]
fn a_fork_of_a_cancelled_run_takes_up_what_was_cancelled() {
    check(
        "
        run parallel=1
        step a agent
        step b look
        step q ask
        begin
        question step q
        0 calls look:x look:y
        1 go
        cancel
        1 cancelled
        fork
        resume
        question step q
        answer 1 yes",
        expect![[r#"
              ask for step q: which?
              0: a turn of 1000
            > begin
            > question step q
            > 0 calls look:x look:y
              1: b calls look
            > 1 go
            > cancel
              cancel 1
            > 1 cancelled
              conclude Cancelled: cancelled
            > fork
              = suspended
            > resume
              ask for step q: which?
              1: b calls look (attempt 2)
            > question step q
            > answer 1 yes
        "#]],
    );
}

#[test]
fn time_between_a_run_and_its_fork_does_not_count_against_the_wall_time() {
    check(
        "
        run wall=1000
        step a look
        step b look after=a
        begin
        0 ok
        wait 500
        1 go
        wait 90000
        fork
        wait 90000
        resume
        1 ok",
        expect![[r#"
              wake at 1000
              0: a calls look within 1000 ms
            > begin
            > 0 ok
              1: b calls look within 1000 ms
            > wait 500
            > 1 go
            > wait 90000
            > fork
              = suspended
            > wait 90000
            > resume
              1: b calls look within 1000 ms (attempt 2)
              wake at 181000
            > 1 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn a_cancellation_does_not_undo_a_failure() {
    check(
        "
        run parallel=2
        step a look
        step b look
        begin
        1 go
        0 fail permanent
        cancel
        1 cancelled
        fork
        resume",
        expect![[r#"
              0: a calls look
              1: b calls look
            > begin
            > 1 go
            > 0 fail permanent
              cancel 1
            > cancel
            > 1 cancelled
              conclude Failed: failed to finish step `a`: do it
            > fork
              = suspended
            > resume
              conclude Failed: failed to finish step `a`: do it
        "#]],
    );
}
