//! The adapter against a real server that misbehaves to order.

mod faults;
mod proxy;
mod shapes;
mod wire_speed;

use std::sync::Mutex;
use std::time::Duration;

use naestro_kernel::{Failure, Finish, Millis, Mode, RunId, UnitId, Usage};
use naestro_policy::effect::{Effect, Generate, Message, Role};
use naestro_policy::port::{Delta, Models, Reply};
use naestro_policy::{Context, Decision, Permit, Policies};
use naestro_tests::scripted::{Part, Scenario, Scripted};

use crate::{Endpoint, OpenAi, Timeouts};

fn endpoint(server: &Scripted) -> Endpoint {
    let timeouts = Timeouts { connect: Duration::from_secs(5), answer: Duration::from_secs(5), idle: Duration::from_secs(5) };
    Endpoint { timeouts, ..Endpoint::new(&server.url()) }
}

fn user(text: &str) -> Message {
    Message {
        role: Role::User,
        text: text.to_owned(),
        reasoning: String::new(),
        calls: Vec::new(),
        answers: None,
        unknown: std::collections::BTreeMap::new(),
    }
}

fn request(server: &Scripted) -> Generate {
    Generate { host: server.host(), model: "m".to_owned(), messages: vec![user("go")], tools: Vec::new(), max_output: 100 }
}

fn permit(request: &Generate) -> Permit {
    let context = Context {
        run: RunId([1; 16]),
        unit: UnitId(0),
        now: Millis(0),
        mode: Mode::Auto,
        unsandboxed: false,
        apply: false,
        by_model: false,
        model_host: Some(request.host.clone()),
        consent: None,
    };
    match Policies::built_in().unwrap().decide(&context, &Effect::Generate(request.clone())) {
        Decision::Permit(permit) => permit,
        other => panic!("{other:?}"),
    }
}

/// Sends one permitted request; returns the reply and the deltas.
async fn generate(model: &OpenAi, request: Generate) -> (Result<Reply, Failure>, Vec<Delta>) {
    let deltas = Mutex::new(Vec::new());
    let on_delta = |delta| deltas.lock().unwrap().push(delta);
    let reply = model.generate(permit(&request), request, &on_delta).await;
    (reply, deltas.into_inner().unwrap())
}

/// Plays a scenario and sends it one request.
async fn play(scenario: Scenario) -> (Result<Reply, Failure>, Vec<Delta>) {
    let server = Scripted::start(scenario).await;
    generate(&OpenAi::new(endpoint(&server)).unwrap(), request(&server)).await
}

/// A reply as people compare it.
fn show(reply: &Reply) -> String {
    let message = &reply.message;
    let mut lines = Vec::new();
    if !message.reasoning.is_empty() {
        lines.push(format!("thinks {:?}", message.reasoning));
    }
    if !message.text.is_empty() {
        lines.push(format!("says {:?}", message.text));
    }
    lines.extend(message.calls.iter().map(|call| format!("calls {}: {} {}{}", call.id, call.tool, call.args, fields(&call.unknown))));
    lines.push(format!("ends {}{}", finish(&reply.finish), fields(&message.unknown)));
    if reply.usage != Usage::default() {
        let Usage { input, output, cache_read, cache_write, reasoning } = reply.usage;
        lines.push(format!("used in {input} out {output} read {cache_read} write {cache_write} reasoning {reasoning}"));
    }
    lines.join("\n")
}

fn finish(finish: &Finish) -> String {
    match finish {
        Finish::Stop => "stop".to_owned(),
        Finish::Calls => "calls".to_owned(),
        Finish::Length => "length".to_owned(),
        Finish::Other(other) => format!("other {other}"),
    }
}

fn fields(unknown: &std::collections::BTreeMap<String, String>) -> String {
    unknown.iter().map(|(name, value)| format!(" +{name}={value}")).collect()
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}
