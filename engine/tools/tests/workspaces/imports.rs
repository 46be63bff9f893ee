//! Diffs that real git applies, and imports that are all or nothing.

use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect;
use naestro_kernel::FailureKind;

use crate::project::{LEVELS, Project, sh};

const SCRIPT: &str =
    "seq 1 30 > text; printf 'no newline' > bare; printf '\\000\\001\\002' > binary; echo gone > gone; echo mode > mode; ln -s text link
    mkdir -p 'with space' deep/er; echo s > 'with space/a b'; echo d > deep/er/d; : > was-empty; printf q > 'quo\"te'; echo t > turns";

const CHANGE: &str = "sed -i 's/^15$/fifteen/' text; printf 'still none' > bare; printf '\\000\\003' > binary; rm gone; chmod +x mode; ln -sfn bare link
    echo more >> 'with space/a b'; rm -r deep; echo now > deep; echo full > was-empty; echo n > new; : > new-empty; : > 'new e'; printf '\\377\\000' > new-binary
    echo z >> 'quo\"te'; echo u > '\u{fc}mlaut'; rm turns; ln -s text turns; mkdir x; echo x > x/x; chmod +x x/x; printf b > \"$(printf 'byte\\377')\"";

#[test]
fn git_applies_the_diff_and_gets_the_same_tree() {
    for plain in LEVELS {
        let project = Project::committed(plain, SCRIPT);
        let (run, base) = project.open(1);
        let tree = run.change(CHANGE);
        let (patch, paths) = run.diff(base, tree);
        let aside = Project::new(false, &format!("cp -a {}/. .", project.path().display()));
        std::fs::write(aside.home().join("patch"), &patch).unwrap();
        aside.sh(&format!("git update-index -q --refresh; git apply --index {}/patch", aside.home().display()));
        let state =
            "find . -name .git -prune -o -type f -printf '%P %m ' -exec sha256sum {} \\; -o -type l -printf '%P %l\\n' | LC_ALL=C sort";
        assert_eq!(aside.sh(state), run.sh(state).0);
        assert_eq!(paths.len(), 19, "{paths:?}");
        assert!(paths.contains(&"byte%FF".to_owned()), "{paths:?}");
        assert_eq!(run.diff(base, base), (Vec::new(), Vec::new()));
    }
}

