//! Agents: turns, tool calls, repetition, compaction, acceptance.

use expect_test::expect;

use super::check;

#[test]
fn a_turn_leads_to_calls_and_calls_to_a_turn() {
    check(
        "
        run parallel=4
        step a agent
        begin
        0 calls look:x look:y
        1 ok
        2 no nothing there
        3 ok done",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls look:x look:y
              1: a calls look
              2: a calls look
            > 1 ok
            > 2 no nothing there
              3: a turn of 1000
            > 3 ok done
              conclude Succeeded: done
        "#]],
    );
}

#[test]
fn a_tool_that_was_not_offered_is_called_all_the_same_so_that_it_is_refused_by_name() {
    check(
        "
        run parallel=4
        step a agent tools=read
        begin
        0 calls edit test made-up
        1 deny there is no such tool
        2 deny there is no such tool
        3 deny there is no such tool
        4 ok so be it",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls edit test made-up
              1: a calls edit (not offered)
              2: a calls test (not offered)
              3: a calls made-up (not offered)
            > 1 deny there is no such tool
            > 2 deny there is no such tool
            > 3 deny there is no such tool
              4: a turn of 1000
            > 4 ok so be it
              conclude Succeeded: so be it
        "#]],
    );
}

#[test]
fn the_same_calls_three_times_in_a_row_end_the_agent() {
    check(
        "
        run parallel=4
        step a agent
        begin
        0 calls look:x
        1 ok
        2 calls look:x
        3 ok
        4 calls look:x
        steps",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls look:x
              1: a calls look
            > 1 ok
              2: a turn of 1000
            > 2 calls look:x
              3: a calls look
            > 3 ok
              4: a turn of 1000
            > 4 calls look:x
              conclude Failed: failed to finish step `a`: the agent made the same calls 3 times in a row
            > steps
              a: Failed the agent made the same calls 3 times in a row
        "#]],
    );
}

#[test]
fn other_calls_in_between_are_no_repetition() {
    check(
        "
        run parallel=4
        step a agent turns=4
        begin
        0 calls look:x
        1 ok
        2 calls look:y
        3 ok
        4 calls look:x
        5 ok
        6 calls look:y
        7 ok
        steps",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls look:x
              1: a calls look
            > 1 ok
              2: a turn of 1000
            > 2 calls look:y
              3: a calls look
            > 3 ok
              4: a turn of 1000
            > 4 calls look:x
              5: a calls look
            > 5 ok
              6: a turn of 1000
            > 6 calls look:y
              7: a calls look
            > 7 ok
              conclude Failed: failed to finish step `a`: the agent used its 4 turns without finishing
            > steps
              a: Failed the agent used its 4 turns without finishing
        "#]],
    );
}

#[test]
fn a_full_context_is_compacted_before_the_next_turn() {
    check(
        "
        run context=1000
        step a agent
        begin
        0 calls look:x in=700 out=101
        1 ok
        2 ok a-summary out=50
        3 ok done",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls look:x in=700 out=101
              1: a calls look
            > 1 ok
              2: a compact of 1000
            > 2 ok a-summary out=50
              3: a turn of 1000
            > 3 ok done
              conclude Succeeded: done
        "#]],
    );
}

#[test]
fn a_request_that_was_too_long_is_compacted_and_sent_once_more() {
    check(
        "
        run context=100000
        step a agent
        begin
        0 calls look:x
        1 ok
        2 fail long
        3 ok summary
        4 ok done",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls look:x
              1: a calls look
            > 1 ok
              2: a turn of 1000
            > 2 fail long
              3: a compact of 1000
            > 3 ok summary
              4: a turn of 1000
            > 4 ok done
              conclude Succeeded: done
        "#]],
    );
}

