//! What a person typed, as a target.
//!
//! Invariant: every text is some target, so that what there is none of is said by whoever looks for it, with near misses.

use alloc::borrow::ToOwned;
use alloc::string::String;

use super::Target;

impl Target {
    /// Reads `diff`, `commit:REV`, `test:NAME`, `path:line[:column]`, `path#symbol`, a path, or else a symbol.
    ///
    /// `is_path` says whether a file or folder of that name exists below the root. A leading `./` always makes a path.
    pub fn parse(text: &str, is_path: impl Fn(&str) -> bool) -> Self {
        let text = text.trim();
        if text == "diff" {
            return Self::Diff;
        }
        if let Some(revision) = text.strip_prefix("commit:") {
            return Self::Commit(revision.trim().to_owned());
        }
        if let Some(name) = text.strip_prefix("test:") {
            return Self::Test(name.trim().to_owned());
        }
        if is_path(&plain(text)) {
            return Self::Path(plain(text));
        }
        if let Some((path, line, column)) = place(text) {
            return Self::Place { path: plain(path), line, column };
        }
        match text.split_once('#') {
            Some((path, symbol)) if is_path(&plain(path)) || looks_like_a_path(path) => {
                Self::Member { path: plain(path), symbol: symbol.to_owned() }
            }
            _ if looks_like_a_path(text) => Self::Path(plain(text)),
            _ => Self::Symbol(text.to_owned()),
        }
    }
}

/// `path:line` or `path:line:column`, both from 1.
fn place(text: &str) -> Option<(&str, u32, Option<u32>)> {
    let (before, last) = number(text)?;
    match number(before) {
        Some((path, line)) => Some((path, line, Some(last))),
        None => Some((before, last, None)),
    }
}

fn number(text: &str) -> Option<(&str, u32)> {
    let (before, digits) = text.rsplit_once(':')?;
    let number: u32 = digits.parse().ok()?;
    (number > 0 && !before.is_empty() && !before.ends_with(':')).then_some((before, number))
}

/// Without `./` before it and `/` after it; the root is empty.
fn plain(path: &str) -> String {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    if path == "." { String::new() } else { path.trim_end_matches('/').to_owned() }
}

/// Whether a text that names nothing that exists was meant to be a path.
fn looks_like_a_path(text: &str) -> bool {
    text.contains('/') && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let exists = ["src/lib.rs", "src", "Makefile", "odd:3", "odd#name", ""];
        assert_eq!(format!("{:?}", Target::parse(text, |path| exists.contains(&path))), expect);
    }

    #[test]
    fn paths_and_places() {
        check("src/lib.rs", r#"Path("src/lib.rs")"#);
        check("./src/", r#"Path("src")"#);
        check(".", r#"Path("")"#);
        check("Makefile", r#"Path("Makefile")"#);
        check("src/lbi.rs", r#"Path("src/lbi.rs")"#);
        check("src/lib.rs:7", r#"Place { path: "src/lib.rs", line: 7, column: None }"#);
        check("./gone.rs:7:3", r#"Place { path: "gone.rs", line: 7, column: Some(3) }"#);
        check("src/lib.rs:0", r#"Path("src/lib.rs:0")"#);
        check("src/lib.rs:99999999999", r#"Path("src/lib.rs:99999999999")"#);
        check("odd:3", r#"Path("odd:3")"#);
    }

    #[test]
    fn symbols_and_members() {
        check("parse", r#"Symbol("parse")"#);
        check("Parser::parse", r#"Symbol("Parser::parse")"#);
        check("module.Class.method", r#"Symbol("module.Class.method")"#);
        check("src/lib.rs#Parser::parse", r#"Member { path: "src/lib.rs", symbol: "Parser::parse" }"#);
        check("src/gone.rs#x", r#"Member { path: "src/gone.rs", symbol: "x" }"#);
        check("Makefile#all", r#"Member { path: "Makefile", symbol: "all" }"#);
        check("odd#name", r#"Path("odd#name")"#);
        check("Class#method", r#"Symbol("Class#method")"#);
        check("", r#"Path("")"#);
    }

    #[test]
    fn words_that_say_what_they_are() {
        check("diff", "Diff");
        check("./diff", r#"Path("diff")"#);
        check("commit:HEAD~2", r#"Commit("HEAD~2")"#);
        check("test: parses a line ", r#"Test("parses a line")"#);
    }
}
