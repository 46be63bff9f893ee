//! Gathering a reply from its chunks.

use std::collections::{BTreeMap, BTreeSet};

use naestro_kernel::{Failure, FailureKind, Finish, Usage};
use naestro_policy::effect::{Message, MessageCall, Role};
use naestro_policy::port::{Delta, Reply};
use serde_json::{Map, Value};

use super::{CallPart, Choice, Chunk, Said, usage};

/// The most bytes of one call's arguments.
const ARGS_LIMIT: usize = 4 << 20;

/// A reply so far.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    text: String,
    reasoning: String,
    /// Whether the reasoning came as `reasoning`, rather than as `reasoning_content`.
    short_name: bool,
    calls: Vec<Open>,
    unknown: Map<String, Value>,
    finish: Option<String>,
    usage: Usage,
    has_choices: bool,
}

/// A call so far.
#[derive(Debug, Default)]
struct Open {
    index: Option<u64>,
    id: String,
    tool: String,
    args: String,
    unknown: Map<String, Value>,
}

impl Gathering {
    /// Adds a chunk and passes its deltas on.
    ///
    /// # Errors
    /// If a call's arguments grow beyond all bounds.
    pub(crate) fn add(&mut self, chunk: Chunk, on_delta: &(dyn Fn(Delta) + Send + Sync)) -> Result<(), Failure> {
        for counted in [&chunk.usage, &chunk.x_groq["usage"]] {
            if let Some(usage) = usage::read(counted) {
                self.usage = usage;
            }
        }
        // One alternative was asked for; a server that sends more has the first one first.
        match chunk.choices.into_iter().flatten().next() {
            Some(choice) => self.add_choice(choice, on_delta),
            None => Ok(()),
        }
    }

    /// Whether anything came that only a model says.
    pub(crate) fn has_choices(&self) -> bool {
        self.has_choices
    }

    /// Whether the model said why it stopped.
    pub(crate) fn has_finish(&self) -> bool {
        self.finish.is_some()
    }

    /// The whole reply. Calls without an id of their own get `call_<n>`, counted from `first_call` on.
    pub(crate) fn finish(self, first_call: usize) -> Reply {
        let finish = finish(self.finish.as_deref(), !self.calls.is_empty());
        let mut unknown = as_text(self.unknown);
        if self.short_name {
            // Kept beside the text, so that it goes back under the name it came by.
            unknown.insert("reasoning".to_owned(), Value::from(self.reasoning.as_str()).to_string());
        }
        let message = Message {
            role: Role::Assistant,
            text: self.text,
            reasoning: self.reasoning,
            calls: close(self.calls, first_call),
            answers: None,
            unknown,
        };
        Reply { message, finish, usage: self.usage }
    }

    fn add_choice(&mut self, choice: Choice, on_delta: &(dyn Fn(Delta) + Send + Sync)) -> Result<(), Failure> {
        self.has_choices = true;
        if let Some(reason) = choice.finish_reason.as_str().filter(|reason| !reason.is_empty()) {
            self.finish = Some(reason.to_owned());
        }
        let Said { content, refusal, reasoning, reasoning_content, tool_calls, unknown, .. } = choice.delta;
        self.short_name |= texts(&reasoning).next().is_some();
        // Servers between two names send both with the same text.
        let reasoning = if reasoning_content.is_null() { reasoning } else { reasoning_content };
        texts(&reasoning).for_each(|text| self.think(text, on_delta));
        thoughts(&content).for_each(|text| self.think(text, on_delta));
        texts(&content).for_each(|text| self.say(text, on_delta));
        texts(&refusal).for_each(|text| self.say(text, on_delta));
        self.say(&choice.text, on_delta);
        merge_fields(&mut self.unknown, unknown);
        tool_calls.into_iter().try_for_each(|part| self.add_call(part))
    }

    fn say(&mut self, text: &str, on_delta: &(dyn Fn(Delta) + Send + Sync)) {
        if !text.is_empty() {
            self.text.push_str(text);
            on_delta(Delta::Text(text.to_owned()));
        }
    }

    fn think(&mut self, text: &str, on_delta: &(dyn Fn(Delta) + Send + Sync)) {
        if !text.is_empty() {
            self.reasoning.push_str(text);
            on_delta(Delta::Reasoning(text.to_owned()));
        }
    }

    fn add_call(&mut self, part: CallPart) -> Result<(), Failure> {
        let id = part.id.as_str().map_or_else(|| if part.id.is_null() { String::new() } else { part.id.to_string() }, str::to_owned);
        let index = part.index.as_u64();
        let place = self.place(index, &id, &part.function.name);
        let open = &mut self.calls[place];
        open.index = open.index.or(index);
        if open.id.is_empty() {
            open.id = id;
        }
        // Some repeat the name with every part, some send it in parts.
        if open.tool != part.function.name {
            open.tool.push_str(&part.function.name);
        }
        match part.function.arguments {
            Value::Null => {}
            Value::String(text) => open.args.push_str(&text),
            object => open.args.push_str(&object.to_string()),
        }
        merge_fields(&mut open.unknown, part.unknown);
        if open.args.len() <= ARGS_LIMIT { Ok(()) } else { Err(endless(&open.tool)) }
    }

