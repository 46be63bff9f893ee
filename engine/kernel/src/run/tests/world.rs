//! A world that does anything it may, in any order, and watches what the kernel asks of it (see `oracle`).
//!
//! The oracle believes its own opening and plan, not the kernel's: a test that tells the two different things shows that it
//! would notice a kernel that gets them wrong.
//!
//! Invariant: every event put is one the runtime could record at that point.

mod oracle;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use oracle::ensure;

use super::script::{body, digest};
use crate::{
    Action, Amount, Ask, Call, Class, Event, Failure, FailureKind, Finish, Millis, Opening, Outcome, Output, Phase, Plan, Question,
    QuestionId, Run, RunId, RunOutcome, Signal, ToolAccess, UnitId, Usage, What, Work,
};

/// The events a run may still need once the world does nothing but help.
const HELPFUL_EVENTS: usize = 600;

/// What happens, as numbers that shrink.
pub(super) type Choices = Vec<u16>;

pub(super) struct World {
    pub(super) run: Run,
    pub(super) events: Vec<(Event, Vec<Action>)>,
    opening: Opening,
    plan: Plan,
    /// A replacement the caller may want on the way.
    patch: Option<Plan>,
    now: u64,
    out: BTreeMap<UnitId, Out>,
    asks: Vec<Ask>,
    reserves: Vec<Amount>,
    wake: Option<Millis>,
    conclusion: Option<RunOutcome>,
    attempts: BTreeMap<UnitId, u32>,
    /// Units that may have happened and must not be repeated unasked.
    lost: BTreeSet<UnitId>,
    durable: Amount,
    open: bool,
    forks: u8,
    /// How much goes wrong, in fortieths.
    mischief: usize,
    choices: vec::IntoIter<u16>,
}

/// A unit handed out.
struct Out {
    work: Work,
    begun: bool,
    cancelled: bool,
}

/// What was asked for that must never be.
pub(super) type Violation = String;

impl World {
    /// A world that tells the kernel one thing and believes another: the same, in a world that is to find faults.
    pub(super) fn new(told: (Opening, Plan), believed: (Opening, Plan), patch: Option<Plan>, choices: Choices) -> Result<Self, Violation> {
        let mischief = choices.first().map_or(0, |&choice| usize::from(choice % 12));
        let mut world = Self {
            run: Run::default(),
            events: Vec::new(),
            opening: believed.0,
            plan: believed.1,
            patch,
            now: 0,
            out: BTreeMap::new(),
            asks: Vec::new(),
            reserves: Vec::new(),
            wake: None,
            conclusion: None,
            attempts: BTreeMap::new(),
            lost: BTreeSet::new(),
            durable: Amount::default(),
            open: false,
            forks: 0,
            mischief,
            choices: choices.into_iter(),
        };
        world.put(What::Opened(Box::new(told.0)))?;
        world.put(What::Planned(told.1))?;
        Ok(world)
    }

    /// Lets anything happen as long as there are choices.
    pub(super) fn live(&mut self) -> Result<(), Violation> {
        while self.choices.len() > 0 && !(self.forks == 2 && matches!(self.run.phase(), Phase::Finished(_))) {
            let what = self.anything();
            if let Some(what) = what {
                self.put(what)?;
            }
        }
        Ok(())
    }

    /// Helps the run to its end: everything is permitted, works, and is answered.
    pub(super) fn help(&mut self) -> Result<(), Violation> {
        for _ in 0..HELPFUL_EVENTS {
            if matches!(self.run.phase(), Phase::Finished(_)) {
                return Ok(());
            }
            let Some(what) = self.helpful() else { return Err("nothing can help the run any more".to_string()) };
            self.put(what)?;
        }
        Err(format!("the run does not end: {:?}", self.run.phase()))
    }

    fn draw(&mut self, below: usize) -> usize {
        usize::from(self.choices.next().unwrap_or(0)) % below.max(1)
    }

    /// One event that could be recorded now, most often one that answers an action.
    fn anything(&mut self) -> Option<What> {
        self.now += self.draw(40) as u64;
        if !self.mishap() {
            return match self.run.phase() {
                Phase::Suspended if self.out.is_empty() && self.draw(3) == 0 => Some(self.resume()),
                _ => self.report(),
            };
        }
        match self.draw(12) {
            0 => Some(What::Signalled(Signal::Cancel)),
            1..=3 => Some(What::Signalled(Signal::Suspend)),
            4..=6 if !matches!(self.run.phase(), Phase::Finished(_)) => Some(self.crash()),
            7 if self.forks < 2 => Some(self.fork()),
            8..=9 => self.replace_plan(),
            10 if self.run.phase() == Phase::Suspended => Some(self.resume()),
            _ => Some(What::Woke),
        }
    }

    fn mishap(&mut self) -> bool {
        self.draw(40) < self.mischief
    }

