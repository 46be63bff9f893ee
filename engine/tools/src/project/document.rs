//! Documentation: files no test reads.

/// Endings of files that are prose or pictures.
const ENDINGS: &[&str] = &["md", "mdx", "rst", "adoc", "txt", "png", "jpg", "jpeg", "gif", "svg", "webp"];

/// Names without an ending that are prose.
const NAMES: &[&str] = &["LICENSE", "LICENCE", "UNLICENSE", "COPYING", "NOTICE", "AUTHORS", "CHANGELOG", "README", "CONTRIBUTORS"];

/// Folders whose prose may be what a test reads, or code includes.
const READ: &[&str] = &["src", "test", "tests", "testdata", "fixtures", "snapshots", "examples", "benches"];

/// Text files that are no prose.
const MEANT: &[&str] = &["requirements", "constraints", "CMakeLists"];

/// Whether the file is documentation: prose or a picture, and not where code or tests would read it.
pub(super) fn is_document(path: &str) -> bool {
    let (dir, name) = super::split(path);
    if dir.split('/').any(|part| READ.contains(&part)) || MEANT.iter().any(|start| name.starts_with(start)) {
        return false;
    }
    match name.rsplit_once('.') {
        Some((_, ending)) => ENDINGS.contains(&ending.to_ascii_lowercase().as_str()),
        None => NAMES.iter().any(|known| name.starts_with(known)),
    }
}
