//! vitest's tests.

use std::path::Path;

use super::case::Wanted;
use super::javascript::{self, Outcome, Script, Selection, Titles};
use super::report::Tested;
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;

const MISSING: &str = "vitest is not installed in the project; get it with: npm install";

const SCRIPT: Script = Script { start, reporter: ("vitest.mjs", include_str!("javascript/vitest.mjs")), titles: Titles::Full };

/// Tests one package.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    javascript::test(&SCRIPT, session, package, wanted)
}

fn start(session: &Session<'_>, package: &Package, selection: &Selection, folder: &Path) -> Result<Outcome, Fault> {
    let reporter = format!("--reporter={}", folder.join(SCRIPT.reporter.0).display());
    let options = [reporter.as_str(), "--includeTaskLocation", "--passWithNoTests", "--bail=0", "--no-color"].map(str::to_owned);
    let pattern = selection.pattern.iter().flat_map(|pattern| ["-t".to_owned(), pattern.clone()]);
    let argv = package.command.iter().cloned().chain(options).chain(pattern).chain(selection.files.iter().cloned()).collect();
    Ok(match session.start(&package.dir, argv)? {
        Run::Missing => Outcome::Missing(MISSING.into()),
        Run::Ended(ended) => Outcome::Ended(ended),
    })
}