    /// The place of the call that a part belongs to, made if it is new.
    ///
    /// By index, unless two ids differ under one index (a server that numbers every call 0); else by id; else a name begins
    /// a call, unless the last call has that name and is not whole yet.
    fn place(&mut self, index: Option<u64>, id: &str, name: &str) -> usize {
        let same_id = |open: &Open| id.is_empty() || open.id.is_empty() || open.id == id;
        let found = if index.is_some() {
            self.calls.iter().rposition(|open| open.index == index && same_id(open))
        } else if !id.is_empty() {
            self.calls.iter().rposition(|open| open.id == id)
        } else if name.is_empty() || self.calls.last().is_some_and(|open| open.tool == name && !open.is_whole()) {
            self.calls.len().checked_sub(1)
        } else {
            None
        };
        found.unwrap_or_else(|| {
            self.calls.push(Open::default());
            self.calls.len() - 1
        })
    }
}

impl Open {
    fn is_whole(&self) -> bool {
        serde_json::from_str::<serde::de::IgnoredAny>(&self.args).is_ok()
    }
}

fn finish(reason: Option<&str>, has_calls: bool) -> Finish {
    match reason {
        // Several servers say that they stopped, or say nothing, when they want calls.
        None | Some("stop") if has_calls => Finish::Calls,
        None | Some("stop") => Finish::Stop,
        Some("tool_calls" | "function_call") => Finish::Calls,
        Some("length" | "max_tokens") => Finish::Length,
        Some(other) => Finish::Other(other.to_owned()),
    }
}

fn close(calls: Vec<Open>, first: usize) -> Vec<MessageCall> {
    let mut ids: BTreeSet<String> = BTreeSet::new();
    let mut numbers = first..;
    let given: BTreeSet<String> = calls.iter().map(|open| open.id.clone()).collect();
    let mut made = || numbers.by_ref().map(|number| format!("call_{number}")).find(|id| !given.contains(id)).unwrap_or_default();
    calls
        .into_iter()
        .map(|open| {
            let id = if open.id.is_empty() || ids.contains(&open.id) { made() } else { open.id };
            ids.insert(id.clone());
            let args = if open.args.trim().is_empty() { "{}".to_owned() } else { open.args };
            MessageCall { id, tool: open.tool, args, unknown: as_text(open.unknown) }
        })
        .collect()
}

fn endless(tool: &str) -> Failure {
    Failure {
        kind: FailureKind::Permanent,
        message: format!("read a call of '{tool}' with more than {} MiB of arguments", ARGS_LIMIT >> 20),
        hint: String::new(),
        retry_after: None,
    }
}

/// The texts of a content: a string, a list of parts, or one part. Parts that are no text (images) are none of ours.
fn texts(content: &Value) -> impl Iterator<Item = &str> {
    parts(content).filter(|part| part["type"] != "thinking").filter_map(|part| part.as_str().or_else(|| part["text"].as_str()))
}

/// The reasoning inside a content, as Mistral sends it.
fn thoughts(content: &Value) -> impl Iterator<Item = &str> {
    parts(content).filter(|part| part["type"] == "thinking").flat_map(|part| texts_of_thought(&part["thinking"]))
}

fn texts_of_thought(thought: &Value) -> impl Iterator<Item = &str> {
    parts(thought).filter_map(|part| part.as_str().or_else(|| part["text"].as_str()))
}

fn parts(content: &Value) -> impl Iterator<Item = &Value> {
    content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice).iter()
}

fn as_text(fields: Map<String, Value>) -> BTreeMap<String, String> {
    fields.into_iter().map(|(name, value)| (name, value.to_string())).collect()
}

/// Adds the fields of one delta to those so far. What says nothing is left out: sent back, it is refused by some.
fn merge_fields(so_far: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        let says_nothing = value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty);
        match so_far.get_mut(&name) {
            _ if says_nothing => {}
            Some(old) => merge(&name, old, value),
            None => {
                so_far.insert(name, value);
            }
        }
    }
}

/// As OpenAI's own clients do: texts and lists grow, objects merge, a list's parts are told apart by their index.
fn merge(name: &str, old: &mut Value, new: Value) {
    match (old, new) {
        (Value::String(old), Value::String(new)) if !matches!(name, "type" | "id" | "format" | "signature") => old.push_str(&new),
        (Value::Object(old), Value::Object(new)) => merge_fields(old, new),
        (Value::Array(old), Value::Array(new)) => new.into_iter().for_each(|part| merge_part(old, part)),
        (old, new) => *old = new,
    }
}

fn merge_part(parts: &mut Vec<Value>, new: Value) {
    let same =
        |part: &&mut Value| new.get("index").is_some() && part.get("index") == new.get("index") && part.get("type") == new.get("type");
    match parts.iter_mut().find(same) {
        Some(old) => merge("", old, new),
        None => parts.push(new),
    }
}
