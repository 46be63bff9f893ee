//! BLAKE3 over canonical bytes.

use core::hash::Hash;

use naestro_kernel::{Body, Canonical, Digest, Sink};

struct Blake3(blake3::Hasher);

impl Sink for Blake3 {
    fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// The digest of a value's canonical form.
#[must_use]
pub fn digest<T: Hash + ?Sized>(value: &T) -> Digest {
    let mut hasher = Canonical(Blake3(blake3::Hasher::new()));
    value.hash(&mut hasher);
    Digest(hasher.0.0.finalize().into())
}

/// The digest of plain bytes, as files and blobs are named by.
#[must_use]
pub fn digest_bytes(bytes: &[u8]) -> Digest {
    Digest(blake3::hash(bytes).into())
}

/// Bytes with their digest.
#[must_use]
pub fn body(bytes: impl Into<Vec<u8>>) -> Body {
    let bytes = bytes.into();
    Body { digest: digest_bytes(&bytes), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_digests_and_fields_do_not_run_together() {
        assert_eq!(digest(&("ab", "c")), digest(&("ab", "c")));
        assert_ne!(digest(&("ab", "c")), digest(&("a", "bc")));
        assert_ne!(digest(&1_u32), digest(&1_u64));
    }
}
