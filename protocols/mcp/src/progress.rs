//! How far a call is, for a client that asked to hear it.
//!
//! Invariant: while a call goes on it is heard of at least every [`BEAT`], and at most every [`PAUSE`].

use std::time::Duration;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use tokio::time::{Instant, sleep_until};

use crate::client::Context;

/// The longest silence; clients are promised one notification every 5 s.
const BEAT: Duration = Duration::from_secs(4);
/// The shortest pause between two notifications.
const PAUSE: Duration = Duration::from_millis(200);

/// What a client hears of one call.
pub(crate) struct Progress<'a> {
    cx: &'a Context,
    token: Option<ProgressToken>,
    count: u32,
    words: String,
    begun: Instant,
    last: Option<Instant>,
}

impl<'a> Progress<'a> {
    /// Progress of the request; nothing is sent where the client asked for none.
    pub(crate) fn of(cx: &'a Context) -> Self {
        Self { cx, token: cx.meta.get_progress_token(), count: 0, words: "working".to_owned(), begun: Instant::now(), last: None }
    }

    /// Takes note of what is done now, and says it unless something was said a moment ago.
    pub(crate) async fn say(&mut self, words: String) {
        self.words = words;
        if self.last.is_none_or(|last| last.elapsed() >= PAUSE) {
            self.send().await;
        }
    }

    /// Returns after each silence that was long enough, having said once more what is done.
    pub(crate) async fn beat(&mut self) {
        sleep_until(self.last.unwrap_or(self.begun) + BEAT).await;
        self.send().await;
    }

    async fn send(&mut self) {
        self.last = Some(Instant::now());
        let Some(token) = self.token.clone() else { return };
        self.count += 1;
        let param = ProgressNotificationParam::new(token, f64::from(self.count)).with_message(self.words.clone());
        // A client that is gone hears nothing, and its request ends another way.
        let _ = self.cx.peer.notify_progress(param).await;
    }
}