    /// Puts the replacement, whether it fits or not: where it does not, the plan stays as it is.
    fn replace_plan(&mut self) -> Option<What> {
        let patch = self.patch.take().filter(|_| !matches!(self.run.phase(), Phase::Finished(_)))?;
        if self.run.patch_faults(&patch).is_empty() {
            self.plan = patch.clone();
        }
        Some(What::Planned(patch))
    }

    fn crash(&mut self) -> What {
        self.lose_process();
        What::Resumed { crashed: true, interactive: self.draw(2) == 0 }
    }

    /// The owner is gone: what it had begun may or may not have happened.
    fn lose_process(&mut self) {
        for (&unit, out) in &self.out {
            if out.begun && self.class(&out.work) == Class::Unsafe {
                self.lost.insert(unit);
            }
        }
        self.forget_process();
        self.now += self.draw(5000) as u64;
    }

    fn fork(&mut self) -> What {
        self.lose_process();
        self.forks += 1;
        What::Forked { run: RunId([9; 16]), parent: RunId([1; 16]), index: self.events.len() as u64 - 1 }
    }

    fn resume(&mut self) -> What {
        self.forget_process();
        What::Resumed { crashed: false, interactive: self.draw(2) == 0 }
    }

    fn forget_process(&mut self) {
        self.out.clear();
        self.asks.clear();
        self.reserves.clear();
        self.wake = None;
        self.conclusion = None;
        self.open = false;
    }

    /// What answers one of the actions, whichever comes first.
    fn report(&mut self) -> Option<What> {
        let units: Vec<UnitId> = self.out.keys().copied().collect();
        let questions: Vec<QuestionId> = self.run.questions().map(|question| question.id).collect();
        let others = [!self.asks.is_empty(), !self.reserves.is_empty(), self.wake.is_some(), self.conclusion.is_some()];
        let others: Vec<usize> = (0..4).filter(|&at| others[at]).collect();
        let at = self.draw(units.len() + questions.len() + others.len());
        if let Some(&unit) = units.get(at) {
            return Some(self.report_unit(unit));
        }
        if let Some(&question) = questions.get(at.checked_sub(units.len())?) {
            let choice = ["allow", "deny", "repeat", "skip", "blue"][self.draw(5)];
            return Some(answer(question, choice));
        }
        match others.get(at - units.len() - questions.len())? {
            0 => Some(self.question()),
            1 => Some(What::Reserved(self.reserves.remove(0))),
            2 => Some(self.woke()),
            _ => self.conclusion.take().map(finished),
        }
    }

    /// What helps most: first what is out, then what is asked.
    fn helpful(&mut self) -> Option<What> {
        if let Some(&unit) = self.out.keys().next() {
            return Some(self.report_well(unit));
        }
        if !self.asks.is_empty() {
            return Some(self.question());
        }
        if !self.reserves.is_empty() {
            return Some(What::Reserved(self.reserves.remove(0)));
        }
        if let Some(outcome) = self.conclusion.take() {
            return Some(finished(outcome));
        }
        if let Some(question) = self.run.questions().next() {
            let choice = if question.effect.is_some() { "allow" } else { "repeat" };
            return Some(answer(question.id, choice));
        }
        if self.run.phase() == Phase::Suspended {
            self.forget_process();
            return Some(What::Resumed { crashed: false, interactive: true });
        }
        self.wake.is_some().then(|| self.woke())
    }

    fn woke(&mut self) -> What {
        if let Some(at) = self.wake.take() {
            self.now = self.now.max(at.0);
        }
        What::Woke
    }

    fn question(&mut self) -> What {
        let ask = self.asks.remove(0);
        let id = self.run.next_question();
        What::Asked(Question {
            id,
            step: ask.step,
            unit: ask.unit,
            effect: None,
            text: ask.text,
            detail: String::new(),
            choices: ask.choices,
        })
    }

    fn report_unit(&mut self, unit: UnitId) -> What {
        if !self.out[&unit].begun {
            return match (self.mishap(), self.draw(3)) {
                (true, 0) => self.deny(unit),
                (true, _) => self.ask_consent(unit),
                (false, _) => self.intend(unit),
            };
        }
        let outcome = match (self.out[&unit].cancelled, self.draw(10)) {
            (true, 0..=5) => Outcome::Cancelled { partial: None },
            (_, 0) if self.mishap() => Outcome::Cancelled { partial: None },
            _ if self.mishap() => self.failure(),
            _ => self.outcome(unit),
        };
        self.done(unit, outcome)
    }

    fn report_well(&mut self, unit: UnitId) -> What {
        if !self.out[&unit].begun {
            return self.intend(unit);
        }
        let outcome = if self.out[&unit].cancelled { Outcome::Cancelled { partial: None } } else { self.outcome(unit) };
        self.done(unit, outcome)
    }

