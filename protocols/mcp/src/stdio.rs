//! The protocol on standard input and output, one message per line.
//!
//! `rmcp` has a transport of its own for this, which loses the replies that are under way when the input ends, waits 5 s then, and
//! passes over lines it cannot read without a word; so ours sits in its place.
//!
//! Invariant: a line costs at most [`LINE`] bytes and every request one answer; at the end of the input what is finished is
//! written, runs are suspended, and the process is free to end within half a second.

mod line;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{ClientJsonRpcMessage, ErrorData, JsonRpcError, JsonRpcMessage};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::{RoleServer, ServiceExt as _};
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::Handler;
use line::{Line, Lines};

/// The most bytes of a line: 16 MiB.
const LINE: usize = 16 << 20;
/// The most bytes of lines whose requests go on, in KiB.
const MOST_KIB: usize = 2 * LINE / 1024;
/// The most requests at once.
const MOST_CALLS: usize = 256;
/// The most messages of a batch, which 2025-03-26 allows; each is answered on a line of its own.
const MOST_IN_BATCH: usize = 100;
/// Too many requests at once; the code that our JSON-RPC face has for it.
const BUSY: i32 = -32005;

/// The most answers to what is no request that wait to be written; while there are so many nothing more is read.
const MOST_REFUSALS: usize = 64;

/// How long requests may go on after the end of the input before runs are suspended.
const GRACE: Duration = Duration::from_millis(150);
/// How long runs may take to suspend then.
const SUSPENDING: Duration = Duration::from_millis(250);
/// How long what they answer with may take to be written then.
const FLUSHING: Duration = Duration::from_millis(80);

/// Speaks on standard input and output until the input ends, the output breaks, or `stop` comes.
///
/// # Errors
/// That the two could not be opened.
pub async fn serve(handler: Handler, stop: impl Future<Output = ()>) -> io::Result<()> {
    let (input, output) = rmcp::transport::stdio_pipes();
    serve_on(input, output, handler, stop).await;
    Ok(())
}

async fn serve_on<R, W>(input: R, output: W, handler: Handler, stop: impl Future<Output = ()>)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let wire = Arc::new(Wire::new(output));
    let transport =
        Pipe { lines: Lines::new(input, LINE), held: None, queue: VecDeque::new(), begun: false, refused: 0, wire: Arc::clone(&wire) };
    let closing = handler.clone();
    let serving = async {
        match Box::pin(handler.serve(transport)).await {
            Ok(running) => _ = running.waiting().await,
            Err(error) => tracing::debug!(%error, "the client left before it began"),
        }
    };
    tokio::select! {
        () = serving => {}
        () = async {
            tokio::select! {
                () = wire.ended.cancelled() => {}
                () = stop => {}
            }
            wire.settled(GRACE).await;
            if tokio::time::timeout(SUSPENDING, closing.close()).await.is_err() {
                tracing::warn!("suspending the runs took too long at the end of the input");
            }
            wire.settled(FLUSHING).await;
        } => {}
    }
}

/// What the reader, the transport and the end share.
struct Wire<W> {
    output: tokio::sync::Mutex<W>,
    /// Requests whose answers are still to come, by their ids as JSON, with the room their lines take.
    owed: Mutex<BTreeMap<String, Owed>>,
    answered: Notify,
    bytes: Arc<Semaphore>,
    /// Room for answers to what is no request.
    refusals: Arc<Semaphore>,
    /// Cancelled at the end of the input, or when the output breaks.
    ended: CancellationToken,
}

struct Owed {
    /// Whether it ends by itself: an open subscription does not.
    ends: bool,
    _room: Option<OwnedSemaphorePermit>,
}

impl<W: AsyncWrite + Unpin> Wire<W> {
    fn new(output: W) -> Self {
        Self {
            output: tokio::sync::Mutex::new(output),
            owed: Mutex::default(),
            answered: Notify::new(),
            bytes: Arc::new(Semaphore::new(MOST_KIB)),
            refusals: Arc::new(Semaphore::new(MOST_REFUSALS)),
            ended: CancellationToken::new(),
        }
    }

