//! Requests as they leave.

use naestro_policy::effect::{Generate, Message, Role, ToolSpec};
use serde_json::{Value, json};

use super::{model_names, request};

fn generate(host: &str) -> Generate {
    let message = Message {
        role: Role::System,
        text: "be brief".to_owned(),
        reasoning: String::new(),
        calls: Vec::new(),
        answers: None,
        unknown: std::collections::BTreeMap::new(),
    };
    let tool = ToolSpec { name: "ls".to_owned(), description: "Lists.".to_owned(), schema: r#"{"type":"object"}"#.to_owned() };
    Generate { host: host.to_owned(), model: "m".to_owned(), messages: vec![message], tools: vec![tool], max_output: 9 }
}

#[test]
fn a_request_asks_for_a_stream_with_its_usage() {
    let expect = json!({
        "model": "m",
        "messages": [{ "role": "system", "content": "be brief" }],
        "tools": [{ "type": "function", "function": { "name": "ls", "description": "Lists.", "parameters": { "type": "object" } } }],
        "max_tokens": 9,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    assert_eq!(request(&generate("localhost:8080")), expect);
}

#[test]
fn the_limit_of_a_reply_has_the_name_the_host_knows() {
    let has = |host: &str, name: &str| request(&generate(host)).get(name).is_some();
    assert!(has("api.openai.com", "max_completion_tokens") && !has("api.openai.com", "max_tokens"));
    assert!(has("x.openai.azure.com", "max_completion_tokens"));
    assert!(has("openrouter.ai", "max_tokens"));
}

#[test]
fn no_tools_means_no_field() {
    let bare = Generate { tools: Vec::new(), ..generate("x") };
    assert_eq!(request(&bare).get("tools"), None);
}

#[test]
fn lists_of_models_come_in_several_forms() {
    let names = |answer: Value| model_names(&answer);
    assert_eq!(names(json!({ "data": [{ "id": "a" }, { "id": "b" }] })), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(names(json!({ "models": [{ "name": "a" }] })), Some(vec!["a".to_owned()]));
    assert_eq!(names(json!([{ "id": "a" }])), Some(vec!["a".to_owned()]));
    assert_eq!(names(json!({ "hello": "world" })), None);
}
