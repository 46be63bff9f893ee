//! The server: sockets, records and counts.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::play::{self, Piece};
use super::scenario::{Pick, Reply, Scenario, assistant_messages};

/// A running server. It stops when dropped, and with it every connection it holds.
pub struct Scripted {
    address: SocketAddr,
    state: Arc<State>,
    stop: Arc<watch::Sender<bool>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// One request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body; null where it was no JSON.
    pub body: Value,
}

/// What the server has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests received, bodies included.
    pub requests: usize,
    /// Connections ever accepted.
    pub connections: usize,
    /// Connections open now.
    pub open: usize,
}

struct State {
    scenario: Scenario,
    log: Mutex<Log>,
    counts: watch::Sender<Counts>,
}

#[derive(Default)]
struct Log {
    requests: Vec<Request>,
    /// Chat requests answered from the list of replies, for [`Pick::Order`].
    answered: usize,
    /// How many of its `first` answers each reply has given, by its place in the scenario.
    troubled: BTreeMap<usize, usize>,
}

type Body = UnsyncBoxBody<Bytes, Dropped>;

/// Why a body ends without an end: the script says so.
#[derive(Debug)]
struct Dropped;

impl Scripted {
    /// Starts a server on a free loopback port, on the current runtime.
    ///
    /// # Panics
    /// If no loopback port can be had.
    pub async fn start(scenario: Scenario) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let (server, serving) = Self::on(listener, scenario).expect("a loopback port");
        tokio::spawn(serving);
        server
    }

    /// Starts a server on a thread of its own, for tests that are not asynchronous.
    ///
    /// # Panics
    /// If no loopback port or no thread can be had.
    #[must_use]
    pub fn spawn(scenario: Scenario) -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), scenario).expect("a loopback port")
    }

    /// Starts a server on a thread of its own, listening at `address`.
    ///
    /// # Errors
    /// If the address cannot be listened at.
    pub fn listen(address: SocketAddr, scenario: Scenario) -> std::io::Result<Self> {
        // Bound before the thread begins, so that the port is known and taken when this returns.
        let listener = std::net::TcpListener::bind(address)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut server, serving) = Self::on(listener, scenario)?;
        server.thread = Some(std::thread::Builder::new().name("scripted-model".to_owned()).spawn(move || runtime.block_on(serving))?);
        Ok(server)
    }

    fn on(listener: std::net::TcpListener, scenario: Scenario) -> std::io::Result<(Self, impl Future<Output = ()> + Send + 'static)> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { scenario, log: Mutex::default(), counts: watch::Sender::default() });
        let stop = Arc::new(watch::Sender::new(false));
        let serving = serve(listener, state.clone(), stop.subscribe());
        Ok((Self { address, state, stop, thread: None }, serving))
    }

    /// The base URL, with `/v1` and without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The host and port, as [`Scripted::url`] has them.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Every request so far, in the order they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state.log().requests.clone()
    }

    /// The chat requests so far: their bodies.
    #[must_use]
    pub fn chats(&self) -> Vec<Value> {
        self.requests().into_iter().filter(|request| request.path.contains("/chat/completions")).map(|request| request.body).collect()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.state.counts.borrow()
    }

    /// Returns once what has been counted fulfils `wanted`.
    pub async fn until(&self, wanted: impl FnMut(&Counts) -> bool) {
        let mut counts = self.state.counts.subscribe();
        // The sender lives in `self.state`, so waiting cannot fail.
        let _ = counts.wait_for(wanted).await;
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the server thread has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl State {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reply to a chat request; `None` if the scenario has none for it.
    fn reply(&self, request: &Value) -> Option<Reply> {
        let replies = &self.scenario.replies;
        let mut log = self.log();
        let conditional = replies.iter().position(|reply| reply.when.as_ref().is_some_and(|when| when.holds(request)));
        let mut plain = (0..replies.len()).filter(|&place| replies[place].when.is_none());
        let place = conditional.or_else(|| match self.scenario.pick {
            Pick::Turn => plain.nth(assistant_messages(request)),
            Pick::Order => plain.nth(log.answered),
            Pick::Last => plain.next_back(),
        })?;
        let given = log.troubled.entry(place).or_default();
        if let Some(trouble) = replies[place].first.get(*given) {
            *given += 1;
            return Some(trouble.clone());
        }
        if conditional.is_none() {
            log.answered += 1;
        }
        Some(replies[place].clone())
    }
}

async fn serve(listener: std::net::TcpListener, state: Arc<State>, mut stop: watch::Receiver<bool>) {
    let listener = TcpListener::from_std(listener).expect("a runtime with input and output");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        if let Ok((socket, _)) = accepted {
            state.counts.send_modify(|counts| {
                counts.connections += 1;
                counts.open += 1;
            });
            tokio::spawn(connection(socket, state.clone(), stop.clone()));
        }
    }
}

