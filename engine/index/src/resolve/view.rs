//! An outline made quick to ask: what it defines by name, where it mentions a name, what lies in what.
//!
//! Invariant: a view adds nothing to its outline; its tables are made when they are first asked for.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::{File, FileId, Import, Kind, Language, Mention, Outline, Symbol};

/// A file with its outline.
pub(crate) struct View {
    /// Its number.
    pub(crate) file: FileId,
    /// Its path.
    pub(crate) path: String,
    /// Its language.
    pub(crate) language: Option<Language>,
    /// What its syntax says.
    pub(crate) outline: Arc<Outline>,
    names: OnceCell<Vec<u32>>,
    symbols: OnceCell<Vec<u32>>,
    mentions: OnceCell<ByName>,
    inside: OnceCell<ByName>,
}

/// The numbers of things grouped by another number: those of group `g` are `order[starts[g]..starts[g + 1]]`.
struct ByName {
    starts: Vec<u32>,
    order: Vec<u32>,
}

impl ByName {
    /// Groups `0..groups.len()` by the group each is in; those in none are left out.
    fn new(count: usize, groups: &[Option<u32>]) -> Self {
        let mut starts = vec![0_u32; count + 1];
        let valid = || groups.iter().enumerate().filter_map(|(at, group)| Some((at, usize::try_from((*group)?).ok()?)));
        for (_, group) in valid().filter(|(_, group)| *group < count) {
            starts[group + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; starts.last().map_or(0, |last| *last as usize)];
        for (at, group) in valid().filter(|(_, group)| *group < count) {
            order[next[group] as usize] = u32::try_from(at).unwrap_or(u32::MAX);
            next[group] += 1;
        }
        Self { starts, order }
    }

    fn group(&self, group: u32) -> &[u32] {
        let bounds = (self.starts.get(group as usize), self.starts.get(group as usize + 1));
        let (Some(from), Some(to)) = bounds else { return &[] };
        &self.order[*from as usize..*to as usize]
    }
}

impl View {
    /// A view of a file's outline.
    pub(crate) fn new(file: &File, outline: Arc<Outline>) -> Self {
        Self {
            file: file.id,
            path: file.path.clone(),
            language: file.language,
            outline,
            names: OnceCell::new(),
            symbols: OnceCell::new(),
            mentions: OnceCell::new(),
            inside: OnceCell::new(),
        }
    }

    /// A symbol by its number.
    pub(crate) fn symbol(&self, number: u32) -> Option<&Symbol> {
        self.outline.symbols.get(number as usize)
    }

    /// A symbol's name; empty where there is none.
    pub(crate) fn name(&self, number: u32) -> &str {
        self.symbol(number).map_or("", |symbol| &symbol.name)
    }

    /// The numbers of the symbols of that name.
    pub(crate) fn defined(&self, name: &str) -> &[u32] {
        let symbols = &self.outline.symbols;
        let sorted = self.symbols.get_or_init(|| sorted_by(symbols.len(), |at| symbols[at].name.as_str()));
        range(sorted, name, |at| symbols[at].name.as_str())
    }

    /// The numbers of the mentions of that name.
    pub(crate) fn mentions_of(&self, name: &str) -> &[u32] {
        let names = &self.outline.names;
        let sorted = self.names.get_or_init(|| sorted_by(names.len(), |at| names[at].as_str()));
        let Some(number) = range(sorted, name, |at| names[at].as_str()).first() else { return &[] };
        let groups = || self.outline.mentions.iter().map(|mention| Some(mention.name)).collect::<Vec<_>>();
        self.mentions.get_or_init(|| ByName::new(names.len(), &groups())).group(*number)
    }

    /// The numbers of the mentions whose innermost symbol is that one.
    pub(crate) fn mentions_in(&self, symbol: u32) -> &[u32] {
        let groups = || self.outline.mentions.iter().map(|mention| mention.within).collect::<Vec<_>>();
        self.inside.get_or_init(|| ByName::new(self.outline.symbols.len(), &groups())).group(symbol)
    }

    /// A mention by its number.
    pub(crate) fn mention(&self, number: u32) -> Option<&Mention> {
        self.outline.mentions.get(number as usize)
    }

