//! Arguments: one table per tool says what it takes; the schema for models and the check of a call both come from it.
//!
//! Invariant: a value reaches a tool only if the schema shown to the model allows it.

use serde_json::{Map, Value, json};

use super::Stop;

/// One argument.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) about: &'static str,
}

/// What an argument may be.
pub(super) enum Kind {
    /// A string.
    Text,
    /// A whole number within these bounds, both included.
    Count(u64, u64),
    /// True or false.
    Flag,
    /// The data of an earlier step: an object.
    Data,
    /// A list of strings.
    Texts,
    /// What an earlier step said: a string or an object.
    Said,
}

/// The arguments of one call, checked.
pub(super) struct Arguments(Map<String, Value>);

/// A field that must be given.
pub(super) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, required: true, about }
}

/// A field that may be left out.
pub(super) const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, required: false, about }
}

/// The JSON Schema of a tool's arguments, as JSON text.
pub(super) fn schema(title: &str, fields: &[Field]) -> String {
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_owned(), field.schema())).collect();
    let needed: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({ "title": title, "type": "object", "properties": properties, "required": needed, "additionalProperties": false }).to_string()
}

impl Arguments {
    /// Reads a JSON object; `null` stands for a field left out, as some models write it.
    pub(super) fn parse(bytes: &[u8], fields: &[Field]) -> Result<Self, Stop> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|e| Stop::refused(format!("the arguments are no JSON ({e}); send one JSON object")))?;
        let Value::Object(mut map) = value else {
            return Err(Stop::refused("the arguments are no JSON object; send one, for example {}"));
        };
        map.retain(|_, value| !value.is_null());
        if let Some(name) = map.keys().find(|name| fields.iter().all(|field| field.name != **name)) {
            return Err(Stop::refused(format!("there is no argument {name:?}; use only: {}", names(fields))));
        }
        for field in fields {
            field.check(map.get(field.name))?;
        }
        Ok(Self(map))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The text of a required field, which [`Arguments::parse`] has checked to be there.
    pub(super) fn needed(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(super) fn data(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

impl Field {
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::Data => json!({ "type": "object" }),
            Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            Kind::Said => json!({ "type": ["string", "object"] }),
        };
        schema["description"] = self.about.into();
        schema
    }

    fn check(&self, value: Option<&Value>) -> Result<(), Stop> {
        match value {
            None if self.required => Err(Stop::refused(format!("the argument {:?} is missing: {}", self.name, self.about))),
            Some(value) if !self.kind.allows(value) => {
                Err(Stop::refused(format!("the argument {:?} must be {}: {}", self.name, self.kind.words(), self.about)))
            }
            _ => Ok(()),
        }
    }
}

impl Kind {
    fn allows(&self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Count(least, most) => value.as_u64().is_some_and(|count| (*least..=*most).contains(&count)),
            Self::Flag => value.is_boolean(),
            Self::Data => value.is_object(),
            Self::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            Self::Said => value.is_string() || value.is_object(),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Text => "a string".into(),
            Self::Count(least, most) => format!("a whole number from {least} to {most}"),
            Self::Flag => "true or false".into(),
            Self::Data => "an object".into(),
            Self::Texts => "a list of strings".into(),
            Self::Said => "a string or an object".into(),
        }
    }
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}
