//! `naestro bench select`: of the tests that a change breaks, how many `naestro test` would have run, and how few it runs.
//!
//! The change is a mutant: one token of a function's body, drawn by seed, so that it is known which change broke the tests. It is
//! written into a copy of the project; the tests that are selected for it come from `naestro test --list`, those that it breaks
//! from `naestro test --all`. Mutants that do not build, that no test notices or that keep the tests from ending say nothing about
//! the selection; they are counted, and the next is drawn.
//!
//! Invariant: what is measured is this executable, as its users start it, with a state directory of its own; the projects
//! themselves stay as they are.

mod child;
mod copy;
pub(super) mod draw;
mod figures;
mod judge;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use naestro_api::{Error, ErrorCode};
use nix::sys::resource::{Resource, setrlimit};
use serde_json::{Value, json};

use crate::screen::Screen;
use crate::{exit, screen};
use child::{Child, Key, Report, Scope, State};
use copy::Folder;
use draw::Mutant;
use figures::{Figures, Measured};
use judge::{Truth, judge};

/// This executable, even where its file was replaced meanwhile.
const SELF: &str = "/proc/self/exe";
/// The most memory of one process in bytes: a mutant may loop and allocate.
const MEMORY: u64 = 4 << 30;
/// So many mutants are drawn for each that is wanted, before it is said that there are too few.
const DRAWS: usize = 10;

/// Measure how well tests are selected for a change, on projects in a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  tests/bench/select/projects.sh /tmp/projects && naestro bench select --projects /tmp/projects --json")]
pub(crate) struct Args {
    /// A folder with one project in each of its folders.
    #[arg(long, value_name = "FOLDER")]
    projects: PathBuf,
    /// How many mutants of each project are measured.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    mutants: u32,
    /// Decides which mutants are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the project in the folder of this name.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// How long the tests of one mutant may take together.
    #[arg(long, default_value = "10m")]
    wall: String,
    /// Print one JSON object for each mutant, and one for each project.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        let projects = self.chosen()?;
        // Every process started from here on has it.
        setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY).map_err(|error| failed(&format!("bound memory: {error}")))?;
        let place = Folder::make()?;
        for project in projects {
            let figures = self.measure(Path::new(SELF), &project, &place)?;
            if self.json {
                screen::json_line(&figures.json());
            } else {
                screen::print(&figures.text())?;
            }
        }
        Ok(exit::SUCCEEDED)
    }

    /// The projects' folders by name.
    fn chosen(&self) -> Result<Vec<PathBuf>, Error> {
        folders(&self.projects, self.only.as_deref())
    }

    /// Measures one project with `program` as `naestro`.
    fn measure(&self, program: &Path, project: &Path, place: &Folder) -> Result<Figures, Error> {
        let mut screen = Screen::new(self.json);
        let name = name(project);
        let workspace = place.0.join(&name);
        copy::copy(project, &workspace).map_err(|error| failed(&format!("copy {}: {error}", project.display())))?;
        screen.note(&format!("{name}: build"));
        copy::build(&workspace)?;
        screen.note(&format!("{name}: run its tests without a mutant"));
        let home = place.0.join("state").join(&name);
        let child = Child { program: program.to_owned(), home, workspace: workspace.clone(), wall: self.wall.clone() };
        let begun = Instant::now();
        let baseline = child.ask(Scope::All)?;
        let mut bench = Bench { child, baseline, figures: Figures::new(name.clone(), self.seed) };
        bench.figures.begin(&bench.baseline, begun.elapsed())?;
        let mutants = draw::mutants(&workspace, self.seed, &name)?;
        bench.figures.mutants = mutants.len();
        for mutant in mutants.iter().take(DRAWS * self.mutants as usize) {
            if bench.figures.measured.len() == self.mutants as usize {
                break;
            }
            let ending = bench.draw(mutant)?;
            screen.note(&format!("{name}: {} of {}: {mutant}: {ending}", bench.figures.measured.len(), self.mutants));
            if self.json {
                screen::json_line(&json!({ "bench": "select_mutant", "project": name, "mutant": mutant, "ending": ending.json() }));
            }
        }
        Ok(bench.figures)
    }
}

