//! What went wrong, for a person and for a program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An error: a stable code, one sentence, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Error {
    /// The kind, which says whose move it is.
    pub kind: ErrorKind,
    /// The stable code.
    pub code: ErrorCode,
    /// A lowercase fragment that fits "failed to ...".
    pub message: String,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

/// Whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The input is wrong.
    User,
    /// The configuration is wrong.
    Config,
    /// The policy refused.
    Policy,
    /// Something needed is not there: a provider, a disk, a tool.
    Unavailable,
    /// A bug in Naestro.
    Internal,
}

/// The stable codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The input cannot be read, or a field is missing or wrong.
    InvalidInput,
    /// The workspace path is relative, missing or no folder.
    InvalidWorkspace,
    /// A plan or recipe cannot be carried out.
    InvalidPlan,
    /// There is no recipe of that name.
    UnknownRecipe,
    /// There is no run of that id.
    UnknownRun,
    /// The run has no such open question, or not that choice.
    UnknownQuestion,
    /// The target cannot be explained.
    UnknownTarget,
    /// The run is finished, or owned by another live process.
    RunBusy,
    /// The run is about the folder it was started from inside of.
    Recursion,
    /// A free-form goal needs a model, and none is configured.
    NoModel,
    /// The configuration file or an environment variable is wrong.
    InvalidConfig,
    /// The policy refused.
    Refused,
    /// The journal cannot be written or read.
    JournalUnavailable,
    /// A record or blob of the journal is damaged.
    JournalCorrupt,
    /// The model's server cannot be reached or answers nonsense.
    ModelUnavailable,
    /// Something else needed is not there.
    Unavailable,
    /// A bug.
    Internal,
}

impl ErrorCode {
    /// The kind every error of this code has.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::InvalidInput
            | Self::InvalidWorkspace
            | Self::InvalidPlan
            | Self::UnknownRecipe
            | Self::UnknownRun
            | Self::UnknownQuestion
            | Self::UnknownTarget
            | Self::RunBusy
            | Self::Recursion => ErrorKind::User,
            Self::NoModel | Self::InvalidConfig => ErrorKind::Config,
            Self::Refused => ErrorKind::Policy,
            Self::JournalUnavailable | Self::JournalCorrupt | Self::ModelUnavailable | Self::Unavailable => ErrorKind::Unavailable,
            Self::Internal => ErrorKind::Internal,
        }
    }
}

impl Error {
    /// An error without hints.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { kind: code.kind(), code, message: message.into(), hints: Vec::new() }
    }

    /// The same with one more hint; an empty one is left out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.hints.push(hint);
        }
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed to {}", self.message)
    }
}

impl std::error::Error for Error {}
