//! Arguments of a tool, read strictly: what is wrong is named by its field.

use naestro_api::{Error, ErrorCode};
use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The deepest nesting of arrays and objects in arguments.
const DEEPEST: usize = 64;

/// Reads the arguments of a tool; absent ones are none.
///
/// # Errors
/// `invalid_input` that names the field and what would be right.
pub(crate) fn read<A: DeserializeOwned>(tool: &str, arguments: Option<JsonObject>) -> Result<A, Error> {
    let wrong = |why: String| {
        let hint = format!("tools/list has the schema of {tool}");
        Error::new(ErrorCode::InvalidInput, format!("read the arguments of {tool}: {why}")).hint(hint)
    };
    let value = Value::Object(arguments.unwrap_or_default());
    if is_deeper(&value, DEEPEST) {
        return Err(wrong(format!("they are nested deeper than {DEEPEST}")));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (path, why) = (error.path().to_string(), error.inner().to_string());
        let says_which = path == "." || why.starts_with("missing field") || why.starts_with("unknown field");
        wrong(if says_which { why } else { format!("field `{path}`: {why}") })
    })
}

fn is_deeper(value: &Value, most: usize) -> bool {
    match value {
        Value::Array(items) => most == 0 || items.iter().any(|item| is_deeper(item, most - 1)),
        Value::Object(fields) => most == 0 || fields.values().any(|field| is_deeper(field, most - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it is read is looked at")]
    struct Some {
        run: String,
        limit: Option<u32>,
    }

    #[track_caller]
    fn check(arguments: Value, expect: Expect) {
        let seen = read::<Some>("trace", arguments.as_object().cloned());
        expect.assert_eq(&seen.map_or_else(|error| error.message, |read| format!("{read:?}")));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        check(json!({"run": "r", "limit": 3}), expect![[r#"Some { run: "r", limit: Some(3) }"#]]);
        check(json!({}), expect!["read the arguments of trace: missing field `run`"]);
        check(
            json!({"run": "r", "limit": "3"}),
            expect![[r#"read the arguments of trace: field `limit`: invalid type: string "3", expected u32"#]],
        );
        check(json!({"run": "r", "lmit": 3}), expect!["read the arguments of trace: unknown field `lmit`, expected `run` or `limit`"]);
        let nested = (0..100).fold(json!(0), |inner, _| json!([inner]));
        check(json!({"run": nested}), expect!["read the arguments of trace: they are nested deeper than 64"]);
    }
}
