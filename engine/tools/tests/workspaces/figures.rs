//! Figures, printed on request: `cargo test -p naestro-tools --test workspaces figures -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use naestro_kernel::ToolAccess;

use crate::project::Project;

#[test]
#[ignore = "prints figures; asserts nothing about time"]
fn figures() {
    let script = "for d in $(seq 20); do mkdir d$d; for f in $(seq 50); do seq $f 200 > d$d/f$f; done; done; echo a > a";
    for plain in [false, true] {
        let project = Project::committed(plain, script);
        let mut opened = Vec::new();
        for number in 1..=10 {
            let run = project.run(number);
            opened.push(timed(|| assert!(run.open(None, None).is_ok())));
        }
        let (run, base) = project.open(100);
        let starts = median((0..20).map(|_| timed(|| hands_start_and_end(&project))));
        let read = || project.wait(run.desk.call("read", ToolAccess::Read, r#"{"path":"a"}"#, 1000)).unwrap().ok;
        let reads = median((0..200).map(|_| timed(|| assert!(read()))));
        let execs = median((0..50).map(|_| timed(|| assert_eq!(run.sh("true").1, None))));
        let changes = median((0..50).map(|index| timed(|| assert_ne!(run.change(&format!("echo {index} > a")), base))));
        let first = opened[0];
        let again = median(opened.into_iter().skip(1));
        let level = project.wait(run.desk.open(None, None)).unwrap().level;
        eprintln!(
            "{level}, 1001 files: first open {first:?}, again {again:?}, hands alone {starts:?}, read {reads:?}, exec {execs:?}, exec + checkpoint {changes:?}"
        );
    }
}

/// Starts the executable as hands with nothing to say to it, and waits for its end: what a spawn costs without a view.
fn hands_start_and_end(project: &Project) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    drop(ours);
    let mut hands = std::process::Command::new(env!("CARGO_BIN_EXE_hands"));
    let theirs = std::os::fd::OwnedFd::from(theirs);
    hands.arg("hands").env_clear().current_dir(project.home()).stdin(theirs).status().unwrap();
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort();
    times[times.len() / 2]
}
