//! The product as a test holds it: one state directory, one folder to stand in, perhaps a model.
//!
//! Invariant: when it is dropped, nothing it started is left, every run replays to the same state, and the journal is whole;
//! only a test that damages things says so.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use naestro_tests::projects::Project;
use naestro_tests::scripted::Scripted;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before a test gives it up; only what hangs takes so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// What a process needs of the machine; all else a test says itself.
const KEPT: [&str; 5] = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];

/// The product with a state directory of its own.
pub(super) struct Naestro {
    home: TempDir,
    project: Project,
    variables: BTreeMap<String, String>,
    checked: bool,
}

/// A process that has ended.
#[derive(Debug)]
pub(super) struct Done {
    /// Standard output, line by line, where it is JSON.
    pub(super) lines: Vec<Value>,
    /// Standard output.
    pub(super) out: String,
    /// Standard error.
    pub(super) err: String,
    /// The exit code; -1 where a signal ended it.
    pub(super) code: i32,
}

/// A process that goes on; killed when dropped.
pub(super) struct Going {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// What was heard and not yet asked for.
    heard: Vec<Value>,
    err: Arc<Mutex<String>>,
    reading_err: Option<std::thread::JoinHandle<()>>,
}

impl Naestro {
    /// The product, standing in the project.
    pub(super) fn new(project: &Project) -> Self {
        let home = tempfile::Builder::new().prefix("naestro-home-").tempdir().unwrap();
        let kept = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        let naestro = Self { home, project: project.clone(), variables: kept.collect(), checked: true };
        let nowhere = naestro.home().join("no-config.toml");
        naestro.with("NAESTRO_CONFIG", &nowhere.to_string_lossy()).with("CARGO_TERM_COLOR", "never").with("CARGO_NET_OFFLINE", "true")
    }

    /// The same with a model.
    pub(super) fn model(self, model: &Scripted) -> Self {
        self.with("OPENAI_BASE_URL", &model.url()).with("NAESTRO_MODEL", "scripted")
    }

    /// The same with a variable.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same for a test that damages the journal: it is not checked at the end.
    pub(super) fn damaged(mut self) -> Self {
        self.checked = false;
        self
    }

    /// The state directory.
    pub(super) fn home(&self) -> PathBuf {
        self.home.path().join("state")
    }

    /// A command of the product, not yet started.
    pub(super) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_naestro"));
        command.args(args).current_dir(self.project.root()).env_clear().envs(&self.variables).env("NAESTRO_HOME", self.home());
        command
    }

    /// Runs the product to its end.
    pub(super) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Done {
        self.start(args).finish()
    }

    /// Runs the product with `--json` to its end.
    pub(super) fn json<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Done {
        self.run(args.into_iter().chain(["--json"]))
    }

    /// Starts the product and reads along.
    pub(super) fn start<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Going {
        Going::start(self.command(args))
    }

    /// What `trace` answers.
    pub(super) fn trace<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Value {
        let done = self.json(["trace"].into_iter().chain(args));
        done.lines.into_iter().next_back().unwrap_or_else(|| panic!("trace said nothing: {}", done.err))
    }

    /// The ids of the runs, oldest first.
    pub(super) fn runs(&self) -> Vec<String> {
        let list = self.trace(["list", "--limit", "10000"]);
        let ids = list["runs"].as_array().unwrap_or_else(|| panic!("{list}")).iter().map(|run| text(&run["run"]));
        ids.rev().collect()
    }

    /// The only run there is.
    pub(super) fn only_run(&self) -> String {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// The problems `trace verify` finds.
    pub(super) fn problems(&self) -> Vec<Value> {
        let answer = self.trace(["verify"]);
        answer["problems"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }

    /// Returns once no process that belongs to this state directory is left.
    pub(super) fn alone(&self, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left behind after {within:?}: {left:#?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Processes that know our state directory or our folder.
    fn left(&self) -> Vec<String> {
        let marks = [self.home.path().to_string_lossy().into_owned(), self.project.root().to_string_lossy().into_owned()];
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().path().canonicalize().ok());
        let ours = processes.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().parse::<u32>().is_ok()));
        let told = ours.filter_map(|path| {
            let said = |file: &str| String::from_utf8_lossy(&std::fs::read(path.join(file)).unwrap_or_default()).into_owned();
            let words = said("cmdline").replace('\0', " ");
            let known = format!("{words} {}", said("environ"));
            marks.iter().any(|mark| known.contains(mark.as_str())).then(|| format!("{}: {words}", path.display()))
        });
        told.collect()
    }

    fn check(&self) {
        self.alone(Duration::from_secs(10));
        if !self.home().join("journal.db").exists() {
            return;
        }
        for run in self.runs() {
            let replayed = self.trace(["replay", &run]);
            assert_ne!(replayed["identical"], json!(false), "{replayed}");
            assert!(replayed["digest"].is_string(), "{replayed}");
        }
        assert_eq!(self.problems(), Vec::<Value>::new());
    }
}

impl Drop for Naestro {
    fn drop(&mut self) {
        if self.checked && !std::thread::panicking() {
            self.check();
        }
    }
}

