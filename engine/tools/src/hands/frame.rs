//! What is said between the main process and the hands: length-prefixed JSON over a socket pair.
//!
//! Both ends are this same executable, so the form has no version; it is bounded because a command in the workspace can
//! make the hands say much.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest frame, in bytes.
const LONGEST: usize = 64 << 20;

/// What the main process says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// What the reply will be known by; each is used once.
    pub id: u64,
    /// What is wanted.
    pub ask: Ask,
}

/// What is wanted of the hands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Make the view; always first, once.
    Setup(Setup),
    /// Call a tool.
    Call {
        /// Its name.
        tool: String,
        /// Its arguments: JSON text.
        args: String,
        /// Whether it may change the workspace, so that it runs alone.
        write: bool,
        /// The longest it may take, in milliseconds.
        timeout: u64,
    },
    /// Run a command by `/bin/sh -c`, alone.
    Command {
        /// The command.
        command: String,
        /// The longest it may take, in milliseconds.
        timeout: u64,
    },
    /// Change files, in order.
    Apply(Vec<Change>),
    /// Stop what that request started. Has no reply of its own.
    Cancel(u64),
}

/// The view the hands work in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// Where the workspace is seen.
    pub root: PathBuf,
    /// The folder that contents to write are staged in.
    pub stage: PathBuf,
    /// The overlays to mount, in order; none for a plain copy.
    pub overlays: Vec<Overlay>,
}

/// One overlay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Overlay {
    /// The folder below.
    pub lower: PathBuf,
    /// Where changes go.
    pub upper: PathBuf,
    /// The overlay's own scratch folder, beside `upper`.
    pub work: PathBuf,
    /// Where it is seen.
    pub at: PathBuf,
}

/// One change to a file of the workspace.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    /// Its path, relative and escaped as in a manifest.
    pub path: String,
    /// What it shall be; `None` to remove it.
    pub write: Option<Written>,
}

/// What a file shall be.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Written {
    /// Its mode as git writes it.
    pub mode: String,
    /// The name of its content in the stage.
    pub staged: String,
    /// When it was modified, in nanoseconds since the Unix epoch.
    pub mtime: i64,
}

/// What the hands say.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// The request it answers.
    pub id: u64,
    /// The answer.
    pub said: Result<Said, Wrong>,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// The view is made, or the files are changed.
    Done,
    /// What a tool says.
    Answer {
        /// Whether it did what it was asked to.
        ok: bool,
        /// Its text.
        text: String,
        /// Its data: JSON.
        data: Option<serde_json::Value>,
    },
    /// How a command ended.
    Exit {
        /// Its exit code.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
        /// What it printed.
        output: String,
    },
}

/// Why there is no answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Wrong {
    /// It took longer than it was given.
    TimedOut,
    /// It was cancelled.
    Cancelled,
    /// A lowercase fragment that fits "failed to ...".
    Broken(String),
}

/// Writes one frame.
///
/// # Errors
/// `InvalidInput` if it is too long, and the error of the socket.
pub(crate) fn send<T: Serialize>(mut socket: impl Write, message: &T) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "send a frame of more than 64 MiB"));
    }
    frame[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    socket.write_all(&frame)
}

/// Reads one frame; `None` at the end of input.
///
/// # Errors
/// `InvalidData` if it is too long or malformed, and the error of the socket.
pub(crate) fn receive<T: DeserializeOwned>(mut socket: impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match socket.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "receive a frame of more than 64 MiB"));
    }
    let mut frame = vec![0; length];
    socket.read_exact(&mut frame)?;
    Ok(Some(serde_json::from_slice(&frame)?))
}
