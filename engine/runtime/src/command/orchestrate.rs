//! `orchestrate`: a goal, a recipe or a plan becomes a run; a suspended run goes on.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use naestro_api::{Budget, Caller, Error, ErrorCode, Handle, Mode, Orchestrate, Plan, Signal, Step, StepKind, Update};
use naestro_kernel::{Event, ModelFacts, Opening, Plan as KernelPlan, RunId, What};
use naestro_policy::port::{Journal, Letter, RunEntry};
use tokio::sync::{mpsc, watch};

use crate::context::Preamble;
use crate::dispatcher::{Dispatcher, event_of, now};
use crate::engine::{LiveRun, Shared, Workshop, blocking, lock};
use crate::executor::Hands;
use crate::fold::Fold;
use crate::letter::Posted;
use crate::session::Session;
use crate::{failure, plan, recipe, update};

/// The most bytes of a goal.
const GOAL_LIMIT: usize = 256 * 1024;
/// How many units of a run may be in flight at once.
const PARALLEL: u32 = 4;

/// What is to be done, once the caller's words are understood.
struct Wanted {
    plan: KernelPlan,
    recipe: Option<String>,
    budget: Budget,
    checks: Vec<String>,
}

/// Starts or resumes a run; returns once it is in the journal.
///
/// # Errors
/// What is wrong with the command, before anything has happened.
pub(crate) async fn start(shared: &Arc<Shared>, command: Orchestrate, caller: &Caller) -> Result<Handle, Error> {
    if let Some(run) = &command.resume {
        return resume(shared, run, caller).await;
    }
    let workspace = workspace(&command.workspace)?;
    refuse_recursion(&workspace, shared.parts.settings.inside.as_deref())?;
    let wanted = understand(&command, shared)?;
    let workshop = shared.workshop()?;
    let session = session(shared, command.session.as_deref()).await?;
    let preamble = preamble(shared, &workspace, session.as_ref());
    let opening = opening(shared, &command, caller, &workspace, &wanted, &workshop, session.as_ref(), &preamble);
    let faults = wanted.plan.validate(&opening);
    if !faults.is_empty() {
        return Err(failure::of_plan(&faults));
    }
    let journal = shared.journal()?;
    let first = Event { at: now(), what: What::Opened(Box::new(opening.clone())) };
    journal.create(entry(&opening, first.at.0), vec![first.clone()]).await.map_err(|error| failure::of_journal(&error))?;
    let mut fold = Fold::default();
    fold.take(&first);
    let inherited = session.and_then(|session| session.tree);
    let taken = Taken { fold, preamble, inherited, letters: 0, resumed: false };
    Ok(launch(shared, &workshop, journal, taken, vec![What::Planned(wanted.plan)]))
}

/// Ends a run that is suspended and live nowhere.
///
/// # Errors
/// What is wrong with the journal.
pub(crate) async fn cancel_suspended(shared: &Arc<Shared>, run: RunId) -> Result<(), Error> {
    let workshop = shared.workshop()?;
    let journal = shared.journal()?;
    let (taken, _) = take_over(shared, &journal, run).await?;
    let Handle::Run { mut updates, .. } = launch(shared, &workshop, journal, taken, vec![What::Signalled(naestro_kernel::Signal::Cancel)])
    else {
        return Ok(());
    };
    while futures_util::StreamExt::next(&mut updates).await.is_some() {}
    Ok(())
}

async fn resume(shared: &Arc<Shared>, run: &str, caller: &Caller) -> Result<Handle, Error> {
    let run = shared.resolve(run).await?;
    let workshop = shared.workshop()?;
    let journal = shared.journal()?;
    let (mut taken, crashed) = take_over(shared, &journal, run).await?;
    let workspace = taken.fold.run.opening().map(|opening| PathBuf::from(&opening.workspace)).unwrap_or_default();
    refuse_recursion(&workspace, shared.parts.settings.inside.as_deref())?;
    let mut first = unplanned(&taken.fold, shared)?;
    for letter in letters(&journal, run).await? {
        taken.letters = letter.id;
        // A letter may have been taken in before the end of the former process: what it asked for then makes no sense now.
        let posted = Posted::read(&letter).filter(|posted| !matches!(posted.signal, Signal::Suspend { .. }));
        first.extend(posted.and_then(|posted| event_of(&taken.fold, &posted).ok()));
    }
    first.push(What::Resumed { crashed, interactive: caller.answers });
    Ok(launch(shared, &workshop, journal, taken, first))
}

