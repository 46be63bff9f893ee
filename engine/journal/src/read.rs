//! Reading: runs, their events across forks, each row checked against the chain.
//!
//! Invariant: an event leaves here only if its row's link follows from the link before it.

use naestro_kernel::{Digest, Event, RunId, RunOutcome};
use naestro_policy::port::{JournalError, RunEntry};
use rusqlite::{Connection, OptionalExtension as _};

use crate::chain::{Genesis, Link, seal};
use crate::error::{corrupt, fault, sql};
use crate::lease::Lease;
use crate::record::{self, Fetch};
use crate::schema::{index, place};

/// A row of the table of runs.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) no: i64,
    pub(crate) run: RunId,
    session: RunId,
    workspace: String,
    title: String,
    opened: u64,
    pub(crate) parent: Option<i64>,
    /// The index of its first own event.
    pub(crate) base: u64,
    pub(crate) outcome: Option<String>,
    state: Option<[u8; 32]>,
    state_events: Option<u64>,
    seal: Option<[u8; 32]>,
    /// Removed, and kept only because a fork continues it.
    pub(crate) hidden: bool,
}

/// A row of the table of events.
pub(crate) struct EventRow {
    pub(crate) index: u64,
    pub(crate) at: u64,
    pub(crate) link: Link,
    pub(crate) record: Vec<u8>,
}

/// The part of a run's history that one run's own rows hold.
pub(crate) struct Segment {
    pub(crate) row: Row,
    /// The index after its last event, as far as it belongs to the history.
    pub(crate) end: u64,
}

const ROW: &str = "SELECT no, id, session, workspace, title, opened, parent, base, outcome, state, state_events, seal, hidden FROM runs";

impl Row {
    fn from_sql(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            no: row.get(0)?,
            run: RunId(row.get(1)?),
            session: RunId(row.get(2)?),
            workspace: row.get(3)?,
            title: row.get(4)?,
            opened: row.get::<_, i64>(5)?.cast_unsigned(),
            parent: row.get(6)?,
            base: row.get::<_, i64>(7)?.cast_unsigned(),
            outcome: row.get(8)?,
            state: row.get(9)?,
            state_events: row.get::<_, Option<i64>>(10)?.map(i64::cast_unsigned),
            seal: row.get(11)?,
            hidden: row.get(12)?,
        })
    }

    /// The run as lists show it, but for its events and owner.
    pub(crate) fn into_entry(self) -> RunEntry {
        RunEntry {
            run: self.run,
            session: self.session,
            workspace: self.workspace,
            title: self.title,
            opened: self.opened,
            events: 0,
            outcome: self.outcome.as_deref().and_then(outcome_from),
            owned: false,
        }
    }

    /// The digest recorded by the last release.
    ///
    /// # Errors
    /// `Corrupt` if it is not what was recorded.
    pub(crate) fn state_digest(&self) -> Result<Option<Digest>, JournalError> {
        match (self.state, self.state_events, self.seal) {
            (None, None, None) => Ok(None),
            (Some(state), Some(events), Some(sealed)) if seal(self.run, events, &state) == sealed => Ok(Some(Digest(state))),
            _ => Err(corrupt(Some(self.run), None, "the digest of its state is not what was recorded")),
        }
    }

    /// The link before the run's first own row.
    ///
    /// # Errors
    /// `Corrupt` if the run it continues is not there.
    pub(crate) fn genesis(&self, conn: &Connection) -> Result<Link, JournalError> {
        let parent = match self.parent {
            None => None,
            Some(parent) => {
                let row = by_number(conn, parent)?;
                let at = self.base.wrapping_sub(1);
                let link = link(conn, &row, at)?.ok_or_else(|| corrupt(Some(row.run), Some(at), "the record is missing"))?;
                Some((row.run, at, link))
            }
        };
        let (workspace, title) = (self.workspace.as_str(), self.title.as_str());
        Ok(Genesis { run: self.run, session: self.session, workspace, title, opened: self.opened, parent }.link())
    }
}

/// How an outcome is spelled in the table of runs.
pub(crate) fn outcome_text(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::Failed => "failed",
        RunOutcome::Cancelled => "cancelled",
        RunOutcome::Refused => "refused",
    }
}

/// Undoes [`outcome_text`].
pub(crate) fn outcome_from(text: &str) -> Option<RunOutcome> {
    [RunOutcome::Succeeded, RunOutcome::Failed, RunOutcome::Cancelled, RunOutcome::Refused]
        .into_iter()
        .find(|outcome| outcome_text(*outcome) == text)
}

