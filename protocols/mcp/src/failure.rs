//! What went wrong, as the protocol carries it: a tool's failure is a result that a model can read, the rest are errors.
//!
//! Invariant: `data`, or the result's `_meta`, always holds the [`Error`] itself, so that a program can rely on its code.

use naestro_api::{Error, ErrorCode};
use rmcp::model::{CallToolResult, ContentBlock, ErrorData, MetaObject};
use serde_json::json;

/// The key under which a result's `_meta` holds the error.
pub(crate) const META: &str = "naestro/error";

/// A tool's failure: the model reads what to do next.
pub(crate) fn result(error: &Error) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(text(error))]);
    let mut meta = MetaObject::new();
    meta.0.insert(META.to_owned(), json!(error));
    result.meta = Some(meta);
    result
}

/// The error of a request that is no tool call.
pub(crate) fn of(error: &Error) -> ErrorData {
    let data = Some(json!(error));
    match error.code {
        ErrorCode::Internal | ErrorCode::JournalUnavailable | ErrorCode::JournalCorrupt => ErrorData::internal_error(text(error), data),
        _ => ErrorData::invalid_params(text(error), data),
    }
}

/// A bug: the engine answered with another thing than what was asked.
pub(crate) fn unexpected(wanted: &str) -> Error {
    Error::new(ErrorCode::Internal, format!("get {wanted}: the engine answered with something else"))
}

fn text(error: &Error) -> String {
    if error.hints.is_empty() { error.to_string() } else { format!("{error}\n{}", error.hints.join("\n")) }
}
