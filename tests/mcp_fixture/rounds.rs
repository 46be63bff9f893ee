//! Tools and a prompt that answer with what they need first, and are called again with it, as they do since 2026.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    InputRequest, InputRequests, InputRequiredResult, InputResponses, PromptMessage, Role,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value, json};

use crate::forms::{field, roots, sample};
use crate::handler::{Fixture, Row, nothing};

type Answer = Result<CallToolResponse, ErrorData>;

/// The tools of this file.
pub(crate) fn tools() -> Vec<Row> {
    let names = [
        "test_input_required_result_elicitation",
        "test_input_required_result_sampling",
        "test_input_required_result_list_roots",
        "test_input_required_result_request_state",
        "test_input_required_result_tampered_state",
        "test_input_required_result_multiple_inputs",
        "test_input_required_result_multi_round",
        "test_input_required_result_capabilities",
        "test_streaming_elicitation",
    ];
    names.into_iter().map(|name| (name, nothing())).collect()
}

/// Answers a call, where the tool is one of this file.
pub(crate) fn call(fixture: &Fixture, request: &CallToolRequestParams, cx: &RequestContext<RoleServer>) -> Option<Answer> {
    let came = |key: &str| response(request.input_responses.as_ref(), key);
    Some(match request.name.as_ref() {
        "test_input_required_result_elicitation" => match came("user_name") {
            Some(response) => says(&format!("Hello, {}!", content(response, "name"))),
            None => field("What is your name?", "name", "string").and_then(|form| needs([("user_name", form)])),
        },
        "test_input_required_result_sampling" => match came("capital_question") {
            Some(response) => says(&format!("The model said: {}", content(response, "text"))),
            None => needs([("capital_question", sample("What is the capital of France?"))]),
        },
        "test_input_required_result_list_roots" => match came("client_roots") {
            Some(response) => says(&format!("Roots: {}", response.get("roots").cloned().unwrap_or_default())),
            None => needs([("client_roots", roots())]),
        },
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => stateful(fixture, request),
        "test_input_required_result_multiple_inputs" => several(fixture, request),
        "test_input_required_result_multi_round" => round_by_round(fixture, request),
        "test_input_required_result_capabilities" => what_the_client_can(request, cx),
        "test_streaming_elicitation" => field("Give a value.", "value", "string").and_then(|form| needs([("value", form)])),
        _ => return None,
    })
}

/// The prompt that asks first.
pub(crate) fn prompt(request: &GetPromptRequestParams) -> Option<Result<GetPromptResponse, ErrorData>> {
    if request.name != "test_input_required_result_prompt" {
        return None;
    }
    Some(match response(request.input_responses.as_ref(), "user_context") {
        Some(response) => {
            let said = format!("In this context: {}", content(response, "context"));
            Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, said)]).into())
        }
        None => field("In which context?", "context", "string")
            .map(|form| InputRequiredResult::from_input_requests(requests([("user_context", form)])).into()),
    })
}

/// Confirms, with a state that has to come back as it was.
fn stateful(fixture: &Fixture, request: &CallToolRequestParams) -> Answer {
    match &request.request_state {
        Some(state) => opened(fixture, state).and_then(|_| says("Confirmed: state-ok")),
        None => {
            let form = field("Please confirm.", "ok", "boolean")?;
            sealed(fixture, &json!({ "stage": "confirm" }), [("confirm", form)])
        }
    }
}

/// Needs three things of three kinds at once.
fn several(fixture: &Fixture, request: &CallToolRequestParams) -> Answer {
    if let Some(state) = &request.request_state {
        opened(fixture, state)?;
        let came = |key: &str| response(request.input_responses.as_ref(), key).is_some();
        if ["user_name", "greeting", "client_roots"].into_iter().all(came) {
            return says("Everything came.");
        }
    }
    let form = field("What is your name?", "name", "string")?;
    sealed(fixture, &json!({}), [("user_name", form), ("greeting", sample("Say hello.")), ("client_roots", roots())])
}

/// Asks two things, one after the other.
fn round_by_round(fixture: &Fixture, request: &CallToolRequestParams) -> Answer {
    let round = match &request.request_state {
        Some(state) => opened(fixture, state)?["round"].as_u64().unwrap_or_default(),
        None => 0,
    };
    match round {
        0 => sealed(fixture, &json!({ "round": 1 }), [("step1", field("What is your name?", "name", "string")?)]),
        1 => sealed(fixture, &json!({ "round": 2 }), [("step2", field("Which colour?", "color", "string")?)]),
        _ => says("Both rounds are over."),
    }
}

/// Asks only for what the client says it can.
fn what_the_client_can(request: &CallToolRequestParams, cx: &RequestContext<RoleServer>) -> Answer {
    let can = cx.client_capabilities().unwrap_or_default();
    let form = field("What is your name?", "name", "string")?;
    let all = [
        ("user_name", form, can.elicitation.is_some()),
        ("greeting", sample("Say hello."), can.sampling.is_some()),
        ("client_roots", roots(), can.roots.is_some()),
    ];
    let asked: Vec<_> = all.into_iter().filter(|(.., can)| *can).map(|(key, request, _)| (key, request)).collect();
    if request.input_responses.is_some() || asked.is_empty() { says("There is nothing more to ask.") } else { needs(asked) }
}

fn says(text: &str) -> Answer {
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
}

fn requests(asked: impl IntoIterator<Item = (&'static str, InputRequest)>) -> InputRequests {
    asked.into_iter().map(|(key, request)| (key.to_owned(), request)).collect()
}

fn needs(asked: impl IntoIterator<Item = (&'static str, InputRequest)>) -> Answer {
    Ok(InputRequiredResult::from_input_requests(requests(asked)).into())
}

fn sealed(fixture: &Fixture, state: &Value, asked: impl IntoIterator<Item = (&'static str, InputRequest)>) -> Answer {
    let state = fixture.seal.seal_json(state).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(InputRequiredResult::new(Some(requests(asked)), Some(state)).into())
}

fn opened(fixture: &Fixture, state: &str) -> Result<Value, ErrorData> {
    fixture.seal.open_json(state).map_err(|error| ErrorData::invalid_params(format!("this requestState is not ours: {error}"), None))
}

/// What came back under a key; what is no object is no answer.
pub(crate) fn response<'a>(responses: Option<&'a InputResponses>, key: &str) -> Option<&'a Map<String, Value>> {
    responses?.get(key)?.as_object()
}

/// A field of what a human or a model said.
pub(crate) fn content(response: &Map<String, Value>, field: &str) -> String {
    response.get("content").and_then(|content| content.get(field)).and_then(Value::as_str).unwrap_or_default().to_owned()
}
