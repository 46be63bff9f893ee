//! The help as it is printed, and what the parser takes and refuses.

use clap::{CommandFactory as _, Parser as _};
use expect_test::{ExpectFile, expect_file};

use super::*;

#[track_caller]
fn check_help(verb: Option<&str>, expect: ExpectFile) {
    let mut command = Cli::command().term_width(100);
    command.build();
    let command = match verb {
        Some(verb) => command.find_subcommand_mut(verb).expect("a verb"),
        None => &mut command,
    };
    expect.assert_eq(&command.render_long_help().to_string());
}

#[test]
fn help_texts() {
    check_help(None, expect_file!["help/naestro.txt"]);
    check_help(Some("orchestrate"), expect_file!["help/orchestrate.txt"]);
    check_help(Some("test"), expect_file!["help/test.txt"]);
    check_help(Some("explain"), expect_file!["help/explain.txt"]);
    check_help(Some("trace"), expect_file!["help/trace.txt"]);
    check_help(Some("answer"), expect_file!["help/answer.txt"]);
    check_help(Some("cancel"), expect_file!["help/cancel.txt"]);
    check_help(Some("mcp"), expect_file!["help/mcp.txt"]);
    check_help(Some("rpc"), expect_file!["help/rpc.txt"]);
    check_help(Some("upstream"), expect_file!["help/upstream.txt"]);
    check_help(Some("spec"), expect_file!["help/spec.txt"]);
    check_help(Some("doctor"), expect_file!["help/doctor.txt"]);
    check_help(Some("bench"), expect_file!["help/bench.txt"]);
    check_help(Some("completions"), expect_file!["help/completions.txt"]);
}

#[test]
fn every_verb_has_an_example() {
    for verb in Cli::command().get_subcommands() {
        let shown = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(shown.contains("Example") && shown.contains("naestro "), "{}", verb.get_name());
    }
}

#[test]
fn the_table_is_sound() {
    Cli::command().debug_assert();
}

#[track_caller]
fn check(args: &[&str], taken: bool) {
    let parsed = Cli::try_parse_from(std::iter::once(&"naestro").chain(args));
    assert_eq!(parsed.is_ok(), taken, "{args:?}: {:?}", parsed.err().map(|error| error.to_string()));
}

#[test]
fn a_run_takes_one_thing_at_a_time() {
    check(&["run", "--recipe", "my/own.toml"], true);
    check(&["run", "make it so"], true);
    check(&["orchestrate", "--recipe", "check"], true);
    check(&["run", "goal", "--recipe", "fix", "--accept", "a", "--accept", "b", "--mode", "auto"], true);
    check(&["run", "--plan", "p.json", "--recipe", "check"], false);
    check(&["run", "--resume", "r"], true);
    check(&["run", "--resume", "r", "goal"], false);
    check(&["run", "goal", "--mode", "yolo"], false);
    check(&["run", "goal", "--budget-usd", "-1"], false);
    check(&["run", "goal", "--wall", "soon"], false);
}

#[test]
fn verbs_take_what_they_need() {
    check(&["trace", "list", "--json"], true);
    check(&["trace", "fork", "r"], false);
    check(&["trace", "fork", "r", "3"], true);
    check(&["answer", "r", "0", "allow"], true);
    check(&["answer", "r", "zero", "allow"], false);
    check(&["spec", "plan"], true);
    check(&["spec", "weather"], false);
    check(&["completions", "bash"], true);
    check(&[], true);
}
