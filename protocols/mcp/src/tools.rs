//! The tools, in the order they are listed; one file each below `tools/`.
//!
//! Invariant: the schemas of the four together are at most 4 KB, since every model that may call them reads them.

mod codex;
mod explain;
mod orchestrate;
mod test;
mod trace;

use std::sync::Arc;

use naestro_api::{Error, ErrorCode};
use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorData, Icon, JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use crate::Settings;
use crate::client::Context;
use crate::handler::Face;

/// The tools there are under these settings, in a stable order.
pub(crate) fn all(settings: &Settings) -> Vec<Tool> {
    let mut tools = vec![orchestrate::tool(), explain::tool(), test::tool(), trace::tool()];
    if settings.codex_tools {
        tools.extend(codex::tools());
    }
    tools
}

/// Calls a tool.
///
/// # Errors
/// Invalid params where there is no such tool, or a round's state is not ours; all else is a result.
pub(crate) async fn call(face: &Face, cx: &Context, request: CallToolRequestParams) -> Result<CallToolResponse, ErrorData> {
    match request.name.as_ref() {
        orchestrate::NAME => orchestrate::call(face, cx, request).await,
        explain::NAME => explain::call(face, cx, request).await,
        test::NAME => test::call(face, cx, request).await,
        trace::NAME => Ok(trace::call(face, cx, request).await),
        codex::START | codex::REPLY if face.settings.codex_tools => codex::call(face, cx, request).await,
        name => {
            let known: Vec<String> = all(&face.settings).into_iter().map(|tool| tool.name.to_string()).collect();
            let name: String = name.chars().take(64).collect();
            Err(ErrorData::invalid_params(format!("unknown tool `{name}`; there are: {}", known.join(", ")), None))
        }
    }
}

/// What a tool says of itself beside its name and schemas.
struct About {
    title: &'static str,
    description: &'static str,
    hints: ToolAnnotations,
    /// The path of its icon, drawn in a square of 16.
    icon: &'static str,
}

fn described(name: &'static str, about: About, input: &Value, output: &Value) -> Tool {
    let object = |schema: &Value| Arc::new(schema.as_object().cloned().unwrap_or_default());
    let icon = Icon::new(drawn(about.icon)).with_mime_type("image/svg+xml");
    Tool::new_with_raw(name, Some(about.description.into()), object(input))
        .with_title(about.title)
        .with_raw_output_schema(object(output))
        .with_annotations(about.hints)
        .with_icons(vec![icon])
}

/// A path as a picture in a URI, which has no spaces.
fn drawn(path: &str) -> String {
    let path = path.replace(' ', "%20");
    format!(
        "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E%3Cpath%20d='{path}'/%3E%3C/svg%3E"
    )
}

/// The schema of what a run came to; more fields may come with it.
fn run_output() -> Value {
    json!({
        "type": "object",
        "properties": {
            "run": { "type": "string" },
            "state": { "enum": ["running", "waiting", "suspended", "succeeded", "failed", "cancelled", "refused"] },
            "summary": { "type": "string" },
            "changed": { "type": "array", "items": { "type": "string" } },
            "diff": { "type": "string" },
            "question": { "type": "object" },
            "next": { "type": "string" },
        },
        "required": ["state"],
    })
}

/// The folder a call is about: the one it names, or the one the server was started in.
fn workspace(face: &Face, named: Option<String>) -> Result<String, Error> {
    named.or_else(|| face.settings.workspace.clone()).ok_or_else(|| {
        Error::new(ErrorCode::InvalidWorkspace, "find the project: the call names no workspace, and this server was not started in one")
            .hint("give workspace: the absolute path of the project's folder")
    })
}

/// The arguments of a request, taken out of it.
fn arguments(request: &mut CallToolRequestParams) -> Option<JsonObject> {
    request.arguments.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_of_the_four_take_at_most_4_kilobytes() {
        let sizes = all(&Settings::default()).into_iter().map(|tool| {
            let size = |schema: &JsonObject| serde_json::to_string(schema).map_or(0, |text| text.len());
            (size(&tool.input_schema), tool.output_schema.as_deref().map_or(0, size), tool.description.map_or(0, |text| text.len()))
        });
        let sizes: Vec<_> = sizes.collect();
        let total: usize = sizes.iter().map(|(input, output, about)| input + output + about).sum();
        assert!(total <= 4096, "{total}: {sizes:?}");
    }

    #[test]
    fn every_icon_is_a_uri() {
        let settings = Settings { codex_tools: true, ..Settings::default() };
        for icon in all(&settings).into_iter().flat_map(|tool| tool.icons.unwrap_or_default()) {
            assert!(icon.src.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte)), "{}", icon.src);
        }
    }

    #[test]
    fn the_tools_keep_their_order_and_the_aliases_are_off_by_default() {
        let names = |settings: &Settings| all(settings).into_iter().map(|tool| tool.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&Settings::default()), ["orchestrate", "explain", "test", "trace"]);
        let settings = Settings { codex_tools: true, ..Settings::default() };
        assert_eq!(names(&settings), ["orchestrate", "explain", "test", "trace", "codex", "codex-reply"]);
    }
}
