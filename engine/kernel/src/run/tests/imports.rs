//! The diff and the import.

use expect_test::expect;

use super::check;

#[test]
fn a_changed_tree_is_shown_and_imported_only_when_wanted() {
    check(
        "
        run parallel=1
        step a edit
        begin
        1 ok
        0 wrote tree
        2 ok one.rs",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: diff
            > 2 ok one.rs
              conclude Succeeded: tree
        "#]],
    );
}

#[test]
fn with_apply_it_is_imported() {
    check(
        "
        run apply
        step a edit
        begin
        1 ok
        0 wrote tree
        2 ok one.rs
        3 ok",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: diff
            > 2 ok one.rs
              3: import
            > 3 ok
              conclude Succeeded: tree||imported into the checkout: 1 file
        "#]],
    );
}

#[test]
fn in_copilot_the_human_is_asked_about_the_import() {
    check(
        "
        run copilot
        step a edit
        begin
        1 ok
        0 wrote tree
        2 ok one.rs
        3 asked
        answer 0 deny",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: diff
            > 2 ok one.rs
              3: import
            > 3 asked
              = waiting
            > answer 0 deny
              conclude Succeeded: tree||not imported into the checkout: the human said no
        "#]],
    );
}

#[test]
fn an_import_that_fails_fails_the_run() {
    check(
        "
        run apply
        step a edit
        begin
        1 ok
        0 wrote tree
        2 ok one.rs
        3 fail permanent",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: diff
            > 2 ok one.rs
              3: import
            > 3 fail permanent
              conclude Failed: failed to do it
        "#]],
    );
}

#[test]
fn a_tree_that_is_as_it_was_has_no_diff() {
    check(
        "
        run apply
        step a edit
        begin
        1 ok
        0 wrote base",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote base
              conclude Succeeded: base
        "#]],
    );
}

#[test]
fn an_empty_diff_is_not_imported() {
    check(
        "
        run apply
        step a edit
        begin
        1 ok
        0 wrote tree
        2 ok",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: diff
            > 2 ok
              conclude Succeeded: tree
        "#]],
    );
}

#[test]
fn a_failed_run_keeps_its_diff_and_imports_nothing() {
    check(
        "
        run apply
        step a edit
        step b look after=a
        begin
        1 ok
        0 wrote tree
        2 no it does not work
        3 go
        3 ok one.rs",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: b calls look
            > 2 no it does not work
              3: diff
            > 3 go
            > 3 ok one.rs
              conclude Failed: it does not work
        "#]],
    );
}

#[test]
fn a_diff_that_fails_while_the_run_is_failing_is_done_without() {
    check(
        "
        run apply
        step a edit
        step b look after=a
        begin
        1 ok
        0 wrote tree
        2 no it does not work
        3 fail permanent",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: b calls look
            > 2 no it does not work
              3: diff
            > 3 fail permanent
              conclude Failed: it does not work
        "#]],
    );
}

#[test]
fn a_diff_that_would_need_consent_is_done_without_when_the_run_is_failing() {
    check(
        "
        run apply
        step a edit
        step b look after=a
        begin
        1 ok
        0 wrote tree
        2 no it does not work
        3 asked",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: b calls look
            > 2 no it does not work
              3: diff
            > 3 asked
              conclude Failed: it does not work
        "#]],
    );
}

#[test]
fn a_run_suspended_while_it_concludes_its_diff_goes_on_with_it() {
    check(
        "
        run apply
        step a edit
        begin
        1 ok
        0 wrote tree
        2 go
        suspend
        2 cancelled
        resume
        2 ok one.rs
        3 go
        resume crashed
        3 ok",
        expect![[r#"
              1: open
            > begin
            > 1 ok
              0: a calls edit
            > 0 wrote tree
              2: diff
            > 2 go
            > suspend
              cancel 2
            > 2 cancelled
              = suspended
            > resume
              2: diff (attempt 2)
            > 2 ok one.rs
              3: import
            > 3 go
            > resume crashed
              3: import (attempt 2)
            > 3 ok
              conclude Succeeded: tree||imported into the checkout: 1 file
        "#]],
    );
}