    fn intend(&mut self, unit: UnitId) -> What {
        let (label, reason) = (String::new(), String::new());
        let attempt = self.attempts.entry(unit).and_modify(|attempt| *attempt += 1).or_insert(1);
        let attempt = *attempt;
        let class = self.class(&self.out[&unit].work);
        if let Some(out) = self.out.get_mut(&unit) {
            out.begun = true;
        }
        What::Intended { unit, attempt, effect: digest("effect"), class, label, reason }
    }

    fn deny(&mut self, unit: UnitId) -> What {
        self.out.remove(&unit);
        What::Denied { unit, label: String::new(), reason: "a rule".to_string(), hint: "a hint".to_string() }
    }

    fn ask_consent(&mut self, unit: UnitId) -> What {
        self.out.remove(&unit);
        let (text, detail) = (String::new(), String::new());
        let id = self.run.next_question();
        What::Asked(Question { id, step: None, unit: Some(unit), effect: Some(digest("effect")), text, detail, choices: Vec::new() })
    }

    fn done(&mut self, unit: UnitId, outcome: Outcome) -> What {
        self.out.remove(&unit);
        self.open |= matches!(outcome, Outcome::Workspace { .. });
        What::Done { unit, outcome }
    }

    /// Something that fits the work and is no failure; the first thing of its kind where no choice is left.
    fn outcome(&mut self, unit: UnitId) -> Outcome {
        let output = || Output { text: body("text"), data: None };
        match self.out[&unit].work.clone() {
            Work::Open { .. } => Outcome::Workspace { base: digest("base"), level: String::new() },
            Work::Think { .. } => self.message(),
            Work::Call { access, .. } => {
                let tree = (access == ToolAccess::Write).then(|| digest(["tree", "base", "other"][self.draw(3)]));
                Outcome::Tool { ok: !self.mishap(), output: output(), tree }
            }
            Work::Check { .. } => Outcome::Checked { passed: self.draw(5) != 4, output: output() },
            Work::Diff { .. } => Outcome::Diffed { diff: body("diff"), paths: vec!["one.rs".to_string(); self.draw(2)] },
            Work::Import { .. } => Outcome::Imported { files: 1 },
        }
    }

    fn message(&mut self) -> Outcome {
        let calls = self.draw(3);
        let calls = (0..calls).map(|at| self.call(at)).collect();
        let usage = match self.draw(12) {
            0 => Usage::default(),
            1 if self.mishap() => Usage { input: u64::MAX, output: u64::MAX, cache_read: u64::MAX, ..Usage::default() },
            size => Usage { input: size as u64 * 100, output: size as u64 * 10, ..Usage::default() },
        };
        let finish = if self.mishap() { Finish::Length } else { Finish::Stop };
        Outcome::Message { message: body("message"), text: body("text"), calls, usage, finish }
    }

    fn call(&mut self, at: usize) -> Call {
        let tool = ["look", "read", "edit", "probe", "send", "test", "made-up"][self.draw(7)];
        let args = ["a", "b"][self.draw(2)];
        Call { id: at.to_string(), tool: tool.to_string(), args: body(args) }
    }

    fn failure(&mut self) -> Outcome {
        let kinds = [FailureKind::Transient, FailureKind::Unreached, FailureKind::Permanent, FailureKind::TimedOut, FailureKind::TooLong];
        let kind = kinds[self.draw(4)];
        let retry_after = [None, Some(Millis(0)), Some(Millis(100))][self.draw(3)];
        Outcome::Failed(Failure { kind, message: "do it".to_string(), hint: String::new(), retry_after })
    }

    /// Records an event and watches what comes of it; a violation is told with what led to it.
    fn put(&mut self, what: What) -> Result<(), Violation> {
        self.record(what).map_err(|violation| {
            let last = self.events.iter().rev().take(12).rev();
            last.fold(violation, |text, (event, actions)| format!("{text}\n> {:?}\n{actions:?}", event.what))
        })
    }

    fn record(&mut self, what: What) -> Result<(), Violation> {
        let event = Event { at: Millis(self.now), what };
        let before = self.run.clone();
        let promised = self.promised();
        let actions = self.run.apply(&event);
        self.events.push((event.clone(), actions.clone()));
        self.settle_questions(&before, &event.what);
        if matches!(before.phase(), Phase::Finished(_)) && !matches!(event.what, What::Forked { .. }) {
            ensure(actions.is_empty() && before == self.run, || "a finished run took something in".to_string())?;
        }
        if let What::Reserved(block) = event.what {
            self.durable = self.durable.plus(block);
        }
        let thought = actions.iter().any(|action| matches!(action, Action::Perform { work: Work::Think { .. }, .. }));
        for action in actions {
            self.take(action)?;
        }
        let anew = matches!(event.what, What::Resumed { .. });
        self.check_ledger(&if anew { BTreeSet::new() } else { promised }, thought)?;
        self.check_rest()
    }
}

fn answer(question: QuestionId, choice: &str) -> What {
    What::Answered { question, choice: body(choice), by: "ann".to_string() }
}

fn finished(outcome: RunOutcome) -> What {
    What::Finished { outcome, summary: body("") }
}
