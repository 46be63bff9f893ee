//! Subscriptions to runs, fed by the journal: whoever writes to it, this process or another, a subscriber hears of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use naestro_api::{Engine, Error, ErrorCode, Query, Reply};
use rmcp::model::ResourceUpdatedNotificationParam;
use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::{follow, resources};

/// The most subscriptions of one client.
const MOST: usize = 64;
/// How long the journal is asked to wait for an event.
const WAIT_MS: u64 = 30_000;

/// The subscriptions of a client that began with `initialize`; they end with it.
#[derive(Default)]
pub(crate) struct Subscriptions(Mutex<BTreeMap<String, AbortOnDropHandle<()>>>);

impl Subscriptions {
    /// Begins one; a second one to the same URI is the same.
    ///
    /// # Errors
    /// `unknown_run`; `invalid_input` where there are too many.
    pub(crate) async fn add(&self, engine: Arc<dyn Engine>, uri: String, peer: Peer<RoleServer>) -> Result<(), Error> {
        let (run, from) = begin(&*engine, &uri).await?;
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST && !held.contains_key(&uri) {
            return Err(too_many());
        }
        let told = uri.clone();
        let task = tokio::spawn(async move {
            let mut from = from;
            while let Some(next) = news(&*engine, &run, from).await {
                from = next;
                if peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(told.clone())).await.is_err() {
                    return;
                }
            }
        });
        held.insert(uri, AbortOnDropHandle::new(task));
        Ok(())
    }

    /// Ends one.
    pub(crate) fn remove(&self, uri: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }
}

/// Serves one `subscriptions/listen` (2026) until it is cancelled.
///
/// # Errors
/// `unknown_run`; `invalid_input` where too many resources are named.
pub(crate) async fn listen(engine: Arc<dyn Engine>, cx: &SubscriptionContext) -> Result<(), Error> {
    let uris = cx.accepted().resource_subscriptions.clone().unwrap_or_default();
    if uris.len() > MOST {
        return Err(too_many());
    }
    let mut watched = JoinSet::new();
    for uri in uris {
        let (run, from) = begin(&*engine, &uri).await?;
        let (engine, sink) = (Arc::clone(&engine), cx.sink().clone());
        watched.spawn(async move {
            let mut from = from;
            while let Some(next) = news(&*engine, &run, from).await {
                from = next;
                if sink.notify_resource_updated(uri.clone()).await.is_err() {
                    return;
                }
            }
        });
    }
    cx.cancelled().await;
    Ok(())
}

async fn begin(engine: &dyn Engine, uri: &str) -> Result<(String, u64), Error> {
    let (run, _) = resources::parse(uri).ok_or_else(|| resources::unknown(uri))?;
    let state = follow::state(engine, run).await?;
    Ok((state.run, state.events))
}

/// The index to ask from next time, once there is something new; `None` where nothing can be heard any more.
async fn news(engine: &dyn Engine, run: &str, from: u64) -> Option<u64> {
    loop {
        let query = Query::Events { run: run.to_owned(), since: from, limit: None, wait_ms: WAIT_MS };
        match engine.query(query).await {
            Ok(Reply::Events(events)) if events.next > from => return Some(events.next),
            Ok(Reply::Events(_)) => {}
            Ok(_) => return None,
            Err(error) => {
                tracing::warn!(%error, run, "a subscription ended");
                return None;
            }
        }
    }
}

fn too_many() -> Error {
    let error = Error::new(ErrorCode::InvalidInput, format!("subscribe to more than {MOST} resources"));
    error.hint("end some of the others first")
}
