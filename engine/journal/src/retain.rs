//! Retention: runs are removed, and with them every blob that nothing kept refers to.
//!
//! Invariant: blobs are collected inside the transaction that removes, and their files unlinked only once it is on the disk;
//! no blob goes that is younger than [`stock::GRACE`] while any live process owns a run: it may have been put for a record
//! that is not written yet.

mod stock;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use naestro_kernel::RunId;
use naestro_policy::port::JournalError;
use rusqlite::{Transaction, TransactionBehavior, params};

use crate::append::Books;
use crate::error::{Stop, io, sql};
use crate::lease::{self, Lease, Standing};
use crate::read::{self, Row};
use crate::schema::place;

pub(crate) use stock::Large;
use stock::Stock;

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
    ///
    /// As many are erased at a time as an estimate says, because a collection reads all that is kept.
    pub(crate) fn sweep(&mut self, limit: u64) -> Result<usize, Stop> {
        if self.size()? <= limit {
            return Ok(0);
        }
        self.collect()?;
        let mut removed = 0;
        loop {
            let excess = self.size()?.saturating_sub(limit);
            let oldest = if excess > 0 { self.oldest(excess)? } else { Vec::new() };
            if oldest.is_empty() {
                break;
            }
            for row in &oldest {
                self.erase(row)?;
            }
            self.collect()?;
            removed += oldest.len();
        }
        self.shrink()?;
        Ok(removed)
    }

    /// The oldest runs that may go, as many as give `excess` bytes back by estimate; fewer only where there are no more.
    fn oldest(&self, excess: u64) -> Result<Vec<Row>, Stop> {
        let mut ended = Vec::new();
        for row in read::rows(&self.conn)?.into_iter().rev() {
            if !row.hidden && row.outcome.is_some() && self.live_lease(row.no)?.is_none() {
                ended.push(row);
            }
        }
        if ended.is_empty() {
            return Ok(ended);
        }
        let mut left = excess;
        for (count, gain) in (1..).zip(self.gains(&ended)?) {
            left = left.saturating_sub(gain);
            if left == 0 {
                ended.truncate(count);
                break;
            }
        }
        Ok(ended)
    }

    /// The bytes that each of these runs gives back when it and all before it are erased, by estimate: a blob goes with the
    /// last run that needs it. What forks continue, and pages that stay in use, make it too many.
    fn gains(&self, runs: &[Row]) -> Result<Vec<u64>, Stop> {
        let rank: BTreeMap<i64, usize> = runs.iter().zip(0..).map(|(row, rank)| (row.no, rank)).collect();
        let stock = Stock::take(&self.conn, &self.blobs, self.grace()?)?;
        let sizes = stock.sizes();
        let mut gains = Vec::with_capacity(runs.len());
        let mut records = self.conn.prepare("SELECT coalesce(sum(length(record)), 0) FROM events WHERE place BETWEEN ?1 AND ?2")?;
        for row in runs {
            let range = [place(row.no, 0), place(row.no, u64::MAX)];
            gains.push(records.query_row(range, |sum| sum.get::<_, i64>(0))?.cast_unsigned());
        }
        for (digest, rank) in stock.needed(&self.conn, &self.blobs, |no| rank.get(&no).copied().unwrap_or(usize::MAX))? {
            if let (Some(gain), Some(size)) = (gains.get_mut(rank), sizes.get(&digest)) {
                *gain += size;
            }
        }
        Ok(gains)
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

    /// Deletes every blob that nothing kept refers to: rows now, files once the transaction is committed.
    fn collect(&mut self) -> Result<(), Stop> {
        self.collections += 1;
        let stock = Stock::take(&self.conn, &self.blobs, self.grace()?)?;
        let needed = stock.needed(&self.conn, &self.blobs, |_| 0)?;
        let mut delete = self.conn.prepare_cached("DELETE FROM blobs WHERE digest = ?1")?;
        for (digest, _) in stock.rows.iter().filter(|(digest, row)| row.old && !needed.contains_key(digest)) {
            delete.execute([&digest.0])?;
        }
        let loose = |file: &Large| file.old && !file.digest.is_some_and(|digest| needed.contains_key(&digest));
        self.doomed = stock.files.into_iter().filter(loose).collect();
        Ok(())
    }

    /// Unlinks the files that were collected; the transaction that collected them must be on the disk.
    ///
    /// It takes the write lock, so that no record is written meanwhile, and spares what was wanted again since. What it leaves
    /// the next collection finds.
    pub(crate) fn unlink(&mut self) -> Result<(), JournalError> {
        let doomed = std::mem::take(&mut self.doomed);
        if doomed.is_empty() {
            return Ok(());
        }
        let lock = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate).map_err(|error| sql(&error))?;
        for file in doomed {
            match file.unlink() {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(&error)),
                _ => {}
            }
        }
        lock.rollback().map_err(|error| sql(&error))
    }

    /// How long a blob is kept that nothing refers to.
    fn grace(&self) -> Result<Duration, Stop> {
        Ok(if self.someone_lives()? { stock::GRACE } else { Duration::ZERO })
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
    pub(crate) fn size(&self) -> Result<u64, Stop> {
        let pragma = |name: &str| self.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let pages = pragma("page_count")? - pragma("freelist_count")?;
        let database = (pages * pragma("page_size")?).cast_unsigned();
        let files = self.blobs.files()?;
        let all = files.iter().filter_map(|(path, _)| fs::metadata(path).ok()).fold(database, |sum, meta| sum + meta.len());
        // Their time comes with the commit.
        Ok(all.saturating_sub(self.doomed.iter().map(|file| file.size).sum()))
    }
}
