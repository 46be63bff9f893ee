//! The engine as a face sees it, over the real journal and policies, with a scripted model and a workspace in memory.
//!
//! The doubles stand for the two ports whose real parts are tested in their own crates and end to end; here they show the
//! order of things: journal before effect, one permit per effect, the same state after resuming as without.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use futures_util::StreamExt;
use naestro_api::{
    Answer as Reply_, Caller, Command, Engine, ErrorCode, Explain, Explanation, Face, Handle, Mode, Orchestrate, Outcome, Prose, Query,
    Reply, Signal, Trace, TraceReply, Update, UpdateBody,
};
use naestro_journal::SqliteJournal;
use naestro_kernel::code::{Affected, Change, Citation, Code, Evidence, Fact, Fault, Role as Role_, Source, Target, Watch};
use naestro_kernel::{Body, Class, Digest, Failure, FailureKind, Finish, ModelFacts, Output, RunId, ToolAccess, ToolFacts, Usage};
use naestro_policy::effect::{Check, Diff, Generate, Import, Message, MessageCall, Open, Role, ToolCall, ToolSpec};
use naestro_policy::port::{self, Answer, CheckResult, Delta, Models, Opened, ToolResult, Workspaces};
use naestro_policy::{Permit, body, digest_bytes};

use crate::message::plain;
use crate::{LocalEngine, ModelPart, Parts, Settings, Tests};

/// A model that says what it is told to, in order; a reply of `hang` never comes.
struct Told {
    replies: Mutex<VecDeque<&'static str>>,
    heard: Mutex<Vec<Generate>>,
}

impl Models for Told {
    fn generate<'a>(
        &'a self,
        permit: Permit,
        request: Generate,
        on_delta: &'a (dyn Fn(Delta) + Send + Sync),
    ) -> Answer<'a, Result<port::Reply, Failure>> {
        permit.covers(&request).unwrap();
        self.heard.lock().unwrap().push(request);
        let reply = self.replies.lock().unwrap().pop_front().unwrap_or("nothing more to say");
        Box::pin(async move {
            match reply.split_once(' ') {
                Some(("call", rest)) => Ok(asks(rest)),
                Some(("busy", after)) => Err(Failure {
                    kind: FailureKind::Transient,
                    message: String::from("reach the model"),
                    hint: String::new(),
                    retry_after: after.parse().ok().map(naestro_kernel::Millis),
                }),
                _ if reply == "hang" => std::future::pending().await,
                _ => {
                    on_delta(Delta::Text(reply.to_owned()));
                    Ok(port::Reply {
                        message: plain(Role::Assistant, reply),
                        finish: Finish::Stop,
                        usage: Usage { input: 10, output: 5, ..Usage::default() },
                    })
                }
            }
        })
    }
}

