//! `naestro explain`: a recorded run or one of its steps, from recorded reasons only.

use naestro_api::{Command, Error, Explain, Handle};

use crate::{clean, exit, screen, watch};

/// Explain a recorded run, or one step of it, from what was recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro explain run:0190a5d7-...
  naestro explain run:0190a5d7-.../fix")]
pub(super) struct Args {
    /// What to explain: run:ID or run:ID/STEP; a run's id or its beginning will do.
    target: String,
    /// Print the explanation as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        let handle = watch::ask(Command::Explain(Explain { target: target(self.target) }))?;
        let Handle::Explanation(explanation) = handle else { return Err(watch::unexpected("an explanation")) };
        if self.json {
            screen::json_line(&explanation);
        } else {
            screen::print(&format!("{}\n", clean::text(explanation.text.trim_end())))?;
        }
        Ok(exit::SUCCEEDED)
    }
}

/// A bare id, perhaps with a step, is that of a run.
fn target(text: String) -> String {
    let id = text.split('/').next().unwrap_or_default();
    let bare = !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if bare { format!("run:{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_run_is_enough() {
        let check = |text: &str, expect: &str| assert_eq!(target(text.to_owned()), expect);
        check("0190a5", "run:0190a5");
        check("0190a5d7-12ab/fix", "run:0190a5d7-12ab/fix");
        check("run:0190a5", "run:0190a5");
        check("src/lib.rs", "src/lib.rs");
        check("", "");
    }
}
