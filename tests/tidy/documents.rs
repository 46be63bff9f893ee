//! Documents are tied to the code they describe: when the code changes, the document has to be read again.
//!
//! A tie is a line of the document that names files (or a folder with a trailing slash, for the names in it) and the hash of
//! what they held when the document was last read beside them:
//!
//! ```text
//! <!-- tied: engine/policy/src/permit.rs 0123456789ab -->
//! ```
//!
//! Layout and plain comments do not count.

use super::{Source, no_complaints, repository};

const HOW: &str = "read the document beside the code, correct it, then renew its ties with UPDATE_TIES=1 ./test tidy";

/// The digits of a hash.
const HASH: usize = 12;

/// One tie of a document.
struct Tie<'a> {
    line: &'a str,
    files: Vec<&'a str>,
    hash: &'a str,
}

fn ties(text: &str) -> impl Iterator<Item = Tie<'_>> {
    text.lines().filter_map(|line| {
        let inner = line.trim().strip_prefix("<!-- tied: ")?.strip_suffix("-->")?;
        let is_hash = |word: &mut &str| word.len() == HASH && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut files: Vec<&str> = inner.split_whitespace().collect();
        // A new tie has no hash yet, and is loose.
        let hash = files.pop_if(is_hash).unwrap_or_default();
        Some(Tie { line, files, hash })
    })
}

/// The hash of the files' content, or the name that leads nowhere.
fn hash(files: &[&str], sources: &[Source]) -> Result<String, String> {
    let mut held = String::new();
    for &file in files {
        let content = if file.ends_with('/') { names(file, sources) } else { content(file, sources) };
        held.push_str(&content.ok_or_else(|| file.to_owned())?);
    }
    Ok(naestro_policy::digest_bytes(held.as_bytes()).to_string()[..HASH].to_owned())
}

fn content(file: &str, sources: &[Source]) -> Option<String> {
    let source = sources.iter().find(|source| source.path == file)?;
    let is_comment = |line: &str| line.starts_with("//") && !line.starts_with("///") && !line.starts_with("//!");
    let lines = source.text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
    Some(lines.map(|line| format!("{line}\n")).collect())
}

/// The names directly in a folder.
fn names(folder: &str, sources: &[Source]) -> Option<String> {
    let inner = sources.iter().filter_map(|source| source.path.strip_prefix(folder)?.split('/').next());
    let mut names: Vec<&str> = inner.collect();
    names.dedup();
    (!names.is_empty()).then(|| names.join("\n"))
}

fn complaints(document: &Source, sources: &[Source]) -> Vec<String> {
    let loose = ties(&document.text).filter_map(|tie| match hash(&tie.files, sources) {
        Ok(now) if now == tie.hash => None,
        Ok(now) => Some(format!("{}: {} changed (now {now}): {HOW}", document.path, tie.files.join(", "))),
        Err(file) => Some(format!("{}: is tied to {file}, which is not there", document.path)),
    });
    let untied = ties(&document.text).next().is_none().then(|| format!("{}: is tied to no code", document.path));
    loose.chain(untied).collect()
}

fn renewed(document: &Source, sources: &[Source]) -> String {
    ties(&document.text).fold(document.text.clone(), |text, tie| match hash(&tie.files, sources) {
        Ok(now) => text.replace(tie.line, &format!("<!-- tied: {} {now} -->", tie.files.join(" "))),
        Err(_) => text,
    })
}

/// The documents that describe code; design notes tell what was decided when, and stay as they were.
fn describes_code(document: &&Source) -> bool {
    document.path.strip_prefix("docs/").is_some_and(|name| name.ends_with(".md") && !name.contains('/'))
}

#[test]
fn documents_were_read_beside_the_code_they_describe() {
    let sources = repository();
    let documents = || sources.iter().filter(describes_code);
    if std::env::var_os("UPDATE_TIES").is_some() {
        for document in documents() {
            std::fs::write(crate::root().join(&document.path), renewed(document, &sources)).unwrap();
        }
        return;
    }
    no_complaints(&documents().flat_map(|document| complaints(document, &sources)).collect::<Vec<_>>());
}

#[test]
fn a_loose_tie_is_found_and_renewed() {
    let code = |text| [Source::new("a/x.rs", text), Source::new("a/b/y.rs", ""), Source::new("a/b/z.rs", "")];
    let before = code("fn one() {}\n");
    let document = Source::new("docs/x.md", "# X\n<!-- tied: a/x.rs a/ -->\n<!-- tied: a/b/ 000000000000 -->\n");
    assert_eq!(complaints(&document, &before).len(), 2);
    let document = Source::new("docs/x.md", &renewed(&document, &before));
    assert!(document.text.contains("<!-- tied: a/x.rs a/ "), "{}", document.text);
    assert_eq!(complaints(&document, &before), [""; 0]);
    assert_eq!(complaints(&document, &code("// Why.\n\n  fn one() {}")), [""; 0]);
    assert_eq!(complaints(&document, &code("fn two() {}")).len(), 1);
    assert_eq!(complaints(&document, &before[..2]).len(), 1);
    assert_eq!(complaints(&Source::new("docs/y.md", "# Y\n"), &before), ["docs/y.md: is tied to no code"]);
}
