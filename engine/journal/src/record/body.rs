//! Bodies in a record: text as it is, other bytes in base64, large ones by the digest they are kept under.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use naestro_kernel::{self as kernel, Digest, RunId};
use serde::{Deserialize, Serialize};

use super::{Fault, Fetch};

/// The largest body, in bytes, that a record or a row holds itself.
pub(crate) const INLINE: usize = 16 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Body {
    Text(String),
    Base64(String),
    Blob { digest: String, bytes: u64 },
}

#[derive(Serialize, Deserialize)]
pub(super) struct Output {
    text: Body,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Body>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Call {
    id: String,
    tool: String,
    args: Body,
}

impl Body {
    pub(super) fn from_kernel(body: kernel::Body, large: &mut Vec<kernel::Body>) -> Result<Self, Fault> {
        if naestro_policy::digest_bytes(&body.bytes) != body.digest {
            return Err(Fault::Malformed(format!("body {} holds other bytes than its digest names", body.digest)));
        }
        if body.bytes.len() > INLINE {
            let named = Self::Blob { digest: hex(&body.digest), bytes: body.bytes.len() as u64 };
            large.push(body);
            return Ok(named);
        }
        Ok(match String::from_utf8(body.bytes) {
            Ok(text) => Self::Text(text),
            Err(other) => Self::Base64(STANDARD.encode(other.as_bytes())),
        })
    }

    pub(super) fn into_kernel(self, fetch: Fetch<'_>) -> Result<kernel::Body, Fault> {
        Ok(match self {
            Self::Text(text) => naestro_policy::body(text),
            Self::Base64(text) => naestro_policy::body(STANDARD.decode(text).map_err(|error| Fault::Malformed(error.to_string()))?),
            Self::Blob { digest, .. } => {
                let digest = parse_digest(&digest)?;
                kernel::Body { digest, bytes: fetch(&digest).map_err(Fault::Blob)? }
            }
        })
    }
}

impl Output {
    pub(super) fn from_kernel(output: kernel::Output, large: &mut Vec<kernel::Body>) -> Result<Self, Fault> {
        let kernel::Output { text, data } = output;
        Ok(Self { text: Body::from_kernel(text, large)?, data: data.map(|data| Body::from_kernel(data, large)).transpose()? })
    }

    pub(super) fn into_kernel(self, fetch: Fetch<'_>) -> Result<kernel::Output, Fault> {
        let data = self.data.map(|data| data.into_kernel(fetch)).transpose()?;
        Ok(kernel::Output { text: self.text.into_kernel(fetch)?, data })
    }
}

impl Call {
    pub(super) fn from_kernel(call: kernel::Call, large: &mut Vec<kernel::Body>) -> Result<Self, Fault> {
        let kernel::Call { id, tool, args } = call;
        Ok(Self { id, tool, args: Body::from_kernel(args, large)? })
    }

    pub(super) fn into_kernel(self, fetch: Fetch<'_>) -> Result<kernel::Call, Fault> {
        Ok(kernel::Call { id: self.id, tool: self.tool, args: self.args.into_kernel(fetch)? })
    }
}

/// A digest as 64 lower-case hexadecimal digits: the form that garbage collection looks for.
pub(crate) fn hex(digest: &Digest) -> String {
    blake3::Hash::from_bytes(digest.0).to_hex().to_string()
}

/// Reads a digest written by [`hex`].
///
/// # Errors
/// `Malformed` for any other text.
pub(crate) fn parse_digest(text: &str) -> Result<Digest, Fault> {
    Digest::parse(text).ok_or_else(|| Fault::Malformed(format!("`{text}` is no digest")))
}

/// Reads a run's id.
pub(super) fn parse_run(text: &str) -> Result<RunId, Fault> {
    RunId::parse(text).ok_or_else(|| Fault::Malformed(format!("`{text}` is no run id")))
}
