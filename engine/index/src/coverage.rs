//! What coverage runs recorded: which test ran which lines, as coverage.py keeps it where it was asked for contexts
//! (`pytest --cov --cov-context=test`, or `dynamic_context = test_function`).
//!
//! Absent by design: LCOV, Cobertura and Go's profiles. They add up what all tests ran, and say of none what it did.
//!
//! Invariant: a record is only read, and its author is not trusted: it may lie about lines, which adds tests or leaves out guessed ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use url::Url;

use crate::index::below;
use crate::resolve::tree::{folder_of, folders_of, join};

/// The name of coverage.py's record, in the folder it was started in.
const NAME: &str = ".coverage";

/// A larger record is not read, in bytes.
const LARGEST: u64 = 1 << 30;

/// How many of the tables that are read are plain tables of plain columns. A repository may hold a record that someone else made, with
/// something that is carried out when it is read under these names.
const PLAIN: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' \
                     AND name IN ('context', 'file', 'line_bits', 'arc') \
                     AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(sqlite_schema.name) WHERE hidden != 0)";

/// What one coverage run recorded about some files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The record, relative to the root.
    pub path: String,
    /// When it was written, in seconds since the Unix epoch.
    pub taken: i64,
    /// What ran, as the record names it: a test with its part, or nothing for what no test ran. Lines are told by its place here.
    pub contexts: Vec<String>,
    /// The files it was asked about and knows, relative to the root.
    pub files: BTreeMap<String, Covered>,
}

/// What ran which lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// Whether the file has changed, or gone, since the record was written.
    pub is_stale: bool,
    /// The lines that each context ran, from 1.
    pub ran: BTreeMap<usize, BTreeSet<u32>>,
}

/// The records that know some of these files; those that cannot be read, or are older than what is checked out, are told by why.
pub(crate) fn coverage(root: &Path, files: &[String], checked_out: Option<SystemTime>) -> Vec<Result<Coverage, String>> {
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for file in files {
        folders.extend(folders_of(file));
    }
    let paths = folders.into_iter().map(|folder| if folder.is_empty() { NAME.to_owned() } else { format!("{folder}/{NAME}") });
    let read = |path: String| {
        let found = below(root, &path).filter(|found| found.is_file())?;
        let is_old = checked_out.is_some_and(|checked_out| Some(checked_out) > written(&found));
        let read = if is_old { Err("it is older than the last commit or checkout".to_owned()) } else { read(root, &path, &found, files) };
        let read = read.map_err(|error| format!("the coverage record {path} is not used: {error}"));
        Some(read).filter(|read| read.as_ref().map_or(true, |coverage| !coverage.files.is_empty()))
    };
    paths.filter_map(read).collect()
}

/// Opens a record such that nothing is written beside it and nothing in it is carried out.
fn open(record: &Path) -> Result<Connection, String> {
    let told = |error: rusqlite::Error| error.to_string();
    let size = record.metadata().map_err(|error| error.to_string())?.len();
    if size > LARGEST {
        return Err(format!("it is larger than {} MB", LARGEST >> 20));
    }
    let uri = Url::from_file_path(record).map_err(|()| "its path is not absolute".to_owned())?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let conn = Connection::open_with_flags(format!("{uri}?immutable=1"), flags).map_err(told)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(told)?;
    let tables: i64 = conn.query_row(PLAIN, [], |row| row.get(0)).map_err(told)?;
    if tables == 4 { Ok(conn) } else { Err("it has not the tables of coverage.py".to_owned()) }
}

fn read(root: &Path, path: &str, record: &Path, files: &[String]) -> Result<Coverage, String> {
    let conn = open(record)?;
    asked(&conn, root, path, record, files).map_err(|error| error.to_string())
}

fn asked(conn: &Connection, root: &Path, path: &str, record: &Path, files: &[String]) -> Result<Coverage, rusqlite::Error> {
    let mut coverage = Coverage { path: path.to_owned(), taken: written(record).map_or(0, seconds), ..Coverage::default() };
    let mut places: BTreeMap<i64, usize> = BTreeMap::new();
    let mut select = conn.prepare("SELECT id, context FROM context ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        places.insert(row.get(0)?, coverage.contexts.len());
        coverage.contexts.push(row.get(1)?);
    }
    let mut select = conn.prepare("SELECT id, path FROM file")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (id, named): (i64, String) = (row.get(0)?, row.get(1)?);
        // Relative ones are relative to where it was started.
        let file = match Path::new(&named).strip_prefix(root) {
            Ok(below) => below.to_str().unwrap_or_default().to_owned(),
            Err(_) if named.starts_with('/') => continue,
            Err(_) => join(folder_of(path), &named),
        };
        let ran = ran(conn, id, &places)?;
        // A file that was looked for and never loaded has no lines; nothing is known of it.
        if ran.is_empty() || !files.contains(&file) {
            continue;
        }
        let is_stale = written(&root.join(&file)).is_none_or(|changed| Some(changed) > written(record));
        let covered = coverage.files.entry(file).or_default();
        covered.is_stale = is_stale;
        ran.into_iter().for_each(|(context, lines)| covered.ran.entry(context).or_default().extend(lines));
    }
    Ok(coverage)
}

/// The lines of a file that each context ran: recorded as they are, or as steps from one to the next.
fn ran(conn: &Connection, file: i64, places: &BTreeMap<i64, usize>) -> Result<BTreeMap<usize, BTreeSet<u32>>, rusqlite::Error> {
    let mut ran: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    let mut select = conn.prepare("SELECT context_id, numbits FROM line_bits WHERE file_id = ?1")?;
    let mut rows = select.query([file])?;
    while let Some(row) = rows.next()? {
        let Some(place) = places.get(&row.get(0)?) else { continue };
        let bits: Vec<u8> = row.get(1)?;
        let set = (0_u32..)
            .zip(bits.iter())
            .flat_map(|(byte, bits)| (0..8).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| byte * 8 + bit));
        ran.entry(*place).or_default().extend(set);
    }
    let mut select = conn.prepare("SELECT context_id, fromno, tono FROM arc WHERE file_id = ?1")?;
    let mut rows = select.query([file])?;
    while let Some(row) = rows.next()? {
        let Some(place) = places.get(&row.get(0)?) else { continue };
        // Where code is entered and left stands for no line, and is negative.
        let ends = [row.get::<_, i64>(1)?, row.get(2)?];
        ran.entry(*place).or_default().extend(ends.into_iter().filter(|line| *line > 0).filter_map(|line| u32::try_from(line).ok()));
    }
    Ok(ran)
}

/// When a file was written; nothing where it is there no more.
fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
