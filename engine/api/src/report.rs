//! What a test run found, test by test.
//!
//! Invariant: a test that ran and failed even once is never only "passed": it is failed, or flaky.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A test run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestReport {
    /// Whether all that was to run ran and nothing failed.
    pub ok: bool,
    /// What came of it, one line.
    pub verdict: String,
    /// What the change was compared with, in words, where something was.
    #[serde(default)]
    pub compared: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub seconds: f64,
    /// How long it was allowed to take.
    #[serde(default)]
    pub budget_s: f64,
    /// The packages whose tests were selected.
    #[serde(default)]
    pub packages: Vec<TestedPackage>,
    /// The tests.
    pub tests: Vec<TestEntry>,
    /// How many tests are known in all, where the code was asked.
    #[serde(default)]
    pub known: Option<usize>,
    /// The symbols the change touches.
    #[serde(default)]
    pub changed: Vec<ChangedSymbol>,
    /// Parts of the project whose every test was selected, and why.
    #[serde(default)]
    pub widened: Vec<Widened>,
    /// Changed files that belong to no package.
    #[serde(default)]
    pub unowned: Vec<String>,
    /// Submodules that changed and were not looked into.
    #[serde(default)]
    pub submodules: Vec<String>,
    /// What else there is to say about the selection; one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A package as it was tested.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TestedPackage {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the workspace.
    pub dir: String,
    /// The runner.
    pub runner: String,
    /// How it ended: `passed`, `failed`, `build_failed`, `not_finished`, `missing` (its runner), `not_run`, `unaffected`, `listed` or
    /// `unlisted` (its runner cannot name its tests without running them).
    pub state: String,
    /// How many tests passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many failed and passed.
    pub flaky: usize,
    /// How many were skipped.
    pub skipped: usize,
    /// How long it took.
    pub seconds: f64,
    /// What else there is to say; empty where nothing is.
    pub note: String,
}

/// A test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TestEntry {
    /// Its name as its runner selects it.
    pub id: String,
    /// Its package.
    pub package: String,
    /// Its runner.
    pub runner: String,
    /// Its file, where that is known.
    pub path: Option<String>,
    /// Its line, from 1, where that is known.
    pub line: Option<u32>,
    /// How it ended.
    pub state: TestState,
    /// How long it took, where the runner says.
    pub seconds: Option<f64>,
    /// Why it was selected, where not all were.
    pub reason: Option<String>,
    /// Where it failed: `path:line`; absent where it did not or nobody says.
    pub place: Option<String>,
    /// What it failed with.
    pub message: Option<String>,
    /// What it expected, where it says so.
    pub expected: Option<String>,
    /// What it got instead.
    pub actual: Option<String>,
    /// How often it was run.
    pub attempts: u32,
    /// The change that is the likeliest cause of its failure, in words.
    pub cause: Option<String>,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestState {
    /// Every time it was run.
    Passed,
    /// Every time it was run.
    Failed,
    /// Once it failed, once it passed, with nothing changed in between.
    Flaky,
    /// Its runner left it out.
    Skipped,
    /// There was no time, or its package could not be run.
    #[default]
    NotRun,
    /// It was only to be listed.
    Listed,
}

/// A symbol that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ChangedSymbol {
    /// Its file.
    pub path: String,
    /// Its qualified name in the file.
    pub name: String,
    /// Its line, from 1.
    pub line: u32,
}

/// A part of the project whose every test was selected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Widened {
    /// The changed file that cannot be reasoned about.
    pub file: String,
    /// The folder or file whose tests it concerns; the whole project where empty.
    pub scope: String,
    /// Why.
    pub reason: String,
}
