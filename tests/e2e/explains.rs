//! `explain`: what is known about code, each fact with a source that can be checked, with and without a model.

use std::time::Duration;

use naestro_tests::projects::Project;
use naestro_tests::scripted::{Part, Reply, Scenario, Scripted};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::models;
use super::naestro::{Done, Naestro, eventually, is, path, says, text};
use super::rpc::Rpc;

/// The facts of an explanation that a role has, each as its text.
fn facts(evidence: &Value, role: &str) -> Vec<String> {
    let facts = evidence["facts"].as_array().unwrap_or_else(|| panic!("{evidence}"));
    facts.iter().filter(|fact| fact["role"] == role).map(|fact| text(&fact["text"])).collect()
}

#[track_caller]
fn explained(naestro: &Naestro, target: &str) -> Value {
    let done = naestro.json(["explain", target, "--no-model"]).exits(0);
    assert_eq!((&done.lines[0]["kind"], &done.lines[0]["target"]), (&json!("code"), &json!(target)), "{}", done.out);
    done.lines[0]["evidence"].clone()
}

/// Asserts that every citation is of bytes that are there and hold the name that is claimed.
#[track_caller]
fn check_citations(project: &Project, evidence: &Value) {
    for fact in evidence["facts"].as_array().unwrap() {
        let cited = &fact["source"]["code"];
        if cited.is_null() {
            continue;
        }
        let source = project.read(&text(&cited["path"]));
        let (start, end) = (cited["start"].as_u64().unwrap(), cited["end"].as_u64().unwrap());
        let bytes = &source[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
        let line = source[..usize::try_from(start).unwrap()].matches('\n').count() + 1;
        assert_eq!(cited["line"], json!(line), "{fact}");
        if let Some(name) = fact["name"].as_str() {
            assert!(bytes.contains(name), "{name} is not in {bytes:?}");
        }
    }
}

/// Asserts that some text of the role's facts contains every one of `parts`.
#[track_caller]
fn has(evidence: &Value, role: &str, parts: &[&str]) {
    let facts = facts(evidence, role);
    for part in parts {
        assert!(facts.iter().any(|fact| fact.contains(part)), "no {role} {part:?} in {evidence:#}");
    }
}

#[test]
fn each_kind_of_target_has_its_evidence() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    for target in ["src/price.rs:5", "src/price.rs:5:5", "src/price.rs#gross", "gross"] {
        let evidence = explained(&naestro, target);
        says(&text(&evidence["title"]), &["gross", "src/price.rs"]);
        has(&evidence, "definition", &["gross"]);
        has(&evidence, "caller", &["worth"]);
        has(&evidence, "callee", &["tax"]);
        has(&evidence, "test", &["tax_is_added", "every_piece_counts"]);
        has(&evidence, "commit", &["Prices with tax"]);
        check_citations(&project, &evidence);
    }
    let file = explained(&naestro, "src/stock.rs");
    has(&file, "member", &["worth", "is_empty"]);
    has(&file, "import", &["price"]);
    check_citations(&project, &file);
    let commit = explained(&naestro, "commit:HEAD");
    has(&commit, "change", &["worth"]);
    let test = explained(&naestro, "test:every_piece_counts");
    has(&test, "callee", &["worth"]);
    check_citations(&project, &test);
    project.write("src/price.rs", &project.read("src/price.rs").replace("net / 5", "net / 4"));
    let diff = explained(&naestro, "diff");
    has(&diff, "change", &["tax"]);
    check_citations(&project, &diff);
    assert!(!naestro.home().join("journal.db").exists(), "facts need no journal");
}

/// People read the facts by role, each with its number and its place.
#[test]
fn a_person_reads_facts_with_their_sources() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let out = naestro.run(["explain", "src/price.rs:5"]).exits(0).out;
    says(
        &out,
        &[
            "gross",
            "definition",
            "[1]",
            "src/price.rs:4-6",
            "callers",
            "src/stock.rs:",
            "tests that reach it",
            "history",
            "Prices with tax",
        ],
    );
    says(&out, &["4 | pub fn gross(net: u64) -> u64 {"]);
    assert!(!out.contains('\u{1b}'), "colours where no terminal is");
}

#[test]
fn a_target_is_meant_as_seen_from_where_one_stands() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let mut command = naestro.command(["explain", "price.rs:5"]);
    command.current_dir(project.root().join("src"));
    says(&super::naestro::Going::start(command).finish().exits(0).out, &["gross", "src/price.rs:4-6"]);
}

