//! Which requests their client cancelled in so many words: of the others that end early, the client is only gone.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::RequestId;
use tokio::sync::Notify;

/// How long the word may come after the end: the SDK ends a request before it passes on why.
const LATER: Duration = Duration::from_millis(100);
/// The most words that are kept; a client that cancels what was never asked fills it with nothing that matters.
const MOST: usize = 1024;

/// What one client cancelled.
#[derive(Default)]
pub(crate) struct Cancellations {
    noted: Mutex<BTreeSet<String>>,
    news: Notify,
}

impl Cancellations {
    /// Takes note of a word.
    pub(crate) fn note(&self, id: RequestId) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= MOST {
            noted.clear();
        }
        noted.insert(key(&id));
        drop(noted);
        self.news.notify_waiters();
    }

    /// Forgets a request that is over.
    pub(crate) fn forget(&self, id: &RequestId) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(id));
    }

    /// Whether the client cancelled this request, which has ended.
    pub(crate) async fn has(&self, id: &RequestId) -> bool {
        let noted = || self.noted.lock().unwrap_or_else(PoisonError::into_inner).contains(&key(id));
        let heard = async {
            loop {
                let news = self.news.notified();
                if noted() {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(LATER, heard).await.is_ok()
    }
}

fn key(id: &RequestId) -> String {
    id.clone().into_json_value().to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_word_counts_for_its_own_request_even_if_it_comes_later() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let cancellations = Arc::new(Cancellations::default());
            let (one, other) = (RequestId::Number(1), RequestId::String("1".into()));
            let later = Arc::clone(&cancellations);
            let noting = tokio::spawn(async move { later.note(RequestId::Number(1)) });
            assert!(cancellations.has(&one).await);
            assert!(!cancellations.has(&other).await);
            cancellations.forget(&one);
            assert!(!cancellations.has(&one).await);
            noting.await.expect("noted");
        });
    }
}
