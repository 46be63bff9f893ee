//! Lines on their way out: a bounded queue, and a thread that writes it.
//!
//! Answers and journalled updates wait for room; deltas are dropped where there is none, since the whole message follows.
//!
//! Invariant: each line leaves whole; a reader that does not read costs at most [`MOST`] bytes and one line per waiting sender.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use naestro_api::{Error, ErrorCode};
use tokio::sync::{Notify, oneshot};

/// The most bytes that wait to be written: 8 MiB.
const MOST: usize = 8 << 20;
/// Above this, deltas are dropped: 1 MiB.
const MOST_FOR_DELTAS: usize = 1 << 20;

/// The queue; cheap to share.
#[derive(Clone)]
pub(super) struct Outbox(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// Something is in the queue, or there will be nothing any more.
    filled: Condvar,
    /// There is room again, or there will be none any more.
    room: Notify,
    broken: Notify,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<String>,
    /// Bytes in the queue or being written.
    bytes: usize,
    /// No more lines will come.
    closed: bool,
    /// The other end is gone.
    broken: bool,
}

impl Outbox {
    /// Starts the thread that writes to `out`; the receiver hears when everything is written after [`Outbox::close`].
    ///
    /// # Errors
    /// `unavailable` if no thread can be started.
    pub(super) fn start(out: impl Write + Send + 'static) -> Result<(Self, oneshot::Receiver<()>), Error> {
        let shared = Arc::new(Shared { queue: Mutex::default(), filled: Condvar::new(), room: Notify::new(), broken: Notify::new() });
        let (done, written) = oneshot::channel();
        let writer = Arc::clone(&shared);
        let writing = move || {
            if let Err(error) = write(&writer, out) {
                tracing::debug!("failed to write to standard output: {error}");
                writer.lock().broken = true;
                writer.broken.notify_one();
                writer.room.notify_waiters();
            }
            // Nobody waits where the process ends for another reason.
            let _ = done.send(());
        };
        std::thread::Builder::new()
            .name("lines".to_owned())
            .spawn(writing)
            .map_err(|error| Error::new(ErrorCode::Unavailable, format!("start a thread: {error}")))?;
        Ok((Self(shared), written))
    }

    /// Queues a line as soon as there is room for it.
    pub(super) async fn send(&self, line: String) {
        self.room().await;
        self.push(line);
    }

    /// Returns when there is room, or when there will be none any more.
    pub(super) async fn room(&self) {
        loop {
            let room = self.0.room.notified();
            tokio::pin!(room);
            // Registered before looking, so that room made in between is not missed.
            room.as_mut().enable();
            if self.has_room() {
                return;
            }
            room.await;
        }
    }

    /// Whether there is room, or never will be any.
    pub(super) fn has_room(&self) -> bool {
        let queue = self.0.lock();
        queue.broken || queue.bytes < MOST
    }

    /// Queues a line, room or not; for who has waited for [`Outbox::room`].
    pub(super) fn push(&self, line: String) {
        self.0.lock().push(line);
        self.0.filled.notify_one();
    }

    /// Queues a line where there is plenty of room; whether there was.
    pub(super) fn offer(&self, line: String) -> bool {
        let fits = self.0.lock().bytes < MOST_FOR_DELTAS;
        if fits {
            self.push(line);
        }
        fits
    }

    /// Says that no more lines will come.
    pub(super) fn close(&self) {
        self.0.lock().closed = true;
        self.0.filled.notify_one();
    }

    /// Returns when the other end is gone.
    pub(super) async fn broken(&self) {
        self.0.broken.notified().await;
    }
}

impl Queue {
    fn push(&mut self, mut line: String) {
        if !self.broken {
            line.push('\n');
            self.bytes += line.len();
            self.lines.push_back(line);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A queue is whole at every moment, so one left by a panic is as good as any.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(shared: &Shared, mut out: impl Write) -> io::Result<()> {
    loop {
        let lines = {
            let waiting = |queue: &mut Queue| queue.lines.is_empty() && !queue.closed;
            let mut queue = shared.filled.wait_while(shared.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut queue.lines)
        };
        if lines.is_empty() {
            return Ok(());
        }
        let batch: String = lines.into_iter().collect();
        out.write_all(batch.as_bytes())?;
        out.flush()?;
        shared.lock().bytes -= batch.len();
        shared.room.notify_waiters();
    }
}
