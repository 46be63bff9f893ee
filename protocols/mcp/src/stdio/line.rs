//! Lines of bounded length.
//!
//! Invariant: a line of any length costs at most its limit of memory; what is too long is passed over, and told once.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// One line of input, without its end; never blank.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole one.
    Whole(Vec<u8>),
    /// One that is too long; what it said is gone.
    TooLong,
}

/// Lines of an input.
pub(super) struct Lines<R> {
    input: BufReader<R>,
    most: usize,
    /// The line so far.
    line: Vec<u8>,
    /// Whether it is too long.
    over: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// The lines of `input`, of at most `most` bytes each.
    pub(super) fn new(input: R, most: usize) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), most, line: Vec::new(), over: false }
    }

    /// The next line, the last of which may lack its line feed; `None` at the end. Dropped in the middle it loses nothing.
    ///
    /// # Errors
    /// What the input failed with.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let chunk = self.input.fill_buf().await?;
            let at_end = chunk.is_empty();
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if self.line.len() + part.len() > self.most {
                (self.line, self.over) = (Vec::new(), true);
            } else if !self.over {
                self.line.extend_from_slice(part);
            }
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.input.consume(used);
            if !at_end && end.is_none() {
                continue;
            }
            let (line, over) = (std::mem::take(&mut self.line), std::mem::take(&mut self.over));
            if over {
                return Ok(Some(Line::TooLong));
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(Line::Whole(line)));
            }
            if at_end {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &[Option<&str>]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let seen = runtime.block_on(async {
            let mut lines = Lines { input: BufReader::with_capacity(3, input.as_bytes()), most: 8, line: Vec::new(), over: false };
            let mut seen = Vec::new();
            while let Some(line) = lines.next().await.unwrap() {
                seen.push(match line {
                    Line::Whole(bytes) => Some(String::from_utf8(bytes).unwrap()),
                    Line::TooLong => None,
                });
            }
            seen
        });
        assert_eq!(seen, expect.iter().map(|line| line.map(str::to_owned)).collect::<Vec<_>>(), "{input:?}");
    }

    #[test]
    fn lines_are_bounded_and_blank_ones_are_none() {
        check("", &[]);
        check("a\nbc", &[Some("a"), Some("bc")]);
        check("\n \n\na\n", &[Some("a")]);
        check("12345678\n123456789\na\n", &[Some("12345678"), None, Some("a")]);
        check("123456789012345678901234567890", &[None]);
    }
}