#[test]
fn a_context_that_stays_too_long_ends_the_agent() {
    check(
        "
        run context=100000
        step a agent
        begin
        0 calls look:x
        1 ok
        2 fail long
        3 ok summary
        4 fail long",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 calls look:x
              1: a calls look
            > 1 ok
              2: a turn of 1000
            > 2 fail long
              3: a compact of 1000
            > 3 ok summary
              4: a turn of 1000
            > 4 fail long
              conclude Failed: failed to finish step `a`: do it
        "#]],
    );
}

#[test]
fn a_first_request_that_is_too_long_cannot_be_helped() {
    check(
        "
        run context=100000
        step a agent
        begin
        0 fail long",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 fail long
              conclude Failed: failed to finish step `a`: do it
        "#]],
    );
}

#[test]
fn acceptance_commands_pass_one_by_one() {
    check(
        "
        run checks=build,test
        step a agent
        begin
        0 ok done
        2 ok
        1 ok
        3 ok",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 ok done
              2: open
            > 2 ok
              1: a checks build
            > 1 ok
              3: a checks test
            > 3 ok
              conclude Succeeded: done
        "#]],
    );
}

#[test]
fn a_failed_acceptance_command_is_fed_back_and_all_run_again() {
    check(
        "
        run checks=build,test
        step a agent turns=2
        begin
        0 ok done
        2 ok
        1 ok
        3 no two failed
        4 ok mended
        5 ok
        6 ok",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 ok done
              2: open
            > 2 ok
              1: a checks build
            > 1 ok
              3: a checks test
            > 3 no two failed
              4: a turn of 1000
            > 4 ok mended
              5: a checks build
            > 5 ok
              6: a checks test
            > 6 ok
              conclude Succeeded: mended
        "#]],
    );
}

#[test]
fn an_agent_whose_work_is_never_accepted_runs_out_of_turns() {
    check(
        "
        run checks=test
        step a agent turns=1
        begin
        0 ok done
        2 ok
        1 no
        steps",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 ok done
              2: open
            > 2 ok
              1: a checks test
            > 1 no
              conclude Failed: failed to finish step `a`: the agent used its 1 turns without finishing
            > steps
              a: Failed the agent used its 1 turns without finishing
        "#]],
    );
}

#[test]
fn a_reply_cut_at_the_limit_is_no_reply() {
    check(
        "
        run parallel=1
        step a agent skip
        step b model
        begin
        0 cut half a
        1 cut half a",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 cut half a
              1: b answer of 1000
            > 1 cut half a
              conclude Failed: half a
        "#]],
    );
}

#[test]
fn two_agents_do_not_share_their_calls() {
    check(
        "
        run parallel=4
        step a agent
        step b agent
        begin
        0 calls look:x look:y
        1 calls look:z
        2 ok
        4 ok
        3 ok
        5 ok b
        6 ok a",
        expect![[r#"
              0: a turn of 1000
              1: b turn of 1000
            > begin
            > 0 calls look:x look:y
              2: a calls look
              3: a calls look
            > 1 calls look:z
              4: b calls look
            > 2 ok
            > 4 ok
              5: b turn of 1000
            > 3 ok
              6: a turn of 1000
            > 5 ok b
            > 6 ok a
              conclude Succeeded: b
        "#]],
    );
}

#[test]
fn an_agent_that_says_done_again_and_again_and_changes_nothing_is_ended() {
    check(
        "
        run checks=test
        step a agent
        begin
        0 ok done
        2 ok
        1 no
        3 ok done
        4 no
        5 ok done
        6 no",
        expect![[r#"
              0: a turn of 1000
            > begin
            > 0 ok done
              2: open
            > 2 ok
              1: a checks test
            > 1 no
              3: a turn of 1000
            > 3 ok done
              4: a checks test
            > 4 no
              5: a turn of 1000
            > 5 ok done
              6: a checks test
            > 6 no
              conclude Failed: failed to finish step `a`: the agent said 3 times that it was done, changed nothing, and an acceptance command still fails
        "#]],
    );
}
