//! A connection to one server: opened, its tools compared with what was approved, its tools called.
//!
//! Nothing is offered to a server: no sampling, no roots, no forms. What it asks for anyway is answered with a no by the SDK.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use naestro_kernel::Digest;
use naestro_policy::effect::UpstreamCall;
use naestro_policy::port::ToolResult;
use rmcp::model::{CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientConfig, Implementation, JsonObject, ProtocolVersion};
use rmcp::service::{ClientInitializeError, ClientLifecycleMode, NotificationContext, RunningService, serve_client_with_lifecycle};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{AuthClient, StreamableHttpClientTransport};
use rmcp::{ClientHandler, RoleClient, ServiceError};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::Mutex;

use super::bounds::{BoundedLines, Waiting, WatchedWriter};
use super::oauth::{self, TokenFile};
use super::pins::Pin;
use super::process::Watched;
use super::{Means, Reach, UpstreamServer, listing, names, pins, refused, results};

/// How long a server may take to be there.
const OPENING: Duration = Duration::from_secs(30);
/// How long the last words of a program that ended may take to come.
const WORDS: Duration = Duration::from_millis(50);
/// How long a server may leave unread what it is told.
const STUCK: Duration = Duration::from_secs(10);
/// The most bytes of one message.
const MESSAGE: usize = 4 << 20;
/// The most bytes of a server's own error that are shown.
const SHOWN: usize = 500;

/// What a server sees of us.
struct Client {
    /// Set when the server says that its tools are others now.
    changed: Arc<AtomicBool>,
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), Implementation::new("naestro", env!("CARGO_PKG_VERSION")))
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Relaxed);
    }
}

/// An open connection.
pub(super) struct Connection {
    server: String,
    service: RunningService<RoleClient, Client>,
    program: Option<Watched>,
    changed: Arc<AtomicBool>,
    listed: Mutex<Option<BTreeMap<String, Digest>>>,
    opened: Instant,
    /// Set when a message was too long, which ends the connection.
    over: Arc<AtomicBool>,
    /// For how long it has not read what it is told.
    waiting: Waiting,
}

impl Connection {
    /// Starts or reaches the server, and agrees with it on a revision.
    ///
    /// # Errors
    /// What could not be done, as a fragment that fits "failed to ...", with the program's last words.
    pub(super) async fn open(config: &UpstreamServer, means: &Arc<Means>) -> Result<Self, String> {
        let changed = Arc::new(AtomicBool::new(false));
        let client = Client { changed: Arc::clone(&changed) };
        let (over, waiting) = (Arc::new(AtomicBool::new(false)), Waiting::default());
        let (program, opening) = match &config.reach {
            Reach::Program { command, env } => {
                let folder = pins::folder(&means.home, &config.name);
                let (program, (output, input)) = Watched::start(&means.exe, &folder, command, env)?;
                (
                    Some(program),
                    Opening::Program(BoundedLines::new(output, MESSAGE, Arc::clone(&over)), WatchedWriter::new(input, waiting.clone())),
                )
            }
            Reach::Http { url, bearer, .. } => {
                let http = http(means, url).await?;
                let limits =
                    StreamableHttpClientTransportConfig::with_uri(url.as_str()).max_sse_event_size(MESSAGE).max_json_response_size(MESSAGE);
                let stored = match bearer {
                    Some(_) => None,
                    None => {
                        let stored = oauth::stored(url, TokenFile::of(&means.home, &config.name));
                        let stored = tokio::time::timeout(OPENING, stored).await.map_err(|_| late(&config.name))?;
                        stored.map_err(|error| shown(&error.to_string()))?
                    }
                };
                let opening = match (bearer, stored) {
                    (Some(bearer), _) => {
                        Opening::Http(StreamableHttpClientTransport::with_client(http, limits.auth_header(bearer.as_str())))
                    }
                    (None, Some(leave)) => {
                        Opening::Authorized(StreamableHttpClientTransport::with_client(AuthClient::new(http, leave), limits))
                    }
                    (None, None) => Opening::Http(StreamableHttpClientTransport::with_client(http, limits)),
                };
                (None, opening)
            }
        };
        let opened = tokio::time::timeout(OPENING, opening.serve(client)).await;
        let opened = opened.map(|served| served.map_err(|error| refusal(&config.name, &error)));
        match opened {
            Ok(Ok(service)) => {
                let (server, listed, opened) = (config.name.clone(), Mutex::default(), Instant::now());
                Ok(Self { server, service, program, changed, listed, opened, over, waiting })
            }
            Ok(Err(why)) => Err(format!("reach the server {}: {}{}", config.name, shown(&why), last_words(program.as_ref()).await)),
            Err(_) => Err(late(&config.name) + &last_words(program.as_ref()).await),
        }
    }

    /// Whether nothing can be called any more.
    pub(super) fn is_closed(&self) -> bool {
        self.service.is_closed() || self.service.is_transport_closed()
    }

    /// Whether the server has not read what it is told for so long that it is not well, or means no good.
    pub(super) fn is_stuck(&self) -> bool {
        self.waiting.time() > STUCK
    }

    /// For how long it has been open.
    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// The tools the server offers now.
    ///
    /// # Errors
    /// What is wrong with them, as a fragment that fits "failed to ...".
    pub(super) async fn tools(&self) -> Result<Vec<Pin>, String> {
        match listing::all(self.service.peer()).await {
            Ok(tools) => Ok(tools),
            Err(why) => Err(format!("list the tools of the server {}: {}{}", self.server, shown(&why), self.last_words().await)),
        }
    }

