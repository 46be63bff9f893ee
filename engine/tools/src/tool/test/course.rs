//! The course of a run: which runner is started for which packages, what is asked of it, and what is asked again.
//!
//! Invariant: every package that was asked for has exactly one result, and every test that was chosen has one too.

use std::collections::{BTreeMap, BTreeSet};

use super::Session;
use super::cargo;
use super::case::{Case, Pick, Verdict, Wanted};
use super::order::{Asked, Order};
use super::report::{State, Tested};
use super::selection::{Plan, Selection};
use crate::project::{Package, Runner};
use crate::tool::{Fault, Stop};

/// The most failing tests that are run once more: more of them are no accident.
const RETRIED: usize = 20;

/// The most names in a note.
const NAMED: usize = 5;

/// One run of the tool.
pub(super) struct Course<'a> {
    session: &'a Session<'a>,
    packages: &'a [Package],
    order: &'a Order,
    notes: Vec<String>,
}

/// The tests of a package that are run, by id.
type Chosen = BTreeMap<String, Case>;

impl<'a> Course<'a> {
    pub(super) fn new(session: &'a Session<'a>, packages: &'a [Package], order: &'a Order) -> Self {
        let notes = match &order.selection {
            Selection::Affected(affected) => affected.notes().to_vec(),
            Selection::All | Selection::Named(_) => Vec::new(),
        };
        Self { session, packages, order, notes }
    }

    /// The results of every package, and what there is to say about the selection.
    pub(super) fn run(mut self) -> Result<(Vec<Tested>, Vec<String>), Stop> {
        let owners = match &self.order.selection {
            Selection::Affected(affected) if !self.order.inside => affected.owners(self.packages),
            _ => BTreeSet::new(),
        };
        let asked = self.asked(&owners);
        let mut tested = Vec::new();
        for (changed, group) in groups(self.packages, &asked) {
            tested.extend(self.group(&group, changed, &owners)?);
        }
        self.missing(&mut tested)?;
        tested.extend(lost(self.packages, &asked));
        self.retry(&mut tested)?;
        if let Selection::Affected(affected) = &self.order.selection {
            let cases = tested.iter_mut().flat_map(|tested| &mut tested.cases);
            cases
                .filter(|case| matches!(case.verdict, Verdict::Failed | Verdict::Flaky))
                .for_each(|case| case.cause = affected.cause(case));
        }
        Ok((tested, self.notes))
    }

    /// What was asked for, and the packages whose tests reach a change without anyone having said that they depend on it.
    fn asked(&self, owners: &BTreeSet<usize>) -> Vec<Asked> {
        let mut asked = self.order.asked.clone();
        for package in owners.iter().map(|at| &self.packages[*at]) {
            if !asked.iter().any(|asked| asked.name == package.name && asked.dir == package.dir) {
                asked.push(Asked { name: package.name.clone(), dir: package.dir.clone(), changed: false });
            }
        }
        asked
    }

    fn group(&mut self, group: &[usize], changed: bool, owners: &BTreeSet<usize>) -> Result<Vec<Tested>, Fault> {
        let (mut whole, mut some, mut tested) = (Vec::new(), Vec::new(), Vec::new());
        for at in group {
            let package = &self.packages[*at];
            match self.order.selection.plan(self.packages, *at, changed, owners) {
                Plan::All(reason) => whole.push((package, reason)),
                Plan::Some => some.push(package),
                Plan::None(why) => tested.push(Tested::new(package, State::Unaffected, &why)),
            }
        }
        if !whole.is_empty() {
            let packages: Vec<&Package> = whole.iter().map(|(package, _)| *package).collect();
            let wanted = if self.order.list { Wanted::List } else { Wanted::All };
            let reason = |tested: &Tested| whole.iter().find(|(package, _)| is_of(tested, package)).and_then(|(_, reason)| reason.clone());
            for mut one in self.times(&packages, &wanted)? {
                let reason = reason(&one);
                self.by_index(&mut one, true);
                one.cases.iter_mut().for_each(|case| case.reason.clone_from(&reason));
                tested.push(told(one));
            }
        }
        if !some.is_empty() {
            tested.extend(self.some(&some)?);
        }
        // In the order they were asked for.
        let place = |tested: &Tested| group.iter().position(|at| is_of(tested, &self.packages[*at]));
        tested.sort_by_key(place);
        Ok(tested)
    }

