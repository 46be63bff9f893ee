//! The files of a repository as a tree: by path, by the end of a path, by folder, by the manifest they lie below.
//!
//! Invariant: nothing is read but the list of files.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::{File, FileId};

/// The names of files that make their folder a package.
pub(crate) const MANIFESTS: [&str; 13] = [
    "Cargo.toml",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "package.json",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "CMakeLists.txt",
    "deno.json",
    "meson.build",
    "Makefile",
];

/// The files of a repository.
pub(crate) struct Tree {
    files: Arc<[File]>,
    places: Vec<u32>,
    endings: RefCell<HashMap<String, Rc<[FileId]>>>,
    /// How much of a folder's path is its package's.
    packages: RefCell<HashMap<String, usize>>,
}

impl Tree {
    /// A tree of files that are in order of their paths.
    pub(crate) fn new(files: Arc<[File]>) -> Self {
        let count = files.iter().map(|file| file.id.0 as usize + 1).max().unwrap_or(0);
        let mut places = vec![u32::MAX; count];
        for (place, file) in (0_u32..).zip(files.iter()) {
            places[file.id.0 as usize] = place;
        }
        Self { files, places, endings: RefCell::default(), packages: RefCell::default() }
    }

    /// Every file, in order of paths.
    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// A file by its number.
    pub(crate) fn file(&self, id: FileId) -> Option<&File> {
        self.files.get(*self.places.get(id.0 as usize)? as usize)
    }

    /// A file by its path.
    pub(crate) fn find(&self, path: &str) -> Option<&File> {
        let place = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.files.get(place)
    }

    /// The first of these paths that is a file.
    pub(crate) fn first<I: IntoIterator<Item = String>>(&self, paths: I) -> Option<FileId> {
        paths.into_iter().find_map(|path| self.find(&path)).map(|file| file.id)
    }

    /// The files below a folder, however deep; all for the empty one.
    pub(crate) fn below(&self, folder: &str) -> &[File] {
        if folder.is_empty() {
            return &self.files;
        }
        let prefix = format!("{folder}/");
        let from = self.files.partition_point(|file| file.path.as_str() < prefix.as_str());
        let count = self.files[from..].partition_point(|file| file.path.starts_with(&prefix));
        &self.files[from..from + count]
    }

    /// The files that lie in that very folder.
    pub(crate) fn directly_in<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a File> {
        self.below(folder).iter().filter(move |file| folder_of(&file.path) == folder)
    }

    /// Whether there is anything below that folder.
    pub(crate) fn is_folder(&self, folder: &str) -> bool {
        !self.below(folder).is_empty()
    }

    /// The files whose path is that one or ends with it, at a `/`.
    pub(crate) fn ending(&self, end: &str) -> Rc<[FileId]> {
        if let Some(known) = self.endings.borrow().get(end) {
            return Rc::clone(known);
        }
        let ends = |path: &str| path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'));
        let found: Rc<[FileId]> = self.files.iter().filter(|file| ends(&file.path)).map(|file| file.id).collect();
        self.endings.borrow_mut().insert(end.to_owned(), Rc::clone(&found));
        found
    }

    /// The nearest folder at or above a file's that holds a file of one of those names.
    pub(crate) fn nearest<'a>(&self, path: &'a str, names: &[&str]) -> Option<&'a str> {
        folders_of(path).find(|folder| names.iter().any(|name| self.find(&join(folder, name)).is_some()))
    }

    /// The package a file belongs to: the nearest folder with a manifest, else the root.
    pub(crate) fn package<'a>(&self, path: &'a str) -> &'a str {
        let folder = folder_of(path);
        let known = self.packages.borrow().get(folder).copied();
        let length = known.unwrap_or_else(|| {
            let found = self.nearest(path, &MANIFESTS).map_or(0, str::len);
            self.packages.borrow_mut().insert(folder.to_owned(), found);
            found
        });
        &path[..length]
    }
}

/// The folder a path lies in; empty for the root.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The last part of a path without its extension.
pub(crate) fn stem_of(path: &str) -> &str {
    let name = name_of(path);
    name.split_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
}

/// The folders a path lies in, the nearest first, the root last.
pub(crate) fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder_of(path)), |folder| (!folder.is_empty()).then(|| folder_of(folder)))
}

/// A path in a folder; a name with `./` and `../` is followed. Above the root is the root.
pub(crate) fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a path lies below a folder; everything lies below the root.
pub(crate) fn lies_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
