//! What a file's metadata was when it was hashed, so that an unchanged file costs one `stat`.
//!
//! Invariant: a digest is believed only if size, times, inode and kind are what they were, and only if the file had
//! rested for a while when it was hashed; a write in the same tick of the clock could otherwise go unseen.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use naestro_kernel::Digest;
use naestro_policy::digest_bytes;

use super::{Entry, Kind, escape, unescape};

/// How long a file must have rested before its digest is believed: several ticks of the kernel's clock, in nanoseconds.
const REST: i64 = 20_000_000;

const FIRST_LINE: &str = "naestro-stats 1";

/// Digests of files by path, with the metadata they hold for.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    seen: HashMap<PathBuf, Seen>,
    changed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    stat: Stat,
    digest: Digest,
    hashed: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    kind: Kind,
    size: u64,
    mtime: i64,
    ctime: i64,
    inode: u64,
}

impl Stats {
    /// Reads what [`Stats::save`] wrote; a file that is missing or malformed is an empty cache.
    pub(crate) fn load(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut lines = text.lines();
        let known = lines.next() == Some(FIRST_LINE);
        let seen = if known { lines.map_while(decode).collect() } else { HashMap::new() };
        Self { seen, changed: false }
    }

    /// Writes the digests of the files in `tree`, if any is new since [`Stats::load`].
    ///
    /// # Errors
    /// The error of the file system.
    pub(crate) fn save(&self, file: &Path, tree: &super::Manifest) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let mut text = format!("{FIRST_LINE}\n");
        for (path, seen) in tree.entries.keys().filter_map(|path| Some((path, self.seen.get(path)?))) {
            encode(path, seen, &mut text);
        }
        let temporary = file.with_extension(std::process::id().to_string());
        std::fs::write(&temporary, text)?;
        std::fs::rename(&temporary, file)
    }

    /// The entry of the file at `path` below `root`, whose metadata is `meta`; its content too, where it had to be read.
    ///
    /// # Errors
    /// The error of the file system.
    pub(crate) fn entry(&mut self, root: &Path, path: &Path, meta: &Metadata) -> io::Result<(Entry, Option<Vec<u8>>)> {
        let stat = Stat::of(meta);
        if let Some(seen) = self.seen.get(path)
            && seen.stat == stat
            && stat.ctime.max(stat.mtime).saturating_add(REST) < seen.hashed
        {
            return Ok((stat.entry(seen.digest), None));
        }
        let hashed = now();
        let bytes = content(&root.join(path), stat.kind)?;
        let digest = digest_bytes(&bytes);
        self.seen.insert(path.to_path_buf(), Seen { stat, digest, hashed });
        self.changed = true;
        let size = bytes.len() as u64;
        Ok((Entry { size, ..stat.entry(digest) }, Some(bytes)))
    }
}

/// The bytes of a file, or the target of a link.
///
/// # Errors
/// The error of the file system.
pub(crate) fn content(path: &Path, kind: Kind) -> io::Result<Vec<u8>> {
    match kind {
        Kind::Link => Ok(std::fs::read_link(path)?.as_os_str().as_bytes().to_vec()),
        Kind::File | Kind::Executable => std::fs::read(path),
    }
}

/// What kind of entry metadata describes; `None` for folders, pipes, sockets and devices.
pub(crate) fn kind(meta: &Metadata) -> Option<Kind> {
    if meta.is_symlink() {
        Some(Kind::Link)
    } else if meta.is_file() {
        Some(if meta.mode() & 0o100 == 0 { Kind::File } else { Kind::Executable })
    } else {
        None
    }
}

/// When a file was modified, in nanoseconds since the Unix epoch.
pub(crate) fn mtime(meta: &Metadata) -> i64 {
    nanoseconds(meta.mtime(), meta.mtime_nsec())
}

impl Stat {
    fn of(meta: &Metadata) -> Self {
        Self {
            kind: kind(meta).unwrap_or(Kind::File),
            size: meta.size(),
            mtime: mtime(meta),
            ctime: nanoseconds(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
        }
    }

    fn entry(&self, digest: Digest) -> Entry {
        Entry { kind: self.kind, digest, size: self.size, mtime: self.mtime }
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn encode(path: &Path, seen: &Seen, text: &mut String) {
    use std::fmt::Write as _;
    let Stat { kind, size, mtime, ctime, inode } = seen.stat;
    // Writing to a string cannot fail.
    let _ = write!(text, "{} {} {size} {mtime} {ctime} {inode} {} ", kind.mode(), seen.digest, seen.hashed);
    escape(path, text);
    text.push('\n');
}

fn decode(line: &str) -> Option<(PathBuf, Seen)> {
    let mut parts = line.splitn(8, ' ');
    let kind = Kind::parse(parts.next()?)?;
    let digest = Digest::parse(parts.next()?)?;
    let size = parts.next()?.parse().ok()?;
    let mtime = parts.next()?.parse().ok()?;
    let ctime = parts.next()?.parse().ok()?;
    let inode = parts.next()?.parse().ok()?;
    let hashed = parts.next()?.parse().ok()?;
    Some((unescape(parts.next()?)?, Seen { stat: Stat { kind, size, mtime, ctime, inode }, digest, hashed }))
}
