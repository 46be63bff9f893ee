//! jest's tests.

use std::path::Path;

use super::case::Wanted;
use super::javascript::{self, Outcome, Script, Selection, Titles};
use super::report::Tested;
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;

const MISSING: &str = "jest is not installed in the project; get it with: npm install";

const SCRIPT: Script = Script { start, reporter: ("jest.cjs", include_str!("javascript/jest.cjs")), titles: Titles::Full };

/// Tests one package.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    javascript::test(&SCRIPT, session, package, wanted)
}

fn start(session: &Session<'_>, package: &Package, selection: &Selection, folder: &Path) -> Result<Outcome, Fault> {
    let reporter = format!("--reporters={}", folder.join(SCRIPT.reporter.0).display());
    let options = ["--reporters=default", &reporter, "--testLocationInResults", "--passWithNoTests", "--bail=0", "--watchAll=false"]
        .map(str::to_owned);
    let pattern = selection.pattern.iter().flat_map(|pattern| ["-t".to_owned(), pattern.clone()]);
    // Otherwise a file is itself a regular expression.
    let by_path = (!selection.files.is_empty()).then(|| "--runTestsByPath".to_owned());
    let files = by_path.into_iter().chain(selection.files.iter().cloned());
    let argv = package.command.iter().cloned().chain(options).chain(pattern).chain(files).collect();
    Ok(match session.start(&package.dir, argv)? {
        Run::Missing => Outcome::Missing(MISSING.into()),
        Run::Ended(ended) => Outcome::Ended(ended),
    })
}
