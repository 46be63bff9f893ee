//! `orchestrate`: a goal, a recipe or a plan becomes a run; a suspended run goes on.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use naestro_api::{Budget, Caller, Error, ErrorCode, Handle, Mode, Orchestrate, Plan, Signal, StepKind, Update, UpdateBody};
use naestro_kernel::{Event, ModelFacts, Opening, Plan as KernelPlan, RunId, What};
use naestro_policy::port::{Journal, JournalError, Letter, RunEntry};
use tokio::sync::{mpsc, watch};

use crate::context::Preamble;
use crate::dispatcher::{Dispatcher, event_of, now};
use crate::engine::{LiveRun, Shared, Starter, Workshop, blocking, lock};
use crate::executor::Ports;
use crate::fold::Fold;
use crate::letter::Posted;
use crate::session::{self, Session};
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
    refuse_recursion(&workspace, &shared.parts.settings.inside)?;
    let wanted = understand(&command, shared)?;
    let workshop = shared.workshop()?;
    let session = session(shared, command.session.as_deref(), &workspace).await?;
    let preamble = preamble(shared, &workshop, &workspace, session.as_ref());
    let opening = opening(shared, &command, caller, &workspace, &wanted, &workshop, session.as_ref(), &preamble);
    let faults = wanted.plan.validate(&opening);
    if !faults.is_empty() {
        return Err(failure::of_plan(&faults));
    }
    let journal = shared.journal()?;
    let at = now();
    let entry = entry(&opening, at.0);
    // A run is never there without its plan.
    let first = vec![Event { at, what: What::Opened(Box::new(opening)) }, Event { at, what: What::Planned(wanted.plan) }];
    journal.create(entry, first.clone()).await.map_err(|error| failure::of_journal(&error))?;
    let mut fold = Fold::default();
    let mut news = Vec::new();
    let mut actions = Vec::new();
    for (event, seq) in first.iter().zip(0..) {
        fold.take(event);
        actions.append(&mut fold.actions);
        news.extend(update::of_event(&fold, event, &[]).into_iter().map(|body| (seq, body)));
    }
    fold.actions = actions;
    let taken = Taken { fold, preamble, letters: 0, resumed: false, news };
    Ok(launch(shared, &workshop, journal, taken, Vec::new(), Starter::of(caller)))
}

/// Ends a run that is suspended and live nowhere.
///
/// # Errors
/// What is wrong with the journal.
pub(crate) async fn cancel_suspended(shared: &Arc<Shared>, run: RunId, caller: &Caller) -> Result<(), Error> {
    let workshop = shared.workshop()?;
    let journal = shared.journal()?;
    let (taken, crashed) = take_over(shared, &workshop, &journal, run).await?;
    let first = vec![What::Signalled(naestro_kernel::Signal::Cancel), What::Resumed { crashed, interactive: false }];
    let Handle::Run { mut updates, .. } = launch(shared, &workshop, journal, taken, first, Starter::of(caller)) else {
        return Ok(());
    };
    while futures_util::StreamExt::next(&mut updates).await.is_some() {}
    Ok(())
}

async fn resume(shared: &Arc<Shared>, run: &str, caller: &Caller) -> Result<Handle, Error> {
    let run = shared.resolve(run).await?;
    let workshop = shared.workshop()?;
    let journal = shared.journal()?;
    let entry = journal.entry(run).map_err(|error| failure::of_journal(&error))?;
    refuse_recursion(Path::new(&entry.workspace), &shared.parts.settings.inside)?;
    let (mut taken, crashed) = take_over(shared, &workshop, &journal, run).await?;
    let mut first = Vec::new();
    for letter in letters(&journal, run).await? {
        taken.letters = letter.id;
        // A letter may have been taken in before the end of the former process: what it asked for then makes no sense now.
        let posted = Posted::read(&letter).filter(|posted| !matches!(posted.signal, Signal::Suspend { .. }));
        first.extend(posted.and_then(|posted| event_of(&taken.fold, &posted).ok()));
    }
    first.push(What::Resumed { crashed, interactive: caller.answers });
    Ok(launch(shared, &workshop, journal, taken, first, Starter::of(caller)))
}

