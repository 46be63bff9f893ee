//! Processes end in time, whatever they do.

use super::super::{Invocation, command, invoke};
use super::*;
use expect_test::{Expect, expect};
use tempfile::TempDir;

#[track_caller]
fn check(line: &str, expect: Expect) {
    let folder = TempDir::new().unwrap();
    let exit = command(folder.path(), line, Duration::from_secs(20), &Cancel::default()).unwrap();
    expect.assert_eq(&format!("{:?} {:?} {:?}", exit.code, exit.signal, exit.output));
}

/// Runs a command that must be stopped after half a second; returns how it ended and how long that took.
fn stopped(line: &str) -> (Result<super::super::Exit, Fault>, Duration) {
    let folder = TempDir::new().unwrap();
    let begun = Instant::now();
    (command(folder.path(), line, Duration::from_millis(500), &Cancel::default()), begun.elapsed())
}

fn lives(pid: &str) -> bool {
    nix::sys::signal::kill(Pid::from_raw(pid.trim().parse().unwrap()), None).is_ok()
}

#[test]
fn both_streams_come_in_order_with_how_it_ended() {
    check("echo a; echo b >&2; echo c", expect![[r#"Some(0) None "a\nb\nc\n""#]]);
    check("exit 3", expect![[r#"Some(3) None """#]]);
    check("kill -9 $$", expect![[r#"None Some(9) """#]]);
    check("cat", expect![[r#"Some(0) None """#]]);
    check("nosuchcommand", expect![[r#"Some(127) None "/bin/sh: 1: nosuchcommand: not found\n""#]]);
    check("printf 'caf\\351'", expect![[r#"Some(0) None "caf�""#]]);
}

#[test]
fn endless_output_is_cut_in_the_middle() {
    let folder = TempDir::new().unwrap();
    let line = "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last";
    let exit = command(folder.path(), line, Duration::from_secs(60), &Cancel::default()).unwrap();
    assert!(exit.output.starts_with("first\nxxx") && exit.output.ends_with("xxx\nlast\n"));
    assert!(exit.output.contains("bytes cut ...]") && exit.output.len() < TEXT + 100);
}

#[test]
fn a_command_that_ignores_the_end_signal_is_killed() {
    let (ended, took) = stopped("trap '' TERM; while :; do sleep 0.05; done");
    assert_eq!(ended, Err(Fault::TimedOut));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_daemon_that_holds_the_pipe_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let begun = Instant::now();
    let exit = command(folder.path(), "setsid sleep 30 & echo $!", Duration::from_secs(20), &Cancel::default()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    nix::sys::signal::kill(Pid::from_raw(exit.output.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
}

#[test]
fn what_stays_in_the_group_ends_with_the_command() {
    let folder = TempDir::new().unwrap();
    let exit = command(folder.path(), "sleep 30 & echo $!", Duration::from_secs(20), &Cancel::default()).unwrap();
    let gone = Instant::now() + Duration::from_secs(5);
    // The killed process stays visible until its new parent reaps it.
    while lives(&exit.output) && !is_zombie(exit.output.trim()) {
        assert!(Instant::now() < gone, "process {} lives on", exit.output);
        thread::yield_now();
    }
}

fn is_zombie(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[test]
fn a_cancellation_ends_a_running_command_at_once() {
    let folder = TempDir::new().unwrap();
    let cancel = Cancel::default();
    let fifo = folder.path().join("started");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let other = cancel.clone();
    let canceller = thread::spawn(move || {
        // Opening blocks until the command opens the other end: it runs now.
        drop(std::fs::read(fifo));
        other.cancel();
        Instant::now()
    });
    let ended = command(folder.path(), "echo > started; sleep 30", Duration::from_secs(20), &cancel);
    assert_eq!(ended, Err(Fault::Cancelled));
    assert!(canceller.join().unwrap().elapsed() < Duration::from_secs(2));
    assert_eq!(command(folder.path(), "echo never", Duration::from_secs(1), &cancel), Err(Fault::Cancelled));
}

#[test]
fn exec_says_how_the_command_ended() {
    let folder = TempDir::new().unwrap();
    let check = |args: &str, expect: Expect| {
        let call = Invocation {
            root: folder.path(),
            tool: "exec",
            args: args.as_bytes(),
            timeout: Duration::from_secs(20),
            cancel: &Cancel::default(),
            code: None,
        };
        let answer = invoke(&call).unwrap();
        expect.assert_eq(&format!("{} {:?} {}", answer.ok, answer.text, answer.data.unwrap_or_default()));
    };
    check(r#"{"command":"echo hi"}"#, expect![[r#"true "hi\n[exit code 0]" {"code":0,"signal":null,"timed_out":false}"#]]);
    check(r#"{"command":"printf no; exit 2"}"#, expect![[r#"false "no\n[exit code 2]" {"code":2,"signal":null,"timed_out":false}"#]]);
    check(
        r#"{"command":"echo begun; sleep 30","timeout_s":1}"#,
        expect![[
            r#"false "begun\n[stopped after 1 s; give it more with timeout_s, or run less]" {"code":null,"signal":15,"timed_out":true}"#
        ]],
    );
    check(
        r#"{"command":"a\u0000b"}"#,
        expect![[r#"false "the argument \"command\" holds a NUL byte, which no shell accepts; leave it out" null"#]],
    );
}
