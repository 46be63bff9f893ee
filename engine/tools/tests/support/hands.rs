//! A program for this crate's tests: the hands alone (`hands`), or a main process to be killed (`host HOME CHECKOUT`).

#[path = "mod.rs"]
#[expect(dead_code, reason = "a host needs less than the tests do")]
mod support;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.as_slice() {
        [what, home, checkout] if what == "host" => host(home.into(), checkout.into()),
        _ => naestro_tools::hands::main(args),
    }
}

/// Opens a workspace, has a command of two processes run there (one in a session of its own), and never ends.
fn host(home: PathBuf, checkout: PathBuf) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("start a runtime");
    runtime.block_on(async {
        let desk = support::Desk::new(&home, &checkout, Arc::default(), "/proc/self/exe".into(), false, 9);
        desk.open(None, None).await.expect("open a workspace");
        writeln!(std::io::stdout(), "open").expect("the test reads");
        let marker = home.join("running").display().to_string();
        let command = format!("setsid sh -c 'echo $$ > {marker}.2; mv {marker}.2 {marker}; exec sleep 1000' & sleep 1000");
        desk.exec(&command).await.expect("run a command");
    });
    ExitCode::SUCCESS
}
