//! Budget: promised before, settled after; what does not fit is not begun.

use expect_test::expect;

use super::check;

#[test]
fn a_block_is_made_durable_before_the_call_it_pays_for() {
    check(
        "
        run tokens=10000 reply=1000
        step a model
        begin
        ledger
        reserved
        0 ok hi in=100 out=50
        ledger",
        expect![[r#"
              reserve 1001 tokens 0 micros
            > begin
            > ledger
              spent 0 tokens 0 micros, promised 1001 tokens 0 micros
            > reserved
              0: a answer of 1000
            > 0 ok hi in=100 out=50
              conclude Succeeded: hi
            > ledger
              spent 150 tokens 0 micros, promised 0 tokens 0 micros
        "#]],
    );
}

#[test]
fn one_block_pays_for_many_calls() {
    check(
        "
        run tokens=100000 reply=1000
        step a model
        step b model after=a
        begin
        reserved
        0 ok hi in=100 out=50
        1 ok hi in=100 out=50",
        expect![[r#"
              reserve 6250 tokens 0 micros
            > begin
            > reserved
              0: a answer of 1000
            > 0 ok hi in=100 out=50
              1: b answer of 1000
            > 1 ok hi in=100 out=50
              conclude Succeeded: hi
        "#]],
    );
}

#[test]
fn a_short_budget_shortens_the_reply() {
    check(
        "
        run tokens=600 reply=1000
        step a model
        begin
        reserved
        0 ok hi in=10 out=20
        ledger",
        expect![[r#"
              reserve 600 tokens 0 micros
            > begin
            > reserved
              0: a answer of 599
            > 0 ok hi in=10 out=20
              conclude Succeeded: hi
            > ledger
              spent 30 tokens 0 micros, promised 0 tokens 0 micros
        "#]],
    );
}

#[test]
fn a_budget_used_up_begins_nothing_more() {
    check(
        "
        run tokens=1400 reply=1000
        step a model
        step b model after=a
        begin
        reserved
        0 ok hi in=800 out=400
        steps",
        expect![[r#"
              reserve 1001 tokens 0 micros
            > begin
            > reserved
              0: a answer of 1000
            > 0 ok hi in=800 out=400
              conclude Failed: failed to finish step `b`: the budget has 200 tokens left, the next model call may need 1001
            > steps
              a: Succeeded
              b: Failed the budget has 200 tokens left, the next model call may need 1001
        "#]],
    );
}

#[test]
fn a_call_waits_for_what_others_in_flight_do_not_use() {
    check(
        "
        run tokens=1600 reply=1000 parallel=2
        step a model
        step b model
        begin
        reserved
        0 ok hi in=10 out=20
        reserved
        1 ok hi in=10 out=20",
        expect![[r#"
              reserve 1001 tokens 0 micros
            > begin
            > reserved
              0: a answer of 1000
            > 0 ok hi in=10 out=20
              reserve 100 tokens 0 micros
            > reserved
              1: b answer of 1000
            > 1 ok hi in=10 out=20
              conclude Succeeded: hi
        "#]],
    );
}

#[test]
fn a_step_has_a_budget_of_its_own() {
    check(
        "
        run reply=1000 parallel=1
        step a agent tokens=1500
        begin
        0 calls look in=900 out=100
        1 ok
        steps",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls look in=900 out=100
              1: a calls look
            > 1 ok
              conclude Failed: failed to finish step `a`: the budget has 500 tokens left, the next model call may need 2000
            > steps
              a: Failed the budget has 500 tokens left, the next model call may need 2000
        "#]],
    );
}

#[test]
fn money_is_counted_in_whole_micro_dollars_and_rounded_up() {
    check(
        "
        run micros=5000 reply=1000 price=3000000
        step a model
        begin
        reserved
        0 ok hi in=10 out=1
        ledger",
        expect![[r#"
              reserve 0 tokens 3003 micros
            > begin
            > reserved
              0: a answer of 1000
            > 0 ok hi in=10 out=1
              conclude Succeeded: hi
            > ledger
              spent 11 tokens 33 micros, promised 0 tokens 0 micros
        "#]],
    );
}

#[test]
fn a_provider_that_tells_no_usage_is_charged_an_estimate() {
    check(
        "
        run tokens=10000
        step a agent
        begin
        reserved
        0 ok a-reply-of-thirty-two-characters
        ledger",
        expect![[r#"
              reserve 1001 tokens 0 micros
            > begin
            > reserved
              0: a turn of 1000
            > 0 ok a-reply-of-thirty-two-characters
              conclude Succeeded: a-reply-of-thirty-two-characters
            > ledger
              spent 9 tokens 0 micros, promised 0 tokens 0 micros
        "#]],
    );
}

#[test]
fn a_refused_request_costs_nothing_and_a_broken_one_all_it_may_have_used() {
    check(
        "
        run tokens=10000 reply=1000
        step a model attempts=3
        begin
        reserved
        0 fail transient after=10
        ledger
        wait 10
        woke
        0 fail transient
        ledger",
        expect![[r#"
              reserve 1001 tokens 0 micros
            > begin
            > reserved
              0: a answer of 1000
            > 0 fail transient after=10
              wake at 10
            > ledger
              spent 0 tokens 0 micros, promised 0 tokens 0 micros
            > wait 10
            > woke
              0: a answer of 1000 (attempt 2)
            > 0 fail transient
              wake at 2010
            > ledger
              spent 1001 tokens 0 micros, promised 0 tokens 0 micros
        "#]],
    );
}

#[test]
fn usage_beyond_counting_does_not_overflow() {
    check(
        "
        run tokens=10000 price=3000000
        step a agent
        step b agent after=a
        begin
        reserved
        0 calls look in=18446744073709551615 out=18446744073709551615
        1 ok
        ledger",
        expect![[r#"
              reserve 1001 tokens 0 micros
            > begin
            > reserved
              0: a turn of 1000
            > 0 calls look in=18446744073709551615 out=18446744073709551615
              1: a calls look
            > 1 ok
              conclude Failed: failed to finish step `a`: the budget has 0 tokens left, the next model call may need 18446744073709551615
            > ledger
              spent 18446744073709551615 tokens 36893488147420 micros, promised 0 tokens 0 micros
        "#]],
    );
}
