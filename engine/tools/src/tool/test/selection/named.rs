//! Tests that a person names: by a file or folder, by `file::name`, or by a part of a test's name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use similar::get_close_matches;

use super::super::case::{Case, Pick};
use super::Plan;
use crate::project::{self, Package};

/// The most near misses that are told.
const NEAR: usize = 5;

/// How alike a name must be to come near.
const ALIKE: f32 = 0.6;

/// What a person named.
pub(in super::super) struct Named {
    selectors: Vec<Selector>,
    /// Which of them some test matched.
    met: RefCell<BTreeSet<usize>>,
    /// Where the test begins that a selector's line lies in, by the selector.
    begins: RefCell<BTreeMap<usize, u32>>,
    /// The names of tests that were looked at, for near misses.
    seen: RefCell<BTreeSet<String>>,
}

/// One thing a person named.
struct Selector {
    text: String,
    /// The file or folder, where there is one of that name.
    path: Option<String>,
    /// The part of a name; empty where all tests of the path are meant.
    name: String,
    /// A line of the file: the test around it is meant.
    line: Option<u32>,
}

impl Selector {
    fn read(root: &Path, text: &str) -> Self {
        let plain = text.trim().trim_start_matches("./").trim_end_matches('/');
        let exists = |path: &str| !path.is_empty() && root.join(path).exists();
        if let Some((path, line)) = plain.rsplit_once(':')
            && let Ok(line) = line.parse()
            && exists(path)
        {
            return Self { text: text.to_owned(), path: Some(path.to_owned()), name: String::new(), line: Some(line) };
        }
        let (path, name) = match plain.split_once("::") {
            _ if exists(plain) => (Some(plain), ""),
            Some((path, name)) if exists(path) => (Some(path), name),
            _ => (None, plain),
        };
        Self { text: text.to_owned(), path: path.map(str::to_owned), name: name.to_owned(), line: None }
    }

    fn matches(&self, case: &Case, name: &str) -> bool {
        let in_path = |path: &String| case.path.as_deref().is_some_and(|of| project::is_below(path, of));
        self.path.as_ref().is_none_or(in_path) && (self.name.is_empty() || case.id.contains(&self.name) || name.contains(&self.name))
    }
}

impl Named {
    pub(in super::super) fn read(root: &Path, texts: &[&str]) -> Self {
        let selectors = texts.iter().map(|text| Selector::read(root, text)).collect();
        Self { selectors, met: RefCell::default(), begins: RefCell::default(), seen: RefCell::default() }
    }

    /// A package is asked unless every selector is a path it has nothing of.
    pub(super) fn plan(&self, packages: &[Package], at: usize) -> Plan {
        let holds = |path: &String| project::owners(packages, path).contains(&at) || project::is_below(path, &packages[at].dir);
        let may = self.selectors.iter().any(|selector| selector.path.as_ref().is_none_or(holds));
        if may { Plan::Some } else { Plan::None("none of its tests was named".into()) }
    }

    /// Turns lines of files into the tests around them, as the runner's lines tell: the last that begins at or before the line. Where
    /// the runner does not tell lines, the whole file is meant.
    pub(in super::super) fn settle_lines(&self, listed: &[Case]) {
        for (at, selector) in self.selectors.iter().enumerate() {
            let (Some(line), Some(path)) = (selector.line, &selector.path) else { continue };
            let begins = listed.iter().filter(|case| case.path.as_ref() == Some(path)).filter_map(|case| case.line);
            if let Some(begin) = begins.filter(|begin| *begin <= line).max() {
                self.begins.borrow_mut().insert(at, begin);
            }
        }
    }

    pub(super) fn reason(&self, case: &Case) -> Option<String> {
        let name = case.name.join("::");
        self.seen.borrow_mut().insert(case.name.last().unwrap_or(&case.id).clone());
        let matching: Vec<usize> =
            (0..self.selectors.len()).filter(|at| self.selectors[*at].matches(case, &name) && self.is_there(*at, case)).collect();
        let first = matching.first().map(|at| format!("it matches {}", self.selectors[*at].text));
        self.met.borrow_mut().extend(matching);
        first
    }

    /// Whether a test begins where the test around the selector's line does.
    fn is_there(&self, at: usize, case: &Case) -> bool {
        self.begins.borrow().get(&at).is_none_or(|begin| case.line == Some(*begin))
    }

    /// Whole files can be asked for without a list; a part of a name cannot.
    pub(super) fn picks(&self, packages: &[Package], package: &Package) -> Option<Vec<Pick>> {
        let file = |selector: &Selector| {
            let path = selector
                .path
                .clone()
                .filter(|path| selector.name.is_empty() && path.rsplit('/').next().is_some_and(|n| n.contains('.')))?;
            Some(Pick { path, name: vec![], id: None })
        };
        let mine = |pick: &Pick| project::owners(packages, &pick.path).into_iter().any(|at| std::ptr::eq(&raw const packages[at], package));
        let picks: Option<Vec<Pick>> = self.selectors.iter().map(file).collect();
        picks.map(|picks| picks.into_iter().filter(mine).collect())
    }

    /// What was named and is not there, each with what comes near.
    pub(in super::super) fn missing(&self) -> Vec<(String, String)> {
        let (met, seen) = (self.met.borrow(), self.seen.borrow());
        let names: Vec<&str> = seen.iter().map(String::as_str).collect();
        let missing = self.selectors.iter().enumerate().filter(|(at, _)| !met.contains(at));
        missing
            .map(|(_, selector)| {
                let own = selector.name.rsplit("::").next().unwrap_or(&selector.name);
                let near = get_close_matches(own, &names, NEAR, ALIKE);
                let near = if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
                (selector.text.clone(), format!("no test matches {:?}{near}", selector.text))
            })
            .collect()
    }

    /// How many things were named.
    pub(in super::super) fn count(&self) -> usize {
        self.selectors.len()
    }
}