impl Going {
    /// Starts a command and reads along.
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let said = Arc::new(Mutex::new(String::new()));
        let hears = Arc::clone(&said);
        let reading_err = std::thread::spawn(move || {
            let mut err = BufReader::new(err);
            let mut line = Vec::new();
            while err.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                hears.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { child, lines, seen: Vec::new(), heard: Vec::new(), err: said, reading_err: Some(reading_err) }
    }

    /// What follows these words on its standard error, up to the end of the line.
    #[track_caller]
    pub(super) fn says_after(&self, words: &str) -> String {
        let found = || {
            let said = self.err.lock().unwrap();
            let (_, rest) = said.split_once(words)?;
            rest.split_once('\n').map(|(line, _)| line.trim().to_owned())
        };
        eventually(|| found().is_some());
        found().unwrap()
    }

    /// The most memory it ever held, in KiB.
    pub(super) fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Writes bytes to it, as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Writes a line to it.
    pub(super) fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{line}").and_then(|()| input.flush()).unwrap();
    }

    /// Closes its standard input.
    pub(super) fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// The first line from now on that is JSON and wanted.
    pub(super) fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    match serde_json::from_str(&line) {
                        Ok(value) if wanted(&value) => return value,
                        _ => {}
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("it never came; so far: {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    let err = self.err();
                    panic!("it ended before; it said: {:#?} {err}", self.seen)
                }
            }
        }
    }

    /// The first line that is JSON and wanted, of those that nobody asked for yet and those to come.
    pub(super) fn hear(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.heard.iter().position(&wanted) {
            return self.heard.remove(place);
        }
        loop {
            let line = self.until(|_| true);
            if wanted(&line) {
                return line;
            }
            self.heard.push(line);
        }
    }

    /// Waits so long for its end; says whether it came.
    pub(super) fn ends_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Sends its process group a signal, as a terminal does.
    pub(super) fn signal_group(&self, signal: Signal) {
        nix::sys::signal::killpg(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Kills it; what it had said is kept.
    pub(super) fn kill(mut self) -> Done {
        self.child.kill().unwrap();
        self.finish()
    }

    /// Waits for its end.
    pub(super) fn finish(mut self) -> Done {
        drop(self.child.stdin.take());
        assert!(self.ends_within(PATIENCE), "it does not end; it said: {:#?}", self.seen);
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let out = self.seen.iter().map(|line| format!("{line}\n")).collect();
        let lines = self.seen.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Done { lines, out, err: self.err(), code }
    }

    fn err(&mut self) -> String {
        if let Some(reading) = self.reading_err.take() {
            reading.join().unwrap();
        }
        self.err.lock().unwrap().clone()
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Done {
    /// Asserts the exit code, and shows everything where it is another.
    #[track_caller]
    pub(super) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "it said:\n{}\n{}", self.out, self.err);
        self
    }

    /// The last update.
    #[track_caller]
    pub(super) fn finished(&self) -> &Value {
        let last = self.lines.last().unwrap_or_else(|| panic!("it said nothing: {}", self.err));
        assert_eq!(last["type"], "finished", "{}\n{}", self.out, self.err);
        last
    }

    /// The run's id.
    #[track_caller]
    pub(super) fn run(&self) -> String {
        text(&self.lines.first().unwrap_or_else(|| panic!("it said nothing: {}", self.err))["run"])
    }

    /// The error it ended with: `code: message (hint; hint)`.
    #[track_caller]
    pub(super) fn error(&self) -> String {
        let error =
            self.lines.iter().find(|line| line["type"] == "error").unwrap_or_else(|| panic!("no error: {}\n{}", self.out, self.err));
        told(error)
    }

    /// The diff's file and its text.
    #[track_caller]
    pub(super) fn diff(&self) -> (PathBuf, String) {
        let path = PathBuf::from(text(&self.finished()["diff"]));
        let diff = std::fs::read_to_string(&path).unwrap();
        (path, diff)
    }

    /// What was done, one effect a line: `label: state`.
    #[track_caller]
    pub(super) fn receipts(&self) -> Vec<String> {
        let receipts = self.finished()["receipts"].as_array().unwrap().iter();
        receipts.map(|receipt| format!("{}: {}", text(&receipt["label"]), text(&receipt["state"]))).collect()
    }

    /// The updates of a type.
    pub(super) fn of(&self, kind: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["type"] == kind).collect()
    }
}

/// An error in one line: `code: message (hint; hint)`.
pub(super) fn told(error: &Value) -> String {
    let hints: Vec<String> = error["hints"].as_array().into_iter().flatten().map(text).collect();
    format!("{}: {} ({})", text(&error["code"]), text(&error["message"]), hints.join("; "))
}

/// Returns once it holds.
#[track_caller]
pub(super) fn eventually(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to hold");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A value as text: a string without its quotes.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether an update is of that type.
pub(super) fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |update| update["type"] == kind
}

/// Asserts that `text` contains every one of `parts`.
#[track_caller]
pub(super) fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

/// A folder that exists, as the product is told it.
pub(super) fn path(folder: &Path) -> String {
    folder.to_string_lossy().into_owned()
}
