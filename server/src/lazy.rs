//! The engine of a serving process, made when a request first needs it.
//!
//! Invariant: what a client only asks about the program itself opens nothing.

use std::sync::{Arc, OnceLock};

use naestro_api::{Caller, Command, Engine, Error, Handle, Pending, Query, Reply, Signal};

/// Makes the engine.
type Make = Box<dyn Fn() -> Result<Arc<dyn Engine>, Error> + Send + Sync>;

/// An engine that is made at first use.
pub(crate) struct Lazy {
    make: Make,
    engine: OnceLock<Arc<dyn Engine>>,
}

impl Lazy {
    /// An engine to be made by `make`; a failure is tried again at the next request.
    pub(crate) fn new(make: Make) -> Self {
        Self { make, engine: OnceLock::new() }
    }

    fn get(&self) -> Result<&Arc<dyn Engine>, Error> {
        match self.engine.get() {
            Some(engine) => Ok(engine),
            // Two that make one at the same moment cost one too many, which nothing has been opened for.
            None => (self.make)().map(|engine| self.engine.get_or_init(|| engine)),
        }
    }
}

impl Engine for Lazy {
    fn submit(&self, command: Command, caller: Caller) -> Pending<'_, Result<Handle, Error>> {
        Box::pin(async move { self.get()?.submit(command, caller).await })
    }

    fn signal(&self, signal: Signal, caller: Caller) -> Pending<'_, Result<(), Error>> {
        Box::pin(async move { self.get()?.signal(signal, caller).await })
    }

    fn query(&self, query: Query) -> Pending<'_, Result<Reply, Error>> {
        Box::pin(async move { self.get()?.query(query).await })
    }

    /// Closes the engine, where one was ever needed.
    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            if let Some(engine) = self.engine.get() {
                engine.close().await;
            }
        })
    }
}
