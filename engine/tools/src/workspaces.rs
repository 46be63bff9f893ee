//! Workspaces on this machine: the port of the runtime, put together from trees, snapshots, attempts and hands.
//!
//! Invariant: every method with an effect first confirms that its permit covers exactly what it was given.

mod open;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use naestro_kernel::code::Code;
use naestro_kernel::{Body, Failure, Output, RunId, ToolAccess, ToolFacts};
use naestro_policy::effect::{Check, Diff, Exact, Import, Open, ToolCall, ToolSpec};
use naestro_policy::port::{Answer, CheckResult, Contents, Opened, ToolResult, Workspaces};
use naestro_policy::{Permit, body};

use crate::attempt::{Attempt, Attempts, told};
use crate::fault::{Outcome, permanent, transient};
use crate::hands::frame::{Ask, Said, Wrong};
use crate::snapshot::Snapshots;
use crate::tool::{self, Cancel, Place};
use crate::{diff, import};

/// How much longer than the hands themselves we wait for a call whose time is over.
const GRACE: Duration = Duration::from_secs(5);

/// Workspaces below a state directory, worked in by hands of this executable.
///
/// Two variables of the environment are read when it is made: `NAESTRO_WORKSPACE_LEVEL=copy` forces plain copies, and
/// `NAESTRO_HANDS_EXE` names another executable to start hands from.
#[derive(Clone)]
pub struct LocalWorkspaces(Arc<Inner>);

struct Inner {
    home: PathBuf,
    contents: Arc<dyn Contents>,
    code: Arc<dyn Code>,
    exe: PathBuf,
    plain: bool,
    swept: AtomicBool,
    snapshots: Snapshots,
    attempts: Attempts,
    open: Mutex<BTreeMap<RunId, Arc<Attempt>>>,
}

impl LocalWorkspaces {
    /// Workspaces that keep their private files below `home`, and what trees hold in `contents`; `code` is asked by the tools
    /// that tell what is known about code. Touches nothing yet.
    #[must_use]
    pub fn new(home: PathBuf, contents: Arc<dyn Contents>, code: Arc<dyn Code>) -> Self {
        let plain = std::env::var_os("NAESTRO_WORKSPACE_LEVEL").as_deref() == Some(OsStr::new("copy"));
        Self::with(home, contents, code, crate::hands::executable(), plain)
    }

    /// As [`LocalWorkspaces::new`] without reading the environment: `exe` is what hands are started from, `plain` forces
    /// plain copies.
    #[must_use]
    pub fn with(home: PathBuf, contents: Arc<dyn Contents>, code: Arc<dyn Code>, exe: PathBuf, plain: bool) -> Self {
        let (snapshots, attempts) = (Snapshots::new(&home), Attempts::new(&home));
        let (swept, open) = (AtomicBool::new(false), Mutex::default());
        Self(Arc::new(Inner { home, contents, code, exe, plain, swept, snapshots, attempts, open }))
    }
}

impl Workspaces for LocalWorkspaces {
    fn tools(&self) -> Vec<(ToolFacts, ToolSpec)> {
        tool::registry().into_iter().map(|tool| (tool.facts, tool.spec)).collect()
    }

    fn open(&self, permit: Permit, open: Open) -> Answer<'_, Result<Opened, Failure>> {
        Box::pin(async move {
            covers(&permit, &open)?;
            self.0.clone().open(open).await
        })
    }

    fn call(&self, permit: Permit, call: ToolCall) -> Answer<'_, Result<ToolResult, Failure>> {
        Box::pin(async move {
            covers(&permit, &call)?;
            self.0.clone().call(call).await
        })
    }

    fn check(&self, permit: Permit, check: Check) -> Answer<'_, Result<CheckResult, Failure>> {
        Box::pin(async move {
            covers(&permit, &check)?;
            self.0.clone().check(check).await
        })
    }

    fn diff(&self, permit: Permit, diff: Diff) -> Answer<'_, Result<(Body, Vec<String>), Failure>> {
        Box::pin(async move {
            covers(&permit, &diff)?;
            let inner = self.0.clone();
            let compute = move || diff::between(&*inner.contents, &diff.base, &diff.tree);
            let (patch, paths) = blocking(compute).await?;
            Ok((body(patch), paths))
        })
    }

    fn import(&self, permit: Permit, import: Import) -> Answer<'_, Result<u32, Failure>> {
        Box::pin(async move {
            covers(&permit, &import)?;
            let inner = self.0.clone();
            blocking(move || import::import(&inner.home, &*inner.contents, &import)).await
        })
    }

    fn close(&self, run: RunId) -> Answer<'_, ()> {
        Box::pin(async move {
            let inner = self.0.clone();
            let close = move || {
                inner.close(run);
                Ok(())
            };
            // It fails only if the runtime is shutting down; the hands then end with this process.
            let _ = blocking(close).await;
        })
    }
}

