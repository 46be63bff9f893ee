//! A recorded run, or one step of it, explained from recorded reasons only: what was decided, and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use naestro_api::{Error, ErrorCode, Explanation};
use naestro_kernel::{Event, Outcome, Question, QuestionId, StepId, UnitId, What};

use crate::engine::{Shared, blocking};
use crate::fold::Fold;
use crate::{failure, update};

/// Explains `text`, which is `ID` or `ID/STEP`; every sentence ends with the index of the event it rests on.
///
/// # Errors
/// `unknown_run`; `unknown_target` for a step it does not have.
pub(super) async fn answer(shared: &Arc<Shared>, text: &str, target: &str) -> Result<Explanation, Error> {
    let (run, step) = text.split_once('/').map_or((text, None), |(run, step)| (run, Some(StepId::new(step))));
    let (entry, fold) = shared.load(run).await?;
    if let Some(step) = &step
        && fold.run.plan().is_none_or(|plan| plan.step(step).is_none())
    {
        let steps: Vec<String> = update::steps(&fold).into_iter().map(|(id, _)| id.0).collect();
        return Err(Error::new(ErrorCode::UnknownTarget, format!("find step `{step}` of run {run}"))
            .hint(format!("its steps are: {}", steps.join(", "))));
    }
    let journal = shared.journal()?;
    let events = blocking(move || journal.read(entry.run, 0, usize::MAX >> 1).map_err(|error| failure::of_journal(&error))).await?;
    let mut told = Told { fold: &fold, sentences: Vec::new(), of_unit: BTreeMap::new(), of_question: BTreeMap::new() };
    for (event, seq) in events.iter().zip(0_u64..) {
        told.take(seq, event);
    }
    let sentences = told.in_order(step.as_ref());
    let mut cites: Vec<u64> = sentences.iter().flat_map(|sentence| sentence.cites.iter().copied()).collect();
    cites.sort_unstable();
    let text = sentences.into_iter().map(|sentence| sentence.text + "\n").collect();
    Ok(Explanation::Run { target: target.to_owned(), text, cites })
}

/// A sentence, the step it is about where it is about one, and the events it rests on.
struct Sentence {
    step: Option<StepId>,
    text: String,
    cites: Vec<u64>,
}

/// The sentences so far.
struct Told<'a> {
    fold: &'a Fold,
    sentences: Vec<Sentence>,
    /// The sentence about each unit's latest attempt, and about each question.
    of_unit: BTreeMap<UnitId, usize>,
    of_question: BTreeMap<QuestionId, usize>,
}

impl Told<'_> {
    fn take(&mut self, seq: u64, event: &Event) {
        match &event.what {
            What::Intended { unit, attempt, label, reason, .. } => {
                let again = if *attempt > 1 { format!(", attempt {attempt},") } else { String::new() };
                let text = format!("{label}{again} was permitted by {}", rule(reason));
                let at = self.say(self.step_of(*unit), text, seq);
                self.of_unit.insert(*unit, at);
            }
            What::Denied { unit, label, reason, hint, .. } => {
                let hint = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
                let text = format!("{label} was refused: {reason}{hint}");
                self.say(self.step_of(*unit), text, seq);
            }
            What::Done { unit, outcome } => {
                let begun = self.of_unit.get(unit).copied();
                self.go_on(begun, self.step_of(*unit), &ended(outcome), seq);
            }
            What::Asked(question) => {
                let step = question.step.clone().or_else(|| question.unit.and_then(|unit| self.step_of(unit)));
                let at = self.say(step, asked(question), seq);
                self.of_question.insert(question.id, at);
            }
            What::Answered { question, choice, by } => {
                let begun = self.of_question.get(question).copied();
                self.go_on(begun, None, &format!("{by} answered {:?}", first_line(&choice.text())), seq);
            }
            What::Reserved(_) | What::Woke => {}
            what => {
                let text = of_run(what);
                self.say(None, text, seq);
            }
        }
    }

    fn step_of(&self, unit: UnitId) -> Option<StepId> {
        self.fold.work(unit).and_then(|work| work.step()).cloned()
    }

    fn say(&mut self, step: Option<StepId>, text: String, seq: u64) -> usize {
        self.sentences.push(Sentence { step, text: format!("{text} [{seq}]"), cites: vec![seq] });
        self.sentences.len() - 1
    }

    /// Ends the sentence that was begun, or says a new one.
    fn go_on(&mut self, begun: Option<usize>, step: Option<StepId>, text: &str, seq: u64) {
        match begun.and_then(|at| self.sentences.get_mut(at)) {
            Some(sentence) => {
                sentence.text.push_str(&format!("; {text} [{seq}]"));
                sentence.cites.push(seq);
            }
            None => {
                self.say(step, text.to_owned(), seq);
            }
        }
    }

    /// How the run began, its steps in the order of the plan, and how it ended; or one step alone.
    fn in_order(self, only: Option<&StepId>) -> Vec<Sentence> {
        let order: Vec<StepId> = update::steps(self.fold).into_iter().map(|(id, _)| id).collect();
        let first_of_steps = self.sentences.iter().position(|sentence| sentence.step.is_some()).unwrap_or(usize::MAX);
        let mut sentences: Vec<(usize, Sentence)> = self.sentences.into_iter().enumerate().collect();
        sentences.retain(|(_, sentence)| only.is_none() || sentence.step.as_ref() == only);
        sentences.sort_by_key(|(at, sentence)| {
            let place = sentence.step.as_ref().map(|step| order.iter().position(|id| id == step).unwrap_or(order.len()) + 1);
            let after_all = if *at < first_of_steps { 0 } else { order.len() + 2 };
            (place.unwrap_or(after_all), *at)
        });
        sentences.into_iter().map(|(_, sentence)| named(sentence)).collect()
    }
}

