//! The content store: bytes under their BLAKE3 digest, small ones in a row, large ones in a file.
//!
//! A file is named by the digest of its content. Where compression pays, it is a zstd file whose first frame, which zstd
//! skips, holds the digest of the rest: so a changed byte is found even where it would decompress to the same.
//!
//! Invariant: a file appears under its name whole or not at all, and what is read was checked against its digest.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use naestro_kernel::Digest;
use naestro_policy::digest_bytes;
use naestro_policy::port::JournalError;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::{corrupt, io as unavailable, sql};
use crate::record::hex;

/// The ending of a compressed file's name.
const PACKED: &str = "zst";

/// What a compressed file begins with: a zstd frame to be skipped that holds 32 bytes.
const FRAME: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];

/// The compression level: about as fast as the disk.
const LEVEL: i32 = 1;

/// Written files beyond this many are synced with their file system as a whole rather than one by one.
const SINGLY: usize = 4;

/// The files of the content store.
pub(crate) struct Blobs {
    dir: PathBuf,
    unsynced: Mutex<Unsynced>,
}

#[derive(Default)]
struct Unsynced {
    files: Vec<File>,
    dirs: BTreeSet<PathBuf>,
    many: bool,
}

impl Blobs {
    /// The store whose files are in `dir`; it is made when the first is written.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, unsynced: Mutex::default() }
    }

    /// Keeps bytes in a file; free if it is there already.
    pub(crate) fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        for path in self.paths(digest) {
            // A power cut can leave the name of a file whose bytes were never written.
            if fs::metadata(&path).is_ok_and(|meta| meta.len() > 0) {
                return File::options().append(true).open(&path)?.set_modified(std::time::SystemTime::now());
            }
        }
        let [plain, packed] = self.paths(digest);
        match pack(bytes)? {
            Some(short) => self.write(&packed, &short),
            None => self.write(&plain, bytes),
        }
    }

    /// The bytes under that digest, from their row or file.
    ///
    /// # Errors
    /// `Corrupt` if they are missing or damaged.
    pub(crate) fn get(&self, conn: &Connection, digest: &Digest) -> Result<Vec<u8>, JournalError> {
        let bytes = match row(conn, digest).map_err(|error| sql(&error))? {
            Some(bytes) => bytes,
            None => self.file(digest)?.ok_or_else(|| corrupt(None, None, format!("blob {digest} is missing")))?,
        };
        if digest_bytes(&bytes) == *digest { Ok(bytes) } else { Err(damaged(digest)) }
    }

    /// Whether there are bytes under that digest.
    pub(crate) fn has(&self, conn: &Connection, digest: &Digest) -> bool {
        let in_row =
            conn.prepare_cached("SELECT 1 FROM blobs WHERE digest = ?1").and_then(|mut find| find.exists([&digest.0])).unwrap_or(false);
        in_row || self.paths(digest).iter().any(|path| path.exists())
    }

    /// Brings every file written since the last call to the disk; returns how many syncs that took.
    pub(crate) fn sync(&self) -> io::Result<u64> {
        let Unsynced { files, dirs, many } = std::mem::take(&mut *self.unsynced.lock().unwrap_or_else(PoisonError::into_inner));
        if many {
            nix::unistd::syncfs(File::open(&self.dir)?)?;
            return Ok(1);
        }
        for file in &files {
            file.sync_data()?;
        }
        for dir in &dirs {
            File::open(dir)?.sync_all()?;
        }
        Ok((files.len() + dirs.len()) as u64)
    }

    /// Every file there is, by its path, with the digest its name says; `None` for a name that says none.
    pub(crate) fn files(&self) -> io::Result<Vec<(PathBuf, Option<Digest>)>> {
        let mut found = Vec::new();
        for dir in read_dir(&self.dir)? {
            if !dir.is_dir() {
                found.push((dir, None));
                continue;
            }
            let prefix = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            for path in read_dir(&dir)? {
                let digest = path.file_stem().and_then(|stem| Digest::parse(&format!("{prefix}{}", stem.to_string_lossy())));
                found.push((path, digest));
            }
        }
        Ok(found)
    }

    /// The checked bytes of one of [`Blobs::files`].
    pub(crate) fn check(path: &Path, digest: &Digest) -> Result<Vec<u8>, JournalError> {
        let bytes = fs::read(path).map_err(|error| unavailable(&error))?;
        let bytes = if path.extension().is_some_and(|ending| ending == PACKED) { unpack(&bytes) } else { Some(bytes) };
        bytes.filter(|bytes| digest_bytes(bytes) == *digest).ok_or_else(|| damaged(digest))
    }

    /// Whether the content of one of [`Blobs::files`] begins so; it is not checked, and one that cannot be read does not.
    pub(crate) fn begins_with(path: &Path, prefix: &[u8]) -> bool {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(path)?;
            let mut head = Vec::with_capacity(prefix.len());
            if path.extension().is_some_and(|ending| ending == PACKED) {
                file.seek(io::SeekFrom::Start(FRAME.len() as u64 + 32))?;
                zstd::stream::read::Decoder::new(file)?.take(prefix.len() as u64).read_to_end(&mut head)?;
            } else {
                file.take(prefix.len() as u64).read_to_end(&mut head)?;
            }
            Ok(head)
        };
        read().is_ok_and(|head| head == prefix)
    }

    fn file(&self, digest: &Digest) -> Result<Option<Vec<u8>>, JournalError> {
        self.paths(digest).iter().find(|path| path.exists()).map(|path| Self::check(path, digest)).transpose()
    }

    fn paths(&self, digest: &Digest) -> [PathBuf; 2] {
        let name = hex(digest);
        let plain = self.dir.join(&name[..2]).join(&name[2..]);
        let packed = plain.with_extension(PACKED);
        [plain, packed]
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let dir = path.parent().unwrap_or(&self.dir);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let temporary = self.dir.join(format!("new-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            fs::rename(&temporary, path)?;
            Ok(file)
        });
        let file = written.inspect_err(|_| {
            // Best effort: the reason we fail is likely the reason this fails.
            let _ = fs::remove_file(&temporary);
        })?;
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        unsynced.dirs.insert(dir.to_path_buf());
        if unsynced.files.len() < SINGLY {
            unsynced.files.push(file);
        } else {
            unsynced.many = true;
        }
        Ok(())
    }
}

