//! pytest: Python projects with tests.

use toml::Value;

use super::{Files, Package, Runner, is_below, join, split};

/// Files that make a folder a Python project.
const MANIFESTS: &[&str] = &["pyproject.toml", "pytest.ini", "setup.cfg", "setup.py", "tox.ini"];

/// Every Python project that has tests.
pub(super) fn packages(files: &mut Files<'_>) -> Vec<Package> {
    let tests: Vec<String> = files.paths.iter().filter(|path| is_test(path)).cloned().collect();
    if tests.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(String, bool)> = MANIFESTS.iter().flat_map(|name| files.folders_with(name)).map(|dir| (dir, false)).collect();
    found.retain(|(dir, _)| tests.iter().any(|test| is_below(dir, test)));
    let stray: Vec<(String, bool)> =
        tests.iter().filter(|test| found.iter().all(|(dir, _)| !is_below(dir, test))).map(|test| (above_tests(test), true)).collect();
    found.extend(stray);
    found.sort();
    found.dedup_by(|one, other| one.0 == other.0);
    found.into_iter().map(|(dir, guessed)| package(files, dir, guessed)).collect()
}

fn package(files: &mut Files<'_>, dir: String, guessed: bool) -> Package {
    let command = [python(files, &dir).as_str(), "-m", "pytest", "-q"].map(str::to_owned).to_vec();
    let name = name(files, &dir);
    Package { runner: Runner::Pytest, name, home: dir.clone(), dir, command, also: vec![], needs: vec![], shared: vec![], guessed }
}

/// The project's own interpreter, relative to its folder, or the one on the path.
fn python(files: &Files<'_>, dir: &str) -> String {
    let own = [".venv/bin/python3", "venv/bin/python3", ".venv/bin/python", "venv/bin/python"];
    own.iter().find(|python| files.root.join(join(dir, python)).exists()).map_or_else(|| "python3".into(), |python| format!("./{python}"))
}

fn name(files: &mut Files<'_>, dir: &str) -> String {
    let manifest = join(dir, "pyproject.toml");
    let table = if files.has(&manifest) { files.table(&manifest) } else { None };
    let named = table.as_ref().and_then(|table| table.get("project")?.get("name")).and_then(Value::as_str).map(str::to_owned);
    named.unwrap_or_else(|| if dir.is_empty() { "python".into() } else { split(dir).1.to_owned() })
}

fn is_test(path: &str) -> bool {
    split(path).1.strip_suffix(".py").is_some_and(|name| name.starts_with("test_") || name.ends_with("_test"))
}

/// The folder whose tests these are: the one above `tests`, or the file's own.
fn above_tests(path: &str) -> String {
    let dir = split(path).0;
    let parts: Vec<&str> = dir.split('/').collect();
    let end = parts.iter().position(|part| matches!(*part, "tests" | "test"));
    end.map_or_else(|| dir.to_owned(), |end| parts[..end].join("/"))
}
