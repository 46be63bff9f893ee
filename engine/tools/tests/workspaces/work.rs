//! What a workspace does: it keeps the run and the user apart, remembers, returns, and ends with all its processes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use naestro_kernel::{FailureKind, ToolAccess};

use crate::project::{LEVELS, Project, Run};

#[test]
fn the_user_and_the_run_do_not_see_each_others_edits() {
    for plain in LEVELS {
        let project = Project::committed(plain, "echo old > in-place; echo old > atomic; echo old > mine");
        let (run, _) = project.open(1);
        project.sh("echo new >> in-place; echo new > .tmp; mv .tmp atomic; echo u > users");
        run.change("echo agent > mine; echo agent > agents");
        assert_eq!(run.sh("cat in-place atomic mine; ls").0, "old\nold\nagent\nagents\natomic\nin-place\nmine\n");
        assert_eq!(project.sh("cat in-place atomic mine; ls"), "old\nnew\nnew\nold\natomic\nin-place\nmine\nusers\n");
    }
}

#[test]
fn an_overlay_is_seen_at_the_folders_own_path_and_says_so() {
    let project = Project::committed(false, "echo a > a");
    let (run, _) = project.open(1);
    if is_overlaid(&project, &run) {
        assert_eq!(run.sh("pwd").0.trim(), project.path().canonicalize().unwrap().to_str().unwrap());
    }
    let plain = Project::committed(true, "echo a > a");
    let level = plain.wait(plain.run(1).desk.open(None, None)).unwrap().level;
    assert_eq!(level, "plain copy (asked for); view only, not confined");
}

#[test]
fn a_checkpoint_is_made_only_when_the_tree_changed() {
    for plain in LEVELS {
        let project = Project::committed(plain, "echo a > a; echo '*.log' > .gitignore; mkdir d; echo x > d/x");
        let (run, base) = project.open(1);
        assert_eq!(run.sh("cat a").1, None);
        assert_eq!(run.sh("echo i > i.log; mkdir empty; touch a").1, None);
        let changed = run.change("echo b > a");
        assert_eq!(run.sh("echo b > a").1, None);
        assert_ne!(run.change("chmod +x a"), changed);
        assert_eq!(run.change("rm a; rm -r d; printf 'a\\n' > a; mkdir d; echo x > d/x"), base);
    }
}

#[test]
fn a_workspace_returns_to_any_checkpoint() {
    for plain in LEVELS {
        let project = Project::committed(plain, "echo a > a; ln -s a l; mkdir d; echo x > d/x; echo y > d/y; echo '*.log' > .gitignore");
        let (run, base) = project.open(1);
        let state = "find . -name .git -prune -o -type f -printf '%P %m ' -exec cat {} \\; -o -type l -printf '%P %l\\n' | LC_ALL=C sort";
        let steps = [
            "echo b > a; rm l; echo new > n; chmod +x a",
            "rm -r d; echo file > d; ln -s n l",
            "rm d n; mkdir -p n/n; echo deep > n/n/n; ln -s /tmp d",
            "rm d; mkdir d; echo z > d/z; mv n m; echo '*.o' > .gitignore; echo o > o.o; echo l > l.log",
        ];
        let mut seen = vec![(base, run.sh(state).0)];
        seen.extend(steps.iter().map(|step| (run.change(step), run.sh(state).0)));
        run.sh("rm -f o.o");
        let newest = seen.pop().unwrap();
        for (tree, was) in seen.iter().chain(seen.iter().rev()) {
            run.open(None, Some(*tree)).unwrap();
            assert_eq!(run.sh(state).0.replace("l.log 644 l\n", ""), *was, "at level {plain}");
            assert_eq!(run.sh("true").1, None);
        }
        run.open(None, Some(newest.0)).unwrap();
        assert_eq!(run.sh("cat m/n/n d/z").0, "deep\nz\n");
    }
}

#[test]
fn a_lost_run_is_taken_up_again_though_the_user_went_on() {
    for plain in LEVELS {
        let project = Project::committed(plain, "echo a > a; echo b > b");
        let (lost, base) = project.open(1);
        let tree = lost.change("echo agent > a");
        drop(lost);
        project.sh("echo user > b; rm a");
        let again = project.run(1);
        assert_eq!(again.open(Some(base), Some(tree)), Ok(base));
        assert_eq!(again.sh("cat a b").0, "agent\nb\n");
    }
}

