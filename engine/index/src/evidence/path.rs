//! What there is to say about a file or a folder.
//!
//! Invariant: of a folder only the list of its files and the outlines of a bounded number of them are read.

use std::collections::BTreeMap;

use naestro_kernel::code::{Fault, Role};

use super::Told;
use super::symbol::tell_definitions;
use crate::facts::READ;
use crate::resolve::tree::folder_of;
use crate::resolve::view::is_type;
use crate::resolve::{Node, View};
use crate::{File, Kind};

/// How many of a kind of fact are told.
const MEMBERS: usize = 30;
const IMPORTS: usize = 12;

/// How many files of a folder are looked into.
const LOOKED_INTO: usize = 60;

/// Gathers the facts about a file.
pub(super) fn tell_file(told: &mut Told<'_>, path: &str) -> Result<String, Fault> {
    let Some(file) = told.graph.resolver.tree.find(path).cloned() else { return Ok(path.to_owned()) };
    let cited = told.pages.bytes(path)?.map(|bytes| bytes.len());
    let view = told.graph.resolver.view(file.id)?;
    match cited {
        None if file.is_apart() => {
            told.gap(format!("{path} is {}", file.note));
            return Ok(format!("folder {path}"));
        }
        None => {
            told.gap(format!("{path} is no longer there"));
            return Ok(format!("file {path}"));
        }
        Some(0) => told.gap(format!("{path} is empty")),
        Some(length) => {
            let head = u32::try_from(length.min(2_000)).unwrap_or(2_000);
            let cited = told.pages.part(path, (0, head), "")?;
            let size = if length < READ { format!("{length} bytes") } else { format!("{} MB or more", READ >> 20) };
            told.cite(Role::Definition, format!("{path}, {size}"), cited, false);
        }
    }
    if file.language.is_none() {
        told.gap(format!("what {path} defines is not known: its language is not understood"));
    } else if !file.note.is_empty() {
        told.gap(format!("what {path} defines is not known: it is {}", file.note));
    }
    let members: Vec<Node> = view.children(None).map(|at| Node::symbol(file.id, at)).collect();
    tell_definitions(told, Role::Member, &members, MEMBERS)?;
    tell_imports(told, &view)?;
    tell_importers(told, &view)?;
    told.commits(path, (1, u32::MAX), 5)?;
    told.companions(path, 5)?;
    if view.outline.errors > 0 {
        told.gap(format!("{path} has {} places that do not fit its grammar; symbols near them may be missing", view.outline.errors));
    }
    Ok(format!("file {path}"))
}

fn tell_imports(told: &mut Told<'_>, view: &View) -> Result<(), Fault> {
    let mut seen = Vec::new();
    let imports = &view.outline.imports;
    for import in imports.iter().filter(|import| !import.module.is_empty() || !import.name.is_empty()) {
        let statement = (import.span.start, import.span.end);
        if seen.contains(&statement) {
            continue;
        }
        seen.push(statement);
        if seen.len() > IMPORTS {
            continue;
        }
        let targets = told.graph.resolver.import_files(view, import)?;
        let paths: Vec<String> =
            targets.iter().filter_map(|id| told.graph.resolver.tree.file(*id)).map(|file| file.path.clone()).take(3).collect();
        let from = if paths.is_empty() { "from outside this folder".to_owned() } else { format!("from {}", paths.join(", ")) };
        let what = if import.module.is_empty() { &import.name } else { &import.module };
        let cited = told.pages.part(&view.path, statement, "")?;
        told.cite(Role::Import, format!("imports {what} {from}"), cited, false);
    }
    told.leave_out(Role::Import, seen.len().saturating_sub(IMPORTS));
    Ok(())
}

fn tell_importers(told: &mut Told<'_>, view: &View) -> Result<(), Fault> {
    let importers = told.graph.importers(view.file)?;
    for importer in importers.iter().take(IMPORTS) {
        let other = told.graph.resolver.view(*importer)?;
        for import in &other.outline.imports {
            if told.graph.resolver.import_files(&other, import)?.contains(&view.file) {
                // Of the statement's names the last one of its module is written in every language.
                let name = import.module.rsplit(['.', ':', '/', '"', '<', '>']).find(|part| !part.is_empty()).unwrap_or_default();
                let cited = told.pages.part(&other.path, (import.span.start, import.span.end), name)?;
                told.cite(Role::Import, format!("{} imports it", other.path), cited, false);
                break;
            }
        }
    }
    told.leave_out(Role::Import, importers.len().saturating_sub(IMPORTS));
    Ok(())
}

/// Gathers the facts about a folder: how much of what is in it, and what its code offers first.
pub(super) fn tell_folder(told: &mut Told<'_>, path: &str) -> Result<String, Fault> {
    let files: Vec<File> = told.graph.resolver.tree.below(path).to_vec();
    let mut languages: BTreeMap<String, usize> = BTreeMap::new();
    for file in &files {
        let name = file.language.map_or_else(|| "other files".to_owned(), |language| format!("{language:?}"));
        *languages.entry(name).or_default() += 1;
    }
    let mut counted: Vec<(usize, String)> = languages.into_iter().map(|(name, count)| (count, name)).collect();
    counted.sort_by(|a, b| b.cmp(a));
    let words: Vec<String> = counted.iter().map(|(count, name)| format!("{count} {name}")).collect();
    let mut code: Vec<&File> = files.iter().filter(|file| file.language.is_some()).collect();
    code.sort_by_key(|file| (folder_of(&file.path).matches('/').count(), file.path.clone()));
    let mut members = Vec::new();
    for file in code.iter().take(LOOKED_INTO) {
        let view = told.graph.resolver.view(file.id)?;
        let mut own: Vec<(u32, Node)> = Vec::new();
        for at in view.children(None) {
            let Some(symbol) = view.symbol(at) else { continue };
            if is_type(symbol.kind) || matches!(symbol.kind, Kind::Function | Kind::Macro) {
                own.push((symbol.span.end - symbol.span.start, Node::symbol(file.id, at)));
            }
        }
        own.sort_by(|a, b| b.cmp(a));
        members.extend(own.into_iter().take(3).map(|(_, node)| node));
    }
    tell_definitions(told, Role::Member, &members, MEMBERS)?;
    if code.len() > LOOKED_INTO {
        told.gap(format!("{} more files of code below it were not looked into", code.len() - LOOKED_INTO));
    }
    let shown = if path.is_empty() { "." } else { path };
    Ok(format!("folder {shown}: {} files ({})", files.len(), words.join(", ")))
}
