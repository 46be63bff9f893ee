//! What a call asks for, read from its arguments.

use serde_json::Value;

use super::report::Told;
use super::selection::{Affected, Named, Selection};
use crate::project::{Package, Runner};
use crate::tool::{Call, Stop};

/// The budget where none is given, in seconds.
const BUDGET: u64 = 120;

/// What a call asks for.
pub(super) struct Order {
    pub(super) asked: Vec<Asked>,
    pub(super) selection: Selection,
    pub(super) list: bool,
    pub(super) repeat: u64,
    pub(super) retries: u64,
    pub(super) told: Told,
    /// Whether this is a test run within a test run of the same folder, which tests nothing.
    pub(super) inside: bool,
    /// The budget in seconds.
    pub(super) budget: u64,
    /// The user's own commands, by folder or name of a package.
    runners: Vec<(String, Vec<String>)>,
}

/// A package as the arguments name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) dir: String,
    pub(super) changed: bool,
}

impl Order {
    /// # Errors
    /// Says which argument is not what it must be.
    pub(super) fn read(call: &Call<'_>) -> Result<Self, Stop> {
        let packages = call.args.data("packages");
        let mut told = Told {
            compared: said(packages, "compared"),
            verdict: said(packages, "verdict"),
            unowned: paths(packages, "unowned"),
            submodules: paths(packages, "submodules"),
            ..Told::default()
        };
        let texts = call.args.texts("select");
        let selection = match call.args.data("affected") {
            _ if !texts.is_empty() => Selection::Named(Named::read(call.root.path(), &texts)),
            Some(data) => {
                let affected = Affected::read(data)?;
                affected.tell(&mut told);
                Selection::Affected(affected)
            }
            None => Selection::All,
        };
        Ok(Self {
            asked: asked(packages)?,
            selection,
            list: call.args.flag("list"),
            repeat: call.args.count("repeat").unwrap_or(1),
            retries: call.args.count("retries").unwrap_or(1),
            told,
            inside: packages.and_then(|data| data.get("inside")) == Some(&Value::Bool(true)),
            budget: call.args.count("wall_s").unwrap_or(BUDGET),
            runners: runners(call.args.data("runners"))?,
        })
    }

    /// Gives packages the commands that the user has for them; the user's configuration may name packages of other folders too.
    ///
    /// # Errors
    /// Says which command cannot be kept to.
    pub(super) fn settle(&self, packages: &mut [Package]) -> Result<(), Stop> {
        for (of, command) in &self.runners {
            let dir = of.trim_start_matches("./").trim_end_matches('/');
            let dir = if dir == "." { "" } else { dir };
            for package in packages.iter_mut().filter(|package| package.dir == dir || package.name == *of) {
                package.run_by(command.clone());
                if matches!(package.runner, Runner::Cargo | Runner::Nextest) && command.iter().any(|word| word == "--") {
                    let words = "must not hold \"--\": what stands behind it is for the tests that are chosen";
                    return Err(Stop::refused(format!("the command of {of:?} in \"runners\" {words}")));
                }
            }
        }
        Ok(())
    }
}

fn asked(packages: Option<&Value>) -> Result<Vec<Asked>, Stop> {
    let shape = || {
        Stop::refused(
            "the argument \"packages\" must hold \"packages\", a list of objects with \"name\" and \"dir\"; take the data of packages",
        )
    };
    let list = packages.and_then(|data| data.get("packages")).and_then(Value::as_array).ok_or_else(shape)?;
    let one = |package: &Value| {
        let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
        let changed = package.get("changed").and_then(Value::as_bool).unwrap_or(true);
        Some(Asked { name: text("name")?, dir: text("dir")?, changed })
    };
    list.iter().map(|package| one(package).ok_or_else(shape)).collect()
}

fn runners(data: Option<&Value>) -> Result<Vec<(String, Vec<String>)>, Stop> {
    let shape = |of: &str| Stop::refused(format!("the command of {of:?} in \"runners\" must be a list of words that is not empty"));
    let one = |(of, command): (&String, &Value)| {
        let words = command.as_array().filter(|words| !words.is_empty()).ok_or_else(|| shape(of))?;
        let words: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(str::to_owned)).collect();
        Ok((of.clone(), words.filter(|words| !words[0].is_empty()).ok_or_else(|| shape(of))?))
    };
    data.and_then(Value::as_object).into_iter().flatten().map(one).collect()
}

/// What the tool packages said under this name.
fn said(packages: Option<&Value>, name: &str) -> Option<String> {
    packages.and_then(|data| data.get(name)).and_then(Value::as_str).map(str::to_owned)
}

/// The paths the tool packages listed under this name.
fn paths(packages: Option<&Value>, name: &str) -> Vec<String> {
    let files = packages.and_then(|data| data.get(name)).and_then(Value::as_array).into_iter().flatten();
    files.filter_map(Value::as_str).map(str::to_owned).collect()
}