#[test]
fn a_diff_reads_as_gits() {
    let project = Project::committed(false, "printf 'a\\nb\\n' > f; echo gone > 'g g'");
    let (run, base) = project.open(1);
    let tree = run.change("printf 'a\\nc' > f; rm 'g g'; echo n > n; chmod +x n");
    expect![[r#"
        diff --git a/f b/f
        index 422c2b7ab3b3c668038da977e4e93a5fc623169c..817f660e4423f7df2dfc7d4bff0e01b2092a8ce9
        --- a/f
        +++ b/f
        @@ -1,2 +1,2 @@
         a
        -b
        +c
        \ No newline at end of file
        diff --git a/g g b/g g
        deleted file mode 100644
        index 286c5f5776916d7d7d5849988ca9d83e722cf9c2..0000000000000000000000000000000000000000
        --- a/g g	
        +++ /dev/null
        @@ -1 +0,0 @@
        -gone
        diff --git a/n b/n
        new file mode 100755
        index 0000000000000000000000000000000000000000..8ba3a16384aacc37d01564b28401755ce8053f51
        --- /dev/null
        +++ b/n
        @@ -0,0 +1 @@
        +n
    "#]]
    .assert_eq(&String::from_utf8_lossy(&run.diff(base, tree).0));
}

#[test]
fn an_import_brings_exactly_the_difference() {
    for plain in LEVELS {
        let project = Project::committed(plain, SCRIPT);
        let (run, base) = project.open(1);
        let tree = run.change(CHANGE);
        let (_, paths) = run.diff(base, tree);
        project.sh("echo user > users-own; chmod 600 text");
        assert_eq!(run.import(base, tree), Ok(u32::try_from(paths.len()).unwrap()));
        let state = "find . -name .git -prune -o -name users-own -o -name text -o -type f -printf '%P %m ' -exec sha256sum {} \\; -o -type l -printf '%P %l\\n' | LC_ALL=C sort";
        assert_eq!(project.sh(state), run.sh(state).0);
        assert_eq!(project.sh("cat users-own; sed -n 15p text; ls -A | grep naestro || true"), "user\nfifteen\n");
        assert_eq!(project.path().join("text").metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(run.import(base, tree), Ok(u32::try_from(paths.len()).unwrap()), "a second time nothing is left to do");
    }
}

#[track_caller]
fn check_refused(change: &str, meanwhile: &str, named: &str) {
    let project = Project::committed(false, "echo a > a; echo b > b; mkdir d; echo x > d/x");
    let (run, base) = project.open(1);
    let tree = run.change(change);
    project.sh(meanwhile);
    let state = "find . -name .git -prune -o -type f -print -exec cat {} \\; -o -type l -print | LC_ALL=C sort";
    let before = project.sh(state);
    let failure = run.import(base, tree).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert_eq!(failure.message, format!("import into files that were changed meanwhile: {named}"));
    assert_eq!(project.sh(state), before);
}

#[test]
fn an_import_over_the_users_own_changes_is_refused_and_nothing_is_written() {
    check_refused("echo agent > a; echo agent > b", "echo user > b", "b");
    check_refused("echo agent > a; rm b", "echo user > b", "b");
    check_refused("echo agent > a; echo agent > new", "echo user > new", "new");
    check_refused("echo agent > a; echo agent > b", "rm b", "b");
    check_refused("echo agent > a; rm -r d; echo f > d", "echo user > d/own", "d");
    check_refused("echo agent > a; echo agent > b", "chmod +x b", "b");
}

/// Has the script run in the folder once `content` is about to be staged after others.
fn while_staging(project: &Project, content: &[u8], script: &str) {
    let (folder, script) = (project.path().to_owned(), format!("ls .naestro-*-[01] > /dev/null 2>&1 || exit 0; {script}; echo done"));
    project.contents().meanwhile(content, move || sh(&folder, &script).ends_with("done\n"));
}

#[test]
fn what_the_user_changes_while_an_import_is_under_way_is_kept_and_the_rest_is_put_back() {
    for meanwhile in ["echo user > b", "rm b", "chmod +x b", "echo user > new", "mkdir new; echo user > new/x", "echo user > gone"] {
        let project = Project::committed(false, "echo a > a; echo b > b; echo gone > gone");
        let (run, base) = project.open(1);
        let tree = run.change("echo agent > a; echo agent > b; echo agent-new > new; rm gone");
        while_staging(&project, b"agent-new\n", meanwhile);
        let failure = run.import(base, tree).unwrap_err();
        assert!(failure.message.starts_with("import into files that were changed meanwhile: "), "{meanwhile}: {failure:?}");
        let state = "find . -name .git -prune -o -type f -printf '%P %m ' -exec cat {} \\; | LC_ALL=C sort";
        let expect = Project::committed(false, &format!("echo a > a; echo b > b; echo gone > gone; {meanwhile}"));
        assert_eq!(project.sh(state), expect.sh(state), "{meanwhile}");
    }
}

#[test]
fn what_an_interrupted_import_left_goes_with_the_next_run_or_import() {
    let project = Project::committed(false, "echo a > a; echo b > b");
    let (run, base) = project.open(1);
    let tree = run.change("echo agent > a; echo agent-b > b");
    // The staged file is kept under another number, as if that import had been killed.
    let keep = "for staged in .naestro-*-0; do cp $staged ${staged%0}7; done; touch .naestro-0123456789abcdef-3";
    let interrupt = || {
        while_staging(&project, b"agent-b\n", &format!("{keep}; echo user > b"));
        run.import(base, tree).unwrap_err();
        assert_eq!(project.sh("ls -A | grep -c naestro; echo b > b"), "2\n");
    };
    interrupt();
    let (other, _) = project.open(2);
    assert_eq!(other.sh("ls -A | grep naestro").0, ".naestro-0123456789abcdef-3\n");
    assert_eq!(project.sh("ls -A | grep naestro"), ".naestro-0123456789abcdef-3\n", "another's is left alone");
    interrupt();
    assert_eq!(run.import(base, tree), Ok(2));
    assert_eq!(project.sh("ls -A | grep naestro; cat a b"), ".naestro-0123456789abcdef-3\nagent\nagent-b\n");
}

#[test]
fn an_import_follows_no_link_out_of_the_folder() {
    let project = Project::committed(false, "mkdir d; echo x > d/x");
    let (run, base) = project.open(1);
    let tree = run.change("echo agent > d/x; echo agent > d/y");
    let outside = tempfile::tempdir().unwrap();
    sh(outside.path(), "echo x > x");
    project.sh(&format!("rm -r d; ln -s {} d", outside.path().display()));
    let failure = run.import(base, tree).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Permanent, "{failure:?}");
    assert_eq!(sh(outside.path(), "cat *"), "x\n");
}

#[test]
fn an_import_that_fails_half_way_puts_everything_back_and_can_be_repeated() {
    let project = Project::committed(false, "echo a > a; mkdir d; echo z > d/z");
    let (run, base) = project.open(1);
    let tree = run.change("echo agent > a; rm -r d; mkdir z; echo new > z/z");
    // The folder `z` cannot be made: something that is no folder, and no file of a tree, has its name.
    project.sh("mkfifo z");
    run.import(base, tree).unwrap_err();
    assert_eq!(project.sh("cat a d/z; ls -A"), "a\nz\n.git\na\nd\nz\n");
    project.sh("rm z");
    assert_eq!(run.import(base, tree), Ok(3));
    assert_eq!(project.sh("cat a z/z; ls -A"), "agent\nnew\n.git\na\nz\n");
}
