//! When the checkpoint file is written, and what into it.
//!
//! It is written after barriers, not after each: writing it costs what reading all heads costs, so a pause of twenty times
//! that is kept between two writings, and the last one is never left out.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use naestro_kernel::RunId;
use naestro_policy::port::JournalError;
use rusqlite::Connection;

use crate::checkpoint::{Checkpoint, Head, Heads};
use crate::error::sql;
use crate::read;

/// The shortest pause between two writings.
const PAUSE: Duration = Duration::from_millis(100);

/// Decides when the checkpoint is due.
pub(crate) struct Notary {
    pub(crate) checkpoint: Checkpoint,
    wanted: bool,
    not_before: Instant,
}

/// Heads read from the database, to be written once they are on the disk.
pub(crate) struct Note {
    heads: Heads,
    begun: Instant,
    _lock: File,
}

impl Notary {
    pub(crate) fn new(checkpoint: Checkpoint) -> Self {
        Self { checkpoint, wanted: false, not_before: Instant::now() }
    }

    /// Asks for a checkpoint, at once or when the pause is over.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// When the next one is due, where one is wanted.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.wanted.then_some(self.not_before)
    }

    /// Reads the heads, if a checkpoint is wanted and no other process is writing one; they must be synced before
    /// [`Notary::write`].
    pub(crate) fn draw_up(&mut self, conn: &Connection) -> Result<Option<Note>, JournalError> {
        if !self.wanted {
            return Ok(None);
        }
        let begun = Instant::now();
        self.not_before = begun + PAUSE;
        let Some(lock) = self.checkpoint.try_lock().map_err(|error| crate::error::io(&error))? else { return Ok(None) };
        let mut heads = current(conn)?;
        match self.checkpoint.read() {
            Ok(former) => keep_lost(conn, &former, &mut heads)?,
            Err(JournalError::Corrupt { what, .. }) => {
                tracing::warn!(what, "the journal's checkpoint file is replaced; verification tells of it");
                self.set_aside().map_err(|error| crate::error::io(&error))?;
            }
            Err(error) => return Err(error),
        }
        Ok(Some(Note { heads, begun, _lock: lock }))
    }

    /// Writes the checkpoint.
    pub(crate) fn write(&mut self, note: &Note) -> io::Result<()> {
        self.checkpoint.write(&note.heads, false)?;
        self.wanted = false;
        self.not_before = Instant::now() + PAUSE.max(note.begun.elapsed() * 20);
        Ok(())
    }

    /// Strikes the lines of runs that are about to be removed; the lock must be held until they are.
    pub(crate) fn strike(&mut self, runs: &[RunId]) -> Result<(), JournalError> {
        self.wanted = true;
        let mut heads = match self.checkpoint.read() {
            Ok(heads) => heads,
            // The next one is made anew, and what is wrong with this one is told then.
            Err(JournalError::Corrupt { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let before = heads.len();
        heads.retain(|run, _| !runs.contains(run));
        if heads.len() == before {
            return Ok(());
        }
        self.checkpoint.write(&heads, true).map_err(|error| crate::error::io(&error))
    }

    fn set_aside(&self) -> io::Result<()> {
        match self.checkpoint.set_aside() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// How far every run has come.
fn current(conn: &Connection) -> Result<Heads, JournalError> {
    let mut heads = Heads::new();
    for row in read::rows(conn).map_err(|error| sql(&error))? {
        if let Some((events, link)) = read::head(conn, &row).map_err(|error| sql(&error))? {
            heads.insert(row.run, Head { events, link });
        }
    }
    Ok(heads)
}

/// Keeps the former lines that the database no longer bears out, so that a later checkpoint does not hide a loss.
fn keep_lost(conn: &Connection, former: &Heads, heads: &mut Heads) -> Result<(), JournalError> {
    for (run, known) in former {
        if heads.get(run) != Some(known) && !bears_out(conn, *run, known)? {
            heads.insert(*run, *known);
        }
    }
    Ok(())
}

/// Whether the run is there and its history has that link at that place.
pub(crate) fn bears_out(conn: &Connection, run: RunId, known: &Head) -> Result<bool, JournalError> {
    let Some(row) = read::any_row(conn, run)? else { return Ok(false) };
    Ok(read::link(conn, &row, known.events.wrapping_sub(1))? == Some(known.link))
}