    async fn write(&self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut output = self.output.lock().await;
        let written = async {
            output.write_all(&line).await?;
            output.flush().await
        }
        .await;
        if written.is_err() {
            self.ended.cancel();
        }
        written
    }

    /// Takes note of a request; says what is wrong where it cannot be taken, and under which id: one that goes on is not answered twice.
    fn owe(&self, id: &Value, ends: bool, room: Option<OwnedSemaphorePermit>) -> Result<(), Box<(Value, ErrorData)>> {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        if owed.contains_key(&id.to_string()) {
            let message = format!("failed to take a request with the id {id}: one with that id goes on");
            return Err(Box::new((Value::Null, ErrorData::invalid_request(message, None))));
        }
        if owed.len() >= MOST_CALLS {
            let message = format!("failed to take more than {MOST_CALLS} requests at once\nwait for an answer before the next request");
            return Err(Box::new((id.clone(), ErrorData::new(rmcp::model::ErrorCode(BUSY), message, None))));
        }
        owed.insert(id.to_string(), Owed { ends, _room: room });
        Ok(())
    }

    fn settle(&self, id: &Value) {
        self.settle_key(&id.to_string());
    }

    fn settle_key(&self, key: &str) {
        if self.owed.lock().unwrap_or_else(PoisonError::into_inner).remove(key).is_some() {
            self.answered.notify_waiters();
        }
    }

    /// Returns when every request that ends by itself is answered, or the time is over.
    async fn settled(&self, limit: Duration) {
        let all = async {
            loop {
                let answered = self.answered.notified();
                if !self.owed.lock().unwrap_or_else(PoisonError::into_inner).values().any(|owed| owed.ends) {
                    return;
                }
                answered.await;
            }
        };
        // What is not finished by then is told by how the runs stand.
        let _ = tokio::time::timeout(limit, all).await;
    }
}

/// The transport `rmcp` is given.
struct Pipe<R, W> {
    lines: Lines<R>,
    /// A line that waits for room.
    held: Option<Vec<u8>>,
    /// Messages of a batch that were not yet taken.
    queue: VecDeque<ClientJsonRpcMessage>,
    /// Whether a request came that begins a conversation.
    begun: bool,
    /// How much was refused.
    refused: u64,
    wire: Arc<Wire<W>>,
}

