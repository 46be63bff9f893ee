//! Who owns a run, and how it is proved that an owner is gone.
//!
//! An owner is named by its process id, that process's start, and the boot and process-id space in which the id means
//! something; so an id that was used again is never taken for the owner. Where nothing can be proved, a lease lapses after
//! [`LAPSE`] without a sign of life, and the fencing epoch keeps an owner out that was only asleep.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// How long a lease holds without a sign of life.
pub(crate) const LAPSE: Duration = Duration::from_secs(10);

/// How often an owner gives one.
pub(crate) const BEAT: Duration = Duration::from_secs(3);

/// The journals open in this process: an owner of our own process id that is not among them was dropped.
static OPEN: Mutex<BTreeSet<i64>> = Mutex::new(BTreeSet::new());
static NEXT: AtomicI64 = AtomicI64::new(1);

/// One open journal as an owner of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) pid: u32,
    instance: i64,
    birth: String,
    boot: String,
}

/// A lease as it stands in the database.
pub(crate) struct Lease {
    pub(crate) epoch: i64,
    owner: Owner,
    beat: u64,
}

/// Where a lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its owner let go.
    Free,
    /// Its owner is gone, or has not given a sign of life for too long.
    Lost,
    /// Its owner lives.
    Held,
}

impl Owner {
    /// A new owner in this process, alive until [`Owner::retire`].
    pub(crate) fn new() -> Self {
        let instance = NEXT.fetch_add(1, Ordering::Relaxed);
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(instance);
        let pid = std::process::id();
        Self { pid, instance, birth: birth(pid).unwrap_or_default(), boot: boot() }
    }

    /// Lets everyone in this process know that the owner is gone; other processes see that from the process's end.
    pub(crate) fn retire(&self) {
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.instance);
    }

    fn is_gone(&self, me: &Self) -> bool {
        if self.boot != me.boot || self.birth.is_empty() {
            return false;
        }
        if self.pid == me.pid && self.birth == me.birth {
            return !OPEN.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.instance);
        }
        birth(self.pid).as_ref() != Some(&self.birth)
    }
}

impl Lease {
    /// The lease of the run with that number.
    pub(crate) fn find(conn: &Connection, no: i64) -> rusqlite::Result<Option<Self>> {
        let mut find = conn.prepare_cached("SELECT epoch, pid, instance, birth, boot, beat FROM leases WHERE run = ?1")?;
        find.query_row([no], |row| Self::from_row(row, 0)).optional()
    }

    /// The lease whose columns begin at `first`, in the order that [`Lease::find`] asks for them.
    pub(crate) fn from_row(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let owner =
            Owner { pid: row.get(first + 1)?, instance: row.get(first + 2)?, birth: row.get(first + 3)?, boot: row.get(first + 4)? };
        Ok(Self { epoch: row.get(first)?, owner, beat: row.get::<_, i64>(first + 5)?.cast_unsigned() })
    }

    /// Where it stands, seen by `me` at `now`.
    pub(crate) fn standing(&self, me: &Owner, now: u64) -> Standing {
        if self.owner.pid == 0 {
            Standing::Free
        } else if self.owner.is_gone(me) || now.saturating_sub(self.beat) > LAPSE.as_millis() as u64 {
            Standing::Lost
        } else {
            Standing::Held
        }
    }

    /// The owner's process id; 0 if there is none.
    pub(crate) fn pid(&self) -> u32 {
        self.owner.pid
    }
}

/// Gives the lease of a run to `owner` under `epoch`.
pub(crate) fn grant(conn: &Connection, no: i64, epoch: i64, owner: &Owner, now: u64) -> rusqlite::Result<()> {
    let mut grant = conn.prepare_cached("INSERT OR REPLACE INTO leases VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    grant.execute(params![no, epoch, owner.pid, owner.instance, owner.birth, owner.boot, now.cast_signed()])?;
    Ok(())
}

/// Whether the run's lease still has that epoch.
pub(crate) fn holds(conn: &Connection, no: i64, epoch: i64) -> rusqlite::Result<bool> {
    let mut find = conn.prepare_cached("SELECT epoch FROM leases WHERE run = ?1")?;
    Ok(find.query_row([no], |row| row.get::<_, i64>(0)).optional()? == Some(epoch))
}

/// Gives a sign of life; false if the lease has another epoch by now.
pub(crate) fn beat(conn: &Connection, no: i64, epoch: i64, now: u64) -> rusqlite::Result<bool> {
    let mut beat = conn.prepare_cached("UPDATE leases SET beat = ?3 WHERE run = ?1 AND epoch = ?2")?;
    Ok(beat.execute(params![no, epoch, now.cast_signed()])? == 1)
}

/// Lets go of a run; the row stays, so that epochs never repeat.
pub(crate) fn let_go(conn: &Connection, no: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE leases SET pid = 0 WHERE run = ?1")?.execute([no])?;
    Ok(())
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// When a live process started, as the system counts it; `None` if there is no such process, or only its remains.
#[cfg(target_os = "linux")]
fn birth(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything; fields are counted after it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") { None } else { fields.nth(18).map(String::from) }
}

/// Elsewhere nothing can be proved: leases lapse.
#[cfg(not(target_os = "linux"))]
fn birth(_pid: u32) -> Option<String> {
    None
}

/// Names the boot and the process-id space, or is empty where they cannot be told.
fn boot() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{} {space}", boot.trim())
}
