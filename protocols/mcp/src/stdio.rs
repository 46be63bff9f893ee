//! The protocol on standard input and output, one message per line.
//!
//! `rmcp` has a transport of its own for this, which loses the replies that are under way when the input ends, waits 5 s then, and
//! passes over lines it cannot read without a word; so ours sits in its place.
//!
//! Invariant: a line costs at most [`LINE`] bytes and every request one answer; at the end of the input what is finished is
//! written, runs are suspended, and the process is free to end within half a second.

mod line;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{ClientJsonRpcMessage, ErrorData};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::{RoleServer, ServiceExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
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
    let (sender, messages) = mpsc::channel(32);
    let reading = tokio::spawn(read(input, Arc::clone(&wire), sender));
    let transport = Pipe { messages, wire: Arc::clone(&wire) };
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
    reading.abort();
}

/// What the reader, the transport and the end share.
struct Wire<W> {
    output: tokio::sync::Mutex<W>,
    /// Requests whose answers are still to come, by their ids as JSON, with the room their lines take.
    owed: Mutex<BTreeMap<String, Owed>>,
    answered: Notify,
    bytes: Arc<Semaphore>,
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
            ended: CancellationToken::new(),
        }
    }

    async fn write(&self, value: &Value) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
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

    /// Answers what cannot be a request.
    async fn refuse(&self, id: &Value, error: &ErrorData) {
        // Where the output is broken the end has come already.
        let _ = self.write(&json!({ "jsonrpc": "2.0", "id": id, "error": error })).await;
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
        if self.owed.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.to_string()).is_some() {
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

/// Reads lines and passes on what is in them; ends with the input.
async fn read<R, W>(input: R, wire: Arc<Wire<W>>, sender: mpsc::Sender<ClientJsonRpcMessage>)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut lines = Lines::new(input, LINE);
    let mut begun = false;
    loop {
        match lines.next().await {
            Ok(Some(Line::Whole(line))) => take(&line, &wire, &sender, &mut begun).await,
            Ok(Some(Line::TooLong)) => {
                let message = format!("failed to read a line of more than {} MiB\nsend large texts as files in the workspace", LINE >> 20);
                wire.refuse(&Value::Null, &ErrorData::invalid_request(message, None)).await;
            }
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, "failed to read standard input");
                break;
            }
        }
    }
    wire.ended.cancel();
}

async fn take<W: AsyncWrite + Unpin>(line: &[u8], wire: &Arc<Wire<W>>, sender: &mpsc::Sender<ClientJsonRpcMessage>, begun: &mut bool) {
    // A value refers to nothing of the line, but takes at least as much room.
    let kib = u32::try_from(line.len() / 1024 + 1).unwrap_or(u32::MAX);
    let Ok(mut room) = Arc::clone(&wire.bytes).acquire_many_owned(kib).await.map(Some) else { return };
    match serde_json::from_slice(line) {
        Ok(Value::Array(batch)) if batch.is_empty() || batch.len() > MOST_IN_BATCH => {
            let message = format!("failed to read a batch of {} messages: 1 to {MOST_IN_BATCH} are taken", batch.len());
            wire.refuse(&Value::Null, &ErrorData::invalid_request(message, None)).await;
        }
        Ok(Value::Array(batch)) => {
            for message in batch {
                pass(message, room.take(), wire, sender, begun).await;
            }
        }
        Ok(message) => pass(message, room, wire, sender, begun).await,
        Err(error) => {
            wire.refuse(&Value::Null, &ErrorData::parse_error(format!("failed to read a line as JSON: {error}"), None)).await;
        }
    }
}

async fn pass<W: AsyncWrite + Unpin>(
    message: Value,
    room: Option<OwnedSemaphorePermit>,
    wire: &Arc<Wire<W>>,
    sender: &mpsc::Sender<ClientJsonRpcMessage>,
    begun: &mut bool,
) {
    let id = message.get("id").cloned();
    let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
    if method.as_deref() == Some("notifications/cancelled")
        && let Some(id) = message.pointer("/params/requestId")
    {
        // Its answer is left out.
        wire.settle(id);
    }
    let is_answer = message.get("result").is_some() || message.get("error").is_some();
    let (request, asks_nothing) = match (id, method) {
        // Nothing has begun that such a message could be about, and rmcp would give up over it.
        (None, Some(_)) if !*begun => return,
        (Some(_), None) if !*begun && is_answer => return,
        (Some(id), Some(method)) => (Some((id, method)), false),
        (id, method) => (None, is_answer || (id.is_none() && method.is_some())),
    };
    let id = message.get("id").filter(|id| id.is_string() || id.is_i64()).cloned().unwrap_or_default();
    let message = match serde_json::from_value::<ClientJsonRpcMessage>(message) {
        Ok(message) => message,
        // Nobody waits for an answer to these.
        Err(error) if asks_nothing => return tracing::debug!(%error, "an answer or notification could not be read"),
        Err(_) => {
            let error = "failed to read a request: it is none of JSON-RPC 2.0\nit needs jsonrpc \"2.0\", an id that is a string or an integer, and a method";
            return wire.refuse(&id, &ErrorData::invalid_request(error, None)).await;
        }
    };
    if let Some((id, method)) = &request {
        if let Err(wrong) = wire.owe(id, method != "subscriptions/listen", room) {
            let (id, error) = *wrong;
            return wire.refuse(&id, &error).await;
        }
        *begun |= !matches!(method.as_str(), "server/discover" | "ping");
    }
    // The other end is gone only when all ends.
    let _ = sender.send(message).await;
}

/// The transport `rmcp` is given.
struct Pipe<W> {
    messages: mpsc::Receiver<ClientJsonRpcMessage>,
    wire: Arc<Wire<W>>,
}

impl<W: AsyncWrite + Unpin + Send + 'static> Transport<RoleServer> for Pipe<W> {
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let wire = Arc::clone(&self.wire);
        async move {
            let value = serde_json::to_value(&item)?;
            let written = wire.write(&value).await;
            if value.get("method").is_none()
                && let Some(id) = value.get("id")
            {
                wire.settle(id);
            }
            written
        }
    }

    /// The end of the input is kept from `rmcp`, so that it goes on answering until [`serve`] has let all out.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        match self.messages.recv().await {
            Some(message) => Some(message),
            None => std::future::pending().await,
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}
