//! Verification: every row, body, link and blob is looked at, and everything wrong is told, not only the first.
//!
//! Invariant: a changed byte of a record, of its place or time, of what a list shows of a run, or of a blob is found here.

use naestro_kernel::{Digest, Event, RunId, What};
use naestro_policy::port::JournalError;
use rusqlite::Connection;

use crate::blob::Blobs;
use crate::checkpoint::{Checkpoint, Head, Heads};
use crate::error::{corrupt, fault, io, sql};
use crate::journal::SqliteJournal;
use crate::notary::bears_out;
use crate::read::{self, Row, Segment};
use crate::record;

/// How many rows are looked at between two looks for the next ones: bounds the memory, not the time.
const PAGE: u64 = 256;

/// Checks one run with its ancestors' part, or everything there is.
pub(crate) fn verify(journal: &SqliteJournal, run: Option<RunId>) -> Result<Vec<JournalError>, JournalError> {
    // Before the database, which may only be further than the checkpoint.
    let known = journal.checkpoint().read_settled();
    journal.snapshot(|conn| {
        let mut check = Check { conn, blobs: journal.blobs(), wrong: Vec::new() };
        match run {
            Some(run) => check.history(read::row(conn, run)?)?,
            None => check.all()?,
        }
        check.heads(&journal.checkpoint(), known, run)?;
        Ok(check.wrong)
    })
}

struct Check<'a> {
    conn: &'a Connection,
    blobs: &'a Blobs,
    wrong: Vec<JournalError>,
}

