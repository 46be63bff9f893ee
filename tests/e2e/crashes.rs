//! SIGKILL at any point, then `--resume`: the same result, and nothing that left the workspace is done twice.
//!
//! `NAESTRO_SEED` repeats a run of these tests: each prints its own.

use std::time::{Duration, Instant};

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Reply, Scenario, Scripted};
use serde_json::{Value, json};

use super::dice::Dice;
use super::models::{mends_cargo, slowly};
use super::naestro::{Going, Naestro, eventually, is, says, text};

/// The points at which the run is killed, all parts together.
const POINTS: u64 = 20;
/// The tests they are spread over, so that these can go on side by side.
const PARTS: u64 = 4;
/// How often a run may be killed again after it was resumed.
const AGAIN: u64 = 2;

const MEND: [&str; 7] = ["orchestrate", "make the tests pass", "--mode", "auto", "--accept", "cargo test --offline", "--json"];

/// A run that is killed and resumed until it is finished.
struct Trial<'a> {
    naestro: &'a Naestro,
    model: &'a Scripted,
    command: Vec<&'a str>,
    /// After each kill: how many replies were in the journal, and how many requests the model had seen.
    kills: Vec<(usize, usize)>,
}

impl Trial<'_> {
    /// The process that goes on with the run, or starts it where nothing of it is in the journal yet.
    fn next(&self) -> Option<Going> {
        let Some(run) = self.naestro.runs().pop() else { return Some(self.naestro.start(self.command.iter().copied())) };
        let state = self.naestro.trace(["show", &run])["state"].clone();
        state["outcome"].is_null().then(|| self.naestro.start(["orchestrate", "--resume", &run, "--json"]))
    }

    /// Lets it go on for so long, then kills it.
    fn go_on(&mut self, limit: Duration) {
        let Some(mut going) = self.next() else { return };
        if going.ends_within(limit) {
            assert_eq!(going.finish().exits(0).finished()["outcome"], "succeeded");
        } else {
            going.kill();
            self.naestro.alone(Duration::from_secs(10));
            self.kills.push((self.said(), self.model.chats().len()));
        }
    }

    /// Lets it go on to its end.
    fn finish(&mut self) {
        if let Some(going) = self.next() {
            assert_eq!(going.finish().exits(0).finished()["outcome"], "succeeded");
        }
    }

    fn events(&self) -> Vec<Value> {
        let Some(run) = self.naestro.runs().pop() else { return Vec::new() };
        self.naestro.trace(["show", &run])["events"].as_array().unwrap().clone()
    }

    /// The diff, from its file, or from the journal where the process was killed after the run's end and before that was written.
    fn diff(&self, run: &str) -> String {
        let file = self.naestro.home().join(format!("diffs/{run}.diff"));
        std::fs::read_to_string(file).unwrap_or_else(|_| {
            let records = self.naestro.run(["trace", "export", run]).lines;
            text(&records.iter().find(|line| line.to_string().contains("+++ b/")).unwrap()["record"]["what"]["done"]["outcome"]["diffed"]["diff"]["text"])
        })
    }

    /// How many of the model's replies are in the journal.
    fn said(&self) -> usize {
        self.events().iter().filter(|event| event["event"] == "done" && text(&event["text"]).contains(": said ")).count()
    }

    /// How many imports the journal has.
    fn imports(&self) -> usize {
        self.events().iter().filter(|event| text(&event["text"]).contains("files imported")).count()
    }

    /// A reply that is in the journal is never asked for again; one that was lost is asked for once more for each kill.
    fn asks_nothing_twice(&self) {
        let turns: Vec<usize> = self.model.chats().iter().map(turn).collect();
        for (said, seen) in &self.kills {
            let later = &turns[*seen.min(&turns.len())..];
            assert!(later.iter().all(|turn| turn >= said), "{said} replies were in the journal, then turns {later:?} were asked for");
        }
        assert!(turns.len() <= 3 + self.kills.len(), "{} kills, turns {turns:?}", self.kills.len());
    }
}

