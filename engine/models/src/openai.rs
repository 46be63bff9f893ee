//! The adapter: one permitted request to an OpenAI-shaped endpoint, and its reply.

use std::sync::Arc;

use async_openai::error::OpenAIError;
use futures_util::StreamExt;
use naestro_kernel::{Failure, FailureKind};
use naestro_policy::Permit;
use naestro_policy::effect::Generate;
use naestro_policy::port::{Answer, Delta, Models, Reply};
use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

use crate::body::{Watch, garbage};
use crate::endpoint::{Address, Endpoint, EndpointError};
use crate::refusal::failure_inside;
use crate::send::{self, Expect, Route};
use crate::wire::{self, Chunk, Complaint, Gathering};

/// A model server that speaks OpenAI's chat completions.
///
/// Making one touches neither network nor disk. Connections are kept between calls.
pub struct OpenAi {
    endpoint: Endpoint,
    address: Address,
    route: OnceCell<Route>,
}

impl OpenAi {
    /// An adapter for this endpoint.
    ///
    /// # Errors
    /// What is wrong with the base URL or the key, with a hint.
    pub fn new(endpoint: Endpoint) -> Result<Self, EndpointError> {
        let address = endpoint.check()?;
        Ok(Self { endpoint, address, route: OnceCell::new() })
    }

    /// The host, with its port where that is not the default one: what a permit for a call names.
    #[must_use]
    pub fn host(&self) -> &str {
        self.address.host()
    }

    async fn route(&self) -> Result<&Route, Failure> {
        self.route.get_or_try_init(|| build(&self.endpoint, &self.address)).await
    }

    async fn permitted(&self, permit: Permit, request: &Generate, on_delta: &(dyn Fn(Delta) + Send + Sync)) -> Result<Reply, Failure> {
        permit.covers(request).map_err(|mismatch| permanent(mismatch.to_string()))?;
        self.ask(request, on_delta).await.map_err(|failure| redact(failure, &self.endpoint))
    }

    /// Sends the request and gathers the reply; whether it may be sent has been decided.
    pub(crate) async fn ask(&self, request: &Generate, on_delta: &(dyn Fn(Delta) + Send + Sync)) -> Result<Reply, Failure> {
        if request.host != self.address.host() {
            return Err(permanent(format!("send a request for {} to {}", request.host, self.address.host())));
        }
        let watch = Arc::new(Watch::default());
        let client = send::client(self.route().await?, Expect::Events, &watch);
        let failed = |error: OpenAIError| watch.failure().unwrap_or_else(|| malformed(self.address.base(), &error));
        let mut chunks = client.chat().create_stream_byot::<_, Chunk>(wire::request(request)).await.map_err(failed)?;
        let mut gathering = Gathering::default();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(failed)?;
            if !chunk.error.is_null() {
                return Err(failure_inside(self.address.base(), &Complaint::of(&chunk.error)));
            }
            gathering.add(chunk, on_delta)?;
        }
        complete(&gathering, &watch, self.address.base())?;
        Ok(gathering.finish(request.messages.iter().map(|message| message.calls.len()).sum()))
    }
}

impl Models for OpenAi {
    fn generate<'a>(
        &'a self,
        permit: Permit,
        request: Generate,
        on_delta: &'a (dyn Fn(Delta) + Send + Sync),
    ) -> Answer<'a, Result<Reply, Failure>> {
        Box::pin(async move { self.permitted(permit, &request, on_delta).await })
    }
}

/// The names of the models an endpoint has: whether it answers at all, for `doctor`. Waits no longer than for a connection.
///
/// # Errors
/// The failure, with a hint where there is one.
pub async fn probe(endpoint: &Endpoint) -> Result<Vec<String>, Failure> {
    let mut endpoint = endpoint.clone();
    endpoint.timeouts.answer = endpoint.timeouts.connect;
    endpoint.timeouts.idle = endpoint.timeouts.connect;
    let refused = |error: EndpointError| Failure { hint: error.hint, ..permanent(error.message) };
    let address = endpoint.check().map_err(refused)?;
    list(&endpoint, &address).await.map_err(|failure| redact(failure, &endpoint))
}

async fn list(endpoint: &Endpoint, address: &Address) -> Result<Vec<String>, Failure> {
    let watch = Arc::new(Watch::default());
    let client = send::client(&build(endpoint, address).await?, Expect::Json, &watch);
    let failed = |_| watch.failure().unwrap_or_else(|| garbage(address.base(), "it is no list of models"));
    let answer: serde_json::Value = client.models().list_byot().await.map_err(failed)?;
    wire::model_names(&answer).ok_or_else(|| garbage(address.base(), "it is no list of models"))
}

async fn build(endpoint: &Endpoint, address: &Address) -> Result<Route, Failure> {
    let (for_client, ca_file, timeouts) = (address.clone(), endpoint.ca_file.clone(), endpoint.timeouts);
    let built = tokio::task::spawn_blocking(move || crate::client::build(&for_client, ca_file.as_ref(), timeouts)).await;
    let http = built.map_err(|error| permanent(format!("prepare a connection: {error}")))??;
    Ok(Route { http, address: address.clone(), key_source: endpoint.key_source.as_str().into(), timeouts })
}

/// Whether what was gathered is a whole reply of a model.
fn complete(gathering: &Gathering, watch: &Watch, base: &str) -> Result<(), Failure> {
    if let Some(failure) = watch.failure() {
        return Err(failure);
    }
    if !gathering.has_choices() {
        return Err(garbage(base, "it has no choices"));
    }
    if watch.was_cut() && !gathering.has_finish() {
        return Err(Failure {
            kind: FailureKind::Transient,
            ..permanent(format!("read the answer of {base} to its end: the stream stopped"))
        });
    }
    Ok(())
}

fn malformed(base: &str, error: &OpenAIError) -> Failure {
    let why = match error {
        OpenAIError::JSONDeserialize(error, _) => error.to_string(),
        other => other.to_string(),
    };
    Failure { kind: FailureKind::Transient, ..permanent(format!("understand a part of the answer of {base}: {why}")) }
}

fn permanent(message: String) -> Failure {
    Failure { kind: FailureKind::Permanent, message, hint: String::new(), retry_after: None }
}

/// A server may quote the key it was given.
fn redact(failure: Failure, endpoint: &Endpoint) -> Failure {
    match endpoint.api_key.as_ref().map(ExposeSecret::expose_secret).filter(|key| !key.is_empty()) {
        Some(key) => Failure { message: failure.message.replace(key, "[key]"), hint: failure.hint.replace(key, "[key]"), ..failure },
        None => failure,
    }
}
