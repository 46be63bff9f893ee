//! Several processes, one journal: they see each other's runs, and stop them; the end of the input is the end of the work.

use std::time::{Duration, Instant};

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Reply, Scenario, Scripted};
use nix::sys::signal::Signal;
use serde_json::json;

use super::models::{calls, says as model_says, slowly};
use super::naestro::{Naestro, eventually, is, path, says, text};
use super::rpc::Rpc;

/// A run that is busy with a command for as long as it takes to be stopped.
const BUSY: [&str; 6] = ["orchestrate", "wait", "--mode", "auto", "--unsandboxed", "--json"];

/// A model that runs a command which says that it has begun, and then waits for a minute.
fn waits(begun: &std::path::Path) -> Scenario {
    calls("exec", json!({ "command": format!("touch {}; sleep 60", begun.display()) }))
}

struct Busy {
    project: Project,
    outside: tempfile::TempDir,
    _model: Scripted,
    naestro: Naestro,
}

impl Busy {
    fn new() -> Self {
        let (project, outside) = (Project::plain(), tempfile::tempdir().unwrap());
        let model = Scripted::spawn(waits(&outside.path().join("begun")));
        let naestro = Naestro::new(&project).model(&model);
        Self { project, outside, _model: model, naestro }
    }

    fn until_busy(&self) {
        eventually(|| self.outside.path().join("begun").exists());
    }
}

#[test]
fn the_end_of_the_input_ends_a_busy_process_and_leaves_no_child() {
    let busy = Busy::new();
    let mut rpc = Rpc::start(&busy.naestro);
    let workspace = path(busy.project.root());
    let run = rpc.orchestrate(&json!({ "goal": "wait", "workspace": workspace, "mode": "auto", "unsandboxed": true }));
    busy.until_busy();
    let begun = Instant::now();
    rpc.going.end_input();
    assert!(rpc.going.ends_within(Duration::from_secs(5)), "still there");
    let gone = begun.elapsed();
    busy.naestro.alone(Duration::from_secs(5));
    println!("a busy process was gone {gone:?} after the end of its input, its last child after {:?}", begun.elapsed());
    let done = rpc.end().exits(0);
    says(&done.out, &["\"outcome\":\"suspended\""]);
    // Nothing is lost: the same command is run again, and can be ended for good.
    std::fs::remove_file(busy.outside.path().join("begun")).unwrap();
    let going = busy.naestro.start(["orchestrate", "--resume", &run, "--json"]);
    busy.until_busy();
    busy.naestro.run(["cancel", &run]).exits(0);
    assert_eq!(going.finish().exits(130).finished()["outcome"], "cancelled");
}

#[test]
fn an_idle_process_is_gone_at_once() {
    let naestro = Naestro::new(&Project::plain());
    let mut rpc = Rpc::start(&naestro);
    rpc.ask("naestro.trace", &json!({ "op": "list" }));
    let begun = Instant::now();
    rpc.going.end_input();
    assert!(rpc.going.ends_within(Duration::from_secs(5)), "still there");
    println!("an idle process was gone {:?} after the end of its input", begun.elapsed());
    rpc.end().exits(0);
}

#[test]
fn an_interrupt_suspends_and_the_run_can_go_on() {
    let busy = Busy::new();
    let going = busy.naestro.start(BUSY);
    busy.until_busy();
    going.signal(Signal::SIGINT);
    let done = going.finish().exits(4);
    assert_eq!(done.finished()["outcome"], "suspended");
    busy.naestro.alone(Duration::from_secs(5));
    let model = Scripted::spawn(calls("exec", json!({ "command": "true" })));
    std::fs::remove_file(busy.outside.path().join("begun")).unwrap();
    let naestro = busy.naestro.model(&model);
    let going = naestro.start(["orchestrate", "--resume", &done.run(), "--json"]);
    eventually(|| busy.outside.path().join("begun").exists());
    going.signal(Signal::SIGTERM);
    assert_eq!(going.finish().exits(4).finished()["outcome"], "suspended");
}