async fn connection(socket: TcpStream, state: Arc<State>, mut stop: watch::Receiver<bool>) {
    // Without it, a delta would wait for the acknowledgement of the one before.
    let _ = socket.set_nodelay(true);
    let service = service_fn(|request| answer(&state, request));
    let serving = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    tokio::select! {
        // An error here is a connection that one side dropped: what many scenarios are about.
        _ = serving => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    state.counts.send_modify(|counts| counts.open -= 1);
}

async fn answer(state: &State, request: hyper::Request<Incoming>) -> Result<hyper::Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: headers.collect(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    };
    state.log().requests.push(request.clone());
    state.counts.send_modify(|counts| counts.requests += 1);
    Ok(respond(state, &request))
}

fn respond(state: &State, request: &Request) -> hyper::Response<Body> {
    match (request.method.as_str(), request.path.split('?').next().unwrap_or_default()) {
        ("GET", path) if path.ends_with("/models") => json_response(200, &model_list(&state.scenario)),
        ("POST", path) if path.ends_with("/chat/completions") => match state.reply(&request.body) {
            Some(reply) => chat(&reply, &request.body),
            // A client must not try this again, so that the test which forgot the reply ends at once.
            None => error(400, &format!("the scenario has no reply for turn {}", assistant_messages(&request.body))),
        },
        (method, path) => error(404, &format!("the scripted model does not serve {method} {path}")),
    }
}

fn chat(reply: &Reply, request: &Value) -> hyper::Response<Body> {
    let (model, turn) = (request["model"].as_str().unwrap_or("scripted"), assistant_messages(request));
    let (pieces, content_type) = match &reply.body {
        Some(body) => (vec![Piece::Bytes(body.clone())], "application/json"),
        None if request["stream"] == true => (play::stream(reply, model, turn), "text/event-stream"),
        None => (play::whole(reply, model, turn), "application/json"),
    };
    let mut response = response(reply.status, content_type, pieces);
    for (name, value) in &reply.headers {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, hyper::header::HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn model_list(scenario: &Scenario) -> Value {
    let names = if scenario.models.is_empty() { vec!["scripted".to_owned()] } else { scenario.models.clone() };
    let models: Vec<Value> =
        names.into_iter().map(|id| json!({ "id": id, "object": "model", "created": 0, "owned_by": "script" })).collect();
    json!({ "object": "list", "data": models })
}

fn error(status: u16, message: &str) -> hyper::Response<Body> {
    json_response(status, &json!({ "error": { "message": message, "type": "invalid_request_error", "code": null } }))
}

fn json_response(status: u16, body: &Value) -> hyper::Response<Body> {
    response(status, "application/json", vec![Piece::Bytes(body.to_string())])
}

/// A body of one piece has a length; any other is sent in chunks, one for each piece.
fn response(status: u16, content_type: &str, mut pieces: Vec<Piece>) -> hyper::Response<Body> {
    let body = match pieces.as_mut_slice() {
        [Piece::Bytes(bytes)] => Full::new(Bytes::from(std::mem::take(bytes))).map_err(|never| match never {}).boxed_unsync(),
        _ => StreamBody::new(stream::unfold(pieces.into_iter(), next_frame)).boxed_unsync(),
    };
    let mut response = hyper::Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = hyper::header::HeaderValue::from_str(content_type) {
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, value);
    }
    response
}

async fn next_frame(mut pieces: std::vec::IntoIter<Piece>) -> Option<(Result<Frame<Bytes>, Dropped>, std::vec::IntoIter<Piece>)> {
    loop {
        match pieces.next()? {
            Piece::Bytes(bytes) => return Some((Ok(Frame::data(Bytes::from(bytes))), pieces)),
            Piece::Stall(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Piece::Hang => std::future::pending().await,
            Piece::Break => {
                // Lets the connection send what came before; it would be lost with it otherwise.
                tokio::task::yield_now().await;
                return Some((Err(Dropped), pieces));
            }
        }
    }
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("play on: the script drops the connection here")
    }
}

impl std::error::Error for Dropped {}
