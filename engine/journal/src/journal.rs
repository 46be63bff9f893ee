//! The journal as the ports see it: writes go to the writer, reads to connections of their own.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use naestro_kernel::{Digest, Event, RunId};
use naestro_policy::digest_bytes;
use naestro_policy::port::{Answer, Contents, Durability, Journal, JournalError, Letter, RunEntry};
use rusqlite::Connection;

use crate::append::Books;
use crate::blob::{self, Blobs};
use crate::checkpoint::Checkpoint;
use crate::error::{Stop, corrupt, io, sql};
use crate::lease::{self, Lease, Owner, Standing};
use crate::read::{self, Row};
use crate::record::{self, Fault, INLINE, Written};
use crate::schema;
use crate::stats::Stats;
use crate::verify;
use crate::writer::{Need, Writer};

/// How often the journal is looked at for changes of other processes, while anyone waits for one.
const LOOK: Duration = Duration::from_millis(20);

/// Connections for reading that are kept for the next reader.
const READERS: usize = 4;

/// The journal and content store in one folder.
///
/// Calls that append are submitted when they are made, in that order, whether or not their futures are polled.
pub struct SqliteJournal {
    home: PathBuf,
    readers: Mutex<Vec<Connection>>,
    blobs: Arc<Blobs>,
    me: Owner,
    /// The writer, or why there is none.
    writer: Result<Writer, JournalError>,
    looked: tokio::sync::Mutex<Looked>,
}

/// The last look for changes of other processes.
struct Looked {
    version: i64,
    at: Instant,
}

