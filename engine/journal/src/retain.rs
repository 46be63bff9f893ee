//! Retention: runs are removed, and with them every blob that nothing kept refers to.
//!
//! What refers to a blob is its digest, written as 64 hexadecimal digits: in a record, or in a blob that is a tree (its first
//! line is [`TREE`]) and is itself kept. Looking for the digits anywhere in the text keeps more than need be, never less.
//!
//! Invariant: blobs are collected inside the transaction that removes, and no blob younger than [`GRACE`] while any live
//! process owns a run: it may have been put for a record that is not written yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use naestro_kernel::{Digest, RunId};
use naestro_policy::port::JournalError;
use rusqlite::params;

use crate::append::Books;
use crate::error::Stop;
use crate::lease::{self, Lease, Standing};
use crate::read::{self, Row};
use crate::schema::place;

/// How a blob begins that refers to others.
const TREE: &[u8] = b"naestro-tree 1\n";

/// How long a blob is kept that nothing refers to, while it may yet be referred to.
const GRACE: Duration = Duration::from_secs(3600);

impl Books {
    /// Removes a run and every blob no other run holds; what a fork continues of it is kept, out of sight.
    pub(crate) fn remove(&mut self, run: RunId) -> Result<(), Stop> {
        let row = read::row(&self.conn, run)?;
        if let Some(lease) = self.live_lease(row.no)? {
            return Err(Stop::Refused(JournalError::Owned { pid: lease.pid() }));
        }
        self.erase(&row)?;
        self.collect()?;
        self.shrink()
    }

    /// Removes finished runs nobody owns, oldest first, until what is left takes no more than `limit` bytes.
    pub(crate) fn sweep(&mut self, limit: u64) -> Result<usize, Stop> {
        if self.size()? <= limit {
            return Ok(0);
        }
        let mut removed = 0;
        let mut rows = read::rows(&self.conn)?;
        while self.size()? > limit {
            let Some(row) = rows.pop() else { break };
            if row.hidden || row.outcome.is_none() || self.live_lease(row.no)?.is_some() {
                continue;
            }
            self.erase(&row)?;
            self.collect()?;
            removed += 1;
        }
        self.shrink()?;
        Ok(removed)
    }

    /// Gives pages nobody uses back to the file system.
    fn shrink(&self) -> Result<(), Stop> {
        Ok(self.conn.execute_batch("PRAGMA incremental_vacuum")?)
    }

    fn live_lease(&self, no: i64) -> Result<Option<Lease>, Stop> {
        let lease = Lease::find(&self.conn, no)?;
        Ok(lease.filter(|lease| lease.standing(&self.me, lease::now()) == Standing::Held))
    }

    /// Deletes a run's rows, or as many as no fork continues; then what it continued itself, if only it kept that.
    fn erase(&mut self, row: &Row) -> Result<(), Stop> {
        let mut struck = Vec::new();
        let mut next = Some(row.clone());
        while let Some(row) = next.take() {
            struck.push(row.run);
            self.conn.execute("DELETE FROM leases WHERE run = ?1", [row.no])?;
            self.conn.execute("DELETE FROM letters WHERE run = ?1", [row.no])?;
            let forked = self.conn.query_row("SELECT max(base) FROM runs WHERE parent = ?1", [row.no], |found| found.get(0))?;
            if let Some(kept) = Option::<i64>::map(forked, i64::cast_unsigned) {
                self.delete_events(row.no, kept.max(row.base))?;
                let hide = "UPDATE runs SET hidden = 1, outcome = NULL, state = NULL, state_events = NULL, seal = NULL WHERE no = ?1";
                self.conn.execute(hide, [row.no])?;
                continue;
            }
            self.delete_events(row.no, row.base)?;
            self.conn.execute("DELETE FROM runs WHERE no = ?1", [row.no])?;
            if let Some(parent) = row.parent {
                next = Some(read::by_number(&self.conn, parent)?).filter(|parent| parent.hidden);
            }
        }
        if self.struck.is_none() {
            self.struck = Some(self.notary.checkpoint.lock()?);
        }
        self.notary.strike(&struck).map_err(Stop::Broken)
    }

