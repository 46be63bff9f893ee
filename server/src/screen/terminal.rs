//! The view for people: progress as lines, with a status line below them where standard error is a terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use naestro_api::{CallState, Cost, Error, Outcome, Plan, Question, Receipt, Step, StepKind, StepState, Update, UpdateBody};

use super::{CONSENT, count, meter};
use crate::clean;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();
/// Lines of a failed call's output that are shown; all of it is in the journal.
const OUTPUT_LINES: usize = 20;

/// The state of the view.
pub(crate) struct Terminal {
    /// Whether standard error is a terminal: only there a line is written again.
    live: bool,
    /// The labels of calls that go on, by unit.
    calls: BTreeMap<u32, String>,
    /// How far the project is read, while it is.
    reading: Option<String>,
    /// How many columns the status line takes on the screen; 0 where there is none.
    status: usize,
    /// The folder the run is about.
    workspace: String,
    /// The steps whose calls' output is not what the run ends with.
    agents: BTreeSet<String>,
    /// Why calls and steps failed, by their labels: said at the end, where the result does not say it.
    reasons: Vec<(String, String)>,
    /// The output of the last call that was shown with one.
    last_reason: String,
    /// Whether what was streamed last is reasoning.
    reasons_aloud: bool,
    /// Text that was streamed and not yet followed by its whole message.
    streamed: String,
    /// The last message shown in full.
    shown: String,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self {
            live: std::io::stderr().is_terminal(),
            calls: BTreeMap::new(),
            reading: None,
            status: 0,
            workspace: String::new(),
            agents: BTreeSet::new(),
            reasons: Vec::new(),
            last_reason: String::new(),
            reasons_aloud: false,
            streamed: String::new(),
            shown: String::new(),
        }
    }

    pub(super) fn update(&mut self, update: &Update) {
        match &update.body {
            UpdateBody::Started { title, mode, workspace, resumed, .. } => {
                self.workspace.clone_from(workspace);
                let again = if *resumed { " again" } else { "" };
                let mode = format!("{mode:?}").to_lowercase();
                self.line(format_args!("{BOLD}run{BOLD:#} {}{again} in {} ({mode})", update.run, clean::line(workspace)));
                self.line(format_args!("{BOLD}goal{BOLD:#} {}", clean::line(title)));
            }
            UpdateBody::Plan { plan } => self.plan(plan),
            UpdateBody::Workspace { level } => self.line(format_args!("{BOLD}workspace{BOLD:#} {}", clean::line(level))),
            UpdateBody::Step { step, state, note } => self.step(step, *state, note),
            UpdateBody::Delta { text, reasoning, .. } => self.delta(text, *reasoning),
            UpdateBody::Message { text, .. } => self.message(text),
            UpdateBody::Call { step, unit, label, state, output } => self.call(step.as_deref(), *unit, label, *state, output),
            UpdateBody::Reading { done, total } => {
                self.reading = Some(meter::reading(*done, *total));
                self.draw();
            }
            // Evidence is shown with its sources looked at again; the report's text is what the run ends with.
            UpdateBody::Evidence { .. } | UpdateBody::Tests { .. } => {}
            UpdateBody::Question(question) => self.question(question),
            UpdateBody::Notice { text } => self.line(format_args!("{WARN}note{WARN:#} {}", clean::line(text))),
            UpdateBody::Finished { outcome, summary, diff, receipts, cost } => {
                self.finished(*outcome, summary, diff.as_deref(), receipts, cost);
            }
        }
    }

    pub(super) fn ask(&mut self, question: &Question) {
        self.clear();
        let choices: Vec<_> = question.choices.iter().map(|choice| clean::line(choice).into_owned()).collect();
        let prompt = if choices.is_empty() {
            "your answer".to_owned()
        } else if choices == CONSENT {
            "[a]llow / [d]eny".to_owned()
        } else {
            choices.join(" / ")
        };
        self.write(format_args!("{BOLD}{prompt}{BOLD:#}: "));
    }

    /// Takes the status line away, for what is printed to standard output.
    pub(super) fn make_room(&mut self) {
        self.end_stream();
        self.clear();
    }

    pub(super) fn leave_prompt(&mut self) {
        self.write("\n");
    }

    pub(super) fn note(&mut self, text: &str) {
        self.line(format_args!("{WARN}note{WARN:#} {}", clean::line(text)));
    }

    pub(super) fn error(&mut self, error: &Error) {
        self.line(format_args!("{BAD}error{BAD:#}: failed to {}", clean::text(&error.message)));
        for hint in &error.hints {
            self.line(format_args!("{WARN}hint{WARN:#}: {}", clean::text(hint)));
        }
    }

    fn plan(&mut self, plan: &Plan) {
        let is_agent = |step: &&Step| matches!(step.kind, StepKind::Agent { .. });
        self.agents = plan.steps.iter().filter(is_agent).map(|step| step.id.clone()).collect();
        if plan.steps.len() < 2 {
            // The goal has just been said.
            return;
        }
        self.line(format_args!("{BOLD}plan{BOLD:#}"));
        for step in &plan.steps {
            let needs: Vec<_> = step.after.iter().chain(step.inputs.values().map(|input| &input.from)).map(String::as_str).collect();
            let needs = if needs.is_empty() { String::new() } else { format!(" (after {})", needs.join(", ")) };
            let text = format!("{}: {}{needs}", step.id, what(step));
            self.line(format_args!("  {}", clean::line(&text)));
        }
    }

    fn step(&mut self, step: &str, state: StepState, note: &str) {
        match state {
            // Its calls say so.
            StepState::Pending | StepState::Running | StepState::Succeeded => {}
            StepState::Failed => self.reasons.push((format!("step {step}"), note.to_owned())),
            StepState::Skipped => {
                let note = if note.is_empty() { String::new() } else { format!(": {}", clean::line(note)) };
                self.line(format_args!("  {WARN}skipped{WARN:#} {}{note}", clean::line(step)));
            }
        }
    }

    fn delta(&mut self, text: &str, reasoning: bool) {
        if !self.live {
            return;
        }
        if self.reasons_aloud != reasoning {
            self.end_stream();
        }
        self.reasons_aloud = reasoning;
        self.clear();
        let style = if reasoning { DIM } else { Style::new() };
        self.write(format_args!("{style}{}{style:#}", clean::text(text)));
        self.streamed.push_str(text);
    }

    fn message(&mut self, text: &str) {
        if self.streamed.is_empty() && !text.trim().is_empty() {
            self.line(format_args!("{}", clean::text(text.trim_end())));
        }
        self.end_stream();
        text.trim().clone_into(&mut self.shown);
    }

    fn call(&mut self, step: Option<&str>, unit: u32, label: &str, state: CallState, output: &str) {
        let (style, word) = match state {
            CallState::Started => {
                self.calls.insert(unit, label.to_owned());
                if !self.live {
                    self.line(format_args!("  {DIM}...{DIM:#} {}", clean::line(label)));
                }
                return self.draw();
            }
            CallState::Succeeded => (GOOD, "ok"),
            CallState::Failed => (BAD, "failed"),
            CallState::Refused => (WARN, "refused"),
            CallState::Cancelled => (WARN, "cancelled"),
        };
        self.calls.remove(&unit);
        self.reading = None;
        self.line(format_args!("  {style}{word}{style:#} {}", clean::line(label)));
        match state {
            CallState::Succeeded => {}
            CallState::Failed if step.is_some_and(|step| !self.agents.contains(step)) => {
                self.reasons.push((label.to_owned(), output.to_owned()));
            }
            // Another attempt that failed in the same way.
            CallState::Failed if self.last_reason == output => {}
            _ => {
                self.output(output);
                output.clone_into(&mut self.last_reason);
            }
        }
    }

    /// The end of what a call printed: that is where the reason usually is.
    fn output(&mut self, output: &str) {
        let lines: Vec<_> = output.trim_end().lines().collect();
        let left_out = lines.len().saturating_sub(OUTPUT_LINES);
        if left_out > 0 {
            self.line(format_args!("    {DIM}({left_out} lines before these){DIM:#}"));
        }
        for line in &lines[left_out..] {
            self.line(format_args!("    {DIM}{}{DIM:#}", clean::line(line)));
        }
    }

    fn question(&mut self, question: &Question) {
        self.line(format_args!("{WARN}question {}{WARN:#} {}", question.question, clean::line(&question.text)));
        for line in question.detail.lines() {
            self.line(format_args!("    {}", clean::line(line)));
        }
    }

    fn finished(&mut self, outcome: Outcome, summary: &str, diff: Option<&str>, receipts: &[Receipt], cost: &Cost) {
        self.calls.clear();
        self.clear();
        let summary = summary.trim();
        self.unsaid(summary);
        // On a screen the last message has just been read; a pipe gets the summary in any case.
        let read = if std::io::stdout().is_terminal() { self.shown.as_str() } else { "" };
        let unread = summary.strip_prefix(read).unwrap_or(summary).trim();
        if !unread.is_empty() {
            // Whoever read it is gone; the journal has it.
            let _ = writeln!(anstream::stdout(), "{}", clean::text(unread));
        }
        let (style, word) = match outcome {
            Outcome::Succeeded => (GOOD, "succeeded"),
            Outcome::Failed => (BAD, "failed"),
            Outcome::Cancelled => (WARN, "cancelled"),
            Outcome::Suspended => (WARN, "suspended"),
            Outcome::Refused => (WARN, "refused"),
        };
        self.line(format_args!("{style}{word}{style:#}: {}, {}", spent(cost), count(receipts.len(), "receipt")));
        if let Some(diff) = diff {
            self.line(format_args!("{BOLD}diff{BOLD:#} {}", clean::line(diff)));
            if outcome != Outcome::Suspended && !receipts.iter().any(is_import) {
                let command = format!("git -C {} apply {}", quoted(&self.workspace), quoted(diff));
                self.line(format_args!("apply it with: {}", clean::line(&command)));
            }
        }
    }

    /// Says why calls and steps failed where the result does not.
    fn unsaid(&mut self, summary: &str) {
        let mut said = summary.to_owned();
        for (label, reason) in std::mem::take(&mut self.reasons) {
            // Updates cut long output short; its beginning tells.
            let beginning: String = reason.trim().chars().take(1000).collect();
            if !said.contains(&beginning) {
                self.line(format_args!("  {BAD}failed{BAD:#} {}", clean::line(&label)));
                self.output(&reason);
                said.push_str(&reason);
            }
        }
    }

    fn end_stream(&mut self) {
        if !self.streamed.is_empty() {
            let ended = self.streamed.ends_with('\n');
            self.streamed.clear();
            if !ended {
                self.write(format_args!("\n"));
            }
        }
    }

    fn line(&mut self, text: impl Display) {
        self.end_stream();
        self.clear();
        self.write(format_args!("{text}\n"));
        self.draw();
    }

    /// Draws the status line: the calls that go on, the newest in words.
    fn draw(&mut self) {
        let Some(label) = self.calls.values().next_back().filter(|_| self.live && self.streamed.is_empty()) else { return };
        let others = self.calls.len() - 1;
        let others = if others == 0 { String::new() } else { format!(" and {others} more") };
        let label: String = self.reading.clone().unwrap_or_else(|| clean::line(label).chars().take(60).collect());
        self.clear();
        self.write(format_args!("  {DIM}... {label}{others}{DIM:#}"));
        // What is not ASCII may be two columns wide.
        self.status = 6 + format!("{label}{others}").chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    }

    fn clear(&mut self) {
        // By spaces, since the sequence that erases a line is left out where colours are.
        match std::mem::take(&mut self.status) {
            0 => {}
            width => self.write(format_args!("\r{:width$}\r", "")),
        }
    }

    fn write(&mut self, text: impl Display) {
        let mut err = anstream::stderr().lock();
        // Where standard error is closed there is nobody to tell.
        let _ = write!(err, "{text}").and_then(|()| err.flush());
    }
}