impl SqliteJournal {
    /// Opens the journal in `home`, making it (mode 0700) where there is none.
    ///
    /// A journal of a newer format, or on a disk that cannot be written, opens for reading: every write says why not.
    ///
    /// # Errors
    /// `Unavailable` if there is no journal and none can be made; `Corrupt` if the file there is none.
    pub fn open(home: &Path) -> Result<Self, JournalError> {
        let path = home.join("journal.db");
        let made = prepare(home, &path);
        match made.and_then(|()| schema::connect(&path)).and_then(|conn| Self::with_writer(home, conn)) {
            Ok(journal) => Ok(journal),
            // An empty file is what a full disk leaves of a journal that was about to be made: there is nothing to read in it.
            Err(why @ (JournalError::Newer(_) | JournalError::Unavailable(_))) if path.metadata().is_ok_and(|file| file.len() > 0) => {
                Self::reading(home, why)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the journal in `home` for reading alone; every write answers `Unavailable`.
    ///
    /// # Errors
    /// `Unavailable` if there is no journal; `Corrupt` if the file there is none.
    pub fn open_read_only(home: &Path) -> Result<Self, JournalError> {
        Self::reading(home, JournalError::Unavailable(String::from("it was opened for reading alone")))
    }

    /// What the writer of this journal has done; nothing where it only reads.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.writer.as_ref().map(Writer::stats).unwrap_or_default()
    }

    fn with_writer(home: &Path, conn: Connection) -> Result<Self, JournalError> {
        let me = Owner::new();
        let blobs = Arc::new(Blobs::new(home.join("blobs")));
        let books = Books::new(conn, Arc::clone(&blobs), me.clone(), Checkpoint::new(home));
        let version = books.data_version().map_err(Stop::into_error)?;
        let writer = Writer::start(books, &home.join("journal.db"))?;
        Ok(Self::assemble(home, blobs, me, Ok(writer), version))
    }

    fn reading(home: &Path, why: JournalError) -> Result<Self, JournalError> {
        let blobs = Arc::new(Blobs::new(home.join("blobs")));
        let journal = Self::assemble(home, blobs, Owner::new(), Err(why), 0);
        let version = journal.with_reader(|conn| schema::version(conn).map_err(|error| sql(&error)))?;
        if version == 0 { Err(corrupt(None, None, "the database has no tables")) } else { Ok(journal) }
    }

    fn assemble(home: &Path, blobs: Arc<Blobs>, me: Owner, writer: Result<Writer, JournalError>, version: i64) -> Self {
        let looked = tokio::sync::Mutex::new(Looked { version, at: Instant::now() });
        Self { home: home.to_path_buf(), readers: Mutex::default(), blobs, me, writer, looked }
    }

    pub(crate) fn writer(&self) -> Result<&Writer, JournalError> {
        self.writer.as_ref().map_err(Clone::clone)
    }

    /// The files of the content store.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The checkpoint file.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint::new(&self.home)
    }

    /// Submits a job to the writer.
    fn submit<T: Send + 'static>(
        &self,
        need: Need,
        work: impl FnOnce(&mut Books) -> Result<T, Stop> + Send + 'static,
    ) -> Answer<'static, Result<T, JournalError>> {
        match &self.writer {
            Ok(writer) => writer.submit(need, work),
            Err(why) => Box::pin(std::future::ready(Err(why.clone()))),
        }
    }

    /// Uses a connection for reading; it is one consistent state only within one statement.
    pub(crate) fn with_reader<T>(&self, read: impl FnOnce(&Connection) -> Result<T, JournalError>) -> Result<T, JournalError> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match kept {
            Some(conn) => conn,
            None => schema::connect_reader(&self.home.join("journal.db"))?,
        };
        let result = read(&conn);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(conn);
        }
        result
    }

    /// Reads in one transaction, so that all statements see one state.
    pub(crate) fn snapshot<T>(&self, read: impl FnOnce(&Connection) -> Result<T, JournalError>) -> Result<T, JournalError> {
        self.with_reader(|conn| {
            let transaction = conn.unchecked_transaction().map_err(|error| sql(&error))?;
            read(&transaction)
        })
    }

    fn show(&self, conn: &Connection, row: &Row) -> Result<RunEntry, JournalError> {
        let lease = Lease::find(conn, row.no).map_err(|error| sql(&error))?;
        let owned = lease.is_some_and(|lease| lease.standing(&self.me, lease::now()) == Standing::Held);
        read::entry(conn, row, owned).map_err(|error| sql(&error))
    }

    /// Looks for a change of another process, at most every [`LOOK`]; the number of the state that was seen.
    async fn look(&self) -> i64 {
        let mut looked = self.looked.lock().await;
        if looked.at.elapsed() >= LOOK {
            looked.at = Instant::now();
            let seen = match &self.writer {
                Ok(writer) => writer.submit(Need::Look, |books| books.data_version()).await,
                Err(_) => Ok(looked.version),
            };
            // Where the writer is gone, every other call says so; here nothing has changed.
            looked.version = seen.unwrap_or(looked.version);
        }
        looked.version
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        if self.writer.is_err() {
            self.me.retire();
        }
    }
}

impl Contents for SqliteJournal {
    fn put(&self, bytes: &[u8]) -> Result<Digest, JournalError> {
        let writer = self.writer()?;
        let digest = digest_bytes(bytes);
        if bytes.len() > INLINE {
            self.blobs.put(&digest, bytes).map_err(|error| io(&error))?;
        } else {
            let bytes = bytes.to_vec();
            writer.wait(Need::Write, move |books| Ok(blob::put_row(&books.conn, &digest, &bytes, lease::now())?))?;
        }
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Vec<u8>, JournalError> {
        self.with_reader(|conn| self.blobs.get(conn, digest))
    }

    fn has(&self, digest: &Digest) -> bool {
        self.with_reader(|conn| Ok(self.blobs.has(conn, digest))).unwrap_or(false)
    }
}

impl Journal for SqliteJournal {
    fn create(&self, entry: RunEntry, first: Vec<Event>) -> Answer<'_, Result<(), JournalError>> {
        match encode_all(entry.run, first) {
            Ok(first) if first.is_empty() => {
                Box::pin(std::future::ready(Err(corrupt(Some(entry.run), None, "a run begins with at least one event"))))
            }
            Ok(first) => self.submit(Need::Write, move |books| books.create(&entry, first)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn own(&self, run: RunId) -> Answer<'_, Result<bool, JournalError>> {
        self.submit(Need::Write, move |books| books.own(run))
    }

    fn release(&self, run: RunId, digest: Digest) -> Answer<'_, Result<(), JournalError>> {
        self.submit(Need::Barrier, move |books| books.release(run, &digest))
    }

