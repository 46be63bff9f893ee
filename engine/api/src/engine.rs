//! The engine as every face sees it.

use std::future::Future;
use std::pin::Pin;

use futures_core::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Caller, Citation, Command, Error, Events, Evidence, RunState, Signal, TraceReply, Update};

/// A boxed future.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The updates of one run, in order; ends after the one that says finished. Dropping it does not end the run.
pub type Updates = Pin<Box<dyn Stream<Item = Update> + Send>>;

/// What a face can do.
pub trait Engine: Send + Sync {
    /// Starts a command. A command that makes a run returns its handle as soon as the run is in the journal.
    ///
    /// # Errors
    /// What is wrong with the command, before anything has happened. Dropping the future gives up what it waits for.
    fn submit(&self, command: Command, caller: Caller) -> Pending<'_, Result<Handle, Error>>;

    /// Says something to a run, in this process or another.
    ///
    /// # Errors
    /// `unknown_run` or `unknown_question`; `run_busy` where it has ended.
    fn signal(&self, signal: Signal, caller: Caller) -> Pending<'_, Result<(), Error>>;

    /// Asks without changing anything.
    ///
    /// # Errors
    /// `unknown_run`, or what is wrong with the journal.
    fn query(&self, query: Query) -> Pending<'_, Result<Reply, Error>>;

    /// Suspends every run of this process and ends everything it started; returns when that is done.
    fn close(&self) -> Pending<'_, ()>;
}

/// What a command was answered with.
pub enum Handle {
    /// A run that goes on.
    Run {
        /// Its id.
        run: String,
        /// Its updates, from the first.
        updates: Updates,
    },
    /// An answer that was ready at once.
    Trace(TraceReply),
    /// An explanation that was ready at once.
    Explanation(Explanation),
}

/// What there is to say about a target, from evidence only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Explanation {
    /// Of code: its facts.
    Code {
        /// The target, as it was asked for.
        target: String,
        /// What is known about it.
        evidence: Evidence,
    },
    /// Of a run: what was decided and why.
    Run {
        /// The target, as it was asked for.
        target: String,
        /// The explanation; every line ends with the index of the event it rests on, in brackets.
        text: String,
        /// The events it rests on.
        cites: Vec<u64>,
    },
}

/// A question that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "query", rename_all = "snake_case")]
pub enum Query {
    /// Its state.
    State {
        /// The run.
        run: String,
    },
    /// Its events from an index on.
    Events {
        /// The run.
        run: String,
        /// The first index wanted.
        since: u64,
        /// At most so many; 1000 where absent.
        #[serde(default)]
        limit: Option<usize>,
        /// How long to wait for the first one, in milliseconds; 0 where absent, at most 30,000. Ends early once nothing works on the run.
        #[serde(default)]
        wait_ms: u64,
    },
    /// Its diff, in the unified form that `git apply` takes.
    Diff {
        /// The run.
        run: String,
    },
    /// The recipes there are: built in, and the user's own.
    Recipes,
    /// Whether citations still hold: each file has those very bytes at those places.
    Holds {
        /// The absolute path of the folder.
        workspace: String,
        /// The citations.
        citations: Vec<Citation>,
    },
}

/// A recipe as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecipeEntry {
    /// Its name.
    pub name: String,
    /// What it does, one sentence.
    pub description: String,
    /// Whether it is of use only with a goal.
    pub needs_goal: bool,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Reply {
    /// A state.
    State(Box<RunState>),
    /// Events.
    Events(Events),
    /// A diff; empty where the run changed nothing.
    Diff(String),
    /// Recipes, in the order of their names.
    Recipes(Vec<RecipeEntry>),
    /// Whether each citation holds, in the order they were given.
    Holds(Vec<bool>),
}
