//! The main process's end of the hands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::oneshot;

use super::frame::{Ask, Reply, Request, Said, Setup, Wrong, receive, send};
use super::left::{Left, MARK};

/// How long the hands have to end everything that came from them, before they are killed themselves.
const PATIENCE: Duration = Duration::from_millis(400);

/// A process of hands.
#[derive(Debug)]
pub(crate) struct Hands {
    socket: Mutex<UnixStream>,
    waiting: Arc<Mutex<Waiting>>,
    next: AtomicU64,
    pid: Pid,
    ended: Mutex<Receiver<()>>,
}

type Sender = oneshot::Sender<Result<Said, Wrong>>;

/// Who waits for which reply; `None` once the hands are gone.
#[derive(Debug)]
struct Waiting(Option<BTreeMap<u64, Sender>>);

impl Hands {
    /// Starts hands of the attempt in `folder` from the executable `exe` with the environment `variables`, and has them
    /// make the view. Blocks.
    ///
    /// # Errors
    /// What could not be done, as a fragment that fits "failed to ...".
    pub(crate) fn start(exe: &Path, folder: &Path, mut variables: Vec<(OsString, OsString)>, setup: Setup) -> Result<Self, String> {
        variables.push((MARK.into(), folder.into()));
        let left = Arc::new(Left::of(folder));
        let hands = Self::spawn(exe, variables, left.clone()).map_err(|error| format!("start hands from {}: {error}", exe.display()))?;
        let (_, reply) = hands.send(Ask::Setup(setup))?;
        match reply.blocking_recv() {
            Ok(Ok(_)) => left.note(hands.pid.as_raw()).map(|()| hands).map_err(|error| format!("find the namespaces of hands: {error}")),
            Ok(Err(Wrong::Broken(why))) => Err(why),
            _ => Err("start hands: they ended at once".into()),
        }
    }

    fn spawn(exe: &Path, variables: Vec<(OsString, OsString)>, left: Arc<Left>) -> std::io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(exe);
        // In a process group of their own: an interrupt typed at a terminal is for us, and the hands end when we say so.
        command.arg("hands").env_clear().envs(variables).current_dir("/").process_group(0);
        let child = command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // The command still holds their end; without it, the end of the hands is the end of our input.
        drop(command);
        let pid = Pid::from_raw(child.id().cast_signed());
        let waiting = Arc::new(Mutex::new(Waiting(Some(BTreeMap::new()))));
        let (reader, waiters) = (ours.try_clone()?, waiting.clone());
        let (end, ended) = channel();
        std::thread::Builder::new().name("hands".into()).spawn(move || {
            listen(&reader, &waiters);
            // They are not waited for yet, so their number is still theirs.
            left.end();
            // The last hold on their namespace, and so on what is mounted there.
            drop(left);
            farewell(&waiters, child);
            // Nobody need be waiting for the end.
            let _ = end.send(());
        })?;
        Ok(Self { socket: Mutex::new(ours), waiting, next: AtomicU64::new(0), pid, ended: Mutex::new(ended) })
    }

    /// Asks and waits for the answer; dropping the future cancels what was asked.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Said, Wrong> {
        let (id, reply) = self.send(ask).map_err(Wrong::Broken)?;
        let mut pending = Pending { hands: self, id, open: true };
        let said = reply.await;
        pending.open = false;
        said.unwrap_or_else(|_| Err(gone()))
    }

    /// Whether the process has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).0.is_none()
    }

    /// Ends the hands and all that came from them. Blocks, for a fraction of a second at most.
    pub(crate) fn end(&self) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // Already gone is as good.
        let _ = self.socket.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Write);
        if ended.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // What was asked of them has its answer by now: nothing is lost that anyone waits for.
            tracing::debug!(pid = self.pid.as_raw(), "the hands did not end in time and are killed");
            // Their process is not waited for yet, so the number is still theirs.
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = ended.recv_timeout(PATIENCE);
        }
    }

    fn send(&self, ask: Ask) -> Result<(u64, oneshot::Receiver<Result<Said, Wrong>>), String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        match &mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner).0 {
            Some(waiting) => waiting.insert(id, sender),
            None => return Err("reach the hands: they ended".into()),
        };
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        match send(&*socket, &Request { id, ask }) {
            // Who waits is told so once nothing is left of them.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("reach the hands: {error}")),
            _ => Ok((id, receiver)),
        }
    }

    fn cancel(&self, id: u64) {
        if let Some(waiting) = &mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner).0 {
            waiting.remove(&id);
        }
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        // If it cannot be told, the hands are gone, and with them what was asked.
        let _ = send(&*socket, &Request { id: u64::MAX, ask: Ask::Cancel(id) });
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        // They end by themselves; the listening thread waits for that.
        let _ = self.socket.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Write);
    }
}

struct Pending<'a> {
    hands: &'a Hands,
    id: u64,
    open: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.open {
            self.hands.cancel(self.id);
        }
    }
}

/// Passes replies on until the hands are gone.
fn listen(socket: &UnixStream, waiting: &Mutex<Waiting>) {
    while let Ok(Some(Reply { id, said })) = receive(socket) {
        let sender = waiting.lock().unwrap_or_else(PoisonError::into_inner).0.as_mut().and_then(|waiting| waiting.remove(&id));
        // Who asked may have lost interest.
        let _ = sender.map(|sender| sender.send(said));
    }
    // After a malformed reply they may still be there.
    let _ = socket.shutdown(Shutdown::Both);
}

/// Takes leave of their process, and tells who still waits that they are gone.
fn farewell(waiting: &Mutex<Waiting>, mut child: Child) {
    if let Err(error) = child.wait() {
        tracing::warn!(%error, "failed to wait for the hands");
    }
    let left = waiting.lock().unwrap_or_else(PoisonError::into_inner).0.take();
    for (_, sender) in left.into_iter().flatten() {
        let _ = sender.send(Err(gone()));
    }
}

fn gone() -> Wrong {
    Wrong::Broken("hear from the hands: they ended".into())
}
