//! Recipes: named plans in TOML, built in or the user's own; the one place where a recipe file is read.

use std::collections::BTreeMap;
use std::path::Path;

use naestro_api::{Budget, Error, ErrorCode, Plan, RecipeEntry, Step};
use serde::Deserialize;

/// A named plan.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// What it does, one sentence.
    pub description: String,
    /// What it may spend where the caller does not say.
    #[serde(default)]
    pub budget: Budget,
    /// Acceptance commands, beside the caller's.
    #[serde(default)]
    pub accept: Vec<String>,
    /// Whether it is of use only with a goal, which takes the place of `{goal}` in its prompts.
    #[serde(default)]
    pub needs_goal: bool,
    /// The step whose text is the run's summary; the last one where absent.
    #[serde(default)]
    pub summary: Option<String>,
    /// Its steps, as in a plan.
    pub steps: Vec<Step>,
}

const BUILT_IN: &[(&str, &str)] =
    &[("check", include_str!("../../../recipes/check.toml")), ("fix", include_str!("../../../recipes/fix.toml"))];

/// The recipes that are built in.
///
/// # Errors
/// The fault of a built-in recipe, which the tests would have shown.
pub fn built_in() -> Result<Vec<Recipe>, Error> {
    BUILT_IN.iter().map(|(name, text)| parse(text, name)).collect()
}

/// The recipes there are, built in and the user's own, by their names; a file that is no recipe is left out with a warning.
///
/// # Errors
/// The fault of a built-in recipe, which the tests would have shown.
pub(crate) fn all(folder: Option<&Path>) -> Result<Vec<RecipeEntry>, Error> {
    let files = folder.into_iter().flat_map(std::fs::read_dir).flatten().flatten().map(|entry| entry.path());
    let own = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let read = find(&name, folder).inspect_err(|error| tracing::warn!(%error, "left a recipe out"));
        // It is called by its file's name.
        read.ok().map(|recipe| Recipe { name, ..recipe })
    });
    let mut recipes: BTreeMap<String, Recipe> = own.map(|recipe| (recipe.name.clone(), recipe)).collect();
    // A built-in name means the built-in recipe, whatever the folder holds.
    recipes.extend(built_in()?.into_iter().map(|recipe| (recipe.name.clone(), recipe)));
    let entry = |recipe: Recipe| RecipeEntry { name: recipe.name, description: recipe.description, needs_goal: recipe.needs_goal };
    Ok(recipes.into_values().map(entry).collect())
}

impl Recipe {
    /// Its plan.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan { steps: self.steps.clone(), summary: self.summary.clone() }
    }
}

/// The recipe of that name: built in, in the user's folder, or at that path.
///
/// # Errors
/// `unknown_recipe` with the names there are, or `invalid_plan` with the line that is wrong.
pub(crate) fn find(name: &str, folder: Option<&Path>) -> Result<Recipe, Error> {
    if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        return parse(text, name);
    }
    let is_path = name.contains('/') || Path::new(name).extension().is_some_and(|extension| extension == "toml");
    let path = if is_path { Some(name.into()) } else { folder.map(|folder| folder.join(format!("{name}.toml"))) };
    match path.as_ref().map(std::fs::read_to_string) {
        Some(Ok(text)) => parse(&text, name),
        Some(Err(error)) if is_path => Err(Error::new(ErrorCode::UnknownRecipe, format!("read recipe `{name}`: {error}"))
            .hint("give the path of a TOML file, or the name of a recipe")),
        _ => {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            Err(Error::new(ErrorCode::UnknownRecipe, format!("find recipe `{name}`"))
                .hint(format!("built in are: {}", names.join(", ")))
                .hint("a recipe of your own is a TOML file: give its path"))
        }
    }
}

fn parse(text: &str, name: &str) -> Result<Recipe, Error> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Error::new(ErrorCode::InvalidPlan, format!("read recipe `{name}`: line {line}: {}", error.message()))
            .hint("`naestro spec plan` prints the JSON Schema of a plan's steps")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_recipes_are_sound() {
        let names: Vec<String> = built_in().unwrap().into_iter().map(|recipe| recipe.name).collect();
        assert_eq!(names, ["check", "fix"]);
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
        let error = parse("name = \"x\"\ndescription = \"y\"\nstepz = []\n", "x").unwrap_err();
        assert!(error.message.contains("line 3"), "{error}");
        assert!(error.message.contains("stepz"), "{error}");
    }

    #[test]
    fn an_unknown_recipe_says_which_there_are() {
        let error = find("chekc", None).unwrap_err();
        assert_eq!(error.code, ErrorCode::UnknownRecipe);
        assert_eq!(error.hints[0], "built in are: check, fix");
    }
}
