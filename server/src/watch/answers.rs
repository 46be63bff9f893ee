//! What a person types as an answer.

use tokio::sync::mpsc;

use crate::screen::CONSENT;

/// What a typed line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This answer.
    Clear(String),
    /// None of the choices, or more than one.
    Unclear,
}

/// Reads a line as one of `choices`: in full, or as a beginning that only one of them has; free text where there are none.
///
/// Leave is only given in so many words: a slip of the finger is asked again.
pub(super) fn choice(choices: &[String], line: &str) -> Choice {
    let line = line.trim();
    if choices.is_empty() {
        return if line.is_empty() { Choice::Unclear } else { Choice::Clear(line.to_owned()) };
    }
    let line = line.to_lowercase();
    if choices.iter().eq(CONSENT.iter()) {
        return match line.as_str() {
            "y" | "yes" | "a" | "allow" => Choice::Clear(CONSENT[0].to_owned()),
            "n" | "no" | "d" | "deny" => Choice::Clear(CONSENT[1].to_owned()),
            _ => Choice::Unclear,
        };
    }
    let mut fitting = choices.iter().filter(|choice| !line.is_empty() && choice.to_lowercase().starts_with(&line));
    match (choices.iter().find(|choice| choice.to_lowercase() == line), fitting.next(), fitting.next()) {
        (Some(choice), ..) | (None, Some(choice), None) => Choice::Clear(choice.clone()),
        _ => Choice::Unclear,
    }
}

/// Lines of standard input, read by a thread of their own since a read from a terminal cannot be cancelled.
pub(super) struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Starts to read.
    pub(super) fn of_stdin() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            for line in std::io::stdin().lines() {
                let Ok(line) = line else { return };
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next line; `None` at the end of the input.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.0.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(choices: &[&str], line: &str, expect: Option<&str>) {
        let choices: Vec<_> = choices.iter().map(|&choice| choice.to_owned()).collect();
        let expect = expect.map_or(Choice::Unclear, |text| Choice::Clear(text.to_owned()));
        assert_eq!(choice(&choices, line), expect, "{line:?}");
    }

    #[test]
    fn a_beginning_that_only_one_choice_has_is_enough() {
        check(&["repeat", "skip"], "r", Some("repeat"));
        check(&["repeat", "skip"], " Skip ", Some("skip"));
        check(&["repeat", "skip"], "yes", None);
        check(&["allow", "allow always", "deny"], "allow", Some("allow"));
        check(&["allow", "allow always", "deny"], "al", None);
        check(&["repeat", "skip"], "", None);
    }

    #[test]
    fn leave_is_given_in_so_many_words() {
        for line in ["y", "YES", "a", "allow "] {
            check(&["allow", "deny"], line, Some("allow"));
        }
        for line in ["n", "no", "D", "deny"] {
            check(&["allow", "deny"], line, Some("deny"));
        }
        for line in ["", "al", "den", "yess", "ok", "0"] {
            check(&["allow", "deny"], line, None);
        }
    }

    #[test]
    fn without_choices_any_text_is_the_answer() {
        check(&[], " main branch\n", Some("main branch"));
        check(&[], "  ", None);
    }
}
