//! Payloads that providers really send and strict types refuse: each stays readable.

use expect_test::{Expect, expect};
use naestro_tests::scripted::{Reply, Scenario};
use serde_json::json;

use super::{play, show};

/// Plays these events as a stream and compares the reply.
async fn check(events: &[&str], expect: Expect) {
    let (reply, _) = play(Scenario::always(Reply::data(events.iter().copied()))).await;
    expect.assert_eq(&reply.as_ref().map_or_else(|failure| format!("{:?}: {}", failure.kind, failure.message), show));
}

const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn an_unknown_finish_reason_is_kept() {
    let event = r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"content_filter_v2"}]}"#;
    check(&[event], expect!["says \"a\"\nends other content_filter_v2"]).await;
}

#[tokio::test]
async fn an_empty_or_missing_finish_reason_is_none_and_calls_say_the_rest() {
    let call =
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"ls","arguments":"{}"}}]},"finish_reason":""}]}"#;
    check(&[call, STOP], expect!["calls c: ls {}\nends calls"]).await;
    check(&[r#"{"choices":[{"delta":{"content":"a"}}]}"#], expect!["says \"a\"\nends stop"]).await;
}

#[tokio::test]
async fn content_may_be_a_list_of_parts() {
    let event = r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"},"b",{"type":"image_url"}]}}]}"#;
    check(&[event, STOP], expect!["thinks \"hm\"\nsays \"ab\"\nends stop"]).await;
}

#[tokio::test]
async fn content_may_be_null_and_a_refusal_is_text() {
    let event = r#"{"choices":[{"delta":{"role":"assistant","content":null,"refusal":"I will not."}}]}"#;
    check(&[event, STOP], expect!["says \"I will not.\"\nends stop"]).await;
}

#[tokio::test]
async fn a_tool_call_may_lack_its_id() {
    let event = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"type":"function","function":{"name":"ls","arguments":"{}"}},{"index":1,"id":"","function":{"name":"rm","arguments":""}},{"index":2,"id":null,"function":{"name":"cp"}}]}}]}"#;
    check(&[event, STOP], expect!["calls call_0: ls {}\ncalls call_1: rm {}\ncalls call_2: cp {}\nends calls"]).await;
}

#[tokio::test]
async fn a_tool_call_may_lack_its_type_or_have_another() {
    let event = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"ls","arguments":"{}"}},{"index":1,"id":"b","type":"","function":{"name":"rm","arguments":"{}"}}]}}]}"#;
    check(&[event, STOP], expect!["calls a: ls {}\ncalls b: rm {}\nends calls"]).await;
}

#[tokio::test]
async fn a_tool_call_may_lack_its_index() {
    let first = r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"ls","arguments":"{\"p\":"}}]}}]}"#;
    let second = r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"ls","arguments":"{}"}}]}}]}"#;
    let third = r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"arguments":"1}"}}]}}]}"#;
    check(&[first, second, third, STOP], expect!["calls a: ls {\"p\":1}\ncalls b: ls {}\nends calls"]).await;
}

#[tokio::test]
async fn tool_calls_may_lack_both_index_and_id() {
    let named = |args: &str| {
        json!({ "choices": [{ "delta": { "tool_calls": [{ "function": { "name": "ls", "arguments": args } }] } }] }).to_string()
    };
    let unnamed = r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"2}"}}]}}]}"#;
    let (first, second, third) = (named("{\"p\":"), named("1}"), named("{\"p\":"));
    check(&[&first, &second, &third, unnamed, STOP], expect!["calls call_0: ls {\"p\":1}\ncalls call_1: ls {\"p\":2}\nends calls"]).await;
}

#[tokio::test]
async fn every_call_may_be_numbered_0_and_an_id_be_used_twice() {
    let call = |index: u64, id: &str| {
        json!({ "choices": [{ "delta": { "tool_calls": [{ "index": index, "id": id, "function": { "name": id, "arguments": {} } }] } }] })
            .to_string()
    };
    check(&[&call(0, "a"), &call(0, "b"), STOP], expect!["calls a: a {}\ncalls b: b {}\nends calls"]).await;
    check(&[&call(0, "a"), &call(1, "a"), STOP], expect!["calls a: a {}\ncalls call_0: a {}\nends calls"]).await;
}

#[tokio::test]
async fn arguments_may_be_an_object_and_a_name_be_repeated_or_split() {
    let object = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"ls","arguments":{"p":1}}}]}}]}"#;
    check(&[object, STOP], expect!["calls a: ls {\"p\":1}\nends calls"]).await;
    let part = |name: &str, args: &str| {
        json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "id": "a", "function": { "name": name, "arguments": args } }] } }] })
            .to_string()
    };
    check(&[&part("read", "{"), &part("read", "}"), STOP], expect!["calls a: read {}\nends calls"]).await;
    check(&[&part("re", ""), &part("ad", "{}"), STOP], expect!["calls a: read {}\nends calls"]).await;
}

#[tokio::test]
async fn id_created_model_and_object_may_be_missing_or_odd() {
    let event = r#"{"id":null,"created":1.7e9,"model":null,"object":"","service_tier":"turbo","system_fingerprint":7,"choices":[{"index":"0","delta":{"content":"a"},"logprobs":{"x":1}}]}"#;
    check(&[event, STOP], expect!["says \"a\"\nends stop"]).await;
}

