//! `test`: runs the tests of packages by the project's own runners, within a budget of wall time.
//!
//! The commands come from the project as it is found here, or from the user's own configuration, which the runtime hands over;
//! no model can call this tool.
//!
//! Invariant: every package asked for is in the report, and one whose tests were not all run is never called passed.

mod again;
mod cargo;
mod case;
mod course;
mod ctest;
mod go;
mod gradle;
mod javascript;
mod jest;
mod junit;
mod jvm;
mod libtest;
mod maven;
mod nextest;
mod node;
mod order;
mod pytest;
mod report;
mod selection;
mod vitest;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use naestro_kernel::{Class, ToolAccess};

use super::arguments::{Kind, optional, required};
use super::process::{self, Ended, Program};
use super::{Answer, Call, Cancel, Entry, Fault, Place, Stop};
use crate::project::{self, Package, Runner};
use case::{Pick, Wanted};
use course::Course;
use order::Order;
use report::{Report, State, Tested};
pub(super) use report::{counted, submodule};

/// The most of the call's own time that is kept for stopping a runner and writing the report.
const MARGIN: Duration = Duration::from_secs(1);

/// What a person does where the budget was too short.
const GIVE_MORE: &str = "give it more with --wall SECONDS";

/// What is kept of a runner's output, in bytes.
const OUTPUT: usize = 16 * 1024 * 1024;

/// Names the folders whose tests are running, so that a test that tests its own folder ends there.
const RUNNING: &str = "NAESTRO_TESTING";

pub(super) const TOOL: Entry = Entry {
    name: "test",
    about: "Runs the tests of packages by the project's own runner, those that changed first, within a budget of wall time, \
            and reports what failed, where, and what was not run.",
    fields: &[
        required("packages", Kind::Data, "the data of the tool packages: an object with packages"),
        optional("affected", Kind::Data, "the data of the tool affected: only tests that reach what changed are run"),
        optional("select", Kind::Texts, "only these are run: each a file, a folder, file::name or a part of a test's name"),
        optional("list", Kind::Flag, "whether tests are only named, and none is run"),
        optional("repeat", Kind::Count(1, 1000), "how often each test is run; those whose results differ are flaky"),
        optional("retries", Kind::Count(0, 1000), "how often failing tests, if they are few, are run once more; 1 if left out"),
        optional("runners", Kind::Data, "the user's own test command for a package, as a list of words, by its folder or name"),
        optional("wall_s", Kind::Count(1, 86_400), "the budget in seconds; 120 if left out"),
    ],
    class: Class::Idempotent,
    access: ToolAccess::Write,
    for_agents: false,
    place: Place::Trial,
    run,
};

/// One run of runners: where, until when, and what stops it.
struct Session<'a> {
    root: &'a Path,
    deadline: Instant,
    cancel: &'a Cancel,
}

/// Tests one package.
type Alone = fn(&Session<'_>, &Package, &Wanted<'_>) -> Result<Tested, Fault>;

/// How a runner's program ended.
enum Run {
    Ended(Ended),
    Missing,
}

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let order = Order::read(call)?;
    let begun = Instant::now();
    let deadline = (begun + Duration::from_secs(order.budget)).min(latest(begun, call.deadline));
    let session = Session { root: call.root.path(), deadline, cancel: call.cancel };
    let mut survey = project::survey(call.root.path());
    order.settle(&mut survey.packages)?;
    let (tested, notes) = Course::new(&session, &survey.packages, &order).run()?;
    let report = Report { tested, told: order.told, notes, seconds: begun.elapsed().as_secs_f64(), budget: order.budget };
    Ok(Answer { ok: report.is_ok(), text: report.text(), data: Some(report.data()) })
}

/// When runners must end so that there is time for the report; a short call keeps three quarters of its time for them.
fn latest(begun: Instant, end: Instant) -> Instant {
    let left = end.saturating_duration_since(begun);
    begun + (left - MARGIN.min(left / 4))
}

/// Whether the tests of this folder are what started this process.
pub(super) fn is_running_in(root: &Path) -> bool {
    lists(&std::env::var_os(RUNNING).unwrap_or_default(), root)
}

fn lists(running: &OsStr, root: &Path) -> bool {
    std::env::split_paths(running).any(|running| running == root)
}

