//! Suspension: what is in flight is cancelled, taken up again, and time stands still.

use expect_test::expect;

use super::check;

#[test]
fn a_suspended_run_cancels_what_is_in_flight_and_takes_it_up_again() {
    check(
        "
        run parallel=2
        step a look
        step b model
        begin
        0 go
        1 go
        suspend
        0 cancelled
        1 cancelled
        resume
        0 ok
        1 ok hi",
        expect![[r#"
              0: a calls look
              1: b answer of 1000
            > begin
            > 0 go
            > 1 go
            > suspend
              cancel 0
              cancel 1
            > 0 cancelled
            > 1 cancelled
              = suspended
            > resume
              0: a calls look (attempt 2)
              1: b answer of 1000 (attempt 2)
            > 0 ok
            > 1 ok hi
              conclude Succeeded: hi
        "#]],
    );
}

#[test]
fn a_unit_not_yet_begun_is_waited_for_and_cancelled_when_it_begins() {
    check(
        "
        run parallel=1
        step a look
        begin
        suspend
        0 go
        0 cancelled
        resume",
        expect![[r#"
              0: a calls look
            > begin
            > suspend
            > 0 go
              cancel 0
            > 0 cancelled
              = suspended
            > resume
              0: a calls look (attempt 2)
        "#]],
    );
}

#[test]
fn a_unit_that_ends_in_time_counts_and_what_follows_waits() {
    check(
        "
        run parallel=1
        step a agent
        begin
        0 go
        suspend
        0 calls look:x
        resume
        1 ok",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 go
            > suspend
              cancel 0
            > 0 calls look:x
              = suspended
            > resume
              1: a calls look
            > 1 ok
              2: a turn of 1000
        "#]],
    );
}

#[test]
fn a_failure_of_what_is_being_suspended_is_its_cancellation() {
    check(
        "
        run parallel=1
        step a look
        begin
        0 go
        suspend
        0 fail permanent
        resume
        0 ok",
        expect![[r#"
              0: a calls look
            > begin
            > 0 go
            > suspend
              cancel 0
            > 0 fail permanent
              = suspended
            > resume
              0: a calls look (attempt 2)
            > 0 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn a_step_that_fails_while_the_run_is_being_suspended_ends_it() {
    check(
        "
        run parallel=2
        step a look
        step b look
        begin
        0 go
        1 go
        suspend
        0 no broken
        1 cancelled",
        expect![[r#"
              0: a calls look
              1: b calls look
            > begin
            > 0 go
            > 1 go
            > suspend
              cancel 0
              cancel 1
            > 0 no broken
            > 1 cancelled
              conclude Failed: broken
        "#]],
    );
}

#[test]
fn time_in_suspension_does_not_count_against_the_wall_time() {
    check(
        "
        run wall=1000
        step a send
        step b look
        begin
        1 go
        0 asked
        suspend
        1 cancelled
        wait 900000
        answer 0 allow
        wait 900000
        resume
        wait 999
        woke
        wait 1
        woke",
        expect![[r#"
              wake at 1000
              0: a calls send within 1000 ms
              1: b calls look within 1000 ms
            > begin
            > 1 go
            > 0 asked
            > suspend
              cancel 1
            > 1 cancelled
              = suspended
            > wait 900000
            > answer 0 allow
            > wait 900000
            > resume
              0: a calls send within 1000 ms with consent
              1: b calls look within 1000 ms (attempt 2)
              wake at 1801000
            > wait 999
            > woke
              wake at 1801000
            > wait 1
            > woke
        "#]],
    );
}

#[test]
fn the_workspace_is_opened_again_at_the_last_checkpoint() {
    check(
        "
        run parallel=1
        step a edit
        step b edit after=a
        begin
        1 ok
        0 wrote tree
        2 go
        suspend
        2 cancelled
        resume
        3 ok
        2 ok
        4 ok one.rs",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: b calls edit
            > 2 go
            > suspend
              cancel 2
            > 2 cancelled
              = suspended
            > resume
              3: open at the checkpoint
            > 3 ok
              2: b calls edit (attempt 2)
            > 2 ok
              4: diff
            > 4 ok one.rs
              conclude Succeeded:
        "#]],
    );
}
