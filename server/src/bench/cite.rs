//! `naestro bench cite`: whether what `explain` cites is there.
//!
//! Symbols of real projects are drawn by seed and explained; the bytes of every citation are read again here, past everything that
//! explaining uses: they must have the digest that is claimed, and hold the name that is claimed.
//!
//! Invariant: the projects are only read; the index lies in a folder of its own that is removed at the end.

use std::fs;
use std::path::{Path, PathBuf};

use naestro_api::{Error, ErrorCode};
use naestro_index::{Index, Kind, Language};
use naestro_kernel::code::{Citation, Code, Evidence, Fault, Source, Target, Watch};
use serde::Serialize;

use super::select::draw::{Dice, sources};
use super::select::folders;
use crate::screen::Screen;
use crate::{exit, screen};

/// Check the citations of drawn symbols, on projects in a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  tests/bench/select/projects.sh /tmp/projects && naestro bench cite --projects /tmp/projects")]
pub(crate) struct Args {
    /// A folder with one project in each of its folders.
    #[arg(long, value_name = "FOLDER")]
    projects: PathBuf,
    /// How many symbols are explained, over all projects.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    symbols: u32,
    /// Decides which symbols are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was checked.
#[derive(Debug, Default, Serialize)]
struct Figures {
    bench: &'static str,
    symbols: usize,
    /// Symbols about which nothing could be said.
    unknown: usize,
    facts: usize,
    guesses: usize,
    citations: usize,
    /// Citations that claim a name.
    named: usize,
    /// What does not hold, in words.
    wrong: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<u8, Error> {
        let home = tempfile::tempdir().map_err(|error| failed(&format!("make a folder: {error}")))?;
        let index = Index::new(home.path().to_owned());
        let projects = folders(&self.projects, None)?;
        let mut figures = Figures { bench: "cite", ..Figures::default() };
        let share = (self.symbols as usize).div_ceil(projects.len());
        for project in &projects {
            Screen::new(self.json).note(&format!("{}: explain {share} symbols", project.display()));
            figures.explain(&index, project, share, self.seed)?;
        }
        if self.json {
            screen::json_line(&figures);
        } else {
            screen::print(&figures.text())?;
        }
        Ok(if figures.wrong.is_empty() { exit::SUCCEEDED } else { exit::FAILED })
    }
}

impl Figures {
    fn explain(&mut self, index: &Index, project: &Path, share: usize, seed: u64) -> Result<(), Error> {
        let name = project.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut symbols = symbols(project)?;
        Dice::new(seed, &name).shuffle(&mut symbols);
        let root = project.to_string_lossy();
        for (path, symbol) in symbols.into_iter().take(share) {
            self.symbols += 1;
            match index.evidence(&root, &Target::Member { path, symbol }, &Patient) {
                Ok(evidence) => self.check(project, &evidence),
                Err(Fault::Unknown { .. }) => self.unknown += 1,
                Err(fault) => return Err(failed(&fault.to_string())),
            }
        }
        Ok(())
    }

    fn check(&mut self, project: &Path, evidence: &Evidence) {
        for fact in &evidence.facts {
            self.facts += 1;
            self.guesses += usize::from(fact.guess);
            let Source::Code(citation) = &fact.source else { continue };
            self.citations += 1;
            self.named += usize::from(fact.name.is_some());
            if let Some(wrong) = wrong(project, citation, fact.name.as_deref()) {
                self.wrong.push(format!("{}: {} ({}:{}): {wrong}", evidence.title, fact.text, citation.path, citation.line));
            }
        }
    }

    fn text(&self) -> String {
        let Self { symbols, unknown, facts, guesses, citations, named, wrong, .. } = self;
        let mut text = format!("{symbols} symbols explained, {unknown} of them not found: {facts} facts, {guesses} marked as guesses\n");
        text.push_str(&format!("{citations} citations read again, {named} with a name: {} do not hold (goal: 0)\n", wrong.len()));
        wrong.iter().for_each(|wrong| text.push_str(&format!("  {wrong}\n")));
        text
    }
}

/// Every function and type of a project's sources: its file and its qualified name.
fn symbols(project: &Path) -> Result<Vec<(String, String)>, Error> {
    let mut symbols = Vec::new();
    for path in sources(project)? {
        let Some(language) = Language::of(&path) else { continue };
        let bytes = fs::read(project.join(&path)).map_err(|error| failed(&format!("read {path}: {error}")))?;
        let outline = naestro_index::outline(language, &bytes);
        let wanted = (0_u32..).zip(&outline.symbols).filter(|(_, symbol)| is_wanted(symbol.kind));
        symbols.extend(wanted.map(|(number, _)| (path.clone(), outline.qualified(number).join("::"))));
    }
    Ok(symbols)
}

fn is_wanted(kind: Kind) -> bool {
    matches!(kind, Kind::Function | Kind::Method | Kind::Struct | Kind::Class | Kind::Enum | Kind::Trait | Kind::Interface)
}

/// What is wrong with a citation, if anything is: the file is read anew.
fn wrong(project: &Path, citation: &Citation, name: Option<&str>) -> Option<String> {
    let bytes = match fs::read(project.join(&citation.path)) {
        Ok(bytes) => bytes,
        Err(error) => return Some(error.to_string()),
    };
    let range = usize::try_from(citation.start).ok()?..usize::try_from(citation.end).ok()?;
    let Some(cited) = bytes.get(range.clone()) else { return Some("the file is shorter".to_owned()) };
    if naestro_policy::digest_bytes(cited) != citation.digest {
        return Some("the bytes have another digest".to_owned());
    }
    let line = bytes[..range.start].iter().filter(|byte| **byte == b'\n').count() + 1;
    if line != citation.line as usize {
        return Some(format!("the bytes begin in line {line}"));
    }
    let holds = |name: &str| String::from_utf8_lossy(cited).contains(name);
    name.filter(|name| !holds(name)).map(|name| format!("the bytes do not hold `{name}`"))
}

/// Waits for as long as it takes.
struct Patient;

impl Watch for Patient {
    fn progress(&self, _: usize, _: usize) {}

    fn cancelled(&self) -> bool {
        false
    }
}

fn failed(why: &str) -> Error {
    Error::new(ErrorCode::Unavailable, format!("measure: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_that_does_not_hold_is_found() {
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join("a.py"), "x = 1\ndef f():\n    pass\n").unwrap();
        let cited = |start: u64, end: u64, line| Citation {
            path: "a.py".into(),
            start,
            end,
            line,
            last_line: line,
            digest: naestro_policy::digest_bytes(&b"x = 1\ndef f():\n    pass\n"[start as usize..(end as usize).min(24)]),
        };
        let check = |citation: &Citation, name| wrong(project.path(), citation, name);
        assert_eq!(check(&cited(6, 14, 2), Some("f")), None);
        assert_eq!(check(&cited(6, 14, 2), Some("g")).unwrap(), "the bytes do not hold `g`");
        assert_eq!(check(&cited(6, 14, 1), Some("f")).unwrap(), "the bytes begin in line 2");
        assert_eq!(check(&cited(6, 99, 2), Some("f")).unwrap(), "the file is shorter");
        assert_eq!(check(&Citation { start: 7, ..cited(6, 14, 2) }, Some("f")).unwrap(), "the bytes have another digest");
    }
}
