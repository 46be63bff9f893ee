//! What is answered at once: contents of every kind, resources, prompts, notifications on the way.

use std::time::Duration;

use rmcp::model::{
    AudioContent, CallToolRequestParams, CallToolResult, ClientCapabilities, ContentBlock, GetPromptRequestParams, GetPromptResult,
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, Prompt, PromptArgument, PromptMessage, ReadResourceResult,
    Resource, ResourceContents, ResourceTemplate, Role,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use crate::handler::{Fixture, Row, nothing};

/// The tool one of whose arguments comes as a header, too.
pub(crate) const WITH_HEADER: &str = "test_custom_header";
/// A picture of one pixel and a sound of no length.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
/// A pause in which a client can see what came before it.
const PAUSE: Duration = Duration::from_millis(50);

/// The tools of this file.
pub(crate) fn tools() -> Vec<Row> {
    let header = json!({
        "type": "object",
        "properties": { "value": { "type": "string", "x-mcp-header": "Value" } },
        "required": ["value"],
    });
    let plain = [
        "test_simple_text",
        "test_image_content",
        "test_audio_content",
        "test_embedded_resource",
        "test_multiple_content_types",
        "test_error_handling",
        "test_tool_with_logging",
        "test_tool_with_progress",
        "test_logging_tool",
        "test_reconnection",
        "test_trigger_tool_change",
        "test_trigger_prompt_change",
        "test_missing_capability",
    ];
    let mut rows: Vec<Row> = plain.into_iter().map(|name| (name, nothing())).collect();
    rows.push((WITH_HEADER, header));
    rows.push(("json_schema_2020_12_tool", new_schema()));
    rows
}

/// A schema with what is new in its draft of 2020.
fn new_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "address",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
        "allOf": [{ "anyOf": [{ "required": ["name"] }, { "required": ["address"] }] }],
        "if": { "required": ["address"] },
        "then": { "properties": { "address": { "required": ["street"] } } },
        "else": { "required": ["name"] },
        "additionalProperties": false,
    })
}

