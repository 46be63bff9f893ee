//! Crashes: what was in flight is settled by its class, and budget is not spent twice.

use expect_test::expect;

use super::check;

#[test]
fn after_a_crash_what_may_be_repeated_is_and_a_human_is_asked_about_the_rest() {
    check(
        "
        run parallel=9
        step pure look
        step idempotent edit
        step probeable probe
        step unsafe send
        step unbegun send
        begin
        5 ok
        0 go
        1 go
        2 go
        3 go
        resume crashed
        question unit 3
        6 ok
        0 ok
        1 ok
        2 ok
        4 ok
        answer 0 repeat
        3 ok",
        expect![[r#"
              0: pure calls look
              5: open
              2: probeable calls probe
              3: unsafe calls send
              4: unbegun calls send
            > begin
            > 5 ok
              1: idempotent calls edit
            > 0 go
            > 1 go
            > 2 go
            > 3 go
            > resume crashed
              ask: `send` was under way when its process ended, and may have happened: repeat it?
              0: pure calls look (attempt 2)
              6: open
              2: probeable calls probe (attempt 2)
              4: unbegun calls send
            > question unit 3
            > 6 ok
              1: idempotent calls edit (attempt 2)
            > 0 ok
            > 1 ok
            > 2 ok
            > 4 ok
              = waiting
            > answer 0 repeat
              3: unsafe calls send (attempt 2)
            > 3 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn a_lost_attempt_that_is_not_repeated_fails_its_step() {
    check(
        "
        run parallel=1
        step a send
        begin
        0 go
        resume crashed
        question unit 0
        answer 0 skip",
        expect![[r#"
              0: a calls send
            > begin
            > 0 go
            > resume crashed
              ask: `send` was under way when its process ended, and may have happened: repeat it?
            > question unit 0
              = waiting
            > answer 0 skip
              conclude Refused: failed to finish step `a`: the human said no
        "#]],
    );
}

#[test]
fn a_crash_before_the_question_was_recorded_has_it_put_again() {
    check(
        "
        run parallel=1
        step a send
        step q ask
        begin
        0 go
        resume crashed
        resume crashed
        question unit 0
        question step q
        answer 0 repeat
        answer 1 yes
        0 ok",
        expect![[r#"
              ask for step q: which?
              0: a calls send
            > begin
            > 0 go
            > resume crashed
              ask for step q: which?
              ask: `send` was under way when its process ended, and may have happened: repeat it?
            > resume crashed
              ask for step q: which?
              ask: `send` was under way when its process ended, and may have happened: repeat it?
            > question unit 0
            > question step q
              = waiting
            > answer 0 repeat
              0: a calls send (attempt 2)
            > answer 1 yes
            > 0 ok
              conclude Succeeded: yes
        "#]],
    );
}

#[test]
fn a_lost_model_call_is_settled_in_full_and_the_rest_of_the_block_is_forfeit() {
    check(
        "
        run tokens=100000 reply=1000
        step a model
        begin
        reserved
        0 go
        ledger
        resume crashed
        ledger
        reserved
        0 ok hi in=10 out=10
        ledger",
        expect![[r#"
              reserve 6250 tokens 0 micros
            > begin
            > reserved
              0: a answer of 1000
            > 0 go
            > ledger
              spent 0 tokens 0 micros, promised 1001 tokens 0 micros
            > resume crashed
              reserve 6250 tokens 0 micros
            > ledger
              spent 6250 tokens 0 micros, promised 1001 tokens 0 micros
            > reserved
              0: a answer of 1000 (attempt 2)
            > 0 ok hi in=10 out=10
              conclude Succeeded: hi
            > ledger
              spent 6270 tokens 0 micros, promised 0 tokens 0 micros
        "#]],
    );
}

#[test]
fn a_promise_not_begun_is_made_anew_after_a_crash() {
    check(
        "
        run tokens=1200 reply=1000
        step a model
        begin
        reserved
        resume crashed
        ledger",
        expect![[r#"
              reserve 1001 tokens 0 micros
            > begin
            > reserved
              0: a answer of 1000
            > resume crashed
              conclude Failed: failed to finish step `a`: the budget has 199 tokens left, the next model call may need 1001
            > ledger
              spent 1001 tokens 0 micros, promised 0 tokens 0 micros
        "#]],
    );
}

#[test]
fn a_reservation_lost_in_a_crash_is_made_again() {
    check(
        "
        run tokens=10000 reply=1000
        step a model
        begin
        resume crashed
        reserved
        0 ok hi",
        expect![[r#"
              reserve 1001 tokens 0 micros
            > begin
            > resume crashed
              reserve 1001 tokens 0 micros
            > reserved
              0: a answer of 1000
            > 0 ok hi
              conclude Succeeded: hi
        "#]],
    );
}
