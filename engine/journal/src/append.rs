//! What the writer does inside a transaction: runs are made, taken, appended to and let go.
//!
//! Invariant: a job that is refused has changed nothing; a run is changed only while its lease has our epoch, which every
//! transaction looks at.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use naestro_kernel::{Digest, RunId};
use naestro_policy::port::{JournalError, Letter, RunEntry};
use rusqlite::{Connection, params};

use crate::blob::Blobs;
use crate::chain::{Genesis, Link, seal};
use crate::checkpoint::Checkpoint;
use crate::error::{Stop, corrupt};
use crate::lease::{self, Lease, Owner, Standing};
use crate::notary::Notary;
use crate::read::{self, Row};
use crate::record::Written;
use crate::retain::Large;
use crate::schema::place;

/// The writer's view of the journal, used by its thread alone.
pub(crate) struct Books {
    pub(crate) conn: Connection,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) me: Owner,
    pub(crate) owned: BTreeMap<RunId, Held>,
    pub(crate) notary: Notary,
    /// Keeps other processes from writing the checkpoint until the transaction that removes runs is over.
    pub(crate) struck: Option<File>,
    /// Files that nothing refers to once the transaction is committed, and that are unlinked then.
    pub(crate) doomed: Vec<Large>,
    /// How often blobs that nothing needs were looked for and deleted.
    pub(crate) collections: usize,
}

/// A run we own: what the next row needs.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) no: i64,
    pub(crate) epoch: i64,
    next: u64,
    head: Link,
    /// The last letter handed out; it and those before it are done with when the run is let go.
    delivered: u64,
}

impl Books {
    /// The books of a writer that owns nothing yet.
    pub(crate) fn new(conn: Connection, blobs: Arc<Blobs>, me: Owner, checkpoint: Checkpoint) -> Self {
        Self { conn, blobs, me, owned: BTreeMap::new(), notary: Notary::new(checkpoint), struck: None, doomed: Vec::new(), collections: 0 }
    }

    /// Makes a run, owned by us, with its first events.
    pub(crate) fn create(&mut self, entry: &RunEntry, first: Vec<Written>) -> Result<(), Stop> {
        self.insert(entry, None, first)
    }

    /// Makes a run that continues `parent` from after event `index`.
    pub(crate) fn fork(&mut self, parent: RunId, index: u64, run: RunId, first: Written) -> Result<(), Stop> {
        let row = read::row(&self.conn, parent)?;
        let Some(link) = read::link(&self.conn, &row, index)? else {
            return Err(Stop::Refused(corrupt(Some(parent), Some(index), "there is no such event to fork from")));
        };
        let entry = RunEntry { run, opened: first.at, ..row.clone().into_entry() };
        self.insert(&entry, Some((&row, index, link)), vec![first])
    }

