//! Manifests read back what they say, and no path in one leads out of its folder.

use super::*;

fn tree(entries: &[(&[u8], Kind, u8)]) -> Manifest {
    let entry = |kind, digest| Entry { kind, digest: Digest([digest; 32]), size: u64::from(digest), mtime: -5 };
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    Manifest { entries: entries.iter().map(|&(name, kind, digest)| (path(name), entry(kind, digest))).collect() }
}

#[test]
fn a_manifest_reads_back_what_it_says() {
    let odd = tree(&[
        (b"a file", Kind::File, 1),
        (b"b%41\nc", Kind::Executable, 2),
        ("\u{fc}/\u{7f}".as_bytes(), Kind::Link, 3),
        (b"not\xffutf8", Kind::File, 4),
    ]);
    assert_eq!(Manifest::decode(&odd.encode()), Ok(odd));
}

#[test]
fn a_path_that_leads_out_is_refused() {
    for path in ["", "/etc/passwd", "../x", "a/../b", "%2e%2e/x", "%4"] {
        assert_eq!(unescape(path), None, "{path}");
    }
    assert_eq!(unescape("a/b"), Some(PathBuf::from("a/b")));
}

#[test]
fn a_delta_leads_from_one_tree_to_the_other() {
    let base = tree(&[(b"a", Kind::File, 1), (b"b", Kind::File, 2), (b"c", Kind::File, 3)]);
    let next = tree(&[(b"a", Kind::File, 1), (b"b", Kind::Executable, 2), (b"d", Kind::File, 3)]);
    let delta = base.delta(&next);
    assert_eq!(delta.keys().map(|path| shown(path)).collect::<Vec<_>>(), ["b", "c", "d"]);
    assert_eq!(base.with(&delta), next);
}

#[test]
fn what_lies_beneath_a_folder_is_not_what_begins_like_it() {
    let tree = tree(&[(b"a/x", Kind::File, 1), (b"a/y/z", Kind::File, 2), (b"a.txt", Kind::File, 3), (b"ab", Kind::File, 4)]);
    assert_eq!(tree.beneath(Path::new("a")).map(|path| shown(path)).collect::<Vec<_>>(), ["a/x", "a/y/z"]);
}
