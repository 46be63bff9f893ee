//! The work that is measured: an agent whose model asks for one tool call after another, for ever.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use naestro_api::{Error, ErrorCode};
use naestro_journal::SqliteJournal;
use naestro_kernel::{
    Action, Call, Class, Event, Finish, Limits, Millis, Mode, ModelFacts, OnFailure, Opening, Outcome, Output, Plan, Retry, Run, RunId,
    Step, StepId, StepKind, ToolAccess, ToolFacts, Usage, VERSION, What, Work,
};
use naestro_policy::body;
use naestro_policy::port::{Durability, Journal as _, JournalError, RunEntry};

use super::journal_failed;

/// A run whose model asks for one tool call after another.
pub(super) struct Agent {
    id: RunId,
    run: Run,
    actions: VecDeque<Action>,
    next: u64,
}

impl Agent {
    /// A new run, opened and planned in the journal.
    pub(super) async fn new(number: u8, journal: &SqliteJournal) -> Result<Self, JournalError> {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&std::process::id().to_be_bytes());
        id[15] = number;
        let id = RunId(id);
        let entry = RunEntry {
            run: id,
            session: id,
            workspace: String::from("/"),
            title: String::from("bench"),
            opened: 0,
            events: 0,
            outcome: None,
            owned: true,
        };
        let mut agent = Self { id, run: Run::default(), actions: VecDeque::new(), next: 0 };
        let first = agent.take_in(What::Opened(Box::new(opening(id))));
        let second = agent.take_in(What::Planned(plan()));
        journal.create(entry, vec![first, second]).await?;
        Ok(agent)
    }

    /// Writes so many steps down.
    pub(super) async fn work(mut self, journal: Arc<SqliteJournal>, steps: u64, durability: Durability) -> Result<(), Error> {
        let mut done = None;
        for _ in 0..steps {
            let what = match done.take() {
                Some(what) => what,
                None => {
                    let (intended, after) = self.perform()?;
                    done = Some(after);
                    intended
                }
            };
            let event = self.take_in(what);
            journal.append(self.id, vec![event], durability).await.map_err(journal_failed)?;
        }
        Ok(())
    }

    /// What is written before and after the next unit.
    fn perform(&mut self) -> Result<(What, What), Error> {
        let mut units = std::iter::from_fn(|| self.actions.pop_front()).filter_map(|action| match action {
            Action::Perform { unit, attempt, work, .. } => Some((unit, attempt, work)),
            _ => None,
        });
        let Some((unit, attempt, work)) = units.next() else {
            return Err(Error::new(ErrorCode::Internal, "measure: the run has nothing more to do"));
        };
        let effect = naestro_policy::digest(&work);
        let (label, reason) = (padding(), String::from("bench"));
        let intended = What::Intended { unit, attempt, effect, class: work.class(), label, reason };
        Ok((intended, What::Done { unit, outcome: self.outcome(&work) }))
    }

    fn outcome(&self, work: &Work) -> Outcome {
        match work {
            Work::Think { .. } => Outcome::Message {
                message: body(padding()),
                text: body("next"),
                calls: vec![Call { id: String::from("call"), tool: String::from("look"), args: body(format!("{{\"n\":{}}}", self.next)) }],
                usage: Usage { input: 1000, output: 100, ..Usage::default() },
                finish: Finish::Calls,
            },
            Work::Call { .. } | Work::Check { .. } => {
                Outcome::Tool { ok: true, output: Output { text: body(padding()), data: None }, tree: None }
            }
            Work::Open { .. } | Work::Diff { .. } | Work::Import { .. } => {
                Outcome::Workspace { base: naestro_policy::digest_bytes(b""), level: padding() }
            }
        }
    }

    fn take_in(&mut self, what: What) -> Event {
        self.next += 1;
        let event = Event { at: Millis(self.next), what };
        self.actions.extend(self.run.apply(&event));
        event
    }
}

/// Text that makes an event about 1 KB.
fn padding() -> String {
    "what a model or a tool says ".repeat(33)
}

fn opening(run: RunId) -> Opening {
    Opening {
        run,
        session: run,
        previous: None,
        kernel: VERSION,
        goal: String::from("bench"),
        recipe: None,
        workspace: String::from("/"),
        mode: Mode::Auto,
        unsandboxed: false,
        apply: false,
        interactive: false,
        limits: Limits::default(),
        parallel: 1,
        checks: Vec::new(),
        model: Some(ModelFacts {
            name: String::from("bench"),
            host: String::from("localhost"),
            context: 1_000_000,
            max_output: 1000,
            price_input: 0,
            price_output: 0,
        }),
        tools: vec![ToolFacts { name: String::from("look"), class: Class::Pure, access: ToolAccess::None, for_agents: true }],
        preamble_tokens: 0,
        inherited: None,
    }
}

fn plan() -> Plan {
    let step = Step {
        id: StepId::new("agent"),
        kind: StepKind::Agent { prompt: String::from("bench"), tools: Vec::new(), max_turns: u32::MAX },
        after: Vec::new(),
        inputs: BTreeMap::new(),
        limits: Limits::default(),
        timeout: Millis(60_000),
        retry: Retry { attempts: 1, backoff: Millis(0) },
        on_failure: OnFailure::Fail,
    };
    Plan { steps: vec![step], summary: None }
}
