//! The canonical byte form of any `Hash` value, for digests.
//!
//! `derive(Hash)` visits fields in order; [`Canonical`] fixes what is left open (integer width and byte order), so the
//! same value gives the same bytes on every machine. Golden journals in the tests notice a compiler that changes it.

use core::hash::Hasher;

/// Takes canonical bytes, for instance a BLAKE3 state.
pub trait Sink {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]);
}

/// A [`Hasher`] that passes canonical bytes on to a [`Sink`].
pub struct Canonical<S>(pub S);

impl<S: Sink> Hasher for Canonical<S> {
    /// Always 0: the digest is the sink's.
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.take(bytes);
    }

    fn write_u8(&mut self, value: u8) {
        self.0.take(&[value]);
    }

    fn write_u16(&mut self, value: u16) {
        self.0.take(&value.to_le_bytes());
    }

    fn write_u32(&mut self, value: u32) {
        self.0.take(&value.to_le_bytes());
    }

    fn write_u64(&mut self, value: u64) {
        self.0.take(&value.to_le_bytes());
    }

    fn write_u128(&mut self, value: u128) {
        self.0.take(&value.to_le_bytes());
    }

    fn write_usize(&mut self, value: usize) {
        self.0.take(&(value as u64).to_le_bytes());
    }

    fn write_isize(&mut self, value: isize) {
        self.0.take(&(value as i64).to_le_bytes());
    }
}
