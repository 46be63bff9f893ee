//! The tests of node's own runner.

use std::path::Path;

use super::case::Wanted;
use super::javascript::{self, Outcome, Script, Selection, Titles};
use super::report::Tested;
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;

const MISSING: &str = "node is not installed; get it from https://nodejs.org or your system's packages";
const OLD: &str = "node is too old to be told what to report; its runner is used from node 18.15 on";

const SCRIPT: Script = Script { start, reporter: ("node.mjs", include_str!("javascript/node.mjs")), titles: Titles::Last };

/// Tests one package.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: Wanted<'_>) -> Result<Tested, Fault> {
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
    let files = if selection.files.is_empty() { files } else { &selection.files };
    let argv = own.iter().cloned().chain(options).chain(files.iter().cloned()).collect();
    Ok(match session.start(&package.dir, argv)? {
        Run::Missing => Outcome::Missing(MISSING.into()),
        Run::Ended(ended) if ended.output.contains("bad option: --test") => Outcome::Missing(OLD.into()),
        Run::Ended(ended) => Outcome::Ended(ended),
    })
}

/// The command with its options, and the files it names.
fn split(command: &[String]) -> (&[String], &[String]) {
    let at = command.iter().position(|word| word == "--test").map_or(command.len(), |at| at + 1);
    command.split_at(at)
}
