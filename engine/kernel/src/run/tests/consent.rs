//! Consent: the policy's questions, the plan's, and those about lost attempts.

use expect_test::expect;

use super::check;

#[test]
fn what_a_human_allows_is_handed_out_with_the_digest_of_what_was_allowed() {
    check(
        "
        run parallel=1
        step a send
        begin
        0 asked
        answer 0 allow
        0 ok sent",
        expect![[r#"
              0: a calls send
            > begin
            > 0 asked
              = waiting
            > answer 0 allow
              0: a calls send with consent
            > 0 ok sent
              conclude Succeeded: sent
        "#]],
    );
}

#[test]
fn what_a_human_denies_is_refused() {
    check(
        "
        run parallel=1
        step a send
        begin
        0 asked
        answer 0 deny",
        expect![[r#"
              0: a calls send
            > begin
            > 0 asked
              = waiting
            > answer 0 deny
              conclude Refused: failed to finish step `a`: the human said no
        "#]],
    );
}

#[test]
fn an_agent_hears_that_a_call_was_denied_and_goes_on() {
    check(
        "
        run parallel=1
        step a agent
        begin
        0 calls send:x
        1 asked
        answer 0 deny
        2 ok without it",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls send:x
              1: a calls send
            > 1 asked
              = waiting
            > answer 0 deny
              2: a turn of 1000
            > 2 ok without it
              conclude Succeeded: without it
        "#]],
    );
}

#[test]
fn others_go_on_while_one_waits() {
    check(
        "
        run parallel=1
        step a send
        step b look
        begin
        0 asked
        1 ok
        answer 0 allow
        0 ok",
        expect![[r#"
              0: a calls send
            > begin
            > 0 asked
              1: b calls look
            > 1 ok
              = waiting
            > answer 0 allow
              0: a calls send with consent
            > 0 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn an_ask_step_ends_with_its_answer() {
    check(
        "
        run parallel=1
        step q ask choices=red,blue
        step a look in=q
        begin
        question step q
        answer 0 red
        0 ok",
        expect![[r#"
              ask for step q: which?
            > begin
            > question step q
              = waiting
            > answer 0 red
              0: a calls look
            > 0 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn both_questions_are_put_before_the_run_rests() {
    check(
        "
        run alone
        step q ask
        step r ask
        begin
        question step q
        question step r
        answer 0 one
        answer 1 two
        resume",
        expect![[r#"
              ask for step q: which?
              ask for step r: which?
            > begin
            > question step q
            > question step r
              = suspended
            > answer 0 one
            > answer 1 two
            > resume
              conclude Succeeded: two
        "#]],
    );
}

#[test]
fn with_nobody_to_answer_the_run_is_suspended_and_goes_on_after_the_answer() {
    check(
        "
        run alone
        step a send
        begin
        0 asked
        answer 0 allow
        resume alone
        0 ok",
        expect![[r#"
              0: a calls send
            > begin
            > 0 asked
              = suspended
            > answer 0 allow
            > resume alone
              0: a calls send with consent
            > 0 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn resumed_without_the_answer_it_waits_again() {
    check(
        "
        run alone
        step a send
        begin
        0 asked
        resume alone
        resume
        answer 0 allow
        0 ok",
        expect![[r#"
              0: a calls send
            > begin
            > 0 asked
              = suspended
            > resume alone
            > resume
              = waiting
            > answer 0 allow
              0: a calls send with consent
            > 0 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn consent_to_open_the_workspace_holds_back_what_needs_it() {
    check(
        "
        run parallel=2
        step a read
        begin
        1 asked
        suspend
        resume
        answer 0 allow
        1 ok
        0 ok",
        expect![[r#"
              1: open
            > begin
            > 1 asked
              = waiting
            > suspend
              = suspended
            > resume
              = waiting
            > answer 0 allow
              1: open with consent
            > 1 ok
              0: a calls read
            > 0 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn a_pause_that_is_over_does_not_keep_the_run_from_waiting() {
    check(
        "
        run parallel=1
        step a read attempts=2
        begin
        1 ok
        0 fail transient
        wait 2000
        resume crashed
        2 asked
        answer 0 allow
        2 ok
        0 ok",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls read
            > 0 fail transient
              wake at 1000
            > wait 2000
            > resume crashed
              2: open
            > 2 asked
              = waiting
            > answer 0 allow
              2: open with consent
            > 2 ok
              0: a calls read (attempt 2)
            > 0 ok
              conclude Succeeded:
        "#]],
    );
}
