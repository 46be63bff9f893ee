//! At most one connection to a server, shared by all runs, opened when it is needed and ended when nobody uses it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use naestro_policy::effect::UpstreamCall;
use naestro_policy::port::ToolResult;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::{Means, UpstreamServer};

/// How long a connection is kept that nobody uses, and how often that is looked at.
const IDLE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(5);
/// How often a server may fail within a time before it is left alone for that time.
const FAILURES: usize = 3;
const WITHIN: Duration = Duration::from_secs(30);

/// The connection to one server, if there is one.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    config: UpstreamServer,
    means: Arc<Means>,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    used: Option<Instant>,
    failures: VecDeque<Instant>,
    looking: Option<JoinHandle<()>>,
}

impl Pool {
    /// A pool without a connection.
    pub(super) fn new(config: UpstreamServer, means: Arc<Means>) -> Self {
        Self(Arc::new(Inner { config, means, slot: Mutex::default() }))
    }

    /// Calls a tool, on a new connection where there is none.
    ///
    /// # Errors
    /// What went wrong, as a fragment that fits "failed to ...".
    pub(super) async fn call(&self, call: &UpstreamCall) -> Result<ToolResult, String> {
        let connection = self.connection().await?;
        let called = connection.call(call).await;
        self.0.slot.lock().await.used = Some(Instant::now());
        called
    }

    /// The connection, opened where there is none, by a task of its own: whoever waits for it may give up, and it is there for the next.
    async fn connection(&self) -> Result<Arc<Connection>, String> {
        let opening = tokio::spawn(connect(Arc::clone(&self.0)));
        opening.await.unwrap_or_else(|error| Err(format!("reach the server {}: {error}", self.0.config.name)))
    }

    /// Ends the connection, if there is one.
    pub(super) async fn close(&self) {
        let mut slot = self.0.slot.lock().await;
        if let Some(looking) = slot.looking.take() {
            looking.abort();
        }
        if let Some(connection) = slot.connection.take() {
            end(connection).await;
        }
    }
}

/// The connection, opened where there is none; whoever comes meanwhile waits for it.
async fn connect(inner: Arc<Inner>) -> Result<Arc<Connection>, String> {
    let mut slot = inner.slot.lock().await;
    match slot.connection.take() {
        Some(connection) if !connection.is_closed() => {
            slot.connection = Some(Arc::clone(&connection));
            return Ok(connection);
        }
        Some(gone) => {
            if gone.age() < WITHIN {
                slot.failures.push_back(Instant::now());
            }
            end(gone).await;
        }
        None => {}
    }
    slot.failures.retain(|failure| failure.elapsed() < WITHIN);
    if slot.failures.len() >= FAILURES {
        let server = &inner.config.name;
        return Err(format!(
            "reach the server {server}: it failed {FAILURES} times within {} s and is left alone for now",
            WITHIN.as_secs()
        ));
    }
    match Connection::open(&inner.config, &inner.means).await {
        Ok(connection) => {
            let connection = Arc::new(connection);
            slot.connection = Some(Arc::clone(&connection));
            slot.used = Some(Instant::now());
            slot.looking = Some(tokio::spawn(look(Arc::clone(&inner))));
            Ok(connection)
        }
        Err(why) => {
            slot.failures.push_back(Instant::now());
            Err(why)
        }
    }
}

/// Ends the connection once nobody has used it for long enough, or its server does not read what it is told.
async fn look(inner: Arc<Inner>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let mut slot = inner.slot.lock().await;
        let is_idle = slot.used.is_none_or(|used| used.elapsed() >= IDLE);
        let is_over = |connection: &mut Arc<Connection>| connection.is_stuck() || (is_idle && Arc::strong_count(connection) == 1);
        match slot.connection.take_if(is_over) {
            Some(connection) => {
                end(connection).await;
                return;
            }
            None if slot.connection.is_none() => return,
            None => {}
        }
    }
}

async fn end(connection: Arc<Connection>) {
    // It fails only if the runtime is shutting down; the server then ends with this process.
    let _ = tokio::task::spawn_blocking(move || connection.end()).await;
}
