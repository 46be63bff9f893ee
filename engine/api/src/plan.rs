//! A plan as callers write and read it; `naestro spec plan` prints its JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A typed, acyclic graph of steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The steps, in the order they are shown; at most 256.
    pub steps: Vec<Step>,
    /// The step whose text is the run's summary; the last one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its name, unique in the plan: 1 to 64 of `a-z 0-9 _ -`.
    pub id: String,
    /// What it does.
    #[serde(flatten)]
    pub kind: StepKind,
    /// The steps that end before it starts, beside those its inputs come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Results of earlier steps, by the name this step takes them under.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Input>,
    /// What it may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<StepBudget>,
    /// The longest one unit of it may take, in seconds; 600 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u64>,
    /// How often a unit that failed transiently is tried; 4 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Whether its failure skips the steps that need it instead of failing the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_on_failure: bool,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum StepKind {
    /// Calls one tool; inputs are merged into the arguments by name.
    Tool {
        /// The tool's name.
        tool: String,
        /// Its arguments.
        #[serde(default)]
        args: Map<String, Value>,
    },
    /// Asks a model once; inputs follow the prompt.
    Model {
        /// The prompt.
        prompt: String,
    },
    /// Lets a model work with tools until it is done and the acceptance commands pass.
    Agent {
        /// What it shall do; inputs follow it.
        prompt: String,
        /// The tools it may call; all that agents may call where absent.
        #[serde(default)]
        tools: Vec<String>,
        /// The most model turns; 50 where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_turns: Option<u32>,
    },
    /// Runs the project's tests.
    Test {
        /// Arguments of the tool `test`.
        #[serde(default)]
        args: Map<String, Value>,
    },
    /// Explains a place in code.
    Explain {
        /// Arguments of the tool `explain`.
        #[serde(default)]
        args: Map<String, Value>,
    },
    /// Asks the human.
    Ask {
        /// The question.
        question: String,
        /// The answers there are; free text where absent.
        #[serde(default)]
        choices: Vec<String>,
    },
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The step whose result it is.
    pub from: String,
    /// Whether the text is wanted rather than the data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub text: bool,
}

/// What a step may spend; absent means what the run has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepBudget {
    /// Tokens, input and output together.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// US dollars.
    #[serde(default)]
    pub usd: Option<f64>,
    /// Wall time in seconds.
    #[serde(default)]
    pub wall_s: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_of_a_step_is_named() {
        let error = serde_json::from_str::<Step>(r#"{"id":"a","kind":"ask","question":"?","timeout":3}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `timeout`"), "{error}");
        assert!(serde_json::from_str::<Step>(r#"{"id":"a","kind":"ask","question":"?","timeout_s":3}"#).is_ok());
    }
}
