//! Processes: a command in a group of its own, with bounded output, that ends in time.
//!
//! Both streams share one pipe, so their order is kept. The loop waits for output, for the end and for a cancellation at
//! once; it never waits for the pipe to close, since a daemon could hold it open for ever.
//!
//! Invariant: when [`run`] returns, no process of the command's group lives.

use std::collections::BTreeMap;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::Fault;
use super::bounded::{Bounded, TEXT};

/// How long a group has between being asked to end and being killed.
const GRACE: Duration = Duration::from_millis(300);

/// How long is read from a pipe that a process outside the group keeps filling.
const DRAIN: Duration = Duration::from_millis(100);

/// Stops what is running, from another thread.
#[derive(Clone, Default)]
pub(crate) struct Cancel(Arc<Running>);

#[derive(Default)]
struct Running {
    cancelled: AtomicBool,
    groups: Mutex<BTreeMap<i32, Arc<PipeWriter>>>,
}

/// What to run.
pub(super) struct Program<'a> {
    pub(super) argv: Vec<String>,
    pub(super) dir: &'a Path,
    pub(super) set: Vec<(&'static str, String)>,
    pub(super) unset: Vec<&'static str>,
    pub(super) keep: usize,
}

/// How it ended, with what it printed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) output: String,
    /// Whether it was stopped because its time was over.
    pub(super) overdue: bool,
}

/// A command line for `/bin/sh -c`.
pub(super) fn shell<'a>(dir: &'a Path, command: &str) -> Program<'a> {
    Program { argv: vec!["/bin/sh".into(), "-c".into(), command.into()], dir, set: vec![], unset: vec![], keep: TEXT }
}

/// Runs a program to its end; one that is stopped at the deadline is a fault.
pub(super) fn run(program: &Program<'_>, deadline: Instant, cancel: &Cancel) -> Result<Ended, Fault> {
    let ended = run_until(program, deadline, cancel)?;
    if ended.overdue { Err(Fault::TimedOut) } else { Ok(ended) }
}

/// Runs a program to its end or to the deadline; what it printed until then is kept.
pub(super) fn run_until(program: &Program<'_>, deadline: Instant, cancel: &Cancel) -> Result<Ended, Fault> {
    if cancel.is_cancelled() {
        return Err(Fault::Cancelled);
    }
    let (output, child) = start(program).map_err(|e| Fault::Broken(format!("start {}: {e}", program.argv.join(" "))))?;
    let group = Group::register(child, cancel).map_err(|e| Fault::Broken(format!("watch {}: {e}", program.argv.join(" "))))?;
    let mut kept = Bounded::new(program.keep);
    let overdue = group.follow(output, deadline, cancel, &mut kept);
    let reaped = group.reap();
    // Whoever cancels may also have reaped the child already: that is no fault then.
    if cancel.is_cancelled() {
        return Err(Fault::Cancelled);
    }
    let status = reaped.map_err(|e| Fault::Broken(format!("wait for {}: {e}", program.argv.join(" "))))?;
    // Colours are for terminals, and what comes back to one could do more than colour.
    let output = anstream::adapter::strip_str(&kept.text()).to_string();
    Ok(Ended { code: status.code(), signal: status.signal(), output, overdue })
}

fn start(program: &Program<'_>) -> std::io::Result<(PipeReader, Child)> {
    let (reader, writer) = std::io::pipe()?;
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let (name, rest) = program.argv.split_first().ok_or(ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command.args(rest).current_dir(program.dir).process_group(0).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    command.envs(program.set.iter().map(|(name, value)| (name, value)));
    program.unset.iter().for_each(|name| {
        command.env_remove(name);
    });
    Ok((reader, command.spawn()?))
}

/// A started child, known to its [`Cancel`] until it is reaped.
struct Group<'a> {
    child: Child,
    pid: Pid,
    cancel: &'a Cancel,
    wake: PipeReader,
    exited: Arc<AtomicBool>,
}

impl<'a> Group<'a> {
    fn register(mut child: Child, cancel: &'a Cancel) -> std::io::Result<Self> {
        let id = i32::try_from(child.id()).map_err(|_| ErrorKind::InvalidData)?;
        let watched = Self::watch(Pid::from_raw(id));
        let (wake, waker, exited) = watched.inspect_err(|_| {
            kill(Pid::from_raw(id), Signal::SIGKILL);
            // Reaps what was just killed; there is nothing to learn from how it ended.
            drop(child.wait());
        })?;
        cancel.groups().insert(id, waker);
        Ok(Self { child, pid: Pid::from_raw(id), cancel, wake, exited })
    }

