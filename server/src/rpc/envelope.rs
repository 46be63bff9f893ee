//! What a frame says: calls and notifications, alone or in a batch, or what is wrong with it.
//!
//! Invariant: nothing deeper than [`DEEPEST`] reaches a parser that recurses.

use jsonrpsee::types::Id;
use naestro_api::{Error, ErrorCode};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::failure::{self, INVALID_REQUEST, PARSE_ERROR};

/// The deepest nesting of arrays and objects in a frame.
pub(super) const DEEPEST: usize = 128;
/// The most calls of one batch.
pub(super) const LARGEST_BATCH: usize = 100;

/// What a frame says.
#[derive(Debug)]
pub(super) enum Said {
    /// One thing.
    One(Item),
    /// Several, to be answered in one line.
    Batch(Vec<Item>),
}

/// A call, or the answer to what is none.
#[derive(Debug)]
pub(super) enum Item {
    /// A call.
    Call(Call),
    /// The answer to something that cannot be a call.
    Wrong(String),
}

/// A call or, without an id, a notification.
#[derive(Debug)]
pub(super) struct Call {
    /// What its answer carries; none is wanted where absent.
    pub(super) id: Option<Id<'static>>,
    /// The method.
    pub(super) method: String,
    /// Its parameters: an object or an array.
    pub(super) params: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Tells an id that is `null` from one that is absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Reads a frame.
pub(super) fn read(frame: &[u8]) -> Said {
    if is_too_deep(frame) {
        return wrong(INVALID_REQUEST, format!("read a frame nested deeper than {DEEPEST}"));
    }
    let raw: &RawValue = match serde_json::from_slice(frame) {
        Ok(raw) => raw,
        Err(error) => return wrong(PARSE_ERROR, format!("read a frame as JSON: {error}")),
    };
    if !raw.get().starts_with('[') {
        return Said::One(item(raw));
    }
    match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
        Ok(items) if items.is_empty() => wrong(INVALID_REQUEST, "read a batch: it is empty".to_owned()),
        Ok(items) if items.len() > LARGEST_BATCH => {
            wrong(INVALID_REQUEST, format!("read a batch of {} calls: at most {LARGEST_BATCH} are taken", items.len()))
        }
        Ok(items) => Said::Batch(items.into_iter().map(item).collect()),
        Err(error) => wrong(PARSE_ERROR, format!("read a frame as JSON: {error}")),
    }
}

fn wrong(code: i32, message: String) -> Said {
    Said::One(Item::Wrong(failure::line(&Id::Null, code, &Error::new(ErrorCode::InvalidInput, message))))
}

fn item(raw: &RawValue) -> Item {
    call(raw).map_or_else(
        |(id, message)| {
            let error = Error::new(ErrorCode::InvalidInput, format!("read a request: {message}"));
            Item::Wrong(failure::line(&id, INVALID_REQUEST, &error))
        },
        Item::Call,
    )
}

/// Reads a call; an error carries the id where there is a good one.
fn call(raw: &RawValue) -> Result<Call, (Id<'static>, String)> {
    if !raw.get().starts_with('{') {
        return Err((Id::Null, "it is no object".to_owned()));
    }
    let envelope: Envelope<'_> = serde_json::from_str(raw.get()).map_err(|error| (Id::Null, error.to_string()))?;
    let id = envelope.id.map(id).transpose().map_err(|why| (Id::Null, why))?;
    let wrong = |why: &str| (id.clone().unwrap_or(Id::Null), why.to_owned());
    let text = |raw: Option<&RawValue>| raw.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    if text(envelope.jsonrpc).as_deref() != Some("2.0") {
        return Err(wrong("its field `jsonrpc` must be \"2.0\""));
    }
    let method = text(envelope.method).ok_or_else(|| wrong("its field `method` must be a string"))?;
    match envelope.params.map(|params| params.get().as_bytes()[0]) {
        None | Some(b'{' | b'[') => Ok(Call { id, method, params: envelope.params.map(ToOwned::to_owned) }),
        Some(_) => Err(wrong("its field `params` must be an object")),
    }
}

fn id(raw: &RawValue) -> Result<Id<'static>, String> {
    serde_json::from_str::<Id<'_>>(raw.get())
        .map(Id::into_owned)
        .map_err(|_| "its field `id` must be a string, a whole number from 0 on, or null".to_owned())
}

