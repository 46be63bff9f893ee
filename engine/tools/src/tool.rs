//! The tools there are, and how one is called.
//!
//! One file per tool below `tool/`; each describes itself in a [`Entry`], from which come its facts, its JSON Schema and the
//! check of its arguments, so the three cannot disagree.
//!
//! Invariant: [`invoke`] never panics on its arguments, never writes outside its root and never leaves a process it
//! started behind in that process's group.

mod affected;
mod arguments;
mod beneath;
pub(crate) mod bounded;
mod changes;
mod citations;
mod edit;
mod exec;
mod explain;
mod known;
mod list;
mod packages;
mod process;
mod read;
mod search;
mod test;
pub(crate) mod walk;
mod write;

use std::path::Path;
use std::time::{Duration, Instant};

use naestro_kernel::code::Code;
use naestro_kernel::{Class, ToolAccess, ToolFacts};
use naestro_policy::effect::ToolSpec;

use arguments::{Arguments, Field};
use beneath::Root;
pub(crate) use process::Cancel;

/// Where a tool runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the confined helper whose root is the workspace.
    Hands,
    /// In the main process, on the checkout itself, read-only: facts of git and of manifests.
    Host,
    /// In the confined helper too, but what it changes there is undone, as after an acceptance command.
    Trial,
}

/// One tool: facts for the kernel, a description for models, and where it runs.
pub(crate) struct Tool {
    /// What the kernel needs to know.
    pub facts: ToolFacts,
    /// What a model needs to know.
    pub spec: ToolSpec,
    /// Where it runs.
    pub place: Place,
}

/// One call of a tool.
pub(crate) struct Invocation<'a> {
    /// The folder it works in; nothing outside is read or written by the file tools.
    pub root: &'a Path,
    /// The tool's name.
    pub tool: &'a str,
    /// Its arguments: a JSON object.
    pub args: &'a [u8],
    /// The longest it may take.
    pub timeout: Duration,
    /// Stops it early.
    pub cancel: &'a Cancel,
    /// What knows the code of folders; only where the tool's place is the host.
    pub code: Option<&'a dyn Code>,
}

/// What a tool says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// Whether it did what it was asked to.
    pub ok: bool,
    /// For a person or a model; bounded.
    pub text: String,
    /// For a later step, where there is more to say than the text.
    pub data: Option<serde_json::Value>,
}

/// Why a tool could not answer at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It took longer than it was given.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// The world is not as it must be: a lowercase fragment that fits "failed to ...".
    Broken(String),
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it printed on both streams, in order, bounded to 32 KB: the beginning and the end.
    pub output: String,
}

/// A tool as its file declares it.
struct Entry {
    name: &'static str,
    about: &'static str,
    fields: &'static [Field],
    class: Class,
    access: ToolAccess,
    for_agents: bool,
    place: Place,
    run: fn(&Call<'_>) -> Result<Answer, Stop>,
}

/// A call whose arguments were checked against the tool's fields.
struct Call<'a> {
    root: Root,
    args: Arguments,
    deadline: Instant,
    cancel: &'a Cancel,
    code: Option<&'a dyn Code>,
}

/// Why a tool ended early: it says no, with the next step, or it could not be run.
#[derive(Debug)]
enum Stop {
    Refused(String),
    Fault(Fault),
}

/// Every tool, in the order they are shown.
const ENTRIES: &[&Entry] = &[
    &read::TOOL,
    &list::TOOL,
    &search::TOOL,
    &edit::TOOL,
    &write::TOOL,
    &exec::TOOL,
    &explain::TOOL,
    &citations::TOOL,
    &changes::TOOL,
    &packages::TOOL,
    &affected::TOOL,
    &test::TOOL,
];

/// Every tool, in a stable order.
pub(crate) fn registry() -> Vec<Tool> {
    ENTRIES.iter().map(|entry| entry.tool()).collect()
}

/// Calls a tool and blocks until it ends. Arguments that do not fit are an answer that names the field and the next step.
///
/// # Errors
/// The fault, if the tool took too long, was cancelled, or could not be run.
pub(crate) fn invoke(invocation: &Invocation<'_>) -> Result<Answer, Fault> {
    match attempt(invocation) {
        Ok(answer) => Ok(answer),
        Err(Stop::Refused(text)) => Ok(Answer { ok: false, text, data: None }),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// Runs `/bin/sh -c command` in `root`, in a process group of its own that ends with it.
///
/// # Errors
/// The fault, if it took too long, was cancelled, or could not be started.
pub(crate) fn command(root: &Path, command: &str, timeout: Duration, cancel: &Cancel) -> Result<Exit, Fault> {
    let ended = process::run(&process::shell(root, command), Instant::now() + timeout, cancel)?;
    Ok(Exit { code: ended.code, signal: ended.signal, output: ended.output })
}

fn attempt(invocation: &Invocation<'_>) -> Result<Answer, Stop> {
    let entry = ENTRIES.iter().find(|entry| entry.name == invocation.tool).ok_or_else(|| unknown(invocation.tool))?;
    let args = Arguments::parse(invocation.args, entry.fields)?;
    let root = Root::open(invocation.root).map_err(Fault::Broken)?;
    let call = Call { root, args, deadline: Instant::now() + invocation.timeout, cancel: invocation.cancel, code: invocation.code };
    (entry.run)(&call)
}

fn unknown(tool: &str) -> Stop {
    let names: Vec<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
    Stop::Refused(format!("there is no tool {tool:?}; use one of: {}", names.join(", ")))
}

impl Entry {
    fn tool(&self) -> Tool {
        Tool {
            facts: ToolFacts { name: self.name.into(), class: self.class, access: self.access, for_agents: self.for_agents },
            spec: ToolSpec { name: self.name.into(), description: self.about.into(), schema: arguments::schema(self.name, self.fields) },
            place: self.place,
        }
    }
}

impl Call<'_> {
    /// Stops a tool that works in a loop, once it was cancelled or its time is over.
    fn go_on(&self) -> Result<(), Fault> {
        if self.cancel.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        if Instant::now() >= self.deadline { Err(Fault::TimedOut) } else { Ok(()) }
    }
}

impl Answer {
    fn yes(text: impl Into<String>) -> Self {
        Self { ok: true, text: text.into(), data: None }
    }
}

impl Stop {
    fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TimedOut => f.write_str("end in the time it was given"),
            Self::Cancelled => f.write_str("end before it was cancelled"),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests;
