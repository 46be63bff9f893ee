//! What a file and an environment come to.

use super::*;

/// Reads `file` with `variables` set, beside those that keep the test off the user's folders.
fn read(file: &str, variables: &[(&str, &str)], asked: Option<&str>) -> Result<Config, Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, file).expect("the file is written");
    let get = |name: &str| match name {
        "NAESTRO_CONFIG" => Some(path.display().to_string()),
        "NAESTRO_HOME" if !variables.iter().any(|(key, _)| key == &name) => Some("/state".to_owned()),
        _ => variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
    };
    Config::read(&get, asked)
}

#[track_caller]
fn check_model(file: &str, variables: &[(&str, &str)], expect: Result<(&str, &str), NoModel>) {
    let config = read(file, variables, None).expect("a valid configuration");
    let seen = config.model.as_ref().map(|model| (model.name.as_str(), model.base_url.as_str())).map_err(|&why| why);
    assert_eq!(seen, expect);
}

#[track_caller]
fn check_error(file: &str, variables: &[(&str, &str)], parts: &[&str]) {
    let error = read(file, variables, None).expect_err("an invalid configuration");
    let shown = format!("{error} {:?}", error.hints);
    assert_eq!(error.code, ErrorCode::InvalidConfig);
    for part in parts {
        assert!(shown.contains(part), "{part} not in {shown}");
    }
}

#[test]
fn a_model_needs_a_name_and_an_address_or_a_key() {
    check_model("", &[], Err(NoModel::Nothing));
    check_model("", &[("NAESTRO_MODEL", "m")], Err(NoModel::Nothing));
    check_model("", &[("OPENAI_API_KEY", "k")], Err(NoModel::Name));
    check_model("", &[("OPENAI_API_KEY", "k"), ("NAESTRO_MODEL", "m")], Ok(("m", OPENAI_URL)));
    check_model("", &[("OPENAI_BASE_URL", "http://127.0.0.1:1/v1"), ("NAESTRO_MODEL", "m")], Ok(("m", "http://127.0.0.1:1/v1")));
    check_model("", &[("OPENAI_BASE_URL", " "), ("NAESTRO_MODEL", "m")], Err(NoModel::Nothing));
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = "[model]\nname = 'a'\nbase_url = 'http://localhost:1/v1'\n";
    check_model(file, &[], Ok(("a", "http://localhost:1/v1")));
    check_model(file, &[("NAESTRO_MODEL", "b"), ("OPENAI_BASE_URL", "http://localhost:2/v1")], Ok(("b", "http://localhost:2/v1")));
}

#[test]
fn the_command_line_names_a_model_where_nothing_else_does() {
    let config = read("", &[("OPENAI_API_KEY", "k")], Some("asked")).expect("a valid configuration");
    assert_eq!(config.model.map(|model| model.name).ok().as_deref(), Some("asked"));
}

#[test]
fn prices_are_kept_in_micro_dollars_and_the_key_where_it_is() {
    let file = "[model]\nname='m'\napi_key_env='MY_KEY'\nprice_input_per_mtok=2.5\nprice_output_per_mtok=10\ncontext=1000\n";
    let config = read(file, &[("MY_KEY", "hunter2")], None).expect("a valid configuration");
    let model = config.model.expect("a model");
    assert_eq!((model.price_input, model.price_output, model.context, model.max_output), (2_500_000, 10_000_000, 1000, 500));
    assert_eq!(model.key_source, "MY_KEY");
    assert!(!format!("{model:?}").contains("hunter2"));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_what_was_meant() {
    check_error("trust = []\n[modle]\n", &[], &["line 2", "unknown field `modle`", "did you mean `model`?"]);
    check_error("[model]\nname = 1\n", &[], &["line 2", "expected a string"]);
    check_error("[model\n", &[], &["line 1"]);
    check_error("[model]\nprice_input_per_mtok = -1\n", &[], &["line 2", "a price must be"]);
    check_error("", &[("NAESTRO_HOME", "state")], &["NAESTRO_HOME", "relative"]);
}

#[test]
fn runners_are_lists_of_words() {
    let config =
        read("[test]\nretries = 2\n[test.runners]\n'web/app' = ['npx', 'vitest', 'run']\n", &[], None).expect("a valid configuration");
    assert_eq!(config.tests.retries, Some(2));
    assert_eq!(config.tests.runners["web/app"], ["npx", "vitest", "run"]);
    check_error("[test.runners]\na = []\n", &[], &["the runner of \"a\" has no program", "list of words"]);
    check_error("[test.runners]\na = 'cargo test'\n", &[], &["line 2", "sequence"]);
}

#[test]
fn an_absent_file_is_an_empty_one() {
    let get = |name: &str| matches!(name, "NAESTRO_CONFIG" | "NAESTRO_HOME").then(|| "/nowhere/at/all".to_owned());
    assert!(Config::read(&get, None).is_ok_and(|config| config.trusted.is_empty()));
}