#[tokio::test]
async fn a_role_may_be_empty_unknown_or_missing() {
    for role in ["\"\"", "null", "\"model\"", "7"] {
        let event = format!(r#"{{"choices":[{{"delta":{{"role":{role},"content":"a"}}}}]}}"#);
        check(&[&event, STOP], expect!["says \"a\"\nends stop"]).await;
    }
}

#[tokio::test]
async fn delta_and_choices_may_be_null() {
    let event = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    check(&[r#"{"choices":null}"#, r#"{"choices":[{"delta":null}]}"#, event, STOP], expect!["says \"a\"\nends stop"]).await;
}

#[tokio::test]
async fn an_error_inside_the_stream_is_a_failure() {
    let event = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    let transient = expect!["Transient: get the whole answer from [URL]: overloaded"];
    for (error, expect) in [
        (r#"{"error":{"message":"overloaded","code":502}}"#, &transient),
        (r#"{"error":{"message":"overloaded"},"choices":[]}"#, &transient),
        (r#"{"error":"overloaded"}"#, &transient),
    ] {
        let (reply, _) = play(Scenario::always(Reply::data([event, error]))).await;
        let failure = reply.unwrap_err();
        let start = failure.message.find("http").unwrap();
        let end = failure.message.find("/v1").unwrap() + 3;
        let message = format!("{}[URL]{}", &failure.message[..start], &failure.message[end..]);
        expect.assert_eq(&format!("{:?}: {message}", failure.kind));
    }
}

#[tokio::test]
async fn both_names_of_reasoning_are_read_and_the_short_one_goes_back_as_it_came() {
    let long = r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#;
    check(&[long, STOP], expect!["thinks \"hm\"\nends stop"]).await;
    let short = r#"{"choices":[{"delta":{"reasoning":"hm"}}]}"#;
    check(&[short, STOP], expect!["thinks \"hm\"\nends stop +reasoning=\"hm\""]).await;
    let both = r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_content":"hm"}}]}"#;
    check(&[both, STOP], expect!["thinks \"hm\"\nends stop +reasoning=\"hm\""]).await;
}

#[tokio::test]
async fn unknown_fields_of_messages_and_calls_are_kept_and_empty_ones_are_not() {
    let first =
        r#"{"choices":[{"delta":{"annotations":[],"audio":null,"reasoning_details":[{"index":0,"text":"a","type":"reasoning.text"}]}}]}"#;
    let second = r#"{"choices":[{"delta":{"reasoning_details":[{"index":0,"text":"b","type":"reasoning.text","verified":true}]}}]}"#;
    let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"ls","arguments":"{}"},"extra_content":{"google":{"thought_signature":"x"}}}]}}]}"#;
    check(
        &[first, second, call, STOP],
        expect![[r#"
            calls c: ls {} +extra_content={"google":{"thought_signature":"x"}}
            ends calls +reasoning_details=[{"index":0,"text":"ab","type":"reasoning.text","verified":true}]"#]],
    )
    .await;
}

#[tokio::test]
async fn usage_may_come_on_a_chunk_without_choices_on_each_or_never() {
    let alone = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#;
    let event = r#"{"choices":[{"delta":{"content":"a"}}],"usage":null}"#;
    check(&[event, STOP, alone], expect!["says \"a\"\nends stop\nused in 6 out 2 read 4 write 0 reasoning 0"]).await;
    let each = r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":10,"completion_tokens":1}}"#;
    check(&[each, STOP, alone], expect!["says \"a\"\nends stop\nused in 6 out 2 read 4 write 0 reasoning 0"]).await;
    let groq = r#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":1}}}"#;
    check(&[event, STOP, groq], expect!["says \"a\"\nends stop\nused in 3 out 1 read 0 write 0 reasoning 0"]).await;
    check(&[event, STOP], expect!["says \"a\"\nends stop"]).await;
}

#[tokio::test]
async fn a_whole_json_answer_is_read_as_a_stream_of_one_chunk() {
    let body = r#"
        { "choices": [ { "message": { "role": "assistant", "content": "a", "tool_calls": null }, "finish_reason": "length" } ],
          "usage": { "prompt_tokens": 1, "completion_tokens": 1 } }"#;
    let (reply, deltas) = play(Scenario::always(Reply::status(200, body))).await;
    expect!["says \"a\"\nends length\nused in 1 out 1 read 0 write 0 reasoning 0"].assert_eq(&show(&reply.unwrap()));
    assert_eq!(deltas.len(), 1);
}

#[tokio::test]
async fn comments_keepalives_named_events_and_bare_line_ends_are_no_matter() {
    let raw = concat!(
        ": OPENROUTER PROCESSING\r\n\r\n",
        "event: keepalive\ndata: \n\n",
        "event: message\nid: 7\ndata:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
    );
    let (reply, _) = play(Scenario::always(Reply::status(200, raw))).await;
    expect!["says \"a\"\nends stop"].assert_eq(&show(&reply.unwrap()));
}
