//! Errors as providers put them.

use http::StatusCode;
use serde_json::Value;

/// What a provider says went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Its sentence, on one line, bounded; may be empty.
    pub(crate) sentence: String,
    /// Its code and type, as far as they are text.
    codes: Vec<String>,
    /// The HTTP status it names itself, where an error inside an accepted answer does.
    pub(crate) status: Option<StatusCode>,
}

/// The most characters of a provider's sentence.
const SENTENCE: usize = 500;

/// How providers say that a request does not fit; compared in lower case.
const TOO_LONG: [&str; 12] = [
    "context length",
    "context_length",
    "context size",
    "context_size",
    "context window",
    "maximum context",
    "max_model_len",
    "prompt is too long",
    "input is too long",
    "too many tokens",
    "reduce the length",
    "exceeds the maximum number of tokens",
];

impl Complaint {
    /// Reads a body: JSON in any of the usual forms, or text. A web page says nothing.
    pub(crate) fn read(body: &str) -> Self {
        match serde_json::from_str::<Value>(body) {
            Ok(value) => Self::of(&value),
            Err(_) if body.trim_start().starts_with('<') => Self::default(),
            Err(_) => Self { sentence: one_line(body), ..Self::default() },
        }
    }

    /// Reads `{"error": {..}}`, `{"error": ".."}`, `{"message": ".."}`, `{"detail": ".."}` and lists of those.
    pub(crate) fn of(value: &Value) -> Self {
        let value = value.get(0).unwrap_or(value);
        let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
        let field = |name: &str| error.get(name).or_else(|| value.get(name)).filter(|field| !field.is_null());
        let sentence =
            error.as_str().map(str::to_owned).or_else(|| ["message", "detail", "msg"].iter().find_map(|name| field(name).map(text)));
        let codes: Vec<String> = ["code", "type", "status"].iter().filter_map(|name| field(name).map(text)).collect();
        let status = codes.iter().find_map(|code| status(code));
        Self { sentence: one_line(&sentence.unwrap_or_else(|| text(error))), codes, status }
    }

    /// Whether the request did not fit into the model's context.
    pub(crate) fn is_too_long(&self) -> bool {
        let says = |text: &String| TOO_LONG.iter().any(|part| text.to_lowercase().contains(part));
        says(&self.sentence) || self.codes.iter().any(says)
    }

    /// Whether the account has nothing left, which waiting does not change.
    pub(crate) fn is_out_of_quota(&self) -> bool {
        self.codes.iter().any(|code| code == "insufficient_quota")
    }
}

/// The status a code stands for: a number, or a word that says whose fault it is.
fn status(code: &str) -> Option<StatusCode> {
    match code {
        "invalid_request_error" | "invalid_request" => Some(StatusCode::BAD_REQUEST),
        "authentication_error" => Some(StatusCode::UNAUTHORIZED),
        "permission_error" => Some(StatusCode::FORBIDDEN),
        "rate_limit_error" | "rate_limit_exceeded" => Some(StatusCode::TOO_MANY_REQUESTS),
        number => {
            number.parse::<u16>().ok().filter(|number| (400..600).contains(number)).and_then(|number| StatusCode::from_u16(number).ok())
        }
    }
}

/// Strings as they are, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SENTENCE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expect: &str) {
        assert_eq!(Complaint::read(body).sentence, expect);
    }

    #[test]
    fn a_sentence_is_found_wherever_it_is() {
        check(r#"{"error":{"message":"no such model","type":"invalid_request_error"}}"#, "no such model");
        check(r#"{"error":"model 'x' not found"}"#, "model 'x' not found");
        check(r#"{"object":"error","message":"too hot"}"#, "too hot");
        check(r#"{"detail":"Not Found"}"#, "Not Found");
        check(r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#, r#"[{"loc":["body"],"msg":"field required"}]"#);
        check(r#"[{"error":{"code":400,"message":"Gemini's list"}}]"#, "Gemini's list");
        check("upstream\n  timed out", "upstream timed out");
        check("<html><body>502</body></html>", "");
        check("", "");
        check(&"x".repeat(900), &format!("{}…", "x".repeat(500)));
    }

    #[test]
    fn an_error_may_name_its_own_status() {
        let status = |body| Complaint::read(body).status.map(|status| status.as_u16());
        assert_eq!(status(r#"{"error":{"code":502,"message":"m"}}"#), Some(502));
        assert_eq!(status(r#"{"error":{"code":"429","message":"m"}}"#), Some(429));
        assert_eq!(status(r#"{"error":{"type":"invalid_request_error","message":"m"}}"#), Some(400));
        assert_eq!(status(r#"{"error":{"code":"model_overloaded","message":"m"}}"#), None);
    }
}
