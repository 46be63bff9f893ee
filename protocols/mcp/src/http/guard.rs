//! What every request has to pass: its token, and the bounds of its body.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::Answer;

pub(super) const PARSE_ERROR: i32 = -32700;
pub(super) const INVALID_REQUEST: i32 = -32600;
pub(super) const INTERNAL: i32 = -32603;

/// Who may speak to the endpoint.
#[derive(Clone)]
pub struct Access {
    /// The token each request has to bear; none is asked for where absent, which only tests do.
    pub token: Option<String>,
    /// The hosts it may be called by, without a port; what another page of a browser resolves to this address is none of them.
    pub hosts: Vec<String>,
    /// The origins a browser may call from, each with its port. A request without an origin comes from no page.
    pub origins: Vec<String>,
}

impl Access {
    /// Asks for this token, for a call by the loopback's own names, and from no page but the endpoint's own.
    #[must_use]
    pub fn loopback(token: Option<String>, port: u16) -> Self {
        let hosts = ["localhost", "127.0.0.1", "[::1]"];
        let origins = hosts.map(|host| format!("http://{host}:{port}"));
        Self { token, hosts: hosts.map(|host| host.trim_matches(['[', ']']).to_owned()).into(), origins: origins.into() }
    }

    /// Lets pages of one more origin call; without a port it is the one its scheme stands for.
    pub fn allow(&mut self, origin: &str) {
        let origin = origin.trim_end_matches('/');
        let (scheme, host) = origin.split_once("://").unwrap_or(("", origin));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        self.origins.push(match scheme {
            "https" if !has_port => format!("{origin}:443"),
            "http" if !has_port => format!("{origin}:80"),
            _ => origin.to_owned(),
        });
    }

    /// Looks at the token.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Box<Answer>> {
        let Some(token) = &self.token else { return Ok(()) };
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        if given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(token.as_bytes()))) {
            return Ok(());
        }
        let mut refused = refuse(StatusCode::UNAUTHORIZED, INVALID_REQUEST, "failed to let the request in: it bears no token, or another");
        refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Err(refused)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("hosts", &self.hosts).field("origins", &self.origins).finish_non_exhaustive()
    }
}

/// A request whose body has come and is bounded.
pub(super) struct Checked {
    /// The request.
    pub(super) request: Request<Full<Bytes>>,
    /// Whether it asks for a session.
    pub(super) initializes: bool,
}

/// Takes in the body: within its bytes, its time, and the depth the parser allows; one message, not a batch.
pub(super) async fn body(request: Request<Incoming>, most: usize, within: Duration) -> Result<Checked, Box<Answer>> {
    let (head, body) = request.into_parts();
    let whole = match tokio::time::timeout(within, Limited::new(body, most).collect()).await {
        Ok(Ok(whole)) => whole.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("failed to read a body of more than {} MiB", most >> 20);
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, &message));
        }
        Ok(Err(error)) => return Err(refuse(StatusCode::BAD_REQUEST, INVALID_REQUEST, &format!("failed to read the body: {error}"))),
        Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, "failed to read the body: it took too long")),
    };
    let is_json =
        head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.starts_with("application/json"));
    let initializes = if head.method == Method::POST && is_json { look(&whole)? } else { false };
    Ok(Checked { request: Request::from_parts(head, Full::new(whole)), initializes })
}

/// Whether the message is `initialize`.
fn look(whole: &[u8]) -> Result<bool, Box<Answer>> {
    match serde_json::from_slice::<Value>(whole) {
        Ok(Value::Object(message)) => Ok(message.get("method").and_then(Value::as_str) == Some("initialize")),
        Ok(Value::Array(_)) => {
            Err(refuse(StatusCode::BAD_REQUEST, INVALID_REQUEST, "failed to read a batch: send one message with each request"))
        }
        Ok(_) => Err(refuse(StatusCode::BAD_REQUEST, INVALID_REQUEST, "failed to read a message: it is no object")),
        Err(error) => Err(refuse(StatusCode::BAD_REQUEST, PARSE_ERROR, &format!("failed to read the body as JSON: {error}"))),
    }
}

/// That there is nothing at this path.
pub(super) fn nothing_there() -> Box<Answer> {
    refuse(StatusCode::NOT_FOUND, INVALID_REQUEST, &format!("failed to find anything there: the endpoint is {}", super::PATH))
}

/// A refusal that both a person and a client of the protocol can read; which request it is about was not read yet.
pub(super) fn refuse(status: StatusCode, code: i32, message: &str) -> Box<Answer> {
    let body = json!({ "jsonrpc": "2.0", "error": { "code": code, "message": message } }).to_string();
    let mut response = Response::new(Full::from(body).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Box::new(response)
}

/// The token of a header; the scheme's name knows no case.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_token_lets_a_request_in() {
        let access = Access::loopback(Some("secret".to_owned()), 7311);
        let check = |value: Option<&'static str>, expect: bool| {
            let mut headers = HeaderMap::new();
            value.map(|value| headers.insert(AUTHORIZATION, HeaderValue::from_static(value)));
            let seen = access.check(&headers);
            assert_eq!(seen.is_ok(), expect, "{value:?}");
            assert!(seen.err().is_none_or(|refused| refused.status() == StatusCode::UNAUTHORIZED));
        };
        check(Some("Bearer secret"), true);
        check(Some("bearer  secret "), true);
        for wrong in [None, Some("Bearer "), Some("Bearer secre"), Some("Bearer secrets"), Some("Basic secret"), Some("secret")] {
            check(wrong, false);
        }
        assert!(!format!("{access:?}").contains("secret"));
    }

    #[test]
    fn an_origin_has_a_port() {
        let mut access = Access::loopback(None, 7311);
        ["https://a.example", "http://b.example/", "https://c.example:8443", "null"].iter().for_each(|origin| access.allow(origin));
        assert_eq!(access.hosts, ["localhost", "127.0.0.1", "::1"]);
        let own = ["http://localhost:7311", "http://127.0.0.1:7311", "http://[::1]:7311"];
        assert_eq!(access.origins[..3], own);
        assert_eq!(access.origins[3..], ["https://a.example:443", "http://b.example:80", "https://c.example:8443", "null"]);
    }

    #[test]
    fn a_body_is_one_message() {
        let check = |body: &str, expect: Result<bool, StatusCode>| {
            assert_eq!(look(body.as_bytes()).map_err(|refused| refused.status()), expect, "{body}");
        };
        check(r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#, Ok(true));
        check(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, Ok(false));
        check("[]", Err(StatusCode::BAD_REQUEST));
        check("{", Err(StatusCode::BAD_REQUEST));
        check("7", Err(StatusCode::BAD_REQUEST));
        check(&format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)), Err(StatusCode::BAD_REQUEST));
        assert!(look(b"{\"a\":\"\xff\"}").is_err());
    }
}
