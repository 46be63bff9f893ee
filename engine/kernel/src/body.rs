//! Bytes the kernel carries and never reads.

use alloc::string::String;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use crate::Digest;

/// Opaque bytes with their digest; equality and hashing look at the digest only.
#[derive(Clone)]
pub struct Body {
    /// BLAKE3 of `bytes`, computed by whoever made the body (the kernel cannot hash).
    pub digest: Digest,
    /// The bytes, usually JSON or UTF-8 text.
    pub bytes: Vec<u8>,
}

/// One tool call as a model asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The provider's id for the call, or one made up at the boundary; unique in its message.
    pub id: String,
    /// The tool's name, as the registry spells it.
    pub tool: String,
    /// The arguments: a JSON object.
    pub args: Body,
}

/// What a unit of work produced, for people and for later steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Output {
    /// UTF-8 text for a person or a model.
    pub text: Body,
    /// JSON for a later step, where there is more to say than the text.
    pub data: Option<Body>,
}

impl Body {
    /// The bytes as text, with anything that is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> alloc::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

impl core::fmt::Debug for Body {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Body({} bytes, {})", self.bytes.len(), self.digest)
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Body {}

impl Hash for Body {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}
