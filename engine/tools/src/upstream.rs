//! Tools of other servers, by the Model Context Protocol: approved by the user, pinned, and called under a permit like any effect.
//!
//! A server is started at the first call of one of its tools, once per process, and shared by all runs; it ends when nobody has used it
//! for a minute, when the process ends, and when the process is killed. What runs see of its tools comes from the approval ([`pins`]), so
//! that nothing is started for a run that calls none; what the server says now is compared with that before a call.
//!
//! Invariant: nothing a server does costs more than one tool call: its silence, its end, its lies and its floods become a result that says
//! no. What it says is data: bounded, and cleaned of what could steer a terminal.

mod approval;
mod bounds;
mod connection;
mod listing;
mod names;
mod oauth;
mod pins;
mod pool;
mod process;
mod results;
pub(crate) mod supervise;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use naestro_kernel::{Class, Failure, Output, ToolAccess, ToolFacts};
use naestro_policy::effect::{ToolSpec, Trust, UpstreamCall};
use naestro_policy::port::{Answer, ToolResult, UpstreamTool, Upstreams};
use naestro_policy::{Permit, body};

use crate::fault::{Outcome, permanent};
pub use approval::{Approval, Configured, Difference, Offer};
pub use oauth::{Identity, authorize};
pub use pins::{Pin, Pins};
use pool::Pool;

/// How a server is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Reach {
    /// A program, spoken to on its standard input and output.
    Program {
        /// The program and its arguments; at least the program.
        command: Vec<String>,
        /// Variables of its environment beside the few that every program needs.
        env: BTreeMap<String, String>,
    },
    /// An endpoint by HTTP.
    Http {
        /// Its URL.
        url: String,
        /// The token its requests bear, where the user has one.
        bearer: Option<String>,
        /// As whom leave is asked for, where it is given by OAuth.
        identity: Identity,
    },
}

/// Without tokens and without the values of variables, which may be some.
impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Program { command, env } => {
                f.debug_struct("Program").field("command", command).field("env", &env.keys()).finish_non_exhaustive()
            }
            Self::Http { url, .. } => f.debug_struct("Http").field("url", url).finish_non_exhaustive(),
        }
    }
}

/// A server as the user configured it.
#[derive(Clone, Debug)]
pub struct UpstreamServer {
    /// Its name: lowercase letters, digits and hyphens.
    pub name: String,
    /// How it is reached.
    pub reach: Reach,
    /// The tools the user says only read.
    pub read_only: BTreeSet<String>,
    /// The tools that may be called unasked.
    pub allow: BTreeSet<String>,
    /// The longest a call may take.
    pub timeout: Duration,
}

/// Makes the HTTP client for a URL; blocks.
pub type MakeHttp = Box<dyn Fn(&str) -> Result<reqwest::Client, Failure> + Send + Sync>;

/// What servers are started with.
pub struct Means {
    /// The state directory: pins are in `upstreams/` of it, and each server has a folder of its own there to stand in.
    pub home: PathBuf,
    /// The executable that keeps watch over programs, started as `naestro hands upstream`: [`hands::executable`](crate::hands::executable).
    pub exe: PathBuf,
    /// Makes HTTP clients.
    pub http: MakeHttp,
}

/// The servers of a user's configuration.
pub struct LocalUpstreams {
    means: Arc<Means>,
    servers: Vec<Server>,
}

/// A server, and its connection.
struct Server {
    config: UpstreamServer,
    pool: Pool,
}

impl LocalUpstreams {
    /// Reads and starts nothing yet.
    #[must_use]
    pub fn new(means: Means, servers: Vec<UpstreamServer>) -> Self {
        let means = Arc::new(means);
        let server = |config: UpstreamServer| {
            let pool = Pool::new(config.clone(), Arc::clone(&means));
            Server { config, pool }
        };
        let servers = servers.into_iter().map(server).collect();
        Self { means, servers }
    }

    fn server(&self, name: &str) -> Outcome<&Server> {
        let found = self.servers.iter().find(|server| server.config.name == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self.servers.iter().map(|server| server.config.name.as_str()).collect();
            let hint = if known.is_empty() {
                "write [upstream.NAME] into your configuration file".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            };
            permanent(format!("find the server {name:?} in your configuration"), hint)
        })
    }

    /// What is approved of a server now; nothing where that cannot be read.
    fn pins(&self, server: &Server) -> Pins {
        Pins::read(&self.means.home, &server.config.name).unwrap_or_else(|failure| {
            tracing::warn!(server = server.config.name, "{}; its tools are not offered", failure.message);
            Pins::default()
        })
    }

    async fn perform(&self, call: UpstreamCall) -> Outcome<ToolResult> {
        let server = self.server(&call.server)?;
        let limit = server.config.timeout.min(Duration::from_millis(call.timeout));
        let said = tokio::time::timeout(limit, server.pool.call(&call)).await.unwrap_or_else(|_| {
            Err(format!("call {} of the server {}: it did not answer within {} s", call.tool, call.server, limit.as_secs_f32()))
        });
        // All that goes wrong beyond our own walls costs this call and nothing else.
        Ok(said.unwrap_or_else(|why| refused(&format!("failed to {why}"))))
    }
}

impl Upstreams for LocalUpstreams {
    fn tools(&self) -> Vec<UpstreamTool> {
        self.servers.iter().flat_map(|server| server.tools(&self.pins(server))).collect()
    }

    fn call(&self, permit: Permit, call: UpstreamCall) -> Answer<'_, Result<ToolResult, Failure>> {
        Box::pin(async move {
            crate::workspaces::covers(&permit, &call)?;
            self.perform(call).await
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut closing = tokio::task::JoinSet::new();
            for server in &self.servers {
                let pool = server.pool.clone();
                closing.spawn(async move { pool.close().await });
            }
            closing.join_all().await;
        })
    }
}

impl Server {
    fn tools(&self, pins: &Pins) -> Vec<UpstreamTool> {
        if !pins.tools.is_empty() && pins.reach != self.config.reach.digest() {
            let name = &self.config.name;
            tracing::warn!(server = name, "it is reached another way than when its tools were approved; `naestro upstream approve {name}`");
            return Vec::new();
        }
        pins.tools.iter().map(|pin| self.tool(pin)).collect()
    }

    fn tool(&self, pin: &Pin) -> UpstreamTool {
        let trust = if self.config.read_only.contains(&pin.name) {
            Trust::ReadOnly
        } else if self.config.allow.contains(&pin.name) {
            Trust::Allowed
        } else {
            Trust::Unsaid
        };
        // What only reads may be done again after a crash; of the rest nobody knows.
        let class = if trust == Trust::ReadOnly { Class::Idempotent } else { Class::Unsafe };
        let name = names::here(&self.config.name, &pin.name);
        let description = names::description(&self.config.name, &pin.description);
        UpstreamTool {
            facts: ToolFacts { name: name.clone(), class, access: ToolAccess::None, for_agents: true },
            spec: ToolSpec { name, description, schema: pin.schema.clone() },
            server: self.config.name.clone(),
            tool: pin.name.clone(),
            pinned: pin.digest(),
            trust,
        }
    }
}

/// A result that says no.
fn refused(text: &str) -> ToolResult {
    ToolResult { ok: false, output: Output { text: body(names::clean(text)), data: None }, tree: None }
}