/// A reply that calls one tool: `edit {"path":"a"}`.
fn asks(call: &str) -> port::Reply {
    let (tool, args) = call.split_once(' ').unwrap();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let id = format!("call-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let call = MessageCall { id, tool: tool.to_owned(), args: args.to_owned(), unknown: std::collections::BTreeMap::default() };
    let message = Message { calls: vec![call], ..plain(Role::Assistant, "") };
    port::Reply { message, finish: Finish::Calls, usage: Usage::default() }
}

/// A workspace whose tree is the list of edits made to it.
#[derive(Default)]
struct Memory {
    edits: Mutex<Vec<String>>,
    called: Mutex<Vec<String>>,
    imported: Mutex<Vec<String>>,
}

fn output(text: &str) -> Output {
    Output { text: body(text), data: None }
}

fn ready<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Memory {
    fn tree(&self) -> Digest {
        digest_bytes(self.edits.lock().unwrap().join("\n").as_bytes())
    }
}

impl Workspaces for Memory {
    fn tools(&self) -> Vec<(ToolFacts, ToolSpec)> {
        let tool = |name: &str, access, for_agents| {
            let facts = ToolFacts { name: name.to_owned(), class: Class::Idempotent, access, for_agents };
            (facts, ToolSpec { name: name.to_owned(), description: String::new(), schema: String::from("{}") })
        };
        vec![
            tool("read", ToolAccess::Read, true),
            tool("edit", ToolAccess::Write, true),
            tool("exec", ToolAccess::Write, true),
            tool("changes", ToolAccess::None, false),
            tool("explain", ToolAccess::None, true),
            tool("citations", ToolAccess::None, false),
            tool("test", ToolAccess::None, false),
        ]
    }

    fn open(&self, permit: Permit, open: Open) -> Answer<'_, Result<Opened, Failure>> {
        permit.covers(&open).unwrap();
        ready(Ok(Opened { base: digest_bytes(b""), level: String::from("memory") }))
    }

    fn call(&self, permit: Permit, call: ToolCall) -> Answer<'_, Result<ToolResult, Failure>> {
        permit.covers(&call).unwrap();
        let wrote = call.access == ToolAccess::Write;
        if wrote {
            self.edits.lock().unwrap().push(call.args.text().into_owned());
        }
        let mut output = output(&format!("{} done", call.tool));
        output.data = match call.tool.as_str() {
            "explain" => Some(body(r#"{"title":"function parse","sources":[],"left_out":[],"gaps":[]}"#)),
            "test" if call.args.text().contains("nonsense") => Some(body(r#"{"tests":3}"#)),
            "test" => Some(body(r#"{"ok":true,"verdict":"passed","tests":[{"id":"adds","state":"passed","reason":null}]}"#)),
            _ => None,
        };
        self.called.lock().unwrap().push(format!("{} {}", call.tool, call.args.text()));
        ready(Ok(ToolResult { ok: true, output, tree: wrote.then(|| self.tree()) }))
    }

    fn check(&self, permit: Permit, check: Check) -> Answer<'_, Result<CheckResult, Failure>> {
        permit.covers(&check).unwrap();
        let passed = self.edits.lock().unwrap().len() >= check.command.len();
        ready(Ok(CheckResult { passed, output: output("checked") }))
    }

    fn diff(&self, permit: Permit, diff: Diff) -> Answer<'_, Result<(Body, Vec<String>), Failure>> {
        permit.covers(&diff).unwrap();
        ready(Ok((body(self.edits.lock().unwrap().join("\n")), vec![String::from("a")])))
    }

    fn import(&self, permit: Permit, import: Import) -> Answer<'_, Result<u32, Failure>> {
        permit.covers(&import).unwrap();
        self.imported.lock().unwrap().extend(import.paths.iter().cloned());
        ready(Ok(1))
    }

    fn close(&self, _run: RunId) -> Answer<'_, ()> {
        ready(())
    }
}

/// Code of which one symbol is known.
struct Known;

impl Code for Known {
    fn evidence(&self, _root: &str, target: &Target, _watch: &dyn Watch) -> Result<Evidence, Fault> {
        match target {
            Target::Symbol(name) if name == "parse" => {
                let fact = Fact {
                    role: Role_::Commit,
                    text: String::from("Parses"),
                    name: None,
                    excerpt: String::new(),
                    source: Source::Commit("0123".into()),
                    guess: false,
                };
                Ok(Evidence { title: String::from("function parse"), facts: vec![fact], left_out: Vec::new(), gaps: Vec::new() })
            }
            _ => Err(Fault::Unknown { what: String::from("the symbol"), near: vec![String::from("parse")] }),
        }
    }

    fn holds(&self, _root: &str, citations: &[Citation]) -> Vec<bool> {
        citations.iter().map(|citation| citation.line == 1).collect()
    }

    fn affected(&self, _root: &str, _change: &Change, _watch: &dyn Watch) -> Result<Affected, Fault> {
        Err(Fault::Cancelled)
    }
}

/// An engine in a fresh state directory, and what is behind it.
struct Bench {
    home: tempfile::TempDir,
    folder: tempfile::TempDir,
    model: Arc<Told>,
    memory: Arc<Memory>,
    tests: Tests,
}

impl Bench {
    fn new(replies: &[&'static str]) -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            model: Arc::new(Told { replies: Mutex::new(replies.iter().copied().collect()), heard: Mutex::default() }),
            memory: Arc::default(),
            tests: Tests::default(),
        }
    }

    /// An engine as a process would have it; several share the state directory as processes do.
    fn engine(&self) -> LocalEngine {
        let (home, memory) = (self.home.path().to_owned(), Arc::clone(&self.memory));
        let facts = ModelFacts {
            name: "told".into(),
            host: "localhost".into(),
            context: 100_000,
            max_output: 4_000,
            price_input: 0,
            price_output: 0,
        };
        LocalEngine::new(Parts {
            journal: Box::new(move || SqliteJournal::open(&home).map(|journal| Arc::new(journal) as Arc<dyn port::Journal>)),
            past: Box::new(|| None),
            code: Arc::new(Known),
            workspaces: Box::new(move |_, _| Arc::clone(&memory) as Arc<dyn Workspaces>),
            upstreams: None,
            model: Some(ModelPart { facts, port: Arc::clone(&self.model) as Arc<dyn Models> }),
            settings: Settings { home: self.home.path().to_owned(), keep: u64::MAX, tests: self.tests.clone(), ..Settings::default() },
        })
    }

    fn goal(&self, goal: &str, mode: Mode) -> Orchestrate {
        Orchestrate { goal: goal.to_owned(), mode, workspace: self.folder.path().to_str().unwrap().to_owned(), ..Orchestrate::default() }
    }
}

fn caller(answers: bool) -> Caller {
    Caller { face: Face::Rpc, name: String::new(), answers, progress: None }
}

async fn submit(engine: &LocalEngine, orchestrate: Orchestrate, answers: bool) -> (String, naestro_api::Updates) {
    match engine.submit(Command::Orchestrate(Box::new(orchestrate)), caller(answers)).await {
        Ok(Handle::Run { run, updates }) => (run, updates),
        Ok(_) => panic!("not a run"),
        Err(error) => panic!("{error}: {:?}", error.hints),
    }
}

async fn run(engine: &LocalEngine, orchestrate: Orchestrate) -> (String, Vec<Update>) {
    let (run, updates) = submit(engine, orchestrate, false).await;
    (run, updates.collect().await)
}

/// Updates as lines a person can compare.
fn lines(updates: &[Update]) -> String {
    let line = |update: &Update| match &update.body {
        UpdateBody::Started { resumed, .. } => format!("started, resumed: {resumed}"),
        UpdateBody::Plan { plan } => format!("plan of {}", plan.steps.len()),
        UpdateBody::Workspace { level } => format!("workspace: {level}"),
        UpdateBody::Step { step, state, note } => format!("step {step}: {state:?} {note}").trim_end().to_owned(),
        UpdateBody::Delta { text, .. } => format!("delta {text:?}"),
        UpdateBody::Message { text, .. } => format!("message {text:?}"),
        UpdateBody::Call { label, state, output, .. } => format!("call {label}: {state:?} {output}").trim_end().to_owned(),
        UpdateBody::Question(question) => format!("question {}: {}", question.question, question.text),
        UpdateBody::Notice { text } => format!("notice {text}"),
        UpdateBody::Evidence { step, evidence } => format!("evidence of {step}: {}", evidence.title),
        UpdateBody::Tests { step, report } => format!("tests of {step}: {}", report.verdict),
        UpdateBody::Reading { done, total } => format!("reading {done} of {total}"),
        UpdateBody::Finished { outcome, summary, diff, receipts, cost } => {
            let summary = redact(summary.split("resume it with").next().unwrap_or_default());
            format!(
                "finished {outcome:?}, diff: {}, {} receipts, {} tokens: {}",
                diff.is_some(),
                receipts.len(),
                cost.tokens,
                summary.trim_end().replace('\n', " ")
            )
        }
    };
    updates.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(updates: &[Update], expected: &Expect) {
    expected.assert_eq(&lines(updates));
}

fn last(updates: &[Update]) -> (Outcome, String) {
    match &updates.last().unwrap().body {
        UpdateBody::Finished { outcome, summary, .. } => (*outcome, summary.clone()),
        other => panic!("the last update is {other:?}"),
    }
}

/// Replays a run and compares it with what the live one left.
async fn replays(engine: &LocalEngine, run: &str) {
    let trace = Command::Trace(Trace::Replay { run: run.to_owned() });
    match engine.submit(trace, caller(false)).await.ok() {
        Some(Handle::Trace(TraceReply::Replay(replayed))) => assert_eq!(replayed.identical, Some(true), "{replayed:?}"),
        _ => panic!("no replay"),
    }
}

#[tokio::test]
async fn an_agent_edits_is_checked_and_ends_in_a_diff() {
    let bench = Bench::new(&["call edit {\"path\":\"a\"}", "done"]);
    let engine = bench.engine();
    let goal = Orchestrate { accept: vec![String::from("x")], ..bench.goal("mend it", Mode::Auto) };
    let (run_id, updates) = run(&engine, goal).await;
    check(
        &updates,
        &expect![[r#"
            started, resumed: false
            plan of 1
            step work: Running
            workspace: memory
            call edit a: Started
            call edit a: Succeeded edit done
            delta "done"
            message "done"
            call check `x`: Started
            call check `x`: Succeeded checked
            step work: Succeeded
            finished Succeeded, diff: true, 6 receipts, 170 tokens: done"#]],
    );
    assert!(bench.memory.imported.lock().unwrap().is_empty(), "auto imports only with apply");
    replays(&engine, &run_id).await;
}

#[tokio::test]
async fn a_check_that_fails_is_fed_back() {
    let bench = Bench::new(&["call edit {\"path\":\"a\"}", "done?", "call edit {\"path\":\"b\"}", "done!"]);
    let engine = bench.engine();
    let goal = Orchestrate { accept: vec![String::from("xx")], ..bench.goal("mend it", Mode::Auto) };
    let (run_id, updates) = run(&engine, goal).await;
    assert_eq!(last(&updates), (Outcome::Succeeded, String::from("done!")));
    let feedback = bench.model.heard.lock().unwrap()[2].messages.last().cloned().unwrap();
    assert!(feedback.role == Role::User && feedback.text.contains("`xx` does not pass yet"), "{feedback:?}");
    replays(&engine, &run_id).await;
}

#[tokio::test]
async fn a_transient_failure_is_tried_again_after_its_pause() {
    let bench = Bench::new(&["busy 1", "hello"]);
    let (_, updates) = run(&bench.engine(), bench.goal("greet", Mode::Guide)).await;
    assert_eq!(last(&updates), (Outcome::Succeeded, String::from("hello")));
    assert_eq!(bench.model.heard.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_question_nobody_answers_suspends_and_the_answer_carries_it_on() {
    let bench = Bench::new(&["call exec {\"command\":\"ls\"}", "done"]);
    let first = bench.engine();
    let (run_id, updates) = run(&first, bench.goal("look", Mode::Copilot)).await;
    assert_eq!(last(&updates).0, Outcome::Suspended);
    let answer = |choice: &str| Signal::Answer(Reply_ { run: run_id.clone(), question: 0, choice: choice.into() });
    let cli = Caller { face: Face::Cli, name: String::new(), answers: true, progress: None };
    let refused = first.signal(answer("allow"), caller(false)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Refused, "only a human, or who started it");
    let wrong = first.signal(answer("perhaps"), cli.clone()).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::UnknownQuestion);

    first.signal(answer("allow"), cli).await.unwrap();
    let second = bench.engine();
    let resume = Orchestrate { resume: Some(run_id.clone()), ..Orchestrate::default() };
    let (_, updates) = run(&second, resume).await;
    check(
        &updates,
        &expect![[r#"
            started, resumed: true
            workspace: memory
            call exec ls: Started
            call exec ls: Succeeded exec done
            delta "done"
            message "done"
            step work: Succeeded
            question 1: Write these changes into your folder?
            finished Suspended, diff: true, 6 receipts, 171 tokens: question 1: Write these changes into your folder? answer it with: naestro answer RUN 1 allow   # or deny"#]],
    );
    replays(&second, &run_id).await;
}

#[tokio::test]
async fn a_run_that_was_refused_tells_the_model() {
    let bench = Bench::new(&["call exec {\"command\":\"ls\"}", "call frobnicate {}", "I could not"]);
    let (_, updates) = run(&bench.engine(), bench.goal("look", Mode::Auto)).await;
    assert_eq!(last(&updates), (Outcome::Succeeded, String::from("I could not")));
    let heard = bench.model.heard.lock().unwrap();
    let results: Vec<&str> =
        heard[2].messages.iter().filter(|message| message.role == Role::Tool).map(|message| message.text.as_str()).collect();
    assert!(results[0].starts_with("refused: ") && results[0].contains("--unsandboxed"), "{results:?}");
    assert!(results[1].contains("there is no tool `frobnicate`"), "{results:?}");
}

#[tokio::test]
async fn cancelling_ends_a_call_in_flight() {
    let bench = Bench::new(&["hang"]);
    let engine = bench.engine();
    let (run_id, mut updates) = submit(&engine, bench.goal("wait", Mode::Guide), true).await;
    while !matches!(updates.next().await.unwrap().body, UpdateBody::Step { .. }) {}
    engine.signal(Signal::Cancel { run: run_id.clone() }, caller(true)).await.unwrap();
    let rest: Vec<Update> = updates.collect().await;
    assert_eq!(last(&rest), (Outcome::Cancelled, String::from("cancelled")));
    replays(&engine, &run_id).await;
}

#[tokio::test]
async fn a_run_ends_when_its_wall_time_does() {
    let bench = Bench::new(&["hang"]);
    let budget = naestro_api::Budget { wall_s: Some(1), ..naestro_api::Budget::default() };
    let (_, updates) = run(&bench.engine(), Orchestrate { budget, ..bench.goal("wait", Mode::Guide) }).await;
    assert_eq!(last(&updates), (Outcome::Failed, String::from("failed to finish within 1 s of wall time")));
    let UpdateBody::Finished { cost, .. } = &updates.last().unwrap().body else { panic!("not finished") };
    assert!(cost.wall_ms < 9_000, "it is the deadline that ended it, not the call's own limit: {} ms", cost.wall_ms);
}

#[tokio::test]
async fn closing_suspends_and_another_engine_goes_on() {
    let bench = Bench::new(&["hang", "hello"]);
    let first = bench.engine();
    let (run_id, updates) = submit(&first, bench.goal("greet", Mode::Guide), true).await;
    first.close().await;
    let updates: Vec<Update> = updates.collect().await;
    assert_eq!(last(&updates).0, Outcome::Suspended);
    let second = bench.engine();
    let (_, updates) = run(&second, Orchestrate { resume: Some(run_id.clone()), ..Orchestrate::default() }).await;
    let (outcome, summary) = last(&updates);
    assert_eq!(outcome, Outcome::Succeeded);
    assert!(summary == "hello" || summary == "nothing more to say", "{summary}");
    replays(&second, &run_id).await;
}

#[tokio::test]
async fn a_session_goes_on_with_what_was_said_also_in_another_process() {
    let bench = Bench::new(&["I am Naestro", "as I said", "still"]);
    let first = bench.engine();
    let (session, _) = run(&first, bench.goal("who are you?", Mode::Guide)).await;
    let again = |goal: &str| Orchestrate { session: Some(session.clone()), ..bench.goal(goal, Mode::Guide) };
    run(&first, again("again?")).await;
    run(&bench.engine(), again("once more?")).await;
    let heard = bench.model.heard.lock().unwrap();
    let said: Vec<&str> = heard[2].messages[1..].iter().map(|message| message.text.as_str()).collect();
    assert_eq!(said, ["who are you?", "I am Naestro", "again?", "as I said", "once more?"]);
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_happens() {
    let bench = Bench::new(&[]);
    let engine = bench.engine();
    let file = bench.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let good = || bench.goal("x", Mode::Guide);
    let cases = [
        (Orchestrate { workspace: "here".into(), ..good() }, ErrorCode::InvalidWorkspace),
        (Orchestrate { workspace: "/no/such/folder".into(), ..good() }, ErrorCode::InvalidWorkspace),
        (Orchestrate { workspace: file.to_str().unwrap().into(), ..good() }, ErrorCode::InvalidWorkspace),
        (Orchestrate { workspace: "/usr".into(), ..good() }, ErrorCode::InvalidWorkspace),
        (Orchestrate { workspace: "/proc/self".into(), ..good() }, ErrorCode::InvalidWorkspace),
        (Orchestrate { goal: "x".repeat(1 << 20), ..good() }, ErrorCode::InvalidInput),
        (Orchestrate { goal: String::new(), ..good() }, ErrorCode::InvalidInput),
        (Orchestrate { recipe: Some("nope".into()), ..good() }, ErrorCode::UnknownRecipe),
        (Orchestrate { session: Some("nope".into()), ..good() }, ErrorCode::UnknownRun),
        (Orchestrate { resume: Some("nope".into()), ..good() }, ErrorCode::UnknownRun),
    ];
    for (orchestrate, code) in cases {
        let error = engine.submit(Command::Orchestrate(Box::new(orchestrate)), caller(false)).await.err().unwrap();
        assert_eq!(error.code, code, "{error}");
        assert!(!error.hints.is_empty() || code == ErrorCode::InvalidInput, "{error} has no hint");
    }
    let Ok(Handle::Trace(TraceReply::List { runs })) = engine.submit(Command::Trace(Trace::List { limit: None }), caller(false)).await
    else {
        panic!("no list");
    };
    assert!(runs.is_empty(), "a refused command leaves no run");
}

#[tokio::test]
async fn a_fork_goes_on_from_an_earlier_event() {
    let bench = Bench::new(&["first", "second"]);
    let engine = bench.engine();
    let (run_id, _) = run(&engine, bench.goal("say", Mode::Guide)).await;
    let Ok(Handle::Trace(TraceReply::Fork { run: fork })) =
        engine.submit(Command::Trace(Trace::Fork { run: run_id, index: 2 }), caller(false)).await
    else {
        panic!("no fork");
    };
    let (_, updates) = run(&engine, Orchestrate { resume: Some(fork.clone()), ..Orchestrate::default() }).await;
    assert_eq!(last(&updates), (Outcome::Succeeded, String::from("second")));
    replays(&engine, &fork).await;
    let Reply::State(state) = engine.query(Query::State { run: fork }).await.unwrap() else { panic!("no state") };
    assert_eq!(state.outcome, Some(Outcome::Succeeded));
}

async fn explain(engine: &LocalEngine, explain: Explain) -> Result<Handle, naestro_api::Error> {
    engine.submit(Command::Explain(explain), caller(false)).await
}

fn code(bench: &Bench, target: &str, prose: Prose) -> Explain {
    let workspace = Some(bench.folder.path().to_str().unwrap().to_owned());
    Explain { target: target.into(), workspace, question: None, prose }
}

#[tokio::test]
async fn evidence_needs_no_run_and_no_journal() {
    let bench = Bench::new(&[]);
    let engine = bench.engine();
    let asked = Explain { question: Some("why?".into()), ..code(&bench, "parse", Prose::Never) };
    let Ok(Handle::Explanation(Explanation::Code { evidence, .. })) = explain(&engine, asked).await else { panic!("no evidence") };
    assert_eq!((evidence.title.as_str(), evidence.facts.len()), ("function parse", 1));
    assert_eq!(evidence.gaps, ["the question \"why?\" was put to no model: these are the facts alone"]);
    let error = explain(&engine, code(&bench, "prase", Prose::Auto)).await.err().unwrap();
    assert_eq!((error.code, error.hints), (ErrorCode::UnknownTarget, vec![String::from("did you mean `parse`?")]));
    let nowhere = Explain { workspace: None, ..code(&bench, "parse", Prose::Never) };
    assert_eq!(explain(&engine, nowhere).await.err().unwrap().code, ErrorCode::InvalidWorkspace);
    assert_eq!(std::fs::read_dir(bench.home.path()).unwrap().count(), 0, "nothing was made");
}

/// What the model says is told only as far as it was checked.
#[tokio::test]
async fn prose_is_a_run_that_tells_what_was_checked_alone() {
    let bench = Bench::new(&["it parses [1]. it flies"]);
    let Ok(Handle::Run { run, updates }) = explain(&bench.engine(), code(&bench, "parse", Prose::Auto)).await else { panic!("no run") };
    let updates: Vec<Update> = updates.collect().await;
    check(
        &updates,
        &expect![[r#"
            started, resumed: false
            plan of 3
            step explain: Running
            call explain parse: Started
            call explain parse: Succeeded explain done
            evidence of explain: function parse
            step explain: Succeeded
            step prose: Running
            step prose: Succeeded
            step citations: Running
            call citations: Started
            call citations: Succeeded citations done
            step citations: Succeeded
            finished Succeeded, diff: false, 3 receipts, 15 tokens: citations done"#]],
    );
    let asked = bench.model.heard.lock().unwrap()[0].messages.last().unwrap().text.clone();
    assert!(asked.contains("Explain parse") && asked.contains("<facts>\nexplain done\n</facts>"), "{asked}");
    replays(&bench.engine(), &run).await;
}

/// A run of one step that tests.
fn tests_with(bench: &Bench, args: &serde_json::Value) -> Orchestrate {
    let plan = serde_json::json!({ "steps": [{ "id": "test", "kind": "test", "args": args }] });
    Orchestrate { plan: Some(serde_json::from_value(plan).unwrap()), ..bench.goal("", Mode::Auto) }
}

#[tokio::test]
async fn a_report_of_tests_is_told_and_one_that_cannot_be_read_is_noticed() {
    let bench = Bench::new(&[]);
    let (_, updates) = run(&bench.engine(), tests_with(&bench, &serde_json::json!({}))).await;
    let told = lines(&updates);
    assert!(told.contains("tests of test: passed\n"), "{told}");
    let (_, updates) = run(&bench.engine(), tests_with(&bench, &serde_json::json!({ "of": "nonsense" }))).await;
    let told = lines(&updates);
    assert!(told.contains("notice the data of step test cannot be read: ") && !told.contains("tests of test"), "{told}");
    assert_eq!(last(&updates).0, Outcome::Succeeded);
}

#[tokio::test]
async fn tests_are_run_as_the_user_configured_unless_the_plan_says_otherwise() {
    let runners = [(String::from("a"), vec![String::from("make"), String::from("check")])].into();
    let bench = Bench { tests: Tests { retries: Some(2), runners }, ..Bench::new(&[]) };
    run(&bench.engine(), tests_with(&bench, &serde_json::json!({ "retries": 0 }))).await;
    let called = bench.memory.called.lock().unwrap()[0].clone();
    let args: serde_json::Value = serde_json::from_str(called.strip_prefix("test ").unwrap()).unwrap();
    assert_eq!(args, serde_json::json!({ "retries": 0, "runners": { "a": ["make", "check"] }, "wall_s": 600 }));
}

#[tokio::test]
async fn a_citation_holds_or_does_not() {
    let bench = Bench::new(&[]);
    let cited = |line, digest: String| naestro_api::Citation { path: "a".into(), start: 0, end: 1, line, last_line: line, digest };
    let digest = digest_bytes(b"a").to_string();
    let citations = vec![cited(1, digest.clone()), cited(1, "none".into()), cited(2, digest)];
    let workspace = bench.folder.path().to_str().unwrap().to_owned();
    let Ok(Reply::Holds(holds)) = bench.engine().query(Query::Holds { workspace, citations }).await else { panic!("no answer") };
    assert_eq!(holds, [true, false, false]);
}

/// The run's id becomes RUN.
fn redact(text: &str) -> String {
    text.split(' ').map(|word| if RunId::parse(word).is_some() { "RUN" } else { word }).collect::<Vec<_>>().join(" ")
}