impl Inner {
    async fn call(self: Arc<Self>, call: ToolCall) -> Outcome<ToolResult> {
        let found = tool::registry().into_iter().find(|tool| tool.facts.name == call.tool);
        let Some(tool) = found else {
            return Err(permanent(format!("call {:?}: there is no such tool", call.tool), "use one of the tools that were offered"));
        };
        if tool.facts.access != call.access {
            return Err(permanent(format!("call {}: it was permitted with other access than it needs", call.tool), ""));
        }
        match tool.place {
            Place::Host => self.call_host(call).await,
            Place::Hands => self.call_hands(call, true).await,
            Place::Trial => self.call_hands(call, false).await,
        }
    }

    /// A writing call that fails, or is not to be kept, leaves the tree as it was.
    async fn call_hands(self: Arc<Self>, call: ToolCall, keep: bool) -> Outcome<ToolResult> {
        let attempt = self.attempt(call.run)?;
        let what = format!("call {}", call.tool);
        let args = String::from_utf8(call.args.bytes).map_err(|_| permanent(format!("{what}: its arguments are not text"), ""))?;
        let write = call.access == ToolAccess::Write;
        let ask = Ask::Call { tool: call.tool, args, write, timeout: call.timeout };
        if !write {
            let _turn = attempt.turn.read().await;
            return result(ask_within(&attempt, ask, call.timeout).await.map_err(|wrong| told(wrong, &what))?);
        }
        let _turn = attempt.turn.write().await;
        let said = ask_within(&attempt, ask, call.timeout).await;
        if !keep || said.is_err() {
            attempt.undo(&self.contents).await?;
            return result(said.map_err(|wrong| told(wrong, &what))?);
        }
        let said = said.map_err(|wrong| told(wrong, &what))?;
        let (at, inner) = (attempt.clone(), self.clone());
        let tree = blocking(move || at.checkpoint(&*inner.contents)).await?;
        Ok(ToolResult { tree, ..result(said)? })
    }

    /// Calls a tool on the checkout itself; such tools only read it.
    async fn call_host(self: Arc<Self>, call: ToolCall) -> Outcome<ToolResult> {
        let cancel = Cancel::default();
        let _cancels = CancelOnDrop(cancel.clone());
        blocking(move || {
            let (root, timeout) = (Path::new(&call.checkout), Duration::from_millis(call.timeout));
            let code = Some(&*self.code);
            let invocation = tool::Invocation { root, tool: &call.tool, args: &call.args.bytes, timeout, cancel: &cancel, code };
            let answer = tool::invoke(&invocation).map_err(|fault| told(fault.into(), &format!("call {}", call.tool)))?;
            result(Said::Answer { ok: answer.ok, text: answer.text, data: answer.data })
        })
        .await
    }

    async fn check(self: Arc<Self>, check: Check) -> Outcome<CheckResult> {
        let attempt = self.attempt(check.run)?;
        let _turn = attempt.turn.write().await;
        let ask = Ask::Command { command: check.command, timeout: check.timeout };
        let said = ask_within(&attempt, ask, check.timeout).await;
        attempt.restore(check.restore.unwrap_or(attempt.base), &self.contents).await?;
        match said.map_err(|wrong| told(wrong, "run the check"))? {
            Said::Exit { code, signal, output } => Ok(CheckResult { passed: code == Some(0), output: ended(output, code, signal) }),
            Said::Answer { .. } | Said::Done => Err(transient("run the check: the hands answered another question", "")),
        }
    }

    fn attempt(&self, run: RunId) -> Outcome<Arc<Attempt>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&run).cloned().ok_or_else(|| permanent(format!("find an open workspace of run {run}"), "open it first"))
    }

    fn close(&self, run: RunId) {
        let attempt = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
        match attempt {
            Some(attempt) => attempt.close(),
            None => self.attempts.remove(run),
        }
    }
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

pub(crate) fn covers<T: Exact>(permit: &Permit, effect: &T) -> Outcome<()> {
    permit.covers(effect).map_err(|mismatch| permanent(mismatch.to_string(), "this is a defect of naestro; report it"))
}

/// Does what blocks on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Outcome<T> + Send + 'static) -> Outcome<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(transient(format!("work in the workspace: {error}"), "")))
}

/// Asks the hands, who keep the time themselves; we keep it too in case they are stuck.
async fn ask_within(attempt: &Arc<Attempt>, ask: Ask, timeout: u64) -> Result<Said, Wrong> {
    let limit = Duration::from_millis(timeout).saturating_add(GRACE);
    tokio::time::timeout(limit, attempt.ask(ask)).await.unwrap_or(Err(Wrong::TimedOut))
}

fn result(said: Said) -> Outcome<ToolResult> {
    let Said::Answer { ok, text, data } = said else {
        return Err(transient("call a tool: the hands answered another question", ""));
    };
    let data = data.map(|data| body(data.to_string()));
    Ok(ToolResult { ok, output: Output { text: body(text), data }, tree: None })
}

/// What a command printed, with how it ended as the last line.
fn ended(mut output: String, code: Option<i32>, signal: Option<i32>) -> Output {
    if !output.is_empty() && !output.ends_with('\n') {
        output.push('\n');
    }
    // Writing to a string cannot fail.
    let _ = match (code, signal) {
        (Some(code), _) => write!(output, "exit code {code}"),
        (None, Some(signal)) => write!(output, "ended by signal {signal}"),
        (None, None) => write!(output, "ended"),
    };
    Output { text: body(output), data: None }
}
