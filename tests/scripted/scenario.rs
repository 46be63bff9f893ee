//! Scenarios: what the scripted model says, as data.
//!
//! ```toml
//! [[replies]]                                  # turn 0: the request has no assistant message yet
//! parts = [{ text = "Let me look." }, { call = { name = "read", args = { path = "src/lib.rs" } } }]
//! usage = { input = 120, output = 9 }
//! first = [{ status = 429, headers = { retry-after = "1" } }]   # given once, before the reply itself
//!
//! [[replies]]                                  # turn 1
//! chunk = 4                                    # four characters to a delta
//! parts = [{ reasoning = "Easy." }, { text = "Done." }]
//!
//! [[replies]]                                  # whenever the last message says so, at any turn
//! when = { last = "summarise" }
//! parts = [{ text = "So far, so good." }, { stall = 50 }, "break"]
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What the server says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// How a reply is picked where no `when` decides.
    pub pick: Pick,
    /// The names `GET /models` lists; `scripted` where empty.
    pub models: Vec<String>,
    /// The replies: those with a `when` are tried first, in order; the others are picked by [`Scenario::pick`].
    pub replies: Vec<Reply>,
}

/// How a reply is picked where no `when` decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// By the number of assistant messages in the request: repeating a request repeats its reply.
    #[default]
    Turn,
    /// By the number of requests answered so far.
    Order,
    /// The last reply answers everything.
    Last,
}

/// One answer to one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// When it answers, whatever the turn is.
    pub when: Option<When>,
    /// Answers given once each, before this one: a 429 that a retry overcomes.
    pub first: Vec<Reply>,
    /// The HTTP status.
    pub status: u16,
    /// Headers beside the usual ones, or instead of them.
    pub headers: BTreeMap<String, String>,
    /// A body sent as it stands instead of a chat completion.
    pub body: Option<String>,
    /// What the model says and does, in order.
    pub parts: Vec<Part>,
    /// The characters of one delta of text, reasoning or arguments; 0 sends each part whole.
    pub chunk: usize,
    /// What it used; sent on a chunk of its own with no choices. `None` leaves usage out.
    pub usage: Option<Usage>,
    /// The finish reason; `stop` or `tool_calls` where none is given, as the parts have it. Empty sends none at all.
    pub finish: Option<String>,
    /// Whether a stream ends with `[DONE]`.
    pub done: bool,
}

/// Which requests a reply is for: all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The last message contains this text.
    pub last: Option<String>,
    /// Some message contains this text.
    pub any: Option<String>,
    /// The request has this many assistant messages.
    pub turn: Option<usize>,
    /// The request names this model.
    pub model: Option<String>,
}

/// One thing the model says or does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text(String),
    /// Reasoning, sent as `reasoning_content`.
    Reasoning(String),
    /// A tool call.
    Call(Call),
    /// The data of one event, as it stands: a chunk no real server should send. Left out of whole replies.
    Data(String),
    /// Bytes of the body as they stand. Left out of whole replies.
    Raw(String),
    /// Silence for so many milliseconds.
    Stall(u64),
    /// Silence for ever; nothing that follows is sent.
    Hang,
    /// The connection is dropped; nothing that follows is sent.
    Break,
}

/// A tool call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    /// Its id; `call_<turn>_<place>` where none is given.
    pub id: Option<String>,
    /// The tool.
    pub name: String,
    /// The arguments: an object, or a string sent as it stands.
    pub args: Value,
}

/// Tokens used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// `prompt_tokens`.
    pub input: u64,
    /// `completion_tokens`.
    pub output: u64,
    /// `prompt_tokens_details.cached_tokens`.
    pub cached: u64,
}

/// A scenario that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(pub String);

impl Scenario {
    /// A scenario of these replies, picked by turn.
    #[must_use]
    pub fn of(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { replies: replies.into_iter().collect(), ..Self::default() }
    }

    /// One reply to everything.
    #[must_use]
    pub fn always(reply: Reply) -> Self {
        Self { pick: Pick::Last, ..Self::of([reply]) }
    }

