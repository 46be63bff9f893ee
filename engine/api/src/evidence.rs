//! What is known about a target: facts, each with what it rests on.
//!
//! Invariant: a fact's number is its place from 1, and a citation names the very bytes, so anyone can check it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What there is to say about a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The target as it was understood, for instance "function `parse` in src/lib.rs".
    pub title: String,
    /// The facts, numbered from 1 by their place here.
    pub facts: Vec<Fact>,
    /// How many more facts of a role there are than are told.
    pub left_out: Vec<LeftOut>,
    /// What is not known, and what it would take; one sentence each.
    pub gaps: Vec<String>,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is to the target.
    pub role: Role,
    /// The fact in words, one line.
    pub text: String,
    /// The name the cited bytes hold, where the fact is about one.
    pub name: Option<String>,
    /// The cited source, whole lines, bounded; empty where the text says all.
    pub excerpt: String,
    /// What it rests on.
    pub source: Source,
    /// Whether the syntax alone does not prove it.
    pub guess: bool,
}

/// What a fact is to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is the target.
    Definition,
    /// It documents it.
    Documentation,
    /// It lies in it.
    Member,
    /// It uses it.
    Caller,
    /// It is used by it.
    Callee,
    /// It is imported by the target's file, or imports it.
    Import,
    /// It is a test that reaches it.
    Test,
    /// It is a commit that changed it.
    Commit,
    /// It often changes together with it.
    Companion,
    /// It is changed by the commit or diff that is explained.
    Change,
    /// It is a test run that failed there.
    Failure,
}

/// What a fact rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Bytes of a file.
    Code(Citation),
    /// A commit, by its full id in hexadecimal.
    Commit(String),
    /// An event of a recorded run.
    Event {
        /// The run.
        run: String,
        /// The event's index.
        seq: u64,
    },
}

/// Bytes of a file, provable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// The file, relative to the folder, with `/`.
    pub path: String,
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// The first line, from 1.
    pub line: u32,
    /// The last line, from 1.
    pub last_line: u32,
    /// BLAKE3 of the bytes, 64 hexadecimal digits.
    pub digest: String,
}

/// Facts that there are and that are not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Their role.
    pub role: Role,
    /// How many.
    pub count: usize,
}
