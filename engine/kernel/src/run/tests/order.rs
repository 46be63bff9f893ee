//! Order: dependencies, parallelism, readers and writers, the workspace.

use expect_test::expect;

use super::check;

#[test]
fn steps_start_when_their_dependencies_have_ended() {
    check(
        "
        run parallel=4
        step a look
        step b look
        step c look after=a in=b
        step d look after=c
        begin
        0 ok one
        1 ok two
        2 ok three
        3 ok four
        steps",
        expect![[r#"
              0: a calls look
              1: b calls look
            > begin
            > 0 ok one
            > 1 ok two
              2: c calls look
            > 2 ok three
              3: d calls look
            > 3 ok four
              conclude Succeeded: four
            > steps
              a: Succeeded
              b: Succeeded
              c: Succeeded
              d: Succeeded
        "#]],
    );
}

#[test]
fn no_more_units_are_out_than_the_cap_allows() {
    check(
        "
        run parallel=2
        step a look
        step b look
        step c look
        begin
        1 ok
        0 ok
        2 ok",
        expect![[r#"
              0: a calls look
              1: b calls look
            > begin
            > 1 ok
              2: c calls look
            > 0 ok
            > 2 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn the_workspace_is_opened_once_and_before_the_first_unit_that_needs_it() {
    check(
        "
        run parallel=4
        step a look
        step b read
        step c read after=a
        begin
        0 ok
        2 ok
        1 ok
        3 ok",
        expect![[r#"
              0: a calls look
              2: open
            > begin
            > 0 ok
            > 2 ok
              1: b calls read
              3: c calls read
            > 1 ok
            > 3 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn readers_share_the_workspace_and_a_writer_has_it_alone() {
    check(
        "
        run parallel=4
        step a read
        step b read
        step w edit
        step c read
        begin
        4 ok
        0 ok
        1 ok
        2 ok
        3 ok",
        expect![[r#"
              4: open
            > begin
            > 4 ok
              0: a calls read
              1: b calls read
            > 0 ok
            > 1 ok
              2: w calls edit
            > 2 ok
              3: c calls read
            > 3 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn a_unit_that_needs_no_workspace_passes_a_waiting_writer() {
    check(
        "
        run parallel=4
        step a read
        step w edit
        step l look
        begin
        3 ok
        0 ok",
        expect![[r#"
              3: open
              2: l calls look
            > begin
            > 3 ok
              0: a calls read
            > 0 ok
              1: w calls edit
        "#]],
    );
}

#[test]
fn a_full_house_does_not_keep_the_workspace_closed() {
    check(
        "
        run parallel=1
        step a look
        step b read
        begin
        0 ok
        2 ok
        1 ok",
        expect![[r#"
              0: a calls look
            > begin
            > 0 ok
              2: open
            > 2 ok
              1: b calls read
            > 1 ok
              conclude Succeeded:
        "#]],
    );
}

#[test]
fn an_input_carries_the_text_of_an_earlier_step() {
    check(
        "
        run parallel=1
        step a look
        step b model in=a
        begin
        0 ok forty-two
        1 ok 42",
        expect![[r#"
              0: a calls look
            > begin
            > 0 ok forty-two
              1: b answer of 1000
            > 1 ok 42
              conclude Succeeded: 42
        "#]],
    );
}