    /// Reads a scenario from TOML, or from JSON if the text begins with a brace.
    ///
    /// # Errors
    /// What the parser says, with the place.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| ScenarioError(error.to_string()))
        } else {
            toml::from_str(text).map_err(|error| ScenarioError(error.to_string()))
        }
    }
}

impl Reply {
    /// A reply of these parts.
    #[must_use]
    pub fn of(parts: impl IntoIterator<Item = Part>) -> Self {
        Self { parts: parts.into_iter().collect(), ..Self::default() }
    }

    /// A reply of text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::of([Part::Text(text.to_owned())])
    }

    /// A reply that calls one tool.
    #[must_use]
    pub fn call(name: &str, args: Value) -> Self {
        Self::of([Part::Call(Call { id: None, name: name.to_owned(), args })])
    }

    /// A stream of exactly these events and a `[DONE]`.
    #[must_use]
    pub fn data<'a>(events: impl IntoIterator<Item = &'a str>) -> Self {
        let parts = events.into_iter().map(|event| Part::Data(event.to_owned()));
        Self { finish: Some(String::new()), ..Self::of(parts) }
    }

    /// A status with a body as it stands.
    #[must_use]
    pub fn status(status: u16, body: &str) -> Self {
        Self { status, body: Some(body.to_owned()), ..Self::default() }
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with its usage.
    #[must_use]
    pub fn used(mut self, input: u64, output: u64) -> Self {
        self.usage = Some(Usage { input, output, cached: 0 });
        self
    }

    /// The same in deltas of so many characters.
    #[must_use]
    pub fn chunked(mut self, chunk: usize) -> Self {
        self.chunk = chunk;
        self
    }

    /// The same, after these answers were each given once.
    #[must_use]
    pub fn after(mut self, first: impl IntoIterator<Item = Reply>) -> Self {
        self.first.extend(first);
        self
    }

    /// The same, for requests whose last message contains `text`.
    #[must_use]
    pub fn when_last(mut self, text: &str) -> Self {
        self.when = Some(When { last: Some(text.to_owned()), ..When::default() });
        self
    }
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            when: None,
            first: Vec::new(),
            status: 200,
            headers: BTreeMap::new(),
            body: None,
            parts: Vec::new(),
            chunk: 0,
            usage: None,
            finish: None,
            done: true,
        }
    }
}

impl When {
    /// Whether the request is one of those meant.
    #[must_use]
    pub fn holds(&self, request: &Value) -> bool {
        let said = |text: &String, message: &Value| message["content"].to_string().contains(json_escaped(text).as_str());
        let messages = messages(request);
        self.last.as_ref().is_none_or(|text| messages.last().is_some_and(|message| said(text, message)))
            && self.any.as_ref().is_none_or(|text| messages.iter().any(|message| said(text, message)))
            && self.turn.is_none_or(|turn| turn == assistant_messages(request))
            && self.model.as_ref().is_none_or(|model| request["model"] == *model.as_str())
    }
}

impl Usage {
    /// As the wire has it.
    pub(super) fn to_wire(self) -> Value {
        json!({
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": { "cached_tokens": self.cached },
        })
    }
}

impl Call {
    /// The arguments as the wire has them: JSON text.
    pub(super) fn args_text(&self) -> String {
        match &self.args {
            Value::String(text) => text.clone(),
            Value::Null => Value::Object(Map::new()).to_string(),
            args => args.to_string(),
        }
    }
}

/// The number of assistant messages in a request: its turn.
pub(super) fn assistant_messages(request: &Value) -> usize {
    messages(request).iter().filter(|message| message["role"] == "assistant").count()
}

fn messages(request: &Value) -> &[Value] {
    request["messages"].as_array().map_or(&[], Vec::as_slice)
}

/// The text as it stands inside a JSON string, so that content arrays can be searched as text, too.
fn json_escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

impl std::fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "read the scenario: {}", self.0)
    }
}

impl std::error::Error for ScenarioError {}
