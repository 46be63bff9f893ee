//! Messages as the journal keeps them: the one place where a conversation's message meets its JSON.

use std::collections::BTreeMap;

use naestro_kernel::Body;
use naestro_policy::effect::{Message, MessageCall, Role};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Stored {
    text: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reasoning: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<StoredCall>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unknown: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct StoredCall {
    id: String,
    tool: String,
    args: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    unknown: BTreeMap<String, String>,
}

/// An assistant message as JSON.
///
/// # Errors
/// The reason, if it cannot be written as JSON; strings and maps always can.
pub(crate) fn to_body(message: Message) -> Result<Body, serde_json::Error> {
    let calls =
        message.calls.into_iter().map(|call| StoredCall { id: call.id, tool: call.tool, args: call.args, unknown: call.unknown }).collect();
    let stored = Stored { text: message.text, reasoning: message.reasoning, calls, unknown: message.unknown };
    serde_json::to_vec(&stored).map(naestro_policy::body)
}

/// The assistant message that was stored; one that cannot be read becomes its text.
pub(crate) fn from_body(body: &Body) -> Message {
    let stored: Stored = serde_json::from_slice(&body.bytes).unwrap_or_else(|_| Stored {
        text: body.text().into_owned(),
        reasoning: String::new(),
        calls: Vec::new(),
        unknown: BTreeMap::new(),
    });
    let calls =
        stored.calls.into_iter().map(|call| MessageCall { id: call.id, tool: call.tool, args: call.args, unknown: call.unknown }).collect();
    Message { role: Role::Assistant, text: stored.text, reasoning: stored.reasoning, calls, answers: None, unknown: stored.unknown }
}

/// A message that is only text.
pub(crate) fn plain(role: Role, text: impl Into<String>) -> Message {
    Message { role, text: text.into(), reasoning: String::new(), calls: Vec::new(), answers: None, unknown: BTreeMap::new() }
}
