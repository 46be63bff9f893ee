//! The methods: one table that is both what is answered and what `rpc.discover` says.
//!
//! Invariant: a method that is answered is described, and the other way round.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{Extensions, RpcModule};
use naestro_api::{
    Answer, Caller, Citation, Command, Engine, Error, ErrorCode, Events, Explain, Explanation, Face, Handle, Orchestrate, Plan, Query,
    Reply, RunState, Signal, Test, Trace, TraceReply, Update,
};
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::follow::Started;
use super::{failure, params};
use crate::lazy::Lazy;
use crate::watch;

/// What the methods share.
pub(super) struct Served {
    /// The engine.
    pub(super) engine: Lazy,
    panics: AtomicU64,
    closing: CancellationToken,
}

impl Served {
    /// Methods over this engine.
    pub(super) fn new(engine: Lazy) -> Self {
        Self { engine, panics: AtomicU64::new(0), closing: CancellationToken::new() }
    }

    /// Ends every wait for events.
    pub(super) fn stop_waiting(&self) {
        self.closing.cancel();
    }

    /// Counts a request that panicked.
    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

/// No parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Run {
    /// The run.
    run: String,
}

/// A plan for the steps of a run that have not started.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Patch {
    /// The run.
    run: String,
    /// The whole new plan: steps that have started must be in it unchanged.
    plan: Plan,
}

/// Events of a run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Since {
    /// The run.
    run: String,
    /// The first index wanted; 0 where absent.
    #[serde(default)]
    since: u64,
    /// At most so many; 1000 where absent.
    #[serde(default)]
    limit: Option<usize>,
    /// How long to wait for the first one, in milliseconds; 0 where absent, at most 30,000. Ends early once nothing works on the run.
    #[serde(default)]
    wait_ms: u64,
}

/// A run that goes on; its updates follow as notifications `naestro.update`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Going {
    /// The run.
    run: String,
}

/// What `naestro.explain` is answered with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Explained {
    /// The evidence, or what was recorded.
    Ready(Explanation),
    /// A run in which a model puts the evidence into prose; its updates follow.
    Going(Going),
}

/// Citations that are to be checked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cited {
    /// The absolute path of the folder.
    workspace: String,
    /// The citations, as evidence has them.
    citations: Vec<Citation>,
}

/// Whether each citation holds, in the order they were given.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Holds {
    /// True where the file has those very bytes at that place.
    holds: Vec<bool>,
}

/// That it was done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Done {}

/// Which program this is, and how it fares.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Version {
    /// Always `naestro`.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// Requests of this process that a bug stopped.
    panics: u64,
}

/// A method as `rpc.discover` describes it; schemas are made only when they are asked for.
struct Entry {
    name: &'static str,
    summary: &'static str,
    params: fn() -> Value,
    result: fn() -> Value,
}

struct Table {
    module: RpcModule<Served>,
    entries: Vec<Entry>,
}

impl Table {
    fn add<P, R, F, Fut>(&mut self, name: &'static str, summary: &'static str, perform: F)
    where
        P: DeserializeOwned + JsonSchema + Send,
        R: Serialize + JsonSchema + Clone + 'static,
        F: Fn(P, Arc<Served>, Started) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<R, Error>> + Send,
    {
        self.entries.push(Entry { name, summary, params: || schema_for!(P).to_value(), result: || schema_for!(R).to_value() });
        let answer = move |params: Params<'static>, served: Arc<Served>, extensions: Extensions| {
            let (perform, started) = (perform.clone(), extensions.get::<Started>().cloned().unwrap_or_default());
            async move {
                let params = params::read::<P>(name, params.as_str().unwrap_or("{}")).map_err(|error| failure::object(&error))?;
                perform(params, served, started).await.map_err(|error| failure::object(&error))
            }
        };
        let added = self.module.register_async_method::<Result<R, ErrorObjectOwned>, _, _>(name, answer);
        debug_assert!(added.is_ok(), "two methods are called {name}");
    }
}

/// The methods over an engine.
pub(super) fn module(served: Arc<Served>) -> RpcModule<Served> {
    table(served).module
}

/// The OpenRPC document.
pub(crate) fn openrpc() -> Value {
    let none = Lazy::new(Box::new(|| Err(Error::new(ErrorCode::Internal, "describe the methods: no engine is needed"))));
    let methods: Vec<Value> = table(Arc::new(Served::new(none))).entries.iter().map(describe).collect();
    json!({
        "openrpc": "1.3.2",
        "info": { "title": "Naestro", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "MIT OR Apache-2.0" } },
        "methods": methods,
        "x-notifications": [{
            "name": "naestro.update",
            "summary": "An update of a run that was started here; the last one of a run is of type finished.",
            "params": schema_for!(Update).to_value(),
        }],
    })
}

fn describe(entry: &Entry) -> Value {
    json!({
        "name": entry.name,
        "summary": entry.summary,
        "paramStructure": "by-name",
        "params": [{ "name": "params", "description": "the object of named parameters", "schema": (entry.params)() }],
        "result": { "name": "result", "schema": (entry.result)() },
    })
}

fn table(served: Arc<Served>) -> Table {
    let mut table = Table { module: RpcModule::from_arc(served), entries: Vec::new() };
    about(&mut table);
    commands(&mut table);
    signals(&mut table);
    queries(&mut table);
    table
}

