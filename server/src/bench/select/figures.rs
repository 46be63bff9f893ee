//! What was measured of one project, and the figures made of it.
//!
//! Recall is the share of the tests a mutant breaks that was selected for it; the selection's size is a share of the suite.
//!
//! Invariant: shares are from 0 to 1; people see them as percentages, beside their goals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::time::Duration;

use naestro_api::Error;
use serde::Serialize;
use serde_json::{Value, json};

use super::child::{Key, Report, State};
use super::draw::Mutant;
use super::failed;
use super::judge::Truth;

/// At least so much recall is wanted on average.
const RECALL: f64 = 0.98;
/// At most so much of the suite is wanted as the median selection.
const SELECTED: f64 = 0.30;
/// Missed tests that are named for one mutant.
const NAMED: usize = 5;

/// One mutant that broke tests.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measured {
    mutant: Mutant,
    failing: usize,
    missed: BTreeSet<Key>,
    recall: f64,
    /// The selection's share of the suite.
    share: f64,
    /// Why the selection holds more than what reaches the change: the scope and the reason.
    widened: BTreeSet<(String, String)>,
}

impl Measured {
    /// Holds what was listed for the mutant against the tests it breaks.
    pub(super) fn new(mutant: &Mutant, failing: &BTreeSet<Key>, listed: &Report, suite: &Report) -> Self {
        let selected = listed.tests.keys().filter(|key| suite.tests.contains_key(key)).count();
        let missed: BTreeSet<Key> = failing.iter().filter(|key| !listed.tests.contains_key(key)).cloned().collect();
        Self {
            mutant: mutant.clone(),
            failing: failing.len(),
            recall: ratio(failing.len() - missed.len(), failing.len()),
            missed,
            share: ratio(selected, suite.tests.len()),
            widened: listed.widened.clone(),
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failing, missed, share) = (self.failing, self.missed.len(), percent(self.share));
        write!(f, "{failing} fail, {missed} of them not selected; {share} selected")
    }
}

/// The figures of one project.
#[derive(Debug, Default)]
pub(super) struct Figures {
    project: String,
    seed: u64,
    runners: BTreeSet<String>,
    /// Tests of the suite, and those that fail without a mutant.
    tests: usize,
    failing: usize,
    /// How long the first run of all tests took, with the build and the index.
    seconds: f64,
    /// How many mutants there are.
    pub(super) mutants: usize,
    /// How many were tried.
    pub(super) drawn: usize,
    unbuilt: usize,
    unnoticed: usize,
    unfinished: usize,
    /// Failures that the selection missed and that did not come again.
    pub(super) unsteady: usize,
    pub(super) measured: Vec<Measured>,
}

impl Figures {
    pub(super) fn new(project: String, seed: u64) -> Self {
        Self { project, seed, ..Self::default() }
    }

    /// Takes in the run without a mutant.
    ///
    /// # Errors
    /// `unavailable` if no test passed: no mutant could be noticed.
    pub(super) fn begin(&mut self, baseline: &Report, took: Duration) -> Result<(), Error> {
        let count = |state| baseline.tests.values().filter(|test| test.state == state).count();
        self.runners.clone_from(&baseline.runners);
        (self.tests, self.failing, self.seconds) = (baseline.tests.len(), count(State::Failed), took.as_secs_f64());
        if count(State::Passed) > 0 {
            return Ok(());
        }
        Err(failed(&format!("no test of {} passes as it is: {}", self.project, baseline.verdict)))
    }

    /// Counts a mutant that says nothing about the selection.
    pub(super) fn count(&mut self, truth: &Truth) {
        match truth {
            Truth::Unbuilt => self.unbuilt += 1,
            Truth::Unnoticed => self.unnoticed += 1,
            Truth::Unfinished => self.unfinished += 1,
            Truth::Failing(_) => {}
        }
    }

    /// The mutant of which the smallest share was selected.
    fn worst(&self) -> Option<&Measured> {
        self.measured.iter().filter(|measured| !measured.missed.is_empty()).min_by(|one, two| one.recall.total_cmp(&two.recall))
    }

