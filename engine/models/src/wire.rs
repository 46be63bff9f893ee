//! The JSON of providers: the one place where it meets our types.
//!
//! Requests are written strictly, replies are read leniently: providers leave fields out, send null for them, change their
//! types and add their own. What is not known is kept and sent back with the message it came with, since some providers
//! (Gemini's thought signatures, OpenRouter's reasoning details) refuse a conversation from which it is missing.
//!
//! Invariant: a request is a function of the permitted effect and of the endpoint's host alone.

mod complaint;
mod reply;
mod usage;

use std::collections::BTreeMap;

use naestro_policy::effect::{Generate, Message, MessageCall, Role, ToolSpec};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

pub(crate) use complaint::Complaint;
pub(crate) use reply::Gathering;

/// One event of a streamed reply, or a whole reply, which differs in having `message` instead of `delta`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chunk {
    #[serde(deserialize_with = "or_default")]
    pub(crate) choices: Option<Vec<Choice>>,
    pub(crate) error: Value,
    pub(crate) usage: Value,
    /// Where Groq puts the usage of a stream.
    pub(crate) x_groq: Value,
}

/// One of the alternatives; we ask for one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    #[serde(alias = "message", deserialize_with = "or_default")]
    pub(crate) delta: Said,
    /// Where completions that are no chat put their text.
    #[serde(deserialize_with = "or_default")]
    pub(crate) text: String,
    pub(crate) finish_reason: Value,
}

/// A message or a part of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Said {
    pub(crate) content: Value,
    pub(crate) refusal: Value,
    pub(crate) reasoning: Value,
    pub(crate) reasoning_content: Value,
    #[serde(deserialize_with = "or_default")]
    pub(crate) tool_calls: Vec<CallPart>,
    /// Known to be the assistant's, whatever it says.
    #[serde(rename = "role")]
    _role: Value,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// A tool call or a part of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CallPart {
    pub(crate) index: Value,
    pub(crate) id: Value,
    #[serde(deserialize_with = "or_default")]
    pub(crate) function: FunctionPart,
    /// Known to be a function, whatever it says.
    #[serde(rename = "type")]
    _kind: Value,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// The function a call names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FunctionPart {
    #[serde(deserialize_with = "or_default")]
    pub(crate) name: String,
    /// JSON text, or the object itself.
    pub(crate) arguments: Value,
}

/// The body of a request.
pub(crate) fn request(request: &Generate) -> Value {
    let mut body = json!({
        "model": request.model,
        "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
        limit_name(&request.host): request.max_output,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    body
}

/// The names of the models in an answer to `GET /models`, in any of the forms there are; `None` if it is in none.
pub(crate) fn model_names(answer: &Value) -> Option<Vec<String>> {
    let list = answer.get("data").or_else(|| answer.get("models")).unwrap_or(answer).as_array()?;
    let name = |model: &Value| ["id", "name", "model"].iter().find_map(|key| model.get(key)?.as_str()).map(str::to_owned);
    Some(list.iter().filter_map(name).collect())
}

/// What the limit of a reply is called: OpenAI's newer models refuse the old name, most other servers know no other.
fn limit_name(host: &str) -> &'static str {
    let new = host == "api.openai.com" || host.ends_with(".openai.azure.com");
    if new { "max_completion_tokens" } else { "max_tokens" }
}

fn message(message: &Message) -> Value {
    let mut wire = known(&message.unknown);
    wire.insert("role".to_owned(), Value::from(role(message.role)));
    // A message of calls alone has no content: an empty one is refused by some.
    let silent = message.text.is_empty() && !message.calls.is_empty();
    wire.insert("content".to_owned(), if silent { Value::Null } else { Value::from(message.text.as_str()) });
    if !message.reasoning.is_empty() && !wire.contains_key("reasoning") {
        wire.insert("reasoning_content".to_owned(), Value::from(message.reasoning.as_str()));
    }
    if !message.calls.is_empty() {
        wire.insert("tool_calls".to_owned(), message.calls.iter().map(call).collect());
    }
    if let Some(id) = &message.answers {
        wire.insert("tool_call_id".to_owned(), Value::from(id.as_str()));
    }
    Value::Object(wire)
}

fn call(call: &MessageCall) -> Value {
    let mut wire = known(&call.unknown);
    wire.insert("id".to_owned(), Value::from(call.id.as_str()));
    wire.insert("type".to_owned(), Value::from("function"));
    wire.insert("function".to_owned(), json!({ "name": call.tool, "arguments": sendable(&call.args) }));
    Value::Object(wire)
}

/// Arguments that are no JSON object end the request at several servers (vLLM, llama-server), and with it the run.
fn sendable(args: &str) -> String {
    match serde_json::from_str(args) {
        Ok(Value::Object(_)) => args.to_owned(),
        _ => json!({ "malformed": args }).to_string(),
    }
}

fn tool(tool: &ToolSpec) -> Value {
    // Our own tools have schemas that parse; a foreign one that does not still takes any object.
    let schema: Value = serde_json::from_str(&tool.schema).unwrap_or_else(|_| json!({ "type": "object" }));
    json!({ "type": "function", "function": { "name": tool.name, "description": tool.description, "parameters": schema } })
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// Fields kept as JSON text, as fields again.
fn known(unknown: &BTreeMap<String, String>) -> Map<String, Value> {
    let parse = |(name, text): (&String, &String)| Some((name.clone(), serde_json::from_str(text).ok()?));
    unknown.iter().filter_map(parse).collect()
}

/// Null is what some say for a field they could leave out.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests;
