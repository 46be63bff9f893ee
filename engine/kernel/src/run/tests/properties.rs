//! What holds for any plan in any world; and that a kernel for which it did not hold would be noticed.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::hash::Hash;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::script::{self, body};
use super::world::{Choices, Violation, World};
use crate::{
    Canonical, Class, Event, Input, Limits, Millis, OnFailure, Opening, Plan, Retry, Run, Sink, Step, StepId, StepKind, ToolAccess,
};

/// Everything a life is decided by.
#[derive(Clone, Debug)]
struct Life {
    opening: Opening,
    plan: Plan,
    patch: Option<Plan>,
    choices: Choices,
}

impl Life {
    fn world(&self) -> Result<World, Violation> {
        let told = (self.opening.clone(), self.plan.clone());
        World::new(told.clone(), told, self.patch.clone(), self.choices.clone())
    }
}

/// Lives a life to its end, and returns what was recorded.
fn live(world: Result<World, Violation>) -> Result<World, Violation> {
    let mut world = world?;
    world.live()?;
    world.help()?;
    Ok(world)
}

proptest! {
    #![proptest_config(Config { cases: 384, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_run_in_any_world_keeps_its_promises_and_ends(life in life(120)) {
        let world = live(life.world()).map_err(TestCaseError::fail)?;
        let mut replayed = Run::default();
        for (event, actions) in &world.events {
            prop_assert_eq!(&replayed.apply(event), actions);
        }
        prop_assert_eq!(bytes(&replayed), bytes(&world.run));
    }
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_prefix_of_the_events_gives_the_state_of_that_moment(life in life(60)) {
        let world = live(life.world()).map_err(TestCaseError::fail)?;
        let mut living = Run::default();
        for (at, (event, _)) in world.events.iter().enumerate() {
            living.apply(event);
            let prefix = world.events[..=at].iter().map(|(event, _)| event);
            prop_assert_eq!(bytes(&replay(prefix)), bytes(&living), "after event {}", at);
        }
    }
}

fn replay<'a>(events: impl Iterator<Item = &'a Event>) -> Run {
    let mut run = Run::default();
    for event in events {
        run.apply(event);
    }
    run
}

