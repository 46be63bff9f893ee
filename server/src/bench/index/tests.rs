//! The tree that is measured, and the figures as people read them.

use std::fs;

use expect_test::expect;

use super::child::median_of;
use super::tree::{Tree, make_up, size};

#[test]
fn a_tree_that_is_made_up_is_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let made = ["a", "b"].map(|name| {
        let root = folder.path().join(name);
        make_up(&root, 2_000).unwrap();
        let tree = Tree::of(&root).unwrap();
        assert!(tree.lines >= 2_000);
        (tree.files, tree.lines, tree.bytes, fs::read(root.join("made_up/file_000001.rs")).unwrap())
    });
    assert_eq!(made[0], made[1]);
}

#[test]
fn a_named_folder_is_copied_and_only_the_copy_is_edited() {
    let folder = tempfile::tempdir().unwrap();
    let (named, root) = (folder.path().join("named"), folder.path().join("tree"));
    fs::create_dir_all(named.join("src")).unwrap();
    let text = "//! A file.\n\nfn first() {}\n";
    fs::write(named.join("src/a.rs"), text).unwrap();
    fs::write(named.join("README.md"), "Read me.\n").unwrap();
    let tree = Tree::make(&root, Some(&named), 1).unwrap();
    assert_eq!((tree.files, tree.lines, tree.target().unwrap()), (2, 3, "src/a.rs:3".to_owned()));
    tree.edit(7, "added").unwrap();
    assert_eq!(fs::read_to_string(named.join("src/a.rs")).unwrap(), text);
    expect![[r#"
        //! A file.

        fn first() {}

        /// Added by an edit.
        fn added() -> usize {
            7
        }
    "#]]
    .assert_eq(&fs::read_to_string(root.join("src/a.rs")).unwrap());
    assert!(size(&root) > size(&named));
}

#[test]
fn a_folder_without_rust_says_so() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Tree::of(folder.path()).is_err_and(|error| error.to_string().contains("no Rust file")));
}

#[test]
fn the_median_is_of_what_was_measured() {
    let mut values = [5.0, 1.0, 3.0].into_iter();
    assert_eq!(median_of(3, || Ok(values.next().unwrap())).unwrap(), 3.0);
}
