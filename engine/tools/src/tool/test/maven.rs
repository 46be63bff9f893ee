//! Tests that Maven runs by surefire.
//!
//! The results are read from the reports that surefire writes below `target`; the modules that others need are built first, by Maven.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::case::Wanted;
use super::jvm::{self, Choice};
use super::report::{State, Tested};
use super::{Run, Session};
use crate::project::Package;
use crate::tool::Fault;

const MISSING: &str = "maven is not installed, and the project has no mvnw; get it from https://maven.apache.org or your system's packages";

/// The longest list of tests that is given to Maven, in bytes; where more is wanted, whole modules are run.
const LIST: usize = 64 * 1024;

/// What lets every module be tested whatever fails in another, and takes a module without a chosen test for tested.
const OPTIONS: &[&str] =
    &["-Dstyle.color=never", "-Dmaven.test.failure.ignore=true", "-DfailIfNoTests=false", "-Dsurefire.failIfNoSpecifiedTests=false"];

/// Tests one build.
pub(super) fn test(session: &Session<'_>, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
    let mut argv: Vec<String> = package.command.iter().cloned().chain(OPTIONS.iter().map(|option| (*option).to_owned())).collect();
    match wanted {
        Wanted::All => {}
        Wanted::Only(picks) => argv.extend(selected(&jvm::choices(session, package, picks, &["pom.xml"]))),
        Wanted::List => return Ok(Tested::new(package, State::Unlisted, "")),
    }
    let home = session.root.join(&package.home);
    let before = jvm::reports(&home, is_report);
    let Run::Ended(ended) = session.start(&package.home, argv)? else { return Ok(Tested::new(package, State::Missing, MISSING)) };
    Ok(jvm::tested(package, &home, &ended, (&before, &jvm::reports(&home, is_report))))
}

fn is_report(dir: &Path) -> bool {
    dir.ends_with("surefire-reports")
}

/// The options that choose modules and tests: `-pl a -am -Dtest=demo.ATest#one+two,demo.BTest`.
fn selected(choices: &BTreeSet<Choice>) -> Vec<String> {
    let modules: BTreeSet<&str> = choices.iter().map(|choice| choice.module.as_str()).collect();
    let mut options = Vec::new();
    if !modules.is_empty() && !modules.contains("") {
        options.extend(["-pl".to_owned(), modules.into_iter().collect::<Vec<_>>().join(","), "-am".to_owned()]);
    }
    let mut classes: BTreeMap<&str, Option<BTreeSet<&str>>> = BTreeMap::new();
    for choice in choices {
        let methods = classes.entry(&choice.class).or_insert_with(|| Some(BTreeSet::new()));
        match (methods.as_mut(), &choice.method) {
            (Some(methods), Some(method)) => drop(methods.insert(method)),
            _ => *methods = None,
        }
    }
    let test = |(class, methods): (&&str, &Option<BTreeSet<&str>>)| match methods {
        Some(methods) => format!("{class}#{}", methods.iter().copied().collect::<Vec<_>>().join("+")),
        None => format!("{class},{class}$*"),
    };
    let tests = classes.iter().map(test).collect::<Vec<_>>().join(",");
    options.extend((!tests.is_empty() && tests.len() <= LIST).then(|| format!("-Dtest={tests}")));
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(choices: &[(&str, &str, Option<&str>)], expect: &str) {
        let owned = |(module, class, method): &(&str, &str, Option<&str>)| Choice {
            module: (*module).into(),
            class: (*class).into(),
            method: method.map(str::to_owned),
        };
        assert_eq!(selected(&choices.iter().map(owned).collect()).join(" "), expect);
    }

    #[test]
    fn methods_are_chosen_by_class_and_modules_with_what_they_need() {
        check(
            &[("", "demo.ATest", Some("adds")), ("", "demo.ATest", Some("fails")), ("", "demo.BTest", None)],
            "-Dtest=demo.ATest#adds+fails,demo.BTest,demo.BTest$*",
        );
        check(&[("", "demo.ATest", Some("adds")), ("", "demo.ATest", None)], "-Dtest=demo.ATest,demo.ATest$*");
        check(
            &[("a", "demo.ATest$Inner", Some("deep")), ("b/c", "demo.B", None)],
            "-pl a,b/c -am -Dtest=demo.ATest$Inner#deep,demo.B,demo.B$*",
        );
        check(&[], "");
    }
}
