//! `naestro explain`: a place in code, a change or a recorded run, from evidence only.

use std::path::{Path, PathBuf};

use naestro_api::{Error, ErrorCode, Explain, Prose};

use crate::screen::Screen;
use crate::{folder, watch};

/// Explain code, a change or a recorded run: what is known, each fact with its source.
///
/// With a model, prose over exactly these facts follows; what of it does not hold is left out and counted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro explain src/parser.rs:120
  naestro explain 'src/parser.rs#Parser::next' --question \"who may call it?\"
  naestro explain parse --no-model
  naestro explain diff
  naestro explain test:parses_a_line
  naestro explain commit:HEAD~1
  naestro explain run:0190a5d7-.../fix")]
pub(super) struct Args {
    /// What to explain: PATH, PATH:LINE[:COLUMN], PATH#SYMBOL, SYMBOL, commit:REVISION, diff, test:NAME or run:ID[/STEP].
    target: String,
    /// What you want to know about it; only a model can answer it.
    #[arg(long, value_name = "TEXT")]
    question: Option<String>,
    /// Show the facts alone, also where a model is configured.
    #[arg(long)]
    no_model: bool,
    /// The folder; the repository around the current directory where absent.
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    /// Print JSON: the explanation as one object, or the updates of the run where a model puts it into prose.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        let json = self.json;
        watch::explain(self.command()?, Screen::new(json))
    }

    fn command(self) -> Result<Explain, Error> {
        let prose = if self.no_model { Prose::Never } else { Prose::Auto };
        if let Some(target) = of_a_run(&self.target) {
            return Ok(Explain { target, workspace: None, question: None, prose });
        }
        let folder = folder::workspace(self.workspace.as_deref())?;
        let current = std::env::current_dir()
            .map_err(|error| Error::new(ErrorCode::InvalidWorkspace, format!("find the current directory: {error}")))?;
        let from = if self.workspace.is_some() { Path::new(&folder) } else { &current };
        let root = folder::repository(Path::new(&folder)).unwrap_or(Path::new(&folder));
        let target = below(&self.target, root, from);
        Ok(Explain { target, workspace: Some(folder), question: self.question, prose })
    }
}

/// The target where it is a run, whose bare id is enough: one begins with a digit, as no name in code does.
fn of_a_run(text: &str) -> Option<String> {
    if text.starts_with("run:") {
        return Some(text.to_owned());
    }
    let id = text.split('/').next().unwrap_or_default();
    let bare = id.starts_with(|c: char| c.is_ascii_digit()) && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    (bare && !Path::new(text).exists()).then(|| format!("run:{text}"))
}

/// The target with the path in it relative to the root, where it is there as seen from `from`.
pub(super) fn below(text: &str, root: &Path, from: &Path) -> String {
    if text == "diff" || text.starts_with("commit:") || text.starts_with("test:") {
        return text.to_owned();
    }
    let whole = if from.join(text).exists() { text } else { path_in(text) };
    let rest = &text[whole.len()..];
    let found = if whole.is_empty() { None } else { from.join(whole).canonicalize().ok() };
    match found.as_deref().and_then(|path| path.strip_prefix(root).ok()).and_then(Path::to_str) {
        // What is written as a path stays one, whatever its name is.
        Some(path) if whole.starts_with("./") || path.is_empty() => format!("./{path}{rest}"),
        Some(path) => format!("{path}{rest}"),
        None => text.to_owned(),
    }
}

/// What stands before `#`, or before a colon that a digit follows.
fn path_in(text: &str) -> &str {
    let is_line = |at: usize| text[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    let end = text.char_indices().find(|(at, c)| *c == '#' || *c == ':' && is_line(*at));
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_run_is_enough() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(of_a_run(text).as_deref(), expect, "{text}");
        check("0190a5", Some("run:0190a5"));
        check("0190a5d7-12ab/fix", Some("run:0190a5d7-12ab/fix"));
        check("run:0190a5", Some("run:0190a5"));
        check("src/lib.rs", None);
        check("add", None);
        check("decade", None);
        check("", None);
    }

    #[test]
    fn paths_are_meant_as_seen_from_where_one_stands() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("a folder just made");
        std::fs::create_dir_all(root.join("src/deep")).expect("folders");
        for file in ["src/lib.rs", "src/deep/diff", "top.rs"] {
            std::fs::write(root.join(file), "").expect("a file");
        }
        let check = |text: &str, from: &str, expect: &str| assert_eq!(below(text, &root, &root.join(from)), expect, "{text} in {from:?}");
        check("lib.rs:3", "src", "src/lib.rs:3");
        check("lib.rs:3:1", "src", "src/lib.rs:3:1");
        check("../top.rs#a", "src", "top.rs#a");
        check("src/lib.rs", "", "src/lib.rs");
        check("src/lib.rs:3", "src", "src/lib.rs:3");
        check("./diff", "src/deep", "./src/deep/diff");
        check("diff", "src/deep", "diff");
        check(".", "", "./");
        check("parse", "src", "parse");
        check("Parser::parse", "src", "Parser::parse");
        check("gone.rs:3", "src", "gone.rs:3");
        check(&root.join("top.rs:7").display().to_string(), "src", "top.rs:7");
    }
}