/// Whether arrays and objects are nested deeper than allowed, seen without recursion.
fn is_too_deep(frame: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in frame {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn show(item: &Item) -> String {
        match item {
            Item::Call(call) => format!("{:?} {} {}", call.id, call.method, call.params.as_ref().map_or("-", |params| params.get())),
            Item::Wrong(answer) => {
                let answer: serde_json::Value = serde_json::from_str(answer).expect("an answer is JSON");
                format!("{} {} {}", answer["id"], answer["error"]["code"], answer["error"]["message"])
            }
        }
    }

    #[track_caller]
    fn check(frame: &str, expect: Expect) {
        let seen = match read(frame.as_bytes()) {
            Said::One(item) => show(&item),
            Said::Batch(items) => items.iter().map(show).collect::<Vec<_>>().join("\n"),
        };
        expect.assert_eq(&seen);
    }

    #[test]
    fn calls_and_notifications_are_told_apart_by_their_id() {
        check(r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#, expect![["Some(Number(1)) a -"]]);
        check(r#" {"jsonrpc":"2.0","id":"x","method":"a","params":{"b":1}} "#, expect![[r#"Some(Str("x")) a {"b":1}"#]]);
        check(r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, expect![["Some(Null) a -"]]);
        check(r#"{"jsonrpc":"2.0","method":"a","params":[]}"#, expect![["None a []"]]);
    }

    #[test]
    fn what_is_no_json_is_a_parse_error() {
        check("{", expect![[r#"null -32700 "failed to read a frame as JSON: EOF while parsing an object at line 1 column 1""#]]);
        check("nonsense", expect![[r#"null -32700 "failed to read a frame as JSON: expected ident at line 1 column 2""#]]);
        check(
            r#"{"jsonrpc":"2.0"} {"#,
            expect![[r#"null -32700 "failed to read a frame as JSON: trailing characters at line 1 column 19""#]],
        );
    }

    #[test]
    fn json_that_is_no_request_is_an_invalid_one() {
        check("1", expect![[r#"null -32600 "failed to read a request: it is no object""#]]);
        check("{}", expect![[r#"null -32600 "failed to read a request: its field `jsonrpc` must be \"2.0\"""#]]);
        check(
            r#"{"jsonrpc":"1.0","id":3,"method":"a"}"#,
            expect![[r#"3 -32600 "failed to read a request: its field `jsonrpc` must be \"2.0\"""#]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3,"method":5}"#,
            expect![[r#"3 -32600 "failed to read a request: its field `method` must be a string""#]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3.5,"method":"a"}"#,
            expect![[r#"null -32600 "failed to read a request: its field `id` must be a string, a whole number from 0 on, or null""#]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3,"method":"a","params":"p"}"#,
            expect![[r#"3 -32600 "failed to read a request: its field `params` must be an object""#]],
        );
        check(
            r#"{"jsonrpc":"2.0","id":3,"id":4,"method":"a"}"#,
            expect![[r#"null -32600 "failed to read a request: duplicate field `id` at line 1 column 28""#]],
        );
    }

    #[test]
    fn a_batch_is_read_item_by_item_and_bounded() {
        check("[]", expect![[r#"null -32600 "failed to read a batch: it is empty""#]]);
        check(
            r#"[1, {"jsonrpc":"2.0","id":1,"method":"a"}]"#,
            expect![[r#"
            null -32600 "failed to read a request: it is no object"
            Some(Number(1)) a -"#]],
        );
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#;
        check(
            &format!("[{}]", vec![call; 101].join(",")),
            expect![[r#"null -32600 "failed to read a batch of 101 calls: at most 100 are taken""#]],
        );
        assert!(matches!(read(format!("[{}]", vec![call; 100].join(",")).as_bytes()), Said::Batch(items) if items.len() == 100));
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_strings_do_not_count() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(129), expect![[r#"null -32600 "failed to read a frame nested deeper than 128""#]]);
        check(&nested(1_000_000), expect![[r#"null -32600 "failed to read a frame nested deeper than 128""#]]);
        assert!(!is_too_deep(nested(128).as_bytes()));
        assert!(!is_too_deep(format!("[\"{}\\\"{}\"]", "[".repeat(500), "{".repeat(500)).as_bytes()));
    }

    #[test]
    fn bytes_that_are_no_text_are_a_parse_error() {
        assert!(matches!(read(b"{\"a\": \"\xff\"}"), Said::One(Item::Wrong(answer)) if answer.contains("-32700")));
    }
}
