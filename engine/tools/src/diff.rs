//! Differences between two trees, as `git apply` takes them.
//!
//! The headers are written here, since only we know the modes; the hunks come from libgit2's own diff.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use git2::{DiffOptions, ObjectType, Oid, Patch};
use naestro_kernel::Digest;
use naestro_policy::port::Contents;

use crate::fault::{Outcome, permanent, store};
use crate::tree::{Entry, Kind, Manifest, shown};

/// The unified diff from the tree `base` to `tree`, and the paths that differ, sorted.
///
/// # Errors
/// The failure, if a tree or a content is missing.
pub(crate) fn between(contents: &dyn Contents, base: &Digest, tree: &Digest) -> Outcome<(Vec<u8>, Vec<String>)> {
    let (base, tree) = (Manifest::load(contents, base)?, Manifest::load(contents, tree)?);
    let delta = base.delta(&tree);
    let mut patch = Vec::new();
    for (path, new) in &delta {
        let side = |entry: Option<&Entry>| entry.map(|entry| Side::load(contents, entry)).transpose();
        file(&mut patch, path, side(base.entries.get(path))?, side(new.as_ref())?)?;
    }
    let mut paths: Vec<String> = delta.keys().map(|path| shown(path)).collect();
    paths.sort();
    Ok((patch, paths))
}

/// One side of a file's difference.
struct Side {
    kind: Kind,
    bytes: Vec<u8>,
}

impl Side {
    fn load(contents: &dyn Contents, entry: &Entry) -> Outcome<Self> {
        Ok(Self { kind: entry.kind, bytes: contents.get(&entry.digest).map_err(store)? })
    }
}

fn file(patch: &mut Vec<u8>, path: &Path, old: Option<Side>, new: Option<Side>) -> Outcome<()> {
    match (old, new) {
        // Git has no change between a file and a link: one goes, the other comes.
        (Some(old), Some(new)) if (old.kind == Kind::Link) != (new.kind == Kind::Link) => {
            change(patch, path, Some(&old), None)?;
            change(patch, path, None, Some(&new))
        }
        (old, new) => change(patch, path, old.as_ref(), new.as_ref()),
    }
}

fn change(patch: &mut Vec<u8>, path: &Path, old: Option<&Side>, new: Option<&Side>) -> Outcome<()> {
    let (from, to) = (quoted("a/", path), quoted("b/", path));
    patch.extend([b"diff --git ", &*from, b" ", &to, b"\n"].concat());
    let mut line = |text: String| patch.extend_from_slice(text.as_bytes());
    match (old, new) {
        (None, Some(new)) => line(format!("new file mode {}\n", new.kind.mode())),
        (Some(old), None) => line(format!("deleted file mode {}\n", old.kind.mode())),
        (Some(old), Some(new)) if old.kind != new.kind => line(format!("old mode {}\nnew mode {}\n", old.kind.mode(), new.kind.mode())),
        _ => {}
    }
    let [before, after] = [old, new].map(|side| side.map_or(&[][..], |side| &side.bytes));
    let names = [old, new].map(|side| side.map_or(Ok(Oid::ZERO_SHA1), |side| Oid::hash_object(ObjectType::Blob, &side.bytes)));
    let [before_name, after_name] = names.map(|name| name.map_err(|error| unreadable(path, &error)));
    let (before_name, after_name) = (before_name?, after_name?);
    if before_name == after_name {
        return Ok(());
    }
    line(format!("index {before_name}..{after_name}\n"));
    let hunks = hunks(path, before, after)?;
    if hunks.starts_with(b"@@") {
        let side = |name: Vec<u8>, there: bool| if there { named(name) } else { b"/dev/null".to_vec() };
        patch.extend([b"--- ", &*side(from, old.is_some()), b"\n+++ ", &side(to, new.is_some()), b"\n"].concat());
    }
    patch.extend(hunks);
    Ok(())
}

/// The hunks of a text, or the binary patch of anything else; nothing where both are empty.
fn hunks(path: &Path, before: &[u8], after: &[u8]) -> Outcome<Vec<u8>> {
    let mut options = DiffOptions::new();
    options.show_binary(true).indent_heuristic(true).context_lines(3);
    let name = Path::new("file");
    let patch = Patch::from_buffers(before, Some(name), after, Some(name), Some(&mut options));
    let text = patch.and_then(|mut patch| Ok(patch.to_buf()?.to_vec())).map_err(|error| unreadable(path, &error))?;
    let starts = [&b"\n@@ "[..], b"\nGIT binary patch\n"];
    let at = starts.iter().filter_map(|start| text.windows(start.len()).position(|window| window == *start)).min();
    Ok(at.map_or_else(Vec::new, |at| text[at + 1..].to_vec()))
}

/// A name after `---` or `+++`: git wants a tab after one with a space in it.
fn named(mut name: Vec<u8>) -> Vec<u8> {
    if name.contains(&b' ') && !name.starts_with(b"\"") {
        name.push(b'\t');
    }
    name
}

/// A path as git writes it in patches: quoted as in C where a plain one would be misread.
fn quoted(side: &str, path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_bytes();
    let plain = |byte: u8| byte != b'"' && byte != b'\\' && !byte.is_ascii_control();
    if path.to_str().is_some() && bytes.iter().all(|&byte| plain(byte)) {
        return [side.as_bytes(), bytes].concat();
    }
    let mut quoted = format!("\"{side}").into_bytes();
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            _ if plain(byte) && byte.is_ascii() => quoted.push(byte),
            _ => quoted.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

fn unreadable(path: &Path, error: &git2::Error) -> naestro_kernel::Failure {
    permanent(format!("compare {}: {}", shown(Path::new(OsStr::from_bytes(path.as_os_str().as_bytes()))), error.message()), "")
}
