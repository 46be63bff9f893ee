//! CMake projects whose tests ctest runs.

use super::{Files, Package, Runner, is_below, join, split};

/// Every CMake project that says it has tests: the outermost `CMakeLists.txt`, with what lies below it.
pub(super) fn packages(files: &mut Files<'_>) -> Vec<Package> {
    let all = files.folders_with("CMakeLists.txt");
    let outermost: Vec<String> = all.iter().filter(|dir| all.iter().all(|other| other == *dir || !is_below(other, dir))).cloned().collect();
    outermost.into_iter().filter(|dir| has_tests(files, dir)).map(|dir| package(files, dir)).collect()
}

fn package(files: &Files<'_>, dir: String) -> Package {
    let named = files.peek(&join(&dir, "CMakeLists.txt")).and_then(|text| project(&text));
    let name = named.unwrap_or_else(|| if dir.is_empty() { "cmake".into() } else { split(&dir).1.to_owned() });
    let command = vec!["ctest".to_owned()];
    Package { runner: Runner::Ctest, name, home: dir.clone(), dir, command, also: vec![], needs: vec![], shared: vec![], guessed: false }
}

/// Whether a list of the project switches tests on.
fn has_tests(files: &Files<'_>, dir: &str) -> bool {
    let lists = files.paths.iter().filter(|path| is_below(dir, path) && is_list(path));
    lists.filter_map(|path| files.peek(path)).any(|text| {
        let mut commands = text.lines().map(|line| line.split('#').next().unwrap_or_default().to_ascii_lowercase().replace(' ', ""));
        commands.any(|line| line.contains("enable_testing(") || line.contains("include(ctest"))
    })
}

fn is_list(path: &str) -> bool {
    split(path).1 == "CMakeLists.txt" || path.ends_with(".cmake")
}

/// The name in `project(NAME ...)`.
fn project(text: &str) -> Option<String> {
    let plain: Vec<&str> = text.lines().map(|line| line.split('#').next().unwrap_or_default()).collect();
    let (text, lower) = (plain.join("\n"), plain.join("\n").to_ascii_lowercase());
    let start = lower.match_indices("project").find_map(|(at, word)| {
        let first = lower[..at].chars().next_back().is_none_or(|before| before.is_whitespace());
        let rest = lower[at + word.len()..].trim_start();
        (first && rest.starts_with('(')).then(|| lower.len() - rest.len() + 1)
    })?;
    let name = text.get(start..)?.trim_start().split(|c: char| c.is_whitespace() || c == ')').next()?.trim_matches('"');
    (!name.is_empty() && !name.contains('$')).then(|| name.to_owned())
}
