//! Tests of the record format: nothing is lost on the way to disk and back, and a change of the format is noticed.

use std::cell::RefCell;
use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use naestro_kernel::{
    Amount, Body, Call, Class, Digest, Event, Failure, FailureKind, Finish, Input, Limits, Millis, Mode, ModelFacts, OnFailure, Opening,
    Outcome, Output, Plan, Question, QuestionId, Retry, RunId, RunOutcome, Signal, Step, StepId, StepKind, ToolAccess, ToolFacts, UnitId,
    Usage, What,
};
use naestro_policy::body;
use naestro_policy::port::JournalError;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::{Fault, INLINE, decode, encode};

/// Encodes and decodes, with a store for what is too large; the record's text is checked against `expect` where one is given.
fn round_trip(event: &Event) -> (Event, String) {
    let written = encode(event.clone()).unwrap();
    let store: BTreeMap<Digest, Vec<u8>> = written.large.into_iter().map(|body| (body.digest, body.bytes)).collect();
    let fetch = |digest: &Digest| Ok(store[digest].clone());
    (decode(written.at, &written.record, &fetch).unwrap(), String::from_utf8(written.record).unwrap())
}

#[track_caller]
fn check(what: What, expect: Expect) {
    let event = Event { at: Millis(7), what };
    let (back, text) = round_trip(&event);
    assert_eq!(back, event);
    expect.assert_eq(&text);
}

fn no_blobs(_: &Digest) -> Result<Vec<u8>, JournalError> {
    panic!("a blob was asked for")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_event_comes_back_as_it_was(event in event()) {
        let (back, _) = round_trip(&event);
        prop_assert_eq!(format!("{back:?}"), format!("{event:?}"));
        prop_assert_eq!(back, event);
    }
}

