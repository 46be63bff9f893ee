//! What a question is about, in full: nothing that would be done is left out of what is shown.

use super::paths;
use super::terms::Paths;
use crate::effect::{Effect, Import, ToolCall, UpstreamCall};

/// The effect as the person who is asked has to see it.
pub(super) fn detail(effect: &Effect) -> String {
    match effect {
        Effect::Call(call) => of_call(call),
        Effect::Check(check) => check.command.clone(),
        Effect::Import(import) => of_import(import),
        Effect::Upstream(call) => of_upstream(call),
        Effect::Generate(generate) => format!("{} at {}", generate.model, generate.host),
        Effect::Open(open) => open.checkout.clone(),
        Effect::Diff(diff) => format!("{} against {}", diff.tree, diff.base),
    }
}

/// The command alone where that is all there is, or else the tool with its arguments as they were written.
fn of_call(call: &ToolCall) -> String {
    let args: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&call.args.bytes).ok();
    match args.as_ref().and_then(|args| args.get("command")).and_then(serde_json::Value::as_str) {
        Some(command) if args.as_ref().is_some_and(|args| args.len() == 1) => command.to_owned(),
        _ => format!("{} {}", call.tool, call.args.text()),
    }
}

/// The server and its tool, then the arguments as they were written.
fn of_upstream(call: &UpstreamCall) -> String {
    format!("{} of the server {}\n{}", call.tool, call.server, call.args.text())
}

/// The folder, then each path; the protected ones first and marked.
fn of_import(import: &Import) -> String {
    let (guarded, plain): (Vec<&String>, Vec<&String>) = import.paths.iter().partition(|path| paths::class(path) != Paths::Plain);
    let lines = guarded.iter().map(|path| format!("\nprotected: {path}")).chain(plain.iter().map(|path| format!("\n{path}")));
    format!("into {}:{}", import.checkout, lines.collect::<String>())
}
