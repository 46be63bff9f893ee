//! Work made exact: from what the kernel wants to the one effect a permit is bound to.
//!
//! Invariant: pure. The same fold gives the same effect, so a consent given for one process's effect holds in the next.

use naestro_kernel::{Body, Call, Millis, Purpose, StepId, ToolAccess, Work};
use naestro_policy::effect::{Check, Diff, Effect, Generate, Import, Open, Role, ToolCall, ToolSpec, UpstreamCall};
use naestro_policy::port::UpstreamTool;
use serde_json::{Map, Value};

use crate::context::Preamble;
use crate::conversation::COMPACT;
use crate::fold::Fold;
use crate::message::plain;
use crate::parts::Tests;

/// What effects are made from, beside the fold.
pub(crate) struct Maker<'a> {
    pub(crate) fold: &'a Fold,
    pub(crate) preamble: &'a Preamble,
    pub(crate) specs: &'a [ToolSpec],
    /// Those of the tools that other servers offer.
    pub(crate) upstream: &'a [UpstreamTool],
    /// How the user wants the project's tests run.
    pub(crate) tests: &'a Tests,
}

/// An effect and its name for people.
pub(crate) struct Exact {
    pub(crate) effect: Effect,
    pub(crate) label: String,
}

/// Why a unit's work cannot be made exact.
pub(crate) struct Impossible {
    pub(crate) label: String,
    pub(crate) reason: String,
    pub(crate) hint: String,
}

