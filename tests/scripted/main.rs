//! `scripted-model`: plays a scenario file as a model server, for trials by hand.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use naestro_tests::scripted::{Scenario, Scripted};

/// Plays a scenario as an OpenAI-shaped model server and prints its base URL.
#[derive(Parser)]
struct Args {
    /// The scenario, TOML or JSON.
    #[arg(long)]
    scenario: PathBuf,
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program prints")]
fn main() -> ExitCode {
    match start(&Args::parse()) {
        Ok(server) => {
            println!("{}", server.url());
            server.wait();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failed to {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<Scripted, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(&args.scenario).map_err(|error| format!("read {}: {error}", args.scenario.display()))?;
    let scenario = Scenario::parse(&text)?;
    Scripted::listen(args.listen, scenario).map_err(|error| format!("listen at {}: {error}", args.listen).into())
}