#[test]
fn an_unknown_target_has_its_near_misses() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let check = |target: &str, near: &str| {
        let error = naestro.json(["explain", target]).exits(2).error();
        says(&error, &["unknown_target", near]);
    };
    check("grosss", "gross");
    check("src/prices.rs", "src/price.rs");
    check("src/price.rs:9999", "src/price.rs");
    check("src/price.rs#gros", "gross");
    check("test:tax_is_aded", "tax_is_added");
    check("commit:no-such-branch", "no-such-branch");
    let error = naestro.json(["explain", "run:nope"]).exits(2).error();
    says(&error, &["unknown_run"]);
}

/// What was read before is not believed: a file that changed is read again.
#[test]
fn an_edit_is_seen_at_once() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    has(&explained(&naestro, "gross"), "caller", &["worth"]);
    project.write("src/stock.rs", "pub fn value(net: u64) -> u64 {\n    crate::price::gross(net)\n}\n");
    let evidence = explained(&naestro, "gross");
    has(&evidence, "caller", &["value"]);
    assert!(!facts(&evidence, "caller").iter().any(|caller| caller.contains("worth")), "{evidence}");
    check_citations(&project, &evidence);
}

#[test]
fn a_question_without_a_model_is_a_gap() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let done = naestro.json(["explain", "gross", "--question", "who pays?"]).exits(0);
    let gaps = done.lines[0]["evidence"]["gaps"].to_string();
    says(&gaps, &["who pays?", "no model"]);
}

fn prose(text: &str) -> Scripted {
    Scripted::spawn(models::says(text))
}

/// The sentences with a false citation, with none, and with one that is out of range are gone; the others are told.
#[test]
fn of_a_models_prose_only_what_holds_is_told() {
    let project = Project::shop();
    let model = prose(
        "`gross` is defined in the price module [1]. It sends mail to `nobody_at_all` [1]. It is slow. \
         It burns down the house [99]. `gross` is what it is about [1].",
    );
    let naestro = Naestro::new(&project).model(&model);
    let done = naestro.json(["explain", "src/price.rs#gross", "--question", "what is it?"]).exits(0);
    let summary = text(&done.finished()["summary"]);
    says(&summary, &["is defined in the price module", "is what it is about"]);
    for planted in ["nobody_at_all", "It is slow", "burns down"] {
        assert!(!summary.contains(planted), "{summary}");
        let heard: Vec<&Value> = done.lines.iter().filter(|line| line["type"] != "plan").collect();
        assert!(!json!(heard).to_string().contains(planted), "{}", done.out);
    }
    says(&summary, &["3 of 5 sentences dropped", "[1] src/price.rs:4-6"]);
    has(&done.of("evidence")[0]["evidence"], "definition", &["gross"]);
    let asked = model.chats()[0].to_string();
    says(&asked, &["what is it?", "[1]"]);
    assert_eq!(naestro.trace(["show", &done.run()])["state"]["mode"], "guide");
}

#[test]
fn where_nothing_of_the_prose_holds_that_is_said() {
    let project = Project::shop();
    let model = prose("It is certainly a `spaceship` [77]. Trust me.");
    let naestro = Naestro::new(&project).model(&model);
    let done = naestro.run(["explain", "gross"]).exits(0);
    says(&done.out, &["definition", "src/price.rs:4-6"]);
    says(&done.out, &["no sentence could be supported by the evidence"]);
    assert!(!done.out.contains("spaceship") && !done.err.contains("spaceship"), "{}\n{}", done.out, done.err);
}

/// A file that changes while the model speaks: what was said of its old bytes is not told.
#[test]
fn a_file_that_changes_while_it_is_explained_is_noticed() {
    let project = Project::shop();
    let reply = Reply::text("`gross` adds tax [1].").used(50, 5);
    let model = Scripted::spawn(models::slowly(Scenario::always(reply), 1500));
    let naestro = Naestro::new(&project).model(&model);
    let mut going = naestro.start(["explain", "src/price.rs#gross", "--json"]);
    going.until(is("evidence"));
    eventually(|| !model.chats().is_empty());
    project.write("src/price.rs", &project.read("src/price.rs").replace("net + tax(net)", "net - tax(net)"));
    let done = going.finish().exits(0);
    assert!(!text(&done.finished()["summary"]).contains("adds tax"), "{}", done.out);
}