/// A sentence about a step begins with its name.
fn named(sentence: Sentence) -> Sentence {
    let text = match &sentence.step {
        Some(step) => format!("step {step}: {}", sentence.text),
        None => sentence.text,
    };
    Sentence { text, ..sentence }
}

fn rule(reason: &str) -> String {
    match reason.strip_suffix(" (consented)") {
        Some(rule) => format!("the rule {rule} and a human's consent"),
        None => format!("the rule {reason}"),
    }
}

fn asked(question: &Question) -> String {
    let whom = if question.unit.is_some() && question.effect.is_some() { "a human's consent was asked for" } else { "it was asked" };
    format!("{whom}: {}", question.text)
}

fn of_run(what: &What) -> String {
    match what {
        What::Opened(opening) => {
            let mode = format!("{:?}", opening.mode).to_lowercase();
            format!("the run was to do {:?} in {}, in mode {mode}", first_line(&update::title(opening)), opening.workspace)
        }
        What::Planned(plan) => {
            let steps: Vec<String> =
                plan.steps.iter().map(|step| format!("{} ({})", step.id, crate::plan::kind_name(&step.kind))).collect();
            format!("its plan: {}", steps.join(", "))
        }
        What::Forked { parent, index, .. } => format!("it goes on from run {parent} after event {index}"),
        What::Signalled(signal) => format!("a caller told it to {}", format!("{signal:?}").to_lowercase()),
        What::Resumed { crashed: true, .. } => String::from("it was taken up again after its process had died"),
        What::Resumed { crashed: false, .. } => String::from("it was taken up again"),
        What::Finished { outcome, summary } => {
            let (outcome, line) = (format!("{outcome:?}").to_lowercase(), first_lines(&summary.text(), 2));
            if line.is_empty() { format!("the run {outcome}") } else { format!("the run {outcome}: {line}") }
        }
        What::Intended { .. }
        | What::Denied { .. }
        | What::Done { .. }
        | What::Asked(_)
        | What::Answered { .. }
        | What::Reserved(_)
        | What::Woke => String::new(),
    }
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Message { text, calls, .. } => {
            let tools: Vec<&str> = calls.iter().map(|call| call.tool.as_str()).collect();
            let said = first_line(&text.text());
            match (said.is_empty(), tools.is_empty()) {
                (_, true) => format!("the model said {said:?}"),
                (true, false) => format!("the model called {}", tools.join(", ")),
                (false, false) => format!("the model said {said:?} and called {}", tools.join(", ")),
            }
        }
        Outcome::Tool { ok, output, .. } => {
            let verdict = if *ok { "it succeeded" } else { "it did not succeed" };
            // A report's first line often says what was compared, its second what came of it.
            let line = first_lines(&output.text.text(), 2);
            if line.is_empty() { verdict.to_owned() } else { format!("{verdict}: {line}") }
        }
        Outcome::Workspace { level, .. } => format!("it is open ({level})"),
        Outcome::Checked { passed: true, .. } => String::from("it passed"),
        Outcome::Checked { passed: false, .. } => String::from("it did not pass"),
        Outcome::Diffed { paths, .. } => format!("files that differ: {}", paths.len()),
        Outcome::Imported { files } => format!("files written: {files}"),
        Outcome::Failed(failure) => format!("it failed to {}", failure.message),
        Outcome::Cancelled { .. } => String::from("it was cancelled"),
    }
}

fn first_line(text: &str) -> String {
    first_lines(text, 1)
}

/// The first lines that say something, as one.
fn first_lines(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(most).collect();
    lines.join("; ").chars().take(160).collect()
}