    fn insert(&mut self, entry: &RunEntry, parent: Option<(&Row, u64, Link)>, first: Vec<Written>) -> Result<(), Stop> {
        let exists = self.conn.prepare_cached("SELECT 1 FROM runs WHERE id = ?1")?.exists([&entry.run.0])?;
        if exists {
            return Err(Stop::Refused(corrupt(Some(entry.run), None, "a run of this id is there already")));
        }
        let base = parent.as_ref().map_or(0, |(_, index, _)| index + 1);
        let mut insert = self
            .conn
            .prepare_cached("INSERT INTO runs (id, session, workspace, title, opened, parent, base) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        let parent_no = parent.as_ref().map(|(row, ..)| row.no);
        let opened = entry.opened.cast_signed();
        let base_column = base.cast_signed();
        insert.execute(params![&entry.run.0, &entry.session.0, entry.workspace, entry.title, opened, parent_no, base_column])?;
        drop(insert);
        let no = self.conn.last_insert_rowid();
        lease::grant(&self.conn, no, 1, &self.me, lease::now())?;
        let genesis = Genesis {
            run: entry.run,
            session: entry.session,
            workspace: &entry.workspace,
            title: &entry.title,
            opened: entry.opened,
            parent: parent.map(|(row, index, link)| (row.run, index, link)),
        };
        self.owned.insert(entry.run, Held { no, epoch: 1, next: base, head: genesis.link(), delivered: 0 });
        self.append(entry.run, first)
    }

    /// Appends events of a run we own.
    pub(crate) fn append(&mut self, run: RunId, events: Vec<Written>) -> Result<(), Stop> {
        let mut held = self.held(run)?;
        let mut insert = self.conn.prepare_cached("INSERT INTO events (place, at, chain, record) VALUES (?1, ?2, ?3, ?4)")?;
        for event in &events {
            for body in &event.large {
                self.blobs.put(&body.digest, &body.bytes)?;
            }
            held.head = held.head.next(run, held.next, event.at, &event.record);
            insert.execute(params![place(held.no, held.next), event.at.cast_signed(), &held.head.0, event.record])?;
            held.next += 1;
        }
        if let Some(outcome) = events.iter().rev().find_map(|event| event.outcome) {
            let mut end = self.conn.prepare_cached("UPDATE runs SET outcome = ?2 WHERE no = ?1")?;
            end.execute(params![held.no, read::outcome_text(outcome)])?;
        }
        drop(insert);
        self.owned.insert(run, held);
        Ok(())
    }

    /// Takes a run whose owner is gone; whether that owner died.
    pub(crate) fn own(&mut self, run: RunId) -> Result<bool, Stop> {
        let row = read::row(&self.conn, run)?;
        let now = lease::now();
        let lease = Lease::find(&self.conn, row.no)?;
        let standing = lease.as_ref().map_or(Standing::Free, |lease| lease.standing(&self.me, now));
        if standing == Standing::Held {
            return Err(Stop::Refused(JournalError::Owned { pid: lease.map_or(0, |lease| lease.pid()) }));
        }
        let Some((next, head)) = read::head(&self.conn, &row)? else {
            return Err(Stop::Refused(corrupt(Some(run), Some(row.base), "the run has no events")));
        };
        let epoch = lease.map_or(0, |lease| lease.epoch) + 1;
        lease::grant(&self.conn, row.no, epoch, &self.me, now)?;
        self.owned.insert(run, Held { no: row.no, epoch, next, head, delivered: 0 });
        Ok(standing == Standing::Lost)
    }

    /// Lets go of a run and records the digest of its state.
    pub(crate) fn release(&mut self, run: RunId, state: &Digest) -> Result<(), Stop> {
        let held = self.held(run)?;
        let mut update = self.conn.prepare_cached("UPDATE runs SET state = ?2, state_events = ?3, seal = ?4 WHERE no = ?1")?;
        update.execute(params![held.no, &state.0, held.next.cast_signed(), &seal(run, held.next, &state.0)])?;
        drop(update);
        lease::let_go(&self.conn, held.no)?;
        self.forget_letters(held.no, held.delivered)?;
        self.owned.remove(&run);
        Ok(())
    }

    /// Puts a letter into a run's inbox.
    pub(crate) fn post(&mut self, run: RunId, body: &[u8]) -> Result<(), Stop> {
        let row = read::row(&self.conn, run)?;
        self.conn.prepare_cached("INSERT INTO letters (run, body) VALUES (?1, ?2)")?.execute(params![row.no, body])?;
        Ok(())
    }

    /// The letters newer than `after`; those up to it are done with.
    pub(crate) fn inbox(&mut self, run: RunId, after: u64) -> Result<Vec<Letter>, Stop> {
        let held = self.held(run)?;
        let mut find = self.conn.prepare_cached("SELECT id, body FROM letters WHERE run = ?1 ORDER BY id")?;
        let letters: Vec<Letter> = find
            .query_map([held.no], |row| Ok(Letter { id: row.get::<_, i64>(0)?.cast_unsigned(), body: row.get(1)? }))?
            .collect::<Result<_, _>>()?;
        drop(find);
        let (done, new): (Vec<_>, Vec<_>) = letters.into_iter().partition(|letter| letter.id <= after);
        if !done.is_empty() {
            self.forget_letters(held.no, after)?;
        }
        if let (Some(last), Some(held)) = (new.last(), self.owned.get_mut(&run)) {
            held.delivered = held.delivered.max(last.id);
        }
        Ok(new)
    }

    /// A number that changes when another process, and only another, has changed the journal.
    pub(crate) fn data_version(&self) -> Result<i64, Stop> {
        Ok(self.conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    /// Gives a sign of life for every run we own; those another process took are dropped.
    pub(crate) fn beat(&mut self) -> Result<(), Stop> {
        let now = lease::now();
        let mut lost = Vec::new();
        for (run, held) in &self.owned {
            if !lease::beat(&self.conn, held.no, held.epoch, now)? {
                lost.push(*run);
            }
        }
        for run in lost {
            self.owned.remove(&run);
        }
        Ok(())
    }

    fn forget_letters(&self, no: i64, upto: u64) -> Result<(), Stop> {
        let mut forget = self.conn.prepare_cached("DELETE FROM letters WHERE run = ?1 AND id <= ?2")?;
        forget.execute(params![no, upto.cast_signed()])?;
        Ok(())
    }

    /// The run, if its lease still has our epoch.
    fn held(&mut self, run: RunId) -> Result<Held, Stop> {
        let Some(held) = self.owned.get(&run) else {
            read::row(&self.conn, run)?;
            return Err(Stop::Refused(JournalError::Fenced));
        };
        if lease::holds(&self.conn, held.no, held.epoch)? {
            return Ok(held.clone());
        }
        self.owned.remove(&run);
        Err(Stop::Refused(JournalError::Fenced))
    }
}
