//! The program of a server, under watch.
//!
//! Invariant: when the value is dropped the program and all that came from it are being ended; when [`Watched::end`] returns they are gone.

use std::collections::BTreeMap;
use std::io::{IoSlice, PipeReader, PipeWriter};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::{Receiver, Sender};

use super::{names, pins};
use crate::hands;

/// How long a program may take to end by itself, once its input has.
const BY_ITSELF: Duration = Duration::from_millis(100);
/// How long the watch may take to end everything, before it is killed itself.
const PATIENCE: Duration = Duration::from_millis(600);
/// The most bytes of what the program says on its standard error that are kept: the last.
const WORDS: usize = 8 * 1024;

/// A program under watch.
pub(super) struct Watched {
    lifeline: UnixStream,
    /// Until it was waited for.
    watch: Mutex<Option<Child>>,
    said: Arc<Mutex<Vec<u8>>>,
}

/// Our ends of the program's standard output and input.
type Streams = (Receiver, Sender);

impl Watched {
    /// Starts the program in `folder`. Blocks for the time of a fork; has to be called within a runtime.
    ///
    /// # Errors
    /// What could not be done, as a fragment that fits "failed to ...".
    pub(super) fn start(exe: &Path, folder: &Path, command: &[String], env: &BTreeMap<String, String>) -> Result<(Self, Streams), String> {
        let failed = |error: std::io::Error| format!("start {}: {error}", command.first().map_or("a program", String::as_str));
        pins::make_private(folder).map_err(failed)?;
        let (lifeline, theirs) = UnixStream::pair().map_err(failed)?;
        let mut start = Command::new(exe);
        start.args(["hands", "upstream"]).args(command).current_dir(folder).process_group(0);
        start.env_clear().envs(hands::bare_variables()).envs(env);
        let started = start.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        // The command still holds their end; without it, the end of the watch is the end of the lifeline.
        drop(start);
        let watch = Mutex::new(Some(started.map_err(failed)?));
        let watched = Self { lifeline, watch, said: Arc::default() };
        let (input, our_input) = std::io::pipe().map_err(failed)?;
        let (our_output, output) = std::io::pipe().map_err(failed)?;
        let (our_error, error) = std::io::pipe().map_err(failed)?;
        watched.hand_over(&input, &output, &error).map_err(failed)?;
        tokio::spawn(listen(receiver(our_error).map_err(failed)?, Arc::clone(&watched.said)));
        let sender = Sender::from_owned_fd(OwnedFd::from(our_input)).map_err(failed)?;
        Ok((watched, (receiver(our_output).map_err(failed)?, sender)))
    }

    fn hand_over(&self, input: &PipeReader, output: &PipeWriter, error: &PipeWriter) -> std::io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let streams = [input.as_fd(), output.as_fd(), error.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&streams));
        rustix::net::sendmsg(&self.lifeline, &[IoSlice::new(b"s")], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// What the program said last on its standard error, cleaned.
    pub(super) fn last_words(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        names::clean(&String::from_utf8_lossy(&said)).trim().to_owned()
    }

    /// Ends the program and all that came from it. Blocks, for a fraction of a second at most.
    pub(super) fn end(&self) {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(watch) = watch {
            ends(watch, &self.lifeline, BY_ITSELF);
        }
    }
}

/// Ends the watch, which ends all it watches over; its program may end by itself first, once its input has. Blocks.
fn ends(mut watch: Child, lifeline: &UnixStream, by_itself: Duration) {
    if has_ended(&mut watch, by_itself) {
        return;
    }
    // Already gone is as good.
    let _ = lifeline.shutdown(Shutdown::Both);
    if !has_ended(&mut watch, PATIENCE) {
        tracing::warn!("the watch over a server did not end in time and is killed");
        let _ = watch.kill();
        let _ = watch.wait();
    }
}

/// Whether the process ends within this time.
fn has_ended(process: &mut Child, within: Duration) -> bool {
    let until = Instant::now() + within;
    while matches!(process.try_wait(), Ok(None)) {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.lifeline.shutdown(Shutdown::Both);
        let watch = self.watch.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(watch), Ok(lifeline)) = (watch, self.lifeline.try_clone()) {
            // Waited for aside, so that it is not left as a zombie; without a thread it is one until this process ends.
            let _ = std::thread::Builder::new().name("upstream-end".into()).spawn(move || ends(watch, &lifeline, Duration::ZERO));
        }
    }
}

fn receiver(pipe: PipeReader) -> std::io::Result<Receiver> {
    Receiver::from_owned_fd(OwnedFd::from(pipe))
}

/// Keeps the last of what is said.
async fn listen(mut error: Receiver, said: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = vec![0; 4096];
    while let Ok(read) = error.read(&mut chunk).await {
        if read == 0 {
            return;
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&chunk[..read]);
        let excess = said.len().saturating_sub(WORDS);
        said.drain(..excess);
    }
}
