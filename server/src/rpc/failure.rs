//! Errors as JSON-RPC carries them: the standard codes where they say it, else one code for each kind of ours.
//!
//! Invariant: `data` is always the [`Error`] itself, so that a caller can rely on its stable `code`.

use jsonrpsee::types::{ErrorObject, ErrorObjectOwned, Id};
use naestro_api::{Error, ErrorCode, ErrorKind};

/// The frame is no JSON.
pub(super) const PARSE_ERROR: i32 = -32700;
/// The JSON is no request.
pub(super) const INVALID_REQUEST: i32 = -32600;
/// There is no such method.
pub(super) const METHOD_NOT_FOUND: i32 = -32601;
/// The parameters are wrong.
pub(super) const INVALID_PARAMS: i32 = -32602;
/// A bug.
pub(super) const INTERNAL: i32 = -32603;
/// The input is well-formed and wrong: an unknown run, a bad workspace.
pub(super) const USER: i32 = -32001;
/// The configuration is wrong.
pub(super) const CONFIG: i32 = -32002;
/// The policy refused.
pub(super) const POLICY: i32 = -32003;
/// Something needed is not there.
pub(super) const UNAVAILABLE: i32 = -32004;
/// Too many requests at once.
pub(super) const BUSY: i32 = -32005;

/// The code for an error of the engine's.
pub(super) fn code(error: &Error) -> i32 {
    match (error.kind, error.code) {
        (_, ErrorCode::InvalidInput) => INVALID_PARAMS,
        (ErrorKind::User, _) => USER,
        (ErrorKind::Config, _) => CONFIG,
        (ErrorKind::Policy, _) => POLICY,
        (ErrorKind::Unavailable, _) => UNAVAILABLE,
        (ErrorKind::Internal, _) => INTERNAL,
    }
}

/// The error object of an error of the engine's.
pub(super) fn object(error: &Error) -> ErrorObjectOwned {
    ErrorObject::owned(code(error), error.to_string(), Some(error))
}

/// A whole error answer as a line.
pub(super) fn line(id: &Id<'_>, code: i32, error: &Error) -> String {
    let object = ErrorObject::owned(code, error.to_string(), Some(error));
    serde_json::json!({ "jsonrpc": "2.0", "id": id, "error": object }).to_string()
}