/// The canonical bytes of a state.
fn bytes(run: &Run) -> Vec<u8> {
    struct Bytes(Vec<u8>);
    impl Sink for Bytes {
        fn take(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }
    let mut canonical = Canonical(Bytes(Vec::new()));
    run.hash(&mut canonical);
    canonical.0.0
}

/// Lives many lives with a kernel that is told a lie, and returns the first violation noticed.
fn first_violation(lie: impl Fn(&mut Opening, &mut Plan)) -> String {
    let mut runner = TestRunner::deterministic();
    for _ in 0..2000 {
        let life = life(120).new_tree(&mut runner).unwrap().current();
        let mut told = (life.opening.clone(), life.plan.clone());
        lie(&mut told.0, &mut told.1);
        if let Err(violation) = live(World::new(told, (life.opening, life.plan), None, life.choices)) {
            return violation;
        }
    }
    "nothing was noticed".to_string()
}

#[track_caller]
fn check_noticed(lie: impl Fn(&mut Opening, &mut Plan), violation: &str) {
    let noticed = first_violation(lie);
    assert!(noticed.contains(violation), "noticed: {noticed}");
}

#[test]
fn the_truth_is_no_violation() {
    assert_eq!(first_violation(|_, _| {}), "nothing was noticed");
}

#[test]
fn a_kernel_that_forgets_dependencies_is_noticed() {
    check_noticed(|_, plan| plan.steps.iter_mut().for_each(|step| step.after.clear()), "began while");
}

#[test]
fn a_kernel_that_takes_writers_for_readers_is_noticed() {
    let lie = |opening: &mut Opening, _: &mut Plan| {
        opening.tools.iter_mut().filter(|tool| tool.access == ToolAccess::Write).for_each(|tool| tool.access = ToolAccess::Read);
    };
    check_noticed(lie, "had not the access");
}

#[test]
fn a_kernel_that_does_not_open_the_workspace_is_noticed() {
    check_noticed(|opening, _| opening.tools.iter_mut().for_each(|tool| tool.access = ToolAccess::None), "had not the access");
}

#[test]
fn a_kernel_that_hands_out_too_much_is_noticed() {
    check_noticed(|opening, _| opening.parallel += 1, "units are out at once");
}

#[test]
fn a_kernel_that_promises_too_much_is_noticed() {
    let lie = |opening: &mut Opening, _: &mut Plan| opening.limits.tokens = opening.limits.tokens.map(|tokens| tokens * 2);
    check_noticed(lie, "promised more than there is");
}

#[test]
fn a_kernel_that_makes_no_budget_durable_is_noticed() {
    // The oracle's limit is never reached, so that only the missing block can be noticed.
    let mut runner = TestRunner::deterministic();
    let noticed = (0..500).any(|_| {
        let mut life = life(120).new_tree(&mut runner).unwrap().current();
        life.opening.limits.tokens = None;
        let told = (life.opening.clone(), life.plan.clone());
        life.opening.limits.tokens = Some(u64::MAX);
        let lived = live(World::new(told, (life.opening, life.plan), None, life.choices));
        lived.is_err_and(|violation| violation.contains("is not durable"))
    });
    assert!(noticed);
}

#[test]
fn a_kernel_that_repeats_what_is_unsafe_is_noticed() {
    check_noticed(|opening, _| opening.tools.iter_mut().for_each(|tool| tool.class = Class::Pure), "repeated unasked");
}

#[test]
fn a_replay_that_misses_an_event_is_noticed() {
    let mut runner = TestRunner::deterministic();
    let life = life(120).new_tree(&mut runner).unwrap().current();
    let world = live(life.world()).unwrap();
    let missed = replay(world.events.iter().skip(1).map(|(event, _)| event));
    assert_ne!(bytes(&missed), bytes(&world.run));
}

fn life(choices: usize) -> impl Strategy<Value = Life> {
    (opening(), plan(), proptest::option::of(plan()), proptest::collection::vec(any::<u16>(), 0..choices * 4)).prop_map(
        |(opening, plan, patch, choices)| {
            // A replacement most often keeps the steps there are.
            let patch = patch.map(|patch| if patch.steps.len() % 2 == 0 { patch } else { extended(&plan, &patch) });
            Life { opening, plan, patch, choices }
        },
    )
}

/// The plan with other steps instead of its last one.
fn extended(plan: &Plan, by: &Plan) -> Plan {
    let mut steps = plan.steps.clone();
    steps.pop();
    let start = steps.len();
    steps.extend(by.steps.iter().skip(start).cloned());
    Plan { steps, summary: None }
}

fn opening() -> impl Strategy<Value = Opening> {
    let limits = (
        proptest::option::of(300_u64..60_000),
        proptest::option::weighted(0.1, 1_u64..400_000),
        proptest::option::weighted(0.2, 10_u64..20_000),
    );
    (limits, 1_u32..5, 0_usize..3, any::<(bool, bool, bool)>(), 500_u64..5000).prop_map(
        |((tokens, micros, wall), parallel, checks, (apply, interactive, free), context)| {
            let mut opening = script::opening("");
            opening.limits = Limits { tokens, micros, wall };
            opening.parallel = parallel;
            opening.checks = ["build", "test"][..checks].iter().map(ToString::to_string).collect();
            opening.apply = apply;
            opening.interactive = interactive;
            if let Some(model) = &mut opening.model {
                model.context = context;
                model.price_input = if free { 0 } else { 2_000_000 };
                model.price_output = model.price_input;
            }
            opening
        },
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    proptest::collection::vec((0_usize..9, any::<u8>(), any::<u8>(), proptest::bool::weighted(0.3), 1_u32..4), 1..9)
        .prop_map(|steps| Plan { steps: steps.into_iter().enumerate().map(|(at, shape)| step(at, shape)).collect(), summary: None })
}

/// A step that needs some of those before it, one bit each.
fn step(at: usize, (kind, after, inputs, needed, attempts): (usize, u8, u8, bool, u32)) -> Step {
    let earlier = |bits: u8| (0..at).filter(move |&before| bits & (1 << before) != 0).map(|before| StepId(format!("s{before}")));
    Step {
        id: StepId(format!("s{at}")),
        kind: kind_of(kind, attempts),
        after: earlier(after & inputs).collect(),
        inputs: earlier(inputs & !after).map(|from| (from.0.clone(), Input { from, text: true })).collect(),
        limits: Limits { tokens: (after % 8 == 0).then_some(300), ..Limits::default() },
        timeout: Millis(1000),
        retry: Retry { attempts, backoff: Millis(10) },
        on_failure: if needed { OnFailure::Fail } else { OnFailure::Skip },
    }
}

fn kind_of(kind: usize, max_turns: u32) -> StepKind {
    let tools = ["look", "read", "edit", "probe", "send"];
    match kind {
        5 => StepKind::Test { args: body("{}") },
        6 => StepKind::Model { prompt: "say it".to_string() },
        7 => StepKind::Agent { prompt: "do it".to_string(), tools: Vec::new(), max_turns: max_turns * 2 },
        8 => StepKind::Ask { question: "which?".to_string(), choices: Vec::new() },
        tool => StepKind::Tool { tool: tools[tool].to_string(), args: body("{}") },
    }
}
