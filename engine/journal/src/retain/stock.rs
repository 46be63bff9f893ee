//! What the content store holds, and which blobs something needs.
//!
//! What refers to a blob is its digest, written as 64 hexadecimal digits: in a record, or in a blob that is a tree (its first
//! line is [`TREE`]) and is itself needed. Looking for the digits anywhere in the text keeps more than need be, never less.
//!
//! Invariant: only blobs that begin as trees do are read whole and checked; of all others the first bytes are enough.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use naestro_kernel::Digest;
use rusqlite::{Connection, params};

use crate::blob::Blobs;
use crate::error::Stop;
use crate::lease;

/// How a blob begins that refers to others.
const TREE: &[u8] = b"naestro-tree 1\n";

/// How long a file is kept that no digest names: a writer that died had begun it, or it is being written.
pub(super) const GRACE: Duration = Duration::from_secs(3600);

/// Every blob there is.
pub(super) struct Stock {
    pub(super) rows: BTreeMap<Digest, Small>,
    pub(super) files: Vec<Large>,
}

/// A blob in a row.
pub(super) struct Small {
    size: u64,
    tree: bool,
    /// Whether it goes if nothing needs it.
    pub(super) old: bool,
}

/// A file of the content store.
pub(crate) struct Large {
    pub(super) path: PathBuf,
    pub(super) digest: Option<Digest>,
    pub(super) size: u64,
    /// When it was written or wanted again.
    pub(super) modified: SystemTime,
    /// Whether it goes if nothing needs it.
    pub(super) old: bool,
}

impl Large {
    /// Removes the file, unless it was wanted again since stock was taken.
    pub(super) fn unlink(&self) -> io::Result<()> {
        if fs::metadata(&self.path)?.modified()? == self.modified { fs::remove_file(&self.path) } else { Ok(()) }
    }
}

impl Stock {
    /// Takes stock; what is younger than `grace` is not old.
    pub(super) fn take(conn: &Connection, blobs: &Blobs, grace: Duration) -> Result<Self, Stop> {
        Ok(Self { rows: rows(conn, grace)?, files: files(blobs, grace)? })
    }

    /// The needed blobs, each with the highest `rank` of the runs (by number) that need it.
    pub(super) fn needed(&self, conn: &Connection, blobs: &Blobs, rank: impl Fn(i64) -> usize) -> Result<BTreeMap<Digest, usize>, Stop> {
        let files: BTreeMap<Digest, &Large> = self.files.iter().filter_map(|file| Some((file.digest?, file))).collect();
        let known = |digest: &Digest| self.rows.contains_key(digest) || files.contains_key(digest);
        let mut open: BTreeSet<(usize, Digest)> = BTreeSet::new();
        let mut find = conn.prepare("SELECT place >> 32, record FROM events")?;
        let mut records = find.query([])?;
        while let Some(record) = records.next()? {
            let rank = rank(record.get(0)?);
            let text = record.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            open.extend(digests(text).filter(known).map(|digest| (rank, digest)));
        }
        let mut needed = BTreeMap::new();
        // The highest first: the rank a blob is reached with first is its own.
        while let Some((rank, digest)) = open.pop_last() {
            if needed.contains_key(&digest) {
                continue;
            }
            needed.insert(digest, rank);
            let tree = self.rows.get(&digest).map(|row| row.tree);
            if !tree.unwrap_or_else(|| files.get(&digest).is_some_and(|file| Blobs::begins_with(&file.path, TREE))) {
                continue;
            }
            // A blob that is damaged keeps nothing; verification tells of it.
            let Ok(bytes) = blobs.get(conn, &digest) else { continue };
            open.extend(digests(&bytes).filter(|digest| known(digest) && !needed.contains_key(digest)).map(|digest| (rank, digest)));
        }
        Ok(needed)
    }

    /// The bytes each blob gives back when nothing needs it any more.
    pub(super) fn sizes(&self) -> BTreeMap<Digest, u64> {
        let rows = self.rows.iter().filter(|(_, row)| row.old).map(|(digest, row)| (*digest, row.size));
        let files = self.files.iter().filter(|file| file.old).filter_map(|file| Some((file.digest?, file.size)));
        let mut sizes = BTreeMap::new();
        for (digest, size) in rows.chain(files) {
            *sizes.entry(digest).or_default() += size;
        }
        sizes
    }
}

fn rows(conn: &Connection, grace: Duration) -> Result<BTreeMap<Digest, Small>, Stop> {
    let mut find = conn.prepare("SELECT digest, kept, length(bytes), substr(bytes, 1, ?1) = ?2 FROM blobs")?;
    let now = lease::now();
    let rows = find.query_map(params![TREE.len() as i64, TREE], |row| {
        let age = now.saturating_sub(row.get::<_, i64>(1)?.cast_unsigned());
        let old = age >= grace.as_millis() as u64;
        Ok((Digest(row.get(0)?), Small { size: row.get::<_, i64>(2)?.cast_unsigned(), tree: row.get(3)?, old }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn files(blobs: &Blobs, grace: Duration) -> Result<Vec<Large>, Stop> {
    let now = SystemTime::now();
    let mut found = Vec::new();
    for (path, digest) in blobs.files()? {
        // One that another process has just removed, or renamed, is not there.
        let Ok(meta) = fs::metadata(&path) else { continue };
        let modified = meta.modified()?;
        let age = now.duration_since(modified).unwrap_or_default();
        let old = age >= if digest.is_some() { grace } else { GRACE };
        found.push(Large { path, digest, size: meta.len(), modified, old });
    }
    Ok(found)
}

/// Every run of 64 hexadecimal digits in a text, read as a digest.
fn digests(text: &[u8]) -> impl Iterator<Item = Digest> {
    let words = text.split(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    words.flat_map(|word| word.windows(64)).filter_map(|word| Digest::parse(std::str::from_utf8(word).ok()?))
}
