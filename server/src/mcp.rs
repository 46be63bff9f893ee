//! `naestro mcp`: the tools for other assistants, on standard input and output or over HTTP.
//!
//! Invariant: whoever is not this user on this machine needs the token, and the word of a human to reach the endpoint at all.

mod handover;
mod token;

use std::io::IsTerminal as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use naestro_api::{Error, ErrorCode};
use naestro_mcp::http::{Access, PATH, Part};
use naestro_mcp::{Grants, Handler, Settings};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::lazy::Lazy;
use crate::screen::Screen;
use crate::{exit, folder, process, wire};
use handover::Notice;

/// Offer orchestrate, explain, test and trace to other assistants by the Model Context Protocol.
///
/// On standard input and output, as assistants start it: ends with its input, and what runs then is suspended and can be resumed. With
/// --listen over HTTP, at the path /mcp, for any number of clients that bear the token.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  claude mcp add naestro -- naestro mcp
  naestro mcp --listen 127.0.0.1:7311")]
pub(crate) struct Args {
    /// The project calls are about that name none; the one around the current folder where absent.
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    /// Serve HTTP here instead; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Another name the endpoint may be called by, for instance of a proxy before it.
    #[arg(long = "host", value_name = "NAME", requires = "listen")]
    hosts: Vec<String>,
    /// An origin whose web pages may call it, beside the endpoint's own.
    #[arg(long = "origin", value_name = "URL", requires = "listen")]
    origins: Vec<String>,
    /// Listen on an address that others can reach, though token, code and answers cross the network in the clear.
    #[arg(long, requires = "listen")]
    insecure: bool,
    /// What runs may do without asking.
    #[arg(long = "grant", value_name = "WHAT")]
    grants: Vec<Grant>,
    /// Offer the tools codex and codex-reply too, for projects that were written for them.
    #[arg(long)]
    codex_tools: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Grant {
    /// Import the diff into the checkout.
    Apply,
    /// Run a model's commands without a sandbox, in mode auto.
    Unsandboxed,
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        let workspace = match &self.workspace {
            Some(folder) => Some(folder::workspace(Some(folder))?),
            // An assistant may start its servers anywhere; calls then have to say which project they mean.
            None => folder::workspace(None).ok(),
        };
        let settings = Settings {
            version: env!("CARGO_PKG_VERSION"),
            workspace,
            grants: Grants { apply: self.grants.contains(&Grant::Apply), unsandboxed: self.grants.contains(&Grant::Unsandboxed) },
            codex_tools: self.codex_tools,
        };
        process::block_on(async move {
            let engine = Lazy::new(Box::new(|| wire::engine(&Config::load(None)?)));
            let handler = Handler::new(Arc::new(engine), settings)?;
            match &self.listen {
                Some(asked) => self.listen(asked, handler).await,
                None => speak(handler).await,
            }
        })
    }

    async fn listen(&self, asked: &str, handler: Handler) -> Result<u8, Error> {
        let address = address(asked)?;
        if !address.ip().is_loopback() {
            if !self.insecure {
                let message = format!(
                    "listen on {address}: others can reach that address, and token, code and answers would cross the network in the clear"
                );
                let hint = "listen on 127.0.0.1 and put a proxy with TLS before it, or give --insecure";
                return Err(Error::new(ErrorCode::Refused, message).hint(hint));
            }
            tracing::warn!("{address} can be reached by others: token, code and answers cross the network in the clear");
        }
        let home = Config::load(None)?.home;
        let (token, file) = token::of(&home)?;
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| {
            Error::new(ErrorCode::Unavailable, format!("listen on {address}: {error}")).hint("give another port; port 0 takes a free one")
        })?;
        let bound = listener.local_addr().unwrap_or(address);
        let mut access = Access::loopback(Some(token), bound.port());
        access.hosts.extend(self.hosts.iter().cloned());
        if self.insecure {
            access.hosts.push(address.ip().to_string());
        }
        self.origins.iter().for_each(|origin| access.allow(origin));
        // Whoever reads that it listens may already send a signal.
        let mut stops = process::Stops::listen()?;
        let mut screen = Screen::new(false);
        screen.note(&format!("listening on http://{bound}{PATH}"));
        screen.note(&format!("the token that each request has to bear is in {}", file.display()));
        let _notice = Notice::post(&home, bound)?;
        let (made, closing) = (handler.clone(), handler);
        let part = Arc::new(Part::new(access, move || made.another()));
        let stop = CancellationToken::new();
        let stopping = async {
            stops.next().await;
            closing.close().await;
            stop.cancel();
        };
        let (served, ()) = tokio::join!(naestro_mcp::http::serve(listener, part, stop.clone()), stopping);
        served.map_err(|error| Error::new(ErrorCode::Unavailable, format!("serve {bound}: {error}")))?;
        Ok(exit::SUCCEEDED)
    }
}

async fn speak(handler: Handler) -> Result<u8, Error> {
    if std::io::stdin().is_terminal() {
        let mut screen = Screen::new(false);
        screen
            .note("waiting for an assistant, which starts this itself and speaks by standard input: claude mcp add naestro -- naestro mcp");
        screen.note("Ctrl-D ends it; naestro mcp --help says more");
    }
    let mut stops = process::Stops::listen()?;
    let served = naestro_mcp::stdio::serve(handler.clone(), async { stops.next().await }).await;
    served.map_err(|error| Error::new(ErrorCode::Unavailable, format!("speak on standard input and output: {error}")))?;
    let detached = handler.detached().await;
    if !detached.is_empty() {
        handover::hand_over(&Config::load(None)?.home, &detached).await;
    }
    Ok(exit::SUCCEEDED)
}

/// A numeric address, or what a name such as localhost stands for.
fn address(asked: &str) -> Result<SocketAddr, Error> {
    let wrong = |why: String| Error::new(ErrorCode::InvalidInput, format!("listen on {asked:?}: {why}")).hint("write it as 127.0.0.1:7311");
    let mut found = asked.to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
    found.next().ok_or_else(|| wrong("the name stands for no address".to_owned()))
}
