//! From a reply to the pieces of a response body.

use serde_json::{Value, json};

use super::scenario::{Call, Part, Reply};

/// What the body does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Send these bytes.
    Bytes(String),
    /// Say nothing for so many milliseconds.
    Stall(u64),
    /// Say nothing for ever.
    Hang,
    /// Drop the connection.
    Break,
}

/// The body of a streamed reply: events, then the usage on a chunk of its own, then `[DONE]`.
pub(super) fn stream(reply: &Reply, model: &str, turn: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut calls = 0;
    for part in &reply.parts {
        let delta = |delta: Value| event(&chunk(model, json!([{ "index": 0, "delta": delta, "finish_reason": null }])));
        match part {
            Part::Text(text) => pieces.extend(split(text, reply.chunk).map(|text| delta(json!({ "content": text })))),
            Part::Reasoning(text) => pieces.extend(split(text, reply.chunk).map(|text| delta(json!({ "reasoning_content": text })))),
            Part::Call(call) => {
                pieces.extend(call_deltas(call, calls, turn, reply.chunk).into_iter().map(|call| delta(json!({ "tool_calls": [call] }))));
                calls += 1;
            }
            Part::Data(data) => pieces.push(Piece::Bytes(format!("data: {data}\n\n"))),
            Part::Raw(bytes) => pieces.push(Piece::Bytes(bytes.clone())),
            Part::Stall(millis) => pieces.push(Piece::Stall(*millis)),
            Part::Hang => pieces.push(Piece::Hang),
            Part::Break => pieces.push(Piece::Break),
        }
    }
    let finish = finish(reply);
    if !finish.is_empty() {
        pieces.push(event(&chunk(model, json!([{ "index": 0, "delta": {}, "finish_reason": finish }]))));
    }
    if let Some(usage) = reply.usage {
        let mut last = chunk(model, json!([]));
        last["usage"] = usage.to_wire();
        pieces.push(event(&last));
    }
    if reply.done {
        pieces.push(Piece::Bytes("data: [DONE]\n\n".to_owned()));
    }
    pieces
}

/// The body of a whole reply; stalls and breaks come before it.
pub(super) fn whole(reply: &Reply, model: &str, turn: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &reply.parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Reasoning(part) => reasoning.push_str(part),
            Part::Call(call) => calls.push(whole_call(call, calls.len(), turn)),
            Part::Data(_) | Part::Raw(_) => {}
            Part::Stall(millis) => pieces.push(Piece::Stall(*millis)),
            Part::Hang => pieces.push(Piece::Hang),
            Part::Break => pieces.push(Piece::Break),
        }
    }
    let mut message = json!({ "role": "assistant", "content": text });
    if !reasoning.is_empty() {
        message["reasoning_content"] = Value::from(reasoning);
    }
    if !calls.is_empty() {
        message["tool_calls"] = Value::from(calls);
    }
    let mut completion = chunk(model, json!([{ "index": 0, "message": message, "finish_reason": finish(reply) }]));
    completion["object"] = Value::from("chat.completion");
    if let Some(usage) = reply.usage {
        completion["usage"] = usage.to_wire();
    }
    pieces.push(Piece::Bytes(completion.to_string()));
    pieces
}

fn finish(reply: &Reply) -> &str {
    let calls = reply.parts.iter().any(|part| matches!(part, Part::Call(_)));
    reply.finish.as_deref().unwrap_or(if calls { "tool_calls" } else { "stop" })
}

/// The deltas of one call: first its name with no arguments, then the arguments.
fn call_deltas(call: &Call, place: usize, turn: usize, chunk: usize) -> Vec<Value> {
    let mut head = whole_call(call, place, turn);
    head["index"] = Value::from(place);
    head["function"]["arguments"] = Value::from("");
    let mut deltas = vec![head];
    deltas.extend(split(&call.args_text(), chunk).map(|args| json!({ "index": place, "function": { "arguments": args } })));
    deltas
}

fn whole_call(call: &Call, place: usize, turn: usize) -> Value {
    let id = call.id.clone().unwrap_or_else(|| format!("call_{turn}_{place}"));
    json!({ "id": id, "type": "function", "function": { "name": call.name, "arguments": call.args_text() } })
}

fn chunk(model: &str, choices: Value) -> Value {
    json!({ "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": choices })
}

fn event(data: &Value) -> Piece {
    Piece::Bytes(format!("data: {data}\n\n"))
}

/// The text in parts of so many characters; whole where that is 0.
fn split(text: &str, characters: usize) -> impl Iterator<Item = String> {
    let whole: Vec<char> = text.chars().collect();
    let size = if characters == 0 { whole.len().max(1) } else { characters };
    whole.chunks(size).map(|part| part.iter().collect()).collect::<Vec<String>>().into_iter()
}
