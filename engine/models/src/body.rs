//! What comes back, made safe to read: bounded, never silent for too long, and always an event stream.
//!
//! Servers lie about content types, so the first byte decides: `{` begins one whole JSON answer, which becomes one event; a
//! line of an event stream passes on as it is; anything else is no model's answer. Lines are passed on whole, so
//! the event parser behind never scans an unfinished line twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream;
use naestro_kernel::{Failure, FailureKind};

/// The most bytes read of one answer.
const LIMIT: usize = 64 << 20;

/// The most bytes read of a refusal.
const REFUSAL_LIMIT: usize = 64 << 10;

/// How long the end of a body may take after the stream said that it is done. Reading it is what keeps the connection usable.
const CLOSING: Duration = Duration::from_millis(100);

const DONE: &[u8] = b"data: [DONE]\n\n";

/// What the transport learned about an answer that its errors cannot carry.
#[derive(Default)]
pub(crate) struct Watch {
    failure: OnceLock<Failure>,
    cut: AtomicBool,
}

/// How an answer is read.
pub(crate) struct Reading {
    /// The address, for messages.
    pub(crate) base: String,
    /// For the first byte after the head.
    pub(crate) answer: Duration,
    /// For each further byte.
    pub(crate) idle: Duration,
    /// Where failures are put.
    pub(crate) watch: Arc<Watch>,
}

/// An answer whose events are being passed on.
struct Events {
    reading: Reading,
    response: reqwest::Response,
    /// Bytes read and not passed on: a line not yet whole.
    carry: Vec<u8>,
    read: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing but white space has come.
    Start,
    /// Lines are passed on.
    Lines,
    /// The stream said that it is done; its end has not come.
    Closing,
    /// All is passed on.
    End,
}

impl Watch {
    /// Keeps the first failure.
    pub(crate) fn fail(&self, failure: Failure) -> std::io::Error {
        let error = std::io::Error::other(failure.message.clone());
        let _ = self.failure.set(failure);
        error
    }

    /// The failure, where there was one.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.get().cloned()
    }

    /// Whether the stream ended without saying that it is done.
    pub(crate) fn was_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

/// The same response with a body that is a bounded event stream.
pub(crate) fn events(response: reqwest::Response, reading: Reading) -> reqwest::Response {
    let status = response.status();
    let events = Events { reading, response, carry: Vec::new(), read: 0, stage: Stage::Start };
    let stream = stream::unfold(events, |mut events| async {
        let next = events.next().await?;
        if next.is_err() {
            events.stage = Stage::End;
        }
        Some((next, events))
    });
    replace(status, reqwest::Body::wrap_stream(stream))
}

/// The same response with its whole body in memory, bounded.
pub(crate) async fn whole(response: reqwest::Response, reading: Reading) -> std::io::Result<reqwest::Response> {
    let status = response.status();
    let mut events = Events { reading, response, carry: Vec::new(), read: 0, stage: Stage::Start };
    events.read_all().await?;
    Ok(replace(status, events.carry.into()))
}

