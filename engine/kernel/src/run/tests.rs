//! What a run does, as scenarios: events in, actions out.
//!
//! A scenario begins with a `run` line and `step` lines; each further line is what happens, and the log says what the kernel
//! wants done then (see `script`). Every scenario is also replayed from its events and must give the same state and actions.

mod agents;
mod budget;
mod consent;
mod crashes;
mod endings;
mod failures;
mod imports;
mod order;
mod pauses;
mod plans;
mod properties;
mod script;
mod stops;
mod world;

use expect_test::Expect;

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`expect!` is written in place")]
fn check(scenario: &str, expect: Expect) {
    expect.assert_eq(&script::play(scenario));
}
