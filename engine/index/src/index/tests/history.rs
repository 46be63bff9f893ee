//! What git remembers, by real repositories.

use expect_test::expect;
use git2::{IndexAddOption, Oid, Repository, Signature, Time};
use naestro_kernel::code::Fault;

use super::Bench;
use crate::facts::History as _;
use crate::history::Past;

struct Git(Repository);

impl Git {
    fn new(bench: &Bench) -> Self {
        Self(Repository::init(bench.root()).unwrap())
    }

    fn commit(&self, title: &str) -> Oid {
        let parent = self.0.head().ok().map(|head| head.peel_to_commit().unwrap());
        self.commit_on(title, &parent.iter().collect::<Vec<_>>())
    }

    fn commit_on(&self, title: &str, parents: &[&git2::Commit<'_>]) -> Oid {
        let mut index = self.0.index().unwrap();
        index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = self.0.find_tree(index.write_tree().unwrap()).unwrap();
        let at = parents.iter().map(|parent| parent.time().seconds()).max().unwrap_or(0) + 60;
        let who = Signature::new("Ada", "ada@example.org", &Time::new(at, 0)).unwrap();
        self.0.commit(Some("HEAD"), &who, &who, title, &tree, parents).unwrap()
    }
}

fn letters(letters: &str) -> String {
    letters.chars().map(|c| format!("{c}\n")).collect()
}

fn titles(past: &Past<'_>, path: &str, lines: (u32, u32)) -> Result<String, Fault> {
    Ok(past.commits(path, lines, 10)?.into_iter().map(|commit| commit.title).collect::<Vec<_>>().join(", "))
}

fn told(bench: &Bench) -> Git {
    let git = Git::new(bench);
    for (title, text) in [("begins", "abcdef"), ("capital C", "abCdef"), ("more before", "xyabCdef"), ("capital F", "xyabCdeF")] {
        bench.write("a.txt", letters(text));
        git.commit(title);
    }
    git
}

#[test]
fn commits_that_changed_lines() {
    let bench = Bench::new(&[]);
    let _git = told(&bench);
    let changed = |lines| bench.ask(move |_, past| titles(past, "a.txt", lines));
    assert_eq!(changed((5, 5)), "capital C, begins");
    assert_eq!(changed((8, 8)), "capital F, begins");
    assert_eq!(changed((1, 2)), "more before");
    assert_eq!(changed((6, 7)), "begins");
    assert_eq!(changed((0, u32::MAX)), "capital F, more before, capital C, begins");
    bench.write("a.txt", letters("NEW!xyabCdeF"));
    assert_eq!(changed((9, 9)), "capital C, begins", "what is not committed moves the lines as well");
    assert_eq!(bench.ask(|_, past| titles(past, "gone.txt", (1, 1))), "");
}

#[test]
fn commits_of_a_merged_branch_count_and_the_merge_does_not() {
    let bench = Bench::new(&[("a.txt", "a\nb\nc\nd\n"), ("b.txt", "")]);
    let git = Git::new(&bench);
    let base = git.0.find_commit(git.commit("begins")).unwrap();
    bench.write("a.txt", "A\nb\nc\nd\n");
    let ours = git.0.find_commit(git.commit("ours")).unwrap();
    git.0.set_head_detached(base.id()).unwrap();
    bench.write("a.txt", "a\nb\nc\nD\n");
    let theirs = git.0.find_commit(git.commit_on("theirs", &[&base])).unwrap();
    git.0.set_head_detached(ours.id()).unwrap();
    bench.write("a.txt", "A\nb\nc\nD\n");
    git.commit_on("merge", &[&ours, &theirs]);
    assert_eq!(bench.ask(|_, past| titles(past, "a.txt", (1, 1))), "ours, begins");
    assert_eq!(bench.ask(|_, past| titles(past, "a.txt", (4, 4))), "theirs, begins");
}

#[test]
fn files_that_change_together() {
    let bench = Bench::new(&[("a.txt", "1"), ("b.txt", "1"), ("c.txt", "1")]);
    let git = Git::new(&bench);
    git.commit("begins");
    for turn in ["2", "3", "4"] {
        bench.write("a.txt", turn);
        bench.write("b.txt", turn);
        git.commit(turn);
    }
    let companions = |path: &'static str, limit| bench.ask(move |_, past| past.companions(path, limit));
    assert_eq!(companions("a.txt", 5), (vec![(String::from("b.txt"), 4), (String::from("c.txt"), 1)], 4));
    assert_eq!(companions("a.txt", 1), (vec![(String::from("b.txt"), 4)], 4));
    assert_eq!(companions("gone.txt", 1), (vec![], 0));
}

#[test]
fn another_head_has_another_history() {
    let bench = Bench::new(&[("a.txt", "1\n")]);
    let git = Git::new(&bench);
    let first = git.commit("first");
    bench.write("a.txt", "2\n");
    git.commit("second");
    assert_eq!(bench.ask(|_, past| titles(past, "a.txt", (1, 1))), "second, first");
    git.0.set_head_detached(first).unwrap();
    assert_eq!(bench.ask(|_, past| titles(past, "a.txt", (1, 1))), "first");
}

#[test]
fn bytes_and_commits_by_any_revision() {
    let bench = Bench::new(&[]);
    let git = told(&bench);
    let head = git.0.head().unwrap().peel_to_commit().unwrap();
    let first = bench.ask(|_, past| past.commit("HEAD~3"));
    assert_eq!((first.title.as_str(), first.author.as_str(), first.time, first.parent.as_deref()), ("begins", "Ada", 60, None));
    let last = bench.ask(|_, past| past.commit(&head.id().to_string()[..9]));
    assert_eq!(last.parent, Some(head.parent_id(0).unwrap().to_string()));
    assert_eq!(bench.ask(|_, past| past.bytes_in("HEAD~3", "a.txt")), Some(letters("abcdef").into_bytes()));
    assert_eq!(bench.ask(|_, past| past.bytes_in("HEAD~3", "gone.txt")), None);
    assert_eq!(bench.ask(|_, past| past.bytes("a.txt")), Some(letters("xyabCdeF").into_bytes()));
    assert_eq!(bench.ask(|_, past| past.bytes("../marker")), None);
    assert_eq!(bench.ask(|_, past| past.bytes("")), None);
    let unknown = bench.ask(|_, past| Ok(past.commit("no-such-branch")));
    assert!(matches!(unknown, Err(Fault::Unknown { what, .. }) if what == "a commit `no-such-branch`"));
}

#[test]
fn what_changed() {
    let bench = Bench::new(&[("sub/b.txt", "1"), ("gone.txt", "1")]);
    let git = told(&bench);
    assert_eq!(bench.ask(|_, past| past.changed(Some("HEAD"))), ["a.txt"]);
    assert_eq!(bench.ask(|_, past| past.changed(Some("HEAD~3"))), ["a.txt", "gone.txt", "sub/b.txt"]);
    assert!(bench.ask(|_, past| past.changed(None)).is_empty());
    bench.write("sub/b.txt", "2");
    bench.write("new/c.txt", "3");
    bench.remove("gone.txt");
    expect![["gone.txt new/c.txt sub/b.txt"]].assert_eq(&bench.ask(|_, past| past.changed(None)).join(" "));
    drop(git);
}

#[test]
fn a_folder_within_a_repository_has_its_part_of_the_history() {
    let bench = Bench::new(&[("lib/a.txt", "1\n"), ("other.txt", "1\n")]);
    let git = Git::new(&bench);
    git.commit("begins");
    bench.write("other.txt", "2\n");
    bench.write("lib/a.txt", "2\n");
    git.commit("changes");
    let lib = bench.root().join("lib");
    let patience = super::Patience::endless();
    let index = crate::Index::new(bench.home());
    let ask = index.ask(lib.to_str().unwrap(), &[], &patience, |_, past| {
        let bytes = past.bytes_in("HEAD~1", "a.txt")?;
        Ok((titles(past, "a.txt", (1, 1))?, past.companions("a.txt", 5)?, past.changed(Some("HEAD"))?, bytes))
    });
    let expected = (String::from("changes, begins"), (vec![], 2), vec![String::from("a.txt")], Some(b"1\n".to_vec()));
    assert_eq!(ask, Ok(expected));
}

#[test]
fn where_there_is_no_history() {
    let bench = Bench::new(&[("a.txt", "1\n")]);
    let nothing = |bench: &Bench| {
        assert_eq!(bench.ask(|_, past| titles(past, "a.txt", (1, 1))), "");
        assert_eq!(bench.ask(|_, past| past.companions("a.txt", 5)), (vec![], 0));
        assert!(matches!(bench.ask(|_, past| Ok(past.commit("HEAD"))), Err(Fault::Unknown { .. })));
    };
    nothing(&bench);
    assert!(bench.ask(|_, past| past.changed(None)).is_empty());
    let _git = Git::new(&bench);
    nothing(&bench);
    assert_eq!(bench.ask(|_, past| past.changed(None)), ["a.txt"]);
}