    /// What stands before a mention: nothing where it stands alone, the empty text where it is more than names.
    pub(crate) fn qualifier(&self, mention: &Mention) -> Option<&str> {
        mention.qualifier.map(|number| self.outline.name(number))
    }

    /// The symbol and what it lies in, innermost first.
    pub(crate) fn around(&self, symbol: Option<u32>) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(symbol, |at| self.symbol(*at)?.parent)
    }

    /// The symbols that lie directly in that one, or in none.
    pub(crate) fn children(&self, parent: Option<u32>) -> impl Iterator<Item = u32> + '_ {
        let first = parent.map_or(0, |parent| parent + 1);
        let end = parent.and_then(|parent| self.symbol(parent)).map_or(u32::MAX, |symbol| symbol.span.end);
        (first..)
            .zip(self.outline.symbols.get(first as usize..).unwrap_or_default())
            .take_while(move |(_, symbol)| symbol.span.start < end)
            .filter(move |(_, symbol)| symbol.parent == parent)
            .map(|(number, _)| number)
    }

    /// The symbols that lie in that one, however deep.
    pub(crate) fn below(&self, parent: u32) -> impl Iterator<Item = u32> + '_ {
        let end = self.symbol(parent).map_or(0, |symbol| symbol.span.end);
        (parent + 1..)
            .zip(self.outline.symbols.get(parent as usize + 1..).unwrap_or_default())
            .take_while(move |(_, symbol)| symbol.span.start < end)
            .filter(move |(number, _)| self.around(Some(*number)).any(|around| around == parent))
            .map(|(number, _)| number)
    }

    /// The numbers of the symbols that code can mean by that name: a script's tests and suites are named by texts.
    pub(crate) fn meant_by(&self, name: &str) -> impl Iterator<Item = u32> + Clone + '_ {
        let is_text = move |at: u32| {
            super::is_script(self.language) && self.symbol(at).is_some_and(|symbol| matches!(symbol.kind, Kind::Test | Kind::Suite))
        };
        self.defined(name).iter().copied().filter(move |at| !is_text(*at))
    }

    /// The name of the type a symbol is a member of.
    pub(crate) fn owner(&self, symbol: u32) -> Option<&str> {
        self.outline.owner(symbol)
    }

    /// The type whose code a place lies in: its symbol in this file where it is one, and its name.
    pub(crate) fn enclosing_type(&self, within: Option<u32>) -> Option<(Option<u32>, &str)> {
        self.around(within).find_map(|at| {
            let symbol = self.symbol(at)?;
            if symbol.kind.holds_members() {
                return Some((Some(at), symbol.name.as_str()));
            }
            Some((None, symbol.owner.as_deref()?))
        })
    }

    /// The import whose statement holds that byte.
    pub(crate) fn import_at(&self, byte: u32) -> Option<&Import> {
        self.outline.imports.iter().find(|import| import.span.start <= byte && byte < import.span.end)
    }

    /// The tests this file defines.
    pub(crate) fn tests(&self) -> impl Iterator<Item = u32> + '_ {
        (0_u32..).zip(&self.outline.symbols).filter(|(_, symbol)| symbol.kind == Kind::Test).map(|(number, _)| number)
    }
}

/// Whether symbols of that kind are code that runs when it is called.
pub(crate) fn is_callable(kind: Kind) -> bool {
    matches!(kind, Kind::Function | Kind::Method | Kind::Test | Kind::Macro)
}

/// Whether symbols of that kind are types.
pub(crate) fn is_type(kind: Kind) -> bool {
    matches!(kind, Kind::Struct | Kind::Class | Kind::Interface | Kind::Trait | Kind::Enum | Kind::Type | Kind::Suite)
}

fn sorted_by<'a>(count: usize, key: impl Fn(usize) -> &'a str) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
    order.sort_by(|a, b| key(*a as usize).cmp(key(*b as usize)).then(a.cmp(b)));
    order
}

fn range<'o, 'a>(order: &'o [u32], name: &str, key: impl Fn(usize) -> &'a str) -> &'o [u32] {
    let from = order.partition_point(|at| key(*at as usize) < name);
    let count = order[from..].iter().take_while(|at| key(**at as usize) == name).count();
    &order[from..from + count]
}
