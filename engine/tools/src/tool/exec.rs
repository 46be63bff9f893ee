//! `exec`: runs a shell command in the workspace.

use std::time::{Duration, Instant};

use naestro_kernel::{Class, ToolAccess};
use serde_json::json;

use super::arguments::{Kind, optional, required};
use super::process::{self, Ended};
use super::{Answer, Call, Entry, Fault, Place, Stop};

pub(super) const TOOL: Entry = Entry {
    name: "exec",
    about: "Runs a command with /bin/sh in the workspace's root and returns what it printed on both streams, with how it ended. \
            Nothing can be typed into it. Processes it leaves in the background are ended when it returns. \
            Of long output the beginning and the end are kept (32 KB).",
    fields: &[
        required("command", Kind::Text, "the command line"),
        optional("timeout_s", Kind::Count(1, 3600), "stop it after so many seconds"),
    ],
    class: Class::Idempotent,
    access: ToolAccess::Write,
    for_agents: true,
    place: Place::Hands,
    run,
};

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let command = call.args.needed("command");
    if command.contains('\0') {
        return Err(Stop::refused("the argument \"command\" holds a NUL byte, which no shell accepts; leave it out"));
    }
    let own = call.args.count("timeout_s").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let deadline = own.map_or(call.deadline, |own| own.min(call.deadline));
    let ended = process::run_until(&process::shell(call.root.path(), command), deadline, call.cancel)?;
    if ended.overdue && deadline == call.deadline {
        return Err(Fault::TimedOut.into());
    }
    Ok(answer(ended, call.args.count("timeout_s")))
}

fn answer(ended: Ended, seconds: Option<u64>) -> Answer {
    let how = match (ended.overdue, seconds, ended.code, ended.signal) {
        (true, Some(seconds), ..) => format!("[stopped after {seconds} s; give it more with timeout_s, or run less]"),
        (_, _, Some(code), _) => format!("[exit code {code}]"),
        (_, _, None, signal) => format!("[ended by signal {}]", signal.unwrap_or_default()),
    };
    let gap = if ended.output.is_empty() || ended.output.ends_with('\n') { "" } else { "\n" };
    let data = json!({ "code": ended.code, "signal": ended.signal, "timed_out": ended.overdue });
    Answer { ok: ended.code == Some(0) && !ended.overdue, text: format!("{}{gap}{how}", ended.output), data: Some(data) }
}
