//! Scenarios as text, so that a test shows what happens and what comes of it and nothing else.
//!
//! Invariant: an event line is logged with `>`, followed by the actions it led to; `Finished` follows a conclusion by itself.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::run::state::UnitState;
use crate::{
    Action, Amount, Body, Call, Class, Digest, Event, Failure, FailureKind, Finish, Input, Limits, Millis, Mode, ModelFacts, OnFailure,
    Opening, Outcome, Output, Phase, Plan, Purpose, Question, QuestionId, Retry, Run, RunId, Signal, Step, StepId, StepKind, ToolAccess,
    ToolFacts, UnitId, Usage, What, Work,
};

/// The timeout of a step that names none; not shown in the log.
const TIMEOUT: u64 = 60_000;

/// Plays a scenario and returns its log.
pub(super) fn play(scenario: &str) -> String {
    let lines: Vec<&str> = scenario.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut player = Player::default();
    let mut steps = Vec::new();
    let mut began = false;
    for line in lines {
        match line.split_once(' ') {
            Some(("run", options)) => player.put(What::Opened(Box::new(opening(options)))),
            Some(("step", rest)) => steps.push(step(rest)),
            _ => {
                if !core::mem::replace(&mut began, true) {
                    player.put(What::Planned(plan(core::mem::take(&mut steps))));
                }
                player.line(line);
            }
        }
    }
    player.check_replay();
    player.log
}

pub(super) fn plan(steps: Vec<Step>) -> Plan {
    Plan { steps, summary: None }
}

#[derive(Default)]
struct Player {
    run: Run,
    now: u64,
    attempts: BTreeMap<UnitId, u32>,
    blocks: VecDeque<Amount>,
    events: Vec<(Event, Vec<Action>)>,
    log: String,
}

impl Player {
    fn put(&mut self, what: What) {
        let before = self.run.phase();
        let event = Event { at: Millis(self.now), what };
        let actions = self.run.apply(&event);
        self.events.push((event, actions.clone()));
        for action in &actions {
            self.note(action);
        }
        let after = self.run.phase();
        if after != before && matches!(after, Phase::Waiting | Phase::Suspended) {
            let _ = writeln!(self.log, "  = {}", format!("{after:?}").to_lowercase());
        }
        for action in actions {
            if let Action::Conclude { outcome, summary } = action {
                self.put(What::Finished { outcome, summary: body(&summary) });
            }
        }
    }

    fn note(&mut self, action: &Action) {
        let _ = writeln!(self.log, "  {}", describe(action).trim_end());
        match action {
            Action::Perform { unit, attempt, .. } => {
                self.attempts.insert(*unit, *attempt);
            }
            Action::Reserve(amount) => self.blocks.push_back(*amount),
            _ => {}
        }
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.log, "> {line}");
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Ok(unit) = verb.parse() {
            return self.unit_line(UnitId(unit), rest);
        }
        match verb {
            "begin" => {}
            "wait" => self.now += number(rest),
            "woke" => self.put(What::Woke),
            "cancel" => self.put(What::Signalled(Signal::Cancel)),
            "suspend" => self.put(What::Signalled(Signal::Suspend)),
            "resume" => self.put(What::Resumed { crashed: rest.contains("crashed"), interactive: !rest.contains("alone") }),
            "fork" => self.put(What::Forked { run: RunId([2; 16]), parent: RunId([1; 16]), index: 0 }),
            "reserved" => {
                let block = self.blocks.pop_front().unwrap();
                self.put(What::Reserved(block));
            }
            "question" => {
                let (step, unit) = rest.split_once(' ').map_or((None, None), |(kind, id)| match kind {
                    "step" => (Some(StepId::new(id)), None),
                    _ => (None, Some(UnitId(id.parse().unwrap()))),
                });
                self.ask(step, unit, None);
            }
            "answer" => {
                let (question, choice) = rest.split_once(' ').unwrap();
                self.put(What::Answered { question: QuestionId(question.parse().unwrap()), choice: body(choice), by: "ann".to_string() });
            }
            "replan" => self.put(What::Planned(plan(rest.split(';').map(|text| step(text.trim())).collect()))),
            "steps" => self.show_steps(),
            "ledger" => {
                let _ =
                    writeln!(self.log, "  spent {}, promised {}", amount(self.run.ledger().spent()), amount(self.run.ledger().promised()));
            }
            _ => panic!("unknown line `{line}`"),
        }
    }

    fn ask(&mut self, step: Option<StepId>, unit: Option<UnitId>, effect: Option<Digest>) {
        let id = self.run.next_question();
        let (text, detail) = (String::from("sure?"), String::new());
        self.put(What::Asked(Question { id, step, unit, effect, text, detail, choices: Vec::new() }));
    }

    fn unit_line(&mut self, unit: UnitId, rest: &str) {
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb {
            "go" => self.intend(unit),
            "asked" => self.ask(None, Some(unit), Some(digest("effect"))),
            "deny" => {
                self.put(What::Denied { unit, label: String::new(), reason: rest.to_string(), hint: String::new() });
            }
            _ => {
                let work = self.run.unit(unit).unwrap_or_else(|| panic!("unit {unit} has ended")).clone();
                if self.run.units[&unit].state == UnitState::HandedOut {
                    self.intend(unit);
                }
                self.put(What::Done { unit, outcome: outcome(&work, verb, rest) });
            }
        }
    }

    fn intend(&mut self, unit: UnitId) {
        let attempt = self.attempts[&unit];
        let (label, reason) = (String::new(), String::new());
        self.put(What::Intended { unit, attempt, effect: digest("effect"), class: Class::Pure, label, reason });
    }

    fn show_steps(&mut self) {
        let steps: Vec<StepId> = self.run.plan().map(|plan| plan.steps.iter().map(|step| step.id.clone()).collect()).unwrap_or_default();
        for id in steps {
            let line = format!("  {id}: {:?} {}", self.run.step(&id), self.run.note(&id));
            let _ = writeln!(self.log, "{}", line.trim_end());
        }
    }

    fn check_replay(&self) {
        let mut replayed = Run::default();
        for (event, actions) in &self.events {
            assert_eq!(replayed.apply(event), *actions, "replay differs at {event:?}");
        }
        assert_eq!(replayed, self.run);
    }
}

