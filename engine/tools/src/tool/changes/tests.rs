//! What counts as changed, on real repositories.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use git2::{IndexAddOption, Repository, Signature};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::tests::{answer, folder};

/// A repository on `main` with one commit of these files.
fn repository(files: &[(&str, &str)]) -> (TempDir, Repository) {
    let folder = folder(files);
    let repository = Repository::init(folder.path()).unwrap();
    repository.set_head("refs/heads/main").unwrap();
    commit(&repository);
    (folder, repository)
}

/// Commits everything there is.
fn commit(repository: &Repository) {
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.update_all(["*"], None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = Signature::new("t", "t@example.org", &git2::Time::new(0, 0)).unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, "change", &tree, &parents).unwrap();
}

fn switch(repository: &Repository, branch: &str) {
    let head = repository.head().unwrap().peel_to_commit().unwrap();
    repository.branch(branch, &head, false).unwrap();
    repository.set_head(&format!("refs/heads/{branch}")).unwrap();
}

/// The text with commit ids replaced.
#[track_caller]
fn check(root: &Path, args: Value, expect: Expect) {
    let answer = answer(root, "changes", &args).unwrap();
    let words: Vec<String> = answer.text.split_inclusive([' ', '\n', ')', ':']).map(redacted).collect();
    expect.assert_eq(&words.concat());
}

fn redacted(word: &str) -> String {
    let bare = word.trim_end_matches([' ', '\n', ')', ':']);
    let is_id = bare.len() == 10 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { word.replace(bare, "ID") } else { word.to_owned() }
}

