//! The questions, answered from one consistent state of the database.
//!
//! Invariant: a snapshot sees what the database held when it was begun, whatever others write meanwhile.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use naestro_kernel::code::Fault;
use rusqlite::OptionalExtension as _;

use super::near::nearest;
use super::words::query;
use super::{Store, Trouble};
use crate::{Definition, Facts, File, FileId, Outline, record};

/// How much of the disk form of outlines is kept decoded, in bytes, before what was not asked for since is let go of.
const KEPT: usize = 8 << 20;

/// What was decoded, for everyone who asks about one root: what is known under a number never changes, nor do the files of a
/// state that was counted.
#[derive(Default)]
pub(crate) struct Decoded {
    outlines: Mutex<Outlines>,
    files: Mutex<Option<(u64, Arc<[File]>)>>,
}

#[derive(Default)]
struct Outlines {
    young: HashMap<FileId, (Arc<Outline>, usize)>,
    /// What was young before; whatever is asked for becomes young again.
    old: HashMap<FileId, (Arc<Outline>, usize)>,
    /// Of the young ones.
    size: usize,
}

impl Outlines {
    fn find(&mut self, file: FileId) -> Option<Arc<Outline>> {
        if let Some((outline, _)) = self.young.get(&file) {
            return Some(Arc::clone(outline));
        }
        let (outline, size) = self.old.remove(&file)?;
        self.keep(file, &outline, size);
        Some(outline)
    }

    fn keep(&mut self, file: FileId, outline: &Arc<Outline>, size: usize) {
        if self.size + size > KEPT {
            self.old = std::mem::take(&mut self.young);
            self.size = 0;
        }
        self.size += size;
        self.young.insert(file, (Arc::clone(outline), size));
    }
}

impl Decoded {
    fn find(&self, file: FileId) -> Option<Arc<Outline>> {
        self.outlines.lock().unwrap_or_else(PoisonError::into_inner).find(file)
    }

    fn keep(&self, file: FileId, outline: &Arc<Outline>, size: usize) {
        self.outlines.lock().unwrap_or_else(PoisonError::into_inner).keep(file, outline, size);
    }

    /// The files of a state, read where they are not those that were asked for last.
    fn files(&self, state: u64, read: impl FnOnce() -> Result<Vec<File>, Trouble>) -> Result<Arc<[File]>, Trouble> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, files)) = files.as_ref()
            && *of == state
        {
            return Ok(Arc::clone(files));
        }
        let read: Arc<[File]> = read()?.into();
        *files = Some((state, Arc::clone(&read)));
        Ok(read)
    }
}

/// One state of what is known.
pub(crate) struct Snapshot {
    store: Store,
    files: OnceCell<Arc<[File]>>,
    places: OnceCell<HashMap<FileId, usize>>,
    decoded: Arc<Decoded>,
    /// Damage that was met, told to the caller as a fault.
    damage: RefCell<Option<String>>,
}

impl Snapshot {
    /// Holds on to the state of now.
    pub(crate) fn begin(store: Store, decoded: Arc<Decoded>) -> Result<Self, Trouble> {
        store.conn.execute_batch("BEGIN")?;
        // The state is the one of the first statement that reads.
        store.generation()?;
        Ok(Self { store, files: OnceCell::new(), places: OnceCell::new(), decoded, damage: RefCell::default() })
    }

    /// Lets go of the state: the connection, or what was found to be damaged.
    pub(crate) fn end(self) -> Result<Store, Trouble> {
        if let Some(damage) = self.damage.into_inner() {
            return Err(Trouble::Damaged(damage));
        }
        self.store.end(false)?;
        Ok(self.store)
    }

    /// The connection it reads through.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Remembers damage, so that whoever ends the snapshot makes the database anew.
    pub(crate) fn noted<T>(&self, result: Result<T, Trouble>) -> Result<T, Fault> {
        result.map_err(|trouble| {
            if let Trouble::Damaged(what) = &trouble {
                *self.damage.borrow_mut() = Some(what.clone());
            }
            trouble.into()
        })
    }

    fn list(&self) -> Result<Arc<[File]>, Trouble> {
        if let Some(files) = self.files.get() {
            return Ok(Arc::clone(files));
        }
        let files = self.decoded.files(self.store.generation()?, || self.read_list())?;
        Ok(Arc::clone(self.files.get_or_init(|| files)))
    }

