//! A conversation with a server: its tools, and calls of them.

use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability,
    FormElicitationCapability, Implementation, ProtocolVersion, Tool,
};
use rmcp::service::{ClientLifecycleMode, RequestContext, RunningService, serve_client_with_lifecycle};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationManager};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ErrorData, RoleClient};
use serde_json::{Map, Value, json};

/// What anything here comes to.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How a conversation begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// With `initialize`.
    Handshake,
    /// With `server/discover`, of this revision or any other.
    Alone(ProtocolVersion),
}

impl Mode {
    /// The way of a revision.
    pub(crate) fn of(revision: &str) -> Self {
        match serde_json::from_value::<ProtocolVersion>(json!(revision)) {
            Ok(version) if !version.has_initialize() => Self::Alone(version),
            _ => Self::Handshake,
        }
    }

    fn lifecycle(&self) -> ClientLifecycleMode {
        match self {
            Self::Handshake => ClientLifecycleMode::Initialize,
            Self::Alone(version) => {
                let others = ProtocolVersion::KNOWN_VERSIONS.iter().rev().filter(|known| *known != version).cloned();
                ClientLifecycleMode::Discover { preferred_versions: std::iter::once(version.clone()).chain(others).collect() }
            }
        }
    }
}

/// A client that fills in each form with its defaults.
pub(crate) struct Client;

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation =
            Some(ElicitationCapability::new().with_form(FormElicitationCapability::new().with_schema_validation(true)));
        ClientConfig::new(capabilities, Implementation::new("mcp-client-fixture", env!("CARGO_PKG_VERSION")))
    }

    async fn create_elicitation(&self, request: ElicitRequestParams, _: RequestContext<RoleClient>) -> Result<ElicitResult, ErrorData> {
        let schema = match &request {
            ElicitRequestParams::FormElicitationParams { requested_schema, .. } => json!(requested_schema),
            _ => Value::Null,
        };
        let fields = schema["properties"].as_object().cloned().unwrap_or_default();
        let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
        let mut content = Map::new();
        for (name, field) in fields {
            match field.get("default") {
                Some(default) => _ = content.insert(name, default.clone()),
                None if required(&name) => _ = content.insert(name, example(&field)),
                None => {}
            }
        }
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(Value::Object(content)))
    }
}

/// An open conversation.
pub(crate) struct Session(RunningService<RoleClient, Client>);

impl Session {
    /// With whoever lets everyone in.
    pub(crate) async fn open(url: &str, mode: Mode) -> Outcome<Self> {
        let transport = StreamableHttpClientTransport::with_client(http()?, StreamableHttpClientTransportConfig::with_uri(url));
        Ok(Self(serve_client_with_lifecycle(Client, transport, mode.lifecycle()).await?))
    }

    /// With leave.
    pub(crate) async fn with_leave(url: &str, mode: &Mode, leave: AuthorizationManager) -> Outcome<Self> {
        let client = AuthClient::new(http()?, leave);
        let transport = StreamableHttpClientTransport::with_client(client, StreamableHttpClientTransportConfig::with_uri(url));
        Ok(Self(serve_client_with_lifecycle(Client, transport, mode.lifecycle()).await?))
    }

    /// What the server says that lets nobody in without leave.
    pub(crate) async fn challenge(url: &str, mode: &Mode) -> Outcome<Option<String>> {
        let transport = StreamableHttpClientTransport::with_client(http()?, StreamableHttpClientTransportConfig::with_uri(url));
        match serve_client_with_lifecycle(Client, transport, mode.lifecycle()).await {
            Ok(open) => {
                open.cancel().await?;
                Ok(None)
            }
            Err(error) => match error.auth_challenge() {
                Some(challenge) => Ok(Some(challenge.to_owned())),
                None => Err(error.into()),
            },
        }
    }

    /// The tools.
    pub(crate) async fn tools(&self) -> Outcome<Vec<Tool>> {
        Ok(self.0.list_tools(None).await?.tools)
    }

    /// Calls one.
    pub(crate) async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Outcome<()> {
        self.0.call_tool(CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)).await?;
        Ok(())
    }

    /// Calls every one that is wanted, with an example of each argument it needs.
    pub(crate) async fn call_all(&self, wanted: impl Fn(&str) -> bool) -> Outcome<()> {
        for tool in self.tools().await?.into_iter().filter(|tool| wanted(&tool.name)) {
            self.call(&tool.name, examples(&tool)).await?;
        }
        Ok(())
    }
}

/// A client of HTTP that follows nowhere.
pub(crate) fn http() -> Outcome<reqwest::Client> {
    Ok(reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?)
}

fn examples(tool: &Tool) -> Map<String, Value> {
    let schema = json!(tool.input_schema);
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let named = required.iter().filter_map(Value::as_str);
    named.map(|name| (name.to_owned(), example(&schema["properties"][name]))).collect()
}

fn example(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("number") => json!(1.5),
        Some("integer") => json!(1),
        Some("boolean") => json!(true),
        _ => json!("test"),
    }
}
