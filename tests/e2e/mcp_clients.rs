//! Clients that others wrote drive a goal to its end, in both eras, on standard input and over HTTP.

use std::path::Path;
use std::process::Command;

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::models::mends_cargo;
use super::naestro::{Naestro, says, text};
use super::peers::{Packages, drives, python};

/// How a client reaches the product.
#[derive(Clone, Copy)]
enum Way {
    Stdio,
    Http,
}

fn goal() -> Value {
    json!({ "goal": "make the tests pass", "mode": "auto", "accept": ["cargo test --offline"] })
}

/// A broken project and its model; what the client that `command` makes prints, told the URL and the token's file over HTTP.
#[track_caller]
fn drive(way: Way, input: &str, command: impl FnOnce(&Naestro, Option<(&str, &Path)>) -> Command) -> Value {
    let (project, model) = (Project::broken_cargo(), Scripted::spawn(mends_cargo()));
    let naestro = Naestro::new(&project).model(&model);
    let token = naestro.home().join("mcp-token");
    match way {
        Way::Stdio => drives(&naestro, command(&naestro, None), input),
        Way::Http => {
            let server = naestro.start(["mcp", "--listen", "127.0.0.1:0"]);
            let url = format!("http://{}", server.says_after("listening on http://"));
            let said = drives(&naestro, command(&naestro, Some((&url, &token))), input);
            server.signal(Signal::SIGTERM);
            server.finish().exits(0);
            said
        }
    }
}

#[track_caller]
fn mended(run: &Value) {
    assert_eq!((&run["state"], &run["changed"]), (&json!("succeeded"), &json!(["src/lib.rs"])), "{run}");
}

#[track_caller]
fn python_drives(mode: &str) {
    let Some(python) = python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers/client.py");
    for way in [Way::Stdio, Way::Http] {
        let said = drive(way, &goal().to_string(), |_, http| {
            let mut command = Command::new(&python);
            command.arg(&script).arg(mode);
            match http {
                None => command.args(["stdio", env!("CARGO_BIN_EXE_naestro")]),
                Some((url, token)) => command.args(["http", url]).arg(token),
            };
            command
        });
        assert_eq!(said["tools"], json!(["orchestrate", "explain", "test", "trace"]));
        mended(&said["run"]);
        says(&text(&said["diff"]), &["+    a + b"]);
        assert!(said["progress"].as_u64() > Some(0), "no progress: {said}");
    }
}

#[test]
fn the_python_client_finds_the_era_itself() {
    python_drives("auto");
}

#[test]
fn the_python_client_shakes_hands() {
    python_drives("legacy");
}

#[test]
fn the_python_client_speaks_2026() {
    python_drives("2026-07-28");
}

/// The inspector that speaks to the product in this era; what it is to ask comes after.
fn inspector(packages: &Packages, era: &str, naestro: &Naestro, http: Option<(&str, &Path)>) -> Command {
    let mut command = packages.program("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    command.arg("--cli");
    match http {
        // It hands no environment on but what it is told to.
        None => {
            for (name, value) in naestro.command([]).get_envs() {
                command.arg("-e").arg(format!("{}={}", name.display(), value.unwrap_or_default().display()));
            }
            command.args([env!("CARGO_BIN_EXE_naestro"), "mcp"])
        }
        Some((url, token)) => {
            let bearer = std::fs::read_to_string(token).unwrap();
            command.args([url, "--transport", "http", "--header", &format!("Authorization: Bearer {bearer}")])
        }
    };
    command.args(["--protocol-era", era]);
    command
}

#[track_caller]
fn inspector_drives(era: &str) {
    let Some(packages) = Packages::find() else { return };
    for way in [Way::Stdio, Way::Http] {
        // It fails where a tool's schema is one that some client does not take.
        let listed = drive(way, "", |naestro, http| {
            let mut command = inspector(&packages, era, naestro, http);
            command.args(["--method", "tools/list", "--strict"]);
            command
        });
        let names: Vec<String> = listed["tools"].as_array().unwrap().iter().map(|tool| text(&tool["name"])).collect();
        assert_eq!(names, ["orchestrate", "explain", "test", "trace"]);
        let said = drive(way, "", |naestro, http| {
            let mut command = inspector(&packages, era, naestro, http);
            command.args(["--method", "tools/call", "--tool-name", "orchestrate", "--tool-arg"]);
            command.args(["goal=make the tests pass", "mode=auto", "accept=[\"cargo test --offline\"]"]);
            command
        });
        mended(&said["structuredContent"]);
    }
}

#[test]
fn the_inspector_speaks_2026() {
    inspector_drives("modern");
}

#[test]
fn the_inspector_shakes_hands() {
    inspector_drives("legacy");
}
