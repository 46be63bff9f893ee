//! The database: its tables, its settings, and how a connection to it is made.
//!
//! Nothing is synced: the file can be made anew. What a power cut may leave of it is found by the boot's name: a file that
//! another boot wrote is checked once, as a whole, before it is used.
//!
//! Invariant: a file of another format, other rules or another program is damage here, and the caller makes it anew.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::Trouble;
use crate::record::{FORMAT, RULES};

/// `NIDX`: tells file(1), and us, whose database it is.
const APPLICATION: i64 = 0x4e49_4458;

/// How long a lock of another process is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,          -- relative to the root
    stamp INTEGER NOT NULL,             -- of times, size and inode; 0 where they do not prove the bytes
    digest BLOB NOT NULL,               -- BLAKE3 of the bytes; empty where they were not read
    lines INTEGER NOT NULL,
    language INTEGER,
    dynamic INTEGER NOT NULL,           -- how many lines reach code by other ways than its name
    note TEXT NOT NULL                  -- why it has no outline
) STRICT;
CREATE TABLE outlines (file INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE names (
    name TEXT NOT NULL,
    file INTEGER NOT NULL,
    number INTEGER NOT NULL,
    what BLOB NOT NULL,                 -- what tells it from its namesakes
    PRIMARY KEY (name, file, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE tests (file INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (file, number)) STRICT, WITHOUT ROWID;
CREATE TABLE folders (
    path BLOB PRIMARY KEY,
    stamp INTEGER NOT NULL,
    apart INTEGER NOT NULL              -- whether it is a repository of its own, which is left out
) STRICT, WITHOUT ROWID;
CREATE TABLE rules (path BLOB PRIMARY KEY, stamp INTEGER NOT NULL) STRICT, WITHOUT ROWID; -- files that say what is ignored
CREATE VIRTUAL TABLE words USING fts5 (word, content='', contentless_delete=1, detail=none, tokenize=\"ascii tokenchars '_$~'\");
CREATE TABLE commits (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    place INTEGER,                      -- how many commits of HEAD's history are newer; nothing where it is not in it
    paths INTEGER NOT NULL              -- how many paths it changed
) STRICT;
CREATE TABLE touched (path BLOB NOT NULL, no INTEGER NOT NULL, PRIMARY KEY (path, no)) STRICT, WITHOUT ROWID;
CREATE INDEX touched_by_commit ON touched (no);
";

/// A connection to the database of one root.
pub(crate) struct Store {
    pub(crate) conn: Connection,
    /// Which file it is, so that one that was made anew meanwhile is told apart.
    file: (u64, u64),
}

impl Store {
    /// Connects, and makes the tables where there are none. The lock must be held.
    ///
    /// # Errors
    /// `Damaged` where the file is to be made anew; `Unavailable` where it cannot be read or written.
    pub(crate) fn open(path: &Path) -> Result<Self, Trouble> {
        let conn = connect(path)?;
        if conn.is_readonly("main")? {
            return Err(Trouble::Unavailable(format!("write the index {}: it can only be read", path.display())));
        }
        if version(&conn)? == 0 && is_empty(&conn)? {
            create(&conn)?;
        }
        settle(&conn)?;
        accept(&conn)?;
        let file = identity(path).ok_or_else(|| Trouble::Unavailable(format!("find the index {}", path.display())))?;
        Ok(Self { conn, file })
    }

    /// Whether the path still leads to this very file.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        identity(path) == Some(self.file)
    }

    /// When and by whom it was made: another database has other numbers.
    pub(crate) fn made(&self) -> Result<String, Trouble> {
        self.meta("made")?.ok_or_else(|| Trouble::Damaged(String::from("it does not say when it was made")))
    }

    /// What is noted under a key.
    pub(crate) fn meta(&self, key: &str) -> Result<Option<String>, Trouble> {
        let mut find = self.conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(find.query_row([key], |row| row.get(0)).optional()?)
    }

    /// Notes something under a key.
    pub(crate) fn set_meta(&self, key: &str, value: &str) -> Result<(), Trouble> {
        set_meta(&self.conn, key, value)
    }
}

/// Removes the database, so that the next one to open it makes it anew. The lock must be held.
pub(crate) fn discard(path: &Path) -> Result<(), Trouble> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Trouble::Unavailable(format!("remove the index {}: {error}", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn connect(path: &Path) -> Result<Connection, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)
        .map_err(|error| Trouble::Unavailable(format!("open the index {}: {error}", path.display())))?;
    conn.busy_timeout(PATIENCE)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Otherwise a statement is planned anew for every value it is given.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn version(conn: &Connection) -> Result<i64, Trouble> {
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn is_empty(conn: &Connection) -> Result<bool, Trouble> {
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

fn create(conn: &Connection) -> Result<(), Trouble> {
    // Most of what is read are outlines of some 10 KB: one page each instead of a chain of them.
    conn.pragma_update(None, "page_size", 16_384)?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "OFF")?;
    conn.execute_batch("BEGIN IMMEDIATE")?;
    conn.execute_batch(TABLES)?;
    // Larger segments of full text are merged less often; 2 MB is what a transaction of a first build holds.
    conn.execute("INSERT INTO words (words, rank) VALUES ('hashsize', 2097152)", [])?;
    set_meta(conn, "made", &format!("{:?} by {}", SystemTime::now(), std::process::id()))?;
    set_meta(conn, "rules", RULES)?;
    set_meta(conn, "boot", &boot())?;
    conn.pragma_update(None, "application_id", APPLICATION)?;
    conn.pragma_update(None, "user_version", FORMAT)?;
    conn.execute_batch("COMMIT")?;
    Ok(())
}

fn settle(conn: &Connection) -> Result<(), Trouble> {
    conn.pragma_update(None, "synchronous", "OFF")?;
    conn.pragma_update(None, "cache_size", -8_192)?;
    conn.pragma_update(None, "trusted_schema", "OFF")?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// Whether the file is one of ours, made by these rules, and whole.
fn accept(conn: &Connection) -> Result<(), Trouble> {
    let application: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION {
        return Err(Trouble::Damaged(String::from("it is no index of this program")));
    }
    let format = version(conn)?;
    if format != FORMAT {
        return Err(Trouble::Damaged(format!("it is of format {format}, this program writes {FORMAT}")));
    }
    let noted = |key: &str| conn.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get::<_, String>(0));
    if noted("rules")? != RULES {
        return Err(Trouble::Damaged(String::from("it was made by other rules or grammars")));
    }
    let boot = boot();
    if noted("boot")? != boot {
        let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(Trouble::Damaged(verdict));
        }
        set_meta(conn, "boot", &boot)?;
    }
    Ok(())
}

fn set_meta(conn: &Connection, key: &str, value: &str) -> Result<(), Trouble> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?.execute([key, value])?;
    Ok(())
}

/// The name of this boot; empty on systems that give it none, where a power cut shows only in what is read.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
