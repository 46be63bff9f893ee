//! Which paths an import must not touch silently: those that can run code or change how tools behave.
//!
//! A path is judged by each of its components, at any depth, present or not, in the spelling the most forgiving file
//! system would take it for: case is folded, code points that HFS+ ignores are dropped, and NTFS streams, trailing dots and
//! short names are seen through.
//!
//! Invariant: a path that could leave the folder is [`Paths::Outside`], whatever it is called.

use super::terms::Paths;

/// Protected with everything that begins so.
const PREFIXES: [&str; 14] = [
    ".git",
    "git~",
    ".env",
    ".bash",
    ".zsh",
    ".zprofile",
    ".zlog",
    "rust-toolchain",
    ".yarnrc",
    ".gitlab-ci",
    ".woodpecker",
    "azure-pipelines",
    "bitbucket-pipelines",
    ".aider",
];

/// Protected under exactly this name, with all that is below.
const NAMES: [&str; 46] = [
    // What we and other assistants obey.
    ".naestro",
    ".mcp.json",
    ".claude",
    ".codex",
    ".cursor",
    ".gemini",
    ".windsurf",
    // Editors.
    ".vscode",
    ".zed",
    ".idea",
    ".devcontainer",
    ".devcontainer.json",
    ".exrc",
    ".nvimrc",
    ".nvim.lua",
    ".dir-locals.el",
    // Version control and its hooks.
    ".hg",
    ".jj",
    ".svn",
    ".husky",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    // Build tools and package managers that take commands from a file.
    ".cargo",
    ".npmrc",
    ".pnpmfile.cjs",
    ".mise.toml",
    "mise.toml",
    ".tool-versions",
    // Shells.
    ".profile",
    ".login",
    ".kshrc",
    ".cshrc",
    ".tcshrc",
    ".inputrc",
    "config.fish",
    // Continuous integration.
    ".ci",
    ".circleci",
    ".buildkite",
    ".builds",
    ".semaphore",
    ".cirrus.yml",
    ".drone.yml",
    ".travis.yml",
    ".appveyor.yml",
    "appveyor.yml",
    "jenkinsfile",
];

/// The class of the worst of them.
pub(super) fn class_of_all(paths: &[String]) -> Paths {
    paths.iter().map(|path| class(path)).max().unwrap_or(Paths::Plain)
}

/// The class of one path, relative to the folder. A backslash separates as a slash does: on some systems it would.
pub(super) fn class(path: &str) -> Paths {
    path.split(['/', '\\']).map(class_of_component).max().unwrap_or(Paths::Outside)
}

fn class_of_component(component: &str) -> Paths {
    let name = fold(component);
    if name.is_empty() || component.contains('\0') || is_drive(component) {
        // Empty: an absolute path, `.` or `..` in any spelling.
        Paths::Outside
    } else if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name.as_str()) {
        Paths::Protected
    } else {
        Paths::Plain
    }
}

fn is_drive(component: &str) -> bool {
    matches!(component.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// The name a forgiving file system would take the component for; empty where nothing of it remains.
fn fold(component: &str) -> String {
    let stream = component.split(':').next().unwrap_or_default();
    let folded = stream.chars().filter(|&c| !is_ignored(c)).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let mut name: String = folded.collect();
    name.truncate(name.trim_end_matches(['.', ' ']).len());
    name
}

/// Code points that HFS+ ignores in names; the list is the one git guards `.git` with (`next_hfs_char`).
fn is_ignored(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}
