//! A full disk: nothing more is done, the error says so, and what was done is there afterwards.

use std::process::Command;

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Reply, Scenario, Scripted};
use serde_json::json;

use super::naestro::{Going, Naestro, says};

/// Starts the product where no file may grow beyond so many blocks of 512 bytes: to it the disk is full.
fn limited(naestro: &Naestro, blocks: u32, args: &[&str]) -> Going {
    let product = naestro.command(args.iter().copied());
    let mut shell = Command::new("sh");
    // Without the signal a write beyond the limit fails as on a full disk does.
    shell
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
        .arg(product.get_program())
        .args(product.get_args());
    shell.env_clear().envs(product.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(product.get_current_dir().unwrap());
    Going::start(shell)
}

/// A model that says a great deal, turn by turn.
fn talks() -> Scenario {
    let turn = |number: u32| {
        let mut reply = Reply::text(&format!("turn {number} ").repeat(6_000));
        reply.parts.extend(Reply::call("search", json!({ "pattern": format!("word {number}") })).parts);
        reply
    };
    Scenario::of((0..8).map(turn).chain([Reply::text("That is all.")]))
}

#[test]
fn a_disk_that_fills_up_stops_the_run_which_goes_on_when_there_is_room() {
    let project = Project::plain();
    let model = Scripted::spawn(talks());
    let naestro = Naestro::new(&project).model(&model);
    // First a run with room, so that the state directory is all there.
    naestro.run(["orchestrate", "--recipe", "check", "--json"]).exits(0);
    let size = std::fs::metadata(naestro.home().join("journal.db-wal")).unwrap().len();
    let blocks = u32::try_from(size / 512 + 200).unwrap();
    let done = limited(&naestro, blocks, &["orchestrate", "talk", "--mode", "auto", "--json"]).finish();
    assert_ne!(done.code, 0, "the disk was not full: {}", done.out);
    says(&done.out, &["journal", "nothing more was done"]);
    let asked = model.chats().len();
    let run = naestro.runs().pop().unwrap();
    let done = naestro.run(["orchestrate", "--resume", &run, "--json"]).exits(0);
    assert_eq!(done.finished()["outcome"], "succeeded");
    assert!(model.chats().len() <= 9 + 1, "{asked} requests before, {} in all", model.chats().len());
}

#[test]
fn a_disk_that_is_full_from_the_start_is_named_with_a_hint() {
    let naestro = Naestro::new(&Project::plain()).damaged();
    let done = limited(&naestro, 0, &["orchestrate", "--recipe", "check", "--json"]).finish().exits(5);
    says(&done.error(), &["journal_unavailable", "("]);
}

#[test]
fn a_state_directory_that_cannot_be_made_is_named_with_a_hint() {
    let project = Project::plain();
    let naestro = Naestro::new(&project).damaged();
    let mut command = naestro.command(["trace", "list", "--json"]);
    command.env("NAESTRO_HOME", project.root().join("notes.txt/state"));
    let done = Going::start(command).finish().exits(5);
    says(&done.error(), &["journal_unavailable", "Not a directory", "("]);
}

/// The process lives on: other requests are answered while the journal cannot grow.
#[test]
fn over_rpc_a_full_disk_is_an_error_and_not_the_end() {
    let project = Project::plain();
    let naestro = Naestro::new(&project).damaged();
    let mut going = limited(&naestro, 0, &["rpc"]);
    let ask = |going: &mut Going, id: u32, method: &str, params: serde_json::Value| {
        going.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        going.until(|line| line["id"] == id)
    };
    let run = json!({ "recipe": "check", "workspace": project.root() });
    let refused = ask(&mut going, 1, "naestro.orchestrate", run);
    says(&refused["error"].to_string(), &["journal_unavailable", "hints"]);
    assert!(ask(&mut going, 2, "naestro.version", json!({}))["error"].is_null());
    going.finish().exits(0);
}
