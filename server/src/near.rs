//! "Did you mean": the nearest known word to one that is unknown.

/// The candidate nearest to `word`, where one is near enough to have been meant.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let similar = |candidate: &&'a str| strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase());
    let best = candidates.into_iter().max_by(|a, b| similar(a).total_cmp(&similar(b)))?;
    (similar(&best) >= 0.8).then_some(best)
}

/// A hint for serde's "unknown field" and "unknown variant" messages, which list what would have been right.
pub(crate) fn hint(message: &str) -> Option<String> {
    let from = ["unknown field", "unknown variant"].into_iter().find_map(|complaint| message.find(complaint))?;
    let mut quoted = message[from..].split('`').skip(1).step_by(2);
    let word = quoted.next()?;
    closest(word, quoted).map(|near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_named_and_a_far_one_is_not() {
        let words = ["orchestrate", "explain", "trace"];
        assert_eq!(closest("orchestrat", words), Some("orchestrate"));
        assert_eq!(closest("Trace", words), Some("trace"));
        assert_eq!(closest("zebra", words), None);
    }

    #[test]
    fn serde_messages_become_hints() {
        let check = |message: &str, expect: Option<&str>| assert_eq!(hint(message).as_deref(), expect, "{message}");
        check("unknown field `gaol`, expected one of `goal`, `recipe`", Some("did you mean `goal`?"));
        check("unknown variant `atuo`, expected one of `guide`, `copilot`, `auto`", Some("did you mean `auto`?"));
        check("field `mode`: unknown variant `atuo`, expected one of `guide`, `auto`", Some("did you mean `auto`?"));
        check("missing field `workspace`", None);
    }
}
