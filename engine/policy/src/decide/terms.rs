//! An effect in the words of the schema.
//!
//! Invariant: what is not known to be harmless is reduced to the word with the least rights: an unknown tool that writes is
//! a command of unknown origin, a path that cannot be judged is outside.

use naestro_kernel::{Mode, ToolAccess};

use super::{Context, paths};
use crate::effect::{Effect, Generate, ToolCall, Trust};

/// What one decision is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) mode: Mode,
    pub(super) by_model: bool,
    pub(super) unsandboxed: bool,
    pub(super) apply: bool,
    pub(super) deed: Deed,
}

/// A kind of effect together with the kind of thing it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Generate(Host),
    Open,
    Read,
    Edit,
    Diff,
    Exec(Command),
    Import(Paths),
    Upstream(Trust),
}

/// Where a model call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Host {
    Configured,
    Other,
}

/// Where a command comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Command {
    Tests,
    Acceptance,
    Other,
}

/// What the paths of an import are; the worst of them counts, so the order matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Paths {
    Plain,
    Protected,
    Outside,
}

impl Terms {
    pub(super) fn of(context: &Context, effect: &Effect) -> Self {
        let &Context { mode, by_model, unsandboxed, apply, .. } = context;
        Self { mode, by_model, unsandboxed, apply, deed: Deed::of(context, effect) }
    }
}

impl Deed {
    /// Every deed there is; the rules know a request for each.
    pub(super) const ALL: [Self; 15] = [
        Self::Generate(Host::Configured),
        Self::Generate(Host::Other),
        Self::Open,
        Self::Read,
        Self::Edit,
        Self::Diff,
        Self::Exec(Command::Tests),
        Self::Exec(Command::Acceptance),
        Self::Exec(Command::Other),
        Self::Import(Paths::Plain),
        Self::Import(Paths::Protected),
        Self::Import(Paths::Outside),
        Self::Upstream(Trust::ReadOnly),
        Self::Upstream(Trust::Allowed),
        Self::Upstream(Trust::Unsaid),
    ];

    fn of(context: &Context, effect: &Effect) -> Self {
        match effect {
            Effect::Generate(generate) => Self::Generate(host(context, generate)),
            Effect::Open(_) => Self::Open,
            Effect::Call(call) => Self::of_tool(call),
            // An acceptance command is one that the user typed; a model's own choice is a command like any other.
            Effect::Check(_) if context.by_model => Self::Exec(Command::Other),
            Effect::Check(_) => Self::Exec(Command::Acceptance),
            Effect::Diff(_) => Self::Diff,
            Effect::Import(import) => Self::Import(paths::class_of_all(&import.paths)),
            Effect::Upstream(call) => Self::Upstream(call.trust),
        }
    }

    fn of_tool(call: &ToolCall) -> Self {
        match (call.tool.as_str(), call.access) {
            ("test", _) => Self::Exec(Command::Tests),
            ("exec", _) => Self::Exec(Command::Other),
            (_, ToolAccess::None | ToolAccess::Read) => Self::Read,
            ("edit" | "write", ToolAccess::Write) => Self::Edit,
            (_, ToolAccess::Write) => Self::Exec(Command::Other),
        }
    }

    /// The action and the resource (type, id) that the schema knows the deed by.
    pub(super) const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Generate(Host::Configured) => ("generate", "Host", "configured"),
            Self::Generate(Host::Other) => ("generate", "Host", "other"),
            Self::Open => ("open", "Workspace", "own"),
            Self::Read => ("read", "Workspace", "own"),
            Self::Edit => ("edit", "Workspace", "own"),
            Self::Diff => ("diff", "Workspace", "own"),
            Self::Exec(Command::Tests) => ("exec", "Command", "tests"),
            Self::Exec(Command::Acceptance) => ("exec", "Command", "acceptance"),
            Self::Exec(Command::Other) => ("exec", "Command", "other"),
            Self::Import(Paths::Plain) => ("import", "Paths", "plain"),
            Self::Import(Paths::Protected) => ("import", "Paths", "protected"),
            Self::Import(Paths::Outside) => ("import", "Paths", "outside"),
            Self::Upstream(Trust::ReadOnly) => ("upstream", "Tool", "read_only"),
            Self::Upstream(Trust::Allowed) => ("upstream", "Tool", "allowed"),
            Self::Upstream(Trust::Unsaid) => ("upstream", "Tool", "unsaid"),
        }
    }
}

/// Whether a model call goes where the user sends model calls; host names know no case.
fn host(context: &Context, generate: &Generate) -> Host {
    match &context.model_host {
        Some(configured) if configured.eq_ignore_ascii_case(&generate.host) => Host::Configured,
        _ => Host::Other,
    }
}