/// The plan of a run whose process died between its opening and its plan, from what its opening says.
fn unplanned(fold: &Fold, shared: &Shared) -> Result<Vec<What>, Error> {
    let Some(opening) = fold.run.opening().filter(|_| fold.run.plan().is_none()) else { return Ok(Vec::new()) };
    let words = Orchestrate { goal: opening.goal.clone(), recipe: opening.recipe.clone(), ..Orchestrate::default() };
    Ok(vec![What::Planned(understand(&words, shared)?.plan)])
}

/// A run taken up: its fold and what it goes on from.
struct Taken {
    fold: Fold,
    preamble: Preamble,
    inherited: Option<(naestro_kernel::Digest, naestro_kernel::Digest)>,
    letters: u64,
    /// Whether it was live before.
    resumed: bool,
}

/// Takes ownership of a run whose owner is gone, and folds it; says whether that owner died.
async fn take_over(shared: &Arc<Shared>, journal: &Arc<dyn Journal>, run: RunId) -> Result<(Taken, bool), Error> {
    let entry = journal.entry(run).map_err(|error| failure::of_journal(&error))?;
    if entry.outcome.is_some() {
        return Err(Error::new(ErrorCode::RunBusy, format!("resume run {run}: it has finished"))
            .hint(format!("`naestro trace show {run}` tells how; `naestro trace fork` goes on from one of its events")));
    }
    if lock(&shared.live).contains_key(&run) {
        return Err(Error::new(ErrorCode::RunBusy, format!("resume run {run}: it is live in this process")));
    }
    let crashed = journal.own(run).await.map_err(|error| failure::of_journal(&error))?;
    let reader = Arc::clone(journal);
    let fold = blocking(move || Fold::load(reader.as_ref(), run, u64::MAX).map_err(|error| failure::of_journal(&error))).await?;
    let opening = fold.run.opening();
    let kernel = opening.map_or(0, |opening| opening.kernel);
    if kernel != naestro_kernel::VERSION {
        journal.release(run, fold.digest()).await.map_err(|error| failure::of_journal(&error))?;
        return Err(Error::new(
            ErrorCode::RunBusy,
            format!("resume run {run}: version {kernel} of the kernel decided it, this is {}", naestro_kernel::VERSION),
        )
        .hint("`naestro trace show` still shows it; start the goal anew"));
    }
    let session = match opening.and_then(|opening| opening.previous.map(|_| opening.session)) {
        Some(session) => self::session(shared, Some(&session.to_string())).await?,
        None => None,
    };
    let workspace = opening.map(|opening| PathBuf::from(&opening.workspace)).unwrap_or_default();
    let preamble = preamble(shared, &workspace, session.as_ref());
    let inherited = session.and_then(|session| session.tree);
    Ok((Taken { fold, preamble, inherited, letters: 0, resumed: true }, crashed))
}

async fn letters(journal: &Arc<dyn Journal>, run: RunId) -> Result<Vec<Letter>, Error> {
    journal.inbox(run, 0).await.map_err(|error| failure::of_journal(&error))
}

/// Hands the run to a dispatcher of its own.
fn launch(shared: &Arc<Shared>, workshop: &Workshop, journal: Arc<dyn Journal>, taken: Taken, first: Vec<What>) -> Handle {
    let (updates, heard) = mpsc::unbounded_channel();
    let (inputs, inputs_in) = mpsc::unbounded_channel();
    let (ending, ended) = watch::channel(());
    let Taken { fold, preamble, inherited, letters, resumed } = taken;
    let run = fold.run.opening().map_or(RunId([0; 16]), |opening| opening.run);
    // The receiver is held right here.
    if let Some(opening) = fold.run.opening() {
        let _ = updates.send(Update { run: run.to_string(), seq: None, body: update::started(opening, resumed) });
    }
    let history = preamble.history.clone();
    let bereaved = updates.clone();
    let dispatcher = Dispatcher {
        run,
        fold,
        journal,
        policies: Arc::clone(&workshop.policies),
        hands: Hands {
            workspaces: Arc::clone(&workshop.workspaces),
            model: shared.parts.model.as_ref().map(|model| Arc::clone(&model.port)),
        },
        specs: Arc::clone(&workshop.specs),
        preamble,
        inherited,
        diffs: shared.parts.settings.home.join("diffs"),
        updates,
        letters,
        inputs: inputs_in,
    };
    lock(&shared.live).insert(run, LiveRun { inputs, ended });
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let driven = AssertUnwindSafe(dispatcher.drive(first)).catch_unwind().await;
        lock(&shared.live).remove(&run);
        match driven {
            Ok((fold, last_words)) => {
                if let (Some(opening), Some(session)) = (fold.run.opening(), Session::after(&fold, &history)) {
                    lock(&shared.sessions).insert(opening.session, session);
                }
                last_words.say();
            }
            Err(_) => {
                let _ = bereaved.send(Update { run: run.to_string(), seq: None, body: update::broken(run) });
            }
        }
        drop(ending);
    });
    Handle::Run {
        run: run.to_string(),
        updates: Box::pin(futures_util::stream::unfold(heard, |mut heard| async { heard.recv().await.map(|update| (update, heard)) })),
    }
}

