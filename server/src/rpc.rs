//! JSON-RPC 2.0 on standard input and output, one object per line.
//!
//! The methods are jsonrpsee's [`jsonrpsee::RpcModule`]; the framing is ours, since that crate has none for pipes. A thread reads
//! frames, a thread writes lines, and each request is a task of its own between them.
//!
//! Invariant: nothing is opened before a request needs it; a frame, a queue or a request that is out of bounds costs its
//! sender an error and nobody else anything.

mod envelope;
mod failure;
mod follow;
mod frame;
mod methods;
mod outbox;
mod params;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use naestro_api::{Error, ErrorCode};
use tokio::sync::mpsc;

use crate::config::Config;
use crate::lazy::Lazy;
use crate::{exit, process, wire};
use frame::{Frame, Frames};
use methods::Served;
use outbox::Outbox;
use session::Session;

pub(crate) use methods::openrpc;

/// How long requests may go on after the end of the input before they are given up.
const GRACE: Duration = Duration::from_millis(150);
/// How long runs may take to suspend then.
const SUSPENDING: Duration = Duration::from_millis(250);
/// How long what is left may take to be written then.
const FLUSHING: Duration = Duration::from_millis(80);

/// Speak JSON-RPC 2.0 on standard input and output, one object per line.
///
/// Ends with its input: runs are suspended and can be resumed. `naestro spec openrpc` describes the methods.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"naestro.version\"}' | naestro rpc")]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        process::block_on(async {
            let (outbox, written) = Outbox::start(std::io::stdout())?;
            let engine = Lazy::new(Box::new(|| wire::engine(&Config::load(None)?)));
            let session = Arc::new(Session::new(Arc::new(Served::new(engine)), outbox));
            serve(&session, read()?).await?;
            end(&session, written).await;
            Ok(exit::SUCCEEDED)
        })
    }
}

/// Takes frames until there are no more, the reader of our lines is gone, or the process is asked to stop.
async fn serve(session: &Arc<Session>, mut frames: mpsc::Receiver<Frame>) -> Result<(), Error> {
    let mut stops = process::Stops::listen()?;
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => session.take(frame).await,
                None => return Ok(()),
            },
            () = stops.next() => return Ok(()),
            () = session.outbox.broken() => return Ok(()),
        }
    }
}

/// Lets finished replies out, suspends what runs, and leaves nothing behind; each within its time.
async fn end(session: &Session, written: tokio::sync::oneshot::Receiver<()>) {
    let late = |what| move |_| tracing::warn!("{what} took too long at the end of the input");
    session.finish_calls(GRACE).await.unwrap_or_else(late("a request"));
    tokio::time::timeout(SUSPENDING, session.close_engine()).await.unwrap_or_else(late("suspending the runs"));
    session.finish_followers(FLUSHING).await.unwrap_or_else(late("an update"));
    session.outbox.close();
    if tokio::time::timeout(FLUSHING, written).await.is_err() {
        tracing::warn!("the reader of standard output did not take what was left");
    }
}

/// Reads frames in a thread of their own, since a read from standard input cannot be cancelled.
fn read() -> Result<mpsc::Receiver<Frame>, Error> {
    let (sender, receiver) = mpsc::channel(1);
    let reading = move || {
        let mut frames = Frames::new(std::io::stdin().lock());
        loop {
            match frames.next() {
                Ok(Some(frame)) => {
                    if sender.blocking_send(frame).is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => return tracing::error!("failed to read standard input: {error}"),
            }
        }
    };
    std::thread::Builder::new()
        .name("frames".to_owned())
        .spawn(reading)
        .map_err(|error| Error::new(ErrorCode::Unavailable, format!("start a thread: {error}")))?;
    Ok(receiver)
}
