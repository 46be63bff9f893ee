//! The same tests again: what differs with nothing changed between is flaky, not failing.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, Verdict};
use super::report::{State, Tested};

impl Tested {
    /// Takes in what running some of its tests once more came to; what is not a test of it is left aside.
    pub(super) fn again(&mut self, later: Self) {
        let at: BTreeMap<String, usize> = self.cases.iter().enumerate().map(|(at, case)| (case.id.clone(), at)).collect();
        for case in later.cases {
            if let Some(before) = at.get(&case.id).and_then(|at| self.cases.get_mut(*at)) {
                before.again(case);
            }
        }
        self.seconds += later.seconds;
        self.relent();
    }

    /// Takes in a whole further run, with failures that are of no test the first one knew.
    pub(super) fn repeated(&mut self, later: Self) {
        let known: BTreeSet<&str> = self.cases.iter().map(|case| case.id.as_str()).collect();
        let new = later.cases.iter().filter(|case| case.verdict == Verdict::Failed && !known.contains(case.id.as_str()));
        let new: Vec<Case> = new.cloned().collect();
        if matches!(later.state, State::NotFinished | State::NotRun) && self.state == State::Passed {
            (self.state, self.note) = (later.state, later.note.clone());
        }
        self.again(later);
        self.cases.extend(new);
        if self.cases.iter().any(|case| case.verdict == Verdict::Failed) {
            self.state = State::Failed;
        }
    }

    /// Nothing failing is left: only flaky ones were; what was not come to is still not run.
    fn relent(&mut self) {
        if self.state == State::Failed && !self.cases.iter().any(|case| case.verdict == Verdict::Failed) {
            let all = self.cases.iter().all(|case| case.verdict != Verdict::NotRun);
            self.state = if all { State::Passed } else { State::NotFinished };
        }
    }
}

impl Case {
    /// Takes in what running it once more came to.
    fn again(&mut self, later: Self) {
        if later.attempts == 0 {
            return;
        }
        self.attempts += later.attempts;
        match (self.verdict, later.verdict) {
            (Verdict::Failed, Verdict::Passed | Verdict::Flaky) => self.verdict = Verdict::Flaky,
            (Verdict::Passed, Verdict::Failed | Verdict::Flaky) => {
                let before = std::mem::replace(self, later);
                (self.verdict, self.attempts, self.reason) = (Verdict::Flaky, before.attempts, before.reason);
            }
            _ => {}
        }
    }
}
