//! `mcp-client-fixture URL`: what the protocol's conformance suite has a client do, by scenario, on the SDK and the leave-taking that
//! Naestro's own upstreams stand on.
//!
//! The suite names the scenario, its context and the revision in the environment.

mod leave;
mod product;
mod session;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use naestro_tools::Identity;
use serde::Deserialize;
use serde_json::{Map, Value};

use session::{Mode, Outcome, Session};

/// How long a scenario may take: less than the suite waits, so that it hears why.
const PATIENCE: Duration = Duration::from_secs(25);

/// How long the stream beside the calls may take to open.
const BESIDE: Duration = Duration::from_secs(2);

/// Speaks to the suite's server.
#[derive(Parser)]
struct Args {
    /// The scenario.
    #[arg(long, env = "MCP_CONFORMANCE_SCENARIO", default_value = "initialize")]
    scenario: String,
    /// What the scenario gives: calls to make, a client's id and secret.
    #[arg(long, env = "MCP_CONFORMANCE_CONTEXT", default_value = "{}")]
    context: String,
    /// The revision.
    #[arg(long, env = "MCP_CONFORMANCE_PROTOCOL_VERSION", default_value = "2025-11-25")]
    revision: String,
    /// The product: it is to get leave itself, in a scenario that is about that.
    #[arg(long, env = "NAESTRO_TEST_PRODUCT")]
    product: Option<PathBuf>,
    /// The server.
    url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Given {
    #[serde(alias = "toolCalls")]
    tool_calls: Vec<Call>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

#[expect(clippy::print_stderr, reason = "a program prints")]
fn main() -> ExitCode {
    // The client of HTTP wants a provider of TLS, although nothing here is encrypted; one that is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Args::parse();
    let done = tokio::runtime::Builder::new_multi_thread().enable_all().build().map(|runtime| {
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, Box::pin(play(&args)))
                .await
                .unwrap_or_else(|_| Err(format!("{} took too long", args.scenario).into()))
        })
    });
    match done {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("{}: {error}", args.scenario);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("no runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(args: &Args) -> Outcome<()> {
    let given: Given = serde_json::from_str(&args.context)?;
    let (url, mode) = (args.url.as_str(), Mode::of(&args.revision));
    if let Some(product) = &args.product {
        return product::login(product, url).await;
    }
    match args.scenario.as_str() {
        "initialize" | "json-schema-ref-no-deref" => Session::open(url, Mode::Handshake).await?.tools().await.map(|_| ()),
        "sse-retry" => Session::open(url, Mode::Handshake).await?.call_all(|tool| tool == "test_reconnection").await,
        "elicitation-sep1034-client-defaults" => {
            let is_asked = |tool: &str| matches!(tool, "test_client_elicitation_defaults" | "test_elicitation_sep1034_defaults");
            let session = Session::open(url, Mode::Handshake).await?;
            // The suite puts its form on the stream that a client opens beside its calls, loses it where that is not yet there, and
            // nothing tells when it is.
            tokio::time::sleep(BESIDE).await;
            session.call_all(is_asked).await
        }
        "tools_call" => calls(url, mode, given.tool_calls).await,
        "http-standard-headers" | "http-custom-headers" | "http-invalid-tool-headers" => {
            calls(url, Mode::of("2026-07-28"), given.tool_calls).await
        }
        "request-metadata" | "sep-2322-client-request-state" => {
            let session = Session::open(url, Mode::of("2026-07-28")).await?;
            for tool in session.tools().await? {
                // What the answers are is the suite's to judge.
                let _ = session.call(&tool.name, Map::new()).await;
            }
            Ok(())
        }
        "auth/scope-step-up" => Box::pin(leave::step_up(url, mode)).await,
        "auth/scope-retry-limit" => leave::give_up(url, mode).await,
        "auth/authorization-server-migration" => leave::migrate(url, mode, &args.revision).await,
        "auth/pre-registration" => {
            let identity = Identity { client_id: given.client_id, client_secret: given.client_secret, ..Identity::default() };
            leave::once(url, mode, &identity).await
        }
        "auth/resource-mismatch" => match leave::once(url, mode, &leave::us()).await {
            Ok(()) => Err("leave was given for another resource".into()),
            Err(_) => Ok(()),
        },
        scenario if scenario.starts_with("auth/") => leave::once(url, mode, &leave::us()).await,
        scenario => Err(format!("there is no scenario {scenario}").into()),
    }
}

/// The calls that were given, or one of each tool.
async fn calls(url: &str, mode: Mode, calls: Vec<Call>) -> Outcome<()> {
    let session = Session::open(url, mode).await?;
    if calls.is_empty() {
        return session.call_all(|_| true).await;
    }
    session.tools().await?;
    for call in calls {
        session.call(&call.name, call.arguments).await?;
    }
    Ok(())
}
