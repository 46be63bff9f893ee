//! What scripted models say in more than one story.

use naestro_tests::scripted::{Part, Reply, Scenario};
use serde_json::json;

/// Reads the file, replaces one piece of it, and says that it is done.
pub(super) fn mends(path: &str, old: &str, new: &str) -> Scenario {
    Scenario::of([
        Reply::call("read", json!({ "path": path })).used(200, 20),
        Reply::call("edit", json!({ "path": path, "old": old, "new": new })).used(300, 30),
        Reply::text("The sum was a difference; now it adds.").used(400, 10),
    ])
}

/// Mends the bug of the broken cargo project.
pub(super) fn mends_cargo() -> Scenario {
    mends("src/lib.rs", "a - b", "a + b")
}

/// Mends the bug of the broken Python project.
pub(super) fn mends_pytest() -> Scenario {
    mends("sums.py", "a - b", "a + b")
}

/// Calls one tool and says that it is done.
pub(super) fn calls(tool: &str, args: serde_json::Value) -> Scenario {
    Scenario::of([Reply::call(tool, args).used(100, 10), Reply::text("Done.").used(120, 5)])
}

/// Says one thing, whatever it is asked.
pub(super) fn says(text: &str) -> Scenario {
    Scenario::always(Reply::text(text).used(50, 5))
}

/// The same scenario with a pause before each reply, so that there is time for things to happen.
pub(super) fn slowly(mut scenario: Scenario, millis: u64) -> Scenario {
    for reply in &mut scenario.replies {
        reply.parts.insert(0, Part::Stall(millis));
    }
    scenario
}