    /// Packages of which only some tests are run: their runners are asked which there are.
    fn some(&mut self, packages: &[&'a Package]) -> Result<Vec<Tested>, Fault> {
        let mut tested = Vec::new();
        let mut chosen: Vec<(&Package, Chosen)> = Vec::new();
        let mut listed = 0;
        for mut list in self.session.group(packages, &Wanted::List)? {
            let Some(package) = packages.iter().find(|package| is_of(&list, package)) else { continue };
            match list.state {
                State::Listed => {
                    if let Selection::Named(named) = &self.order.selection {
                        named.settle_lines(&list.cases);
                    }
                    self.unreadable(&list);
                    listed += list.cases.len();
                    self.missed(&list.cases, package);
                    self.choose(&mut list);
                    if list.cases.is_empty() {
                        tested.push(Tested::new(package, State::Unaffected, "no test of it was chosen"));
                    } else if self.order.list {
                        tested.push(told(list));
                    } else {
                        chosen.push((package, list.cases.into_iter().map(|case| (case.id.clone(), case)).collect()));
                    }
                }
                State::Unlisted if !self.order.list => tested.push(self.unlisted(package)?),
                _ => {
                    self.by_index(&mut list, false);
                    tested.push(list);
                }
            }
        }
        if !chosen.is_empty() {
            tested.extend(self.chosen(&chosen, listed)?);
        }
        Ok(tested)
    }

    /// Names the tests that the code index knows of a package whose runner cannot name them without running them.
    fn by_index(&self, list: &mut Tested, whole: bool) {
        let Some(package) = self.packages.iter().find(|package| is_of(list, package)) else { return };
        let is_mute = matches!(package.runner, Runner::Node | Runner::Maven | Runner::Gradle);
        if !self.order.list || list.state != State::Unlisted || !is_mute {
            return;
        }
        let case = |pick: Pick| Case {
            path: Some(pick.path.clone()),
            name: pick.name.clone(),
            ..Case::new(&format!("{}::{}", pick.path, pick.name.join("::")), Verdict::Listed)
        };
        list.cases = self.order.selection.known(self.packages, package, whole).into_iter().map(case).collect();
        for case in list.cases.iter_mut().filter(|_| !whole) {
            case.reason = self.order.selection.reason(case);
        }
        let which =
            if list.cases.is_empty() { "run it without --list to see them" } else { "these are the ones that the code index knows" };
        list.state = State::Listed;
        list.note = format!("{} cannot name its tests without running them; {which}", list.runner);
    }

    /// Keeps the tests of a list that are run, each with the reason.
    fn choose(&self, list: &mut Tested) {
        for case in &mut list.cases {
            case.reason = self.order.selection.reason(case);
        }
        list.cases.retain(|case| case.reason.is_some());
    }

    /// Runs the chosen tests; nearly all of them are run as all, which every runner does best.
    fn chosen(&self, chosen: &[(&Package, Chosen)], listed: usize) -> Result<Vec<Tested>, Fault> {
        let packages: Vec<&Package> = chosen.iter().map(|(package, _)| *package).collect();
        let picks: Vec<Pick> = chosen.iter().flat_map(|(_, cases)| cases.values().map(Case::pick)).collect();
        let wanted = if picks.len() * 10 > listed * 9 { Wanted::All } else { Wanted::Only(&picks) };
        let mut tested = self.times(&packages, &wanted)?;
        for one in &mut tested {
            if let Some((_, chosen)) = chosen.iter().find(|(package, _)| is_of(one, package)) {
                settle(one, chosen);
            }
        }
        Ok(tested)
    }

    /// A package whose runner cannot name its tests: those that are known to be affected are run.
    fn unlisted(&mut self, package: &Package) -> Result<Tested, Fault> {
        let picks = self.order.selection.picks(self.packages, package);
        let wanted = match &picks {
            Some(picks) if picks.is_empty() => return Ok(Tested::new(package, State::Unaffected, "no test of it was chosen")),
            Some(picks) => Wanted::Only(picks),
            None => Wanted::All,
        };
        let mut tested = self.times(&[package], &wanted)?.swap_remove(0);
        if matches!(tested.state, State::Passed | State::Failed) {
            self.missed(&tested.cases, package);
        }
        for case in &mut tested.cases {
            case.reason = self.order.selection.reason(case);
        }
        tested.cases.retain(|case| case.reason.is_some() || case.verdict == Verdict::Failed);
        Ok(tested)
    }

    /// Runs the wanted tests as often as was asked for.
    fn times(&self, packages: &[&Package], wanted: &Wanted<'_>) -> Result<Vec<Tested>, Fault> {
        let mut tested = self.session.group(packages, wanted)?;
        let repeat = if matches!(wanted, Wanted::List) { 1 } else { self.order.repeat };
        for _ in 1..repeat {
            for later in self.session.group(packages, wanted)? {
                let before = tested.iter_mut().find(|before| before.name == later.name && before.dir == later.dir);
                before.into_iter().for_each(|before| before.repeated(later.clone()));
            }
        }
        Ok(tested)
    }

    /// Runs the tests that failed once more alone, if they are few.
    fn retry(&self, tested: &mut [Tested]) -> Result<(), Fault> {
        for _ in 0..if self.order.repeat > 1 { 0 } else { self.order.retries } {
            let failing = |tested: &Tested| -> Vec<Pick> {
                let failed = tested.cases.iter().filter(|case| case.verdict == Verdict::Failed && case.is_test());
                failed.map(Case::pick).collect()
            };
            let count: usize = tested.iter().map(|tested| failing(tested).len()).sum();
            if count == 0 || count > RETRIED || self.session.is_over() {
                return Ok(());
            }
            for group in self.together(tested) {
                let mine = |one: &Tested| group.iter().any(|package| is_of(one, package));
                let picks: Vec<Pick> = tested.iter().filter(|one| mine(one)).flat_map(failing).collect();
                if picks.is_empty() {
                    continue;
                }
                for later in self.session.group(&group, &Wanted::Only(&picks))? {
                    let before = tested.iter_mut().find(|one| one.name == later.name && one.dir == later.dir);
                    before.into_iter().for_each(|before| before.again(later.clone()));
                }
            }
        }
        Ok(())
    }

    /// The packages whose tests were run, by what one start of a runner tests: what cargo builds depends on what it builds with it.
    fn together(&self, tested: &[Tested]) -> Vec<Vec<&'a Package>> {
        let run = |package: &&Package| tested.iter().any(|one| is_of(one, package) && matches!(one.state, State::Passed | State::Failed));
        let mut groups: Vec<Vec<&Package>> = Vec::new();
        for package in self.packages.iter().filter(run) {
            match groups.iter_mut().find(|group| group[0].home == package.home && group[0].runner == package.runner) {
                Some(group) => group.push(package),
                None => groups.push(vec![package]),
            }
        }
        groups
    }

