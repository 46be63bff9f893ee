//! Where a model answers: a checked address, a key, and how long to wait.

use std::path::PathBuf;
use std::time::Duration;

use async_openai::config::Config;
use http::{HeaderMap, HeaderValue, header};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// An OpenAI-shaped endpoint, as a person configures it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The URL that `/chat/completions` and `/models` are appended to, such as `http://localhost:11434/v1`.
    pub base_url: String,
    /// The key, where one is needed.
    pub api_key: Option<SecretString>,
    /// Where the key comes from, for hints: the name of a variable or a file, never the key.
    pub key_source: String,
    /// A PEM file of certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether plain `http` may leave this machine.
    pub allow_http: bool,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// How long to wait for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection; 10 s unless said otherwise.
    pub connect: Duration,
    /// For the first byte of an answer; 300 s unless said otherwise, since a model on a CPU reads a long prompt slowly.
    pub answer: Duration,
    /// For each further byte; 60 s unless said otherwise.
    pub idle: Duration,
}

/// An endpoint that cannot be used as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    /// A lowercase fragment that fits "failed to ...".
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// A checked endpoint: what the transport asks for, without looking at the environment.
#[derive(Clone)]
pub(crate) struct Address {
    base: String,
    query: Vec<(String, String)>,
    host: String,
    loopback: bool,
    headers: HeaderMap,
    key: SecretString,
}

impl Endpoint {
    /// An endpoint without a key, with the usual timeouts.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            api_key: None,
            key_source: "OPENAI_API_KEY".to_owned(),
            ca_file: None,
            allow_http: false,
            timeouts: Timeouts::default(),
        }
    }

    /// The host, with its port where that is not the default one: what a permit for a call to it names.
    ///
    /// # Errors
    /// What is wrong with the base URL or the key, with a hint.
    pub fn host(&self) -> Result<String, EndpointError> {
        self.check().map(|address| address.host)
    }

    pub(crate) fn check(&self) -> Result<Address, EndpointError> {
        let url = self.url()?;
        let host = url.host_str().unwrap_or_default();
        let loopback = is_loopback(host);
        if url.scheme() == "http" && !loopback && !self.allow_http {
            return Err(self.error(
                "it would send the conversation unencrypted",
                "use https, or set allow_http = true under [model] in the configuration file",
            ));
        }
        let path = url.path().trim_end_matches('/').trim_end_matches("/chat/completions");
        Ok(Address {
            base: format!("{}{path}", url.origin().ascii_serialization()),
            query: url.query_pairs().into_owned().collect(),
            host: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            loopback,
            headers: self.headers()?,
            key: self.api_key.clone().unwrap_or_default(),
        })
    }

    fn url(&self) -> Result<Url, EndpointError> {
        let url = Url::parse(self.base_url.trim()).map_err(|error| self.error(&error.to_string(), "begin it with http:// or https://"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(self.error("it is no http address", "begin it with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // The address is shown in messages, so it must hold no secret; not even this message shows it.
            let hint = format!("put the key into {}", self.key_source);
            return Err(EndpointError { message: "use a model server's address that holds a password".to_owned(), hint });
        }
        Ok(url)
    }

    fn headers(&self) -> Result<HeaderMap, EndpointError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = self.api_key.as_ref().filter(|key| !key.expose_secret().is_empty()) {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret())).map_err(|_| EndpointError {
                message: format!("use the key from {}: it has characters that no key has", self.key_source),
                hint: "look for a line break or a quote that was copied with it".to_owned(),
            })?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(headers)
    }

    fn error(&self, why: &str, hint: &str) -> EndpointError {
        EndpointError { message: format!("use the model server's address '{}': {why}", self.base_url), hint: hint.to_owned() }
    }
}

impl Address {
    /// Without a slash at its end and without its query: what messages show.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }

    pub(crate) fn is_https(&self) -> bool {
        self.base.starts_with("https")
    }
}

impl Config for Address {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), answer: Duration::from_secs(300), idle: Duration::from_secs(60) }
    }
}

/// Whether a URL's host means this machine whatever a name server says.
fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    name || literal.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl std::fmt::Display for EndpointError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EndpointError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base_url: &str, expect: Result<(&str, &str), &str>) {
        let checked = Endpoint::new(base_url).check();
        let seen = checked.as_ref().map(|address| (address.url("/models"), address.host().to_owned())).map_err(|error| error.to_string());
        let expect = expect.map(|(url, host)| (url.to_owned(), host.to_owned()));
        match expect {
            Err(part) => assert!(seen.as_ref().is_err_and(|error| error.contains(part)), "{seen:?}"),
            expect => assert_eq!(seen, expect.map_err(str::to_owned)),
        }
    }

    #[test]
    fn an_address_is_taken_as_people_write_it() {
        check("https://api.openai.com/v1", Ok(("https://api.openai.com/v1/models", "api.openai.com")));
        check(" https://api.openai.com:443/v1/ ", Ok(("https://api.openai.com/v1/models", "api.openai.com")));
        check("http://localhost:11434/v1", Ok(("http://localhost:11434/v1/models", "localhost:11434")));
        check("http://[::1]:8080/v1/chat/completions", Ok(("http://[::1]:8080/v1/models", "[::1]:8080")));
        check("http://127.0.0.1", Ok(("http://127.0.0.1/models", "127.0.0.1")));
    }

    #[test]
    fn an_address_that_cannot_be_right_is_refused() {
        check("", Err("relative URL"));
        check("localhost:11434/v1", Err("no http address"));
        check("ftp://models/v1", Err("no http address"));
        check("http://10.0.0.7:8000/v1", Err("unencrypted"));
        check("http://127.0.0.1.example.com/v1", Err("unencrypted"));
        check("https://me:hunter2@models/v1", Err("holds a password"));
    }

    #[test]
    fn plain_http_may_leave_the_machine_where_that_is_allowed() {
        let endpoint = Endpoint { allow_http: true, ..Endpoint::new("http://10.0.0.7:8000/v1") };
        assert_eq!(endpoint.host(), Ok("10.0.0.7:8000".to_owned()));
    }

    #[test]
    fn a_query_is_kept_for_every_request() {
        let address = Endpoint::new("https://x.openai.azure.com/openai?api-version=1").check();
        assert_eq!(address.as_ref().map(|address| address.query()).ok(), Some(vec![("api-version", "1")]));
    }

    #[test]
    fn no_key_shows_in_debug_output_or_errors() {
        let mut endpoint = Endpoint { api_key: Some("sk-hunter2".into()), ..Endpoint::new("https://models/v1") };
        assert!(!format!("{endpoint:?}").contains("hunter2"));
        assert!(endpoint.check().is_ok_and(|address| !format!("{:?}", address.headers).contains("hunter2")));
        endpoint.api_key = Some("sk-hunter2\n".into());
        let error = endpoint.check().err().map(|error| format!("{error:?}")).unwrap_or_default();
        assert!(error.contains("OPENAI_API_KEY") && !error.contains("hunter2"), "{error}");
    }
}
