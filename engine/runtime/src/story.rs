//! Events as one line each, for `trace show` and for whoever watches.

use naestro_api::EventEntry;
use naestro_kernel::{Event, Outcome, What};

/// An event with its index, as callers read it.
pub(crate) fn entry(seq: u64, event: &Event) -> EventEntry {
    let (name, text) = tell(&event.what);
    EventEntry { seq, at: event.at.0, event: name.to_owned(), text }
}

fn tell(what: &What) -> (&'static str, String) {
    match what {
        What::Opened(opening) => ("opened", format!("{} in {}", crate::update::title(opening), opening.workspace)),
        What::Forked { parent, index, .. } => ("forked", format!("from {parent} after event {index}")),
        What::Planned(plan) => {
            let steps: Vec<String> =
                plan.steps.iter().map(|step| format!("{} ({})", step.id, crate::plan::kind_name(&step.kind))).collect();
            ("planned", steps.join(", "))
        }
        What::Intended { unit, attempt, effect, label, reason, .. } => {
            ("intended", format!("unit {unit}, attempt {attempt}: {label} (permitted by {reason}, effect {})", short(&effect.to_string())))
        }
        What::Denied { unit, label, reason, .. } => ("denied", format!("unit {unit}: {label}: {reason}")),
        What::Asked(question) => ("asked", format!("question {}: {}", question.id.0, question.text)),
        What::Answered { question, choice, by } => ("answered", format!("question {}: {} (by {by})", question.0, choice.text())),
        What::Done { unit, outcome } => ("done", format!("unit {unit}: {}", ended(outcome))),
        What::Reserved(amount) => ("reserved", format!("{} tokens, {} micro-dollars", amount.tokens, amount.micros)),
        What::Woke => ("woke", String::new()),
        What::Signalled(signal) => ("signalled", format!("{signal:?}").to_lowercase()),
        What::Resumed { crashed, .. } => ("resumed", String::from(if *crashed { "after its process died" } else { "" })),
        What::Finished { outcome, summary } => {
            let text = summary.text();
            ("finished", format!("{}: {}", format!("{outcome:?}").to_lowercase(), first_line(&text)))
        }
    }
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Message { text, calls, usage, .. } => {
            let said = text.text();
            format!("said {:?}, {} calls, {} + {} tokens", first_line(&said), calls.len(), usage.input + usage.cache_read, usage.output)
        }
        Outcome::Tool { ok, output, tree } => {
            let text = output.text.text();
            let tree = tree.map(|tree| format!(", tree {}", short(&tree.to_string()))).unwrap_or_default();
            format!("{}: {:?}{tree}", if *ok { "ok" } else { "no" }, first_line(&text))
        }
        Outcome::Workspace { base, level } => format!("workspace open ({level}), base {}", short(&base.to_string())),
        Outcome::Checked { passed, .. } => String::from(if *passed { "passed" } else { "did not pass" }),
        Outcome::Diffed { paths, .. } => format!("{} files differ", paths.len()),
        Outcome::Imported { files } => format!("{files} files imported"),
        Outcome::Failed(failure) => format!("failed to {}", failure.message),
        Outcome::Cancelled { .. } => String::from("cancelled"),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("").chars().take(100).collect()
}

fn short(digest: &str) -> &str {
    &digest[..12.min(digest.len())]
}
