//! The store's facts, with the outlines of some files made anew from the bytes that are on disk now.
//!
//! Invariant: of a refreshed file every answer speaks of the same bytes, and the same are cited.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use naestro_kernel::code::Fault;

use crate::extract::outline;
use crate::{Definition, Facts, File, FileId, History, Kind, Outline};

/// Files larger than this are taken as the store knows them: what is cited of them is checked by name.
const LARGEST: usize = 512 * 1024;

/// How many definitions of one name are looked at: more are told apart by nothing but their place, and each opens a file.
const NAMESAKES: usize = 32;

/// What a file says now, and the BLAKE3 of the bytes that say it.
type Anew = (Arc<Outline>, [u8; 32]);

/// Facts of which some are newer than the store's.
pub(super) struct Fresh<'a> {
    stored: &'a dyn Facts,
    near: OnceCell<FileId>,
    places: OnceCell<HashMap<FileId, usize>>,
    anew: RefCell<BTreeMap<FileId, Anew>>,
    read: RefCell<HashMap<String, Rc<[u8]>>>,
}

impl<'a> Fresh<'a> {
    /// The store's facts as they are.
    pub(super) fn new(stored: &'a dyn Facts) -> Self {
        Self { stored, near: OnceCell::new(), places: OnceCell::new(), anew: RefCell::default(), read: RefCell::default() }
    }

    /// Makes a file's outline of the bytes it has now, where they are others than the store read, and says whether they are; does nothing where the store has no such file.
    pub(super) fn refresh(&self, history: &dyn History, path: &str) -> Result<bool, Fault> {
        let files = self.stored.files()?;
        let Ok(place) = files.binary_search_by(|file| file.path.as_str().cmp(path)) else { return Ok(false) };
        let file = &files[place];
        let Some(language) = file.language.filter(|_| file.note.is_empty() && !self.read.borrow().contains_key(path)) else {
            return Ok(false);
        };
        let Some(bytes) = history.bytes(path)?.filter(|bytes| bytes.len() <= LARGEST) else { return Ok(false) };
        let digest = *blake3::hash(&bytes).as_bytes();
        let is_known = self.stored.digest(file.id)? == Some(digest);
        if !is_known {
            self.anew.borrow_mut().insert(file.id, (Arc::new(outline(language, &bytes)), digest));
        }
        self.read.borrow_mut().insert(path.to_owned(), bytes.into());
        Ok(!is_known)
    }

    /// From now on tells of a name that many things have only those that lie nearest to a file; the first call decides.
    pub(super) fn stay_near(&self, file: FileId) {
        self.near.get_or_init(|| file);
    }

    /// Those nearest in the order of paths, which is the order they come in.
    fn nearest(&self, found: Vec<Definition>) -> Result<Vec<Definition>, Fault> {
        let Some(near) = self.near.get().filter(|_| found.len() > NAMESAKES) else { return Ok(found) };
        let files = self.stored.files()?;
        let places = self.places.get_or_init(|| files.iter().enumerate().map(|(place, file)| (file.id, place)).collect());
        let here = places.get(near);
        let before = found.partition_point(|definition| places.get(&definition.file) < here);
        let first = before.saturating_sub(NAMESAKES / 2).min(found.len() - NAMESAKES);
        Ok(found[first..first + NAMESAKES].to_vec())
    }

    /// The bytes of the files that were refreshed, by their paths.
    pub(super) fn read(&self) -> HashMap<String, Rc<[u8]>> {
        self.read.borrow().clone()
    }

    /// The store's answer, with what refreshed files hold instead of what they held; nothing is taken for a symbol that does not fit.
    fn patched<T: Ord>(&self, mut found: Vec<T>, file: impl Fn(&T) -> FileId, take: impl Fn(FileId, &Outline, u32) -> Option<T>) -> Vec<T> {
        let anew = self.anew.borrow();
        if anew.is_empty() {
            return found;
        }
        found.retain(|item| !anew.contains_key(&file(item)));
        for (id, (outline, _)) in anew.iter() {
            found.extend((0_u32..).zip(&outline.symbols).filter_map(|(number, _)| take(*id, outline, number)));
        }
        found.sort_unstable();
        found
    }
}

impl Facts for Fresh<'_> {
    fn files(&self) -> Result<Arc<[File]>, Fault> {
        self.stored.files()
    }

    fn outline(&self, file: FileId) -> Result<Arc<Outline>, Fault> {
        let anew = self.anew.borrow().get(&file).map(|(outline, _)| Arc::clone(outline));
        anew.map_or_else(|| self.stored.outline(file), Ok)
    }

    fn digest(&self, file: FileId) -> Result<Option<[u8; 32]>, Fault> {
        let anew = self.anew.borrow().get(&file).map(|(_, digest)| *digest);
        anew.map_or_else(|| self.stored.digest(file), |digest| Ok(Some(digest)))
    }

    fn named(&self, name: &str) -> Result<Vec<Definition>, Fault> {
        let take = |file, outline: &Outline, number: u32| {
            Definition::of(file, outline, number).filter(|_| outline.symbols[number as usize].name == name)
        };
        self.nearest(self.patched(self.stored.named(name)?, |definition| definition.file, take))
    }

    fn mentioning(&self, name: &str) -> Result<Vec<FileId>, Fault> {
        let mut found = self.stored.mentioning(name)?;
        let anew = self.anew.borrow();
        found.extend(anew.iter().filter(|(_, (outline, _))| outline.names.iter().any(|known| known == name)).map(|(file, _)| *file));
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn tests(&self) -> Result<Vec<(FileId, u32)>, Fault> {
        let take = |file, outline: &Outline, number: u32| (outline.symbols[number as usize].kind == Kind::Test).then_some((file, number));
        Ok(self.patched(self.stored.tests()?, |(file, _)| *file, take))
    }

    fn dynamic(&self) -> Result<Vec<FileId>, Fault> {
        self.stored.dynamic()
    }

    fn near(&self, name: &str, limit: usize) -> Result<Vec<String>, Fault> {
        self.stored.near(name, limit)
    }
}
