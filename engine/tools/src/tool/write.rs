//! `write`: puts a whole file in place.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use naestro_kernel::{Class, ToolAccess};

use super::arguments::{Kind, required};
use super::{Answer, Call, Entry, Fault, Place, Stop};

pub(super) const TOOL: Entry = Entry {
    name: "write",
    about: "Writes a whole text file: a new one, with the folders it needs, or in place of one that is there. \
            To change a part of a file use edit.",
    fields: &[required("path", Kind::Text, "the file, relative to the workspace"), required("content", Kind::Text, "all it shall hold")],
    class: Class::Idempotent,
    access: ToolAccess::Write,
    for_agents: true,
    place: Place::Hands,
    run,
};

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let (asked, content) = (call.args.needed("path"), call.args.needed("content"));
    let path = call.root.writable(asked)?;
    let there = path.metadata().ok();
    if there.as_ref().is_some_and(|facts| !facts.is_file()) {
        return Err(Stop::refused(format!("{asked} is a folder or no regular file; use another path")));
    }
    let unchanged = there.as_ref().is_some_and(|facts| facts.len() == content.len() as u64)
        && fs::read(&path).is_ok_and(|old| old == content.as_bytes());
    if unchanged {
        return Ok(Answer::yes(format!("{asked} already holds exactly that")));
    }
    put(&path, content.as_bytes(), asked)?;
    let how = if there.is_some() { "replaced" } else { "made" };
    Ok(Answer::yes(format!("{how} {asked}: {} lines, {} bytes", content.lines().count(), content.len())))
}

/// Puts `content` at `path` all at once: whoever reads it sees the old file or the new one. The mode is kept.
pub(super) fn put(path: &Path, content: &[u8], asked: &str) -> Result<(), Stop> {
    replace(path, content).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
            Stop::refused(format!("{asked} lies below something that is no folder; use another path"))
        }
        std::io::ErrorKind::PermissionDenied => Stop::refused(format!("{asked} may not be written: {e}; use another path")),
        std::io::ErrorKind::InvalidFilename => Stop::refused(format!("{asked} has too long a name; use a shorter one")),
        _ => Fault::Broken(format!("write {asked}: {e}")).into(),
    })
}

fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().ok_or(std::io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mode = path.metadata().map(|facts| facts.permissions()).ok();
    // A new file gets what the umask leaves of 0666, as from any other program.
    let fresh = fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".naestro-").permissions(fresh).tempfile_in(folder)?;
    file.write_all(content)?;
    if let Some(mode) = mode {
        file.as_file().set_permissions(mode)?;
    }
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