    fn append(&self, run: RunId, events: Vec<Event>, durability: Durability) -> Answer<'_, Result<(), JournalError>> {
        let need = match durability {
            Durability::Buffered => Need::Write,
            Durability::Barrier => Need::Barrier,
        };
        match encode_all(run, events) {
            Ok(events) => self.submit(need, move |books| books.append(run, events)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn read(&self, run: RunId, from: u64, limit: usize) -> Result<Vec<Event>, JournalError> {
        self.snapshot(|conn| read::events(conn, run, from, limit, &|digest| self.blobs.get(conn, digest)))
    }

    fn entry(&self, run: RunId) -> Result<RunEntry, JournalError> {
        self.snapshot(|conn| self.show(conn, &read::row(conn, run)?))
    }

    fn list(&self, limit: usize) -> Result<Vec<RunEntry>, JournalError> {
        // One statement sees one state.
        self.with_reader(|conn| {
            let (runs, now) = (read::newest(conn, limit).map_err(|error| sql(&error))?, lease::now());
            let owned = |lease: Option<lease::Lease>| lease.is_some_and(|lease| lease.standing(&self.me, now) == Standing::Held);
            Ok(runs.into_iter().map(|(entry, lease)| RunEntry { owned: owned(lease), ..entry }).collect())
        })
    }

    fn state_digest(&self, run: RunId) -> Result<Option<Digest>, JournalError> {
        self.with_reader(|conn| read::row(conn, run)?.state_digest())
    }

    fn fork(&self, parent: RunId, index: u64, run: RunId, first: Event) -> Answer<'_, Result<(), JournalError>> {
        match encode(run, first) {
            Ok(first) => self.submit(Need::Write, move |books| books.fork(parent, index, run, first)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn post(&self, run: RunId, body: Vec<u8>) -> Answer<'_, Result<(), JournalError>> {
        self.submit(Need::Write, move |books| books.post(run, &body))
    }

    fn inbox(&self, run: RunId, after: u64) -> Answer<'_, Result<Vec<Letter>, JournalError>> {
        self.submit(Need::Look, move |books| books.inbox(run, after))
    }

    fn changed(&self) -> Answer<'_, ()> {
        // The state seen by the last look, from before the caller reads: a change between that and the wait is not missed.
        let seen = self.looked.try_lock().map(|looked| looked.version);
        Box::pin(async move {
            let seen = match seen {
                Ok(seen) => seen,
                Err(_) => self.looked.lock().await.version,
            };
            while self.look().await == seen {
                tokio::time::sleep(LOOK).await;
            }
        })
    }

    fn export(&self, run: RunId) -> Result<Vec<String>, JournalError> {
        self.snapshot(|conn| read::export(conn, run))
    }

    fn verify(&self, run: Option<RunId>) -> Result<Vec<JournalError>, JournalError> {
        verify::verify(self, run)
    }

    fn remove(&self, run: RunId) -> Result<(), JournalError> {
        self.writer()?.wait(Need::Barrier, move |books| books.remove(run))
    }

    fn sweep(&self, limit: u64) -> Answer<'_, Result<usize, JournalError>> {
        self.submit(Need::Barrier, move |books| books.sweep(limit))
    }
}

/// Makes the folder and an empty database, readable by their owner alone.
fn prepare(home: &Path, path: &Path) -> Result<(), JournalError> {
    let made = || -> std::io::Result<()> {
        if path.exists() {
            return Ok(());
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(home)?;
        fs::set_permissions(home, fs::Permissions::from_mode(0o700))?;
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        File::open(home)?.sync_all()
    };
    made().map_err(|error| io(&error))
}

fn encode_all(run: RunId, events: Vec<Event>) -> Result<Vec<Written>, JournalError> {
    events.into_iter().map(|event| encode(run, event)).collect()
}

fn encode(run: RunId, event: Event) -> Result<Written, JournalError> {
    record::encode(event).map_err(|fault: Fault| crate::error::fault(run, None, fault))
}
