//! `test`: the tests a change affects, all of them, or those that are named.
//!
//! Invariant: what a change affects is the recipe `check`; the others are its beginning left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use naestro_api::{Budget, Caller, Error, ErrorCode, Handle, Input, Orchestrate, Plan, Selection, StepKind, Test};
use serde_json::{Map, Value};

use super::orchestrate;
use crate::engine::Shared;
use crate::plan::step;
use crate::recipe;

/// The most often a test is repeated or retried: more is a benchmark, not a test.
const OFTEN: u32 = 1000;

/// Starts the run.
///
/// # Errors
/// What is wrong with the workspace or the selection.
pub(crate) async fn start(shared: &Arc<Shared>, test: Test, caller: &Caller) -> Result<Handle, Error> {
    refuse(&test)?;
    let check = recipe::find("check", None)?;
    let plan = match &test.select {
        Selection::Affected => affected(check.plan(), &test),
        Selection::All | Selection::Named(_) => chosen(&test),
    };
    let budget = Budget { wall_s: test.wall_s.or(check.budget.wall_s), ..Budget::default() };
    let orchestrate = Orchestrate { goal: title(&test), workspace: test.workspace, plan: Some(plan), budget, ..Orchestrate::default() };
    orchestrate::start(shared, orchestrate, caller).await
}

fn refuse(test: &Test) -> Result<(), Error> {
    let invalid = |message: String| Err(Error::new(ErrorCode::InvalidInput, message));
    if test.since.is_some() && test.select != Selection::Affected {
        return invalid(String::from("choose: a revision to compare with is for affected tests alone"));
    }
    if test.select == Selection::Named(Vec::new()) {
        return invalid(String::from("choose: no test is named"));
    }
    match [("repeat", test.repeat), ("retries", test.retries)].into_iter().find(|(_, times)| times.is_some_and(|times| times > OFTEN)) {
        Some((what, _)) => invalid(format!("{what} tests: more than {OFTEN} times are not taken")),
        None => Ok(()),
    }
}

/// The recipe, with what the caller says of it.
fn affected(mut plan: Plan, test: &Test) -> Plan {
    for step in &mut plan.steps {
        match (&mut step.kind, &test.since) {
            (StepKind::Tool { tool, args }, Some(since)) if tool == "changes" => {
                args.insert(String::from("since"), since.clone().into());
            }
            (StepKind::Test { args }, _) => args.extend(arguments(test)),
            _ => {}
        }
    }
    plan
}

/// Every package's tests, or those that are named.
fn chosen(test: &Test) -> Plan {
    let all = Map::from_iter([(String::from("all"), Value::Bool(true))]);
    let packages = Input { from: String::from("packages"), text: false };
    let steps = vec![
        step("packages", StepKind::Tool { tool: String::from("packages"), args: all }, BTreeMap::new()),
        step("test", StepKind::Test { args: arguments(test) }, BTreeMap::from([(String::from("packages"), packages)])),
    ];
    Plan { steps, summary: Some(String::from("test")) }
}

/// What the caller says of the tests themselves.
fn arguments(test: &Test) -> Map<String, Value> {
    let mut args = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            args.insert(name.to_owned(), value);
        }
    };
    if let Selection::Named(names) = &test.select {
        set("select", Some(Value::from(names.clone())));
    }
    set("list", test.list.then_some(Value::Bool(true)));
    set("repeat", test.repeat.map(Value::from));
    set("retries", test.retries.map(Value::from));
    args
}

/// The words the run is listed under.
fn title(test: &Test) -> String {
    let what = match &test.select {
        Selection::Affected => {
            test.since.as_ref().map_or_else(|| String::from("what changed"), |since| format!("what changed since {since}"))
        }
        Selection::All => String::from("everything"),
        Selection::Named(names) => names.join(", "),
    };
    format!("{} {what}", if test.list { "list the tests of" } else { "test" })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(test: Test, expect: Expect) {
        let plan = match test.select {
            Selection::Affected => affected(recipe::find("check", None).unwrap().plan(), &test),
            _ => chosen(&test),
        };
        let sorted = |args: &Map<String, Value>| serde_json::to_string(&args.iter().collect::<BTreeMap<_, _>>()).unwrap();
        let lines = plan.steps.iter().map(|step| match &step.kind {
            StepKind::Tool { tool, args } => format!("{tool} {}", sorted(args)),
            StepKind::Test { args } => format!("test {}", sorted(args)),
            other => format!("{other:?}"),
        });
        expect.assert_eq(&format!("{}: {}", title(&test), lines.collect::<Vec<_>>().join(" > ")));
    }

    #[test]
    fn each_selection_has_its_plan() {
        let since = Some(String::from("main"));
        check(
            Test { since, retries: Some(2), ..Test::default() },
            expect![[r#"test what changed since main: changes {"since":"main"} > packages {} > affected {} > test {"retries":2}"#]],
        );
        check(
            Test { select: Selection::All, list: true, ..Test::default() },
            expect![[r#"list the tests of everything: packages {"all":true} > test {"list":true}"#]],
        );
        let named = Selection::Named(vec![String::from("adds")]);
        check(
            Test { select: named, repeat: Some(3), ..Test::default() },
            expect![[r#"test adds: packages {"all":true} > test {"repeat":3,"select":["adds"]}"#]],
        );
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        let refused = |test: Test| refuse(&test).is_err();
        assert!(refused(Test { since: Some(String::from("main")), select: Selection::All, ..Test::default() }));
        assert!(refused(Test { select: Selection::Named(Vec::new()), ..Test::default() }));
        assert!(refused(Test { repeat: Some(OFTEN + 1), ..Test::default() }));
        assert!(!refused(Test { since: Some(String::from("main")), ..Test::default() }));
    }
}