/// What a refusal says, as far as it comes in time and within bounds.
pub(crate) async fn refusal(mut response: reqwest::Response, idle: Duration) -> String {
    let mut text = Vec::new();
    while let Ok(Ok(Some(bytes))) = tokio::time::timeout(idle, response.chunk()).await {
        text.extend_from_slice(&bytes);
        if text.len() > REFUSAL_LIMIT {
            text.truncate(REFUSAL_LIMIT);
            break;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn replace(status: http::StatusCode, body: reqwest::Body) -> reqwest::Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    response.into()
}

impl Events {
    /// The next bytes of the event stream; `None` at its end.
    async fn next(&mut self) -> Option<std::io::Result<Vec<u8>>> {
        loop {
            match self.stage {
                Stage::End => return None,
                Stage::Closing => return Some(Ok(self.close().await)),
                Stage::Start | Stage::Lines => {}
            }
            match self.read().await {
                Err(error) => return Some(Err(error)),
                Ok(true) => {}
                Ok(false) => return Some(Ok(self.last())),
            }
            if self.stage == Stage::Start {
                match self.sniff().await {
                    Err(error) => return Some(Err(error)),
                    Ok(Some(whole)) => return Some(Ok(whole)),
                    Ok(None) => {}
                }
            }
            let lines = self.lines();
            if !lines.is_empty() {
                return Some(Ok(lines));
            }
        }
    }

    /// Reads more into `carry`; false at the end of the body.
    async fn read(&mut self) -> std::io::Result<bool> {
        let limit = if self.read == 0 { self.reading.answer } else { self.reading.idle };
        let Ok(chunk) = tokio::time::timeout(limit, self.response.chunk()).await else {
            return Err(self.fail(FailureKind::Transient, &format!("hear from the model for {} s", limit.as_secs_f32())));
        };
        let Some(bytes) = chunk.map_err(|error| self.broken(&error))? else { return Ok(false) };
        self.read += bytes.len();
        if self.read > LIMIT {
            return Err(self.fail(FailureKind::Permanent, &format!("read an answer of more than {} MiB", LIMIT >> 20)));
        }
        self.carry.extend_from_slice(&bytes);
        Ok(true)
    }

    async fn read_all(&mut self) -> std::io::Result<()> {
        while self.read().await? {}
        Ok(())
    }

    /// Decides by the first byte what the answer is; a whole JSON answer is returned as an event stream.
    async fn sniff(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let text = self.carry.trim_ascii_start();
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        match text.first() {
            None => Ok(None),
            Some(b'd' | b'e' | b'i' | b'r' | b':') => {
                self.stage = Stage::Lines;
                Ok(None)
            }
            Some(b'{' | b'[') => {
                self.read_all().await?;
                self.stage = Stage::End;
                let value: serde_json::Value = serde_json::from_slice(&self.carry).map_err(|error| self.garbage(&error.to_string()))?;
                Ok(Some([format!("data: {value}\n\n").as_bytes(), DONE].concat()))
            }
            Some(b'<') => Err(self.garbage("it is a web page")),
            Some(_) => Err(self.garbage("it is neither JSON nor an event stream")),
        }
    }

    /// Takes the whole lines, up to the one that says `[DONE]`.
    fn lines(&mut self) -> Vec<u8> {
        let Some(end) = self.carry.iter().rposition(|&byte| byte == b'\n') else { return Vec::new() };
        let rest = self.carry.split_off(end + 1);
        let mut lines = std::mem::replace(&mut self.carry, rest);
        if let Some(done) = done_line(&lines) {
            lines.truncate(done);
            self.stage = Stage::Closing;
        }
        lines
    }

    /// What is left when the body ended by itself: perhaps a line without its end.
    fn last(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.carry);
        self.stage = Stage::End;
        if done_line(&rest).is_none() {
            self.reading.watch.cut.store(true, Ordering::Release);
        }
        rest.extend_from_slice(b"\n\n");
        rest
    }

    /// Waits for the end of a body that is done, so that its connection can be used again.
    async fn close(&mut self) -> Vec<u8> {
        let drain = async { while let Ok(Some(_)) = self.response.chunk().await {} };
        // A server that keeps the stream open has lost its connection, not its answer.
        let _ = tokio::time::timeout(CLOSING, drain).await;
        self.stage = Stage::End;
        DONE.to_vec()
    }

    fn broken(&self, error: &reqwest::Error) -> std::io::Error {
        let cause = crate::send::root_cause(error);
        self.fail(FailureKind::Transient, &format!("read the answer of {} to its end: {cause}", self.reading.base))
    }

    fn garbage(&self, why: &str) -> std::io::Error {
        self.reading.watch.fail(garbage(&self.reading.base, why))
    }

    fn fail(&self, kind: FailureKind, message: &str) -> std::io::Error {
        self.reading.watch.fail(Failure { kind, message: message.to_owned(), hint: String::new(), retry_after: None })
    }
}

/// An answer that no model gives.
pub(crate) fn garbage(base: &str, why: &str) -> Failure {
    Failure {
        kind: FailureKind::Permanent,
        message: format!("understand the answer of {base}: {why}"),
        hint: "is this the base URL of an OpenAI-shaped server? it usually ends with /v1".to_owned(),
        retry_after: None,
    }
}

/// Where the line begins that says `[DONE]`.
fn done_line(lines: &[u8]) -> Option<usize> {
    let mut start = 0;
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        if line.strip_prefix(b"data:").is_some_and(|data| data.trim_ascii() == b"[DONE]") {
            return Some(start);
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_is_a_line_of_its_own_and_not_a_word_in_a_text() {
        assert_eq!(done_line(b"data: {}\n\ndata: [DONE]\n\n"), Some(10));
        assert_eq!(done_line(b"data:[DONE]\r\n"), Some(0));
        assert_eq!(done_line(b"data: {\"content\":\"data: [DONE]\"}\n\n"), None);
    }
}