impl<R, W> Pipe<R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    /// The next message; `None` at the end of the input. Dropped in the middle it loses nothing.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(message) = self.queue.pop_front() {
                return Some(message);
            }
            // A client that does not read what it is told is not listened to either.
            drop(self.wire.refusals.acquire().await.ok()?);
            let line = match self.held.take() {
                Some(line) => line,
                None => match self.lines.next().await {
                    Ok(Some(Line::Whole(line))) => line,
                    Ok(Some(Line::TooLong)) => {
                        let message =
                            format!("failed to read a line of more than {} MiB\nsend large texts as files in the workspace", LINE >> 20);
                        self.refuse(Value::Null, ErrorData::invalid_request(message, None));
                        continue;
                    }
                    Ok(None) => return None,
                    Err(error) => {
                        tracing::warn!(%error, "failed to read standard input");
                        return None;
                    }
                },
            };
            // A value refers to nothing of the line, but takes at least as much room.
            let kib = u32::try_from(line.len() / 1024 + 1).unwrap_or(u32::MAX);
            let line = &*self.held.insert(line);
            let room = Arc::clone(&self.wire.bytes).acquire_many_owned(kib).await.ok()?;
            let message = serde_json::from_slice(line);
            self.held = None;
            self.take(message, room);
        }
    }

    fn take(&mut self, message: serde_json::Result<Value>, room: OwnedSemaphorePermit) {
        match message {
            Ok(Value::Array(batch)) if batch.is_empty() || batch.len() > MOST_IN_BATCH => {
                let message = format!("failed to read a batch of {} messages: 1 to {MOST_IN_BATCH} are taken", batch.len());
                self.refuse(Value::Null, ErrorData::invalid_request(message, None));
            }
            Ok(Value::Array(batch)) => {
                let mut room = Some(room);
                batch.into_iter().for_each(|message| self.pass(message, room.take()));
            }
            Ok(message) => self.pass(message, Some(room)),
            Err(error) => self.refuse(Value::Null, ErrorData::parse_error(format!("failed to read a line as JSON: {error}"), None)),
        }
    }

    fn pass(&mut self, message: Value, room: Option<OwnedSemaphorePermit>) {
        let id = message.get("id").cloned();
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        if method.as_deref() == Some("notifications/cancelled")
            && let Some(id) = message.pointer("/params/requestId")
        {
            // Its answer is left out.
            self.wire.settle(id);
        }
        let is_answer = message.get("result").is_some() || message.get("error").is_some();
        let (request, asks_nothing) = match (id, method) {
            // Nothing has begun that such a message could be about, and rmcp would give up over it.
            (None, Some(_)) if !self.begun => return,
            (Some(_), None) if !self.begun && is_answer => return,
            (Some(id), Some(method)) => (Some((id, method)), false),
            (id, method) => (None, is_answer || (id.is_none() && method.is_some())),
        };
        let id = message.get("id").filter(|id| id.is_string() || id.is_i64()).cloned().unwrap_or_default();
        let message = match serde_json::from_value::<ClientJsonRpcMessage>(message) {
            Ok(message) => message,
            // Nobody waits for an answer to these.
            Err(error) if asks_nothing => return tracing::debug!(%error, "an answer or notification could not be read"),
            Err(_) => {
                let error = "failed to read a request: it is none of JSON-RPC 2.0\n\
                    it needs jsonrpc \"2.0\", an id that is a string or an integer, and a method";
                return self.refuse(id, ErrorData::invalid_request(error, None));
            }
        };
        if let Some((id, method)) = &request {
            if let Err(wrong) = self.wire.owe(id, method != "subscriptions/listen", room) {
                let (id, error) = *wrong;
                return self.refuse(id, error);
            }
            self.begun |= !matches!(method.as_str(), "server/discover" | "ping");
        }
        self.queue.push_back(message);
    }

    /// Answers what cannot be a request; by a task, since reading may be broken off at any moment, and writing may not.
    fn refuse(&mut self, id: Value, error: ErrorData) {
        let wire = Arc::clone(&self.wire);
        self.refused += 1;
        // No id as JSON begins so.
        let key = format!("refusal {}", self.refused);
        wire.owed.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), Owed { ends: true, _room: None });
        // Where no id could be read, the protocol wants none in the answer, not a null.
        let answer = JsonRpcError::new(serde_json::from_value(id).ok(), error);
        // Only the rest of a batch finds no room, and that is bounded.
        let room = Arc::clone(&wire.refusals).try_acquire_owned().ok();
        tokio::spawn(async move {
            // Where the output is broken the end has come already.
            let _ = wire.write(&answer).await;
            wire.settle_key(&key);
            drop(room);
        });
    }
}

impl<R, W> Transport<RoleServer> for Pipe<R, W>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let wire = Arc::clone(&self.wire);
        async move {
            let answers = match &item {
                JsonRpcMessage::Response(response) => Some(response.id.clone()),
                JsonRpcMessage::Error(error) => error.id.clone(),
                JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
            };
            let written = wire.write(&item).await;
            if let Some(id) = answers {
                wire.settle(&id.into_json_value());
            }
            written
        }
    }

    /// The end of the input is kept from `rmcp`, so that it goes on answering until [`serve`] has let all out.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        if self.wire.ended.is_cancelled() {
            return std::future::pending().await;
        }
        match self.next().await {
            Some(message) => Some(message),
            None => {
                self.wire.ended.cancel();
                std::future::pending().await
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}
