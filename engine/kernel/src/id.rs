//! Identifiers, digests and instants.

use alloc::string::String;
use core::fmt;

/// A run's identifier: the 16 bytes of a UUIDv7, so ids sort by the time they were made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub [u8; 16]);

/// A BLAKE3 digest of canonical or file bytes; 32 bytes, shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// The name of a step, unique in its plan: 1 to 64 of `a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub String);

/// The number of one effect in its run, counted from 0; retries of the same effect keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub u32);

/// The number of one question in its run, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u32);

/// Milliseconds: an instant since the Unix epoch, or a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl RunId {
    /// Reads the hyphenated text form; `None` unless `text` is exactly that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|&at| bytes[at] != b'-') {
            return None;
        }
        let mut id = [0; 16];
        read_hex(bytes.iter().copied().filter(|&byte| byte != b'-'), &mut id)?;
        Some(Self(id))
    }
}

impl Digest {
    /// Reads 64 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        read_hex(text.bytes(), &mut digest)?;
        Some(Self(digest))
    }
}

impl StepId {
    /// A step id from its text, unchecked: [`crate::Plan::validate`] checks it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(String::from(text))
    }
}

impl Millis {
    /// The instant `span` later, saturating.
    #[must_use]
    pub const fn after(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

/// Fills `out` from exactly twice as many hexadecimal digits.
fn read_hex(mut digits: impl Iterator<Item = u8>, out: &mut [u8]) -> Option<()> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    for byte in out.iter_mut() {
        *byte = value(digits.next()?)? << 4 | value(digits.next()?)?;
    }
    digits.next().is_none().then_some(())
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({self})")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn ids_read_back_what_they_show() {
        let id = RunId([7; 16]);
        assert_eq!(RunId::parse(&id.to_string()), Some(id));
        let digest = Digest([0xab; 32]);
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in ["", "07", "not-a-run", "0190a5d7-0000-7000-8000-00000000000g", "0190a5d70000-7000-8000-000000000000-"] {
            assert_eq!(RunId::parse(text), None, "{text}");
        }
        assert_eq!(Digest::parse("abc"), None);
    }
}
