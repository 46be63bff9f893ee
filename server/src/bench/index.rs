//! `naestro bench index`: what it costs to know the code of a large tree, beside tools that know less of it.
//!
//! The tree is a copy, made of the crates in cargo's own registry or of a folder that is named, so that files can be edited. Each
//! tool reads it in a process of its own, started by a process that does nothing else, so that time and memory are that tool's alone.
//! ctags writes its tags to a file; ast-grep finds every function of Rust and keeps nothing; ours is `evidence` about one file, for
//! which everything is read and stored first. The files were read before, so no tool waits for the disk.
//!
//! Invariant: what is measured is this executable, in state directories of its own.

mod child;
#[cfg(test)]
mod tests;
mod tree;
mod work;

use std::fs;
use std::path::{Path, PathBuf};

use naestro_api::{Error, ErrorCode};
use serde::Serialize;

use crate::screen::Screen;
use crate::{config, exit, screen};
use child::{Usage, measured, median_of};
use tree::Tree;
use work::Edits;

/// How often `explain` is started for its median.
const STARTS: usize = 20;

/// Measure how fast a large tree is indexed, and how fast one edited file is known.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro bench index
  naestro bench index --tree ~/src/linux --json")]
pub(crate) struct Args {
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
    /// A folder of code, copied first; the crates of cargo's registry where absent.
    #[arg(long, value_name = "FOLDER")]
    tree: Option<PathBuf>,
    /// How many lines of code the tree has at least, where it is made of crates.
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    lines: u64,
    /// Does one part of the work: how the command starts itself.
    #[arg(long, hide = true)]
    part: Option<Part>,
    /// The state directory of a part.
    #[arg(long, hide = true)]
    home: Option<PathBuf>,
    /// The program whose use is told; the file that is asked about.
    #[arg(hide = true, last = true)]
    program: Vec<String>,
}

/// What a process of this command does.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Part {
    /// Starts the program and tells what it used.
    Usage,
    /// Asks once.
    Build,
    /// Asks after each of some edits.
    Edits,
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        let place = |path: Option<PathBuf>| path.ok_or_else(|| failed("a part needs its folders"));
        match self.part {
            Some(Part::Usage) => screen::json_line(&child::usage(&self.program)?),
            Some(Part::Build) => work::build(&place(self.home)?, &place(self.tree)?, &self.program.concat())?,
            Some(Part::Edits) => screen::json_line(&work::edits(&place(self.home)?, &place(self.tree)?)?),
            None => measure(self.tree.as_deref(), self.lines, self.json)?,
        }
        Ok(exit::SUCCEEDED)
    }
}

/// One line of figures; times and memory of a process and all it started.
#[derive(Serialize)]
#[serde(tag = "bench")]
enum Figures {
    /// What is read: lines of code of the understood languages, and all bytes.
    #[serde(rename = "index_tree")]
    Tree { files: usize, lines: u64, bytes: u64, cores: usize },
    /// What reading it all took; sizes in MB of 10^6 bytes, `stored_mb` of what lies on disk afterwards.
    #[serde(rename = "index_cold")]
    Cold {
        tool: &'static str,
        wall_s: f64,
        cpu_s: f64,
        lines_per_s: u64,
        lines_per_s_per_core: u64,
        peak_mb: u64,
        peak_mb_per_million_lines: u64,
        stored_mb: u64,
        times_ours: f64,
    },
    /// A tool that is not there.
    #[serde(rename = "index_skipped")]
    Skipped { tool: &'static str, reason: String },
    /// From an edit to an answer that knows it, in milliseconds: in a process that lives on, and by `naestro explain`, start to end.
    #[serde(rename = "index_edit")]
    Edit { in_process_ms: f64, one_shot_ms: f64 },
    /// `naestro explain PATH:LINE`, start to end, in milliseconds; and of that, what `naestro --version` takes as well.
    #[serde(rename = "index_explain")]
    Explain { ms: f64, start_ms: f64 },
}

impl Figures {
    fn show(&self, json: bool) -> Result<(), Error> {
        if json {
            screen::json_line(self);
            return Ok(());
        }
        screen::print(&match self {
            Self::Tree { files, lines, bytes, cores } => {
                format!("tree: {files} files, {lines} lines of code, {} MB; {cores} cores\n", bytes / 1_000_000)
            }
            Self::Cold { tool, wall_s, cpu_s, lines_per_s_per_core, peak_mb_per_million_lines, stored_mb, times_ours, .. } => format!(
                "cold  {tool:9} {lines_per_s_per_core:8} lines/s/core (ours: goal 100000), {wall_s:6.2} s, {cpu_s:6.2} s of CPU \
                 ({times_ours:.2} times ours), {peak_mb_per_million_lines:4} MB per million lines (ours: goal 200), {stored_mb} MB stored\n"
            ),
            Self::Skipped { tool, reason } => format!("cold  {tool:9} skipped: {reason}\n"),
            Self::Edit { in_process_ms, one_shot_ms } => {
                format!("edit  {in_process_ms:.1} ms in a process that lives on, {one_shot_ms:.1} ms by `naestro explain` (goal 20)\n")
            }
            Self::Explain { ms, start_ms } => {
                format!("warm  {ms:.1} ms for `naestro explain PATH:LINE` (goal 30), {start_ms:.1} ms of it to start\n")
            }
        })
    }
}

/// A folder that is removed with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Error> {
        let folder = std::env::temp_dir().join(format!("naestro-bench-index-{}", std::process::id()));
        fs::create_dir_all(&folder).and_then(|()| folder.canonicalize()).map(Self).map_err(|error| failed(&error.to_string()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("failed to remove {}: {error}", self.0.display());
        }
    }
}

