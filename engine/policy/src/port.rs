//! The ports: what the runtime needs from the world, in plain types.
//!
//! A port that has an effect takes its [`Permit`] by value and must first confirm that it [covers](Permit::covers) the
//! argument. Two ports need none: the journal, because a permit holds only once the journal says so, and the content
//! store, because writing bytes under their own digest changes nothing anyone can see.
//!
//! Dropping a returned future cancels the effect: the implementation ends what it started.

use std::future::Future;
use std::pin::Pin;

use naestro_kernel::{Body, Digest, Event, Failure, Finish, Output, RunId, RunOutcome, ToolFacts, Usage};

use crate::Permit;
use crate::effect::{Check, Diff, Generate, Import, Message, Open, ToolCall, ToolSpec, Trust, UpstreamCall};

/// A boxed future, as object-safe ports return it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a model says while it speaks; not journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// The next part of the text.
    Text(String),
    /// The next part of the reasoning.
    Reasoning(String),
}

/// A whole reply of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The message: role assistant, with its calls.
    pub message: Message,
    /// Why it ended.
    pub finish: Finish,
    /// What it used; zero where the provider does not say.
    pub usage: Usage,
}

/// Models that answer.
pub trait Models: Send + Sync {
    /// Sends one request, without retrying, and passes deltas on as they come.
    ///
    /// # Errors
    /// The failure, with what the provider said; `Transient` where trying again may help.
    fn generate<'a>(
        &'a self,
        permit: Permit,
        request: Generate,
        on_delta: &'a (dyn Fn(Delta) + Send + Sync),
    ) -> Answer<'a, Result<Reply, Failure>>;
}

/// A workspace that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The base tree's manifest digest.
    pub base: Digest,
    /// The isolation it has, in words.
    pub level: String,
}

/// What a tool call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// Whether it did what it was asked to.
    pub ok: bool,
    /// What it produced.
    pub output: Output,
    /// The checkpoint after it; `None` where the tree is as it was before.
    pub tree: Option<Digest>,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// Whether it exited with 0.
    pub passed: bool,
    /// What it printed, bounded; the text ends with how it exited.
    pub output: Output,
}

/// Workspaces and the tools that work in them. Runs are told apart by their id; a run has one workspace at most.
pub trait Workspaces: Send + Sync {
    /// The tools there are, in a stable order: facts for the kernel, descriptions for models.
    fn tools(&self) -> Vec<(ToolFacts, ToolSpec)>;

    /// Opens the run's workspace, or brings an open one to `restore`.
    ///
    /// # Errors
    /// The failure, if the folder cannot be read, no isolation level can be had, or a tree's content is missing.
    fn open(&self, permit: Permit, open: Open) -> Answer<'_, Result<Opened, Failure>>;

    /// Calls a tool. A tool that says no (`ok: false`) is a result, not a failure.
    ///
    /// # Errors
    /// The failure, if the tool could not be run at all or took too long.
    fn call(&self, permit: Permit, call: ToolCall) -> Answer<'_, Result<ToolResult, Failure>>;

    /// Runs an acceptance command and returns the workspace to `check.restore`.
    ///
    /// # Errors
    /// The failure, if the command could not be run or took too long.
    fn check(&self, permit: Permit, check: Check) -> Answer<'_, Result<CheckResult, Failure>>;

    /// Computes a unified diff that `git apply` accepts, and the paths that differ, sorted.
    ///
    /// # Errors
    /// The failure, if a tree's content is missing.
    fn diff(&self, permit: Permit, diff: Diff) -> Answer<'_, Result<(Body, Vec<String>), Failure>>;

    /// Imports a checkpoint into the checkout, all or nothing; repeating a finished or interrupted import is safe.
    ///
    /// # Errors
    /// The failure, naming the files whose content is neither the base's nor the checkpoint's; nothing is written then.
    fn import(&self, permit: Permit, import: Import) -> Answer<'_, Result<u32, Failure>>;

    /// Ends the run's workspace: its processes are killed, its private files removed. Does nothing if there is none.
    fn close(&self, run: RunId) -> Answer<'_, ()>;
}

/// A tool of another server that the user approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTool {
    /// Facts for the kernel, under the name it has here.
    pub facts: ToolFacts,
    /// Its description for models, cleaned and bounded.
    pub spec: ToolSpec,
    /// The server's name in the user's configuration.
    pub server: String,
    /// The name the server knows it by.
    pub tool: String,
    /// The digest of the description and the schema that the user approved.
    pub pinned: Digest,
    /// What the user says of it.
    pub trust: Trust,
}

/// Tools of other servers.
pub trait Upstreams: Send + Sync {
    /// The approved tools, in a stable order; starts nothing.
    fn tools(&self) -> Vec<UpstreamTool>;

    /// Calls a tool, starting its server where it does not run. A server that fails, lies or is silent costs this call: all of that is a
    /// result that says no.
    ///
    /// # Errors
    /// The failure, if the permit covers another call.
    fn call(&self, permit: Permit, call: UpstreamCall) -> Answer<'_, Result<ToolResult, Failure>>;

    /// Ends every server that was started, with all that came from it.
    fn close(&self) -> Answer<'_, ()>;
}

/// Bytes kept under their own digest, once each.
pub trait Contents: Send + Sync {
    /// Keeps the bytes; doing so again is free.
    ///
    /// # Errors
    /// The reason, if they could not be written.
    fn put(&self, bytes: &[u8]) -> Result<Digest, JournalError>;

    /// The bytes under that digest, checked against it.
    ///
    /// # Errors
    /// `Corrupt` if they are missing or damaged.
    fn get(&self, digest: &Digest) -> Result<Vec<u8>, JournalError>;

