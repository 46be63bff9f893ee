//! Tests that Gradle runs.
//!
//! The results are read from the reports below `build/test-results`. What Gradle remembers of an earlier run is cleaned first: it
//! would not run the tests again.

use std::collections::BTreeSet;
use std::path::Path;

use super::case::Wanted;
use super::jvm::{self, Choice};
use super::report::{State, Tested};
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;

const MISSING: &str = "gradle is not installed, and the project has no gradlew; get it from https://gradle.org or your system's packages";

/// The most tests that are named to Gradle; where more are wanted, whole modules are run.
const NAMED: usize = 1000;

/// What keeps nothing running afterwards, and tests every module whatever fails in another.
const OPTIONS: &[&str] = &["--no-daemon", "--console=plain", "--continue"];

/// Tests one build.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    let tasks = match wanted {
        Wanted::All => vec!["cleanTest".to_owned(), "test".to_owned()],
        Wanted::Only(picks) => selected(&jvm::choices(session, package, picks, &["build.gradle", "build.gradle.kts"])),
        Wanted::List => return Ok(Tested::new(package, State::Unlisted, "")),
    };
    let command = package.command.iter().filter(|word| *word != "test").cloned();
    let argv = command.chain(OPTIONS.iter().map(|option| (*option).to_owned())).chain(tasks).collect();
    let home = session.root.join(&package.home);
    let before = jvm::reports(&home, is_report);
    let Run::Ended(ended) = session.start(&package.home, argv)? else { return Ok(Tested::new(package, State::Missing, MISSING)) };
    Ok(jvm::tested(package, &home, &ended, (&before, &jvm::reports(&home, is_report))))
}

fn is_report(dir: &Path) -> bool {
    dir.parent().is_some_and(|above| above.ends_with("test-results")) || dir.ends_with("test-results")
}

/// The tasks of the modules, each with its tests: `:a:cleanTest :a:test --tests demo.ATest.one*`.
///
/// The star at the end is for what a run adds to the name of a test that is run with many values.
fn selected(choices: &BTreeSet<Choice>) -> Vec<String> {
    let modules: BTreeSet<&str> = choices.iter().map(|choice| choice.module.as_str()).collect();
    let mut tasks = Vec::new();
    for module in modules {
        let prefix = if module.is_empty() { ":".to_owned() } else { format!(":{}:", module.replace('/', ":")) };
        tasks.extend([format!("{prefix}cleanTest"), format!("{prefix}test")]);
        let tests = choices.iter().filter(|choice| choice.module == module).flat_map(|choice| match &choice.method {
            Some(method) => vec![format!("{}.{method}*", choice.class)],
            None => vec![choice.class.clone(), format!("{}$*", choice.class)],
        });
        if choices.len() <= NAMED {
            tasks.extend(tests.flat_map(|test| ["--tests".to_owned(), test]));
        }
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_has_its_own_tasks_and_filters() {
        let choice = |module: &str, class: &str, method: Option<&str>| Choice {
            module: module.into(),
            class: class.into(),
            method: method.map(str::to_owned),
        };
        let choices = [choice("", "demo.ATest", Some("adds")), choice("b/c", "demo.BTest", None)].into();
        assert_eq!(
            selected(&choices).join(" "),
            ":cleanTest :test --tests demo.ATest.adds* :b:c:cleanTest :b:c:test --tests demo.BTest --tests demo.BTest$*"
        );
    }
}
