//! The updates of a run on their way to the client.
//!
//! Invariant: a journalled update is sent, in order; a delta may be joined with the next or dropped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use naestro_api::{Update, UpdateBody, Updates};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::outbox::Outbox;

/// The longest a delta waits for others to be sent with it.
const FRAME: Duration = Duration::from_millis(8);

/// Runs that a request started: followed once it has been answered, so that the handle comes before the first update.
#[derive(Clone, Default)]
pub(super) struct Started(Arc<Mutex<Vec<Updates>>>);

impl Started {
    /// Takes note of a run.
    pub(super) fn add(&self, updates: Updates) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(updates);
    }

    /// Hands them over.
    pub(super) fn take(&self) -> Vec<Updates> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Serialize)]
struct Notification<'a> {
    jsonrpc: &'static str,
    method: &'static str,
    params: &'a Update,
}

/// Sends the updates as notifications until there are no more.
///
/// Takes updates as they come, whether or not the client reads, so that they pile up nowhere else: journalled ones are held
/// until there is room, deltas meanwhile are dropped.
pub(super) async fn follow(mut updates: Updates, outbox: Outbox) {
    let mut held: VecDeque<String> = VecDeque::new();
    let mut waiting: Option<Update> = None;
    let mut due = Instant::now();
    loop {
        tokio::select! {
            update = updates.next() => match update {
                Some(update) if !matches!(update.body, UpdateBody::Delta { .. }) => {
                    deltas(waiting.take(), &outbox);
                    held.push_back(line(&update));
                    let_out(&mut held, &outbox);
                }
                Some(_) if !held.is_empty() => {}
                Some(update) => waiting = join(waiting.take(), update, &outbox),
                None => break,
            },
            () = outbox.room(), if !held.is_empty() => let_out(&mut held, &outbox),
            () = sleep_until(due), if waiting.is_some() => {
                deltas(waiting.take(), &outbox);
                due = Instant::now() + FRAME;
            }
        }
    }
    deltas(waiting, &outbox);
    for line in held {
        outbox.send(line).await;
    }
}

/// Lets out what there is room for.
fn let_out(held: &mut VecDeque<String>, outbox: &Outbox) {
    while outbox.has_room()
        && let Some(line) = held.pop_front()
    {
        outbox.push(line);
    }
}

/// The two as one delta where they belong together; otherwise the first is sent now.
fn join(before: Option<Update>, update: Update, outbox: &Outbox) -> Option<Update> {
    let Some(mut before) = before else { return Some(update) };
    match (&mut before.body, &update.body) {
        (
            UpdateBody::Delta { step, text, reasoning },
            UpdateBody::Delta { step: next_step, text: next_text, reasoning: next_reasoning },
        ) if step == next_step && reasoning == next_reasoning => {
            text.push_str(next_text);
            Some(before)
        }
        _ => {
            deltas(Some(before), outbox);
            Some(update)
        }
    }
}

fn deltas(waiting: Option<Update>, outbox: &Outbox) {
    if let Some(update) = waiting
        && !outbox.offer(line(&update))
    {
        tracing::debug!("a delta of run {} was dropped: the client reads too slowly", update.run);
    }
}

fn line(update: &Update) -> String {
    let notification = Notification { jsonrpc: "2.0", method: "naestro.update", params: update };
    serde_json::to_string(&notification).unwrap_or_else(|error| {
        tracing::error!("an update has no JSON form: {error}");
        format!(
            r#"{{"jsonrpc":"2.0","method":"naestro.update","params":{{"run":"{}","type":"notice","text":"an update was lost"}}}}"#,
            update.run
        )
    })
}
