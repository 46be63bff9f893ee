//! What outlines say, by example; one file per language family in `tests/`.

mod bounds;
mod c;
mod digests;
mod go;
mod java;
mod python;
mod rust;
mod script;
mod speed;

use std::fmt::Write;

use expect_test::Expect;

use super::{documentation, grammar::Grammar, outline, signature};
use crate::{Language, Manner, Mention, Outline, Symbol};

/// Compares an outline, printed compactly, with what is expected.
#[track_caller]
fn check(language: Language, source: &str, expect: Expect) {
    expect.assert_eq(&printed(&outline(language, source.as_bytes()), source.as_bytes()));
}

/// Compares the mentions of an outline alone.
#[track_caller]
fn check_mentions(language: Language, source: &str, expect: Expect) {
    let outline = outline(language, source.as_bytes());
    let lines: Vec<_> = outline.mentions.iter().map(|mention| mentioned(&outline, mention)).collect();
    expect.assert_eq(&lines.join("\n"));
}

/// Compares the imports of an outline alone.
#[track_caller]
fn check_imports(language: Language, source: &str, expect: Expect) {
    let outline = outline(language, source.as_bytes());
    expect.assert_eq(&imports(&outline));
}

fn printed(outline: &Outline, source: &[u8]) -> String {
    let mut out = String::new();
    for symbol in &outline.symbols {
        let _ = writeln!(out, "{}{}", indent(outline, symbol), shown(symbol, source));
    }
    if !outline.imports.is_empty() {
        let _ = writeln!(out, "{}", imports(outline));
    }
    for mention in &outline.mentions {
        let _ = writeln!(out, "~ {}", mentioned(outline, mention));
    }
    if outline.errors > 0 {
        let _ = writeln!(out, "errors: {}", outline.errors);
    }
    if !outline.dynamic.is_empty() {
        let _ = writeln!(out, "dynamic: {:?}", outline.dynamic);
    }
    out
}

fn indent(outline: &Outline, symbol: &Symbol) -> String {
    let mut depth = 0;
    let mut at = symbol.parent;
    while let Some(number) = at {
        depth += 1;
        at = outline.symbols[number as usize].parent;
    }
    "  ".repeat(depth)
}

fn shown(symbol: &Symbol, source: &[u8]) -> String {
    let name = String::from_utf8_lossy(&source[symbol.name_span.start as usize..symbol.name_span.end as usize]).into_owned();
    let mut out = format!("{:?} {} {}-{}", symbol.kind, symbol.name, symbol.span.line, symbol.span.last_line);
    if name != symbol.name {
        let _ = write!(out, " named by `{name}`");
    }
    for (word, value) in [("owner", symbol.owner.as_deref().unwrap_or("")), ("bases", &symbol.bases), ("marks", &symbol.marks)] {
        if !value.is_empty() {
            let _ = write!(out, " {word}={value}");
        }
    }
    let _ = write!(out, " | {}", signature(symbol, source));
    if let Some(body) = symbol.body {
        let _ = write!(out, " | body {}-{}", body.line, body.last_line);
    }
    let doc = documentation(symbol, source);
    if !doc.is_empty() {
        let _ = write!(out, " | doc {doc:?}");
    }
    out
}

fn imports(outline: &Outline) -> String {
    let lines = outline.imports.iter().map(|import| {
        let exported = if import.exported { " (handed on)" } else { "" };
        format!("import {:?} from {:?} as {:?}{exported}", import.name, import.module, import.alias)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn mentioned(outline: &Outline, mention: &Mention) -> String {
    let within = mention.within.map_or("-", |number| outline.symbols[number as usize].name.as_str());
    let qualifier = mention.qualifier.map_or(String::new(), |number| format!("[{}] ", outline.name(number)));
    let name = outline.name(mention.name);
    let manner = match mention.manner {
        Manner::MethodCall => "method",
        Manner::Call => "call",
        Manner::Member => "member",
        Manner::Type => "type",
        Manner::Macro => "macro",
        Manner::Name => "name",
    };
    format!("{manner} {qualifier}{name} in {within}:{}", mention.line)
}

#[test]
fn every_query_fits_its_grammar() {
    use Language::{C, Cpp, Go, Java, JavaScript, Python, Rust, Tsx, TypeScript};
    for language in [Rust, Python, TypeScript, Tsx, JavaScript, Go, Java, C, Cpp] {
        assert!(!Grammar::of(language).patterns.is_empty());
    }
}