    /// Notes the files of a package that could not be read when its tests were listed, and that were not chosen themselves.
    fn unreadable(&mut self, list: &Tested) {
        for case in list.cases.iter().filter(|case| case.verdict == Verdict::Failed && !case.is_test()) {
            if self.order.selection.reason(case).is_none() {
                self.notes.push(format!("{}: {}", list.name, unknown(case)));
            }
        }
    }

    /// Notes what is affected by all we know and that the runner does not have.
    fn missed(&mut self, listed: &[Case], package: &Package) {
        let Selection::Affected(affected) = &self.order.selection else { return };
        let owned = |file: &str| {
            crate::project::owners(self.packages, file)
                .iter()
                .any(|at| self.packages[*at].dir == package.dir && self.packages[*at].runner == package.runner)
        };
        let missed = affected.missed(listed, owned);
        if !missed.is_empty() {
            let more = if missed.len() > NAMED { format!(" and {} more", missed.len() - NAMED) } else { String::new() };
            let names = missed.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            self.notes.push(format!("{}: affected, but its runner does not know: {names}{more}", package.name));
        }
    }

    /// What was named and is nowhere: nothing of it was run.
    fn missing(&mut self, tested: &mut Vec<Tested>) -> Result<(), Stop> {
        let Selection::Named(named) = &self.order.selection else { return Ok(()) };
        let looked = |tested: &Tested| matches!(tested.state, State::Listed | State::Unaffected | State::Passed | State::Failed);
        let missing = named.missing();
        if tested.iter().all(looked) && missing.len() == named.count() {
            let words: Vec<&str> = missing.iter().map(|(_, words)| words.as_str()).chain(self.notes.iter().map(String::as_str)).collect();
            return Err(Stop::refused(words.join("\n")));
        }
        let unseen: Vec<&str> = tested.iter().filter(|one| !looked(one)).map(|one| one.name.as_str()).collect();
        if !unseen.is_empty() {
            // What could not be asked may have it; that it could not is told of the package itself.
            let words = |text: &str| format!("{text:?} was found in no other package, and {} could not be asked", unseen.join(", "));
            self.notes.extend(missing.iter().map(|(text, _)| words(text)));
            return Ok(());
        }
        tested.extend(missing.iter().map(|(text, words)| Tested::named(text, "", "", State::NotRun, words)));
        Ok(())
    }
}