/// The workspace as an absolute path of a folder that is there.
fn workspace(path: &str) -> Result<PathBuf, Error> {
    let wrong = |why: &str| Error::new(ErrorCode::InvalidWorkspace, format!("use workspace `{}`: {why}", bounded(path)));
    if !Path::new(path).is_absolute() {
        return Err(wrong("it is not an absolute path").hint("give the absolute path of the project's folder"));
    }
    let found =
        std::fs::canonicalize(path).map_err(|error| wrong(&error.to_string()).hint("give the absolute path of a folder that exists"))?;
    if !found.is_dir() {
        return Err(wrong("it is not a folder").hint("give the folder, not a file in it"));
    }
    Ok(found)
}

/// A run inside a run's workspace about that same checkout would go on for ever.
fn refuse_recursion(workspace: &Path, inside: Option<&Path>) -> Result<(), Error> {
    if inside != Some(workspace) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::Recursion, "start a run about the checkout that this process was itself started for by a run")
        .hint("a test or command of the project calls naestro on the project: let it use another folder"))
}

/// The plan and its limits, from a goal, a recipe or a plan.
fn understand(command: &Orchestrate, shared: &Shared) -> Result<Wanted, Error> {
    let invalid = |message: &str| Error::new(ErrorCode::InvalidInput, message);
    if command.goal.len() > GOAL_LIMIT {
        return Err(invalid(&format!("read the goal: it has {} bytes, {GOAL_LIMIT} are allowed", command.goal.len()))
            .hint("put long text into a file of the project and name the file"));
    }
    if command.budget.usd.is_some_and(|usd| !usd.is_finite() || usd < 0.0) {
        return Err(invalid("read the budget: dollars are a number that is not negative"));
    }
    let goal = command.goal.trim();
    let accept = command.accept.clone();
    if let Some(name) = &command.recipe {
        if command.plan.is_some() {
            return Err(invalid("choose: give a recipe or a plan, not both"));
        }
        return from_recipe(name, goal, command.budget, accept, shared);
    }
    if let Some(given) = &command.plan {
        return Ok(Wanted { plan: plan::inward(given, goal), recipe: None, budget: command.budget, checks: accept });
    }
    if goal.is_empty() {
        return Err(invalid("begin: there is no goal, no recipe and no plan").hint("say what is to be done, or try `--recipe check`"));
    }
    if shared.parts.model.is_none() {
        return Err(no_model());
    }
    let agent = StepKind::Agent { prompt: String::from("{goal}"), tools: Vec::new(), max_turns: None };
    let step = Step {
        id: String::from("work"),
        kind: agent,
        after: Vec::new(),
        inputs: std::collections::BTreeMap::default(),
        budget: None,
        timeout_s: None,
        attempts: None,
        skip_on_failure: false,
    };
    let free = Plan { steps: vec![step], summary: None };
    Ok(Wanted { plan: plan::inward(&free, goal), recipe: None, budget: command.budget, checks: accept })
}

