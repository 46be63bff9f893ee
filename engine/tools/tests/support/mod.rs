//! What the tests of workspaces stand on: contents in memory, real permits, and a workspace that is called as the runtime
//! calls it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use naestro_kernel::code::{self, Affected, Change, Citation, Code, Evidence, Target, Watch};
use naestro_kernel::{Digest, Failure, Millis, Mode, RunId, ToolAccess, UnitId};
use naestro_policy::effect::{Check, Diff, Effect, Import, Open, ToolCall};
use naestro_policy::port::{CheckResult, Contents, JournalError, Opened, ToolResult, Workspaces};
use naestro_policy::{Context, Decision, Permit, Policies, body, digest_bytes};
use naestro_tools::LocalWorkspaces;

/// A content store in memory.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Digest, Vec<u8>>>, Mutex<Option<Meanwhile>>);

/// What happens when a content is asked for.
type Meanwhile = (Digest, Box<dyn Fn() -> bool + Send>);

impl Memory {
    /// Has something happen while this content is fetched, until it says that it happened.
    pub(crate) fn meanwhile(&self, content: &[u8], happens: impl Fn() -> bool + Send + 'static) {
        *self.1.lock().expect("no thread panics with the lock") = Some((digest_bytes(content), Box::new(happens)));
    }
}

impl Contents for Memory {
    fn put(&self, bytes: &[u8]) -> Result<Digest, JournalError> {
        let digest = digest_bytes(bytes);
        self.0.lock().expect("no thread panics with the lock").insert(digest, bytes.to_vec());
        Ok(digest)
    }

    fn get(&self, digest: &Digest) -> Result<Vec<u8>, JournalError> {
        self.1.lock().expect("no thread panics with the lock").take_if(|(content, happens)| content == digest && happens());
        let found = self.0.lock().expect("no thread panics with the lock").get(digest).cloned();
        found.ok_or_else(|| JournalError::Corrupt { run: None, index: None, what: format!("no blob {digest}") })
    }

    fn has(&self, digest: &Digest) -> bool {
        self.0.lock().expect("no thread panics with the lock").contains_key(digest)
    }
}

/// Knows no code: workspaces work without.
struct Nobody;

impl Code for Nobody {
    fn evidence(&self, _: &str, _: &Target, _: &dyn Watch) -> Result<Evidence, code::Fault> {
        Err(code::Fault::Unavailable("know any code".into()))
    }

    fn holds(&self, _: &str, citations: &[Citation]) -> Vec<bool> {
        vec![false; citations.len()]
    }

    fn affected(&self, _: &str, _: &Change, _: &dyn Watch) -> Result<Affected, code::Fault> {
        Err(code::Fault::Unavailable("know any code".into()))
    }
}

/// One run's use of the workspaces below a state directory.
#[derive(Clone)]
pub(crate) struct Desk {
    /// The port.
    pub(crate) spaces: LocalWorkspaces,
    /// The run.
    pub(crate) run: RunId,
    checkout: String,
    policies: Arc<Policies>,
}

/// A permit for exactly this effect.
pub(crate) fn permit(policies: &Policies, run: RunId, effect: &Effect) -> Permit {
    let context = Context {
        run,
        unit: UnitId(0),
        now: Millis(0),
        mode: Mode::Auto,
        unsandboxed: true,
        apply: true,
        by_model: false,
        model_host: None,
        consent: Some(effect.digest()),
    };
    match policies.decide(&context, effect) {
        Decision::Permit(permit) => permit,
        other => panic!("no permit for {effect:?}: {other:?}"),
    }
}

impl Desk {
    /// A run numbered `run` that works on `checkout` with private files below `home`; hands are started from `exe`.
    pub(crate) fn new(home: &Path, checkout: &Path, contents: Arc<Memory>, exe: PathBuf, plain: bool, run: u8) -> Self {
        let checkout = checkout.to_str().expect("a temporary folder's name is text").to_owned();
        let policies = Arc::new(Policies::built_in().expect("the built-in policies are valid"));
        Self {
            spaces: LocalWorkspaces::with(home.to_path_buf(), contents, Arc::new(Nobody), exe, plain),
            run: RunId([run; 16]),
            checkout,
            policies,
        }
    }

    fn permit(&self, effect: &Effect) -> Permit {
        permit(&self.policies, self.run, effect)
    }

    /// Opens the workspace.
    pub(crate) async fn open(&self, base: Option<Digest>, restore: Option<Digest>) -> Result<Opened, Failure> {
        let open = Open { run: self.run, checkout: self.checkout.clone(), base, restore };
        self.spaces.open(self.permit(&Effect::Open(open.clone())), open).await
    }

    /// Calls a tool with JSON arguments.
    pub(crate) async fn call(&self, tool: &str, access: ToolAccess, args: &str, timeout: u64) -> Result<ToolResult, Failure> {
        let (run, checkout, tool, args) = (self.run, self.checkout.clone(), tool.to_owned(), body(args));
        let call = ToolCall { run, checkout, tool, access, args, timeout };
        self.spaces.call(self.permit(&Effect::Call(call.clone())), call).await
    }

    /// Runs a command in the workspace.
    pub(crate) async fn exec(&self, command: &str) -> Result<ToolResult, Failure> {
        let args = serde_json::json!({ "command": command }).to_string();
        self.call("exec", ToolAccess::Write, &args, 60_000).await
    }

    /// Runs an acceptance command.
    pub(crate) async fn check(&self, command: &str, restore: Option<Digest>) -> Result<CheckResult, Failure> {
        let check = Check { run: self.run, command: command.to_owned(), restore, timeout: 60_000 };
        self.spaces.check(self.permit(&Effect::Check(check.clone())), check).await
    }

    /// Computes a diff: the patch and the paths.
    pub(crate) async fn diff(&self, base: Digest, tree: Digest) -> Result<(Vec<u8>, Vec<String>), Failure> {
        let diff = Diff { base, tree };
        let (patch, paths) = self.spaces.diff(self.permit(&Effect::Diff(diff.clone())), diff).await?;
        Ok((patch.bytes, paths))
    }

    /// Computes a diff and imports it.
    pub(crate) async fn import(&self, base: Digest, tree: Digest) -> Result<u32, Failure> {
        let (patch, paths) = self.diff(base, tree).await?;
        let import = Import { checkout: self.checkout.clone(), base, tree, diff: digest_bytes(&patch), paths };
        self.spaces.import(self.permit(&Effect::Import(import.clone())), import).await
    }
}
