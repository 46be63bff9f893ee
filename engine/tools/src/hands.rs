//! The hands: a small process of this same executable that works in one attempt's view of the user's folder.
//!
//! The main process starts it as `naestro hands` with one end of a socket pair as its standard input. It makes the view
//! (namespaces of its own, overlays at the folder's own path), then reads, edits and runs commands there as it is asked,
//! several calls at once. The view is a view, not a cage: the rest of the file system is seen as it is.
//!
//! Invariant: the end of its input is the end of it and of every process that came from it; so neither a closed
//! workspace nor a killed main process leaves one behind. Where the hands end first, the main process ends what they left
//! before anyone is told that they are gone.

mod apply;
mod client;
mod environment;
pub(crate) mod frame;
pub(crate) mod kin;
mod left;
mod serve;
mod view;

use std::ffi::OsString;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::upstream::supervise::supervise;

pub(crate) use apply::set_mtime;
pub(crate) use client::Hands;
pub(crate) use environment::{TARGET, bare_variables, variables};

/// What `naestro hands` does; call it first of all, while the process has one thread only.
///
/// `args` are the arguments after the program's name: `hands`, or `hands upstream PROGRAM ARGS...` to keep watch over the program of
/// another server. Returns when the main process is gone or wants no more.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let (is_alone, program) = (args.len() == 1, args.get(2..));
    if !is_alone && args.get(1).is_none_or(|word| word != "upstream") {
        return refuse("start hands: the one argument is \"hands\"");
    }
    match input() {
        Ok(socket) if is_alone => serve::serve(socket),
        Ok(socket) => supervise(socket, program.unwrap_or_default()),
        Err(error) => refuse(&format!("start hands by hand, without a main process: {error}")),
    }
}

/// What hands are started from: this executable, or the one that `NAESTRO_HANDS_EXE` names.
#[must_use]
pub fn executable() -> PathBuf {
    std::env::var_os("NAESTRO_HANDS_EXE").unwrap_or_else(|| "/proc/self/exe".into()).into()
}

/// Takes the socket from the standard input, so that no command inherits it.
fn input() -> std::io::Result<UnixStream> {
    let stdin = std::io::stdin();
    nix::sys::socket::getsockopt(&stdin, nix::sys::socket::sockopt::SockType)?;
    let socket = stdin.as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(UnixStream::from(socket))
}

fn refuse(why: &str) -> ExitCode {
    // There is nobody to tell if the standard error is gone.
    let _ = writeln!(std::io::stderr(), "error: failed to {why}");
    ExitCode::from(2)
}