#[test]
fn a_small_body_is_text_in_the_record_and_a_large_one_is_named() {
    check(
        What::Finished { outcome: RunOutcome::Succeeded, summary: body("all \"good\"\n") },
        expect![[r#"{"v":1,"what":{"finished":{"outcome":"succeeded","summary":{"text":"all \"good\"\n"}}}}"#]],
    );
    check(
        What::Finished { outcome: RunOutcome::Refused, summary: body(vec![0xff, 0]) },
        expect![[r#"{"v":1,"what":{"finished":{"outcome":"refused","summary":{"base64":"/wA="}}}}"#]],
    );
    check(
        What::Finished { outcome: RunOutcome::Failed, summary: body("x".repeat(INLINE + 1)) },
        expect![[
            r#"{"v":1,"what":{"finished":{"outcome":"failed","summary":{"blob":{"digest":"8384cdc7ca19f0f961b2356f342e94ee0a8e0b06d36a25c2e57c084c7acf6298","bytes":16385}}}}}"#
        ]],
    );
}

#[test]
fn the_format_of_a_tool_step_is_this() {
    check(What::Woke, expect![[r#"{"v":1,"what":{"woke":{}}}"#]]);
    check(
        What::Resumed { crashed: true, interactive: false },
        expect![[r#"{"v":1,"what":{"resumed":{"crashed":true,"interactive":false}}}"#]],
    );
    check(What::Signalled(Signal::Cancel), expect![[r#"{"v":1,"what":{"signalled":{"signal":"cancel"}}}"#]]);
    let effect = Digest([0xab; 32]);
    check(
        What::Intended {
            unit: UnitId(3),
            attempt: 2,
            effect,
            class: Class::Idempotent,
            label: String::from("run `cargo test`"),
            reason: String::from("auto"),
        },
        expect![[
            r#"{"v":1,"what":{"intended":{"unit":3,"attempt":2,"effect":"abababababababababababababababababababababababababababababababab","class":"idempotent","label":"run `cargo test`","reason":"auto"}}}"#
        ]],
    );
    check(
        What::Done {
            unit: UnitId(3),
            outcome: Outcome::Tool { ok: true, output: Output { text: body("ok"), data: Some(body("{}")) }, tree: Some(effect) },
        },
        expect![[
            r#"{"v":1,"what":{"done":{"unit":3,"outcome":{"tool":{"ok":true,"output":{"text":{"text":"ok"},"data":{"text":"{}"}},"tree":"abababababababababababababababababababababababababababababababab"}}}}}"#
        ]],
    );
}

#[test]
fn a_record_of_a_newer_format_is_told_from_a_damaged_one() {
    let newer = |record: &str| matches!(decode(0, record.as_bytes(), &no_blobs), Err(Fault::Newer(2)));
    assert!(newer(r#"{"v":2,"what":{"woke":{}}}"#));
    assert!(newer(r#"{"v":2,"what":{"dreamt":{"of":["sheep"]}}}"#));
    assert!(newer(r#"{"v":2,"shape":"other"}"#));
    for damaged in [r#"{"v":1,"what":{"dreamt":{}}}"#, r#"{"v":1}"#, "", "{", r#"{"what":{"woke":{}}}"#] {
        assert!(matches!(decode(0, damaged.as_bytes(), &no_blobs), Err(Fault::Malformed(_))), "{damaged}");
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let record = r#"{"v":1,"by":"someone","what":{"resumed":{"crashed":true,"interactive":false,"mood":"fine"}}}"#;
    let event = decode(4, record.as_bytes(), &no_blobs).unwrap();
    assert_eq!(event, Event { at: Millis(4), what: What::Resumed { crashed: true, interactive: false } });
}

#[test]
fn a_body_that_is_not_what_its_digest_says_is_not_written() {
    let summary = Body { digest: Digest([0; 32]), bytes: b"text".to_vec() };
    let event = Event { at: Millis(0), what: What::Finished { outcome: RunOutcome::Failed, summary } };
    assert!(matches!(encode(event), Err(Fault::Malformed(_))));
}

#[test]
fn a_large_body_that_is_missing_is_told() {
    let event = Event { at: Millis(0), what: What::Finished { outcome: RunOutcome::Failed, summary: body(vec![0; INLINE + 1]) } };
    let record = encode(event).unwrap().record;
    let asked = RefCell::new(Vec::new());
    let fetch = |digest: &Digest| {
        asked.borrow_mut().push(*digest);
        Err(JournalError::Corrupt { run: None, index: None, what: String::from("gone") })
    };
    assert!(matches!(decode(0, &record, &fetch), Err(Fault::Blob(_))));
    assert_eq!(asked.into_inner(), [body(vec![0; INLINE + 1]).digest]);
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), what()).prop_map(|(at, what)| Event { at: Millis(at), what })
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        opening().prop_map(|opening| What::Opened(Box::new(opening))),
        (run(), run(), any::<u64>()).prop_map(|(run, parent, index)| What::Forked { run, parent, index }),
        plan().prop_map(What::Planned),
        (any::<u32>(), any::<u32>(), digest(), class(), text(), text()).prop_map(|(unit, attempt, effect, class, label, reason)| {
            What::Intended { unit: UnitId(unit), attempt, effect, class, label, reason }
        }),
        (any::<u32>(), text(), text(), text()).prop_map(|(unit, label, reason, hint)| What::Denied {
            unit: UnitId(unit),
            label,
            reason,
            hint
        }),
        question().prop_map(What::Asked),
        (any::<u32>(), any_body(), text()).prop_map(|(question, choice, by)| What::Answered { question: QuestionId(question), choice, by }),
        (any::<u32>(), outcome()).prop_map(|(unit, outcome)| What::Done { unit: UnitId(unit), outcome }),
        amount().prop_map(What::Reserved),
        Just(What::Woke),
        prop_oneof![Just(Signal::Cancel), Just(Signal::Suspend)].prop_map(What::Signalled),
        any::<(bool, bool)>().prop_map(|(crashed, interactive)| What::Resumed { crashed, interactive }),
        (run_outcome(), any_body()).prop_map(|(outcome, summary)| What::Finished { outcome, summary }),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let calls = vec((text(), text(), any_body()).prop_map(|(id, tool, args)| Call { id, tool, args }), 0..3);
    prop_oneof![
        (any_body(), any_body(), calls, usage(), finish()).prop_map(|(message, text, calls, usage, finish)| Outcome::Message {
            message,
            text,
            calls,
            usage,
            finish
        }),
        (any::<bool>(), output(), option::of(digest())).prop_map(|(ok, output, tree)| Outcome::Tool { ok, output, tree }),
        (digest(), text()).prop_map(|(base, level)| Outcome::Workspace { base, level }),
        (any::<bool>(), output()).prop_map(|(passed, output)| Outcome::Checked { passed, output }),
        (any_body(), vec(text(), 0..3)).prop_map(|(diff, paths)| Outcome::Diffed { diff, paths }),
        any::<u32>().prop_map(|files| Outcome::Imported { files }),
        failure().prop_map(Outcome::Failed),
        option::of(any_body()).prop_map(|partial| Outcome::Cancelled { partial }),
    ]
}

fn opening() -> impl Strategy<Value = Opening> {
    let ids = (run(), run(), option::of(run()), any::<u32>());
    let words = (text(), option::of(text()), text(), vec(text(), 0..3));
    let flags = any::<(bool, bool, bool)>();
    let mode = prop_oneof![Just(Mode::Guide), Just(Mode::Copilot), Just(Mode::Auto)];
    let numbers = (limits(), any::<u32>(), any::<u64>());
    let facts = (option::of(model()), vec(tool(), 0..3), option::of((digest(), digest())));
    (ids, words, flags, mode, numbers, facts).prop_map(|(ids, words, flags, mode, numbers, facts)| Opening {
        run: ids.0,
        session: ids.1,
        previous: ids.2,
        kernel: ids.3,
        goal: words.0,
        recipe: words.1,
        workspace: words.2,
        checks: words.3,
        unsandboxed: flags.0,
        apply: flags.1,
        interactive: flags.2,
        mode,
        limits: numbers.0,
        parallel: numbers.1,
        preamble_tokens: numbers.2,
        model: facts.0,
        tools: facts.1,
        inherited: facts.2,
    })
}

fn model() -> impl Strategy<Value = ModelFacts> {
    (text(), text(), any::<(u64, u64, u64, u64)>()).prop_map(|(name, host, (context, max_output, price_input, price_output))| ModelFacts {
        name,
        host,
        context,
        max_output,
        price_input,
        price_output,
    })
}

fn tool() -> impl Strategy<Value = ToolFacts> {
    let access = prop_oneof![Just(ToolAccess::None), Just(ToolAccess::Read), Just(ToolAccess::Write)];
    (text(), class(), access, any::<bool>()).prop_map(|(name, class, access, for_agents)| ToolFacts { name, class, access, for_agents })
}

fn plan() -> impl Strategy<Value = Plan> {
    (vec(step(), 0..3), option::of(step_id())).prop_map(|(steps, summary)| Plan { steps, summary })
}

fn step() -> impl Strategy<Value = Step> {
    let input = (step_id(), any::<bool>()).prop_map(|(from, text)| Input { from, text });
    let retry = any::<(u32, u64)>().prop_map(|(attempts, backoff)| Retry { attempts, backoff: Millis(backoff) });
    let on_failure = prop_oneof![Just(OnFailure::Fail), Just(OnFailure::Skip)];
    let shape = (step_id(), step_kind(), vec(step_id(), 0..3), btree_map(text(), input, 0..3));
    (shape, limits(), any::<u64>(), retry, on_failure).prop_map(|((id, kind, after, inputs), limits, timeout, retry, on_failure)| Step {
        id,
        kind,
        after,
        inputs,
        limits,
        timeout: Millis(timeout),
        retry,
        on_failure,
    })
}

fn step_kind() -> impl Strategy<Value = StepKind> {
    prop_oneof![
        (text(), any_body()).prop_map(|(tool, args)| StepKind::Tool { tool, args }),
        text().prop_map(|prompt| StepKind::Model { prompt }),
        (text(), vec(text(), 0..3), any::<u32>()).prop_map(|(prompt, tools, max_turns)| StepKind::Agent { prompt, tools, max_turns }),
        any_body().prop_map(|args| StepKind::Test { args }),
        any_body().prop_map(|args| StepKind::Explain { args }),
        (text(), vec(text(), 0..3)).prop_map(|(question, choices)| StepKind::Ask { question, choices }),
    ]
}

fn question() -> impl Strategy<Value = Question> {
    let waiting = (option::of(step_id()), option::of(any::<u32>().prop_map(UnitId)), option::of(digest()));
    (any::<u32>(), waiting, text(), text(), vec(text(), 0..3)).prop_map(|(id, (step, unit, effect), text, detail, choices)| Question {
        id: QuestionId(id),
        step,
        unit,
        effect,
        text,
        detail,
        choices,
    })
}

fn failure() -> impl Strategy<Value = Failure> {
    let kind = prop_oneof![
        Just(FailureKind::Transient),
        Just(FailureKind::Unreached),
        Just(FailureKind::Permanent),
        Just(FailureKind::TimedOut),
        Just(FailureKind::TooLong)
    ];
    (kind, text(), text(), option::of(any::<u64>().prop_map(Millis))).prop_map(|(kind, message, hint, retry_after)| Failure {
        kind,
        message,
        hint,
        retry_after,
    })
}

fn finish() -> impl Strategy<Value = Finish> {
    prop_oneof![Just(Finish::Stop), Just(Finish::Calls), Just(Finish::Length), text().prop_map(Finish::Other)]
}

fn usage() -> impl Strategy<Value = Usage> {
    any::<(u64, u64, u64, u64, u64)>().prop_map(|(input, output, cache_read, cache_write, reasoning)| Usage {
        input,
        output,
        cache_read,
        cache_write,
        reasoning,
    })
}

fn output() -> impl Strategy<Value = Output> {
    (any_body(), option::of(any_body())).prop_map(|(text, data)| Output { text, data })
}

/// Text, bytes that are no text, and bytes too large for a record.
fn any_body() -> impl Strategy<Value = Body> {
    prop_oneof![
        6 => text().prop_map(body),
        3 => vec(any::<u8>(), 0..40).prop_map(body),
        1 => (any::<u8>(), INLINE..INLINE + 3).prop_map(|(byte, length)| body(vec![byte; length])),
    ]
}

fn run_outcome() -> impl Strategy<Value = RunOutcome> {
    prop_oneof![Just(RunOutcome::Succeeded), Just(RunOutcome::Failed), Just(RunOutcome::Cancelled), Just(RunOutcome::Refused)]
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Pure), Just(Class::Idempotent), Just(Class::Probeable), Just(Class::Unsafe)]
}

fn limits() -> impl Strategy<Value = Limits> {
    any::<(Option<u64>, Option<u64>, Option<u64>)>().prop_map(|(tokens, micros, wall)| Limits { tokens, micros, wall })
}

fn amount() -> impl Strategy<Value = Amount> {
    any::<(u64, u64)>().prop_map(|(tokens, micros)| Amount { tokens, micros })
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn run() -> impl Strategy<Value = RunId> {
    any::<[u8; 16]>().prop_map(RunId)
}

fn step_id() -> impl Strategy<Value = StepId> {
    text().prop_map(StepId)
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(String::from_iter)
}