/// The row of a run that is not removed.
pub(crate) fn row(conn: &Connection, run: RunId) -> Result<Row, JournalError> {
    any_row(conn, run)?.filter(|row| !row.hidden).ok_or(JournalError::Unknown(run))
}

/// The row of a run, removed or not.
pub(crate) fn any_row(conn: &Connection, run: RunId) -> Result<Option<Row>, JournalError> {
    let find = || conn.prepare_cached(&format!("{ROW} WHERE id = ?1"))?.query_row([&run.0], Row::from_sql).optional();
    find().map_err(|error| sql(&error))
}

/// The row of a run, removed or not, by its number.
pub(crate) fn by_number(conn: &Connection, no: i64) -> Result<Row, JournalError> {
    let find = || conn.prepare_cached(&format!("{ROW} WHERE no = ?1"))?.query_row([no], Row::from_sql).optional();
    find().map_err(|error| sql(&error))?.ok_or_else(|| corrupt(None, None, "a run that a fork continues is missing"))
}

/// All rows, newest first; those of removed runs too.
pub(crate) fn rows(conn: &Connection) -> rusqlite::Result<Vec<Row>> {
    let mut find = conn.prepare_cached(&format!("{ROW} ORDER BY no DESC"))?;
    find.query_map([], Row::from_sql)?.collect()
}

/// The newest runs that are not removed, newest first: each as lists show it but for its owner, with its lease. One statement, since a list
/// is what is asked for most.
pub(crate) fn newest(conn: &Connection, limit: usize) -> rusqlite::Result<Vec<(RunEntry, Option<Lease>)>> {
    let mut find = conn.prepare_cached(&format!(
        "SELECT no, id, session, workspace, title, opened, parent, base, outcome, state, state_events, seal, hidden,
            (SELECT place FROM events WHERE place BETWEEN no << 32 AND (no << 32) + {} ORDER BY place DESC LIMIT 1),
            epoch, pid, instance, birth, boot, beat
        FROM runs LEFT JOIN leases ON leases.run = runs.no WHERE hidden = 0 ORDER BY no DESC LIMIT ?1",
        u32::MAX
    ))?;
    let runs = find.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |sql| {
        let row = Row::from_sql(sql)?;
        let events = sql.get::<_, Option<i64>>(13)?.map_or(row.base, |last| index(last) + 1);
        let lease = sql.get::<_, Option<i64>>(14)?.map(|_| Lease::from_row(sql, 14)).transpose()?;
        Ok((RunEntry { events, ..row.into_entry() }, lease))
    })?;
    runs.collect()
}

/// The index after the run's last event and that event's link, from its last own row; `None` if it has none.
pub(crate) fn head(conn: &Connection, row: &Row) -> rusqlite::Result<Option<(u64, Link)>> {
    let mut find = conn.prepare_cached("SELECT place, chain FROM events WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1")?;
    let range = [place(row.no, 0), place(row.no, u64::MAX)];
    find.query_row(range, |row| Ok((index(row.get(0)?) + 1, Link(row.get(1)?)))).optional()
}

/// The link of event `at` of a run's history; `None` if there is no such event.
pub(crate) fn link(conn: &Connection, row: &Row, at: u64) -> Result<Option<Link>, JournalError> {
    let Some(segment) = segments(conn, row.clone())?.into_iter().find(|segment| segment.row.base <= at && at < segment.end) else {
        return Ok(None);
    };
    own_link(conn, segment.row.no, at).map_err(|error| sql(&error))
}

fn own_link(conn: &Connection, no: i64, at: u64) -> rusqlite::Result<Option<Link>> {
    let mut find = conn.prepare_cached("SELECT chain FROM events WHERE place = ?1")?;
    find.query_row([place(no, at)], |row| row.get(0).map(Link)).optional()
}

/// The history of a run: its ancestors' parts, oldest first, then its own.
pub(crate) fn segments(conn: &Connection, row: Row) -> Result<Vec<Segment>, JournalError> {
    let end = head(conn, &row).map_err(|error| sql(&error))?.map_or(row.base, |(next, _)| next);
    let mut segments = vec![Segment { row, end }];
    while let Some(Segment { row: Row { run, base, parent: Some(parent), .. }, .. }) = segments.last() {
        let (run, base) = (*run, *base);
        let row = by_number(conn, *parent)?;
        if segments.len() > 10_000 || base == 0 {
            return Err(corrupt(Some(run), None, "it continues itself"));
        }
        segments.push(Segment { row, end: base });
    }
    // A fork of a fork may continue from before the place its parent was forked at.
    for at in 1..segments.len() {
        let after = segments[at - 1].row.base.min(segments[at - 1].end);
        segments[at].end = segments[at].end.min(after);
    }
    segments.reverse();
    segments.retain(|segment| segment.row.base < segment.end || segment.row.parent.is_none());
    Ok(segments)
}