    fn read_list(&self) -> Result<Vec<File>, Trouble> {
        let mut select = self.store.conn.prepare_cached(
            "SELECT id, path, language, note FROM files UNION ALL \
             SELECT 0, path, NULL, 'a repository of its own, which is left out' FROM folders WHERE apart",
        )?;
        let mut rows = select.query([])?;
        let mut files = Vec::new();
        while let Some(row) = rows.next()? {
            let path = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let language = row.get::<_, Option<i64>>(2)?.map(record::language).transpose()?;
            let path = String::from_utf8_lossy(path).into_owned();
            files.push(File { id: FileId(row.get(0)?), path, language, note: row.get(3)? });
        }
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    fn read_outline(&self, file: FileId) -> Result<Arc<Outline>, Trouble> {
        if let Some(outline) = self.decoded.find(file) {
            return Ok(outline);
        }
        let mut select = self.store.conn.prepare_cached("SELECT body FROM outlines WHERE file = ?1")?;
        let body: Option<Vec<u8>> = select.query_row([file.0], |row| row.get(0)).optional()?;
        let outline = Arc::new(body.as_deref().map_or_else(|| Ok(Outline::default()), record::decode)?);
        self.decoded.keep(file, &outline, body.map_or(0, |body| body.len()));
        Ok(outline)
    }

    /// Puts what statements told into the order of paths.
    fn in_order<T>(&self, mut found: Vec<T>, file: impl Fn(&T) -> FileId) -> Result<Vec<T>, Trouble> {
        if found.len() > 1 {
            let files = self.list()?;
            let places = self.places.get_or_init(|| files.iter().enumerate().map(|(place, file)| (file.id, place)).collect());
            found.sort_by_key(|item| places.get(&file(item)).copied());
        }
        Ok(found)
    }

    fn numbers(&self, sql: &str, parameters: &[&str]) -> Result<Vec<FileId>, Trouble> {
        let mut select = self.store.conn.prepare_cached(sql)?;
        let found = select.query_map(rusqlite::params_from_iter(parameters), |row| row.get(0).map(FileId))?;
        self.in_order(found.collect::<Result<_, _>>()?, |file| *file)
    }

    fn read_digest(&self, file: FileId) -> Result<Option<[u8; 32]>, Trouble> {
        let mut select = self.store.conn.prepare_cached("SELECT digest FROM files WHERE id = ?1")?;
        let digest: Option<Vec<u8>> = select.query_row([file.0], |row| row.get(0)).optional()?;
        Ok(digest.and_then(|digest| digest.try_into().ok()))
    }

    fn definitions(&self, name: &str) -> Result<Vec<Definition>, Trouble> {
        let mut select = self.store.conn.prepare_cached("SELECT file, number, what FROM names WHERE name = ?1 ORDER BY file, number")?;
        let mut rows = select.query([name])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let what = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            found.push(record::decode_definition(FileId(row.get(0)?), row.get(1)?, what)?);
        }
        self.in_order(found, |definition| definition.file)
    }

    fn read_tests(&self) -> Result<Vec<(FileId, u32)>, Trouble> {
        let mut select = self.store.conn.prepare_cached("SELECT file, number FROM tests ORDER BY file, number")?;
        let found = select.query_map([], |row| Ok((FileId(row.get(0)?), row.get(1)?)))?;
        self.in_order(found.collect::<Result<_, _>>()?, |(file, _)| *file)
    }

    fn names(&self) -> Result<Vec<String>, Trouble> {
        let mut select = self.store.conn.prepare_cached("SELECT DISTINCT name FROM names")?;
        Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }
}

impl Facts for Snapshot {
    fn files(&self) -> Result<Arc<[File]>, Fault> {
        self.noted(self.list())
    }

    fn outline(&self, file: FileId) -> Result<Arc<Outline>, Fault> {
        self.noted(self.read_outline(file))
    }

    fn digest(&self, file: FileId) -> Result<Option<[u8; 32]>, Fault> {
        self.noted(self.read_digest(file))
    }

    fn named(&self, name: &str) -> Result<Vec<Definition>, Fault> {
        self.noted(self.definitions(name))
    }

    fn mentioning(&self, name: &str) -> Result<Vec<FileId>, Fault> {
        let Some(query) = query(name) else { return Ok(Vec::new()) };
        self.noted(self.numbers("SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid", &[&query]))
    }

    fn tests(&self) -> Result<Vec<(FileId, u32)>, Fault> {
        self.noted(self.read_tests())
    }

    fn dynamic(&self) -> Result<Vec<FileId>, Fault> {
        self.noted(self.numbers("SELECT id FROM files WHERE dynamic > 0 ORDER BY id", &[]))
    }

    fn near(&self, name: &str, limit: usize) -> Result<Vec<String>, Fault> {
        self.noted(self.names()).map(|names| nearest(name, names, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut outlines = Outlines::default();
        let outline = Arc::new(Outline::default());
        (0..40).for_each(|number| {
            outlines.keep(FileId(number), &outline, 1 << 20);
            assert!(outlines.find(FileId(0)).is_some());
            assert!(outlines.young.len() + outlines.old.len() <= 16);
        });
        assert!(outlines.find(FileId(1)).is_none());
        assert!(outlines.find(FileId(39)).is_some());
    }
}
