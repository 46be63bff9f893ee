//! Context assembly: what every request to a model begins with.

use std::path::{Path, PathBuf};

use naestro_kernel::{Body, Opening, Plan, StepId, StepKind};
use naestro_policy::effect::{Message, Role, ToolSpec};

use crate::message::plain;

const SYSTEM: &str = include_str!("prompts/system.md");
/// The most bytes of AGENTS.md that are passed on.
const AGENTS_LIMIT: usize = 32 * 1024;

/// What a run's requests begin with, read once when its dispatcher starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preamble {
    system: String,
    /// The session's conversation before this run.
    pub(crate) history: Vec<Message>,
    /// The bytes of the tools' descriptions.
    schemas: usize,
}

impl Preamble {
    /// The system prompt, with AGENTS.md where the user trusts the folder, and the session's conversation.
    pub(crate) fn read(workspace: &Path, trusted: &[PathBuf], history: Vec<Message>, tools: &[ToolSpec]) -> Self {
        let mut system = String::from(SYSTEM);
        if let Some(agents) = trusted_agents_file(workspace, trusted) {
            system.push_str("\nThe project's own instructions (AGENTS.md):\n\n");
            system.push_str(&agents);
        }
        let schemas = tools.iter().map(|tool| tool.name.len() + tool.description.len() + tool.schema.len()).sum();
        Self { system, history, schemas }
    }

    /// An estimate of its tokens, at four bytes a token.
    pub(crate) fn tokens(&self) -> u64 {
        let history: usize =
            self.history.iter().map(|message| message.text.len() + message.calls.iter().map(|call| call.args.len()).sum::<usize>()).sum();
        (self.system.len() + history + self.schemas) as u64 / 4
    }

    /// The messages before a step's own conversation: system, history, and the step's prompt with its inputs.
    pub(crate) fn messages(&self, opening: &Opening, plan: &Plan, step: &StepId, inputs: &[(String, Body)]) -> Vec<Message> {
        let mut messages = vec![plain(Role::System, self.system.clone())];
        messages.extend(self.history.iter().cloned());
        messages.push(plain(Role::User, prompt(opening, plan, step, inputs)));
        messages
    }
}

/// A step's prompt, followed by its inputs, each under its name.
pub(crate) fn prompt(opening: &Opening, plan: &Plan, step: &StepId, inputs: &[(String, Body)]) -> String {
    let mut text = match plan.step(step).map(|step| &step.kind) {
        Some(StepKind::Agent { prompt, .. } | StepKind::Model { prompt }) => prompt.clone(),
        _ => String::new(),
    };
    if !opening.checks.is_empty() && matches!(plan.step(step).map(|step| &step.kind), Some(StepKind::Agent { .. })) {
        text.push_str("\n\nWhen you say you are done, these commands are run and must succeed:\n");
        for check in &opening.checks {
            text.push_str(&format!("- `{check}`\n"));
        }
    }
    for (name, body) in inputs {
        text.push_str(&format!("\n\n<{name}>\n{}\n</{name}>", body.text()));
    }
    text
}

fn trusted_agents_file(workspace: &Path, trusted: &[PathBuf]) -> Option<String> {
    if !trusted.iter().any(|folder| workspace.starts_with(folder)) {
        return None;
    }
    let bytes = std::fs::read(workspace.join("AGENTS.md")).ok()?;
    Some(String::from_utf8_lossy(&bytes[..bytes.len().min(AGENTS_LIMIT)]).into_owned())
}