    /// Calls a tool, if it still is what was approved.
    ///
    /// # Errors
    /// What went wrong, as a fragment that fits "failed to ...".
    pub(super) async fn call(&self, call: &UpstreamCall) -> Result<ToolResult, String> {
        if let Some(no) = self.compare(call).await? {
            return Ok(no);
        }
        let arguments: JsonObject = match serde_json::from_slice(&call.args.bytes) {
            Ok(arguments) => arguments,
            Err(error) => return Ok(refused(&format!("the arguments are no JSON object: {error}"))),
        };
        let params = CallToolRequestParams::new(call.tool.clone()).with_arguments(arguments);
        match self.service.call_tool_once(params).await {
            Ok(CallToolResponse::Complete(result)) => Ok(results::of(result)),
            Ok(_) => Ok(refused(&format!(
                "{} of the server {} asks for more than a call can give: it is not gone along with",
                call.tool, self.server
            ))),
            Err(ServiceError::McpError(error)) => Ok(refused(&format!("{}: {}", call.tool, shown(&error.message)))),
            Err(_) if self.over.load(Ordering::Relaxed) => {
                let (tool, server) = (&call.tool, &self.server);
                Err(format!(
                    "call {tool} of the server {server}: it said more than {} MiB in one message, or too many at once",
                    MESSAGE >> 20
                ))
            }
            Err(error) => {
                let words = self.last_words().await;
                Err(format!("call {} of the server {}: {}{words}", call.tool, self.server, shown(&error.to_string())))
            }
        }
    }

    /// A no, where the tool is gone or is not what was approved.
    async fn compare(&self, call: &UpstreamCall) -> Result<Option<ToolResult>, String> {
        let mut listed = self.listed.lock().await;
        if self.changed.swap(false, Ordering::Relaxed) {
            *listed = None;
        }
        let tools = match &*listed {
            Some(tools) => tools,
            None => {
                let tools = self.tools().await?;
                listed.insert(tools.into_iter().map(|tool| (tool.name.clone(), tool.digest())).collect())
            }
        };
        let (tool, server) = (&call.tool, &self.server);
        Ok(match tools.get(tool) {
            Some(digest) if *digest == call.pinned => None,
            Some(_) => Some(refused(&format!(
                "{tool} was not called: the server {server} describes it otherwise than when it was approved\n\
                 the user looks at it with: naestro upstream approve {server}"
            ))),
            None => Some(refused(&format!("{tool} was not called: the server {server} does not offer it any more"))),
        })
    }

    /// Ends the server and all that came from it. Blocks, for a fraction of a second at most.
    pub(super) fn end(&self) {
        // Its standard input ends with the service, which is how a program is asked to end by itself.
        self.service.cancellation_token().cancel();
        self.program.as_ref().inspect(|program| program.end());
    }

    async fn last_words(&self) -> String {
        last_words(self.program.as_ref()).await
    }
}

/// What a server says that lets nobody in without leave; nothing where it lets everyone in.
///
/// # Errors
/// That it cannot be reached, as a fragment that fits "failed to ...".
pub(super) async fn challenge(means: &Arc<Means>, url: &str) -> Result<Option<String>, String> {
    let transport = StreamableHttpClientTransport::with_client(http(means, url).await?, StreamableHttpClientTransportConfig::with_uri(url));
    let client = Client { changed: Arc::default() };
    match tokio::time::timeout(OPENING, Opening::Http(transport).serve(client)).await {
        Ok(Ok(_)) => Ok(None),
        Ok(Err(error)) => match error.auth_challenge() {
            Some(challenge) => Ok(Some(challenge.to_owned())),
            None => Err(format!("reach {url}: {}", shown(&error.to_string()))),
        },
        Err(_) => Err(format!("reach {url}: it did not answer within {} s", OPENING.as_secs())),
    }
}

/// A transport that is not yet spoken on.
enum Opening {
    Program(BoundedLines<Receiver>, WatchedWriter<Sender>),
    Http(StreamableHttpClientTransport<reqwest::Client>),
    Authorized(StreamableHttpClientTransport<AuthClient<reqwest::Client>>),
}

impl Opening {
    async fn serve(self, client: Client) -> Result<RunningService<RoleClient, Client>, ClientInitializeError> {
        let mode = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        };
        match self {
            Self::Program(output, input) => serve_client_with_lifecycle(client, (output, input), mode).await,
            Self::Http(transport) => serve_client_with_lifecycle(client, transport, mode).await,
            Self::Authorized(transport) => serve_client_with_lifecycle(client, transport, mode).await,
        }
    }
}

fn refusal(server: &str, error: &ClientInitializeError) -> String {
    if error.is_authorization_required() {
        format!("it wants leave: give it with `naestro upstream login {server}`, or name the variable of a token as bearer_env")
    } else {
        error.to_string()
    }
}

fn late(server: &str) -> String {
    format!("reach the server {server}: it did not answer within {} s", OPENING.as_secs())
}

async fn http(means: &Arc<Means>, url: &str) -> Result<reqwest::Client, String> {
    let (means, url) = (Arc::clone(means), url.to_owned());
    let made = tokio::task::spawn_blocking(move || (means.http)(&url)).await;
    made.map_err(|error| error.to_string())?.map_err(|failure| failure.message)
}

async fn last_words(program: Option<&Watched>) -> String {
    let Some(program) = program else { return String::new() };
    tokio::time::sleep(WORDS).await;
    let words = program.last_words();
    if words.is_empty() { words } else { format!("\nits last words:\n{words}") }
}

fn shown(text: &str) -> String {
    names::beginning(&names::clean(text), SHOWN)
}