/// A list in which a file could not be read is a failure: what it holds is not known.
fn told(mut list: Tested) -> Tested {
    let broken: Vec<String> = list.cases.iter().filter(|case| case.verdict == Verdict::Failed).map(unknown).collect();
    if list.state == State::Listed && !broken.is_empty() {
        (list.state, list.note) = (State::Failed, broken.join("\n"));
    }
    list
}

/// Says of a file that could not be read that its tests are not known.
fn unknown(case: &Case) -> String {
    // Python ends with the error, compilers go on with drawings of the place.
    let is_error = |line: &&str| ["Error:", "error:", "error[", "ERROR]"].iter().any(|word| line.contains(word));
    let named = case.message.lines().rfind(is_error);
    let why = named.or(case.message.lines().last()).unwrap_or_default().trim();
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    format!("{} could not be read, so its tests are not known{why}", case.id)
}

/// Gives the results their reasons, drops what was run beside the chosen and did not fail, and names what was not come to.
fn settle(tested: &mut Tested, chosen: &Chosen) {
    if !matches!(tested.state, State::Passed | State::Failed | State::NotFinished) {
        return;
    }
    tested.cases.retain(|case| chosen.contains_key(&case.id) || case.verdict == Verdict::Failed);
    let mut seen = BTreeSet::new();
    for case in &mut tested.cases {
        seen.insert(case.id.clone());
        case.reason = chosen.get(&case.id).and_then(|chosen| chosen.reason.clone());
    }
    let mut absent: Vec<Case> = chosen.values().filter(|case| !seen.contains(&case.id)).cloned().collect();
    // Tests whose own output hid their lines are counted all the same.
    let hidden = tested.unnamed >= absent.len() as u64 && tested.state != State::NotFinished;
    for case in &mut absent {
        (case.verdict, case.attempts) = if hidden { (Verdict::Passed, 1) } else { (Verdict::NotRun, 0) };
    }
    tested.unnamed = 0;
    let broken = tested.cases.iter().any(|case| case.verdict == Verdict::Failed && !case.is_test());
    if !absent.is_empty() && !hidden && !broken && tested.state != State::NotFinished {
        tested.note = format!("its runner did not run {} of the tests that it had listed", absent.len());
        tested.state = if tested.state == State::Failed { State::Failed } else { State::NotFinished };
    }
    tested.cases.extend(absent);
    tested.cases.sort_by(|one, other| one.id.cmp(&other.id));
}

fn is_of(tested: &Tested, package: &Package) -> bool {
    tested.name == package.name && tested.dir == package.dir && tested.runner == package.runner.name()
}

/// What is tested by one start of a runner: packages of one home, those that changed before those that depend on them.
fn groups(packages: &[Package], asked: &[Asked]) -> Vec<(bool, Vec<usize>)> {
    let mut groups: Vec<(bool, Vec<usize>)> = Vec::new();
    for (changed, at) in asked.iter().flat_map(|asked| found(packages, asked).map(|at| (asked.changed, at))) {
        let package = &packages[at];
        let fits = |(of, group): &&mut (bool, Vec<usize>)| {
            let first = &packages[group[0]];
            *of == changed
                && first.home == package.home
                && first.runner == package.runner
                && first.command.first() == package.command.first()
                && cargo::options(&first.command) == cargo::options(&package.command)
        };
        match groups.iter_mut().find(fits) {
            Some((_, group)) => group.push(at),
            None => groups.push((changed, vec![at])),
        }
    }
    groups.sort_by_key(|(changed, _)| !changed);
    groups
}

fn found<'a>(packages: &'a [Package], asked: &Asked) -> impl Iterator<Item = usize> + 'a + use<'a> {
    let (name, dir) = (asked.name.clone(), asked.dir.clone());
    (0..packages.len()).filter(move |at| packages[*at].name == name && packages[*at].dir == dir)
}

/// Packages that were asked for and are not here.
fn lost(packages: &[Package], asked: &[Asked]) -> Vec<Tested> {
    let lost = asked.iter().filter(|asked| found(packages, asked).next().is_none());
    lost.map(|asked| Tested::named(&asked.name, &asked.dir, "", State::NotRun, "it is not in this folder")).collect()
}
