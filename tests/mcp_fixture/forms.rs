//! The forms and requests that are put before a client.

use rmcp::ErrorData;
use rmcp::model::{
    CreateMessageRequest, CreateMessageRequestParams, ElicitRequest, ElicitRequestParams, ElicitationSchema, InputRequest,
    ListRootsRequest, SamplingMessage,
};
use serde_json::{Value, json};

use crate::handler::object;

/// A form.
pub(crate) fn form(message: &str, properties: &Value, required: &[&str]) -> Result<ElicitRequestParams, ErrorData> {
    let schema = object(&json!({ "type": "object", "properties": properties, "required": required }));
    let requested_schema =
        ElicitationSchema::from_json_schema(schema).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(ElicitRequestParams::FormElicitationParams { meta: None, message: message.to_owned(), requested_schema })
}

/// A form with one field, as a request in a result.
pub(crate) fn field(message: &str, name: &str, kind: &str) -> Result<InputRequest, ErrorData> {
    Ok(InputRequest::Elicitation(ElicitRequest::new(form(message, &json!({ name: { "type": kind } }), &[name])?)))
}

/// A question for the client's model.
pub(crate) fn sampling(prompt: &str) -> CreateMessageRequestParams {
    CreateMessageRequestParams::new(vec![SamplingMessage::user_text(prompt)], 100)
}

/// The same as a request in a result.
pub(crate) fn sample(prompt: &str) -> InputRequest {
    InputRequest::CreateMessage(CreateMessageRequest::new(sampling(prompt)))
}

/// A question for the client's folders.
pub(crate) fn roots() -> InputRequest {
    InputRequest::ListRoots(ListRootsRequest::default())
}