impl Check<'_> {
    fn all(&mut self) -> Result<(), JournalError> {
        for row in read::rows(self.conn).map_err(|error| sql(&error))? {
            let end = self.end(&row)?;
            self.segment(&Segment { row, end })?;
        }
        self.strays()?;
        self.blob_rows()?;
        self.blob_files()
    }

    fn history(&mut self, row: Row) -> Result<(), JournalError> {
        match read::segments(self.conn, row) {
            Ok(segments) => segments.iter().try_for_each(|segment| self.segment(segment)),
            Err(error @ JournalError::Corrupt { .. }) => {
                self.wrong.push(error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The index after the run's last own event.
    fn end(&self, row: &Row) -> Result<u64, JournalError> {
        Ok(read::head(self.conn, row).map_err(|error| sql(&error))?.map_or(row.base, |(next, _)| next))
    }

    /// One run's own rows, up to the segment's end.
    fn segment(&mut self, segment: &Segment) -> Result<(), JournalError> {
        let Segment { row, end } = segment;
        let mut link = match row.genesis(self.conn) {
            Ok(link) => link,
            Err(error @ JournalError::Corrupt { .. }) => {
                self.wrong.push(error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if *end <= row.base {
            self.wrong.push(corrupt(Some(row.run), Some(row.base), "the run has no events"));
        }
        let mut outcome = None;
        let mut at = row.base;
        while at < *end {
            let rows = read::own_rows(self.conn, row, at, (*end).min(at + PAGE)).map_err(|error| sql(&error))?;
            for (found, expected) in rows.iter().zip(at..) {
                match read::follow(row.run, link, found, expected) {
                    Ok(next) => link = next,
                    // From here on nothing can be said about the chain; the rest of the run is as good as lost.
                    Err(error) => return self.found(error),
                }
                if let Some(event) = self.decoded(row.run, found) {
                    outcome = finished(&event).or(outcome);
                }
            }
            if rows.is_empty() {
                return self.found(corrupt(Some(row.run), Some(at), "the record is missing"));
            }
            at += rows.len() as u64;
        }
        self.ending(row, *end, outcome)
    }

    fn found(&mut self, error: JournalError) -> Result<(), JournalError> {
        self.wrong.push(error);
        Ok(())
    }

    fn decoded(&mut self, run: RunId, row: &read::EventRow) -> Option<Event> {
        let fetch = |digest: &Digest| self.blobs.get(self.conn, digest);
        match record::decode(row.at, &row.record, &fetch) {
            Ok(event) => Some(event),
            Err(what) => {
                self.wrong.push(fault(run, Some(row.index), what));
                None
            }
        }
    }

    /// What the row of the run says about how it ended.
    fn ending(&mut self, row: &Row, end: u64, outcome: Option<&'static str>) -> Result<(), JournalError> {
        if row.hidden {
            return Ok(());
        }
        if end == self.end(row)? && row.outcome.as_deref() != outcome {
            self.wrong.push(corrupt(Some(row.run), None, "how it ended is not what its events say"));
        }
        if let Err(error) = row.state_digest() {
            self.wrong.push(error);
        }
        Ok(())
    }

    /// What the checkpoint file knows, against what is here.
    fn heads(&mut self, file: &Checkpoint, known: Result<Heads, JournalError>, only: Option<RunId>) -> Result<(), JournalError> {
        if only.is_none() && file.was_set_aside() {
            self.found(corrupt(None, None, "a damaged checkpoint file was set aside as checkpoint.damaged"))?;
        }
        let known = match known {
            Ok(known) => known,
            Err(error @ JournalError::Corrupt { .. }) => return self.found(error),
            Err(error) => return Err(error),
        };
        for (run, head) in known.iter().filter(|(run, _)| only.is_none_or(|only| only == **run)) {
            // A line that was struck since we read it belongs to a run that was removed since.
            if !bears_out(self.conn, *run, head)? && file.read_settled()?.get(run) == Some(head) {
                self.wrong.push(corrupt(
                    Some(*run),
                    self.first_lost(*run, head)?,
                    format!("its tail was cut: the checkpoint knows {} events", head.events),
                ));
            }
        }
        Ok(())
    }

    /// The index of the first event that is not what the checkpoint knows, as far as that can be told.
    fn first_lost(&self, run: RunId, known: &Head) -> Result<Option<u64>, JournalError> {
        let Some(row) = read::any_row(self.conn, run)? else { return Ok(None) };
        Ok(Some(self.end(&row)?.min(known.events.saturating_sub(1))))
    }

    /// Rows of events that belong to no run.
    fn strays(&mut self) -> Result<(), JournalError> {
        let mut find =
            self.conn.prepare("SELECT count(*) FROM events WHERE place >> 32 NOT IN (SELECT no FROM runs)").map_err(|error| sql(&error))?;
        let strays: i64 = find.query_row([], |row| row.get(0)).map_err(|error| sql(&error))?;
        if strays > 0 { self.found(corrupt(None, None, format!("{strays} records belong to no run"))) } else { Ok(()) }
    }

    fn blob_rows(&mut self) -> Result<(), JournalError> {
        let mut find = self.conn.prepare("SELECT digest, bytes FROM blobs").map_err(|error| sql(&error))?;
        let mut rows = find.query([]).map_err(|error| sql(&error))?;
        while let Some(row) = rows.next().map_err(|error| sql(&error))? {
            let digest: Vec<u8> = row.get(0).map_err(|error| sql(&error))?;
            let bytes: Vec<u8> = row.get(1).map_err(|error| sql(&error))?;
            if blake3::hash(&bytes).as_bytes()[..] != digest[..] {
                let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                self.wrong.push(corrupt(None, None, format!("blob {name} holds other bytes than its name says")));
            }
        }
        Ok(())
    }

    fn blob_files(&mut self) -> Result<(), JournalError> {
        for (path, digest) in self.blobs.files().map_err(|error| io(&error))? {
            // A file with any other name is what a writer that died had begun.
            let Some(digest) = digest else { continue };
            if let Err(error) = Blobs::check(&path, &digest) {
                self.wrong.push(error);
            }
        }
        Ok(())
    }
}

fn finished(event: &Event) -> Option<&'static str> {
    match &event.what {
        What::Finished { outcome, .. } => Some(read::outcome_text(*outcome)),
        _ => None,
    }
}
