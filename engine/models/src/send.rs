//! Sending one request, once.
//!
//! async-openai would retry by itself, forget the headers of a refusal and print its body to the log; the service put
//! in place of its own does none of that. What it learns beside the response goes into the [`Watch`].

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_openai::Client;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use naestro_kernel::{Failure, FailureKind};

use crate::body::{self, Reading, Watch};
use crate::endpoint::{Address, Timeouts};
use crate::refusal;

/// What a request needs to know of its endpoint.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) http: reqwest::Client,
    pub(crate) address: Address,
    pub(crate) key_source: Arc<str>,
    pub(crate) timeouts: Timeouts,
}

/// What a request expects back.
#[derive(Clone, Copy)]
pub(crate) enum Expect {
    /// A chat completion, streamed or whole.
    Events,
    /// One JSON document.
    Json,
}

/// A client for one call; what goes wrong is found in `watch`.
pub(crate) fn client(route: &Route, expect: Expect, watch: &Arc<Watch>) -> Client<Address> {
    let (on, watch) = (route.clone(), watch.clone());
    let service = tower::service_fn(move |request| {
        let (on, watch) = (on.clone(), watch.clone());
        async move { send(&on, expect, watch, request).await }
    });
    Client::build(route.http.clone(), route.address.clone()).with_http_service(service)
}

async fn send(on: &Route, expect: Expect, watch: Arc<Watch>, request: HttpRequestFactory) -> Result<reqwest::Response, OpenAIError> {
    let request = request.build().await?;
    let base = on.address.base();
    let response = match tokio::time::timeout(on.timeouts.answer, on.http.execute(request)).await {
        Err(_) => return Err(failed(&watch, silent(base, on.timeouts.answer))),
        Ok(Err(error)) => return Err(failed(&watch, unreachable(base, &error))),
        Ok(Ok(response)) => response,
    };
    if !response.status().is_success() {
        let (status, headers) = (response.status(), response.headers().clone());
        let said = body::refusal(response, on.timeouts.idle).await;
        return Err(failed(&watch, refusal::failure(base, &on.key_source, status, &headers, &said)));
    }
    let reading = Reading { base: base.to_owned(), answer: on.timeouts.answer, idle: on.timeouts.idle, watch };
    match expect {
        Expect::Events => Ok(body::events(response, reading)),
        Expect::Json => body::whole(response, reading).await.map_err(|error| OpenAIError::Boxed(error.into())),
    }
}

fn failed(watch: &Watch, failure: Failure) -> OpenAIError {
    OpenAIError::Boxed(watch.fail(failure).into())
}

fn silent(base: &str, waited: Duration) -> Failure {
    Failure {
        kind: FailureKind::Transient,
        message: format!("hear from {base} within {} s", waited.as_secs_f32()),
        hint: "is the model still loading, or the server overloaded?".to_owned(),
        retry_after: None,
    }
}

fn unreachable(base: &str, error: &reqwest::Error) -> Failure {
    let cause = root_cause(error);
    let (kind, hint) = if is_about_certificates(error) {
        (FailureKind::Permanent, "if a certificate authority of your own signed it, name its PEM file in NAESTRO_CA_FILE")
    } else if error.is_builder() {
        (FailureKind::Permanent, "check the base URL")
    } else if error.is_connect() {
        (FailureKind::Unreached, "is it running, is this its address, and is there a network?")
    } else {
        (FailureKind::Transient, "")
    };
    Failure { kind, message: format!("reach {base}: {cause}"), hint: hint.to_owned(), retry_after: None }
}

/// The innermost reason: the ones around it repeat that a request was sent.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.source().is_none() { "the request could not be sent".to_owned() } else { cause.to_string() }
}

fn is_about_certificates(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        // An I/O error does not name as its source what it wraps, only the source of that.
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        let tls = cause.downcast_ref::<rustls::Error>().or_else(|| wrapped?.downcast_ref::<rustls::Error>());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        next = cause.source();
    }
    false
}