/// What a unit of that work came to, said in one word and what follows it.
fn outcome(work: &Work, verb: &str, rest: &str) -> Outcome {
    let words: Vec<&str> = rest.split(' ').filter(|word| !word.is_empty() && !word.contains('=')).collect();
    let text = words.join(" ");
    let output = || Output { text: body(&text), data: None };
    match (verb, work) {
        ("ok", Work::Open { .. }) => Outcome::Workspace { base: digest("base"), level: "test".to_string() },
        ("ok", Work::Think { .. }) => message(&text, Vec::new(), Finish::Stop, rest),
        ("cut", Work::Think { .. }) => message(&text, Vec::new(), Finish::Length, rest),
        ("calls", Work::Think { .. }) => message("", words.iter().map(|word| call(word)).collect(), Finish::Calls, rest),
        ("ok" | "no", Work::Call { .. }) => Outcome::Tool { ok: verb == "ok", output: output(), tree: None },
        ("wrote", Work::Call { .. }) => Outcome::Tool { ok: true, output: output(), tree: Some(digest(&text)) },
        ("ok" | "no", Work::Check { .. }) => Outcome::Checked { passed: verb == "ok", output: output() },
        ("ok", Work::Diff { .. }) => Outcome::Diffed { diff: body("diff"), paths: words.iter().map(ToString::to_string).collect() },
        ("ok", Work::Import { .. }) => Outcome::Imported { files: 1 },
        ("cancelled", _) => Outcome::Cancelled { partial: None },
        ("fail", _) => Outcome::Failed(failure(words[0], option(rest, "after").map(number))),
        _ => panic!("`{verb}` does not fit {work:?}"),
    }
}

fn message(text: &str, calls: Vec<Call>, finish: Finish, options: &str) -> Outcome {
    let count = |name| option(options, name).map_or(0, number);
    let usage = Usage { input: count("in"), output: count("out"), ..Usage::default() };
    Outcome::Message { message: body(text), text: body(text), calls, usage, finish }
}

fn call(word: &str) -> Call {
    let (tool, args) = word.split_once(':').unwrap_or((word, ""));
    Call { id: word.to_string(), tool: tool.to_string(), args: body(args) }
}

fn failure(kind: &str, retry_after: Option<u64>) -> Failure {
    let kind = match kind {
        "transient" => FailureKind::Transient,
        "permanent" => FailureKind::Permanent,
        "late" => FailureKind::TimedOut,
        "long" => FailureKind::TooLong,
        _ => panic!("unknown failure `{kind}`"),
    };
    Failure { kind, message: "do it".to_string(), hint: String::new(), retry_after: retry_after.map(Millis) }
}

/// The opening a `run` line describes.
pub(super) fn opening(options: &str) -> Opening {
    let count = |name| option(options, name).map(number);
    let flag = |name: &str| options.split(' ').any(|word| word == name);
    let price = count("price").unwrap_or(0);
    Opening {
        run: RunId([1; 16]),
        session: RunId([1; 16]),
        previous: None,
        kernel: crate::VERSION,
        goal: "mend it".to_string(),
        recipe: None,
        workspace: "/w".to_string(),
        mode: if flag("copilot") { Mode::Copilot } else { Mode::Auto },
        unsandboxed: false,
        apply: flag("apply"),
        interactive: !flag("alone"),
        limits: Limits { tokens: count("tokens"), micros: count("micros"), wall: count("wall") },
        parallel: u32::try_from(count("parallel").unwrap_or(4)).unwrap(),
        checks: option(options, "checks").map_or_else(Vec::new, |checks| checks.split(',').map(ToString::to_string).collect()),
        model: (!flag("no-model")).then(|| ModelFacts {
            name: "m".to_string(),
            host: "h".to_string(),
            context: count("context").unwrap_or(100_000),
            max_output: count("reply").unwrap_or(1000),
            price_input: price,
            price_output: price,
        }),
        tools: tools(),
        preamble_tokens: 0,
        inherited: None,
    }
}