impl Session<'_> {
    fn group(&self, group: &[&Package], wanted: &Wanted<'_>) -> Result<Vec<Tested>, Fault> {
        if self.cancel.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        if self.is_over() {
            return Ok(Tested::all(group, State::NotRun, "the budget had ended"));
        }
        let mut tested = match alone(group[0].runner) {
            Some(test) => group.iter().map(|package| self.one(test, package, wanted)).collect::<Result<_, _>>()?,
            None => cargo::test(self, group, wanted)?,
        };
        for case in tested.iter_mut().flat_map(|tested| &mut tested.cases) {
            case.place = case.place.take().map(|place| self.placed(&group[0].home, &place));
            case.path = case.path.take().map(|path| self.placed(&group[0].home, &path));
            case.compare();
        }
        Ok(tested)
    }

    /// Tests one package of several, by a runner that is started for one at a time.
    fn one(&self, test: Alone, package: &Package, wanted: &Wanted<'_>) -> Result<Tested, Fault> {
        let own: Vec<Pick>;
        let mut wanted = *wanted;
        if let Wanted::Only(picks) = wanted {
            own = picks.iter().filter(|pick| project::is_below(&package.dir, &pick.path)).cloned().collect();
            if own.is_empty() {
                return Ok(Tested::new(package, State::Unaffected, "no test of it was chosen"));
            }
            wanted = Wanted::Only(&own);
        }
        test(self, package, &wanted)
    }

    /// A runner's place, relative to the root where it lies below it.
    fn placed(&self, home: &str, place: &str) -> String {
        let whole = self.root.join(home).join(place);
        whole.strip_prefix(self.root).unwrap_or(&whole).display().to_string()
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Runs a runner in a folder below the root; one that is not installed is no fault.
    fn start(&self, home: &str, argv: Vec<String>) -> Result<Run, Fault> {
        self.start_with(home, argv, vec![])
    }

    /// As [`Session::start`], with more variables in its environment.
    fn start_with(&self, home: &str, argv: Vec<String>, more: Vec<(&'static str, String)>) -> Result<Run, Fault> {
        let dir = self.root.join(home);
        let Some(argv) = located(&dir, argv) else { return Ok(Run::Missing) };
        let mut set = vec![
            ("CARGO_TERM_COLOR", "never".into()),
            ("CARGO_TERM_PROGRESS_WHEN", "never".into()),
            ("NO_COLOR", "1".into()),
            ("RUST_BACKTRACE", "0".into()),
            ("PYTHONDONTWRITEBYTECODE", "1".into()),
            (RUNNING, running(self.root)),
        ];
        set.extend(more);
        // Cargo names its toolchain to what it starts; were that us, the project would be tested by ours, not its own.
        let unset = if std::env::var_os("CARGO").is_some() { vec!["RUSTUP_TOOLCHAIN"] } else { vec![] };
        process::run_until(&Program { argv, dir: &dir, set, unset, keep: OUTPUT }, self.deadline, self.cancel).map(Run::Ended)
    }
}

/// What tests one package by a runner that is started for one at a time; nothing for cargo, which is started for several.
fn alone(runner: Runner) -> Option<Alone> {
    match runner {
        Runner::Cargo | Runner::Nextest => None,
        Runner::Pytest => Some(pytest::test),
        Runner::Vitest => Some(vitest::test),
        Runner::Jest => Some(jest::test),
        Runner::Node => Some(node::test),
        Runner::Go => Some(go::test),
        Runner::Maven => Some(maven::test),
        Runner::Gradle => Some(gradle::test),
        Runner::Ctest => Some(ctest::test),
    }
}

/// The command with its program's full path; nothing if there is no such program.
fn located(dir: &Path, mut argv: Vec<String>) -> Option<Vec<String>> {
    let program = argv.first_mut()?;
    let found: PathBuf = if program.contains('/') {
        // One that begins with `/` stands for itself.
        dir.join(program.trim_start_matches("./"))
    } else {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths).map(|folder| folder.join(&*program)).find(|path| path.is_file())?
    };
    *program = found.exists().then(|| found.to_string_lossy().into_owned())?;
    Some(argv)
}

fn running(root: &Path) -> String {
    let before = std::env::var_os(RUNNING).unwrap_or_default();
    let all = std::env::split_paths(&before).filter(|path| !path.as_os_str().is_empty()).chain([root.to_owned()]);
    // A folder with a colon in its name cannot be listed: it is then not guarded.
    std::env::join_paths(all).unwrap_or(before).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