#[test]
fn a_check_leaves_the_tree_as_it_was() {
    for plain in LEVELS {
        let project = Project::committed(plain, "echo a > a");
        let (run, _) = project.open(1);
        let tree = run.change("echo b > a");
        let checked = project.wait(run.desk.check("cat a; echo c > a; echo junk > junk; exit 3", Some(tree))).unwrap();
        assert!(!checked.passed);
        assert_eq!(checked.output.text.text(), "b\nexit code 3");
        assert_eq!(run.sh("cat a; ls").0, "b\na\n");
        assert!(project.wait(run.desk.check("grep -q b a", None)).unwrap().passed);
        assert_eq!(run.sh("cat a").0, "a\n");
    }
}

#[test]
fn builds_go_on_from_the_users_own_and_do_not_get_into_them() {
    let project = Project::committed(false, "echo /target > .gitignore; mkdir target; echo built > target/product");
    let (run, _) = project.open(1);
    if !is_overlaid(&project, &run) {
        return;
    }
    assert_eq!(run.sh("cat target/product; echo more > target/product; echo x > target/x").1, None);
    assert_eq!(project.sh("cat target/*"), "built\n");
    let (other, _) = project.open(2);
    assert_eq!(other.sh("ls target; cat target/product").0, "product\nbuilt\n");
}

#[test]
fn git_works_inside_and_does_not_reach_the_users_repository() {
    let project = Project::committed(false, "echo a > a");
    let (run, _) = project.open(1);
    if !is_overlaid(&project, &run) {
        return;
    }
    run.sh("echo b > a; git -c safe.directory='*' -c user.name=t -c user.email=t@example.invalid commit -qam inside; git -c safe.directory='*' log --format=%s > log");
    assert_eq!(run.sh("cat log").0, "inside\nbase\n");
    assert_eq!(project.sh("git log --format=%s; git status --short"), "base\n");
}

#[test]
fn no_credential_reaches_a_command() {
    let project = Project::committed(false, "echo a > a");
    let (run, _) = project.open(1);
    let environment = run.sh("env").0;
    let inside = format!("\nNAESTRO_INSIDE={}", project.path().canonicalize().unwrap().display());
    assert!(environment.contains(&inside), "{environment}");
    assert!(!environment.contains("_TOKEN=") && !environment.contains("_KEY="), "{environment}");
    assert!(!environment.contains("CARGO_PKG_NAME="), "{environment}");
}

#[test]
fn a_permit_for_one_effect_is_not_good_for_another() {
    use crate::support::permit;
    use naestro_policy::effect::{Diff, Effect};
    use naestro_policy::port::Workspaces as _;
    let project = Project::committed(false, "echo a > a");
    let (run, base) = project.open(1);
    let tree = run.change("echo b > a");
    let policies = naestro_policy::Policies::built_in().unwrap();
    let other = permit(&policies, run.desk.run, &Effect::Diff(Diff { base, tree: base }));
    let failure = project.wait(run.desk.spaces.diff(other, Diff { base, tree })).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.message.starts_with("use a permit for"), "{failure:?}");
}

#[test]
fn what_cannot_be_opened_says_why() {
    let project = Project::committed(false, "echo a > a");
    let run = project.run(1);
    let failure = project.wait(run.desk.exec("true")).unwrap_err();
    assert!(failure.message.starts_with("find an open workspace of run"), "{failure:?}");
    let failure = run.open(Some(naestro_kernel::Digest([1; 32])), None).unwrap_err();
    assert!(failure.message.starts_with("find the tree 0101"), "{failure:?}");
    let (_held, _) = project.open(2);
    let failure = project.run(2).open(None, None).unwrap_err();
    assert_eq!(failure.hint, "another process has it open; end that one first");
}

