//! Runs as resources: the run as it stands, its plan, its diff, its receipts, and pages of its journal.

use naestro_api::{Caller, Command, Engine, Error, ErrorCode, Face, Handle, Query, Reply, RunEntry, Trace, TraceReply};
use rmcp::model::{
    CacheScope, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
};
use serde_json::{Value, json};

use crate::{failure, follow, outcome};

/// What every URI begins with.
const ROOT: &str = "naestro://runs/";
/// How many runs are listed: the newest.
const LISTED: usize = 20;
/// How many events a page of the journal has.
const PAGE: usize = 200;
/// How long a client may keep what can no longer change, and what may.
const SETTLED_MS: u64 = 3_600_000;
const LIVE_MS: u64 = 0;

/// A resource of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The run as it stands.
    State,
    /// The plan it carries out.
    Plan,
    /// Its diff.
    Diff,
    /// What was done.
    Receipts,
    /// Its events from an index on.
    Journal(u64),
}

/// The URI of a run's diff.
pub(crate) fn diff_uri(run: &str) -> String {
    format!("{ROOT}{run}/diff")
}

/// The run and the place a URI names.
pub(crate) fn parse(uri: &str) -> Option<(&str, Place)> {
    let (run, place) = uri.strip_prefix(ROOT)?.split_once('/').unwrap_or((uri.strip_prefix(ROOT)?, ""));
    let is_id = !run.is_empty() && run.len() <= 64 && run.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let place = match place {
        "" => Place::State,
        "plan" => Place::Plan,
        "diff" => Place::Diff,
        "receipts" => Place::Receipts,
        "journal" => Place::Journal(0),
        page => Place::Journal(page.strip_prefix("journal/")?.parse().ok()?),
    };
    is_id.then_some((run, place))
}

/// The newest runs.
///
/// # Errors
/// What is wrong with the journal.
pub(crate) async fn list(engine: &dyn Engine) -> Result<ListResourcesResult, Error> {
    let resource = |run: RunEntry| {
        let about = format!("a run in {}", run.workspace);
        Resource::new(format!("{ROOT}{}", run.run), run.run)
            .with_title(run.title)
            .with_description(about)
            .with_mime_type("application/json")
    };
    let resources = runs(engine, LISTED).await?.into_iter().map(resource).collect();
    Ok(ListResourcesResult::with_all_items(resources).with_ttl_ms(LIVE_MS).with_cache_scope(CacheScope::Private))
}

/// The forms of the URIs.
pub(crate) fn templates() -> ListResourceTemplatesResult {
    let template = |path: &str, name: &str, title: &str, kind: &str| {
        ResourceTemplate::new(format!("{ROOT}{{id}}{path}"), name).with_title(title).with_mime_type(kind)
    };
    let templates = vec![
        template("", "run", "A run as it stands", "application/json"),
        template("/plan", "plan", "The plan of a run", "application/json"),
        template("/diff", "diff", "The diff of a run", "text/x-diff"),
        template("/receipts", "receipts", "What a run did, effect by effect", "application/json"),
        template("/journal/{from}", "journal", "Events of a run from an index on", "application/json"),
    ];
    ListResourceTemplatesResult::with_all_items(templates).with_ttl_ms(SETTLED_MS).with_cache_scope(CacheScope::Public)
}

/// What lies at a URI.
///
/// # Errors
/// `unknown_run` where nothing does; what is wrong with the journal.
pub(crate) async fn read(engine: &dyn Engine, uri: &str) -> Result<ReadResourceResult, Error> {
    let (run, place) = parse(uri).ok_or_else(|| unknown(uri))?;
    let state = follow::state(engine, run).await?;
    let settled = state.outcome.is_some();
    let (text, kind) = match place {
        Place::Diff => (outcome::diff(engine, run).await?, "text/x-diff"),
        Place::Plan => (pretty(&json!(state.plan)), "application/json"),
        Place::Receipts => (pretty(&json!(state.receipts)), "application/json"),
        Place::Journal(since) => (journal(engine, run, since).await?, "application/json"),
        Place::State => (pretty(&json!(state)), "application/json"),
    };
    let contents = ResourceContents::text(text, uri).with_mime_type(kind);
    let ttl = if settled { SETTLED_MS } else { LIVE_MS };
    Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(ttl).with_cache_scope(CacheScope::Private))
}

/// The ids of runs that begin so, newest first.
///
/// # Errors
/// What is wrong with the journal.
pub(crate) async fn complete_run(engine: &dyn Engine, begins: &str) -> Result<Vec<String>, Error> {
    let runs = runs(engine, usize::MAX >> 1).await?.into_iter().map(|run| run.run);
    Ok(runs.filter(|run| run.starts_with(begins)).collect())
}

/// The folders of recent runs that begin so.
///
/// # Errors
/// What is wrong with the journal.
pub(crate) async fn complete_workspace(engine: &dyn Engine, begins: &str) -> Result<Vec<String>, Error> {
    let mut folders: Vec<String> = runs(engine, usize::MAX >> 1).await?.into_iter().map(|run| run.workspace).collect();
    folders.sort();
    folders.dedup();
    folders.retain(|folder| folder.starts_with(begins));
    Ok(folders)
}

/// That nothing lies there.
pub(crate) fn unknown(uri: &str) -> Error {
    let shown: String = uri.chars().take(128).collect();
    Error::new(ErrorCode::UnknownRun, format!("find the resource `{shown}`")).hint("resources/templates/list has the forms there are")
}

async fn runs(engine: &dyn Engine, limit: usize) -> Result<Vec<RunEntry>, Error> {
    let caller = Caller { face: Face::Mcp, name: String::new(), answers: false, progress: None };
    match engine.submit(Command::Trace(Trace::List { limit: Some(limit) }), caller).await? {
        Handle::Trace(TraceReply::List { runs }) => Ok(runs),
        _ => Err(failure::unexpected("a list")),
    }
}

async fn journal(engine: &dyn Engine, run: &str, since: u64) -> Result<String, Error> {
    match engine.query(Query::Events { run: run.to_owned(), since, limit: Some(PAGE), wait_ms: 0 }).await? {
        Reply::Events(events) => Ok(pretty(&json!(events))),
        _ => Err(failure::unexpected("events")),
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_run_and_a_place_in_it() {
        let check = |uri: &str, expect: Option<(&str, Place)>| assert_eq!(parse(uri), expect, "{uri}");
        check("naestro://runs/0190a5d7-12", Some(("0190a5d7-12", Place::State)));
        check("naestro://runs/0190a5d7/diff", Some(("0190a5d7", Place::Diff)));
        check("naestro://runs/0190a5d7/journal", Some(("0190a5d7", Place::Journal(0))));
        check("naestro://runs/0190a5d7/journal/200", Some(("0190a5d7", Place::Journal(200))));
        for wrong in [
            "naestro://runs/",
            "naestro://runs",
            "naestro://runs//diff",
            "naestro://runs/../../etc",
            "naestro://runs/0190a5d7/journal/-1",
            "naestro://runs/0190a5d7/secrets",
            "file:///etc/passwd",
            "",
        ] {
            check(wrong, None);
        }
    }
}
