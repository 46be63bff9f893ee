//! Bounded text: the beginning and the end of what may be endless.
//!
//! Invariant: memory stays within twice the bound, whatever is pushed.

/// What a tool's text may take, in bytes, notes about cuts apart.
pub(crate) const TEXT: usize = 32 * 1024;

/// The first and the last bytes of a stream.
pub(crate) struct Bounded {
    half: usize,
    head: Vec<u8>,
    tail: Vec<u8>,
    seen: usize,
}

impl Bounded {
    /// Keeps `limit` bytes, half from each end.
    pub(crate) fn new(limit: usize) -> Self {
        Self { half: limit / 2, head: Vec::new(), tail: Vec::new(), seen: 0 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.seen += bytes.len();
        let (first, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(self.half)..]);
        // Shifting only when twice the half is there keeps the cost per byte constant.
        if self.tail.len() > 2 * self.half {
            self.tail.drain(..self.tail.len() - self.half);
        }
    }

    /// The text, with a note where something was cut, and bytes that are no UTF-8 replaced.
    pub(crate) fn text(mut self) -> String {
        let excess = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..excess);
        let cut = self.seen - self.head.len() - self.tail.len();
        if cut == 0 {
            self.head.append(&mut self.tail);
            return String::from_utf8_lossy(&self.head).into_owned();
        }
        format!("{}\n[... {cut} bytes cut ...]\n{}", String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail))
    }
}

/// The first `most` characters of a line, with a note where something was cut.
pub(crate) fn line(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{} [... {} bytes cut]", &text[..at], text.len() - at),
    }
}