/// A run taken up: its fold and what it goes on from.
struct Taken {
    fold: Fold,
    preamble: Preamble,
    letters: u64,
    /// Whether it was live before.
    resumed: bool,
    /// What the caller has not heard of what is in the fold, with the index of its event.
    news: Vec<(u64, UpdateBody)>,
}

/// Takes ownership of a run whose owner is gone, and folds it; says whether that owner died.
///
/// Everything that can be refused is refused before the run is owned.
async fn take_over(shared: &Arc<Shared>, workshop: &Workshop, journal: &Arc<dyn Journal>, run: RunId) -> Result<(Taken, bool), Error> {
    let (entry, before) = shared.load(&run.to_string()).await?;
    if entry.outcome.is_some() {
        return Err(Error::new(ErrorCode::RunBusy, format!("resume run {run}: it has finished"))
            .hint(format!("`naestro trace show {run}` tells how; `naestro trace fork` goes on from one of its events")));
    }
    if lock(&shared.live).contains_key(&run) {
        return Err(Error::new(ErrorCode::RunBusy, format!("resume run {run}: it is live in this process")));
    }
    let opening = before.run.opening().ok_or_else(|| failure::unknown_run(&run.to_string()))?;
    if opening.kernel != naestro_kernel::VERSION {
        let (theirs, ours) = (opening.kernel, naestro_kernel::VERSION);
        return Err(Error::new(ErrorCode::RunBusy, format!("resume run {run}: version {theirs} of the kernel decided it, this is {ours}"))
            .hint("`naestro trace show` still shows it; start the goal anew"));
    }
    let session = match opening.previous {
        Some(previous) => session_ending_with(journal, previous).await?,
        None => None,
    };
    let preamble = preamble(shared, workshop, Path::new(&opening.workspace), session.as_ref());
    let crashed = own(journal, run).await?;
    let reader = Arc::clone(journal);
    let fold = blocking(move || Fold::load(reader.as_ref(), run, u64::MAX).map_err(|error| failure::of_journal(&error))).await?;
    Ok((Taken { fold, preamble, letters: 0, resumed: true, news: Vec::new() }, crashed))
}

/// Takes ownership. A run this very process owns and does not work on was given up on a failing disk: it is taken up again.
async fn own(journal: &Arc<dyn Journal>, run: RunId) -> Result<bool, Error> {
    match journal.own(run).await {
        Ok(crashed) => Ok(crashed),
        Err(JournalError::Owned { pid }) if pid == std::process::id() => Ok(true),
        Err(error) => Err(failure::of_journal(&error)),
    }
}

async fn session_ending_with(journal: &Arc<dyn Journal>, run: RunId) -> Result<Option<Session>, Error> {
    let journal = Arc::clone(journal);
    blocking(move || Session::ending_with(journal.as_ref(), run).map_err(|error| failure::of_journal(&error))).await
}

async fn letters(journal: &Arc<dyn Journal>, run: RunId) -> Result<Vec<Letter>, Error> {
    journal.inbox(run, 0).await.map_err(|error| failure::of_journal(&error))
}

