//! Files that are judged by what they are, not by what they say: documents, build files, generated code.
//!
//! Invariant: only a file that no test can notice concerns nothing.

use crate::Language;
use crate::resolve::tree::{MANIFESTS, name_of};

/// Beside the manifests: what decides how a package is built or its tests are run.
const SHAPING: [&str; 26] = [
    "build.rs",
    "Cargo.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
    "clippy.toml",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "tsconfig.json",
    "go.sum",
    "poetry.lock",
    "uv.lock",
    "Pipfile",
    "Pipfile.lock",
    "requirements.txt",
    "tox.ini",
    "pytest.ini",
    "noxfile.py",
    "settings.gradle",
    "settings.gradle.kts",
    "gradle.properties",
    "Dockerfile",
    "babel.config.js",
    ".npmrc",
    ".env",
    "go.work",
];

/// Files of words and of other programs, by name.
const WORDLESS: [&str; 9] =
    [".gitignore", ".gitattributes", ".editorconfig", ".mailmap", "CODEOWNERS", "AUTHORS", "CHANGELOG", "NOTICE", "COPYING"];

/// Whether no test can notice a change of that file: documents and what only git, editors or a forge read.
pub(super) fn concerns_nothing(path: &str) -> bool {
    let name = name_of(path);
    if Language::of(path).is_some() || MANIFESTS.contains(&name) || SHAPING.contains(&name) {
        return false;
    }
    if name.starts_with("LICENSE") || name.starts_with("README") || WORDLESS.contains(&name) || path.starts_with(".github/") {
        return true;
    }
    let is_document = matches!(name.rsplit_once('.'), Some((_, "md" | "rst" | "txt" | "adoc" | "markdown")));
    let is_read_by_code =
        path.split('/').any(|part| matches!(part, "src" | "test" | "tests" | "testdata" | "fixtures" | "__tests__" | "data"));
    is_document && !is_read_by_code
}

/// Why a change of that file may concern every test of its package, where it does by its very name.
pub(super) fn shapes_its_package(path: &str) -> Option<&'static str> {
    let name = name_of(path);
    let is_config =
        ["jest.config.", "vitest.config.", "vite.config.", "webpack.config.", "rollup.config.", ".babelrc", ".mocharc", "tsconfig."]
            .iter()
            .any(|start| name.starts_with(start));
    let is_build = MANIFESTS.contains(&name) || SHAPING.contains(&name) || path.split('/').any(|part| part == ".cargo");
    let is_build = is_build || matches!(name.rsplit_once('.'), Some((_, "cmake" | "mk" | "gradle" | "bazel")));
    (is_config || is_build).then_some("it decides how the package is built or its tests are run")
}

/// Whether a file says that it was made by a program.
pub(super) fn is_generated(text: &str) -> bool {
    let head: String = text.lines().take(20).collect::<Vec<_>>().join("\n");
    head.contains("@generated") || head.contains("DO NOT EDIT")
}