fn about(table: &mut Table) {
    table.add("naestro.version", "Which program this is; opens nothing.", async |_: Nothing, served: Arc<Served>, _| {
        Ok(Version { name: "naestro", version: env!("CARGO_PKG_VERSION"), panics: served.panics.load(Ordering::Relaxed) })
    });
    table.add("rpc.discover", "This document.", async |_: Nothing, _, _| Ok(openrpc()));
}

fn commands(table: &mut Table) {
    table.add("naestro.orchestrate", "Starts or resumes a run; its updates follow.", |params: Orchestrate, served, started| {
        start(Command::Orchestrate(Box::new(params)), served, started)
    });
    table.add("naestro.test", "Runs the tests that a change affects, or others; updates follow.", |params: Test, served, started| {
        start(Command::Test(params), served, started)
    });
    table.add("naestro.explain", "Explains code or a recorded run, from evidence only; with a model a run follows.", explain);
    table.add("naestro.trace", "Asks or changes the journal: `op` says what.", trace);
}

fn signals(table: &mut Table) {
    table.add("naestro.answer", "Answers a question of a run.", |answer: Answer, served, _| say(Signal::Answer(answer), served));
    table.add("naestro.cancel", "Ends a run for good.", |Run { run }: Run, served, _| say(Signal::Cancel { run }, served));
    table.add("naestro.suspend", "Stops a run for now.", |Run { run }: Run, served, _| say(Signal::Suspend { run }, served));
    table.add("naestro.patch", "Replaces the steps of a run that have not started.", |Patch { run, plan }: Patch, served, _| {
        say(Signal::Patch { run, plan }, served)
    });
}

fn queries(table: &mut Table) {
    table.add("state.get", "A run as it stands.", state);
    table.add("events.since", "Events of a run from an index on; waits for the first where asked to.", events);
    table.add("citations.hold", "Whether citations still hold: the files have those very bytes there.", citations);
}

fn caller() -> Caller {
    Caller { face: Face::Rpc, name: String::new(), answers: true, progress: None }
}

async fn start(command: Command, served: Arc<Served>, started: Started) -> Result<Going, Error> {
    match served.engine.submit(command, caller()).await? {
        Handle::Run { run, updates } => {
            started.add(updates);
            Ok(Going { run })
        }
        Handle::Trace(_) | Handle::Explanation(_) => Err(watch::unexpected("a run")),
    }
}

async fn trace(trace: Trace, served: Arc<Served>, _: Started) -> Result<TraceReply, Error> {
    match served.engine.submit(Command::Trace(trace), caller()).await? {
        Handle::Trace(reply) => Ok(reply),
        Handle::Run { .. } | Handle::Explanation(_) => Err(watch::unexpected("a trace")),
    }
}

async fn explain(explain: Explain, served: Arc<Served>, started: Started) -> Result<Explained, Error> {
    match served.engine.submit(Command::Explain(explain), caller()).await? {
        Handle::Explanation(explanation) => Ok(Explained::Ready(explanation)),
        Handle::Run { run, updates } => {
            started.add(updates);
            Ok(Explained::Going(Going { run }))
        }
        Handle::Trace(_) => Err(watch::unexpected("an explanation")),
    }
}

async fn citations(params: Cited, served: Arc<Served>, _: Started) -> Result<Holds, Error> {
    match served.engine.query(Query::Holds { workspace: params.workspace, citations: params.citations }).await? {
        Reply::Holds(holds) => Ok(Holds { holds }),
        _ => Err(watch::unexpected("whether citations hold")),
    }
}

async fn say(signal: Signal, served: Arc<Served>) -> Result<Done, Error> {
    served.engine.signal(signal, caller()).await.map(|()| Done {})
}

async fn state(params: Run, served: Arc<Served>, _: Started) -> Result<RunState, Error> {
    match served.engine.query(Query::State { run: params.run }).await? {
        Reply::State(state) => Ok(*state),
        _ => Err(watch::unexpected("a state")),
    }
}

/// At the end of the input the wait ends, and what there is by then is the answer.
async fn events(params: Since, served: Arc<Served>, _: Started) -> Result<Events, Error> {
    let query = |wait_ms| Query::Events { run: params.run.clone(), since: params.since, limit: params.limit, wait_ms };
    let asked = &served.engine;
    let reply = tokio::select! {
        reply = asked.query(query(params.wait_ms)) => reply?,
        () = served.closing.cancelled(), if params.wait_ms > 0 => asked.query(query(0)).await?,
    };
    match reply {
        Reply::Events(events) => Ok(events),
        _ => Err(watch::unexpected("events")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_document_lists_every_method_with_its_schemas() {
        let document = openrpc();
        let names: Vec<_> = document["methods"].as_array().into_iter().flatten().filter_map(|method| method["name"].as_str()).collect();
        expect![[r#"
            naestro.version
            rpc.discover
            naestro.orchestrate
            naestro.test
            naestro.explain
            naestro.trace
            naestro.answer
            naestro.cancel
            naestro.suspend
            naestro.patch
            state.get
            events.since
            citations.hold"#]]
        .assert_eq(&names.join("\n"));
        assert!(document["methods"][2]["params"][0]["schema"]["properties"]["workspace"].is_object());
    }
}