#[test]
fn on_the_default_branch_the_working_tree_is_compared_with_the_last_commit() {
    let (folder, _repository) = repository(&[("a", "1"), ("b", "1"), (".gitignore", "skip\n")]);
    fs::write(folder.path().join("a"), "2").unwrap();
    fs::remove_file(folder.path().join("b")).unwrap();
    fs::create_dir(folder.path().join("new")).unwrap();
    fs::write(folder.path().join("new/c"), "1").unwrap();
    fs::write(folder.path().join("skip"), "1").unwrap();
    check(
        folder.path(),
        json!({}),
        expect![[r#"
            compared with the last commit, ID: 3 files changed
              modified   a
              deleted    b
              untracked  new/c"#]],
    );
    let data = answer(folder.path(), "changes", &json!({})).unwrap().data.unwrap();
    assert_eq!(data["files"][0], json!({"path": "a", "status": "modified"}));
}

#[test]
fn on_another_branch_its_commits_count_too() {
    let (folder, repository) = repository(&[("a", "1"), ("b", "1")]);
    switch(&repository, "topic");
    fs::write(folder.path().join("a"), "2").unwrap();
    commit(&repository);
    fs::write(folder.path().join("b"), "2").unwrap();
    check(
        folder.path(),
        json!({}),
        expect![[r#"
            compared with main, ID: 2 files changed
              modified   a
              modified   b"#]],
    );
}

#[test]
fn what_the_default_branch_gained_since_does_not_count() {
    let (folder, repository) = repository(&[("a", "1")]);
    let fork = repository.head().unwrap().peel_to_commit().unwrap();
    fs::write(folder.path().join("b"), "1").unwrap();
    commit(&repository);
    repository.branch("topic", &fork, false).unwrap();
    repository.set_head("refs/heads/topic").unwrap();
    repository.checkout_head(Some(git2::build::CheckoutBuilder::new().force())).unwrap();
    fs::write(folder.path().join("c"), "1").unwrap();
    commit(&repository);
    check(
        folder.path(),
        json!({}),
        expect![[r#"
        compared with the merge base with main, ID: 1 file changed
          added      c"#]],
    );
}

#[test]
fn with_nothing_changed_the_last_commit_is_what_changed() {
    let (folder, repository) = repository(&[("a", "1")]);
    check(
        folder.path(),
        json!({}),
        expect![[r#"
            compared with nothing (nothing changed since the last commit, which has no parent here, ID): 1 file changed
              added      a"#]],
    );
    fs::write(folder.path().join("b"), "1").unwrap();
    commit(&repository);
    check(
        folder.path(),
        json!({}),
        expect![[r#"
            compared with HEAD~1 (nothing changed since the last commit, ID): 1 file changed
              added      b"#]],
    );
}

#[test]
fn since_names_another_base_and_says_when_there_is_none() {
    let (folder, repository) = repository(&[("a", "1")]);
    fs::write(folder.path().join("a"), "2").unwrap();
    commit(&repository);
    check(
        folder.path(),
        json!({"since": "HEAD~1"}),
        expect![[r#"
            compared with HEAD~1, ID: 1 file changed
              modified   a"#]],
    );
    check(folder.path(), json!({"since": "HEAD"}), expect!["compared with HEAD, ID: no file changed"]);
    let empty = self::folder(&[]);
    Repository::init(empty.path()).unwrap();
    check(
        empty.path(),
        json!({"since": "main"}),
        expect![[r#"there is no revision "main", for this repository has no commit yet; leave since out"#]],
    );
    check(
        folder.path(),
        json!({"since": "nowhere"}),
        expect![[
            r#"there is no revision "nowhere" in this repository; give since a branch, a tag or a commit: see git branch --all, git tag and git log"#
        ]],
    );
}

#[test]
fn a_folder_inside_the_repository_sees_its_own_files_only() {
    let (folder, _repository) = repository(&[("in/a", "1"), ("out", "1")]);
    fs::write(folder.path().join("in/a"), "2").unwrap();
    fs::write(folder.path().join("out"), "2").unwrap();
    check(
        &folder.path().join("in"),
        json!({}),
        expect![[r#"
            compared with the last commit, ID: 1 file changed
              modified   a"#]],
    );
}

#[test]
fn without_a_repository_or_a_commit_every_file_counts() {
    let plain = folder(&[("a", "1"), ("skip", ""), (".gitignore", "skip\n")]);
    check(
        plain.path(),
        json!({}),
        expect![[r#"
            compared with nothing (there is no git repository here): 2 files
              present    .gitignore
              present    a"#]],
    );
    check(plain.path(), json!({"since": "main"}), expect![[r#"there is no git repository here to look up "main" in; leave since out"#]]);
    Repository::init(plain.path()).unwrap();
    check(
        plain.path(),
        json!({}),
        expect![[r#"
            compared with nothing (there is no commit yet): 2 files
              present    .gitignore
              present    a"#]],
    );
    let bare = folder(&[]);
    Repository::init_bare(bare.path()).unwrap();
    check(bare.path(), json!({}), expect!["the git repository is bare and holds no files; use a checkout"]);
}

#[test]
fn a_dirty_submodule_is_told_from_a_file() {
    let (folder, repository) = repository(&[("a", "1")]);
    let (inner, _) = self::repository(&[("b", "1")]);
    let mut submodule = repository.submodule(inner.path().to_str().unwrap(), Path::new("ws"), true).unwrap();
    submodule.clone(None).unwrap();
    submodule.add_finalize().unwrap();
    commit(&repository);
    fs::write(folder.path().join("ws/b"), "2").unwrap();
    let data = answer(folder.path(), "changes", &json!({})).unwrap().data.unwrap();
    assert_eq!((&data["submodules"], &data["files"]), (&json!(["ws"]), &json!([{"path": "ws", "status": "modified"}])));
}

#[test]
fn the_index_is_only_read() {
    let (folder, _repository) = repository(&[("a", "1")]);
    fs::write(folder.path().join("a"), "2").unwrap();
    let index = || fs::read(folder.path().join(".git/index")).unwrap();
    let before = index();
    answer(folder.path(), "changes", &json!({})).unwrap();
    assert_eq!(index(), before);
}
