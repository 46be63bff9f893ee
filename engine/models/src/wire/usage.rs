//! Usage, normalised: every provider counts the same tokens under other names.

use naestro_kernel::Usage;
use serde_json::Value;

/// Reads a usage object; `None` if it counts nothing.
///
/// OpenAI and those like it count cached tokens inside the prompt, Anthropic beside it; xAI counts reasoning beside the
/// completion, which only its total shows.
pub(super) fn read(usage: &Value) -> Option<Usage> {
    let count = |paths: &[&str]| paths.iter().find_map(|path| number(usage.pointer(path)?));
    let cache_read = count(&["/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens", "/cache_read_input_tokens"]).unwrap_or(0);
    let cache_write = count(&["/prompt_tokens_details/cache_write_tokens", "/cache_creation_input_tokens"]).unwrap_or(0);
    let reasoning = count(&["/completion_tokens_details/reasoning_tokens", "/reasoning_tokens"]).unwrap_or(0);
    let prompt = count(&["/prompt_tokens"]);
    let input = match prompt {
        Some(prompt) => prompt.saturating_sub(cache_read).saturating_sub(cache_write),
        None => count(&["/input_tokens"]).unwrap_or(0),
    };
    let mut output = count(&["/completion_tokens", "/output_tokens"]).unwrap_or(0);
    let beside = prompt.unwrap_or(0).saturating_add(output).saturating_add(reasoning);
    if reasoning > 0 && count(&["/total_tokens"]) == Some(beside) {
        output = output.saturating_add(reasoning);
    }
    let usage = Usage { input, output, cache_read, cache_write, reasoning };
    (usage != Usage::default()).then_some(usage)
}

/// A count, even as a float or as text.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates, and no count is negative")]
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().map(|float| float as u64)).or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(usage: Value, expect: [u64; 5]) {
        let seen = read(&usage).unwrap_or_default();
        assert_eq!([seen.input, seen.output, seen.cache_read, seen.cache_write, seen.reasoning], expect, "{usage}");
    }

    #[test]
    fn every_provider_counts_alike_in_the_end() {
        check(json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 }), [10, 5, 0, 0, 0]);
        let openai = json!({ "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
            "prompt_tokens_details": { "cached_tokens": 60 }, "completion_tokens_details": { "reasoning_tokens": 40 } });
        check(openai, [40, 50, 60, 0, 40]);
        check(
            json!({ "prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5 }),
            [5, 1, 4, 0, 0],
        );
        let anthropic = json!({ "input_tokens": 7, "output_tokens": 2, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 4 });
        check(anthropic, [7, 2, 30, 4, 0]);
        let xai = json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 23, "completion_tokens_details": { "reasoning_tokens": 8 } });
        check(xai, [10, 13, 0, 0, 8]);
        check(json!({ "prompt_tokens": 10.0, "completion_tokens": "5", "prompt_tokens_details": null }), [10, 5, 0, 0, 0]);
        check(json!({ "prompt_tokens": 3, "prompt_tokens_details": { "cached_tokens": 9 } }), [0, 0, 9, 0, 0]);
        check(json!(null), [0; 5]);
    }
}
