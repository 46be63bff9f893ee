//! Parameters, read strictly.
//!
//! Invariant: what is wrong is named by its path, whatever shape the parameters have.

use naestro_api::{Error, ErrorCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::near;

/// Reads parameters; the error names the field.
pub(super) fn read<P: DeserializeOwned>(method: &str, text: &str) -> Result<P, Error> {
    let wrong = |why: String| {
        let hint = near::hint(&why).unwrap_or_else(|| "rpc.discover has the schema".to_owned());
        Error::new(ErrorCode::InvalidInput, format!("read the params of {method}: {why}")).hint(hint)
    };
    if !text.starts_with('{') {
        return Err(wrong("they must be an object with named fields".to_owned()));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let why = sentence(error.inner());
        let path = if path == "." { culprit::<P>(text).unwrap_or_default() } else { path };
        let says_which = why.starts_with("missing field") || why.starts_with("unknown field");
        wrong(if path.is_empty() || says_which { why } else { format!("field `{path}`: {why}") })
    })
}

/// The message without its place: lines and columns of the parameters alone mean nothing to whoever wrote the request.
fn sentence(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.rsplit_once(" at line ").map_or(message.clone(), |(sentence, _)| sentence.to_owned())
}

/// The field to blame where serde lost the path, as it does in tagged enums: the one without which the complaint is another,
/// and that is not the tag, whose values are known.
fn culprit<P: DeserializeOwned>(text: &str) -> Option<String> {
    type Fields = serde_json::Map<String, Value>;
    let fields: Fields = serde_json::from_str(text).ok()?;
    let complaint = |fields: Fields| serde_json::from_value::<P>(Value::Object(fields)).err().map(|error| error.to_string());
    let before = complaint(fields.clone());
    let with = |name: &str, value: Value| complaint(fields.clone().into_iter().chain([(name.to_owned(), value)]).collect());
    let without = |name: &str| complaint(fields.clone().into_iter().filter(|(key, _)| key != name).collect());
    let is_tag = |name: &str| with(name, json!("")).is_some_and(|why| why.starts_with("unknown variant"));
    fields.keys().find(|name| without(name) != before && !is_tag(name)).cloned()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use naestro_api::{Orchestrate, Trace};

    use super::*;

    #[track_caller]
    fn check<P: DeserializeOwned>(params: &str, expect: Expect) {
        let seen = match read::<P>("m", params) {
            Ok(_) => "ok".to_owned(),
            Err(error) => format!("{}; {}", error.message, error.hints.join("; ")),
        };
        expect.assert_eq(&seen);
    }

    #[test]
    fn wrong_parameters_are_named_by_their_path() {
        check::<Orchestrate>(r#"{"goal":"x","workspace":"/w"}"#, expect![["ok"]]);
        check::<Orchestrate>(r#"{"goal":"x"}"#, expect!["read the params of m: missing field `workspace`; rpc.discover has the schema"]);
        check::<Orchestrate>(
            r#"{"gaol":"x","workspace":"/w"}"#,
            expect![
                "read the params of m: unknown field `gaol`, expected one of `goal`, `recipe`, `plan`, `mode`, `budget`, `accept`, `model`, `workspace`, `apply`, `unsandboxed`, `resume`, `session`; did you mean `goal`?"
            ],
        );
        check::<Orchestrate>(
            r#"{"goal":5,"workspace":"/w"}"#,
            expect!["read the params of m: field `goal`: invalid type: integer `5`, expected a string; rpc.discover has the schema"],
        );
        check::<Orchestrate>(
            r#"{"budget":{"tokens":"many"},"workspace":"/w"}"#,
            expect![[
                r#"read the params of m: field `budget.tokens`: invalid type: string "many", expected u64; rpc.discover has the schema"#
            ]],
        );
        check::<Orchestrate>(
            r#"{"mode":"atuo","workspace":"/w"}"#,
            expect![
                "read the params of m: field `mode`: unknown variant `atuo`, expected one of `guide`, `copilot`, `auto`; did you mean `auto`?"
            ],
        );
        check::<Orchestrate>("[1]", expect!["read the params of m: they must be an object with named fields; rpc.discover has the schema"]);
    }

    #[test]
    fn tagged_parameters_name_the_field_too() {
        check::<Trace>(r#"{"op":"list"}"#, expect![["ok"]]);
        check::<Trace>(
            r#"{"op":"show","run":7}"#,
            expect!["read the params of m: field `run`: invalid type: integer `7`, expected a string; rpc.discover has the schema"],
        );
        check::<Trace>(
            r#"{"op":"shwo"}"#,
            expect![
                "read the params of m: field `op`: unknown variant `shwo`, expected one of `list`, `show`, `replay`, `verify`, `fork`, `export`, `rm`; did you mean `show`?"
            ],
        );
        check::<Trace>("{}", expect!["read the params of m: missing field `op`; rpc.discover has the schema"]);
    }
}
