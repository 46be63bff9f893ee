//! `list`: what a folder holds.

use ignore::DirEntry;
use naestro_kernel::{Class, ToolAccess};

use super::arguments::{Kind, optional};
use super::bounded::TEXT;
use super::walk::walk;
use super::{Answer, Call, Entry, Place, Stop};

pub(super) const TOOL: Entry = Entry {
    name: "list",
    about: "Lists files and folders (folders end with /), without what .gitignore names. Long lists are cut.",
    fields: &[
        optional("path", Kind::Text, "the folder, relative to the workspace; all of it if left out"),
        optional("depth", Kind::Count(1, 32), "how many levels deep; 2 if left out"),
    ],
    class: Class::Pure,
    access: ToolAccess::Read,
    for_agents: true,
    place: Place::Hands,
    run,
};

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let top = call.root.existing(call.args.text("path").unwrap_or("."))?;
    let depth = usize::try_from(call.args.count("depth").unwrap_or(2)).ok();
    let mut text = String::new();
    for entry in walk(&top, depth) {
        call.go_on()?;
        match entry {
            Ok(entry) if entry.depth() == 0 && entry.file_type().is_some_and(|kind| kind.is_dir()) => {}
            Ok(entry) => text.push_str(&line(call, &entry)),
            Err(e) => text.push_str(&format!("[skipped: {e}]\n")),
        }
        if text.len() > TEXT {
            text.push_str("[cut here; list one of the folders, or less deep]\n");
            break;
        }
    }
    Ok(Answer::yes(if text.is_empty() { "[empty]".into() } else { text }))
}

fn line(call: &Call<'_>, entry: &DirEntry) -> String {
    let shown = call.root.show(entry.path());
    match entry.file_type() {
        Some(kind) if kind.is_dir() => format!("{shown}/\n"),
        Some(kind) if kind.is_symlink() => match entry.path().read_link() {
            Ok(to) => format!("{shown} -> {}\n", to.display()),
            Err(_) => format!("{shown} -> ?\n"),
        },
        _ => format!("{shown}\n"),
    }
}
