//! Who uses a symbol by name: every mention of the name, resolved once and kept by what it means.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use naestro_kernel::code::Fault;

use super::Graph;
use crate::resolve::tree::{folder_of, join, name_of, stem_of};
use crate::resolve::{Node, View, is_script};
use crate::{FileId, Language, Manner};

/// One use of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    /// The symbol, or the file, that mentions it.
    pub(crate) by: Node,
    /// The mention's number in that file.
    pub(crate) mention: u32,
    /// The mention's first byte.
    pub(crate) start: u32,
    /// Whether another thing of that name may be meant.
    pub(crate) guess: bool,
}

/// The uses of everything of one name.
#[derive(Default)]
pub(crate) struct Uses {
    by_target: HashMap<Node, Vec<Use>>,
    /// Other names under which things of this name are handed on.
    pub(crate) aliases: Vec<String>,
}

impl Uses {
    /// The uses that may mean that node.
    pub(crate) fn of(&self, node: Node) -> &[Use] {
        self.by_target.get(&node).map_or(&[], Vec::as_slice)
    }
}

impl Graph<'_> {
    /// The uses of everything of that name.
    pub(super) fn uses_of_name(&self, name: &str) -> Result<Rc<Uses>, Fault> {
        if let Some(known) = self.uses.borrow().get(name) {
            return Ok(Rc::clone(known));
        }
        let mut uses = Uses::default();
        let mut files = self.resolver.facts().mentioning(name)?;
        if files.len() > self.most.get() {
            files.sort_by_cached_key(|file| Reverse(self.nearness(*file)));
        }
        self.skipped.set(self.skipped.get() + files.len().saturating_sub(self.most.get()));
        for file in files.into_iter().take(self.most.get()) {
            let view = self.resolver.view(file)?;
            self.collect(&view, name, &mut uses)?;
            for import in view.outline.imports.iter().filter(|import| import.name == name && import.alias != name) {
                if import.alias.is_empty() || uses.aliases.contains(&import.alias) {
                    continue;
                }
                if import.exported {
                    uses.aliases.push(import.alias.clone());
                } else {
                    self.collect(&view, &import.alias, &mut uses)?;
                }
            }
        }
        let uses = Rc::new(uses);
        self.uses.borrow_mut().insert(name.to_owned(), Rc::clone(&uses));
        Ok(uses)
    }

    /// How many folders a file shares with the path that is asked about.
    fn nearness(&self, file: FileId) -> usize {
        let Some(file) = self.resolver.tree.file(file) else { return 0 };
        let shared = file.path.split('/').zip(self.near.split('/')).take_while(|(one, other)| one == other);
        shared.count()
    }

    /// Resolves every mention of a name in a file.
    pub(crate) fn collect(&self, view: &View, name: &str, uses: &mut Uses) -> Result<(), Fault> {
        for number in view.mentions_of(name) {
            let Some(mention) = view.mention(*number) else { continue };
            if mention.within.is_none() && view.import_at(mention.start).is_some() {
                continue;
            }
            let by = Node { file: view.file, symbol: mention.within };
            for candidate in self.resolver.resolve(view, *number)? {
                let found = Use { by, mention: *number, start: mention.start, guess: candidate.guess };
                uses.by_target.entry(candidate.node).or_default().push(found);
            }
        }
        Ok(())
    }

    /// The uses of what a script exports by default: importers name it as they like.
    pub(super) fn default_uses(&self, view: &View, symbol: u32) -> Result<Vec<Use>, Fault> {
        if !is_script(view.language) || !self.is_default(view, symbol)? {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for importer in self.importers(view.file)?.iter() {
            let other = self.resolver.view(*importer)?;
            for import in other
                .outline
                .imports
                .iter()
                .filter(|import| matches!(import.name.as_str(), "default" | "" | "*") && !import.alias.is_empty())
            {
                if self.resolver.import_files(&other, import)?.contains(&view.file) {
                    found.extend(mentions_outside_imports(&other, &import.alias));
                }
            }
        }
        Ok(found)
    }

    /// Whether a script exports that symbol as its default, or as all of it.
    fn is_default(&self, view: &View, symbol: u32) -> Result<bool, Fault> {
        let Some(own) = view.symbol(symbol).filter(|own| own.parent.is_none()) else { return Ok(false) };
        if own.marks.split(' ').any(|mark| mark == "default") {
            return Ok(true);
        }
        let at_top = |at: &&u32| view.mention(**at).is_some_and(|mention| mention.within.is_none() && mention.manner == Manner::Name);
        let starts: Vec<u32> =
            view.mentions_of(&own.name).iter().filter(at_top).filter_map(|at| view.mention(*at)).map(|mention| mention.start).collect();
        if starts.is_empty() {
            return Ok(false);
        }
        let text = self.resolver.text(&view.path)?;
        Ok(starts.iter().any(|start| {
            let before = text.get(..*start as usize).unwrap_or_default().trim_end();
            before.ends_with("export default") || before.strip_suffix('=').is_some_and(|left| left.trim_end().ends_with("module.exports"))
        }))
    }

    /// The files that import a file, or load it by importing something below it.
    pub(crate) fn importers(&self, file: FileId) -> Result<Rc<[FileId]>, Fault> {
        if let Some(known) = self.importers.borrow().get(&file) {
            return Ok(Rc::clone(known));
        }
        let view = self.resolver.view(file)?;
        let mut found = BTreeSet::new();
        for candidate in self.possible_importers(&view)? {
            let other = self.resolver.view(candidate)?;
            for import in &other.outline.imports {
                if candidate != file && self.resolver.import_files(&other, import)?.contains(&file) {
                    found.insert(candidate);
                    break;
                }
            }
        }
        if name_of(&view.path) == "__init__.py" {
            let below = self.resolver.tree.below(folder_of(&view.path));
            found.extend(below.iter().filter(|other| other.language == Some(Language::Python) && other.id != file).map(|other| other.id));
        }
        let found: Rc<[FileId]> = found.into_iter().collect();
        self.importers.borrow_mut().insert(file, Rc::clone(&found));
        Ok(found)
    }

    /// The files whose text names a file by its stem, or by its folder where the folder means it.
    fn possible_importers(&self, view: &View) -> Result<BTreeSet<FileId>, Fault> {
        let stem = stem_of(&view.path);
        let folder = folder_of(&view.path);
        let mut keys = vec![stem];
        let mut found = BTreeSet::new();
        if matches!(stem, "index" | "__init__" | "mod" | "lib" | "main" | "conftest") {
            keys.push(name_of(folder));
            let near = self.resolver.tree.below(folder).iter().filter(|file| file.language.is_some() && file.note.is_empty());
            found.extend(near.take(2_000).map(|file| file.id));
        }
        if view.language == Some(Language::Go) {
            keys = vec![name_of(folder)];
        }
        if let Some(package) = self.package_name(view)? {
            found.extend(self.resolver.facts().mentioning(&longest_part(&package))?);
        }
        for key in keys {
            let part = longest_part(key);
            if !part.is_empty() {
                found.extend(self.resolver.facts().mentioning(&part)?);
            }
        }
        Ok(found)
    }

    /// The name of the package that a script is the entrance of.
    fn package_name(&self, view: &View) -> Result<Option<String>, Fault> {
        if !is_script(view.language) || stem_of(&view.path) != "index" {
            return Ok(None);
        }
        let package = self.resolver.tree.package(&view.path);
        let text = self.resolver.text(&join(package, "package.json"))?;
        let name = text.split_once("\"name\"").and_then(|(_, rest)| rest.split('"').nth(1));
        Ok(name.map(str::to_owned))
    }
}

/// The mentions of a name in a file, each a use that is no guess.
fn mentions_outside_imports(view: &View, name: &str) -> Vec<Use> {
    let numbers = view.mentions_of(name).iter().filter_map(|number| Some((*number, view.mention(*number)?)));
    let outside = numbers.filter(|(_, mention)| mention.within.is_some() || view.import_at(mention.start).is_none());
    outside
        .map(|(number, mention)| Use {
            by: Node { file: view.file, symbol: mention.within },
            mention: number,
            start: mention.start,
            guess: false,
        })
        .collect()
}

/// The longest identifier in a text.
fn longest_part(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    parts.max_by_key(|part| part.len()).unwrap_or("").to_owned()
}
