//! The statements that write: what files say, which folders were seen, which rules decide what is ignored.
//!
//! Invariant: a file's rows are written and removed together, in one transaction.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{OptionalExtension as _, params};

use super::reading::{Reading, Said};
use super::{Store, Trouble};
use crate::{FileId, record};

/// Under which key the states of what is known are counted.
const GENERATION: &str = "generation";

/// A file that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) id: FileId,
    /// Of its times, size and inode when it was read.
    pub(crate) stamp: i64,
    /// BLAKE3 of its bytes; empty where they were not read.
    pub(crate) digest: Vec<u8>,
}

/// A folder that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) stamp: i64,
    /// Whether it is a repository of its own, which is left out.
    pub(crate) apart: bool,
}

/// Everything that a look at the disk is compared with, in order of paths.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) files: Vec<(Vec<u8>, Held)>,
    pub(crate) folders: Vec<(Vec<u8>, Folder)>,
    /// Files that say what is ignored, absolute; one that is missing has [`record::UNSURE`].
    pub(crate) rules: Vec<(Vec<u8>, i64)>,
}

impl Store {
    pub(crate) fn begin(&self) -> Result<(), Trouble> {
        Ok(self.conn.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Ends a transaction, keeping what was written or not. Does nothing where SQLite ended it by itself.
    pub(crate) fn end(&self, keep: bool) -> Result<(), Trouble> {
        if self.conn.is_autocommit() {
            return Ok(());
        }
        Ok(self.conn.execute_batch(if keep { "COMMIT" } else { "ROLLBACK" })?)
    }

    /// Writes in one transaction of its own.
    pub(crate) fn all_or_nothing(&self, write: impl FnOnce(&Self) -> Result<(), Trouble>) -> Result<(), Trouble> {
        self.begin()?;
        let written = write(self);
        let ended = self.end(written.is_ok());
        written.and(ended)
    }

    /// The state that was counted last.
    pub(crate) fn generation(&self) -> Result<u64, Trouble> {
        let generation = self.meta(GENERATION)?.unwrap_or_default();
        Ok(generation.parse().unwrap_or(0))
    }

    /// Counts another state.
    pub(crate) fn count_on(&self) -> Result<(), Trouble> {
        self.set_meta(GENERATION, &(self.generation()? + 1).to_string())
    }

    /// What is known, to be compared with the disk.
    pub(crate) fn known(&self) -> Result<Known, Trouble> {
        let mut files = self.conn.prepare_cached("SELECT path, id, stamp, digest FROM files")?;
        let file = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Held { id: FileId(row.get(1)?), stamp: row.get(2)?, digest: row.get(3)? }));
        let mut files: Vec<(Vec<u8>, Held)> = files.query_map([], file)?.collect::<Result<_, _>>()?;
        files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut folders = self.conn.prepare_cached("SELECT path, stamp, apart FROM folders ORDER BY path")?;
        let folder = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Folder { stamp: row.get(1)?, apart: row.get(2)? }));
        let folders = folders.query_map([], folder)?.collect::<Result<_, _>>()?;
        let mut rules = self.conn.prepare_cached("SELECT path, stamp FROM rules ORDER BY path")?;
        let rules = rules.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok(Known { files, folders, rules })
    }

    /// Writes what came of reading a file; how many bytes of source that was.
    pub(super) fn put(&self, reading: Reading) -> Result<usize, Trouble> {
        match reading {
            Reading::Gone(job) => job.held.map_or(Ok(0), |held| self.forget(held.id).map(|()| 0)),
            Reading::Same(job, stamp) => job.held.map_or(Ok(0), |held| self.restamp(held.id, stamp).map(|()| 0)),
            Reading::Fresh(job, said) => {
                job.held.map_or(Ok(()), |held| self.forget(held.id))?;
                self.insert(&job.path, &said).map(|()| said.size)
            }
        }
    }

    fn restamp(&self, id: FileId, stamp: i64) -> Result<(), Trouble> {
        self.conn.prepare_cached("UPDATE files SET stamp = ?2 WHERE id = ?1")?.execute(params![id.0, stamp])?;
        Ok(())
    }

    fn insert(&self, path: &[u8], said: &Said) -> Result<(), Trouble> {
        let sql = "INSERT INTO files (path, stamp, digest, lines, language, dynamic, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let language = said.language.map(record::number);
        self.conn.prepare_cached(sql)?.execute(params![path, said.stamp, said.digest, said.lines, language, said.dynamic, said.note])?;
        let id = self.conn.last_insert_rowid();
        if !said.outline.is_empty() {
            self.conn.prepare_cached("INSERT INTO outlines (file, body) VALUES (?1, ?2)")?.execute(params![id, said.outline])?;
        }
        let mut name = self.conn.prepare_cached("INSERT INTO names (name, file, number, what) VALUES (?1, ?2, ?3, ?4)")?;
        (0_u32..).zip(&said.names).try_for_each(|(number, (text, what))| name.execute(params![text, id, number, what]).map(drop))?;
        let mut test = self.conn.prepare_cached("INSERT INTO tests (file, number) VALUES (?1, ?2)")?;
        said.tests.iter().try_for_each(|number| test.execute(params![id, number]).map(drop))?;
        if !said.words.is_empty() {
            self.conn.prepare_cached("INSERT INTO words (rowid, word) VALUES (?1, ?2)")?.execute(params![id, said.words])?;
        }
        Ok(())
    }

    /// Removes everything that is known under a number.
    pub(crate) fn forget(&self, id: FileId) -> Result<(), Trouble> {
        let mut body = self.conn.prepare_cached("SELECT body FROM outlines WHERE file = ?1")?;
        let body: Option<Vec<u8>> = body.query_row([id.0], |row| row.get(0)).optional()?;
        if let Some(body) = body {
            let mut name = self.conn.prepare_cached("DELETE FROM names WHERE name = ?1 AND file = ?2 AND number = ?3")?;
            let outline = record::decode(&body)?;
            (0_u32..).zip(&outline.symbols).try_for_each(|(number, symbol)| name.execute(params![symbol.name, id.0, number]).map(drop))?;
        }
        for sql in [
            "DELETE FROM tests WHERE file = ?1",
            "DELETE FROM words WHERE rowid = ?1",
            "DELETE FROM outlines WHERE file = ?1",
            "DELETE FROM files WHERE id = ?1",
        ] {
            self.conn.prepare_cached(sql)?.execute([id.0])?;
        }
        Ok(())
    }

    pub(crate) fn set_folder(&self, path: &[u8], folder: Folder) -> Result<(), Trouble> {
        let sql = "INSERT OR REPLACE INTO folders (path, stamp, apart) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![path, folder.stamp, folder.apart])?;
        Ok(())
    }

    pub(crate) fn forget_folder(&self, path: &[u8]) -> Result<(), Trouble> {
        self.conn.prepare_cached("DELETE FROM folders WHERE path = ?1")?.execute([path])?;
        Ok(())
    }

    /// Replaces the files that say what is ignored.
    pub(crate) fn set_rules(&self, rules: &[(Vec<u8>, i64)]) -> Result<(), Trouble> {
        self.conn.execute("DELETE FROM rules", [])?;
        let mut insert = self.conn.prepare_cached("INSERT OR REPLACE INTO rules (path, stamp) VALUES (?1, ?2)")?;
        Ok(rules.iter().try_for_each(|(path, stamp)| insert.execute(params![path, stamp]).map(drop))?)
    }
}

/// A path below the root, as the system wants it.
pub(crate) fn absolute(root: &Path, path: &[u8]) -> std::path::PathBuf {
    if path.is_empty() { root.to_path_buf() } else { root.join(OsStr::from_bytes(path)) }
}
