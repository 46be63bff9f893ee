//! Performs one unit through its port: one task and one cancellation token per unit.
//!
//! Invariant: it decides nothing. It holds a permit when it starts, passes it to exactly one port call, and reports one
//! outcome, whatever happens; a panic in a port becomes a failure of that unit alone.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use naestro_kernel::{Call, Failure, FailureKind, Millis, Outcome, UnitId};
use naestro_policy::effect::{Effect, Generate};
use naestro_policy::port::{Delta, Models, Reply, ToolResult, Upstreams, Workspaces};
use naestro_policy::{Permit, body};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::dispatcher::now;
use crate::message;

/// What a unit reports to its dispatcher.
pub(crate) enum Report {
    /// A model said a little more.
    Delta(UnitId, Delta),
    /// It ended.
    Done(UnitId, Outcome),
}

/// The ports a unit may be performed through.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) workspaces: Arc<dyn Workspaces>,
    pub(crate) upstreams: Option<Arc<dyn Upstreams>>,
    pub(crate) model: Option<Arc<dyn Models>>,
}

/// How much longer than its own timeout a unit may take before it is given up on.
const GRACE: Millis = Millis(10_000);

impl Ports {
    /// Starts a unit; the token cancels it.
    pub(crate) fn start(
        &self,
        unit: UnitId,
        permit: Permit,
        effect: Effect,
        timeout: Millis,
        reports: &UnboundedSender<Report>,
    ) -> CancellationToken {
        let token = CancellationToken::new();
        let (ports, cancelled, reports) = (self.clone(), token.clone(), reports.clone());
        tokio::spawn(async move {
            let partial = Mutex::new(String::new());
            let work = AssertUnwindSafe(ports.perform(unit, permit, effect, &reports, &partial)).catch_unwind();
            let limit = std::time::Duration::from_millis(timeout.after(GRACE).0);
            let outcome = tokio::select! {
                biased;
                () = cancelled.cancelled() => Outcome::Cancelled { partial: said(&partial) },
                ended = tokio::time::timeout(limit, work) => match ended {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(_)) => failed(FailureKind::Permanent, "carry on after a bug in Naestro (a panic)", "please report it; the run's trace shows where"),
                    Err(_) => failed(FailureKind::TimedOut, "finish in time", ""),
                },
            };
            // The dispatcher is gone only when the process is going down.
            let _ = reports.send(Report::Done(unit, outcome));
        });
        token
    }

    async fn perform(
        &self,
        unit: UnitId,
        permit: Permit,
        effect: Effect,
        reports: &UnboundedSender<Report>,
        partial: &Mutex<String>,
    ) -> Outcome {
        if permit.expires() < now() {
            return failed(FailureKind::Permanent, "begin: the permit has lapsed", "resume the run");
        }
        let ended = match effect {
            Effect::Generate(request) => self.generate(unit, permit, request, reports, partial).await,
            Effect::Open(open) => {
                self.workspaces.open(permit, open).await.map(|opened| Outcome::Workspace { base: opened.base, level: opened.level })
            }
            Effect::Call(call) => self.workspaces.call(permit, call).await.map(tool_outcome),
            Effect::Upstream(call) => match &self.upstreams {
                Some(upstreams) => upstreams.call(permit, call).await.map(tool_outcome),
                None => {
                    let message = format!("call a tool of the server {}: none is configured in this process", call.server);
                    Err(failure(FailureKind::Permanent, &message, "configure it, and approve its tools with `naestro upstream approve`"))
                }
            },
            Effect::Check(check) => {
                let checked = self.workspaces.check(permit, check).await;
                checked.map(|result| Outcome::Checked { passed: result.passed, output: result.output })
            }
            Effect::Diff(diff) => self.workspaces.diff(permit, diff).await.map(|(diff, paths)| Outcome::Diffed { diff, paths }),
            Effect::Import(import) => self.workspaces.import(permit, import).await.map(|files| Outcome::Imported { files }),
        };
        ended.unwrap_or_else(Outcome::Failed)
    }

    async fn generate(
        &self,
        unit: UnitId,
        permit: Permit,
        request: Generate,
        reports: &UnboundedSender<Report>,
        partial: &Mutex<String>,
    ) -> Result<Outcome, Failure> {
        let Some(model) = &self.model else {
            return Err(failure(
                FailureKind::Permanent,
                "ask a model: none is configured in this process",
                "set NAESTRO_MODEL and OPENAI_BASE_URL",
            ));
        };
        let on_delta = |delta: Delta| {
            if let Delta::Text(text) = &delta {
                partial.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
            }
            let _ = reports.send(Report::Delta(unit, delta));
        };
        outcome(model.generate(permit, request, &on_delta).await?)
    }
}

fn tool_outcome(result: ToolResult) -> Outcome {
    Outcome::Tool { ok: result.ok, output: result.output, tree: result.tree }
}

/// A reply as the journal keeps it.
fn outcome(reply: Reply) -> Result<Outcome, Failure> {
    let calls = reply
        .message
        .calls
        .iter()
        .map(|call| Call { id: call.id.clone(), tool: call.tool.clone(), args: body(call.args.as_bytes()) })
        .collect();
    let text = body(reply.message.text.as_bytes());
    let message = message::to_body(reply.message)
        .map_err(|error| failure(FailureKind::Permanent, &format!("keep the model's message: {error}"), ""))?;
    Ok(Outcome::Message { message, text, calls, usage: reply.usage, finish: reply.finish })
}

fn said(partial: &Mutex<String>) -> Option<naestro_kernel::Body> {
    let text = partial.lock().unwrap_or_else(PoisonError::into_inner);
    (!text.is_empty()).then(|| body(text.as_bytes()))
}

fn failure(kind: FailureKind, message: &str, hint: &str) -> Failure {
    Failure { kind, message: message.to_owned(), hint: hint.to_owned(), retry_after: None }
}

fn failed(kind: FailureKind, message: &str, hint: &str) -> Outcome {
    Outcome::Failed(failure(kind, message, hint))
}
