//! `naestro orchestrate`: a goal, a recipe or a plan becomes a run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use naestro_api::{Budget, Command, Error, ErrorCode, Mode, Orchestrate, Plan};

use crate::screen::Screen;
use crate::{folder, near, watch};

/// Turn a goal, a recipe or a plan into a run, and follow it to its end.
///
/// The run works in a private view of the folder; what it changed comes back as a diff.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  naestro orchestrate --recipe check
  naestro orchestrate \"make the tests pass\" --mode auto --accept \"cargo test\" --apply
  naestro orchestrate --resume 0190a5d7-...")]
pub(super) struct Args {
    /// What shall be done, in words.
    goal: Option<String>,
    /// A recipe: the name of a built-in one (check, fix) or of your own, or a file.
    #[arg(long, value_name = "NAME", value_parser = RecipeName, hide_possible_values = true)]
    recipe: Option<String>,
    /// A plan in a JSON file; `naestro spec plan` prints its schema.
    #[arg(long, value_name = "FILE", conflicts_with = "recipe")]
    plan: Option<PathBuf>,
    /// How much it may do without asking.
    #[arg(long, value_enum, default_value_t)]
    mode: ModeName,
    /// The most tokens it may use, input and output together.
    #[arg(long, value_name = "N")]
    budget_tokens: Option<u64>,
    /// The most US dollars it may spend, by the configured prices.
    #[arg(long, value_name = "USD", value_parser = usd)]
    budget_usd: Option<f64>,
    /// The longest it may take: 90, 90s, 5m or 1h.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    wall: Option<u64>,
    /// A command that must exit with 0 in the workspace before the run counts as succeeded; can be repeated.
    #[arg(long, value_name = "COMMAND")]
    accept: Vec<String>,
    /// The model to use instead of the configured one.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The folder it is about; the repository around the current directory where absent.
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    /// Import the diff into the folder at the end without asking.
    #[arg(long)]
    apply: bool,
    /// Let commands run without a sandbox in mode auto.
    #[arg(long)]
    unsandboxed: bool,
    /// Continue a suspended run.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["goal", "recipe", "plan", "session"])]
    resume: Option<String>,
    /// Continue the session of an earlier run: its conversation and its files.
    #[arg(long, value_name = "RUN")]
    session: Option<String>,
    /// Print one JSON object a line; the last one is of type finished.
    #[arg(long)]
    json: bool,
}

/// Any name or path; shells are told the built-in names.
#[derive(Clone)]
struct RecipeName;

impl TypedValueParser for RecipeName {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&clap::Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(["check", "fix"].into_iter().map(PossibleValue::new)))
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ModeName {
    /// Reads only: no commands, no diff.
    Guide,
    /// Asks before foreign commands and before what leaves the workspace.
    #[default]
    Copilot,
    /// Acts inside the granted scopes.
    Auto,
}

impl Args {
    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn run(self) -> Result<u8, Error> {
        let (json, model) = (self.json, self.model.clone());
        let command = Command::Orchestrate(Box::new(self.command()?));
        watch::run(command, model.as_deref(), Screen::new(json))
    }

    fn command(self) -> Result<Orchestrate, Error> {
        Ok(Orchestrate {
            goal: self.goal.unwrap_or_default(),
            recipe: self.recipe.map(recipe),
            plan: self.plan.as_deref().map(plan).transpose()?,
            mode: self.mode.into(),
            budget: Budget { tokens: self.budget_tokens, usd: self.budget_usd, wall_s: self.wall },
            accept: self.accept,
            model: self.model,
            workspace: folder::workspace(self.workspace.as_deref())?,
            apply: self.apply,
            unsandboxed: self.unsandboxed,
            resume: self.resume,
            session: self.session,
        })
    }
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Guide => Self::Guide,
            ModeName::Copilot => Self::Copilot,
            ModeName::Auto => Self::Auto,
        }
    }
}

/// A recipe's name as it is, a recipe's file by its absolute path: the engine knows nothing of our current directory.
fn recipe(name: String) -> String {
    let path = Path::new(&name);
    let is_path = name.contains('/') || path.extension().is_some_and(|extension| extension == "toml");
    match path.canonicalize() {
        Ok(path) if is_path => path.to_str().map_or(name, str::to_owned),
        _ => name,
    }
}

fn plan(path: &Path) -> Result<Plan, Error> {
    let wrong = |why: &dyn std::fmt::Display| Error::new(ErrorCode::InvalidPlan, format!("read the plan {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error).hint("give --plan a JSON file"))?;
    let mut json = serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let hint = near::hint(&error.inner().to_string());
        wrong(&error).hint(hint.unwrap_or_else(|| "`naestro spec plan` prints the schema".to_owned()))
    })
}

/// A span of time in seconds: a number, with `s`, `m` or `h` behind it or nothing.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let number: u64 = digits.parse().map_err(|_| "write it as 90, 90s, 5m or 1h".to_owned())?;
    number.checked_mul(unit).filter(|&seconds| seconds > 0).ok_or_else(|| "it must be more than nothing and less than forever".to_owned())
}

fn usd(text: &str) -> Result<f64, String> {
    let amount: f64 = text.trim_start_matches('$').parse().map_err(|_| "write it as 0.50".to_owned())?;
    if (0.0..=1e9).contains(&amount) { Ok(amount) } else { Err("it must be between 0 and 1,000,000,000".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_amounts_are_written_as_people_do() {
        let time = |text: &str, expect: Option<u64>| assert_eq!(seconds(text).ok(), expect, "{text}");
        time("90", Some(90));
        time("90s", Some(90));
        time("5m", Some(300));
        time("1h", Some(3600));
        time("0", None);
        time("h", None);
        time("-1", None);
        time("99999999999999999999h", None);
        let money = |text: &str, expect: Option<f64>| assert_eq!(usd(text).ok(), expect, "{text}");
        money("0.5", Some(0.5));
        money("$2", Some(2.0));
        money("-1", None);
        money("NaN", None);
        money("inf", None);
    }

    #[test]
    fn a_wrong_plan_is_named_with_its_place() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), r#"{"steps": [{"id": "a", "kind": "tool", "tool": "read"}, {"id": 7}]}"#).expect("written");
        let error = plan(file.path()).expect_err("a wrong plan");
        assert_eq!(error.code, ErrorCode::InvalidPlan);
        assert!(error.message.contains("steps[1]"), "{}", error.message);
    }
}