/// Hands the run to a dispatcher of its own.
fn launch(
    shared: &Arc<Shared>,
    workshop: &Workshop,
    journal: Arc<dyn Journal>,
    taken: Taken,
    first: Vec<What>,
    starter: Starter,
) -> Handle {
    let (updates, heard) = mpsc::unbounded_channel();
    let (inputs, inputs_in) = mpsc::unbounded_channel();
    let (ending, ended) = watch::channel(());
    let Taken { fold, preamble, letters, resumed, news } = taken;
    let run = fold.run.opening().map_or(RunId([0; 16]), |opening| opening.run);
    // The receiver is held right here.
    if let Some(opening) = fold.run.opening() {
        let _ = updates.send(Update { run: run.to_string(), seq: None, body: update::started(opening, resumed) });
    }
    for (seq, body) in news {
        let _ = updates.send(Update { run: run.to_string(), seq: Some(seq), body });
    }
    if let Some(opening) = fold.run.opening() {
        shared.listeners.enter(run, opening.workspace.clone(), updates.clone());
    }
    let history = preamble.history.clone();
    let bereaved = updates.clone();
    let dispatcher = Dispatcher {
        run,
        fold,
        journal,
        policies: Arc::clone(&workshop.policies),
        ports: Ports {
            workspaces: Arc::clone(&workshop.workspaces),
            upstreams: shared.parts.upstreams.clone(),
            model: shared.parts.model.as_ref().map(|model| Arc::clone(&model.port)),
        },
        specs: Arc::clone(&workshop.specs),
        upstream: Arc::clone(&workshop.upstream),
        tests: shared.parts.settings.tests.clone(),
        preamble,
        diffs: shared.parts.settings.home.join("diffs"),
        updates,
        letters,
        inputs: inputs_in,
    };
    lock(&shared.live).insert(run, LiveRun { inputs, starter, ended });
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let driven = AssertUnwindSafe(dispatcher.drive(first)).catch_unwind().await;
        lock(&shared.live).remove(&run);
        shared.listeners.leave(run);
        match driven {
            Ok((fold, last_words)) => {
                shared.remember(&fold, &history);
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

/// The workspace as an absolute path of a folder that is there, or of the repository that folder is a part of.
pub(crate) fn workspace(path: &str) -> Result<PathBuf, Error> {
    let wrong = |why: &str| Error::new(ErrorCode::InvalidWorkspace, format!("use workspace `{}`: {why}", bounded(path)));
    if !Path::new(path).is_absolute() {
        return Err(wrong("it is not an absolute path").hint("give the absolute path of the project's folder"));
    }
    let found =
        std::fs::canonicalize(path).map_err(|error| wrong(&error.to_string()).hint("give the absolute path of a folder that exists"))?;
    if !found.is_dir() {
        return Err(wrong("it is not a folder").hint("give the folder, not a file in it"));
    }
    let found = repository(&found).unwrap_or(found);
    if is_system(&found) {
        return Err(wrong("it holds far more than a project").hint("name the project's folder with --workspace"));
    }
    Ok(found)
}

/// Folders of the system: what lies there is not one project's.
const SYSTEM: [&str; 16] = [
    "/", "/dev", "/bin", "/boot", "/etc", "/home", "/lib", "/lib64", "/opt", "/root", "/run", "/sbin", "/usr", "/var", "/Users", "/Volumes",
];

/// Whether a folder is the system's and no repository: reading all of it is never what was meant.
fn is_system(folder: &Path) -> bool {
    let is_listed = SYSTEM.iter().any(|system| folder == Path::new(system));
    let is_made_up = ["/proc", "/sys"].iter().any(|system| folder.starts_with(system));
    (is_listed || is_made_up) && !folder.join(".git").exists()
}

/// The repository a folder belongs to: what is built and tested in a part of it reaches the whole, so the view covers that.
fn repository(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_path_buf)
}

/// A run inside a run's workspace about that same checkout would go on for ever.
fn refuse_recursion(workspace: &Path, inside: &[PathBuf]) -> Result<(), Error> {
    if !inside.iter().any(|checkout| checkout == workspace) {
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
    let step = plan::step("work", agent, std::collections::BTreeMap::new());
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
async fn session(shared: &Arc<Shared>, id: Option<&str>, workspace: &Path) -> Result<Option<Session>, Error> {
    let Some(text) = id else { return Ok(None) };
    let id = RunId::parse(text).ok_or_else(|| failure::unknown_run(text))?;
    let journal = shared.journal()?;
    let reader = Arc::clone(&journal);
    let last = blocking(move || session::last_run(reader.as_ref(), id).map_err(|error| failure::of_journal(&error))).await?;
    let last = last.ok_or_else(|| failure::unknown_run(text))?;
    let remembered = lock(&shared.sessions).get(&id).filter(|session| session.last == last).cloned();
    let session = match remembered {
        Some(session) => Some(session),
        None => session_ending_with(&journal, last).await?,
    };
    if let Some(session) = session.as_ref().filter(|session| Path::new(&session.workspace) != workspace) {
        return Err(Error::new(ErrorCode::InvalidWorkspace, format!("go on with session {text} in {}", workspace.display()))
            .hint(format!("it is about {}: use that folder, or begin a session of its own", session.workspace)));
    }
    Ok(session)
}

fn preamble(shared: &Shared, workshop: &Workshop, workspace: &Path, session: Option<&Session>) -> Preamble {
    let history = session.map(|session| session.history.as_ref().clone()).unwrap_or_default();
    Preamble::read(workspace, &shared.parts.settings.trusted, history, &workshop.specs)
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
        inherited: session.and_then(|session| session.tree),
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