/// Answers a call, where the tool is one of this file.
pub(crate) async fn call(
    fixture: &Fixture,
    request: &CallToolRequestParams,
    cx: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResult, ErrorData>> {
    let text = |text: &str| vec![ContentBlock::text(text)];
    let content = match request.name.as_ref() {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => vec![ContentBlock::image(PNG, "image/png")],
        "test_audio_content" => vec![ContentBlock::Audio(AudioContent::new(WAV, "audio/wav"))],
        "test_embedded_resource" => vec![embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")],
        "test_multiple_content_types" => vec![
            ContentBlock::text("Multiple content types test:"),
            ContentBlock::image(PNG, "image/png"),
            embedded("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ],
        "test_error_handling" => {
            return Some(Ok(CallToolResult::error(text("This tool intentionally returns an error for testing"))));
        }
        "test_tool_with_logging" => {
            for said in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                log(cx, LoggingLevel::Info, said).await;
                tokio::time::sleep(PAUSE).await;
            }
            text("It said three things.")
        }
        "test_logging_tool" => {
            if let Some(level) = cx.meta.log_level() {
                log(cx, level, "the request asked for this").await;
            }
            text("It said what it was asked to.")
        }
        "test_tool_with_progress" => {
            progress(cx).await;
            text("It told its progress.")
        }
        "test_reconnection" => {
            tokio::time::sleep(PAUSE).await;
            text("It took a moment.")
        }
        "test_trigger_tool_change" => {
            for listener in fixture.listeners() {
                // Who has left hears nothing.
                let _ = listener.notify_tool_list_changed().await;
            }
            text("Told.")
        }
        "test_trigger_prompt_change" => {
            for listener in fixture.listeners() {
                let _ = listener.notify_prompt_list_changed().await;
            }
            text("Told.")
        }
        "test_missing_capability" => {
            if cx.client_capabilities().unwrap_or_default().sampling.is_none() {
                let needed = ClientCapabilities::builder().enable_sampling().build();
                return Some(Err(ErrorData::missing_required_client_capability(needed)));
            }
            text("The capability is there.")
        }
        WITH_HEADER => match argument(request, "value") {
            Some(value) => text(&value),
            None => return Some(Err(ErrorData::invalid_params("value has to be a string", None))),
        },
        "json_schema_2020_12_tool" => text(&format!("Hello, {}!", argument(request, "name").unwrap_or_default())),
        _ => return None,
    };
    Some(Ok(CallToolResult::success(content)))
}

/// An argument that is a string.
pub(crate) fn argument(request: &CallToolRequestParams, name: &str) -> Option<String> {
    request.arguments.as_ref()?.get(name)?.as_str().map(str::to_owned)
}

fn embedded(uri: &str, kind: &str, text: &str) -> ContentBlock {
    ContentBlock::resource(ResourceContents::text(text, uri).with_mime_type(kind))
}

async fn log(cx: &RequestContext<RoleServer>, level: LoggingLevel, said: &str) {
    // Who has left hears nothing.
    let _ = cx.peer.notify_logging_message(LoggingMessageNotificationParam::new(level, json!(said)).with_logger("mcp-fixture")).await;
}

async fn progress(cx: &RequestContext<RoleServer>) {
    let Some(token) = cx.meta.get_progress_token() else { return };
    for done in [0.0, 50.0, 100.0] {
        let param = ProgressNotificationParam::new(token.clone(), done).with_total(100.0).with_message("on the way");
        let _ = cx.peer.notify_progress(param).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The resources there are.
pub(crate) fn resources() -> Vec<Resource> {
    let resource = |uri: &str, kind: &str| Resource::new(uri, uri).with_description("A fixture").with_mime_type(kind);
    vec![resource("test://static-text", "text/plain"), resource("test://static-binary", "image/png")]
}

/// The forms of the others.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![ResourceTemplate::new("test://template/{id}/data", "data").with_description("A fixture").with_mime_type("application/json")]
}

/// What lies at a URI.
pub(crate) fn resource(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let contents = match uri {
        "test://static-text" => {
            ResourceContents::text("This is the content of the static text resource.", uri).with_mime_type("text/plain")
        }
        "test://static-binary" => ResourceContents::blob(PNG, uri).with_mime_type("image/png"),
        _ => match uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data")) {
            Some(id) => {
                let text = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
                ResourceContents::text(text.to_string(), uri).with_mime_type("application/json")
            }
            None => return Err(ErrorData::resource_not_found(format!("nothing lies at {uri}"), Some(json!({ "uri": uri })))),
        },
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

/// The prompts there are.
pub(crate) fn prompts() -> Vec<Prompt> {
    let prompt = |name: &str, arguments| Prompt::new(name, Some(format!("A fixture: {name}")), arguments);
    let argument = |name: &str| PromptArgument::new(name).with_description("what is put into it").with_required(true);
    vec![
        prompt("test_simple_prompt", None),
        prompt("test_prompt_with_arguments", Some(vec![argument("arg1"), argument("arg2")])),
        prompt("test_prompt_with_embedded_resource", Some(vec![argument("resourceUri")])),
        prompt("test_prompt_with_image", None),
        prompt("test_input_required_result_prompt", None),
    ]
}

/// A prompt that asks nothing first.
pub(crate) fn prompt(request: &GetPromptRequestParams) -> Result<GetPromptResult, ErrorData> {
    let given = |name: &str| {
        let value = request.arguments.as_ref().and_then(|arguments| arguments.get(name)).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let text = |text: String| PromptMessage::new_text(Role::User, text);
    let messages = match request.name.as_str() {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.".to_owned())],
        "test_prompt_with_arguments" => {
            vec![text(format!("Prompt with arguments: arg1='{}', arg2='{}'", given("arg1"), given("arg2")))]
        }
        "test_prompt_with_embedded_resource" => {
            let uri = Some(given("resourceUri")).filter(|uri| !uri.is_empty()).unwrap_or_else(|| "test://example-resource".to_owned());
            vec![
                PromptMessage::new(Role::User, embedded(&uri, "text/plain", "Embedded resource content for testing.")),
                text("Please process the embedded resource above.".to_owned()),
            ]
        }
        "test_prompt_with_image" => {
            let image = ContentBlock::image(PNG, "image/png");
            vec![PromptMessage::new(Role::User, image), text("Please analyze the image above.".to_owned())]
        }
        name => return Err(ErrorData::invalid_params(format!("unknown prompt {name}"), None)),
    };
    Ok(GetPromptResult::new(messages).with_description(format!("A fixture: {}", request.name)))
}
