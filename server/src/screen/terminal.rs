//! The view for people: progress as lines, with a status line below them where standard error is a terminal.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use naestro_api::{CallState, Cost, Error, Outcome, Plan, Question, Receipt, Step, StepKind, StepState, Update, UpdateBody};

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
    /// Whether the status line is on the screen.
    status: bool,
    /// Text that was streamed and not yet followed by its whole message.
    streamed: String,
    /// The last message shown in full.
    shown: String,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self { live: std::io::stderr().is_terminal(), calls: BTreeMap::new(), status: false, streamed: String::new(), shown: String::new() }
    }

    pub(super) fn update(&mut self, update: &Update) {
        match &update.body {
            UpdateBody::Started { title, mode, workspace, resumed, .. } => {
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
            UpdateBody::Call { unit, label, state, output, .. } => self.call(*unit, label, *state, output),
            UpdateBody::Question(question) => self.question(question),
            UpdateBody::Notice { text } => self.line(format_args!("{WARN}note{WARN:#} {}", clean::line(text))),
            UpdateBody::Finished { outcome, summary, diff, receipts, cost } => {
                self.finished(&update.run, *outcome, summary, diff.as_deref(), receipts, cost);
            }
        }
    }

    pub(super) fn ask(&mut self, question: &Question) {
        self.clear();
        let choices: Vec<_> = question.choices.iter().map(|choice| clean::line(choice).into_owned()).collect();
        let prompt = if choices.is_empty() { "your answer".to_owned() } else { choices.join(" / ") };
        self.write(format_args!("{BOLD}{prompt}{BOLD:#}: "));
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
        self.line(format_args!("{BOLD}plan{BOLD:#}"));
        for step in &plan.steps {
            let needs: Vec<_> = step.after.iter().chain(step.inputs.values().map(|input| &input.from)).map(String::as_str).collect();
            let needs = if needs.is_empty() { String::new() } else { format!(" (after {})", needs.join(", ")) };
            let text = format!("{}: {}{needs}", step.id, what(step));
            self.line(format_args!("  {}", clean::line(&text)));
        }
    }

    fn step(&mut self, step: &str, state: StepState, note: &str) {
        let (style, word) = match state {
            StepState::Pending => return,
            StepState::Running => (DIM, "begins"),
            StepState::Succeeded => (GOOD, "done"),
            StepState::Failed => (BAD, "failed"),
            StepState::Skipped => (WARN, "skipped"),
        };
        let note = if note.is_empty() { String::new() } else { format!(": {}", clean::line(note)) };
        self.line(format_args!("{BOLD}step{BOLD:#} {} {style}{word}{style:#}{note}", clean::line(step)));
    }

    fn delta(&mut self, text: &str, reasoning: bool) {
        if !self.live {
            return;
        }
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

    fn call(&mut self, unit: u32, label: &str, state: CallState, output: &str) {
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
        self.line(format_args!("  {style}{word}{style:#} {}", clean::line(label)));
        if state != CallState::Succeeded {
            self.output(output);
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

    fn finished(&mut self, run: &str, outcome: Outcome, summary: &str, diff: Option<&str>, receipts: &[Receipt], cost: &Cost) {
        self.calls.clear();
        self.clear();
        let summary = summary.trim();
        // On a screen the last message has just been read; a pipe gets the summary in any case.
        let has_been_read = std::io::stdout().is_terminal() && self.shown == summary;
        if !summary.is_empty() && !has_been_read {
            // Whoever read it is gone; the journal has it.
            let _ = writeln!(anstream::stdout(), "{}", clean::text(summary));
        }
        let (style, word) = match outcome {
            Outcome::Succeeded => (GOOD, "succeeded"),
            Outcome::Failed => (BAD, "failed"),
            Outcome::Cancelled => (WARN, "cancelled"),
            Outcome::Suspended => (WARN, "suspended"),
            Outcome::Refused => (WARN, "refused"),
        };
        self.line(format_args!("{style}{word}{style:#}: {}, {} receipts", spent(cost), receipts.len()));
        if let Some(diff) = diff {
            self.line(format_args!("{BOLD}diff{BOLD:#} {}", clean::line(diff)));
        }
        if outcome == Outcome::Suspended {
            self.line(format_args!("{BOLD}resume{BOLD:#} naestro run --resume {run}"));
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
        let label: String = clean::line(label).chars().take(60).collect();
        self.clear();
        self.write(format_args!("  {DIM}... {label}{others}{DIM:#}"));
        self.status = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.status) {
            self.write(format_args!("\r\u{1b}[K"));
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

/// What a run cost, in a few words; what is nothing is left out.
#[expect(clippy::cast_precision_loss, reason = "a run's milliseconds fit a double")]
pub(crate) fn spent(cost: &Cost) -> String {
    let mut parts = vec![format!("{:.1} s", cost.wall_ms as f64 / 1000.0)];
    if cost.model_calls > 0 {
        parts.push(format!("{} model calls", cost.model_calls));
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
        check(Cost { wall_ms: 50, model_calls: 2, tokens: 900, usd: 0.012 }, "0.1 s, 2 model calls, 900 tokens, $0.0120");
    }
}
