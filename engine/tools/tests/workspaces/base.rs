//! What a base tree holds.

use expect_test::{Expect, expect};
use naestro_policy::port::Contents as _;

use crate::project::{LEVELS, Project};

/// Checks what is seen in a workspace of the project: every file but git's own, with what it holds or points to.
#[track_caller]
fn check(project: &Project, expect: &Expect) {
    let (run, _) = project.open(1);
    let list = "find . -name .git -prune -o \\( -type f -printf '%P %m\\n' \\) -o -type l -printf '%P -> %l\\n' | LC_ALL=C sort";
    expect.assert_eq(&run.sh(list).0);
}

#[test]
fn tracked_and_untracked_files_are_there_and_ignored_ones_are_not() {
    for plain in LEVELS {
        let project = Project::committed(
            plain,
            "printf '*.log\\n/out/\\n!keep.log\\n' > .gitignore; mkdir -p out sub/deep; echo t > tracked; echo l > tracked.log; echo o > out/o
             git add -f tracked.log; printf 'deep/*\\n!deep/kept\\n' > sub/.gitignore; echo k > sub/deep/kept; echo n > sub/deep/not",
        );
        project.sh("echo u > untracked; echo i > ignored.log; echo k > keep.log; rm tracked; chmod +x untracked");
        check(
            &project,
            &expect![[r#"
            .gitignore 644
            keep.log 644
            sub/.gitignore 644
            sub/deep/kept 644
            tracked.log 644
            untracked 755
        "#]],
        );
    }
}

#[test]
fn folders_that_are_no_repository_have_no_commit_or_lie_inside_one_work() {
    for plain in LEVELS {
        let none = Project::new(plain, "echo a > a; echo '*.o' > .gitignore; touch b.o");
        check(
            &none,
            &expect![[r#"
            .gitignore 644
            a 644
        "#]],
        );
        let empty = Project::new(plain, "git init -q .; echo a > a");
        check(
            &empty,
            &expect![[r#"
            a 644
        "#]],
        );
    }
}

#[test]
fn links_odd_names_and_submodules_are_as_they_are() {
    for plain in LEVELS {
        let script = "ln -s a link; ln -s /nowhere out; ln -s . dir; echo 1 > 'a b%41'; printf 2 > \"$(printf 'new\\nline')\"; printf 3 > \"$(printf 'byte\\377')\"";
        let project = Project::committed(plain, script);
        project.sh(
            "mkfifo pipe; git init -q nested; cd nested; echo '*.x' > .gitignore; echo x > f.x; echo s > s; git add -f s f.x; git commit -qm n; echo y > g.x",
        );
        let (run, _) = project.open(1);
        let list = "find . -name .git -prune -o -type f -print0 -o -type l -print0 | LC_ALL=C sort -z | tr '\\0\\377\\n' '|Z_'";
        expect!["./a b%41|./byteZ|./dir|./link|./nested/.gitignore|./nested/f.x|./nested/s|./new_line|./out|"]
            .assert_eq(run.sh(list).0.trim_end());
        assert_eq!(run.sh("readlink link out").0, "a\n/nowhere\n");
    }
}

#[test]
fn a_worktree_and_a_shallow_clone_work() {
    for plain in LEVELS {
        let origin = Project::committed(plain, "echo one > f");
        let url = format!("file://{}", origin.path().display());
        let shallow = Project::new(plain, &format!("git clone -q --depth 1 {url} . 2>&1"));
        let (run, _) = shallow.open(1);
        assert_eq!(run.sh("cat f").0, "one\n");
        let worktree = Project::new(plain, "");
        origin.sh(&format!("git worktree add -q -f {}/w", worktree.path().display()));
        worktree.sh("mv w/* w/.git . && rmdir w");
        origin.sh(&format!("git worktree repair {}", worktree.path().display()));
        let (run, _) = worktree.open(1);
        assert_eq!(run.sh("cat f").0, "one\n");
        if !plain {
            run.sh(
                "echo two > f; git log --format=%s | grep -q base && git -c user.name=t -c user.email=t@example.invalid commit -qam inside",
            );
            assert_eq!(worktree.sh("git log --format=%s; git status --short"), "base\n");
        }
    }
}

#[test]
fn an_unchanged_folder_has_the_same_tree_and_its_times() {
    for plain in LEVELS {
        let project = Project::committed(plain, "echo a > a; touch -d '2001-02-03 04:05:06.789' a; ln -s a b");
        let (first, base) = project.open(1);
        assert_eq!(first.sh("stat -c %y a").0, project.sh("stat -c %y a"));
        assert_eq!(project.open(2).1, base);
        project.sh("echo b > a");
        assert_ne!(project.open(3).1, base);
    }
}

#[test]
fn a_tree_says_what_it_holds() {
    let project = Project::committed(false, "printf hello > a; touch -d '1970-01-01 00:00:01 UTC' a; chmod +x a");
    let (run, base) = project.open(1);
    let manifest = project.contents().get(&base).unwrap();
    drop(run);
    expect![[r#"
        naestro-tree 1
        100755 ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f 5 1000000000 a
    "#]]
    .assert_eq(&String::from_utf8(manifest).unwrap());
}
