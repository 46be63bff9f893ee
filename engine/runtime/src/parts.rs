//! What the engine is put together from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use naestro_kernel::ModelFacts;
use naestro_kernel::code::Code;
use naestro_policy::port::{Journal, JournalError, Models, Upstreams, Workspaces};

/// Opens the journal; called once, at the first command that needs it.
pub type OpenJournal = Box<dyn Fn() -> Result<Arc<dyn Journal>, JournalError> + Send + Sync>;

/// Opens the journal for reading alone; nothing where there is none yet, or none that can be read.
pub type OpenPast = Box<dyn Fn() -> Option<Arc<dyn Journal>> + Send + Sync>;

/// Makes the workspaces over an open journal and what knows the code; called once, at the first run.
pub type MakeWorkspaces = Box<dyn Fn(Arc<dyn Journal>, Arc<dyn Code>) -> Arc<dyn Workspaces> + Send + Sync>;

/// The parts the server plugs in.
pub struct Parts {
    /// Opens the journal.
    pub journal: OpenJournal,
    /// Opens the journal for what only looks back.
    pub past: OpenPast,
    /// Knows the code.
    pub code: Arc<dyn Code>,
    /// Makes the workspaces.
    pub workspaces: MakeWorkspaces,
    /// The tools of other servers, where any are configured.
    pub upstreams: Option<Arc<dyn Upstreams>>,
    /// The model, where one is configured.
    pub model: Option<ModelPart>,
    /// Everything else.
    pub settings: Settings,
}

/// A model and the port to it.
pub struct ModelPart {
    /// What the kernel needs to know of it.
    pub facts: ModelFacts,
    /// The port.
    pub port: Arc<dyn Models>,
}

/// Settings of the user's, already read.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The state directory; diff files are written to `diffs/` in it.
    pub home: PathBuf,
    /// The user's own recipes, one TOML file each.
    pub recipes: Option<PathBuf>,
    /// Folders whose AGENTS.md may speak to the model.
    pub trusted: Vec<PathBuf>,
    /// How many bytes the journal may take before its oldest finished runs are removed.
    pub keep: u64,
    /// The checkouts this process runs inside of, where Naestro itself started it (`NAESTRO_INSIDE`).
    pub inside: Vec<PathBuf>,
    /// How the project's tests are run.
    pub tests: Tests,
}

/// How tests are run where their project does not say it as the user wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    /// How often a test that fails is run again; as the tool has it where absent.
    pub retries: Option<u32>,
    /// The command that runs the tests of a package, by the package's name or folder.
    pub runners: BTreeMap<String, Vec<String>>,
}