/// What a step does, in a few words.
fn what(step: &Step) -> String {
    let first = |text: &str| text.lines().next().unwrap_or_default().chars().take(70).collect::<String>();
    match &step.kind {
        StepKind::Tool { tool, .. } => format!("tool {tool}"),
        StepKind::Model { prompt } => format!("model, {}", first(prompt)),
        StepKind::Agent { prompt, .. } => format!("agent, {}", first(prompt)),
        StepKind::Test { .. } => "test".to_owned(),
        StepKind::Explain { .. } => "explain".to_owned(),
        StepKind::Ask { question, .. } => format!("ask, {}", first(question)),
    }
}

/// Whether the effect brought the diff into the folder.
fn is_import(receipt: &Receipt) -> bool {
    receipt.step.is_none() && receipt.state == CallState::Succeeded && receipt.label.starts_with("import ")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// What a run cost, in a few words; what is nothing is left out.
#[expect(clippy::cast_precision_loss, reason = "a run's milliseconds fit a double")]
pub(crate) fn spent(cost: &Cost) -> String {
    let mut parts = vec![format!("{:.1} s", cost.wall_ms as f64 / 1000.0)];
    if cost.model_calls > 0 {
        parts.push(count(cost.model_calls, "model call"));
        parts.push(format!("{} tokens", cost.tokens));
    }
    if cost.usd > 0.0 {
        parts.push(format!("${:.4}", cost.usd));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_spent_is_said() {
        let check = |cost: Cost, expect: &str| assert_eq!(spent(&cost), expect);
        check(Cost { wall_ms: 1234, ..Cost::default() }, "1.2 s");
        check(Cost { wall_ms: 50, model_calls: 1, tokens: 9, usd: 0.0 }, "0.1 s, 1 model call, 9 tokens");
        check(Cost { wall_ms: 50, model_calls: 2, tokens: 900, usd: 0.012 }, "0.1 s, 2 model calls, 900 tokens, $0.0120");
    }

    #[test]
    fn a_command_can_be_pasted_whatever_the_folder_is_called() {
        let check = |word: &str, expect: &str| assert_eq!(quoted(word), expect);
        check("/home/me/x.diff", "/home/me/x.diff");
        check("/my folder", "'/my folder'");
        check("it's", r"'it'\''s'");
        check("$(reboot)", "'$(reboot)'");
    }
}
