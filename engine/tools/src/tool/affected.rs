//! `affected`: which tests a change affects, by what is known about the code.
//!
//! Invariant: where that cannot be told, everything is affected, and the reason says so.

use naestro_kernel::code::{self, Affected, AffectedTest, Change, Widened};
use naestro_kernel::{Class, ToolAccess};
use serde_json::{Value, json};

use super::arguments::{Kind, required};
use super::test::counted;
use super::{Answer, Call, Entry, Place, Stop};

/// The most tests, and the most widened parts, that the text names.
const SHOWN: usize = 20;

pub(super) const TOOL: Entry = Entry {
    name: "affected",
    about: "Says which tests reach what changed, by which way, and where the change cannot be reasoned about.",
    fields: &[required("changes", Kind::Data, "the data of the tool changes: an object with files and since")],
    class: Class::Pure,
    access: ToolAccess::None,
    for_agents: false,
    place: Place::Host,
    run,
};

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let (change, cut) = change(call.args.data("changes"))?;
    let affected = if cut { everything("more files changed than were looked at") } else { ask(call, &change)? };
    Ok(Answer { ok: true, text: text(&affected), data: Some(data(&affected, &change.files)) })
}

fn ask(call: &Call<'_>, change: &Change) -> Result<Affected, Stop> {
    let (code, waiting) = call.known()?;
    match code.affected(&call.folder(), change, &waiting) {
        Ok(affected) => Ok(affected),
        Err(code::Fault::Cancelled) => Err(call.unknown(code::Fault::Cancelled)),
        // Testing too much is better than not testing.
        Err(fault) => Ok(everything(&format!("what is known about the code could not be asked (failed to {fault})"))),
    }
}

/// The change, and whether its files were too many to be named.
fn change(changes: Option<&Value>) -> Result<(Change, bool), Stop> {
    let shape = || Stop::refused("the argument \"changes\" must hold \"files\", a list of objects with \"path\"; take the data of changes");
    let said = |name: &str| changes.and_then(|changes| changes.get(name));
    let files = said("files").and_then(Value::as_array).ok_or_else(shape)?;
    let path = |file: &Value| file.get("path").and_then(Value::as_str).map(str::to_owned).ok_or_else(shape);
    let files = files.iter().map(path).collect::<Result<_, _>>()?;
    let since = said("since").and_then(Value::as_str).map(str::to_owned);
    Ok((Change { since, files }, said("more").and_then(Value::as_u64).unwrap_or_default() > 0))
}

fn everything(reason: &str) -> Affected {
    let widened = Widened { file: String::new(), scope: String::new(), reason: reason.to_owned() };
    Affected { changed: vec![], tests: vec![], widened: vec![widened], known: vec![], notes: vec![] }
}

fn data(affected: &Affected, files: &[String]) -> Value {
    let changed = affected.changed.iter().map(|changed| json!({ "path": changed.path, "name": changed.name, "line": changed.line }));
    let widened = affected.widened.iter().map(|one| json!({ "file": one.file, "scope": one.scope, "reason": one.reason }));
    let test = |test: &AffectedTest| json!({ "path": test.path, "name": test.name, "line": test.line, "reason": test.reason, "causes": test.causes });
    let mut data = json!({
        "changed": changed.collect::<Vec<_>>(), "tests": affected.tests.iter().map(test).collect::<Vec<_>>(),
        "widened": widened.collect::<Vec<_>>(), "known": affected.known.len(), "names": affected.known, "files": files,
    });
    if !affected.notes.is_empty() {
        data["notes"] = json!(affected.notes);
    }
    data
}

fn text(affected: &Affected) -> String {
    let known = counted(affected.known.len() as u64, "known test");
    let reach = if affected.tests.len() == 1 { "reaches" } else { "reach" };
    let more = |count: usize| if count > SHOWN { format!("\n  and {} more", count - SHOWN) } else { String::new() };
    let colon = if affected.tests.is_empty() { "" } else { ":" };
    let mut text = format!("{} of {known} {reach} what changed{colon}", affected.tests.len());
    for test in affected.tests.iter().take(SHOWN) {
        text.push_str(&format!("\n  {}:{} {}: {}", test.path, test.line, test.name.join("::"), test.reason));
    }
    text.push_str(&more(affected.tests.len()));
    for widened in affected.widened.iter().take(SHOWN) {
        let scope = if widened.scope.is_empty() { "everything" } else { &widened.scope };
        let file = if widened.file.is_empty() { String::new() } else { format!("{}: ", widened.file) };
        text.push_str(&format!("\nwidened to {scope}: {file}{}", widened.reason));
    }
    text.push_str(&more(affected.widened.len()));
    affected.notes.iter().for_each(|note| text.push_str(&format!("\n{note}")));
    text
}

#[cfg(test)]
mod tests;