fn tools() -> Vec<ToolFacts> {
    let tool = |name: &str, class, access| ToolFacts { name: name.to_string(), class, access, for_agents: name != "test" };
    vec![
        tool("look", Class::Pure, ToolAccess::None),
        tool("read", Class::Pure, ToolAccess::Read),
        tool("edit", Class::Idempotent, ToolAccess::Write),
        tool("probe", Class::Probeable, ToolAccess::None),
        tool("send", Class::Unsafe, ToolAccess::None),
        tool("test", Class::Idempotent, ToolAccess::Write),
    ]
}

/// The step a line describes: its id, its kind or tool, options.
pub(super) fn step(line: &str) -> Step {
    let mut words = line.split(' ');
    let (id, kind) = (words.next().unwrap(), words.next().unwrap());
    let list = |name| option(line, name).map_or_else(Vec::new, |list| list.split(',').map(StepId::new).collect());
    let count = |name| option(line, name).map(number);
    let inputs = list("in").into_iter().map(|from| (from.0.clone(), Input { from, text: true })).collect();
    Step {
        id: StepId::new(id),
        kind: step_kind(kind, line),
        after: list("after"),
        inputs,
        limits: Limits { tokens: count("tokens"), micros: count("micros"), wall: count("wall") },
        timeout: Millis(count("timeout").unwrap_or(TIMEOUT)),
        retry: Retry { attempts: u32::try_from(count("attempts").unwrap_or(1)).unwrap(), backoff: Millis(1000) },
        on_failure: if line.ends_with(" skip") { OnFailure::Skip } else { OnFailure::Fail },
    }
}

fn step_kind(kind: &str, line: &str) -> StepKind {
    let words = |name| option(line, name).map_or_else(Vec::new, |list| list.split(',').map(ToString::to_string).collect());
    match kind {
        "model" => StepKind::Model { prompt: "say it".to_string() },
        "agent" => StepKind::Agent {
            prompt: "do it".to_string(),
            tools: words("tools"),
            max_turns: u32::try_from(option(line, "turns").map_or(10, number)).unwrap(),
        },
        "ask" => StepKind::Ask { question: "which?".to_string(), choices: words("choices") },
        "test" => StepKind::Test { args: body("{}") },
        "explain" => StepKind::Explain { args: body("{}") },
        tool => StepKind::Tool { tool: tool.to_string(), args: body("{}") },
    }
}

fn option<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

fn describe(action: &Action) -> String {
    match action {
        Action::Perform { unit, attempt, work, consent } => {
            let again = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            let allowed = if consent.is_some() { " with consent" } else { "" };
            format!("{unit}: {}{again}{allowed}", describe_work(work))
        }
        Action::Cancel { unit } => format!("cancel {unit}"),
        Action::Ask(ask) => match &ask.step {
            Some(step) => format!("ask for step {step}: {}", ask.text),
            None => format!("ask: {}", ask.text),
        },
        Action::Reserve(block) => format!("reserve {}", amount(*block)),
        Action::Wake { at } => format!("wake at {}", at.0),
        Action::Conclude { outcome, summary } => format!("conclude {outcome:?}: {}", summary.replace('\n', "|")),
    }
}

fn describe_work(work: &Work) -> String {
    let within = |timeout: &Millis, usual| if timeout.0 == usual { String::new() } else { format!(" within {} ms", timeout.0) };
    match work {
        Work::Open { restore: None } => "open".to_string(),
        Work::Open { restore: Some(_) } => "open at the checkpoint".to_string(),
        Work::Think { step, purpose, max_output, timeout } => {
            let purpose = match purpose {
                Purpose::Turn => "turn",
                Purpose::Answer => "answer",
                Purpose::Compact => "compact",
            };
            format!("{step} {purpose} of {max_output}{}", within(timeout, TIMEOUT))
        }
        Work::Call { step, call, offered, timeout, .. } => {
            let offered = if *offered { "" } else { " (not offered)" };
            format!("{step} calls {}{offered}{}", call.tool, within(timeout, TIMEOUT))
        }
        Work::Check { step, command, timeout } => {
            let whose = step.as_ref().map_or("", |step| step.0.as_str());
            format!("{whose} checks {command}{}", within(timeout, 600_000)).trim_start().to_string()
        }
        Work::Diff { .. } => "diff".to_string(),
        Work::Import { .. } => "import".to_string(),
    }
}

fn amount(amount: Amount) -> String {
    format!("{} tokens {} micros", amount.tokens, amount.micros)
}

/// A body of that text.
pub(super) fn body(text: &str) -> Body {
    Body { digest: digest(text), bytes: text.as_bytes().to_vec() }
}

/// A digest good enough to tell texts apart (FNV-1a).
pub(super) fn digest(text: &str) -> Digest {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&hash.to_le_bytes());
    Digest(digest)
}
