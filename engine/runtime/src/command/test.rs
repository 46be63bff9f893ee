//! `test`: the tests a change affects, by the recipe `check`.

use std::sync::Arc;

use naestro_api::{Budget, Caller, Error, Handle, Orchestrate, StepKind, Test};

use super::orchestrate;
use crate::engine::Shared;
use crate::recipe;

/// Starts the run.
///
/// # Errors
/// What is wrong with the workspace.
pub(crate) async fn start(shared: &Arc<Shared>, test: Test, caller: &Caller) -> Result<Handle, Error> {
    let check = recipe::find("check", None)?;
    let mut plan = check.plan();
    if let Some(since) = test.since {
        for step in &mut plan.steps {
            if let StepKind::Tool { tool, args } = &mut step.kind
                && tool == "changes"
            {
                args.insert(String::from("since"), since.clone().into());
            }
        }
    }
    let budget = Budget { wall_s: test.wall_s.or(check.budget.wall_s), ..Budget::default() };
    let orchestrate = Orchestrate { workspace: test.workspace, plan: Some(plan), budget, ..Orchestrate::default() };
    orchestrate::start(shared, orchestrate, caller).await
}
