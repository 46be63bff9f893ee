//! Who calls, in which era, and what it can do: read from each request, since a request of 2026 stands alone.

use naestro_api::{Caller, Face, Progress};
use rmcp::RoleServer;
use rmcp::model::ClientCapabilities;
use rmcp::service::RequestContext;

/// The most characters of a client's name that are kept.
const NAME_LIMIT: usize = 64;

/// The context of a request.
pub(crate) type Context = RequestContext<RoleServer>;

/// Whether the request stands alone, as those of 2026-07-28 do; otherwise there was an `initialize` before it.
pub(crate) fn is_modern(cx: &Context) -> bool {
    cx.protocol_version().is_some_and(|version| !version.has_initialize())
}

/// Whether it came by HTTP.
pub(crate) fn is_http(cx: &Context) -> bool {
    cx.extensions.get::<http::request::Parts>().is_some()
}

/// Whether the client can put a form before its human.
pub(crate) fn can_elicit(cx: &Context) -> bool {
    capabilities(cx).elicitation.is_some_and(|elicitation| elicitation.form.is_some() || elicitation.url.is_none())
}

/// Whether the client takes a task where it asked for a result.
pub(crate) fn takes_tasks(cx: &Context) -> bool {
    is_modern(cx) && capabilities(cx).supports_tasks()
}

/// The caller as the engine knows it: by the client's name and, where it has one, its session.
pub(crate) fn caller(cx: &Context, progress: Option<Progress>) -> Caller {
    Caller { face: Face::Mcp, name: name(cx), answers: can_elicit(cx), progress }
}

/// The client's name and its session.
pub(crate) fn name(cx: &Context) -> String {
    let client = cx.client_info().map(|client| client.name).unwrap_or_default();
    let session = cx.extensions.get::<http::request::Parts>().and_then(|parts| parts.headers.get("mcp-session-id"));
    let session = session.and_then(|session| session.to_str().ok()).unwrap_or_default();
    let whole = format!("{} {session}", client.chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect::<String>());
    whole.trim().to_owned()
}

fn capabilities(cx: &Context) -> ClientCapabilities {
    cx.client_capabilities().unwrap_or_default()
}
