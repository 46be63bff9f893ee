//! `mcp-fixture`: the tools the protocol's conformance suite calls by name, served by the product's own HTTP stack.
#![expect(deprecated, reason = "the suite asks for what the protocol has deprecated, too")]

mod answers;
mod asks;
mod forms;
mod handler;
mod rounds;
mod tasks;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use naestro_mcp::http::{Access, PATH, Part, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves the fixture over HTTP until it is killed, and prints its URL.
#[derive(Parser)]
struct Args {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[expect(clippy::print_stderr, reason = "a program prints")]
fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed to {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program prints")]
fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let fixture = handler::Fixture::new()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await.map_err(|error| format!("listen at {}: {error}", args.listen))?;
        let address = listener.local_addr()?;
        println!("http://{address}{PATH}");
        let part = Arc::new(Part::new(Access::loopback(None, address.port()), move || fixture.clone()));
        Ok(serve(listener, part, CancellationToken::new()).await?)
    })
}
