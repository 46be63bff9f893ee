//! `trace`: what happened, from the journal; forks, exports and removals.

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use serde_json::{Value, json};

use super::models::{calls, mends_cargo};
use super::naestro::{Naestro, says, text};

fn recorded(project: &Project, model: &Scripted) -> (Naestro, String) {
    let naestro = Naestro::new(project).model(model);
    let done = naestro.run(["orchestrate", "add a note", "--mode", "auto", "--json"]).exits(0);
    (naestro, done.run())
}

fn notes() -> Scripted {
    Scripted::spawn(calls("edit", json!({ "path": "notes.txt", "old": "two", "new": "2" })))
}

#[test]
fn runs_are_listed_newest_first_and_shown_event_by_event() {
    let (project, model) = (Project::plain(), notes());
    let (naestro, first) = recorded(&project, &model);
    let second = naestro.run(["orchestrate", "add another", "--mode", "auto", "--json"]).exits(0).run();
    let list = naestro.trace(["list"]);
    let listed: Vec<_> = list["runs"].as_array().unwrap().iter().map(|run| (text(&run["run"]), text(&run["title"]))).collect();
    assert_eq!(listed, [(second, "add another".to_owned()), (first.clone(), "add a note".to_owned())]);
    assert_eq!(naestro.trace(["list", "--limit", "1"])["runs"].as_array().unwrap().len(), 1);
    let shown = naestro.trace(["show", &first]);
    let events: Vec<String> = shown["events"].as_array().unwrap().iter().map(|event| text(&event["event"])).collect();
    assert_eq!((events[0].as_str(), events[1].as_str(), events.last().unwrap().as_str()), ("opened", "planned", "finished"));
    assert_eq!(shown["state"]["outcome"], "succeeded");
    assert_eq!(shown["state"]["events"], json!(events.len()));
    // A person reads the same.
    says(&naestro.run(["trace", "show", &first]).exits(0).out, &["edit notes.txt", "finished"]);
    says(&naestro.run(["trace", "list"]).exits(0).out, &["add a note", "add another"]);
}

#[test]
fn a_prefix_of_an_id_is_enough_where_only_one_run_has_it() {
    let (project, model) = (Project::plain(), notes());
    let (naestro, first) = recorded(&project, &model);
    let second = naestro.run(["orchestrate", "add another", "--mode", "auto", "--json"]).exits(0).run();
    let common = first.bytes().zip(second.bytes()).take_while(|(one, other)| one == other).count();
    assert_eq!(naestro.trace(["show", &first[..=common]])["state"]["run"], json!(first));
    let ambiguous = naestro.json(["trace", "show", &first[..common]]).exits(2);
    says(&ambiguous.error(), &["unknown_run"]);
    says(&naestro.json(["trace", "show", "zzz"]).exits(2).error(), &["unknown_run", "trace list"]);
    says(&naestro.json(["trace", "show", ""]).exits(2).error(), &["unknown_run"]);
}

#[test]
fn a_replay_comes_to_the_same_state() {
    let (project, model) = (Project::plain(), notes());
    let (naestro, run) = recorded(&project, &model);
    let replayed = naestro.trace(["replay", &run]);
    assert_eq!(replayed["identical"], true, "{replayed}");
    assert_eq!(replayed["digest"], naestro.trace(["show", &run])["state"]["digest"]);
    assert_eq!(model.chats().len(), 2, "a replay asks nobody");
}

/// A fork goes on from its event as its parent did, on its own; what was said before is not asked for again.
#[test]
fn a_fork_goes_on_from_an_earlier_event() {
    let project = Project::broken_cargo();
    let model = Scripted::spawn(mends_cargo());
    let naestro = Naestro::new(&project).model(&model);
    let run = naestro.run(["orchestrate", "mend it", "--mode", "auto", "--json"]).exits(0).run();
    let shown = naestro.trace(["show", &run]);
    let said = |event: &&Value| event["event"] == "done" && text(&event["text"]).contains("said");
    let edit = shown["events"].as_array().unwrap().iter().filter(said).nth(1).unwrap()["seq"].to_string();
    let fork = text(&naestro.trace(["fork", &run, &edit])["run"]);
    assert_ne!(fork, run);
    assert_eq!(naestro.trace(["show", &fork])["state"]["outcome"], Value::Null);
    let done = naestro.run(["orchestrate", "--resume", &fork, "--json"]).exits(0);
    says(&done.diff().1, &["+    a + b"]);
    assert_eq!(model.chats().len(), 4);
    assert_eq!(naestro.trace(["show", &run]), shown, "the parent is as it was");
    // A parent that is removed stays as long as its fork needs it.
    naestro.run(["trace", "rm", &run]).exits(0);
    assert_eq!(naestro.trace(["replay", &fork])["identical"], true);
    let late = naestro.json(["trace", "fork", &fork, "10000"]).exits(2);
    says(&late.error(), &["invalid_input", "events"]);
}

#[test]
fn an_export_has_one_object_a_line_each_linked_to_the_one_before() {
    let (project, model) = (Project::plain(), notes());
    let (naestro, run) = recorded(&project, &model);
    let lines = naestro.run(["trace", "export", &run]).exits(0).lines;
    assert_eq!(json!(lines.len()), naestro.trace(["show", &run])["state"]["events"]);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!((&line["run"], &line["index"]), (&json!(run), &json!(index)));
        assert_eq!(line["link"].as_str().map(str::len), Some(64), "{line}");
    }
}

#[test]
fn a_removed_run_is_gone_and_the_others_are_whole() {
    let (project, model) = (Project::plain(), notes());
    let (naestro, first) = recorded(&project, &model);
    let second = naestro.run(["orchestrate", "add another", "--mode", "auto", "--json"]).exits(0).run();
    naestro.run(["trace", "rm", &first]).exits(0);
    assert_eq!(naestro.runs(), [second]);
    says(&naestro.json(["trace", "show", &first]).exits(2).error(), &["unknown_run"]);
    assert_eq!(naestro.problems(), Vec::<Value>::new());
}

#[test]
fn an_explanation_cites_the_events_it_rests_on() {
    let (project, model) = (Project::plain(), notes());
    let (naestro, run) = recorded(&project, &model);
    let out = naestro.run(["explain", &format!("run:{run}")]).exits(0).out;
    says(&out, &["edit notes.txt", "permitted by"]);
    assert!(
        out.lines().filter(|line| !line.trim().is_empty()).all(|line| line.trim_end().ends_with(']')),
        "a line without a citation:\n{out}"
    );
    says(&naestro.run(["explain", &format!("run:{run}/work")]).exits(0).out, &["edit notes.txt"]);
    says(&naestro.json(["explain", &format!("run:{run}/no-such")]).exits(2).error(), &["unknown_target", "work"]);
}
