//! What a program says, as long as its messages stay within their bounds.
//!
//! Invariant: a message that is too long, or one of too many, ends the connection at once; its bytes are not gathered. Each message costs the
//! SDK a task, so their number is bounded as well as their size.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many messages may come at once, and how many in each second beyond that.
const BURST: f64 = 2_000.0;
const EACH_SECOND: f64 = 500.0;

/// A reader that fails where a line has more bytes than it may, or lines come faster than they may.
pub(super) struct BoundedLines<R> {
    inner: R,
    most: usize,
    line: usize,
    /// How many more lines may come now, as of the moment beside it.
    room: f64,
    seen: Instant,
    over: Arc<AtomicBool>,
}

impl<R> BoundedLines<R> {
    /// Lines of at most `most` bytes; `over` is set where one has more.
    pub(super) fn new(inner: R, most: usize, over: Arc<AtomicBool>) -> Self {
        Self { inner, most, line: 0, room: BURST, seen: Instant::now(), over }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for BoundedLines<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let new = &buffer.filled()[before..];
        let (mut line, mut longest, mut lines) = (self.line, 0, 0.0);
        for part in new.split_inclusive(|&byte| byte == b'\n') {
            let ends = part.ends_with(b"\n");
            longest = longest.max(line + part.len() - usize::from(ends));
            line = if ends { 0 } else { line + part.len() };
            lines += f64::from(u8::from(ends));
        }
        self.line = line;
        let now = Instant::now();
        self.room = (self.room + (now - self.seen).as_secs_f64() * EACH_SECOND).min(BURST) - lines;
        self.seen = now;
        if longest > self.most || self.room < 0.0 {
            self.over.store(true, Ordering::Relaxed);
            buffer.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "its messages are too long or too many")));
        }
        Poll::Ready(Ok(()))
    }
}

/// Since when what is said to a program waits to be read; nothing where it does not.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Option<Instant>>>);

impl Waiting {
    /// For how long it has waited.
    pub(super) fn time(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn note(&self, waits: bool) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if waits { since.or_else(|| Some(Instant::now())) } else { None };
    }
}

/// A writer that tells for how long it has waited: a program that does not read is owed more and more answers.
pub(super) struct WatchedWriter<W> {
    inner: W,
    waiting: Waiting,
}

impl<W> WatchedWriter<W> {
    /// Tells through `waiting`.
    pub(super) fn new(inner: W, waiting: Waiting) -> Self {
        Self { inner, waiting }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for WatchedWriter<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.waiting.note(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn a_line_that_is_too_long_ends_the_reading() {
        let check = |text: &str, expect: bool| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let over = Arc::new(AtomicBool::new(false));
            // In pieces of three bytes, so that lines begin and end anywhere.
            let pieces = text.as_bytes().chunks(3).fold(tokio_test_io(), |whole, piece| Box::new(whole.chain(piece)));
            let mut lines = BoundedLines::new(pieces, 8, Arc::clone(&over));
            let read = runtime.block_on(async { lines.read_to_end(&mut Vec::new()).await });
            assert_eq!((read.is_ok(), over.load(Ordering::Relaxed)), (expect, !expect), "{text:?}");
        };
        check("", true);
        check("12345678\n12345678\n1", true);
        check("\n\n\n\n\n\n\n\n\n\n\n\n", true);
        check("123456789", false);
        check("1\n123456789\n", false);
        check("12345678\n1234567890", false);
        check(&"1\n".repeat(1_000), true);
        check(&"1\n".repeat(10_000), false);
    }

    #[test]
    fn a_writer_tells_that_nobody_reads() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(4);
            let waiting = Waiting::default();
            let mut writer = WatchedWriter::new(ours, waiting.clone());
            writer.write_all(b"1234").await.expect("there is room");
            assert_eq!(waiting.time(), Duration::ZERO);
            let stuck = tokio::time::timeout(Duration::from_millis(5), writer.write_all(b"5")).await;
            assert!(stuck.is_err() && waiting.time() > Duration::ZERO);
            theirs.read_exact(&mut [0; 4]).await.expect("read");
            writer.write_all(b"5").await.expect("there is room again");
            assert_eq!(waiting.time(), Duration::ZERO);
        });
    }

    fn tokio_test_io<'a>() -> Box<dyn AsyncRead + Unpin + 'a> {
        Box::new(tokio::io::empty())
    }
}
