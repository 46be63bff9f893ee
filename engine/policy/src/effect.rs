//! Effects made exact: what a permit is bound to, and what a port is given.
//!
//! Every effect derives `Hash`; the digest of its kind and its canonical form ([`Exact::exactly`]) is what the permit holds.

use std::collections::BTreeMap;
use std::hash::Hash;

use naestro_kernel::{Body, Digest, RunId, ToolAccess};

/// One exact effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A model call.
    Generate(Generate),
    /// Opening a workspace.
    Open(Open),
    /// A tool call.
    Call(ToolCall),
    /// An acceptance command.
    Check(Check),
    /// Computing a diff.
    Diff(Diff),
    /// Importing a diff into the checkout.
    Import(Import),
    /// A call of another server's tool.
    Upstream(UpstreamCall),
}

/// An argument of a port that a permit can cover.
pub trait Exact: Hash {
    /// What tells it from effects of other kinds whose fields happen to be the same.
    const KIND: &'static str;

    /// The digest of its kind and all of it.
    fn exactly(&self) -> Digest {
        crate::digest(&(Self::KIND, self))
    }
}

impl Exact for Generate {
    const KIND: &'static str = "generate";
}

impl Exact for Open {
    const KIND: &'static str = "open";
}

impl Exact for ToolCall {
    const KIND: &'static str = "call";
}

impl Exact for Check {
    const KIND: &'static str = "check";
}

impl Exact for Diff {
    const KIND: &'static str = "diff";
}

impl Exact for Import {
    const KIND: &'static str = "import";
}

impl Exact for UpstreamCall {
    const KIND: &'static str = "upstream";
}

/// A model call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Generate {
    /// The host (and port, where not the default) it goes to.
    pub host: String,
    /// The model's name there.
    pub model: String,
    /// The conversation.
    pub messages: Vec<Message>,
    /// The tools the model may call.
    pub tools: Vec<ToolSpec>,
    /// The most tokens of the reply.
    pub max_output: u64,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
    /// The model's reasoning, where it showed one; echoed to it.
    pub reasoning: String,
    /// The calls an assistant message asks for.
    pub calls: Vec<MessageCall>,
    /// The call a tool message answers.
    pub answers: Option<String>,
    /// Fields of the provider's message that we do not know, as JSON text by name; echoed to it.
    pub unknown: BTreeMap<String, String>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We, to the model.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// A tool's result.
    Tool,
}

/// A tool call inside an assistant message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageCall {
    /// Its id, unique in the message.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// The arguments as the model wrote them: JSON text, perhaps malformed.
    pub args: String,
    /// Fields of the provider's call that we do not know, as JSON text by name; echoed to it.
    pub unknown: BTreeMap<String, String>,
}

/// A tool as it is described to a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON Schema of its arguments, as JSON text.
    pub schema: String,
}

/// Opening a workspace for a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Open {
    /// The run that works in it.
    pub run: RunId,
    /// The absolute path of the user's folder.
    pub checkout: String,
    /// The base tree to use, where one was recorded; otherwise the checkout as it is now.
    pub base: Option<Digest>,
    /// The checkpoint to restore, where one is given.
    pub restore: Option<Digest>,
}

/// A tool call, in a run's workspace where the tool needs one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolCall {
    /// The run whose workspace it is.
    pub run: RunId,
    /// The absolute path of the user's folder.
    pub checkout: String,
    /// The tool.
    pub tool: String,
    /// What it needs of the workspace.
    pub access: ToolAccess,
    /// The arguments: a JSON object.
    pub args: Body,
    /// The longest it may take, in milliseconds.
    pub timeout: u64,
}

/// An acceptance command: run by `/bin/sh -c` in the run's workspace; what it changed there is undone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// The run whose workspace it is.
    pub run: RunId,
    /// The command.
    pub command: String,
    /// The checkpoint to return to, or the base tree where there is none.
    pub restore: Option<Digest>,
    /// The longest it may take, in milliseconds.
    pub timeout: u64,
}

/// The difference between a run's base tree and one of its checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diff {
    /// The base tree.
    pub base: Digest,
    /// The checkpoint.
    pub tree: Digest,
}

/// Importing a checkpoint into the checkout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Import {
    /// The absolute path of the user's folder.
    pub checkout: String,
    /// The base tree: files that no longer hold what it says are not overwritten.
    pub base: Digest,
    /// The checkpoint.
    pub tree: Digest,
    /// The digest of the diff the human or the policy saw.
    pub diff: Digest,
    /// The paths it writes or removes, relative to the checkout, sorted.
    pub paths: Vec<String>,
}

/// A call of a tool that another server offers: it happens outside the workspace, and what it does is its own word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamCall {
    /// The run it is made for.
    pub run: RunId,
    /// The server's name in the user's configuration.
    pub server: String,
    /// The tool, as the server calls it.
    pub tool: String,
    /// The digest of the description and the schema that the user approved.
    pub pinned: Digest,
    /// What the user says of the tool.
    pub trust: Trust,
    /// The arguments: a JSON object.
    pub args: Body,
    /// The longest it may take, in milliseconds.
    pub timeout: u64,
}

/// What the user says of a tool of another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// That it only reads.
    ReadOnly,
    /// That it may be called unasked.
    Allowed,
    /// Nothing.
    Unsaid,
}
