//! A project to work on: a folder that is changed by shell commands, and runs of workspaces on it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use naestro_kernel::{Digest, Failure};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{Desk, Memory};

/// A folder, a state directory, and what runs on them.
pub(crate) struct Project {
    folder: TempDir,
    home: TempDir,
    contents: Arc<Memory>,
    runtime: Runtime,
    plain: bool,
}

/// Whether workspaces are plain copies; every test of what they do holds for both.
pub(crate) const LEVELS: [bool; 2] = [false, true];

impl Project {
    /// An empty folder, changed by the commands of `script`.
    pub(crate) fn new(plain: bool, script: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let project = Self { folder, home: tempfile::tempdir().unwrap(), contents: Arc::default(), runtime, plain };
        project.sh(script);
        project
    }

    /// A git repository with one commit of what `script` makes.
    pub(crate) fn committed(plain: bool, script: &str) -> Self {
        let project = Self::new(plain, "git init -q .");
        project.sh(script);
        project.sh("git add -A && git commit -qm base");
        project
    }

    /// Runs a script in the folder itself, as the user does, and returns what it prints.
    #[track_caller]
    pub(crate) fn sh(&self, script: &str) -> String {
        sh(self.path(), script)
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The state directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The content store.
    pub(crate) fn contents(&self) -> &Memory {
        &self.contents
    }

    /// A run, not opened yet, in a process of its own as far as workspaces can tell.
    pub(crate) fn run(&self, number: u8) -> Run<'_> {
        let exe = PathBuf::from(env!("CARGO_BIN_EXE_hands"));
        let desk = Desk::new(self.home(), self.path(), self.contents.clone(), exe, self.plain, number);
        Run { project: self, desk }
    }

    /// A run with its workspace open, and the base tree.
    #[track_caller]
    pub(crate) fn open(&self, number: u8) -> (Run<'_>, Digest) {
        let run = self.run(number);
        let base = self.wait(run.desk.open(None, None)).unwrap().base;
        (run, base)
    }

    /// Waits for a future.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// A run on a project.
pub(crate) struct Run<'a> {
    project: &'a Project,
    pub(crate) desk: Desk,
}

impl Run<'_> {
    /// Runs a command in the workspace; its output without the line on how it ended, and the checkpoint.
    #[track_caller]
    pub(crate) fn sh(&self, command: &str) -> (String, Option<Digest>) {
        let result = self.project.wait(self.desk.exec(command)).unwrap();
        let text = result.output.text.text().into_owned();
        assert!(result.ok, "{command}: {text}");
        (text.trim_end_matches("[exit code 0]").to_owned(), result.tree)
    }

    /// Runs a command in the workspace that changes the tree; the checkpoint.
    #[track_caller]
    pub(crate) fn change(&self, command: &str) -> Digest {
        self.sh(command).1.expect("the tree changes")
    }

    /// Opens the workspace at a checkpoint.
    pub(crate) fn open(&self, base: Option<Digest>, restore: Option<Digest>) -> Result<Digest, Failure> {
        self.project.wait(self.desk.open(base, restore)).map(|opened| opened.base)
    }

    /// The patch between two trees.
    #[track_caller]
    pub(crate) fn diff(&self, base: Digest, tree: Digest) -> (Vec<u8>, Vec<String>) {
        self.project.wait(self.desk.diff(base, tree)).unwrap()
    }

    /// Imports a checkpoint.
    pub(crate) fn import(&self, base: Digest, tree: Digest) -> Result<u32, Failure> {
        self.project.wait(self.desk.import(base, tree))
    }
}

/// Runs a script in a folder with git that heeds no configuration but our own.
#[track_caller]
pub(crate) fn sh(folder: &Path, script: &str) -> String {
    let mut command = Command::new("/bin/sh");
    command.arg("-ec").arg(script).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.invalid")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
