//! The tests of node's own runner.

use std::path::Path;

use globset::GlobBuilder;

use super::case::Wanted;
use super::javascript::{self, Outcome, Script, Selection, Titles};
use super::report::Tested;
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;
use crate::tool::walk::walk;

const MISSING: &str = "node is not installed; get it from https://nodejs.org or your system's packages";
const OLD: &str = "node is too old to be told what to report; its runner is used from node 18.15 on";

const SCRIPT: Script = Script { start, reporter: ("node.mjs", include_str!("javascript/node.mjs")), titles: Titles::Last };

/// Tests one package.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    javascript::test(&SCRIPT, session, package, wanted)
}

fn start(session: &Session<'_>, package: &Package, selection: &Selection, folder: &Path) -> Result<Outcome, Fault> {
    let told = folder.join("told");
    // One for people, so that what tests print is kept; ours for what each came to.
    let mut options = ["--test-reporter=spec", "--test-reporter-destination=stdout"].map(str::to_owned).to_vec();
    options.push(format!("--test-reporter={}", folder.join(SCRIPT.reporter.0).display()));
    options.push(format!("--test-reporter-destination={}", told.display()));
    options.extend(selection.pattern.iter().map(|pattern| format!("--test-name-pattern={pattern}")));
    let (own, files) = split(&package.command);
    let files = if selection.files.is_empty() { expanded(session, package, files) } else { selection.files.clone() };
    let argv = own.iter().cloned().chain(options).chain(files).collect();
    Ok(match session.start(&package.dir, argv)? {
        Run::Missing => Outcome::Missing(MISSING.into()),
        Run::Ended(ended) if ended.output.contains("bad option: --test") => Outcome::Missing(OLD.into()),
        Run::Ended(ended) => Outcome::Ended(ended),
    })
}

/// The files with their patterns filled in, which only newer versions of node do themselves.
fn expanded(session: &Session<'_>, package: &Package, files: &[String]) -> Vec<String> {
    let dir = session.root.join(&package.dir);
    let below = |pattern: &String| -> Vec<String> {
        let Ok(glob) = GlobBuilder::new(pattern.trim_start_matches("./")).literal_separator(true).build() else {
            return vec![pattern.clone()];
        };
        let (glob, entries) = (glob.compile_matcher(), walk(&dir, None).filter_map(Result::ok));
        let paths = entries
            .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
            .filter_map(|entry| entry.path().strip_prefix(&dir).ok().map(|path| path.display().to_string()));
        let mut found: Vec<String> = paths.filter(|path| glob.is_match(path)).collect();
        found.sort();
        // One that fits nothing is node's to complain about.
        if found.is_empty() { vec![pattern.clone()] } else { found }
    };
    files.iter().flat_map(|file| if file.contains(['*', '{', '?']) { below(file) } else { vec![file.clone()] }).collect()
}

/// The command with its options, and the files it names.
fn split(command: &[String]) -> (&[String], &[String]) {
    let at = command.iter().position(|word| word == "--test").map_or(command.len(), |at| at + 1);
    command.split_at(at)
}
