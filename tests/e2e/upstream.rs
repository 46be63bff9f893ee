//! The product with servers of others: their configuration, their approval, and a model that calls one tool.

use std::path::{Path, PathBuf};
use std::time::Duration;

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use serde_json::{Value, json};

use super::models::calls;
use super::naestro::{Done, Naestro, path, text};

/// A server named `evil` behaves by its mode.
pub(super) struct Upstream {
    pub(super) naestro: Naestro,
    pub(super) project: Project,
    pub(super) model: Scripted,
}

/// The fixture's program.
pub(super) fn fixture() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_naestro")).with_file_name("upstream-fixture");
    assert!(program.exists(), "{} is missing: cargo build -p naestro-tests", program.display());
    program
}

impl Upstream {
    /// A server in this mode, and a model that calls `tool` of it; `more` stands in the server's table.
    pub(super) fn new(mode: &str, tool: &str, more: &str) -> Self {
        let project = Project::plain();
        let model = Scripted::spawn(calls(tool, json!({ "word": "hello" })));
        let naestro = Naestro::new(&project).model(&model);
        std::fs::create_dir_all(naestro.home()).unwrap();
        let config = naestro.home().join("config.toml");
        let naestro = naestro.with("NAESTRO_CONFIG", &path(&config));
        let upstream = Self { naestro, project, model };
        upstream.configure(mode, more);
        upstream
    }

    /// Writes the server's table.
    pub(super) fn configure(&self, mode: &str, more: &str) {
        let env = format!("env = {{ PIDS = {:?}, ABOUT = {:?} }}", self.pids_file(), self.about_file());
        let table = format!("[upstream.evil]\ncommand = [{:?}, {mode:?}]\n{env}\n{more}\n", fixture());
        std::fs::write(self.naestro.home().join("config.toml"), table).unwrap();
    }

    fn pids_file(&self) -> PathBuf {
        self.naestro.home().join("pids")
    }

    /// Where the server that changes its description reads it from.
    pub(super) fn about_file(&self) -> PathBuf {
        self.naestro.home().join("about")
    }

    /// The processes that were ever started of the server.
    pub(super) fn pids(&self) -> Vec<u32> {
        let pids = std::fs::read_to_string(self.pids_file()).unwrap_or_default();
        pids.lines().map(|pid| pid.parse().unwrap()).collect()
    }

    /// Approves all tools; what was said.
    pub(super) fn approve(&self) -> Done {
        self.naestro.json(["upstream", "approve", "evil", "--yes"])
    }

    /// Has the model call its tool in this mode of the run; what the model was told, and how the run ended.
    pub(super) fn run(&self, mode: &str) -> (String, Value) {
        let done = self.naestro.json(["orchestrate", "use the tool", "--mode", mode]);
        (self.told(), done.finished().clone())
    }

    /// What the model was told about its call.
    pub(super) fn told(&self) -> String {
        let chats = self.model.chats();
        let messages = chats.last().unwrap()["messages"].as_array().unwrap();
        messages.iter().find(|message| message["role"] == "tool").map(|message| text(&message["content"])).unwrap_or_default()
    }
}

/// Whether a process lives.
pub(super) fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Returns once none of them lives; panics after `within`.
#[track_caller]
pub(super) fn gone(pids: &[u32], within: Duration) {
    let until = std::time::Instant::now() + within;
    while pids.iter().any(|&pid| lives(pid)) {
        assert!(std::time::Instant::now() < until, "still there after {within:?}: {pids:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
