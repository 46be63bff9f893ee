//! Tools that ask their client on the way, as those did before 2026.

use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock, ElicitRequestParams};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::json;

use crate::answers::argument;
use crate::forms::{form, sampling};
use crate::handler::{Row, nothing};

/// The tools of this file.
pub(crate) fn tools() -> Vec<Row> {
    let takes = |name: &str| json!({ "type": "object", "properties": { name: { "type": "string" } }, "required": [name] });
    vec![
        ("test_sampling", takes("prompt")),
        ("test_elicitation", takes("message")),
        ("test_elicitation_sep1034_defaults", nothing()),
        ("test_elicitation_sep1330_enums", nothing()),
    ]
}

/// Answers a call, where the tool is one of this file.
pub(crate) async fn call(request: &CallToolRequestParams, cx: &RequestContext<RoleServer>) -> Option<Result<CallToolResult, ErrorData>> {
    let form = match request.name.as_ref() {
        "test_sampling" => return Some(sample(&argument(request, "prompt").unwrap_or_default(), cx).await),
        "test_elicitation" => person(&argument(request, "message").unwrap_or_default()),
        "test_elicitation_sep1034_defaults" => defaults(),
        "test_elicitation_sep1330_enums" => choices(),
        _ => return None,
    };
    Some(match form {
        Ok(form) => elicit(form, cx).await,
        Err(error) => Err(error),
    })
}

async fn sample(prompt: &str, cx: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let said = match cx.peer.create_message(sampling(prompt)).await {
        Ok(result) => result.message.content.first().and_then(|block| block.as_text()).map(|text| text.text.clone()).unwrap_or_default(),
        Err(error) => return Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())])),
    };
    Ok(CallToolResult::success(vec![ContentBlock::text(format!("LLM response: {said}"))]))
}

async fn elicit(form: ElicitRequestParams, cx: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    match cx.peer.create_elicitation(form).await {
        Ok(result) => {
            let said = format!("User response: {}", json!(result));
            Ok(CallToolResult::success(vec![ContentBlock::text(said)]))
        }
        Err(error) => Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())])),
    }
}

fn person(message: &str) -> Result<ElicitRequestParams, ErrorData> {
    let string = |about: &str| json!({ "type": "string", "description": about });
    form(message, &json!({ "username": string("User's response"), "email": string("User's email address") }), &["username", "email"])
}

fn defaults() -> Result<ElicitRequestParams, ErrorData> {
    let properties = json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    });
    form("Everything here has a default.", &properties, &[])
}

fn choices() -> Result<ElicitRequestParams, ErrorData> {
    let titled = |words: [&str; 3]| json!(words.map(|word| json!({ "const": word, "title": format!("The {word}") })));
    let properties = json!({
        "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
        "titledSingle": { "type": "string", "oneOf": titled(["value1", "value2", "value3"]) },
        "legacyEnum": { "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"] },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": ["option1", "option2", "option3"] } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled(["value1", "value2", "value3"]) } },
    });
    form("Choose.", &properties, &[])
}