    fn delete_events(&self, no: i64, from: u64) -> Result<(), Stop> {
        let range = params![place(no, from), place(no, u64::MAX)];
        self.conn.execute("DELETE FROM events WHERE place BETWEEN ?1 AND ?2", range)?;
        Ok(())
    }

    /// Deletes every blob that nothing kept refers to.
    fn collect(&mut self) -> Result<(), Stop> {
        let rows = self.blob_rows()?;
        let files = self.blobs.files()?;
        let known: BTreeSet<Digest> = rows.keys().copied().chain(files.iter().filter_map(|(_, digest)| *digest)).collect();
        let kept = self.reachable(&known)?;
        let oldest = if self.someone_lives()? { GRACE } else { Duration::ZERO };
        let now = lease::now();
        for (digest, since) in &rows {
            if !kept.contains(digest) && now.saturating_sub(*since) >= oldest.as_millis() as u64 {
                self.conn.prepare_cached("DELETE FROM blobs WHERE digest = ?1")?.execute([&digest.0])?;
            }
        }
        for (path, digest) in &files {
            // A file without a digest is what a writer that died had begun, or is being written.
            let oldest = if digest.is_some() { oldest } else { GRACE };
            if !digest.is_some_and(|digest| kept.contains(&digest)) && age(path) >= oldest {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn blob_rows(&self) -> Result<BTreeMap<Digest, u64>, Stop> {
        let mut find = self.conn.prepare("SELECT digest, kept FROM blobs")?;
        let rows = find.query_map([], |row| Ok((Digest(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned())))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Which of the blobs there are a record refers to, or a tree that is referred to.
    fn reachable(&self, known: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>, Stop> {
        let mut open = BTreeSet::new();
        let mut find = self.conn.prepare("SELECT record FROM events")?;
        let mut records = find.query([])?;
        while let Some(record) = records.next()? {
            let text = record.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            open.extend(digests(text).filter(|digest| known.contains(digest)));
        }
        let mut kept = BTreeSet::new();
        while let Some(digest) = open.pop_first() {
            kept.insert(digest);
            // A blob that is damaged keeps nothing; verification tells of it.
            let Ok(bytes) = self.blobs.get(&self.conn, &digest) else { continue };
            if bytes.starts_with(TREE) {
                open.extend(digests(&bytes).filter(|digest| known.contains(digest) && !kept.contains(digest)));
            }
        }
        Ok(kept)
    }

    fn someone_lives(&self) -> Result<bool, Stop> {
        let mut find = self.conn.prepare("SELECT run FROM leases WHERE pid <> 0")?;
        let owned: Vec<i64> = find.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for no in owned {
            if self.live_lease(no)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The bytes the journal takes: used pages of the database, and the files of the content store.
    fn size(&self) -> Result<u64, Stop> {
        let pragma = |name: &str| self.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let pages = pragma("page_count")? - pragma("freelist_count")?;
        let database = (pages * pragma("page_size")?).cast_unsigned();
        let files = self.blobs.files()?;
        Ok(files.iter().filter_map(|(path, _)| fs::metadata(path).ok()).fold(database, |sum, meta| sum + meta.len()))
    }
}

/// How long ago a file was written or wanted again; nothing where that cannot be told.
fn age(path: &PathBuf) -> Duration {
    let written = fs::metadata(path).and_then(|meta| meta.modified());
    written.ok().and_then(|written| SystemTime::now().duration_since(written).ok()).unwrap_or_default()
}

/// Every run of 64 hexadecimal digits in a text, read as a digest.
fn digests(text: &[u8]) -> impl Iterator<Item = Digest> {
    let words = text.split(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    words.flat_map(|word| word.windows(64)).filter_map(|word| Digest::parse(std::str::from_utf8(word).ok()?))
}