fn measure(named: Option<&Path>, lines: u64, json: bool) -> Result<(), Error> {
    let mut screen = Screen::new(json);
    let place = Folder::make()?;
    screen.note("make the tree");
    let tree = Tree::make(&place.0.join("tree"), named, lines).map_err(|error| failed(&format!("make the tree: {error}")))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Figures::Tree { files: tree.files, lines: tree.lines, bytes: tree.bytes, cores }.show(json)?;
    screen.note("read it all");
    let home = place.0.join("state");
    let ours = cold(&tree, "naestro", &ours(&home, &tree), Some(&home), None)?;
    ours.1.show(json)?;
    for tool in [Tool::Ctags, Tool::AstGrep] {
        tool.measure(&tree, &place.0, ours.0)?.show(json)?;
    }
    screen.note("edit files");
    edit(&home, &tree)?.show(json)?;
    explain(&home, &tree)?.show(json)
}

fn ours(home: &Path, tree: &Tree) -> Vec<String> {
    let words = [child::SELF, "bench", "index", "--part", "build", "--home"].map(String::from);
    words.into_iter().chain([text(home), String::from("--tree"), text(&tree.root), String::from("--"), tree.file(0).to_owned()]).collect()
}

/// A tool beside ours.
#[derive(Clone, Copy)]
enum Tool {
    Ctags,
    AstGrep,
}

impl Tool {
    fn name(self) -> &'static str {
        if matches!(self, Self::Ctags) { "ctags" } else { "ast-grep" }
    }

    /// What to start, or why it is skipped.
    fn program(self, tree: &Tree, place: &Path) -> Result<Vec<String>, String> {
        let tree = text(&tree.root);
        let (program, arguments) = match self {
            Self::Ctags => (config::program("ctags"), vec!["-R".into(), "-f".into(), text(&place.join("tags")), tree]),
            Self::AstGrep => {
                let arguments = ["run", "-p", "fn $A($$$)", "--lang", "rust", "--json=stream"].map(String::from);
                (config::program("ast-grep"), arguments.into_iter().chain([tree]).collect())
            }
        };
        let program = program.ok_or_else(|| String::from("it is not on the search path"))?;
        Ok([text(&program)].into_iter().chain(arguments).collect())
    }

    fn measure(self, tree: &Tree, place: &Path, ours: Usage) -> Result<Figures, Error> {
        let program = match self.program(tree, place) {
            Ok(program) => program,
            Err(reason) => return Ok(Figures::Skipped { tool: self.name(), reason }),
        };
        let tags = place.join("tags");
        let stored = matches!(self, Self::Ctags).then_some(tags.as_path());
        Ok(cold(tree, self.name(), &program, stored, Some(ours))?.1)
    }
}

fn cold(
    tree: &Tree,
    tool: &'static str,
    program: &[String],
    stored: Option<&Path>,
    ours: Option<Usage>,
) -> Result<(Usage, Figures), Error> {
    let used = measured(program)?;
    let per = |seconds: f64| (tree.lines as f64 / seconds.max(0.001)) as u64;
    let peak_mb = used.peak_kb * 1024 / 1_000_000;
    let figures = Figures::Cold {
        tool,
        wall_s: used.wall_s,
        cpu_s: used.cpu_s,
        lines_per_s: per(used.wall_s),
        lines_per_s_per_core: per(used.cpu_s),
        peak_mb,
        peak_mb_per_million_lines: peak_mb * 1_000_000 / tree.lines.max(1),
        stored_mb: stored.map_or(0, tree::size) / 1_000_000,
        times_ours: ours.map_or(1.0, |ours| used.cpu_s / ours.cpu_s),
    };
    Ok((used, figures))
}

fn edit(home: &Path, tree: &Tree) -> Result<Figures, Error> {
    let edits: Edits = child::told(&["bench", "index", "--part", "edits", "--home", &text(home), "--tree", &text(&tree.root)])?;
    let mut number = 0;
    let one_shot_ms = median_of(STARTS, || {
        number += 1;
        let name = format!("naestro_edited_once_{number}");
        tree.edit(number, &name).map_err(|error| failed(&error.to_string()))?;
        child::explain(home, &tree.root, &name)
    })?;
    Ok(Figures::Edit { in_process_ms: edits.ms, one_shot_ms })
}

fn explain(home: &Path, tree: &Tree) -> Result<Figures, Error> {
    let target = tree.target().map_err(|error| failed(&error.to_string()))?;
    child::explain(home, &tree.root, &target)?;
    let ms = median_of(STARTS, || child::explain(home, &tree.root, &target))?;
    let start_ms = median_of(STARTS, || child::start(&["--version"]))?;
    Ok(Figures::Explain { ms, start_ms })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn failed(what: &str) -> Error {
    Error::new(ErrorCode::Unavailable, format!("measure: {what}"))
}