fn turn(request: &Value) -> usize {
    request["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "assistant").count()
}

/// How long the run takes when nothing disturbs it.
fn undisturbed(model: &Scripted) -> Duration {
    let project = Project::broken_cargo();
    let naestro = Naestro::new(&project).model(model);
    let begun = Instant::now();
    naestro.run(MEND).exits(0);
    begun.elapsed()
}

fn kill_and_resume(part: u64, apply: bool) {
    let mut dice = Dice::new(&format!("kills, part {part}"));
    let whole = undisturbed(&Scripted::spawn(slowly(mends_cargo(), 20)));
    let mut killed = 0;
    for point in (part..POINTS).step_by(usize::try_from(PARTS).unwrap()) {
        let at = |share: f64| whole.mul_f64(share);
        let first = at((dice.share() + f64::from(u32::try_from(point).unwrap())) / f64::from(u32::try_from(POINTS).unwrap()));
        let (project, model) = (Project::broken_cargo(), Scripted::spawn(slowly(mends_cargo(), 20)));
        let naestro = Naestro::new(&project).model(&model);
        let command: Vec<&str> = MEND.into_iter().chain(apply.then_some("--apply")).collect();
        let mut trial = Trial { naestro: &naestro, model: &model, command, kills: Vec::new() };
        trial.go_on(first);
        for _ in 0..dice.below(AGAIN + 1) {
            trial.go_on(at(dice.share()));
        }
        trial.finish();
        trial.asks_nothing_twice();
        killed += trial.kills.len();
        let run = naestro.only_run();
        let state = naestro.trace(["show", &run])["state"].clone();
        assert_eq!(state["outcome"], "succeeded", "killed at {first:?}: {state}");
        let diff = trial.diff(&run);
        assert!(diff.contains("-    a - b\n+    a + b\n") && diff.matches("\n+++ ").count() == 1, "killed at {first:?}: {diff}");
        assert_eq!(project.read("src/lib.rs").contains("a + b"), apply, "killed at {first:?}");
        assert_eq!(trial.imports(), usize::from(apply), "killed at {first:?}");
    }
    println!("part {part}: killed {killed} times in a run of {whole:?}");
}

#[test]
fn sigkill_at_random_points_and_resume_first_part() {
    kill_and_resume(0, false);
}

#[test]
fn sigkill_at_random_points_and_resume_second_part() {
    kill_and_resume(1, true);
}

#[test]
fn sigkill_at_random_points_and_resume_third_part() {
    kill_and_resume(2, false);
}

#[test]
fn sigkill_at_random_points_and_resume_fourth_part() {
    kill_and_resume(3, true);
}

/// The one effect that touches the user's files is killed in its midst.
#[test]
fn sigkill_during_the_import_and_resume_imports_once() {
    let mut dice = Dice::new("kills during the import");
    let make = "for i in 1 2 3 4 5 6 7 8 9; do for j in 0 1 2 3 4 5 6 7 8 9; do echo $i$j > made-$i$j.txt; done; done; rm notes.txt";
    let scenario = Scenario::of([Reply::call("exec", json!({ "command": make })), Reply::text("Made.")]);
    for _ in 0..8 {
        let (project, model) = (Project::plain(), Scripted::spawn(scenario.clone()));
        let naestro = Naestro::new(&project).model(&model);
        let mut going = naestro.start(["orchestrate", "make files", "--mode", "auto", "--unsandboxed", "--apply", "--json"]);
        going.until(|update| update["type"] == "call" && text(&update["label"]).starts_with("import"));
        going.ends_within(Duration::from_micros(dice.below(8000)));
        going.kill();
        naestro.alone(Duration::from_secs(10));
        let mut trial = Trial { naestro: &naestro, model: &model, command: Vec::new(), kills: vec![(2, 2)] };
        trial.finish();
        trial.asks_nothing_twice();
        assert_eq!(trial.imports(), 1);
        let files = project.files();
        assert_eq!(files.len(), 91, "{files:?}");
        assert!(files.iter().all(|(name, content)| name == ".gitignore" || *name == format!("made-{}.txt", content.trim())), "{files:?}");
    }
}

/// A command that was cut off is run again in the state it began from, not on top of what it had half done.
#[test]
fn a_command_that_was_cut_off_begins_again_from_the_last_checkpoint() {
    let outside = tempfile::tempdir().unwrap();
    let (begun, go) = (outside.path().join("begun"), outside.path().join("go"));
    let command = format!("echo once >> count.txt; touch {}; test -e {} || sleep 60", begun.display(), go.display());
    let project = Project::plain();
    let model = Scripted::spawn(Scenario::of([
        Reply::call("write", json!({ "path": "count.txt", "content": "written\n" })),
        Reply::call("exec", json!({ "command": command })),
        Reply::text("Done."),
    ]));
    let naestro = Naestro::new(&project).model(&model);
    let going = naestro.start(["orchestrate", "count", "--mode", "auto", "--unsandboxed", "--json"]);
    eventually(|| begun.exists());
    going.kill();
    naestro.alone(Duration::from_secs(10));
    std::fs::write(&go, "").unwrap();
    let done = naestro.json(["orchestrate", "--resume", &naestro.only_run()]).exits(0);
    says(&done.diff().1, &["+++ b/count.txt\n@@ -0,0 +1,2 @@\n+written\n+once\n"]);
    assert_eq!(model.chats().len(), 3);
}

/// A process that is still there owns its run: nobody else takes it over.
#[test]
fn a_run_that_goes_on_cannot_be_resumed_elsewhere() {
    let (project, model) = (Project::plain(), Scripted::spawn(slowly(super::models::says("Hm."), 2_000)));
    let naestro = Naestro::new(&project).model(&model);
    let mut going = naestro.start(["orchestrate", "think", "--json"]);
    let run = text(&going.until(is("started"))["run"]);
    let refused = naestro.json(["orchestrate", "--resume", &run]).exits(2);
    says(&refused.error(), &["run_busy"]);
    going.finish().exits(0);
    let finished = naestro.json(["orchestrate", "--resume", &run]).exits(2);
    says(&finished.error(), &["run_busy", "it has finished"]);
}

/// An import is all or nothing: a cancellation that comes in its midst is told what it came to.
#[test]
fn cancelling_during_the_import_tells_that_it_happened() {
    let make =
        "for i in 1 2 3; do for j in 0 1 2 3 4 5 6 7 8 9; do for k in 0 1 2 3 4 5 6 7 8 9; do echo $i > made-$i$j$k.txt; done; done; done";
    let (project, model) =
        (Project::plain(), Scripted::spawn(Scenario::of([Reply::call("exec", json!({ "command": make })), Reply::text("Made.")])));
    let naestro = Naestro::new(&project).model(&model);
    let mut going = naestro.start(["orchestrate", "make files", "--mode", "auto", "--unsandboxed", "--apply", "--json"]);
    going.until(|update| update["type"] == "call" && text(&update["label"]).starts_with("import"));
    let run = naestro.only_run();
    // It may have ended by then, which is as good.
    naestro.run(["cancel", &run]);
    let summary = text(&going.finish().finished()["summary"]);
    says(&summary, &["imported into the checkout: 300 files"]);
    assert_eq!(project.files().keys().filter(|file| file.starts_with("made-")).count(), 300);
}
