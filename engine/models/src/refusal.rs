//! What a refusal means: whether to try again, when, and what the user can do.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use naestro_kernel::{Failure, FailureKind, Millis};

use crate::wire::Complaint;

/// The failure that a status and what came with it stand for.
pub(crate) fn failure(base: &str, key_source: &str, status: StatusCode, headers: &HeaderMap, body: &str) -> Failure {
    let complaint = Complaint::read(body);
    let said = match complaint.sentence.as_str() {
        "" => String::new(),
        sentence => format!(": {sentence}"),
    };
    let kind = kind(status, &complaint);
    Failure {
        kind,
        message: format!("get an answer from {base}: status {status}{said}"),
        hint: hint(status, kind, key_source, headers),
        retry_after: if kind == FailureKind::Transient { retry_after(headers, SystemTime::now()) } else { None },
    }
}

/// The failure that an error inside an accepted answer stands for.
pub(crate) fn failure_inside(base: &str, complaint: &Complaint) -> Failure {
    // A provider that has begun to answer has understood the request: only what says otherwise is permanent.
    let status = complaint.status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Failure {
        kind: kind(status, complaint),
        message: format!("get the whole answer from {base}: {}", complaint.sentence),
        hint: String::new(),
        retry_after: None,
    }
}

fn kind(status: StatusCode, complaint: &Complaint) -> FailureKind {
    let busy = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY);
    if complaint.is_out_of_quota() {
        FailureKind::Permanent
    } else if status == StatusCode::PAYLOAD_TOO_LARGE || (complaint.is_too_long() && status != StatusCode::TOO_MANY_REQUESTS) {
        FailureKind::TooLong
    } else if busy || status.is_server_error() {
        FailureKind::Transient
    } else {
        FailureKind::Permanent
    }
}

fn hint(status: StatusCode, kind: FailureKind, key_source: &str, headers: &HeaderMap) -> String {
    match (status, kind) {
        (_, FailureKind::TooLong) => "ask for less at once, or use a model with a larger context".to_owned(),
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => format!("check the key in {key_source}"),
        (StatusCode::NOT_FOUND, _) => "check the model's name and the base URL; `naestro doctor` lists the models there are".to_owned(),
        (StatusCode::PAYMENT_REQUIRED, _) | (StatusCode::TOO_MANY_REQUESTS, FailureKind::Permanent) => {
            "the account behind the key has no budget left: check its plan and billing".to_owned()
        }
        (status, _) if status.is_redirection() => match headers.get(http::header::LOCATION).and_then(|place| place.to_str().ok()) {
            Some(place) => format!("the server has moved to {place}: use that as the base URL"),
            None => "the server has moved: use its new base URL".to_owned(),
        },
        _ => String::new(),
    }
}

/// The span a server asked for: `retry-after-ms`, or `Retry-After` in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Millis> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return millis_of(millis);
    }
    let text = text("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return millis_of(seconds * 1000.0);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let span = date.duration_since(now).unwrap_or_default();
    Some(Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 0 and a year")]
fn millis_of(millis: f64) -> Option<Millis> {
    const YEAR: f64 = 365.0 * 86_400_000.0;
    (0.0..=YEAR).contains(&millis).then(|| Millis(millis.ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureKind::{Permanent, TooLong, Transient};

    fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> Option<Failure> {
        let headers = headers.iter().filter_map(|(name, value)| Some((http::HeaderName::from_static(name), value.parse().ok()?)));
        Some(failure("http://x/v1", "OPENAI_API_KEY", StatusCode::from_u16(status).ok()?, &headers.collect(), body))
    }

    #[track_caller]
    fn check(status: u16, body: &str, expect: FailureKind) {
        assert_eq!(of(status, &[], body).map(|failure| failure.kind), Some(expect), "{status} {body}");
    }

    #[test]
    fn what_may_pass_is_transient_and_what_will_not_is_permanent() {
        check(408, "", Transient);
        check(429, r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#, Transient);
        check(429, r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#, Permanent);
        check(500, "oops", Transient);
        check(503, "", Transient);
        check(529, "overloaded", Transient);
        check(302, "", Permanent);
        check(400, r#"{"error":"bad tool"}"#, Permanent);
        check(401, "", Permanent);
        check(404, "", Permanent);
    }

    #[test]
    fn a_request_longer_than_the_context_is_told_from_a_bad_one() {
        check(400, r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#, TooLong);
        check(400, r#"{"object":"error","message":"This model's maximum context length is 4096 tokens."}"#, TooLong);
        check(400, r#"{"error":{"type":"exceed_context_size_error","message":"the request exceeds the available context size"}}"#, TooLong);
        check(500, r#"{"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}"#, TooLong);
        check(413, "", TooLong);
        check(429, r#"{"error":{"message":"Request too large: reduce the length of the messages"}}"#, Transient);
    }

    #[test]
    fn the_provider_is_quoted_and_the_next_step_named() {
        let failure = of(401, &[], r#"{"error":{"message":"Incorrect API key provided."}}"#);
        let expect = "get an answer from http://x/v1: status 401 Unauthorized: Incorrect API key provided.";
        assert_eq!(failure.as_ref().map(|failure| failure.message.as_str()), Some(expect));
        assert_eq!(failure.as_ref().map(|failure| failure.hint.as_str()), Some("check the key in OPENAI_API_KEY"));
        let moved = of(308, &[("location", "https://y/v1")], "");
        assert!(moved.is_some_and(|failure| failure.hint.contains("https://y/v1")));
    }

    #[test]
    fn the_pause_asked_for_is_read_in_every_form() {
        let pause = |name, value: &str| of(429, &[(name, value)], "").and_then(|failure| failure.retry_after);
        assert_eq!(pause("retry-after", "7"), Some(Millis(7000)));
        assert_eq!(pause("retry-after", " 0.5 "), Some(Millis(500)));
        assert_eq!(pause("retry-after-ms", "250"), Some(Millis(250)));
        assert_eq!(pause("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"), Some(Millis(0)));
        let later = httpdate::fmt_http_date(SystemTime::now() + std::time::Duration::from_secs(100));
        assert!(pause("retry-after", &later).is_some_and(|pause| (98_000..=100_000).contains(&pause.0)));
        for nonsense in ["", "soon", "-3", "NaN", "1e300"] {
            assert_eq!(pause("retry-after", nonsense), None, "{nonsense}");
        }
    }
}