/// One run as lists show it.
pub(crate) fn entry(conn: &Connection, row: &Row, owned: bool) -> rusqlite::Result<RunEntry> {
    let events = head(conn, row)?.map_or(row.base, |(next, _)| next);
    Ok(RunEntry { events, owned, ..row.clone().into_entry() })
}

/// The own rows of a run from `from` to before `to`, in order.
pub(crate) fn own_rows(conn: &Connection, row: &Row, from: u64, to: u64) -> rusqlite::Result<Vec<EventRow>> {
    let mut find = conn.prepare_cached("SELECT place, at, chain, record FROM events WHERE place >= ?1 AND place < ?2 ORDER BY place")?;
    let range = [place(row.no, from), place(row.no, from).saturating_add((to - from).cast_signed())];
    let rows = find.query_map(range, |row| {
        let at = row.get::<_, i64>(1)?.cast_unsigned();
        Ok(EventRow { index: index(row.get(0)?), at, link: Link(row.get(2)?), record: row.get(3)? })
    })?;
    rows.collect()
}

/// The records of a run as they are on disk, each checked against the chain.
///
/// # Errors
/// `Corrupt` names the first bad record.
pub(crate) fn export(conn: &Connection, run: RunId) -> Result<Vec<String>, JournalError> {
    let mut lines = Vec::new();
    walk(conn, run, 0, usize::MAX, |owner, row| {
        let record = std::str::from_utf8(&row.record).map_err(|error| corrupt(Some(owner), Some(row.index), error.to_string()))?;
        let link = record::hex(&Digest(row.link.0));
        // The record goes out byte for byte, so that whoever has the line can compute its link.
        lines.push(format!(r#"{{"run":"{owner}","index":{},"at":{},"link":"{link}","record":{record}}}"#, row.index, row.at));
        Ok(())
    })?;
    Ok(lines)
}

/// The events of a run from `from` on, at most `limit`.
///
/// # Errors
/// `Corrupt` names the first bad record.
pub(crate) fn events(conn: &Connection, run: RunId, from: u64, limit: usize, fetch: Fetch<'_>) -> Result<Vec<Event>, JournalError> {
    let mut events = Vec::new();
    walk(conn, run, from, limit, |owner, row| {
        events.push(record::decode(row.at, &row.record, fetch).map_err(|what| fault(owner, Some(row.index), what))?);
        Ok(())
    })?;
    Ok(events)
}

/// Visits the rows of a run's history, each with the run it belongs to, after checking it against the chain.
fn walk(
    conn: &Connection,
    run: RunId,
    from: u64,
    limit: usize,
    mut visit: impl FnMut(RunId, &EventRow) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let stop = from.saturating_add(limit as u64);
    for Segment { row, end } in &segments(conn, row(conn, run)?)? {
        let (start, end) = (from.max(row.base), stop.min(*end));
        if start >= end {
            continue;
        }
        let mut link = before(conn, row, start)?;
        let rows = own_rows(conn, row, start, end).map_err(|error| sql(&error))?;
        for (found, expected) in rows.iter().zip(start..) {
            link = follow(row.run, link, found, expected)?;
            visit(row.run, found)?;
        }
        let next = start + rows.len() as u64;
        if next < end {
            return Err(missing(row.run, next));
        }
    }
    Ok(())
}

/// The link before a run's own row at `start`.
fn before(conn: &Connection, row: &Row, start: u64) -> Result<Link, JournalError> {
    if start == row.base {
        return row.genesis(conn);
    }
    own_link(conn, row.no, start - 1).map_err(|error| sql(&error))?.ok_or_else(|| missing(row.run, start - 1))
}

/// The link of a row, if it is the one that follows.
pub(crate) fn follow(run: RunId, link: Link, row: &EventRow, expected: u64) -> Result<Link, JournalError> {
    if row.index != expected {
        return Err(missing(run, expected));
    }
    let next = link.next(run, row.index, row.at, &row.record);
    if next == row.link { Ok(next) } else { Err(corrupt(Some(run), Some(row.index), "its bytes do not follow from the record before it")) }
}

fn missing(run: RunId, index: u64) -> JournalError {
    corrupt(Some(run), Some(index), "the record is missing")
}
