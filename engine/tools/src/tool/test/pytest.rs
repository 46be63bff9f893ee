//! pytest's tests.

use super::report::{Failure, State, Tested};
use super::{GIVE_MORE, Run, Session};
use crate::project::Package;
use crate::tool::Fault;
use crate::tool::process::Ended;

const NO_PYTHON: &str = "python3 is not installed; get it from your system's packages or https://www.python.org";
const NO_PYTEST: &str = "pytest is not installed; get it with: python3 -m pip install pytest (best in the project's .venv)";

/// What makes the output plain and complete, and leaves nothing behind.
const PLAIN: &[&str] = &["-rA", "--tb=short", "--color=no", "-o"];

/// pytest's code for "no tests were collected".
const NONE_COLLECTED: i32 = 5;

/// Tests one project.
pub(super) fn test(session: &Session<'_>, package: &Package) -> Result<Tested, Fault> {
    // The cache lies elsewhere rather than being switched off: a project's own options may need it.
    let cache = format!("cache_dir={}", std::env::temp_dir().join("naestro-pytest").display());
    let plain = PLAIN.iter().map(|option| (*option).to_owned());
    let argv = package.command.iter().cloned().chain(plain).chain([cache]).collect();
    let Run::Ended(ended) = session.start(&package.home, argv)? else {
        return Ok(Tested::new(package, State::Missing, NO_PYTHON));
    };
    if ended.output.contains("No module named pytest") {
        return Ok(Tested::new(package, State::Missing, NO_PYTEST));
    }
    Ok(tested(package, &ended))
}

fn tested(package: &Package, ended: &Ended) -> Tested {
    let mut tested = Tested::new(package, State::Passed, "");
    let lines: Vec<&str> = ended.output.lines().collect();
    if let Some((counts, seconds)) = lines.iter().rev().find_map(|line| summary(line)) {
        [tested.passed, tested.failed, tested.skipped] = counts;
        tested.seconds = seconds;
    } else {
        // A project that asks for quiet itself silences the summary.
        let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count() as u64;
        [tested.passed, tested.failed, tested.skipped] = [count("PASSED "), count("FAILED ") + count("ERROR "), count("SKIPPED ")];
    }
    for (node, short) in lines.iter().filter_map(|line| failed(line)) {
        tested.fail(failure(&lines, node, short));
    }
    if ended.overdue {
        tested.state = if tested.state == State::Failed { State::Failed } else { State::NotFinished };
        tested.note = format!("the budget ended before all its tests were run; {GIVE_MORE}");
    } else if !matches!(ended.code, Some(0 | NONE_COLLECTED)) && tested.state == State::Passed {
        tested.failed += 1;
        tested.fail(Failure::new("(the runner)", None, &lines[lines.len().saturating_sub(12)..].join("\n")));
    }
    tested
}

/// Passed, failed and skipped, with the seconds, of a line such as `1 failed, 2 passed in 0.05s`.
fn summary(line: &str) -> Option<([u64; 3], f64)> {
    let (counts, took) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    let seconds = took.split('s').next()?.parse().ok()?;
    let mut sums = [0; 3];
    for part in counts.split(", ") {
        let (count, word) = part.split_once(' ')?;
        let kind = match word.trim_end_matches('s') {
            "passed" | "xpassed" => 0,
            "failed" | "error" => 1,
            "skipped" | "xfailed" | "deselected" => 2,
            _ => continue,
        };
        sums[kind] += count.parse::<u64>().ok()?;
    }
    Some((sums, seconds))
}

/// The test and the short reason of a line such as `FAILED tests/test_a.py::test_x - assert 1 == 2`.
fn failed(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR "))?;
    let (node, why) = rest.split_once(" - ").unwrap_or((rest, ""));
    node.contains(".py").then_some((node, why))
}

/// The failure with what the test's own section says of its place and message.
fn failure(lines: &[&str], node: &str, short: &str) -> Failure {
    let section = section(lines, node);
    let named = section.iter().rev().find_map(|line| named(line));
    let place = named.or_else(|| section.iter().rev().filter_map(|line| place(line)).find(|place| is_own(place)));
    // An error of collecting may come from Python alone: it is still about the test's file.
    let place = place.or_else(|| node.ends_with(".py").then(|| node.to_owned()));
    let why: Vec<&str> = section.iter().filter_map(|line| line.strip_prefix("E ")).map(str::trim).collect();
    Failure::new(node, place, &if why.is_empty() { short.to_owned() } else { why.join("\n") })
}

/// The lines below the heading `____ TestClass.test_name ____`.
fn section<'a>(lines: &'a [&'a str], node: &str) -> &'a [&'a str] {
    let name = node.split_once("::").map_or(node, |(_, name)| name).replace("::", ".");
    let heading = |line: &&str| heading(line).is_some_and(|title| title == name || title.ends_with(&format!(" {name}")));
    let Some(start) = lines.iter().position(heading) else { return &[] };
    let rest = &lines[start + 1..];
    let end = rest.iter().position(|line| self::heading(line).is_some() || line.starts_with("=====")).unwrap_or(rest.len());
    &rest[..end]
}

fn heading(line: &str) -> Option<&str> {
    let title = line.strip_prefix("__")?.strip_suffix("__")?.trim_matches('_').trim();
    (!title.is_empty()).then_some(title)
}

/// Whether a place lies in the project, rather than in Python or in what is installed.
fn is_own(place: &str) -> bool {
    !place.starts_with(['/', '<']) && !place.starts_with("../") && !place.contains("site-packages/")
}

/// `/p/a.py:3` of `E     File "/p/a.py", line 3`, which is where a file's syntax is wrong.
fn named(line: &str) -> Option<String> {
    let (file, rest) = line.strip_prefix("E ")?.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let number: u32 = rest.split(',').next()?.trim().parse().ok()?;
    Some(format!("{file}:{number}"))
}

/// `tests/test_a.py:3` of `tests/test_a.py:3: in test_x`.
fn place(line: &str) -> Option<String> {
    let (file, rest) = line.split_once(".py:")?;
    let number = rest.split(':').next()?;
    number.parse::<u32>().ok()?;
    (!file.starts_with(' ')).then(|| format!("{file}.py:{number}"))
}