/// Keeps bytes in a row; if they are there already, only notes that they were wanted again.
pub(crate) fn put_row(conn: &Connection, digest: &Digest, bytes: &[u8], now: u64) -> rusqlite::Result<()> {
    let mut put = conn.prepare_cached(
        "INSERT INTO blobs (digest, kept, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET kept = ?2 WHERE kept < ?2 - 60000",
    )?;
    put.execute(params![&digest.0, now.cast_signed(), bytes])?;
    Ok(())
}

fn row(conn: &Connection, digest: &Digest) -> rusqlite::Result<Option<Vec<u8>>> {
    conn.prepare_cached("SELECT bytes FROM blobs WHERE digest = ?1")?.query_row([&digest.0], |row| row.get(0)).optional()
}

fn damaged(digest: &Digest) -> JournalError {
    corrupt(None, None, format!("blob {digest} holds other bytes than its name says"))
}

/// The paths in a folder; none if it is not there.
fn read_dir(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Compresses bytes; `None` where that saves less than a tenth.
fn pack(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let short = zstd::bulk::compress(bytes, LEVEL)?;
    if short.len() + 40 > bytes.len() / 10 * 9 {
        return Ok(None);
    }
    Ok(Some([&FRAME[..], blake3::hash(&short).as_bytes(), &short].concat()))
}

/// Undoes [`pack`]; `None` for anything it did not make.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (named, short) = packed.strip_prefix(&FRAME)?.split_at_checked(32)?;
    if blake3::hash(short).as_bytes() != named {
        return None;
    }
    zstd::stream::decode_all(short).ok()
}
