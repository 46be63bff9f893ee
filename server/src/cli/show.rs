//! What the journal answered, as text for people.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use naestro_api::{EventEntry, Outcome, Problem, Replayed, RunEntry, RunState, TraceReply};

use crate::screen::count;
use crate::{clean, config};

/// The answer as lines.
pub(super) fn reply(reply: &TraceReply) -> String {
    match reply {
        TraceReply::List { runs } if runs.is_empty() => "no runs yet\n".to_owned(),
        TraceReply::List { runs } => list(runs),
        TraceReply::Show { state, events } => run_state(state) + &events.iter().map(event).collect::<String>(),
        TraceReply::Replay(replayed) => replay(replayed),
        TraceReply::Verify { runs, problems } => verdict(*runs, problems),
        TraceReply::Fork { run } => format!("{run}\nresume it with: naestro orchestrate --resume {run}\n"),
        TraceReply::Export { lines } => lines.iter().map(|line| clean::json(line.clone()) + "\n").collect(),
        TraceReply::Rm { run } => format!("removed {run}\n"),
    }
}

fn list(runs: &[RunEntry]) -> String {
    let home = config::user_home();
    // A clock before 1970 makes every run a new one.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    runs.iter().map(|run| entry(run, now, home.as_deref())).collect()
}

/// A run as a line, `now` being the time since the Unix epoch.
fn entry(entry: &RunEntry, now: Duration, home: Option<&Path>) -> String {
    let title: String = entry.title.chars().take(60).collect();
    let ago = age(now.saturating_sub(Duration::from_millis(entry.opened)));
    let folder = shortened(&entry.workspace, home);
    let standing = standing(entry.outcome, entry.live);
    format!("{}  {ago:>11}  {standing:<9}  {}  {}\n", entry.run, clean::line(&folder), clean::line(&title))
}

/// How long ago, in the largest unit that fits.
fn age(since: Duration) -> String {
    match since.as_secs() {
        0..60 => "just now".to_owned(),
        seconds @ 60..3_600 => format!("{} min ago", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} ago", count(seconds / 86_400, "day")),
    }
}

/// The folder with `~` for the user's own.
fn shortened(folder: &str, home: Option<&Path>) -> String {
    let inside = home.and_then(|home| Path::new(folder).strip_prefix(home).ok());
    inside.map_or_else(|| folder.to_owned(), |rest| PathBuf::from("~").join(rest).display().to_string())
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
    let mut out = format!("{} folded: {verdict}\ndigest     {}\n", count(replayed.events, "event"), replayed.digest);
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
        return format!("{}, all is well\n", checked(runs));
    }
    let place = |problem: &Problem| {
        let run = problem.run.as_ref().map(|run| format!("run {run}"));
        let seq = problem.seq.map(|seq| format!("event {seq}"));
        [run, seq].into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let lines: String = problems.iter().map(|problem| format!("  {}: {}\n", place(problem), clean::line(&problem.what))).collect();
    format!("{}, {}:\n{lines}", checked(runs), count(problems.len(), "problem"))
}

fn checked(runs: u64) -> String {
    format!("{} checked", count(runs, "run"))
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
    fn ages_and_folders_are_short() {
        let ago = |seconds: u64, expect: &str| assert_eq!(age(Duration::from_secs(seconds)), expect);
        ago(59, "just now");
        ago(3_599, "59 min ago");
        ago(7_200, "2 h ago");
        ago(86_400, "1 day ago");
        ago(200_000, "2 days ago");
        let folder = |path: &str, expect: &str| assert_eq!(shortened(path, Some(Path::new("/me"))), expect);
        folder("/me/a", "~/a");
        folder("/mean", "/mean");
        assert_eq!(shortened("/a", None), "/a");
    }

    #[test]
    fn lists_verdicts_and_replays_are_lines() {
        check(&TraceReply::List { runs: Vec::new() }, expect![["no runs yet\n"]]);
        let run = RunEntry {
            run: "r".to_owned(),
            session: "r".to_owned(),
            title: "evil\u{1b}[2J\ntitle".to_owned(),
            workspace: "/me/w".to_owned(),
            opened: 0,
            events: 12,
            outcome: None,
            live: true,
        };
        expect![["r    2 min ago  running    ~/w  evil\\u{1b}[2J\\ntitle\n"]].assert_eq(&entry(
            &run,
            Duration::from_secs(125),
            Some(Path::new("/me")),
        ));
        let problem = Problem { run: Some("r".to_owned()), seq: Some(3), what: "its digest differs".to_owned() };
        check(
            &TraceReply::Verify { runs: 2, problems: vec![problem] },
            expect![["2 runs checked, 1 problem:\n  run r, event 3: its digest differs\n"]],
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
