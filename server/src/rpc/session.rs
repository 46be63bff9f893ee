//! One client: its requests, each a task of its own, and their answers.
//!
//! Invariant: a request is answered at most once and a notification never; a request that panics is answered, counted, and
//! takes no other down.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use jsonrpsee::Methods;
use jsonrpsee::types::{Id, Request};
use naestro_api::{Engine as _, Error, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio_util::task::TaskTracker;

use super::envelope::{self, Call, Item, Said};
use super::failure::{self, BUSY, INTERNAL, INVALID_REQUEST, METHOD_NOT_FOUND};
use super::follow::{self, Started};
use super::frame::{Frame, MOST};
use super::methods::{self, Served};
use super::outbox::Outbox;
use crate::near;

/// The most requests at once.
const MOST_CALLS: usize = 256;
/// The most bytes of frames whose requests go on, in KiB.
const MOST_KIB: usize = 2 * MOST / 1024;

/// One client.
pub(super) struct Session {
    /// Lines to the client.
    pub(super) outbox: Outbox,
    served: Arc<Served>,
    methods: Methods,
    calls: TaskTracker,
    followers: TaskTracker,
    room: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    /// Ids whose answers are still to come, as JSON.
    open: Mutex<BTreeSet<String>>,
}

impl Session {
    /// A client that reads from `outbox`.
    pub(super) fn new(served: Arc<Served>, outbox: Outbox) -> Self {
        Self {
            outbox,
            methods: methods::module(Arc::clone(&served)).into(),
            served,
            calls: TaskTracker::new(),
            followers: TaskTracker::new(),
            room: Arc::new(Semaphore::new(MOST_CALLS)),
            bytes: Arc::new(Semaphore::new(MOST_KIB)),
            open: Mutex::default(),
        }
    }

    /// Takes a frame; waits only where too many bytes of earlier ones are still worked on.
    pub(super) async fn take(self: &Arc<Self>, frame: Frame) {
        let frame = match frame {
            Frame::Whole(frame) => frame,
            Frame::TooLong => return self.outbox.send(too_long()).await,
        };
        let kib = u32::try_from(frame.len() / 1024 + 1).unwrap_or(u32::MAX);
        let held = Arc::clone(&self.bytes).acquire_many_owned(kib).await;
        let session = Arc::clone(self);
        self.calls.spawn(async move { session.said(envelope::read(&frame), held.ok()).await });
    }

    /// Waits for requests that go on; what waits for events is told to stop waiting.
    pub(super) async fn finish_calls(&self, limit: Duration) -> Result<(), Elapsed> {
        self.served.stop_waiting();
        self.calls.close();
        tokio::time::timeout(limit, self.calls.wait()).await
    }

    /// Suspends every run.
    pub(super) async fn close_engine(&self) {
        self.served.engine.close().await;
    }

    /// Waits for the last updates of the runs.
    pub(super) async fn finish_followers(&self, limit: Duration) -> Result<(), Elapsed> {
        self.followers.close();
        tokio::time::timeout(limit, self.followers.wait()).await
    }

    async fn said(&self, said: Said, _held: Option<OwnedSemaphorePermit>) {
        let started = Started::default();
        let answer = match said {
            Said::One(item) => self.answer(item, &started).await,
            Said::Batch(items) => {
                let answers = join_all(items.into_iter().map(|item| self.answer(item, &started))).await;
                let answers: Vec<String> = answers.into_iter().flatten().collect();
                (!answers.is_empty()).then(|| format!("[{}]", answers.join(",")))
            }
        };
        if let Some(answer) = answer {
            self.outbox.send(answer).await;
        }
        for updates in started.take() {
            self.followers.spawn(follow::follow(updates, self.outbox.clone()));
        }
    }

    /// The answer to one item, where it wants one.
    async fn answer(&self, item: Item, started: &Started) -> Option<String> {
        let call = match item {
            Item::Call(call) => call,
            Item::Wrong(answer) => return Some(answer),
        };
        let Some(id) = call.id.clone() else {
            self.call(&call, &Id::Null, started).await;
            return None;
        };
        let key = serde_json::to_string(&id).unwrap_or_default();
        if !self.lock().insert(key.clone()) {
            let error = Error::new(ErrorCode::InvalidInput, format!("take a request with the id {key}: one with that id goes on"));
            return Some(failure::line(&Id::Null, INVALID_REQUEST, &error));
        }
        let answer = self.call(&call, &id, started).await;
        self.lock().remove(&key);
        Some(answer)
    }

    async fn call(&self, call: &Call, id: &Id<'_>, started: &Started) -> String {
        let Ok(_room) = self.room.try_acquire() else {
            let error = Error::new(ErrorCode::Unavailable, format!("take more than {MOST_CALLS} requests at once"));
            return failure::line(id, BUSY, &error.hint("wait for an answer before the next request"));
        };
        if self.methods.method(&call.method).is_none() {
            return failure::line(id, METHOD_NOT_FOUND, &unknown(&call.method, self.methods.method_names()));
        }
        let mut methods = self.methods.clone();
        methods.extensions_mut().insert(started.clone());
        let request = Request::borrowed(&call.method, call.params.as_deref(), id.clone());
        let answered = AssertUnwindSafe(perform(&methods, &request)).catch_unwind().await;
        answered.unwrap_or_else(|_| {
            self.served.panicked();
            let error = Error::new(ErrorCode::Internal, format!("answer {}: a bug stopped it", call.method));
            failure::line(id, INTERNAL, &error.hint("standard error says where; other requests are not affected"))
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn perform(methods: &Methods, request: &Request<'_>) -> String {
    let bug = |error: serde_json::Error| {
        let error = Error::new(ErrorCode::Internal, format!("pass the request on: {error}"));
        failure::line(&request.id, INTERNAL, &error)
    };
    match serde_json::to_string(request) {
        // Nothing here is a subscription, so one place in its channel is enough.
        Ok(text) => methods.raw_json_request(&text, 1).await.map_or_else(bug, |(answer, _)| String::from(Box::<str>::from(answer))),
        Err(error) => bug(error),
    }
}

fn too_long() -> String {
    let error = Error::new(ErrorCode::InvalidInput, format!("read a frame of more than {} MiB", MOST >> 20));
    failure::line(
        &Id::Null,
        INVALID_REQUEST,
        &error.hint("end each request with a line feed, and send large texts as files in the workspace"),
    )
}

fn unknown(method: &str, known: impl Iterator<Item = &'static str>) -> Error {
    // What the caller sent may be long; its beginning is enough to recognise it.
    let shown: String = method.chars().take(64).collect();
    let near =
        near::closest(method, known).map_or_else(|| "rpc.discover lists the methods".to_owned(), |near| format!("did you mean `{near}`?"));
    Error::new(ErrorCode::InvalidInput, format!("find the method `{shown}`")).hint(near)
}
