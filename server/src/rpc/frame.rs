//! Frames: lines of bounded length.
//!
//! Invariant: a line of any length costs at most [`MOST`] bytes and one answer.

use std::io::{self, BufRead};

/// The most bytes of one frame: 16 MiB.
pub(super) const MOST: usize = 16 << 20;

/// One line of input, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A whole one; never blank.
    Whole(Vec<u8>),
    /// One that is too long; what it said is gone.
    TooLong,
}

/// Frames of an input.
pub(super) struct Frames<R> {
    input: R,
    /// Whether the rest of a line that is too long is still to come.
    skipping: bool,
    most: usize,
}

impl<R: BufRead> Frames<R> {
    /// The frames of `input`.
    pub(super) fn new(input: R) -> Self {
        Self { input, skipping: false, most: MOST }
    }

    /// The next frame, the last of which may lack its line feed; `None` at the end.
    ///
    /// # Errors
    /// What the input failed with.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut frame = Vec::new();
        loop {
            let chunk = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                return Ok(whole(frame));
            }
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let fits = frame.len() + part.len() <= self.most;
            if !self.skipping && fits {
                grow(&mut frame, part, self.most);
            }
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.input.consume(used);
            if !self.skipping && !fits {
                self.skipping = end.is_none();
                return Ok(Some(Frame::TooLong));
            }
            if end.is_some() && !std::mem::take(&mut self.skipping) {
                match whole(std::mem::take(&mut frame)) {
                    None => {}
                    frame => return Ok(frame),
                }
            }
        }
    }
}

fn whole(frame: Vec<u8>) -> Option<Frame> {
    (!frame.trim_ascii().is_empty()).then_some(Frame::Whole(frame))
}

/// Appends without ever reserving more than a frame may have.
fn grow(frame: &mut Vec<u8>, part: &[u8], most: usize) {
    if frame.capacity() < frame.len() + part.len() {
        let wanted = (frame.capacity() * 2).max(frame.len() + part.len()).min(most);
        frame.reserve_exact(wanted - frame.len());
    }
    frame.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads with a limit of 8 bytes through a buffer of 3.
    #[track_caller]
    fn check(input: &str, expect: &[Option<&str>]) {
        let reader = io::BufReader::with_capacity(3, input.as_bytes());
        let mut frames = Frames { most: 8, ..Frames::new(reader) };
        let mut seen = Vec::new();
        while let Some(frame) = frames.next().expect("a slice cannot fail") {
            seen.push(match frame {
                Frame::Whole(bytes) => Some(String::from_utf8(bytes).expect("text")),
                Frame::TooLong => None,
            });
        }
        assert_eq!(seen, expect.iter().map(|frame| frame.map(str::to_owned)).collect::<Vec<_>>(), "{input:?}");
    }

    #[test]
    fn lines_are_frames_and_blank_ones_are_none() {
        check("", &[]);
        check("a\nbc\n", &[Some("a"), Some("bc")]);
        check("\n  \n\r\na\n", &[Some("a")]);
        check("12345678\n9\n", &[Some("12345678"), Some("9")]);
    }

    #[test]
    fn the_last_line_may_lack_its_end() {
        check("a\nbc", &[Some("a"), Some("bc")]);
    }

    #[test]
    fn a_line_too_long_is_answered_once_and_those_after_it_are_read() {
        check("123456789\na\n", &[None, Some("a")]);
        check("123456789012345678901234567890\na\n", &[None, Some("a")]);
        check("123456789012345678901234567890", &[None]);
        check("1234567890\n1234567890\n", &[None, None]);
    }

    #[test]
    fn a_hundred_megabytes_without_an_end_cost_one_frame() {
        struct Endless(usize);
        impl io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = buffer.len().min(self.0);
                buffer[..count].fill(b'x');
                self.0 -= count;
                Ok(count)
            }
        }
        let mut frames = Frames::new(io::BufReader::with_capacity(1 << 16, Endless(100 << 20)));
        assert_eq!(frames.next().ok(), Some(Some(Frame::TooLong)));
        assert_eq!(frames.next().ok(), Some(None));
        let mut frame = Vec::new();
        (0..MOST / 4096).for_each(|_| grow(&mut frame, &[0; 4096], MOST));
        assert_eq!(frame.capacity(), MOST);
    }
}