impl Maker<'_> {
    /// The exact effect of a unit's work.
    pub(crate) fn make(&self, work: &Work) -> Result<Exact, Impossible> {
        let opening = self.fold.run.opening().ok_or_else(|| impossible("", "the run is not open"))?;
        let checkout = opening.workspace.clone();
        match work {
            Work::Open { restore } => {
                let effect = Effect::Open(Open { run: opening.run, checkout, base: self.fold.run.base(), restore: *restore });
                Ok(Exact { effect, label: String::from("open the workspace") })
            }
            Work::Think { step, purpose, max_output, .. } => self.generate(step, *purpose, *max_output),
            Work::Call { step, call, access, offered, timeout, .. } => {
                if !offered {
                    return Err(impossible(&call.tool, &format!("there is no tool `{}` here", call.tool)));
                }
                self.call(step, call, *access, *timeout)
            }
            Work::Check { command, timeout, .. } => {
                let restore = self.fold.run.tree();
                let effect = Effect::Check(Check { run: opening.run, command: command.clone(), restore, timeout: timeout.0 });
                Ok(Exact { effect, label: format!("check `{}`", line(command)) })
            }
            Work::Diff { tree } => {
                let base = self.fold.run.base().ok_or_else(|| impossible("diff", "there is no base tree"))?;
                Ok(Exact { effect: Effect::Diff(Diff { base, tree: *tree }), label: String::from("compute the diff") })
            }
            Work::Import { tree, diff } => {
                let base = self.fold.run.base().ok_or_else(|| impossible("import", "there is no base tree"))?;
                let paths = self.fold.diff.as_ref().map(|(_, paths)| paths.clone()).unwrap_or_default();
                let label = format!(
                    "import {} into the checkout",
                    if paths.len() == 1 { "1 file".into() } else { format!("{} files", paths.len()) }
                );
                Ok(Exact { effect: Effect::Import(Import { checkout, base, tree: *tree, diff: *diff, paths }), label })
            }
        }
    }

    fn generate(&self, step: &StepId, purpose: Purpose, max_output: u64) -> Result<Exact, Impossible> {
        let run = &self.fold.run;
        let (Some(opening), Some(plan)) = (run.opening(), run.plan()) else { return Err(impossible("model", "the run has no plan")) };
        let model = opening.model.as_ref().ok_or_else(|| impossible("model", "no model is configured"))?;
        let mut messages = self.preamble.messages(opening, plan, step, &run.inputs(step));
        messages.extend(self.fold.conversations.of(step).iter().cloned());
        let tools = match purpose {
            Purpose::Turn => self.offered(step),
            Purpose::Answer => Vec::new(),
            Purpose::Compact => {
                messages.push(plain(Role::User, COMPACT));
                Vec::new()
            }
        };
        let effect = Effect::Generate(Generate { host: model.host.clone(), model: model.name.clone(), messages, tools, max_output });
        Ok(Exact { effect, label: format!("ask {}", model.name) })
    }

    /// The tools a step offers to its model.
    fn offered(&self, step: &StepId) -> Vec<ToolSpec> {
        let run = &self.fold.run;
        let allowed = match run.plan().and_then(|plan| plan.step(step)).map(|step| &step.kind) {
            Some(naestro_kernel::StepKind::Agent { tools, .. }) => tools.as_slice(),
            _ => &[],
        };
        let for_agents =
            |name: &str| run.opening().is_some_and(|opening| opening.tools.iter().any(|tool| tool.for_agents && tool.name == name));
        self.specs.iter().filter(|spec| for_agents(&spec.name) && (allowed.is_empty() || allowed.contains(&spec.name))).cloned().collect()
    }

    fn call(&self, step: &StepId, call: &Call, access: ToolAccess, timeout: Millis) -> Result<Exact, Impossible> {
        let opening = self.fold.run.opening().ok_or_else(|| impossible(&call.tool, "the run is not open"))?;
        let label = label(call);
        let args = self.arguments(step, call, timeout).map_err(|reason| Impossible {
            label: label.clone(),
            reason,
            hint: String::from("send a JSON object"),
        })?;
        if let Some(tool) = self.upstream.iter().find(|tool| tool.facts.name == call.tool) {
            let (server, tool_name) = (tool.server.clone(), tool.tool.clone());
            let UpstreamTool { pinned, trust, .. } = *tool;
            let exact = UpstreamCall { run: opening.run, server, tool: tool_name, pinned, trust, args, timeout: timeout.0 };
            return Ok(Exact { effect: Effect::Upstream(exact), label });
        }
        let effect = Effect::Call(ToolCall {
            run: opening.run,
            checkout: opening.workspace.clone(),
            tool: call.tool.clone(),
            access,
            args,
            timeout: timeout.0,
        });
        Ok(Exact { effect, label })
    }

    /// The call's arguments, with the step's inputs merged in where it is the plan's own, and for `test` the time it has and what the user configured.
    fn arguments(&self, step: &StepId, call: &Call, timeout: Millis) -> Result<Body, String> {
        let is_plans_own = self.fold.run.plan().and_then(|plan| plan.step(step)).is_some_and(|step| step.tool().is_some());
        if !is_plans_own {
            return Ok(call.args.clone());
        }
        let mut args: Map<String, Value> =
            serde_json::from_slice(&call.args.bytes).map_err(|error| format!("its arguments are no JSON object: {error}"))?;
        for (name, body) in self.fold.run.inputs(step) {
            let value = serde_json::from_slice(&body.bytes).unwrap_or_else(|_| Value::String(body.text().into_owned()));
            args.insert(name, value);
        }
        if call.tool == "test" {
            if !args.contains_key("wall_s") {
                args.insert(String::from("wall_s"), Value::from(timeout.0.div_ceil(1000).max(1)));
            }
            self.configured(&mut args);
        }
        Ok(crate::plan::arguments(&args))
    }

    /// Commands that run tests, and how often, where the call does not say.
    fn configured(&self, args: &mut Map<String, Value>) {
        let mut set = |name: &str, value: Value| {
            args.entry(name).or_insert(value);
        };
        if let Some(retries) = self.tests.retries {
            set("retries", Value::from(retries));
        }
        if !self.tests.runners.is_empty() {
            set("runners", Value::from_iter(self.tests.runners.iter().map(|(of, command)| (of.clone(), Value::from(command.clone())))));
        }
    }
}

/// A call in a few words: the tool and its most telling argument.
fn label(call: &Call) -> String {
    let args: Map<String, Value> = serde_json::from_slice(&call.args.bytes).unwrap_or_default();
    let telling = ["command", "path", "pattern", "since", "target"].iter().find_map(|name| args.get(*name)?.as_str());
    match telling {
        Some(text) => format!("{} {}", call.tool, line(text)),
        None => call.tool.clone(),
    }
}

/// The first line of a text, at most 80 characters of it.
fn line(text: &str) -> String {
    let first = text.lines().next().unwrap_or("");
    match first.char_indices().nth(80) {
        Some((at, _)) => format!("{}...", &first[..at]),
        None => first.to_owned(),
    }
}

fn impossible(label: &str, reason: &str) -> Impossible {
    Impossible { label: label.to_owned(), reason: reason.to_owned(), hint: String::new() }
}
