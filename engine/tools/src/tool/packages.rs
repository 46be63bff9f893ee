//! `packages`: which packages a change concerns, and how each is tested.

use naestro_kernel::{Class, ToolAccess};
use serde_json::{Value, json};

use super::arguments::{Kind, optional};
use super::{Answer, Call, Entry, Place, Stop, test};
use crate::project::{self, Concerned, Runner, Selection};

/// The most files without an owner that are named.
const UNOWNED: usize = 50;

pub(super) const TOOL: Entry = Entry {
    name: "packages",
    about: "Says which packages own the files that changed, which depend on those, and the test command of each.",
    fields: &[
        optional("changes", Kind::Data, "the data of the tool changes: an object with files; left out only with all"),
        optional("all", Kind::Flag, "whether every package is wanted, whatever changed"),
    ],
    class: Class::Pure,
    access: ToolAccess::None,
    for_agents: false,
    place: Place::Host,
    run,
};

/// What the tool changes said of its files that the report needs.
struct Told {
    compared: Option<String>,
    submodules: Vec<String>,
}

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let (files, everything) =
        if call.args.flag("all") { (vec![], Some("everything is tested")) } else { changed(call.args.data("changes"))? };
    let mut told = Told::of(call.args.data("changes"));
    if test::is_running_in(call.root.path()) {
        let text = "nothing to test: these tests were started by a test run of this same folder";
        let mut inside = data(&Selection { concerned: vec![], unowned: vec![], documents: 0 }, text, &told);
        // What is affected must not bring them back.
        inside["inside"] = true.into();
        return Ok(Answer { ok: true, text: text.into(), data: Some(inside) });
    }
    let survey = project::survey(call.root.path());
    // Below the root it may be a fixture that is meant to be broken; at the root nothing could be tested.
    if let Some((path, why)) = survey.problems.iter().find(|(path, _)| path == "Cargo.toml") {
        return Err(Stop::refused(format!("{path} cannot be read: {why}; mend it, then try again")));
    }
    let mut selection = project::select(&survey.packages, &files, everything);
    told.claim(&mut selection.unowned);
    let verdict = verdict(&selection, files.len(), survey.packages.len());
    let mut text = verdict.clone();
    selection.concerned.iter().for_each(|concerned| text.push_str(&line(concerned)));
    survey.problems.iter().for_each(|(path, why)| text.push_str(&format!("\nleft out: {path} cannot be read: {why}")));
    if !selection.unowned.is_empty() {
        text.push_str(&format!("\nfiles no package owns: {}", named(&selection.unowned)));
    }
    told.submodules.iter().for_each(|path| text.push_str(&format!("\n{}", test::submodule(path))));
    Ok(Answer { ok: true, text, data: Some(data(&selection, &verdict, &told)) })
}

impl Told {
    fn of(changes: Option<&Value>) -> Self {
        let said = |name: &str| changes.and_then(|changes| changes.get(name));
        let submodules = said("submodules").and_then(Value::as_array).into_iter().flatten();
        Self {
            compared: said("compared").and_then(Value::as_str).map(str::to_owned),
            submodules: submodules.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }

    /// Takes the submodules out of what nobody owns; those that a package owns are tested with it.
    fn claim(&mut self, unowned: &mut Vec<String>) {
        self.submodules.retain(|path| unowned.contains(path));
        unowned.retain(|path| !self.submodules.contains(path));
    }
}

/// The files, and why everything is concerned where their list was cut.
fn changed(changes: Option<&Value>) -> Result<(Vec<String>, Option<&'static str>), Stop> {
    let shape = || Stop::refused("the argument \"changes\" must hold \"files\", a list of objects with \"path\"; take the data of changes");
    let files = changes.and_then(|changes| changes.get("files")).and_then(Value::as_array).ok_or_else(shape)?;
    let path = |file: &Value| file.get("path").and_then(Value::as_str).map(str::to_owned).ok_or_else(shape);
    let more = changes.and_then(|changes| changes.get("more")).and_then(Value::as_u64).unwrap_or_default();
    let files = files.iter().map(path).collect::<Result<_, _>>()?;
    Ok((files, (more > 0).then_some("more files changed than were looked at")))
}

fn verdict(selection: &Selection<'_>, files: usize, packages: usize) -> String {
    match (selection.concerned.len(), files) {
        (0, _) if packages == 0 => format!("nothing to test: no package of a known kind ({}) was found", Runner::KINDS.join(", ")),
        (0, 0) => "nothing to test: no file changed".into(),
        (0, _) if selection.documents == files => "nothing to test: only documentation changed".into(),
        (0, _) => "nothing to test: no package owns a file that changed".into(),
        (count, _) => format!("{count} of {} to test", test::counted(packages as u64, "package")),
    }
}

fn line(concerned: &Concerned<'_>) -> String {
    format!("\n  {:<24} {:<14} {}", concerned.package.name, concerned.package.runner.name(), concerned.reason)
}

fn named(files: &[String]) -> String {
    let more = if files.len() > 10 { format!(" and {} more", files.len() - 10) } else { String::new() };
    format!("{}{more}", files.iter().take(10).cloned().collect::<Vec<_>>().join(", "))
}

fn data(selection: &Selection<'_>, verdict: &str, told: &Told) -> Value {
    let packages = selection.concerned.iter().map(|concerned| {
        let package = concerned.package;
        let (name, runner, dir) = (&package.name, package.runner.name(), &package.dir);
        json!({ "name": name, "runner": runner, "dir": dir, "command": package.command, "reason": concerned.reason, "changed": concerned.changed })
    });
    let packages: Vec<Value> = packages.collect();
    let unowned: Vec<&String> = selection.unowned.iter().take(UNOWNED).collect();
    json!({ "packages": packages, "unowned": unowned, "verdict": verdict, "compared": told.compared, "submodules": told.submodules })
}

#[cfg(test)]
mod tests;