fn from_recipe(name: &str, goal: &str, budget: Budget, accept: Vec<String>, shared: &Shared) -> Result<Wanted, Error> {
    let recipe = recipe::find(name, shared.parts.settings.recipes.as_deref())?;
    if recipe.needs_goal && goal.is_empty() {
        return Err(
            Error::new(ErrorCode::InvalidInput, format!("begin recipe `{name}`: it needs a goal")).hint("say in words what it shall do")
        );
    }
    let thinks = recipe.steps.iter().any(|step| matches!(step.kind, StepKind::Agent { .. } | StepKind::Model { .. }));
    if thinks && shared.parts.model.is_none() {
        return Err(no_model());
    }
    let budget = Budget {
        tokens: budget.tokens.or(recipe.budget.tokens),
        usd: budget.usd.or(recipe.budget.usd),
        wall_s: budget.wall_s.or(recipe.budget.wall_s),
    };
    let checks = recipe.accept.iter().cloned().chain(accept).collect();
    Ok(Wanted { plan: plan::inward(&recipe.plan(), goal), recipe: Some(recipe.name), budget, checks })
}

fn no_model() -> Error {
    Error::new(ErrorCode::NoModel, "carry out a goal in words: no model is configured")
        .hint("for a local one: start llama-server, Ollama or vLLM, then set OPENAI_BASE_URL (for instance http://127.0.0.1:11434/v1) and NAESTRO_MODEL")
        .hint("for a cloud one: set OPENAI_API_KEY and NAESTRO_MODEL")
        .hint("without a model, `naestro orchestrate --recipe check` runs the tests your changes touch")
}

/// The session to go on with, from this process's memory or from the journal.
async fn session(shared: &Arc<Shared>, id: Option<&str>) -> Result<Option<Session>, Error> {
    let Some(text) = id else { return Ok(None) };
    let run = RunId::parse(text).ok_or_else(|| failure::unknown_run(text))?;
    if let Some(session) = lock(&shared.sessions).get(&run) {
        return Ok(Some(session.clone()));
    }
    let journal = shared.journal()?;
    let loaded = blocking(move || Session::load(journal.as_ref(), run).map_err(|error| failure::of_journal(&error))).await?;
    loaded.map(Some).ok_or_else(|| failure::unknown_run(text))
}

fn preamble(shared: &Shared, workspace: &Path, session: Option<&Session>) -> Preamble {
    let history = session.map(|session| session.history.as_ref().clone()).unwrap_or_default();
    Preamble::read(workspace, &shared.parts.settings.trusted, history)
}

#[expect(clippy::too_many_arguments, reason = "the opening is where everything known at the start comes together")]
fn opening(
    shared: &Shared,
    command: &Orchestrate,
    caller: &Caller,
    workspace: &Path,
    wanted: &Wanted,
    workshop: &Workshop,
    session: Option<&Session>,
    preamble: &Preamble,
) -> Opening {
    let run = RunId(uuid::Uuid::now_v7().into_bytes());
    let named = command.session.as_deref().and_then(RunId::parse);
    Opening {
        run,
        session: named.unwrap_or(run),
        previous: session.map(|session| session.last),
        kernel: naestro_kernel::VERSION,
        goal: command.goal.trim().to_owned(),
        recipe: wanted.recipe.clone(),
        workspace: workspace.to_string_lossy().into_owned(),
        mode: match command.mode {
            Mode::Guide => naestro_kernel::Mode::Guide,
            Mode::Copilot => naestro_kernel::Mode::Copilot,
            Mode::Auto => naestro_kernel::Mode::Auto,
        },
        unsandboxed: command.unsandboxed,
        apply: command.apply,
        interactive: caller.answers,
        limits: plan::limits(wanted.budget.tokens, wanted.budget.usd, wanted.budget.wall_s),
        parallel: PARALLEL,
        checks: wanted.checks.clone(),
        model: shared.parts.model.as_ref().map(|model| named_model(&model.facts, command.model.as_deref())),
        tools: workshop.facts.to_vec(),
        preamble_tokens: preamble.tokens(),
    }
}

/// The configured model, or another of the same endpoint where the caller names one.
fn named_model(facts: &ModelFacts, name: Option<&str>) -> ModelFacts {
    let mut facts = facts.clone();
    if let Some(name) = name.filter(|name| *name != facts.name) {
        // Prices are known for the configured model alone.
        facts = ModelFacts { name: name.to_owned(), price_input: 0, price_output: 0, ..facts };
    }
    facts
}

fn entry(opening: &Opening, at: u64) -> RunEntry {
    let title: String = update::title(opening).lines().next().unwrap_or("").chars().take(200).collect();
    RunEntry {
        run: opening.run,
        session: opening.session,
        workspace: opening.workspace.clone(),
        title,
        opened: at,
        events: 1,
        outcome: None,
        owned: true,
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(200).collect()
}
