//! What there is to say about a target, each fact with bytes that prove it.
//!
//! The way: the target's file is read anew, and its outline made of those bytes (`fresh`); the target is found in it (`target`); facts
//! are gathered role by role (`symbol`, `path`, `change`), each cited from bytes read now (`cite`); the work is bounded.
//!
//! Invariant: a citation's bytes were read for this answer and hold the fact's name. What could not be cited is left out and counted.

mod change;
mod cite;
mod fresh;
mod path;
mod symbol;
mod target;

use std::cell::RefCell;
use std::collections::BTreeMap;

use naestro_kernel::code::{Evidence, Fact, Fault, Role, Source, Target, Watch};

use self::cite::Pages;
use self::fresh::Fresh;
use self::target::Subject;
use crate::graph::Graph;
use crate::resolve::Resolver;
use crate::{Facts, History};

/// How many files that mention a name are looked at, the nearest first: an answer is wanted within 30 ms, and each costs a quarter of one.
const FILES_LOOKED_AT: usize = 40;

/// How many files are opened to judge which methods are meant without types.
const FILES_FOLLOWED: usize = 16;

/// What there is to say about a target, the nearest things first, bounded.
///
/// # Errors
/// `Unknown` with near misses; `Cancelled`; `Unavailable` where the folder or the index cannot be read.
pub fn evidence(facts: &dyn Facts, history: &dyn History, target: &Target, watch: &dyn Watch) -> Result<Evidence, Fault> {
    let fresh = Fresh::new(facts);
    if let Some(path) = target_path(target) {
        fresh.refresh(history, path)?;
    }
    let mut resolver = Resolver::new(&fresh, history)?;
    let mut subject = target::find(&resolver, history, target)?;
    let file = if let Subject::Symbol { node, .. } = &subject { resolver.tree.file(node.file).map(|file| file.path.clone()) } else { None };
    if let Some(path) = file
        && fresh.refresh(history, &path)?
    {
        resolver = Resolver::new(&fresh, history)?;
        subject = target::find(&resolver, history, target)?;
    }
    if let Subject::Symbol { node, .. } = &subject {
        fresh.stay_near(node.file);
    }
    let near = match &subject {
        Subject::Symbol { node, .. } => resolver.tree.file(node.file).map(|file| file.path.clone()),
        _ => None,
    };
    resolver.follow(FILES_FOLLOWED);
    let graph = Graph::bounded(resolver, FILES_LOOKED_AT, near.unwrap_or_default());
    let mut told = Told {
        graph: &graph,
        history,
        pages: Pages::new(history, fresh.read()),
        facts: Vec::new(),
        left_out: BTreeMap::new(),
        gaps: RefCell::default(),
    };
    let title = match subject {
        Subject::Symbol { node, title, others } => {
            told.gaps.borrow_mut().extend(others);
            symbol::tell(&mut told, node, watch)?;
            title
        }
        Subject::File { path } => path::tell_file(&mut told, &path)?,
        Subject::Folder { path } => path::tell_folder(&mut told, &path)?,
        Subject::Change { commit } => change::tell(&mut told, facts, commit, watch)?,
    };
    if graph.resolver.is_cut() {
        told.gap("not every type it has to do with was looked into, so methods may be missing");
    }
    Ok(told.finish(title))
}

fn target_path(target: &Target) -> Option<&str> {
    match target {
        Target::Path(path) | Target::Place { path, .. } | Target::Member { path, .. } => Some(path),
        _ => None,
    }
}

/// The facts as they are gathered.
struct Told<'a> {
    graph: &'a Graph<'a>,
    history: &'a dyn History,
    pages: Pages<'a>,
    facts: Vec<Fact>,
    left_out: BTreeMap<Role, usize>,
    gaps: RefCell<Vec<String>>,
}

impl Told<'_> {
    fn gap(&self, gap: impl Into<String>) {
        let gap = gap.into();
        let mut gaps = self.gaps.borrow_mut();
        if !gaps.contains(&gap) {
            gaps.push(gap);
        }
    }

    fn leave_out(&mut self, role: Role, count: usize) {
        if count > 0 {
            *self.left_out.entry(role).or_default() += count;
        }
    }

    /// Adds a fact that rests on code, or says that its file has changed meanwhile.
    fn cite(&mut self, role: Role, text: String, cited: Option<cite::Cited>, guess: bool) {
        match cited {
            Some(cited) => {
                let cite::Cited { citation, excerpt, name } = cited;
                self.facts.push(Fact { role, text, name, excerpt, source: Source::Code(citation), guess });
            }
            None => {
                self.leave_out(role, 1);
                self.gap("what changed while it was read is counted, not told; ask again");
            }
        }
    }

    /// The newest commits that changed these lines, or that there is no history.
    fn commits(&mut self, path: &str, lines: (u32, u32), limit: usize) -> Result<(), Fault> {
        let commits = self.history.commits(path, lines, limit)?;
        if commits.is_empty() {
            let why = if self.history.commit("HEAD").is_ok() { "no commit is known that changed it" } else { "no git history here" };
            self.gap(format!("{why}, so who changed it and when is not known"));
        }
        for commit in commits {
            let text = format!("{} ({})", commit.title, commit.author);
            let source = Source::Commit(commit.id);
            self.facts.push(Fact { role: Role::Commit, text, name: None, excerpt: String::new(), source, guess: false });
        }
        Ok(())
    }

    /// The files that often change together with one: each rests on the newest commit of that file.
    fn companions(&mut self, path: &str, limit: usize) -> Result<(), Fault> {
        let (companions, own) = self.history.companions(path, limit)?;
        if companions.is_empty() {
            return Ok(());
        }
        let Some(newest) = self.history.commits(path, (1, u32::MAX), 1)?.into_iter().next() else { return Ok(()) };
        for (other, times) in companions.into_iter().filter(|(_, times)| *times > 1) {
            let text = format!("{other} changed in {times} of the {own} commits that changed {path}");
            let source = Source::Commit(newest.id.clone());
            self.facts.push(Fact { role: Role::Companion, text, name: None, excerpt: String::new(), source, guess: false });
        }
        Ok(())
    }

    fn finish(mut self, title: String) -> Evidence {
        // What changed is what a change is about; of anything else there is no such fact.
        self.facts.sort_by_key(|fact| (fact.role > Role::Documentation && fact.role != Role::Change, fact.role));
        Evidence { title, facts: self.facts, left_out: self.left_out.into_iter().collect(), gaps: self.gaps.into_inner() }
    }
}

#[cfg(test)]
mod tests;