    /// A thread that waits for the child without reaping it, so that its number is not given to another process.
    fn watch(pid: Pid) -> std::io::Result<(PipeReader, Arc<PipeWriter>, Arc<AtomicBool>)> {
        let (wake, waker) = std::io::pipe()?;
        let (waker, exited) = (Arc::new(waker), Arc::new(AtomicBool::new(false)));
        let (ring, flag) = (waker.clone(), exited.clone());
        thread::Builder::new().name("wait".into()).stack_size(64 * 1024).spawn(move || {
            while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(nix::errno::Errno::EINTR) {}
            flag.store(true, Ordering::Release);
            ring_once(&ring);
        })?;
        Ok((wake, waker, exited))
    }

    /// Reads until the child has ended; returns whether it was stopped at the deadline.
    fn follow(&self, mut output: PipeReader, deadline: Instant, cancel: &Cancel, kept: &mut Bounded) -> bool {
        let mut open = true;
        let mut asked: Option<Instant> = None;
        let mut overdue = false;
        while !self.exited.load(Ordering::Acquire) {
            let now = Instant::now();
            match asked {
                None if cancel.is_cancelled() || now >= deadline => {
                    overdue = !cancel.is_cancelled();
                    kill(self.pid, Signal::SIGTERM);
                    asked = Some(now);
                }
                Some(since) if now >= since + GRACE => kill(self.pid, Signal::SIGKILL),
                _ => {}
            }
            let until = asked.map_or(deadline, |since| since + GRACE);
            self.wait(&output, open, until);
            open = open && take(&mut output, kept);
        }
        kill(self.pid, Signal::SIGKILL);
        let enough = Instant::now() + DRAIN;
        while open && Instant::now() < enough && take_some(&mut output, kept) {}
        overdue
    }

    /// Waits for output, the end, a cancellation or `until`, whichever comes first.
    fn wait(&self, output: &PipeReader, open: bool, until: Instant) {
        // One millisecond at least: after SIGKILL the end is near, but a busy loop would delay it.
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut both = [PollFd::new(self.wake.as_fd(), PollFlags::POLLIN), PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        let watched = if open { &mut both[..] } else { &mut both[..1] };
        if poll(watched, timeout).is_ok_and(|ready| ready > 0) && both[0].any() == Some(true) {
            let mut rung = [0; 8];
            // Only the waking matters; what to do is read from the flags.
            drop((&self.wake).read(&mut rung));
        }
    }

    fn reap(mut self) -> std::io::Result<std::process::ExitStatus> {
        self.cancel.groups().remove(&self.pid.as_raw());
        self.child.wait()
    }
}

/// Takes what is there now; false once the pipe is closed.
fn take(output: &mut PipeReader, kept: &mut Bounded) -> bool {
    let mut block = [0; 64 * 1024];
    match output.read(&mut block) {
        Ok(0) => false,
        Ok(count) => {
            kept.push(&block[..count]);
            true
        }
        Err(e) => matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

/// Takes what is there now; false once there is nothing left.
fn take_some(output: &mut PipeReader, kept: &mut Bounded) -> bool {
    let mut block = [0; 64 * 1024];
    output.read(&mut block).is_ok_and(|count| {
        kept.push(&block[..count]);
        count > 0
    })
}

/// Signals a group. That there is none left is no error: its end is what is wanted.
fn kill(group: Pid, signal: Signal) {
    if let Err(e) = killpg(group, signal)
        && e != nix::errno::Errno::ESRCH
    {
        tracing::warn!(group = group.as_raw(), %e, "a process group could not be signalled");
    }
}

/// Wakes a loop; one that has already ended does not need it.
fn ring_once(waker: &PipeWriter) {
    drop((&*waker).write(&[1]));
}

impl Cancel {
    /// Stops what is running now and refuses what would be started later.
    pub(crate) fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        for (group, waker) in self.groups().iter() {
            kill(Pid::from_raw(*group), Signal::SIGTERM);
            ring_once(waker);
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<i32, Arc<PipeWriter>>> {
        self.0.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
