//! The protocol over HTTP: one endpoint that a server mounts, guarded by a token, and the server for when it stands alone.
//!
//! Invariant: nothing reaches the protocol before its token, its host, its origin and the bounds of its body were looked at.

mod guard;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use guard::Access;
use guard::Checked;

/// The path of the endpoint.
pub const PATH: &str = "/mcp";
/// The most bytes of a body.
const BODY: usize = 4 << 20;
/// The most bytes of a request's head.
const HEAD: usize = 64 << 10;
/// How long the head of a request may take to come.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);
/// The most connections at once; more wait to be taken.
const MOST_CONNECTIONS: usize = 256;
/// How long a session is kept in which nothing happens: longer than a human thinks about a question, since a waiting call is nothing.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// The most sessions of clients that begin with `initialize`.
const MOST_SESSIONS: usize = 256;
/// How long answers may take to be written, once the server is to end.
const FLUSHING: Duration = Duration::from_millis(100);
/// How long connections may take to end, once they are asked to.
const ENDING: Duration = Duration::from_millis(300);

/// A token nobody can guess: 244 random bits, as 64 hexadecimal digits.
#[must_use]
pub fn new_token() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

/// A response.
pub type Answer = Response<BoxBody<Bytes, std::convert::Infallible>>;

/// The endpoint as a part that a server mounts at [`PATH`].
pub struct Part<H: ServerHandler> {
    service: StreamableHttpService<H, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    access: Access,
    ending: CancellationToken,
}

impl<H: ServerHandler> Part<H> {
    /// An endpoint whose clients are each served by what `make` makes.
    pub fn new(access: Access, make: impl Fn() -> H + Send + Sync + 'static) -> Self {
        let ending = CancellationToken::new();
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(access.hosts.clone())
            .with_allowed_origins(access.origins.clone())
            .enforce_origin_validation()
            .with_max_request_body_bytes(BODY)
            .with_cancellation_token(ending.clone());
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = Some(IDLE);
        let sessions = Arc::new(sessions);
        let service = StreamableHttpService::new(move || Ok(make()), Arc::clone(&sessions), config);
        Self { service, sessions, access, ending }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>) -> Answer {
        if let Err(refused) = self.access.check(request.headers()) {
            return *refused;
        }
        match guard::body(request, BODY, BODY_TIME).await {
            Err(refused) => *refused,
            Ok(Checked { initializes: true, .. }) if self.sessions.sessions.read().await.len() >= MOST_SESSIONS => {
                let message = format!("there are {MOST_SESSIONS} sessions: end one, or try again when one has been idle for an hour");
                *guard::refuse(StatusCode::SERVICE_UNAVAILABLE, guard::INTERNAL, &message)
            }
            Ok(Checked { request, .. }) => self.service.handle(request).await,
        }
    }

    /// Ends every session and stream.
    pub fn end(&self) {
        self.ending.cancel();
    }
}

/// Serves the part, and nothing else, until `stop` is cancelled; returns once the connections have ended, or soon after.
///
/// # Errors
/// What the listener failed with.
pub async fn serve<H: ServerHandler>(listener: TcpListener, part: Arc<Part<H>>, stop: CancellationToken) -> io::Result<()> {
    let (room, connections) = (Arc::new(Semaphore::new(MOST_CONNECTIONS)), TaskTracker::new());
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "failed to take a connection");
                    // Out of descriptors, most likely: those that end free some.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (part, stop) = (Arc::clone(&part), stop.clone());
        connections.spawn(async move {
            tokio::select! {
                () = connection(stream, peer, part) => {}
                () = async { stop.cancelled().await; tokio::time::sleep(ENDING).await } => {}
            }
            drop(permit);
        });
    }
    connections.close();
    // What was answered a moment ago is on its way; connections that are kept open for more do not end by themselves.
    let _ = tokio::time::timeout(FLUSHING, connections.wait()).await;
    part.end();
    // Those that do not end are dropped with the process.
    let _ = tokio::time::timeout(ENDING, connections.wait()).await;
    Ok(())
}

async fn connection<H: ServerHandler>(stream: TcpStream, peer: SocketAddr, part: Arc<Part<H>>) {
    // Answers are small, and a client waits for each.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "failed to set TCP_NODELAY");
    }
    let answer = service_fn(move |request: Request<Incoming>| {
        let part = Arc::clone(&part);
        async move {
            let answer = if request.uri().path() == PATH { part.answer(request).await } else { *guard::nothing_there() };
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}
