//! What the whole process has once: its runtime, its log, and the signals that ask it to stop.

use std::future::Future;
use std::time::Duration;

use naestro_api::{Error, ErrorCode};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long letting go of what was left behind may take; it takes far less unless a disk or a name server hangs.
const LETTING_GO: Duration = Duration::from_millis(200);

/// Threads that drive tasks: one to run the engine while the other waits for a slow disk.
const WORKERS: usize = 2;

/// Runs `work` to its end and lets go of what it left behind; what does not let go in time is left.
///
/// # Errors
/// What `work` ended with, or that no thread could be started.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(WORKERS);
    finish(builder, work)
}

/// The same without threads to drive tasks: for one question that is answered elsewhere, where their start is what one would wait for.
///
/// # Errors
/// As [`block_on`].
pub(crate) fn wait_for<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    finish(tokio::runtime::Builder::new_current_thread(), work)
}

fn finish<T>(mut builder: tokio::runtime::Builder, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = builder.enable_all().build().map_err(|error| Error::new(ErrorCode::Unavailable, format!("start a thread: {error}")))?;
    let ended = runtime.block_on(work);
    // What tasks still hold is dropped by this, the journal too: it writes its last checkpoint then.
    runtime.shutdown_timeout(LETTING_GO);
    ended
}

/// Writes warnings, and what `NAESTRO_LOG` asks for, to standard error; not the model transport's, which quote what a provider sent.
pub(crate) fn log() {
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(crate::config::log_filter());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}

/// The signals that ask the process to stop.
pub(crate) struct Stops {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Stops {
    /// Listens from now on.
    ///
    /// # Errors
    /// `internal` where the handlers cannot be set.
    pub(crate) fn listen() -> Result<Self, Error> {
        let on = |kind| signal(kind).map_err(|error| Error::new(ErrorCode::Internal, format!("listen for signals: {error}")));
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())?, hangup: on(SignalKind::hangup())? })
    }

    /// Returns when one comes.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