/// Whoever watches from another process sees the same events, as they come.
#[test]
fn another_process_sees_the_run_as_it_goes_on_and_cancels_it() {
    let busy = Busy::new();
    let mut going = busy.naestro.start(BUSY);
    let run = text(&going.until(is("started"))["run"]);
    let mut watcher = Rpc::start(&busy.naestro);
    let (mut next, mut seen) = (0, Vec::new());
    while !seen.iter().any(|event: &String| event.starts_with("intended") && event.contains("exec")) {
        let answer = watcher.ask("events.since", &json!({ "run": run, "since": next, "wait_ms": 10_000 }));
        let events = answer["events"].as_array().unwrap();
        assert!(!events.is_empty(), "nothing for 10 s; so far: {seen:#?}");
        seen.extend(events.iter().map(|event| format!("{} {}", text(&event["event"]), text(&event["text"]))));
        next = answer["next"].as_u64().unwrap();
    }
    busy.until_busy();
    let state = watcher.ask("state.get", &json!({ "run": run }));
    assert_eq!((&state["live"], &state["outcome"], &state["steps"][0]["state"]), (&json!(true), &json!(null), &json!("running")));
    watcher.ask("naestro.cancel", &json!({ "run": run }));
    let done = going.finish().exits(130);
    assert_eq!(done.finished()["outcome"], "cancelled");
    eventually(|| busy.naestro.trace(["show", &run])["state"]["live"] == false);
    let state = watcher.ask("state.get", &json!({ "run": run }));
    assert_eq!(state["outcome"], "cancelled");
    says(&watcher.fails("naestro.cancel", &json!({ "run": run })), &["run_busy"]);
    watcher.end().exits(0);
}

#[test]
fn a_suspended_run_can_be_cancelled_from_anywhere() {
    let busy = Busy::new();
    let going = busy.naestro.start(BUSY);
    busy.until_busy();
    going.signal(Signal::SIGINT);
    let run = going.finish().exits(4).run();
    busy.naestro.run(["cancel", &run]).exits(0);
    assert_eq!(busy.naestro.trace(["show", &run])["state"]["outcome"], "cancelled");
}

/// A terminal sends its interrupt to the whole process group: the run is suspended all the same, and its command is ended.
#[test]
fn an_interrupt_to_the_whole_group_suspends_and_leaves_no_child() {
    let busy = Busy::new();
    let going = busy.naestro.start(BUSY);
    busy.until_busy();
    going.signal_group(Signal::SIGINT);
    let done = going.finish().exits(4);
    assert_eq!(done.finished()["outcome"], "suspended");
    assert!(!done.lines.iter().any(|line| line["state"] == "failed"), "{:#?}", done.lines);
    busy.naestro.alone(Duration::from_secs(10));
}

/// The one that worked on it is gone without a word: nothing it had under way is waited for.
#[test]
fn a_run_whose_process_died_can_be_cancelled_from_anywhere() {
    let busy = Busy::new();
    let going = busy.naestro.start(BUSY);
    busy.until_busy();
    let run = busy.naestro.only_run();
    going.kill();
    busy.naestro.alone(Duration::from_secs(10));
    busy.naestro.run(["cancel", &run]).exits(0);
    assert_eq!(busy.naestro.trace(["show", &run])["state"]["outcome"], "cancelled");
}

#[test]
fn two_terminals_at_once_work_on_the_same_repository() {
    let project = Project::plain();
    let write = |name: &str| slowly(calls("write", json!({ "path": name, "content": "new\n" })), 50);
    let (one, other) = (Scripted::spawn(write("one.txt")), Scripted::spawn(write("other.txt")));
    let naestro = Naestro::new(&project).model(&one);
    let command = ["orchestrate", "write", "--mode", "auto", "--apply", "--json"];
    let mut first = naestro.start(command);
    first.until(is("workspace"));
    let naestro = naestro.model(&other);
    let second = naestro.start(command);
    for (done, file) in [(first.finish(), "one.txt"), (second.finish(), "other.txt")] {
        let done = done.exits(0);
        assert_eq!(done.finished()["outcome"], "succeeded");
        assert_eq!(project.read(file), "new\n");
        assert_eq!(done.diff().1.matches("\n+++ ").count(), 1, "one run sees the other's: {}", done.diff().1);
    }
    assert_eq!(naestro.runs().len(), 2);
}