    /// How often everything was selected.
    fn everything(&self) -> usize {
        self.measured.iter().filter(|measured| measured.share >= 1.0).count()
    }

    /// For how many mutants each reason widened the selection.
    fn reasons(&self) -> BTreeMap<String, usize> {
        let mut reasons = BTreeMap::new();
        for (scope, reason) in self.measured.iter().flat_map(|measured| &measured.widened) {
            *reasons.entry(format!("{scope}: {reason}")).or_default() += 1;
        }
        reasons
    }

    fn recalls(&self) -> Vec<f64> {
        sorted(self.measured.iter().map(|measured| measured.recall))
    }

    fn shares(&self) -> Vec<f64> {
        sorted(self.measured.iter().map(|measured| measured.share))
    }

    /// The figures for people.
    pub(super) fn text(&self) -> String {
        let Self { project, tests, failing, seconds, mutants, drawn, unbuilt, unnoticed, unfinished, .. } = self;
        let runners = self.runners.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let mut text = format!("{project} ({runners}): {tests} tests, {failing} of them fail as it is; first run {seconds:.1} s\n");
        let usable = self.measured.len();
        let _ = writeln!(
            text,
            "  mutants    {drawn} drawn of {mutants}: {usable} usable, {unbuilt} unbuilt, {unnoticed} unnoticed, {unfinished} unfinished"
        );
        if usable > 0 {
            self.shares_of(&mut text);
        }
        if self.unsteady > 0 {
            let _ = writeln!(text, "  unsteady   {} failures that were not selected did not come again", self.unsteady);
        }
        for (reason, count) in self.reasons() {
            let _ = writeln!(text, "  widened    {count} times, {reason}");
        }
        text
    }

    /// The figures for scripts.
    pub(super) fn json(&self) -> Value {
        let (recalls, shares) = (self.recalls(), self.shares());
        json!({
            "bench": "select",
            "version": env!("CARGO_PKG_VERSION"),
            "project": self.project,
            "seed": self.seed,
            "runners": self.runners,
            "tests": self.tests,
            "failing_before": self.failing,
            "first_run_s": self.seconds,
            "mutants": self.mutants,
            "drawn": self.drawn,
            "usable": self.measured.len(),
            "unbuilt": self.unbuilt,
            "unnoticed": self.unnoticed,
            "unfinished": self.unfinished,
            "unsteady": self.unsteady,
            "recall_mean": mean(&recalls),
            "recall_goal": RECALL,
            "worst": self.worst(),
            "selected_median": quantile(&shares, 50),
            "selected_p90": quantile(&shares, 90),
            "selected_mean": mean(&shares),
            "selected_goal": SELECTED,
            "everything": self.everything(),
            "widened": self.reasons(),
        })
    }

    fn shares_of(&self, text: &mut String) {
        let (recalls, shares) = (self.recalls(), self.shares());
        let _ = writeln!(text, "  recall     mean {} (goal: at least {})", percent(mean(&recalls)), percent(RECALL));
        if let Some(worst) = self.worst() {
            let named: Vec<&str> = worst.missed.iter().take(NAMED).map(|key| key.id.as_str()).collect();
            let more = worst.missed.len() - named.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = writeln!(text, "  worst      {}: {}; missed: {}{more}", percent(worst.recall), worst.mutant, named.join(", "));
        }
        let (median, p90) = (percent(quantile(&shares, 50)), percent(quantile(&shares, 90)));
        let (mean, goal) = (percent(mean(&shares)), percent(SELECTED));
        let _ = writeln!(text, "  selected   median {median} (goal: at most {goal}), p90 {p90}, mean {mean}");
        let _ = writeln!(text, "  everything {} of {} times", self.everything(), self.measured.len());
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The smallest of the sorted values that at least `percent` of them do not exceed; 0 of none.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / count(values.len()) }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "tests and mutants are far fewer than 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests;
