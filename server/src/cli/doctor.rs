//! `naestro doctor`: what works here, what does not, and what to do about it.
//!
//! Invariant: a key's source is shown, never the key.

mod isolation;

use std::path::{Path, PathBuf};

use naestro_api::{Error, ErrorCode};
use naestro_journal::SqliteJournal;
use serde::Serialize;

use super::upstream;
use crate::config::{self, Config};
use crate::{clean, exit, folder, process, screen, wire};

/// Say what works here, what does not, and what to do about it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  naestro doctor --json")]
pub(super) struct Args {
    /// Print the findings as one JSON object.
    #[arg(long)]
    json: bool,
    /// What the command itself starts: mounts an overlay there, in namespaces of its own, and ends.
    #[arg(long, value_name = "FOLDER", hide = true)]
    try_overlay: Option<PathBuf>,
}

/// How a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    /// It works.
    Works,
    /// It does not, and something can be done without it.
    Missing,
    /// It does not, and nothing can be done without it.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at.
    what: &'static str,
    standing: Standing,
    /// What was found.
    found: String,
    /// What to do; empty where nothing needs to be done.
    hint: String,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        if let Some(place) = self.try_overlay {
            return isolation::try_here(&place).map(|()| exit::SUCCEEDED).map_err(|why| Error::new(ErrorCode::Unavailable, why));
        }
        let findings = findings()?;
        let broken = findings.iter().any(|finding| finding.standing == Standing::Broken);
        if self.json {
            screen::json_line(&serde_json::json!({ "version": env!("CARGO_PKG_VERSION"), "findings": findings }));
        } else {
            screen::print(&findings.iter().map(line).collect::<String>())?;
        }
        Ok(if broken { exit::UNAVAILABLE } else { exit::SUCCEEDED })
    }
}

/// All findings; what does not depend on a broken configuration file is looked at all the same.
fn findings() -> Result<Vec<Finding>, Error> {
    let (config, configuration) = match Config::load(None) {
        Ok(config) => (Ok(config), None),
        Err(error) => (Config::of_environment(), Some(broken("configuration", error.to_string(), &error.hints.join("; ")))),
    };
    let Ok(config) = config else { return Ok(configuration.into_iter().collect()) };
    let configuration = configuration.unwrap_or_else(|| self::configuration(&config));
    process::block_on(async { Ok(look(configuration, &config).await) })
}

async fn look(configuration: Finding, config: &Config) -> Vec<Finding> {
    let mut findings = vec![
        configuration,
        journal(config),
        isolation(config),
        repository(),
        program("cargo", "tests of Rust projects", "install Rust from https://rustup.rs"),
        program("python3", "tests of Python projects", "install python3 and pytest"),
        model(config).await,
    ];
    findings.extend(upstreams(config));
    findings
}

fn configuration(config: &Config) -> Finding {
    let found = if config.file.exists() { "read" } else { "absent, which is fine" };
    works("configuration", format!("{}: {found}", config.file.display()))
}

/// Opens the journal for real, which makes the state directory where there is none.
fn journal(config: &Config) -> Finding {
    let place = config.home.display();
    match SqliteJournal::open(&config.home) {
        Ok(_) if !is_private(&config.home) => {
            broken("journal", format!("{place} can be read by other users"), &format!("chmod 700 {place}"))
        }
        Ok(_) => works("journal", format!("{place} can be written")),
        Err(error) => broken("journal", format!("{place}: failed to {error}"), "make room or set NAESTRO_HOME to a folder you can write"),
    }
}

/// The servers whose tools runs may use; none of them is started.
fn upstreams(config: &Config) -> Option<Finding> {
    let servers = wire::upstreams(config).servers();
    let found: Vec<String> = servers.iter().map(|server| format!("{}: {}", server.name, upstream::state(server))).collect();
    let waiting = servers.iter().find(|server| server.approved == 0 || !server.counts);
    match waiting {
        _ if servers.is_empty() => None,
        None => Some(works("other servers", found.join("; "))),
        Some(server) => Some(missing("other servers", found.join("; "), &format!("naestro upstream approve {}", server.name))),
    }
}

fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 == 0)
}

fn isolation(config: &Config) -> Finding {
    match isolation::look(&config.home) {
        Ok(()) => works("workspaces", "overlays in namespaces of their own; a view, no sandbox".to_owned()),
        Err(why) => {
            let hint = "allow unprivileged user namespaces, or go on with copies";
            missing("workspaces", format!("plain copies, which cost more disk and time: failed to {why}"), hint)
        }
    }
}

fn repository() -> Finding {
    let here = std::env::current_dir().unwrap_or_default();
    match folder::repository(&here) {
        Some(root) => works("repository", format!("{}", root.display())),
        None => missing("repository", format!("{} is in no git repository", here.display()), "git init, or give --workspace"),
    }
}

fn program(name: &'static str, what_for: &str, hint: &str) -> Finding {
    match config::program(name) {
        Some(path) => works(name, format!("{} for {what_for}", path.display())),
        None => missing(name, format!("not found; {what_for} cannot be run"), hint),
    }
}

async fn model(config: &Config) -> Finding {
    let model = match &config.model {
        Ok(model) => model,
        Err(why) => return missing("model", format!("{}; recipes without agents, explain and trace work", why.what()), why.hint()),
    };
    let key = if model.key.is_some() { format!("a key from {}", model.key_source) } else { "no key".to_owned() };
    let place = format!("{} at {} (from {}), {key}", model.name, model.base_url, model.url_source);
    match naestro_models::probe(&wire::endpoint(model)).await {
        Ok(names) if !names.is_empty() && !names.contains(&model.name) => {
            missing("model", format!("{place}: it answers, but has no such model"), &format!("it has {}", some(&names)))
        }
        Ok(_) => works("model", format!("{place}: it answers")),
        Err(failure) => missing("model", format!("{place}: failed to {}", failure.message), &failure.hint),
    }
}

/// The first few names.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown} and {} more", names.len() - 8) } else { shown }
}

fn works(what: &'static str, found: String) -> Finding {
    Finding { what, standing: Standing::Works, found, hint: String::new() }
}

fn missing(what: &'static str, found: String, hint: &str) -> Finding {
    Finding { what, standing: Standing::Missing, found, hint: hint.to_owned() }
}

fn broken(what: &'static str, found: String, hint: &str) -> Finding {
    Finding { what, standing: Standing::Broken, found, hint: hint.to_owned() }
}

fn line(finding: &Finding) -> String {
    let mark = match finding.standing {
        Standing::Works => "ok     ",
        Standing::Missing => "missing",
        Standing::Broken => "BROKEN ",
    };
    let hint = if finding.hint.is_empty() { String::new() } else { format!("         hint: {}\n", clean::line(&finding.hint)) };
    format!("{mark}  {}: {}\n{hint}", finding.what, clean::line(&finding.found))
}