/// The second goal of a session sees the first one's conversation, and the tree it left.
#[test]
fn the_second_goal_of_a_session_goes_on_from_the_first() {
    let project = Project::plain();
    let model = Scripted::spawn(Scenario::of([
        Reply::call("write", json!({ "path": "plan.txt", "content": "first\n" })),
        Reply::text("The plan is written."),
        Reply::call("edit", json!({ "path": "plan.txt", "old": "first", "new": "second" })),
        Reply::text("The plan is changed."),
    ]));
    let naestro = Naestro::new(&project).model(&model);
    let mut rpc = Rpc::start(&naestro);
    let workspace = path(project.root());
    let first = rpc.orchestrate(&json!({ "goal": "write a plan", "workspace": workspace, "mode": "auto" }));
    assert_eq!(rpc.finished(&first)["outcome"], "succeeded");
    let second = rpc.orchestrate(&json!({ "goal": "change the plan", "workspace": workspace, "mode": "auto", "session": first }));
    let finished = rpc.finished(&second);
    assert_eq!(finished["outcome"], "succeeded", "{finished}");
    rpc.end().exits(0);
    let asked = model.chats()[2]["messages"].to_string();
    says(&asked, &["write a plan", "The plan is written.", "change the plan"]);
    let diff = std::fs::read_to_string(text(&finished["diff"])).unwrap();
    says(&diff, &["+++ b/plan.txt", "+second"]);
    // Another process knows the session from the journal alone.
    let last = Scripted::spawn(model_says("It says second."));
    let naestro = naestro.model(&last);
    let done = naestro.run(["orchestrate", "what does it say?", "--session", &first, "--mode", "auto", "--json"]).exits(0);
    says(&last.chats()[0]["messages"].to_string(), &["write a plan", "The plan is written.", "change the plan", "The plan is changed."]);
    assert_eq!(done.of("started")[0]["session"], json!(first));
}

/// Each run of a session works on what the one before it left, as long as that was not imported.
#[test]
fn a_session_goes_on_from_the_tree_that_was_left() {
    let scenario = Scenario::of([
        Reply::call("write", json!({ "path": "made.txt", "content": "made\n" })),
        Reply::text("Made."),
        Reply::text("Nothing to do."),
        Reply::call("write", json!({ "path": "more.txt", "content": "more\n" })),
        Reply::text("More."),
    ]);
    let (project, model) = (Project::plain(), Scripted::spawn(scenario));
    let naestro = Naestro::new(&project).model(&model);
    let first = naestro.run(["orchestrate", "make it", "--mode", "auto", "--json"]).exits(0);
    let session = first.run();
    let go_on = |goal: &str| {
        naestro
            .run([
                "orchestrate",
                goal,
                "--mode",
                "auto",
                "--session",
                &session,
                "--accept",
                "test -f made.txt",
                "--accept",
                "cat made.txt",
                "--json",
            ])
            .exits(0)
    };
    assert!(go_on("anything else?").finished()["diff"].is_null(), "a run that only talks has no diff of its own");
    let (_, diff) = go_on("one more").diff();
    says(&diff, &["+++ b/made.txt", "+++ b/more.txt"]);

    let elsewhere = Project::plain();
    let folder = path(elsewhere.root());
    let refused = naestro.json(["orchestrate", "here", "--session", &session, "--workspace", &folder]).exits(2);
    says(&refused.error(), &["invalid_workspace"]);
}

/// The caller that started a run waits for its events in the same process.
#[test]
fn waiting_for_events_ends_as_soon_as_there_are_some() {
    let (project, model) = (Project::plain(), Scripted::spawn(Scenario::of([Reply::text("Hello.")])));
    let naestro = Naestro::new(&project).model(&model);
    let mut rpc = Rpc::start(&naestro);
    let run = rpc.orchestrate(&json!({ "goal": "greet", "workspace": path(project.root()) }));
    let mut next = 0;
    loop {
        let answer = rpc.ask("events.since", &json!({ "run": run, "since": next, "wait_ms": 20_000 }));
        let events = answer["events"].as_array().unwrap();
        assert!(!events.is_empty(), "it waited although the run went on");
        if events.iter().any(|event| event["event"] == "finished") {
            break;
        }
        next = answer["next"].as_u64().unwrap();
    }
    rpc.end().exits(0);
}
