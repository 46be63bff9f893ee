//! Where pytest is: the tests of Python projects are skipped, loudly, where it is nowhere.

use std::process::Command;

/// The search path on which `python3 -m pytest` works; says so where there is none.
pub(super) fn with_pytest() -> Option<String> {
    let works = Command::new("python3").args(["-m", "pytest", "--version"]).output().is_ok_and(|output| output.status.success());
    if !works {
        println!("SKIPPED: no `python3 -m pytest` here; `./test` installs it, or: python3 -m pip install pytest");
        eprintln!("SKIPPED: tests of pytest projects");
    }
    works.then(|| std::env::var("PATH").unwrap())
}