/// The projects in a folder by name, or the one of that name.
///
/// # Errors
/// `invalid_workspace` where there is none.
pub(super) fn folders(projects: &Path, only: Option<&str>) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |error| {
        Error::new(ErrorCode::InvalidWorkspace, format!("read {}: {error}", projects.display()))
            .hint("tests/bench/select/projects.sh makes one")
    };
    let entries = fs::read_dir(projects).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?;
    let mut folders: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).filter(|path| path.join(".git").exists()).collect();
    folders.retain(|path| only.is_none_or(|only| name(path) == only));
    folders.sort();
    if folders.is_empty() {
        let wanted = only.map_or_else(|| "a project".to_owned(), |only| format!("the project {only}"));
        return Err(Error::new(ErrorCode::InvalidWorkspace, format!("find {wanted} in {}", projects.display()))
            .hint("a project is a folder with a git repository"));
    }
    Ok(folders)
}

/// One project while it is measured.
struct Bench {
    child: Child,
    baseline: Report,
    figures: Figures,
}

impl Bench {
    /// Measures one mutant, if it can be.
    fn draw(&mut self, mutant: &Mutant) -> Result<Ending, Error> {
        self.figures.drawn += 1;
        let written = Written::write(&self.child.workspace, mutant)?;
        let listed = self.child.ask(Scope::Listed)?;
        let truth = self.truth(&listed)?;
        written.restore()?;
        let failing = match truth {
            Truth::Failing(failing) => failing,
            truth => {
                self.figures.count(&truth);
                return Ok(Ending::Dropped(truth));
            }
        };
        let measured = Measured::new(mutant, &failing, &listed, &self.baseline);
        self.figures.measured.push(measured.clone());
        Ok(Ending::Measured(measured))
    }

    /// What the mutant that is in its file now breaks. Where the selection misses some of that, only what breaks twice counts:
    /// a test that sometimes fails by itself is not broken by the mutant.
    fn truth(&mut self, listed: &Report) -> Result<Truth, Error> {
        let truth = judge(&self.baseline, &self.child.ask(Scope::All)?);
        let Truth::Failing(failing) = truth else { return Ok(truth) };
        if failing.iter().all(|key| listed.tests.contains_key(key)) {
            return Ok(Truth::Failing(failing));
        }
        let again = self.child.ask(Scope::All)?;
        let passes = |key: &Key| again.tests.get(key).is_some_and(|test| test.state == State::Passed);
        let (unsteady, failing): (BTreeSet<Key>, BTreeSet<Key>) = failing.into_iter().partition(passes);
        self.figures.unsteady += unsteady.len();
        Ok(if failing.is_empty() { Truth::Unnoticed } else { Truth::Failing(failing) })
    }
}

/// What came of one mutant.
enum Ending {
    Measured(Measured),
    /// It says nothing about the selection.
    Dropped(Truth),
}

impl Ending {
    fn json(&self) -> Value {
        match self {
            Self::Measured(measured) => json!(measured),
            Self::Dropped(truth) => json!(truth.to_string()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured(measured) => measured.fmt(f),
            Self::Dropped(truth) => truth.fmt(f),
        }
    }
}

/// A mutant in its file; dropped, the file is as it was.
struct Written {
    path: PathBuf,
    before: Option<Vec<u8>>,
}

impl Written {
    fn write(workspace: &Path, mutant: &Mutant) -> Result<Self, Error> {
        let path = workspace.join(&mutant.path);
        let before = fs::read(&path).map_err(|error| failed(&format!("read {}: {error}", mutant.path)))?;
        let changed = mutant.apply(&before).ok_or_else(|| failed(&format!("place {mutant}: the file is shorter")))?;
        let written = Self { path, before: Some(before) };
        fs::write(&written.path, changed).map_err(|error| failed(&format!("write {}: {error}", mutant.path)))?;
        Ok(written)
    }

    fn restore(mut self) -> Result<(), Error> {
        self.put_back().map_err(|error| failed(&format!("restore {}: {error}", self.path.display())))
    }

    fn put_back(&mut self) -> std::io::Result<()> {
        self.before.take().map_or(Ok(()), |before| fs::write(&self.path, before))
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Err(error) = self.put_back() {
            tracing::warn!("failed to restore {}: {error}", self.path.display());
        }
    }
}

fn name(project: &Path) -> String {
    project.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn failed(why: &str) -> Error {
    Error::new(ErrorCode::Unavailable, format!("measure: {why}"))
}
