//! What the journal answered, as text for people.

use std::fmt::Write as _;

use naestro_api::{EventEntry, Outcome, Problem, Replayed, RunEntry, RunState, TraceReply};

use crate::clean;

/// The answer as lines.
pub(super) fn reply(reply: &TraceReply) -> String {
    match reply {
        TraceReply::List { runs } if runs.is_empty() => "no runs yet\n".to_owned(),
        TraceReply::List { runs } => runs.iter().map(entry).collect(),
        TraceReply::Show { state, events } => run_state(state) + &events.iter().map(event).collect::<String>(),
        TraceReply::Replay(replayed) => replay(replayed),
        TraceReply::Verify { runs, problems } => verdict(*runs, problems),
        TraceReply::Fork { run } => format!("{run}\nresume it with: naestro run --resume {run}\n"),
        TraceReply::Export { lines } => lines.iter().map(|line| clean::json(line.clone()) + "\n").collect(),
        TraceReply::Rm { run } => format!("removed {run}\n"),
    }
}

fn entry(entry: &RunEntry) -> String {
    let title: String = entry.title.chars().take(60).collect();
    format!("{}  {:<9}  {:>5} events  {}\n", entry.run, standing(entry.outcome, entry.live), entry.events, clean::line(&title))
}

fn standing(outcome: Option<Outcome>, live: bool) -> &'static str {
    match (outcome, live) {
        (Some(Outcome::Succeeded), _) => "succeeded",
        (Some(Outcome::Failed), _) => "failed",
        (Some(Outcome::Cancelled), _) => "cancelled",
        (Some(Outcome::Refused), _) => "refused",
        (Some(Outcome::Suspended), _) | (None, false) => "suspended",
        (None, true) => "running",
    }
}

fn run_state(state: &RunState) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<10} {}", clean::line(text));
    };
    line("run", &state.run);
    line("session", &state.session);
    line("goal", &state.title);
    line("workspace", &state.workspace);
    line("mode", &format!("{:?}", state.mode).to_lowercase());
    line("standing", standing(state.outcome, state.live));
    for step in &state.steps {
        line("step", &format!("{} ({}) {}", step.step, step.kind, format!("{:?}", step.state).to_lowercase()));
    }
    for question in &state.questions {
        line("question", &format!("{}: {} [{}]", question.question, question.text, question.choices.join(", ")));
    }
    line("cost", &crate::screen::spent(&state.cost));
    line("digest", &state.digest);
    out
}

fn event(event: &EventEntry) -> String {
    format!("{:>6}  {:<12}  {}\n", event.seq, event.event, clean::line(&event.text))
}

fn replay(replayed: &Replayed) -> String {
    let verdict = match replayed.identical {
        Some(true) => "identical to what the live run left",
        Some(false) => "DIFFERENT from what the live run left",
        None => "nothing to compare with",
    };
    let mut out = format!("{} events folded: {verdict}\ndigest     {}\n", replayed.events, replayed.digest);
    if let Some(recorded) = replayed.recorded.as_ref().filter(|recorded| **recorded != replayed.digest) {
        out += &format!("recorded   {recorded}\n");
    }
    if !replayed.note.is_empty() {
        out += &format!("note       {}\n", clean::line(&replayed.note));
    }
    out
}

fn verdict(runs: u64, problems: &[Problem]) -> String {
    if problems.is_empty() {
        return format!("{runs} runs checked, all is well\n");
    }
    let place = |problem: &Problem| {
        let run = problem.run.as_ref().map(|run| format!("run {run}"));
        let seq = problem.seq.map(|seq| format!("event {seq}"));
        [run, seq].into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let lines: String = problems.iter().map(|problem| format!("  {}: {}\n", place(problem), clean::line(&problem.what))).collect();
    format!("{runs} runs checked, {} problems:\n{lines}", problems.len())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(given: &TraceReply, expect: Expect) {
        expect.assert_eq(&reply(given));
    }

    #[test]
    fn lists_verdicts_and_replays_are_lines() {
        check(&TraceReply::List { runs: Vec::new() }, expect![["no runs yet\n"]]);
        let run = RunEntry {
            run: "r".to_owned(),
            session: "r".to_owned(),
            title: "evil\u{1b}[2J\ntitle".to_owned(),
            workspace: "/w".to_owned(),
            opened: 0,
            events: 12,
            outcome: None,
            live: true,
        };
        check(&TraceReply::List { runs: vec![run] }, expect![["r  running       12 events  evil\\u{1b}[2J\\ntitle\n"]]);
        let problem = Problem { run: Some("r".to_owned()), seq: Some(3), what: "its digest differs".to_owned() };
        check(
            &TraceReply::Verify { runs: 2, problems: vec![problem] },
            expect![["2 runs checked, 1 problems:\n  run r, event 3: its digest differs\n"]],
        );
        let replayed = Replayed {
            run: "r".to_owned(),
            events: 4,
            digest: "aa".to_owned(),
            recorded: Some("bb".to_owned()),
            identical: Some(false),
            note: String::new(),
        };
        check(
            &TraceReply::Replay(replayed),
            expect![["4 events folded: DIFFERENT from what the live run left\ndigest     aa\nrecorded   bb\n"]],
        );
    }
}
