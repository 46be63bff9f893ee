//! Prompts: one per recipe, so that a human finds them where their assistant lists prompts.

use naestro_api::{Engine, Error, ErrorCode, Query, RecipeEntry, Reply};
use rmcp::model::{
    CacheScope, GetPromptRequestParams, GetPromptResult, JsonObject, ListPromptsResult, Prompt, PromptArgument, PromptMessage, Role,
};
use serde_json::Value;

use crate::failure;

/// How long a client may keep the list: recipes are files.
const KEEP_MS: u64 = 60_000;

/// The recipes.
///
/// # Errors
/// The fault of a built-in recipe.
pub(crate) async fn list(engine: &dyn Engine) -> Result<ListPromptsResult, Error> {
    let prompts = recipes(engine).await?.into_iter().map(prompt).collect();
    Ok(ListPromptsResult::with_all_items(prompts).with_ttl_ms(KEEP_MS).with_cache_scope(CacheScope::Private))
}

/// What the assistant is told to do about one.
///
/// # Errors
/// `unknown_recipe`, or a goal that is missing.
pub(crate) async fn get(engine: &dyn Engine, request: &GetPromptRequestParams) -> Result<GetPromptResult, Error> {
    let recipes = recipes(engine).await?;
    let recipe = recipes.iter().find(|recipe| recipe.name == request.name).ok_or_else(|| {
        let known: Vec<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
        let name: String = request.name.chars().take(64).collect();
        Error::new(ErrorCode::UnknownRecipe, format!("find the prompt `{name}`")).hint(format!("there are: {}", known.join(", ")))
    })?;
    let text = text(recipe, request.arguments.as_ref())?;
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).with_description(recipe.description.clone()))
}

fn prompt(recipe: RecipeEntry) -> Prompt {
    let goal = PromptArgument::new("goal").with_description("what to do, in words").with_required(recipe.needs_goal);
    let workspace =
        PromptArgument::new("workspace").with_description("absolute path of the project; where the server was started if absent");
    let title = format!("Recipe: {}", recipe.name);
    Prompt::new(recipe.name, Some(recipe.description), Some(vec![goal, workspace])).with_title(title)
}

fn text(recipe: &RecipeEntry, arguments: Option<&JsonObject>) -> Result<String, Error> {
    let given =
        |name: &str| arguments.and_then(|fields| fields.get(name)).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    if recipe.needs_goal && given("goal").is_none() {
        return Err(Error::new(ErrorCode::InvalidInput, format!("begin with recipe `{}`: it needs a goal", recipe.name)));
    }
    let mut text = format!("Call the tool `orchestrate` with recipe \"{}\"", recipe.name);
    if let Some(workspace) = given("workspace") {
        text.push_str(&format!(" and workspace \"{workspace}\""));
    }
    if let Some(goal) = given("goal") {
        text.push_str(&format!(", and as its goal these words:\n\n{goal}\n\n"));
    } else {
        text.push_str(". ");
    }
    text.push_str("Where it answers with a run that goes on, wait for it with the tool `trace`, op \"wait\". Then tell what came of it.");
    Ok(text)
}

async fn recipes(engine: &dyn Engine) -> Result<Vec<RecipeEntry>, Error> {
    match engine.query(Query::Recipes).await? {
        Reply::Recipes(recipes) => Ok(recipes),
        _ => Err(failure::unexpected("recipes")),
    }
}