    /// Whether there are bytes under that digest.
    fn has(&self, digest: &Digest) -> bool;
}

/// How durable an append is when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives the death of the process, not of the machine.
    Buffered,
    /// Survives a power cut, with everything before it.
    Barrier,
}

/// What went wrong with the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// The disk is full, read-only or failing: nothing may be done now.
    Unavailable(String),
    /// A record or blob is not what was written.
    Corrupt {
        /// The run, where it is known.
        run: Option<RunId>,
        /// The record's place in the run, where it is a record.
        index: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// The journal was written by a newer format: it is read and never written.
    Newer(String),
    /// Another process owns the run.
    Owned {
        /// The owner's process id.
        pid: u32,
    },
    /// We no longer own the run: another process took it over.
    Fenced,
    /// There is no such run.
    Unknown(RunId),
}

/// A run as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// The run.
    pub run: RunId,
    /// The session it belongs to.
    pub session: RunId,
    /// The folder it is about.
    pub workspace: String,
    /// The user's words, or the recipe.
    pub title: String,
    /// When it was opened, in milliseconds since the Unix epoch.
    pub opened: u64,
    /// How many events it has, its parent's included.
    pub events: u64,
    /// How it ended; `None` where it has not.
    pub outcome: Option<RunOutcome>,
    /// Whether a live process owns it.
    pub owned: bool,
}

/// A message put into a run's inbox by another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its number in the inbox.
    pub id: u64,
    /// What it says: JSON of the runtime's own.
    pub body: Vec<u8>,
}

/// The event log. Methods do not block on the disk unless they say so; all may be called from any thread.
pub trait Journal: Contents {
    /// Takes ownership of a new run and appends its first events, at least one: it is there with all of them or not at all.
    ///
    /// # Errors
    /// `Corrupt` if `first` is empty or there is a run of that id.
    fn create(&self, entry: RunEntry, first: Vec<Event>) -> Answer<'_, Result<(), JournalError>>;

    /// Takes ownership of a run whose owner is gone; returns whether that owner died rather than let go.
    ///
    /// # Errors
    /// `Owned` while the owner lives or its lease has not lapsed.
    fn own(&self, run: RunId) -> Answer<'_, Result<bool, JournalError>>;

    /// Lets go of a run that is suspended or finished; `digest` is the state's, kept for replay to compare with.
    fn release(&self, run: RunId, digest: Digest) -> Answer<'_, Result<(), JournalError>>;

    /// Appends events of a run this process owns, in order; they are readable by all when this returns.
    fn append(&self, run: RunId, events: Vec<Event>, durability: Durability) -> Answer<'_, Result<(), JournalError>>;

    /// The run's events from `from` on, at most `limit`, its parent's included, each checked against the chain. Blocks.
    ///
    /// # Errors
    /// `Corrupt` names the first bad record; those before it can be had with a smaller `limit`.
    fn read(&self, run: RunId, from: u64, limit: usize) -> Result<Vec<Event>, JournalError>;

    /// One run. Blocks.
    fn entry(&self, run: RunId) -> Result<RunEntry, JournalError>;

    /// The newest `limit` runs, newest first. Blocks.
    fn list(&self, limit: usize) -> Result<Vec<RunEntry>, JournalError>;

    /// The digest recorded by the last [`Journal::release`], where there is one. Blocks.
    fn state_digest(&self, run: RunId) -> Result<Option<Digest>, JournalError>;

    /// Makes a run that continues `parent` from after event `index`, owned by this process, and appends `first` to it.
    fn fork(&self, parent: RunId, index: u64, run: RunId, first: Event) -> Answer<'_, Result<(), JournalError>>;

    /// Puts a letter into a run's inbox, whoever owns it.
    fn post(&self, run: RunId, body: Vec<u8>) -> Answer<'_, Result<(), JournalError>>;

    /// The letters of a run this process owns that are newer than `after`.
    fn inbox(&self, run: RunId, after: u64) -> Answer<'_, Result<Vec<Letter>, JournalError>>;

    /// Returns when another process may have changed the journal: polls `data_version`, at most every 20 ms.
    fn changed(&self) -> Answer<'_, ()>;

    /// The run's records as they are on disk, its parent's included: one JSON object each, with index, time and chain. Blocks.
    ///
    /// # Errors
    /// `Corrupt` names the first bad record.
    fn export(&self, run: RunId) -> Result<Vec<String>, JournalError>;

    /// Checks every record, blob and chain of one run, or of all. Blocks. An empty answer means that all is well.
    fn verify(&self, run: Option<RunId>) -> Result<Vec<JournalError>, JournalError>;

    /// Removes a run and every blob no other run holds. Blocks.
    ///
    /// # Errors
    /// `Owned` while a live process owns it.
    fn remove(&self, run: RunId) -> Result<(), JournalError>;

    /// Removes finished runs that nobody owns, the oldest first, until the journal takes at most `limit` bytes; how many.
    fn sweep(&self, limit: u64) -> Answer<'_, Result<usize, JournalError>>;
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "write to the journal: {why}"),
            Self::Corrupt { run: Some(run), index: Some(index), what } => write!(f, "read record {index} of run {run}: {what}"),
            Self::Corrupt { run: Some(run), index: None, what } => write!(f, "read run {run}: {what}"),
            Self::Corrupt { run: None, what, .. } => write!(f, "read the journal: {what}"),
            Self::Newer(what) => write!(f, "write to a journal of a newer format: {what}"),
            Self::Owned { pid } => write!(f, "take over a run that process {pid} owns"),
            Self::Fenced => f.write_str("append to a run that another process took over"),
            Self::Unknown(run) => write!(f, "find run {run}"),
        }
    }
}

impl std::error::Error for JournalError {}
