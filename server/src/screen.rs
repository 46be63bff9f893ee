//! What a person or a script sees of a command: lines for a terminal, or one JSON object a line.
//!
//! Results go to standard output, progress to standard error, so that a result can be piped. A closed output stops the
//! talking, never the run.
//!
//! Invariant: text from outside passes [`clean`] on its way.

pub(crate) mod evidence;
mod meter;
mod terminal;

use std::io::Write as _;

use naestro_api::{Error, ErrorCode, Evidence, Explanation, Question, Update};

use crate::clean;
pub(crate) use meter::Meter;
use terminal::Terminal;
pub(crate) use terminal::spent;

/// The choices of a question that asks for leave.
pub(crate) const CONSENT: [&str; 2] = ["allow", "deny"];

/// A number of things: `1 receipt`, `2 receipts`.
pub(crate) fn count<N: std::fmt::Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    format!("{number} {what}{}", if number == N::from(1) { "" } else { "s" })
}

/// The view of one command.
pub(crate) enum Screen {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Terminal(Box<Terminal>),
}

impl Screen {
    /// The view that was asked for.
    pub(crate) fn new(json: bool) -> Self {
        if json { Self::Json } else { Self::Terminal(Box::new(Terminal::new())) }
    }

    /// Whether a person sits before it and can answer.
    pub(crate) fn can_ask(&self) -> bool {
        use std::io::IsTerminal as _;
        matches!(self, Self::Terminal(_)) && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Shows an update.
    pub(crate) fn update(&mut self, update: &Update) {
        match self {
            Self::Json => json_line(update),
            Self::Terminal(terminal) => terminal.update(update),
        }
    }

    /// Shows evidence; `holds` says of each of its citations, in order, whether it still holds.
    ///
    /// # Errors
    /// `unavailable` where it cannot be written.
    pub(crate) fn evidence(&mut self, evidence: &Evidence, holds: &[bool]) -> Result<(), Error> {
        match self {
            // A script has it in the update, with all that is needed to check it.
            Self::Json => Ok(()),
            Self::Terminal(terminal) => {
                terminal.make_room();
                print(&format!("{}\n", evidence::text(evidence, holds)))
            }
        }
    }

    /// Shows an answer that was there at once.
    ///
    /// # Errors
    /// `unavailable` where it cannot be written.
    pub(crate) fn explanation(&mut self, explanation: &Explanation, holds: &[bool]) -> Result<(), Error> {
        match (&self, explanation) {
            (Self::Json, _) => {
                json_line(explanation);
                Ok(())
            }
            (Self::Terminal(_), Explanation::Code { evidence, .. }) => print(&evidence::text(evidence, holds)),
            (Self::Terminal(_), Explanation::Run { text, .. }) => print(&format!("{}\n", clean::text(text.trim_end()))),
        }
    }

    /// What shows how far the project is read, where someone sits before it.
    pub(crate) fn meter(&self) -> Option<Meter> {
        use std::io::IsTerminal as _;
        (matches!(self, Self::Terminal(_)) && std::io::stderr().is_terminal()).then(Meter::default)
    }

    /// Says how to answer a question that was shown.
    pub(crate) fn ask(&mut self, question: &Question) {
        if let Self::Terminal(terminal) = self {
            terminal.ask(question);
        }
    }

    /// Ends the line on which an answer was about to be typed.
    pub(crate) fn leave_prompt(&mut self) {
        if let Self::Terminal(terminal) = self {
            terminal.leave_prompt();
        }
    }

    /// Says something that is no result.
    pub(crate) fn note(&mut self, text: &str) {
        match self {
            // A script hears what matters of it in the run's own updates.
            Self::Json => {}
            Self::Terminal(terminal) => terminal.note(text),
        }
    }

    /// Shows what went wrong.
    pub(crate) fn error(&mut self, error: &Error) {
        match self {
            Self::Json => json_line(&Failed { r#type: "error", error }),
            Self::Terminal(terminal) => terminal.error(error),
        }
    }
}

/// An error as `--json` shows it.
#[derive(serde::Serialize)]
struct Failed<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    error: &'a Error,
}

/// Prints one value as a line of JSON.
pub(crate) fn json_line(value: &impl serde::Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => {
            let mut out = std::io::stdout().lock();
            // Whoever read it is gone; the run goes on, and the journal has everything.
            let _ = writeln!(out, "{}", clean::json(line)).and_then(|()| out.flush());
        }
        Err(error) => tracing::error!("a value has no JSON form: {error}"),
    }
}

/// Prints a result to standard output; a reader that has gone away is no error.
///
/// # Errors
/// `unavailable` where it cannot be written, for instance to a full disk.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(ErrorCode::Unavailable, format!("write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_line_has_type_kind_code_message_and_hints() {
        let error = Error::new(ErrorCode::NoModel, "find a model").hint("set NAESTRO_MODEL");
        let line = serde_json::to_string(&Failed { r#type: "error", error: &error }).expect("json");
        expect_test::expect![[
            r#"{"type":"error","kind":"config","code":"no_model","message":"find a model","hints":["set NAESTRO_MODEL"]}"#
        ]]
        .assert_eq(&line);
    }
}
