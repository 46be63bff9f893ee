//! Watch over one program of another server: `naestro hands upstream PROGRAM ARGS...`.
//!
//! The main process hands the program's three streams over a socket, which stays open as a lifeline: its end (the main process closed it or
//! was killed) is the end of the program and of everything that came from it, in sessions of their own or not. So nothing is copied, and
//! nothing is left.

use std::ffi::OsString;
use std::io::{IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use crate::hands::kin;

/// How many streams are handed over: standard input, output and error.
const STREAMS: usize = 3;

/// Starts the program and returns when it, and all that came from it, has ended.
pub(crate) fn supervise(mut lifeline: UnixStream, command: &[OsString]) -> ExitCode {
    let Some((program, args)) = command.split_first() else { return ExitCode::from(2) };
    let Some([input, output, error]) = streams(&lifeline) else { return ExitCode::from(2) };
    let Ok(mut last_words) = error.try_clone().map(std::fs::File::from) else { return ExitCode::FAILURE };
    if let Err(why) = kin::adopt() {
        let _ = writeln!(last_words, "failed to {why}");
        return ExitCode::FAILURE;
    }
    let mut command = Command::new(program);
    command.args(args).process_group(0).stdin(Stdio::from(input)).stdout(Stdio::from(output)).stderr(Stdio::from(error));
    let started = command.spawn();
    // Our ends of its streams are closed with it, so that its end is the end of them.
    drop(command);
    match started {
        Ok(child) => {
            drop(last_words);
            let (pid, Ok(watched)) = (Pid::from_raw(child.id().cast_signed()), lifeline.try_clone()) else {
                kin::end();
                return ExitCode::FAILURE;
            };
            std::thread::spawn(move || {
                reap(pid);
                // What the main thread waits for.
                let _ = watched.shutdown(std::net::Shutdown::Both);
            });
            // Nothing is ever said: what comes is the end.
            let _ = lifeline.read(&mut [0; 1]);
            kin::end();
            ExitCode::SUCCESS
        }
        Err(why) => {
            let _ = writeln!(last_words, "failed to start {}: {why}", program.display());
            ExitCode::FAILURE
        }
    }
}

/// Waits for whatever ends, until the program has.
fn reap(program: Pid) {
    loop {
        match waitpid(None, Some(WaitPidFlag::empty())) {
            Ok(ended) if ended.pid() == Some(program) => return,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// The streams as the main process sends them.
fn streams(lifeline: &UnixStream) -> Option<[OwnedFd; STREAMS]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(STREAMS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0; 1];
    let flags = RecvFlags::CMSG_CLOEXEC;
    rustix::net::recvmsg(lifeline, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags).ok()?;
    let mut received: Vec<OwnedFd> = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            received.extend(descriptors);
        }
    }
    received.try_into().ok()
}