#[test]
fn a_command_that_takes_too_long_or_is_dropped_is_stopped() {
    for plain in LEVELS {
        let project = Project::committed(plain, "echo a > a");
        let (run, _) = project.open(1);
        let begun = Instant::now();
        let pid = project.home().join("pid");
        let args = format!(r#"{{"command":"echo $$ > {}; echo half > a; sleep 1000"}}"#, pid.display());
        let failure = project.wait(run.desk.call("exec", ToolAccess::Write, &args, 500)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::TimedOut);
        assert_eq!(run.sh("cat a").0, "a\n", "a call that fails leaves the tree as it was");
        let dropped = project.wait(async { tokio::time::timeout(Duration::from_millis(200), run.desk.exec("sleep 1000")).await });
        assert!(dropped.is_err());
        run.sh("true");
        assert!(!is_alive(fs::read_to_string(pid).unwrap().trim()));
        assert!(begun.elapsed() < Duration::from_secs(20), "the next call waited for the one that was dropped");
    }
}

#[test]
fn reads_go_on_beside_each_other() {
    let project = Project::committed(false, "echo a > a; echo b > b");
    let (run, _) = project.open(1);
    let read = |path: &str| {
        let (desk, args) = (run.desk.clone(), format!(r#"{{"path":"{path}"}}"#));
        async move { desk.call("read", ToolAccess::Read, &args, 10_000).await.unwrap().ok }
    };
    let all = async { tokio::join!(read("a"), read("b"), read("a"), read("no-such-file")) };
    assert_eq!(project.wait(all), (true, true, true, false));
}

#[test]
fn closing_leaves_no_process_and_no_file() {
    use naestro_policy::port::Workspaces as _;
    for plain in LEVELS {
        let project = Project::committed(plain, "echo a > a; mkdir locked; echo x > locked/x");
        let (run, _) = project.open(1);
        let pids = run.sh("setsid sleep 1000 > /dev/null 2>&1 & echo $!; mkdir no; chmod 0 no; chmod 0 locked").0;
        project.wait(run.desk.spaces.close(run.desk.run));
        assert!(!is_alive(pids.trim()), "{pids}");
        assert_eq!(fs::read_dir(project.home().join("attempts")).unwrap().count(), 0);
    }
}

#[test]
fn what_outlives_the_hands_is_ended_before_others_take_their_place() {
    for plain in LEVELS {
        let project = Project::committed(plain, "echo a > a");
        let (run, _) = project.open(1);
        let pid = project.home().join("pid");
        let write = "while :; do echo more >> a; done";
        // In an overlay one with another environment is known, too.
        let environment = if !plain && is_overlaid(&project, &run) { "env -i" } else { "" };
        let command = format!("for n in 1 2; do {environment} setsid sh -c '{write}' & echo $! >> MARK; done; kill -9 $PPID; wait");
        project.wait(run.desk.exec(&command.replace("MARK", pid.to_str().unwrap()))).unwrap_err();
        let left = fs::read_to_string(&pid).unwrap();
        assert_eq!(left.lines().count(), 2);
        assert!(!left.lines().any(is_alive), "{left} at level {plain}");
        assert_eq!(run.sh("cat a; ls").0, "a\na\n");
    }
}

#[test]
fn a_killed_main_process_leaves_no_process() {
    let project = Project::committed(false, "echo a > a");
    let mut host = Command::new(env!("CARGO_BIN_EXE_hands"));
    let mut host = host.arg("host").args([project.home(), project.path()]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "open\n");
    let marker = project.home().join("running");
    wait_until(Duration::from_secs(20), || marker.exists());
    let pid = fs::read_to_string(&marker).unwrap();
    assert!(is_alive(pid.trim()));
    host.kill().unwrap();
    let killed = Instant::now();
    host.wait().unwrap();
    wait_until(Duration::from_secs(5), || !is_alive(pid.trim()));
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    // What it left on the disk goes when the next run opens a workspace; its base tree is remembered.
    project.open(2);
    let left: Vec<_> = fs::read_dir(project.home().join("attempts").join("09090909-0909-0909-0909-090909090909")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// Whether the workspace is an overlay. Where the machine refuses namespaces, what only an overlay does is not tested, and
/// this says so.
fn is_overlaid(project: &Project, run: &Run<'_>) -> bool {
    let level = project.wait(run.desk.open(None, None)).unwrap().level;
    let is = level.starts_with("overlay");
    if !is {
        eprintln!("SKIPPED: {level}");
    }
    is || std::env::var_os("NAESTRO_REQUIRE_OVERLAY").is_some_and(|_| panic!("{level}"))
}

fn is_alive(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[track_caller]
fn wait_until(limit: Duration, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < limit, "it did not come about in {limit:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