#[test]
fn the_same_over_json_rpc() {
    let project = Project::shop();
    let naestro = Naestro::new(&project);
    let mut rpc = Rpc::start(&naestro);
    let workspace = path(project.root());
    let answer = rpc.ask("naestro.explain", &json!({ "target": "gross", "workspace": workspace }));
    assert_eq!(answer["kind"], "code");
    let citations: Vec<Value> = answer["evidence"]["facts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fact| fact["source"]["code"].clone())
        .filter(Value::is_object)
        .collect();
    let ask = |rpc: &mut Rpc| rpc.ask("citations.hold", &json!({ "workspace": workspace, "citations": citations }))["holds"].clone();
    assert!(ask(&mut rpc).as_array().unwrap().iter().all(|holds| holds == true));
    project.write("src/price.rs", "// gone\n");
    let holds = ask(&mut rpc);
    assert!(holds.as_array().unwrap().contains(&json!(false)), "{holds}");
    says(&rpc.fails("naestro.explain", &json!({ "target": "gross" })), &["invalid_workspace"]);
    says(&rpc.fails("naestro.explain", &json!({ "target": "grosss", "workspace": workspace })), &["unknown_target"]);
    rpc.end().exits(0);
}

/// What was decided and why, in sentences by step, each with the event it rests on.
#[test]
fn a_run_is_explained_by_what_was_recorded() {
    let project = Project::plain();
    let model = Scripted::spawn(models::calls("edit", json!({ "path": "notes.txt", "old": "two", "new": "2" })));
    let naestro = Naestro::new(&project).model(&model);
    let run = naestro.run(["orchestrate", "add a note", "--mode", "auto", "--json"]).exits(0).run();
    let done = naestro.json(["explain", &run]).exits(0);
    assert_eq!(done.lines[0]["kind"], "run");
    let told = text(&done.lines[0]["text"]);
    says(
        &told,
        &["the run was to do \"add a note\"", "in mode auto [0]", "step work: edit notes.txt was permitted by the rule", "it succeeded"],
    );
    assert!(told.lines().all(|line| line.ends_with(']')), "a line without a citation:\n{told}");
    assert_eq!(done.lines[0]["cites"].as_array().unwrap().len(), told.matches(" [").count(), "{told}");
}

/// An earlier failure of a test that reaches the target is a fact, and rests on the event that recorded it.
#[test]
fn an_earlier_failure_is_a_fact() {
    let project = Project::shop();
    project.write("src/price.rs", &project.read("src/price.rs").replace("net / 5", "net / 4"));
    let naestro = Naestro::new(&project);
    let run = naestro.run(["test", "--json"]).exits(1).run();
    let evidence = explained(&naestro, "src/price.rs#tax");
    has(&evidence, "failure", &["a_fifth_is_tax"]);
    let facts = evidence["facts"].as_array().unwrap();
    let failure = facts.iter().find(|fact| fact["role"] == "failure").unwrap();
    assert_eq!(failure["source"]["event"]["run"], json!(run));
    says(&naestro.run(["explain", "src/price.rs#tax"]).exits(0).out, &["earlier failures", &run]);
}

/// A model that works may ask too: it only reads, so even the mode that only reads lets it.
#[test]
fn an_agent_may_ask_what_is_known() {
    let project = Project::shop();
    let model = Scripted::spawn(models::calls("explain", json!({ "target": "gross" })));
    let naestro = Naestro::new(&project).model(&model);
    let done = naestro.run(["orchestrate", "what uses gross?", "--mode", "guide", "--json"]).exits(0);
    assert!(done.receipts().contains(&"explain gross: succeeded".to_owned()), "{:?}", done.receipts());
    let told = text(&model.chats()[1]["messages"].as_array().unwrap().last().unwrap()["content"]);
    says(&told, &["callers", "worth", "src/stock.rs:"]);
}

/// Ctrl-C ends it at once, also while the model is silent.
#[test]
fn an_interrupt_ends_it() {
    let project = Project::shop();
    let mut silent = models::says("never");
    silent.replies[0].parts.insert(0, Part::Hang);
    let model = Scripted::spawn(silent);
    let naestro = Naestro::new(&project).model(&model);
    let mut going = naestro.start(["explain", "gross", "--json"]);
    eventually(|| !model.chats().is_empty());
    going.signal(Signal::SIGINT);
    assert!(going.ends_within(Duration::from_secs(10)), "it goes on");
    let done: Done = going.finish();
    assert_eq!(done.finished()["outcome"], "suspended");
}

/// Reading a large project for the first time can be given up at once, and what was read does no harm to the next one who asks.
#[test]
fn an_interrupt_ends_the_first_reading() {
    let project = Project::plain();
    let functions =
        |file: usize| (0..40).map(|at| format!("def f_{file}_{at}(a):\n    return f_{file}_{}(a)\n", (at + 1) % 40)).collect::<String>();
    for file in 0..3000 {
        project.write(&format!("m{}/f{file}.py", file % 30), &functions(file));
    }
    let naestro = Naestro::new(&project);
    let mut going = naestro.start(["explain", "f_7_7", "--json"]);
    eventually(|| naestro.home().join("index").exists());
    going.signal(Signal::SIGINT);
    assert!(going.ends_within(Duration::from_secs(10)), "it goes on");
    assert_eq!(going.finish().code, 130);
    project.write("m0/f0.py", "def f_7_7_is_not_here(a):\n    return a\n");
    has(&explained(&naestro, "f_7_7"), "definition", &["f_7_7"]);
}
