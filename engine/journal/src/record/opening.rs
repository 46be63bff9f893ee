//! What a run is opened with, as it stands in a record.

use naestro_kernel as kernel;
use serde::{Deserialize, Serialize};

use super::body::{parse_digest, parse_run};
use super::outcome::Class;
use super::{Fault, mirror};

#[derive(Serialize, Deserialize)]
pub(super) struct Opening {
    run: String,
    session: String,
    previous: Option<String>,
    kernel: u32,
    goal: String,
    recipe: Option<String>,
    workspace: String,
    mode: Mode,
    unsandboxed: bool,
    apply: bool,
    interactive: bool,
    limits: Limits,
    parallel: u32,
    checks: Vec<String>,
    model: Option<ModelFacts>,
    tools: Vec<ToolFacts>,
    preamble_tokens: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inherited: Option<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct ToolFacts {
    name: String,
    class: Class,
    access: ToolAccess,
    for_agents: bool,
}

mirror!(
    enum Mode {
        Guide,
        Copilot,
        Auto,
    }
);
mirror!(
    enum ToolAccess {
        None,
        Read,
        Write,
    }
);
mirror!(
    pub(super) struct Limits {
        tokens: Option<u64>,
        micros: Option<u64>,
        wall: Option<u64>,
    }
);
mirror!(
    pub(super) struct Amount {
        tokens: u64,
        micros: u64,
    }
);
mirror!(
    struct ModelFacts {
        name: String,
        host: String,
        context: u64,
        max_output: u64,
        price_input: u64,
        price_output: u64,
    }
);

impl Opening {
    pub(super) fn from_kernel(opening: kernel::Opening) -> Self {
        Self {
            run: opening.run.to_string(),
            session: opening.session.to_string(),
            previous: opening.previous.map(|run| run.to_string()),
            kernel: opening.kernel,
            goal: opening.goal,
            recipe: opening.recipe,
            workspace: opening.workspace,
            mode: opening.mode.into(),
            unsandboxed: opening.unsandboxed,
            apply: opening.apply,
            interactive: opening.interactive,
            limits: opening.limits.into(),
            parallel: opening.parallel,
            checks: opening.checks,
            model: opening.model.map(ModelFacts::from),
            tools: opening.tools.into_iter().map(ToolFacts::from).collect(),
            preamble_tokens: opening.preamble_tokens,
            inherited: opening.inherited.map(|(base, tree)| (base.to_string(), tree.to_string())),
        }
    }

    pub(super) fn into_kernel(self) -> Result<kernel::Opening, Fault> {
        Ok(kernel::Opening {
            run: parse_run(&self.run)?,
            session: parse_run(&self.session)?,
            previous: self.previous.as_deref().map(parse_run).transpose()?,
            kernel: self.kernel,
            goal: self.goal,
            recipe: self.recipe,
            workspace: self.workspace,
            mode: self.mode.into(),
            unsandboxed: self.unsandboxed,
            apply: self.apply,
            interactive: self.interactive,
            limits: self.limits.into(),
            parallel: self.parallel,
            checks: self.checks,
            model: self.model.map(kernel::ModelFacts::from),
            tools: self.tools.into_iter().map(kernel::ToolFacts::from).collect(),
            preamble_tokens: self.preamble_tokens,
            inherited: self.inherited.map(|(base, tree)| Ok::<_, Fault>((parse_digest(&base)?, parse_digest(&tree)?))).transpose()?,
        })
    }
}

impl From<kernel::ToolFacts> for ToolFacts {
    fn from(tool: kernel::ToolFacts) -> Self {
        let kernel::ToolFacts { name, class, access, for_agents } = tool;
        Self { name, class: class.into(), access: access.into(), for_agents }
    }
}

impl From<ToolFacts> for kernel::ToolFacts {
    fn from(tool: ToolFacts) -> Self {
        let ToolFacts { name, class, access, for_agents } = tool;
        Self { name, class: class.into(), access: access.into(), for_agents }
    }
}
