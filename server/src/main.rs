//! Naestro: one local binary between your editor and every model.
//!
//! Invariant: the hands are recognised before anything else runs, since they must not start a thread of ours.

mod bench;
mod clean;
mod cli;
mod config;
mod exit;
mod folder;
mod lazy;
mod mcp;
mod near;
mod process;
mod rpc;
mod screen;
mod watch;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == "hands") {
        return naestro_tools::hands::main(std::env::args_os().skip(1));
    }
    cli::main()
}
