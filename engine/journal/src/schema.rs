//! The database: its tables, its settings, and how a connection to it is made.
//!
//! A run's events are one range of the table's key: `place = run number << 32 | index`. So an append touches one page, a
//! run reads as one scan, and no index is kept beside it.
//!
//! Invariant: every setting that durability rests on is read back after it was made.

use std::path::Path;
use std::time::Duration;

use naestro_policy::port::JournalError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{corrupt, sql};

/// The version of the tables written here; a database of a newer one is read and never written.
pub(crate) const FORMAT: i64 = 1;

/// `NSTR`: tells file(1), and us, whose database it is.
const APPLICATION: i64 = 0x4e53_5452;

/// How long a lock of another process is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE runs (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    session BLOB NOT NULL,
    workspace TEXT NOT NULL,
    title TEXT NOT NULL,
    opened INTEGER NOT NULL,
    parent INTEGER,                     -- the number of the run it continues
    base INTEGER NOT NULL,              -- the index of its first own event
    outcome TEXT,
    state BLOB,                         -- the state's digest at the last release,
    state_events INTEGER,               -- the number of events it was folded from,
    seal BLOB,                          -- and what binds the two to the run
    hidden INTEGER NOT NULL DEFAULT 0   -- removed, but a fork continues it
) STRICT;
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE TABLE events (place INTEGER PRIMARY KEY, at INTEGER NOT NULL, chain BLOB NOT NULL, record BLOB NOT NULL) STRICT;
CREATE TABLE leases (
    run INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    pid INTEGER NOT NULL,               -- 0 once released
    instance INTEGER NOT NULL,          -- which journal of that process
    birth TEXT NOT NULL,                -- when that process started, as the system counts it
    boot TEXT NOT NULL,                 -- the boot and process-id space in which pid means something
    beat INTEGER NOT NULL               -- the last sign of life, in milliseconds since the Unix epoch
) STRICT;
CREATE TABLE letters (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX letters_by_run ON letters (run);
CREATE TABLE blobs (digest BLOB PRIMARY KEY, kept INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
";

/// The number under which an event is kept.
pub(crate) fn place(no: i64, index: u64) -> i64 {
    (no << 32) | i64::try_from(index & 0xffff_ffff).unwrap_or_default()
}

/// The index of an event in its run, from the number it is kept under.
pub(crate) fn index(place: i64) -> u64 {
    u64::from(place.cast_unsigned() as u32)
}

/// Connects for writing; makes the tables where there are none yet.
///
/// # Errors
/// `Newer` for a database of a newer format, `Unavailable` for one that can only be read: nothing was changed then.
pub(crate) fn connect(path: &Path) -> Result<Connection, JournalError> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| sql(&error))?;
    // SQLite does not fail here, nor where a transaction begins.
    if conn.is_readonly("main").map_err(|error| sql(&error))? {
        return Err(JournalError::Unavailable(String::from("its disk or its files can only be read")));
    }
    match version(&conn).map_err(|error| sql(&error))? {
        0 => create(&conn).map_err(|error| sql(&error))?,
        FORMAT => {}
        newer => return Err(JournalError::Newer(format!("the database is of format {newer}, this program writes {FORMAT}"))),
    }
    settle(&conn)?;
    Ok(conn)
}

/// Connects for reading.
pub(crate) fn connect_reader(path: &Path) -> Result<Connection, JournalError> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| sql(&error))
}

/// The format of the database; 0 if it has no tables yet.
pub(crate) fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let mut conn = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_handler(Some(wait))?;
    // A process that ends must not wait for a disk: the log stays as it is, whoever needs it smaller makes it so.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Waits for another process's lock in short naps: SQLite's own waits grow to 100 ms, a commit takes some 50 us.
#[expect(clippy::disallowed_methods, reason = "the lock is another process's, and says nothing when it is free")]
fn wait(tries: i32) -> bool {
    let nap = Duration::from_micros(50).saturating_mul(u32::try_from(tries).unwrap_or(0).min(40) + 1);
    let longest = Duration::from_millis(2);
    std::thread::sleep(nap);
    longest.saturating_mul(u32::try_from(tries).unwrap_or(u32::MAX)) < PATIENCE
}

fn create(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.execute_batch("BEGIN IMMEDIATE")?;
    // Another process may have made them while we waited.
    if version(conn)? == 0 {
        conn.execute_batch(TABLES)?;
        conn.pragma_update(None, "application_id", APPLICATION)?;
        conn.pragma_update(None, "user_version", FORMAT)?;
    }
    conn.execute_batch("COMMIT")
}

/// Makes the settings of a writing connection and reads each back.
fn settle(conn: &Connection) -> Result<(), JournalError> {
    let made = |name: &str, value: i64| -> rusqlite::Result<i64> {
        conn.pragma_update(None, name, value)?;
        conn.pragma_query_value(None, name, |row| row.get(0))
    };
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(|error| sql(&error))?;
    if mode != "wal" {
        return Err(corrupt(None, None, format!("the database keeps its log as `{mode}`, not as `wal`")));
    }
    let application: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(|error| sql(&error))?;
    if application != APPLICATION {
        return Err(corrupt(None, None, "the database is no journal of this program"));
    }
    for (name, value) in [("synchronous", 1), ("wal_autocheckpoint", 0), ("trusted_schema", 0), ("foreign_keys", 0)] {
        let got = made(name, value).map_err(|error| sql(&error))?;
        if got != value {
            return Err(JournalError::Unavailable(format!("the database set {name} to {got}, not to {value}")));
        }
    }
    Ok(())
}
