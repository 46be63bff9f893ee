//! The configuration file as it is written, and what is wrong with one.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use naestro_api::{Error, ErrorCode};
use serde::Deserialize;

use crate::near;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    /// The model.
    pub(super) model: Model,
    /// Folders whose AGENTS.md may speak to the model.
    pub(super) trust: Vec<PathBuf>,
    /// How many megabytes the journal may take before its oldest finished runs are removed.
    pub(super) keep_mb: Option<u64>,
    /// The state directory.
    pub(super) home: Option<PathBuf>,
    /// How the project's tests are run.
    pub(super) test: Test,
    /// Servers whose tools runs may use, by their names.
    pub(super) upstream: BTreeMap<String, Upstream>,
}

/// A table `[upstream.NAME]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Upstream {
    /// The program and its arguments, spoken to on its standard input and output.
    pub(super) command: Vec<String>,
    /// Variables of its environment.
    pub(super) env: BTreeMap<String, String>,
    /// Variables of ours that are passed on to it.
    pub(super) pass_env: Vec<String>,
    /// The endpoint, where it is reached by HTTP.
    pub(super) url: Option<String>,
    /// The variable its token comes from.
    pub(super) bearer_env: Option<String>,
    /// As whom to ask for leave by OAuth, where that was registered beforehand, and the variable of its secret.
    pub(super) client_id: Option<String>,
    pub(super) client_secret_env: Option<String>,
    /// The scopes to ask for.
    pub(super) scopes: Vec<String>,
    /// The tools that only read.
    pub(super) read_only: Vec<String>,
    /// The tools that may be called unasked.
    pub(super) allow: Vec<String>,
    /// The longest a call may take, in seconds.
    pub(super) timeout_s: Option<u64>,
}

/// The table `[test]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Test {
    /// How often a test that fails is run again.
    pub(super) retries: Option<u32>,
    /// The command that runs the tests of a package, by its name or folder.
    pub(super) runners: BTreeMap<String, Vec<String>>,
}

/// The table `[model]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Model {
    pub(super) name: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) api_key_env: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) allow_http: bool,
    pub(super) context: Option<u64>,
    pub(super) max_output: Option<u64>,
    pub(super) price_input_per_mtok: Price,
    pub(super) price_output_per_mtok: Price,
}

/// US dollars per million tokens: finite and not negative.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Price(f64);

impl Price {
    /// The same in micro-dollars.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range when it was read")]
    pub(super) fn micros(self) -> u64 {
        (self.0 * 1e6).round() as u64
    }
}

impl TryFrom<f64> for Price {
    type Error = &'static str;

    fn try_from(usd: f64) -> Result<Self, Self::Error> {
        if (0.0..=1e6).contains(&usd) { Ok(Self(usd)) } else { Err("a price must be between 0 and 1,000,000 US dollars") }
    }
}

/// Reads the file; an absent one is an empty one.
///
/// # Errors
/// `invalid_config` with the file, the line and what is wrong there.
pub(super) fn read(path: &Path) -> Result<File, Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => {
            let message = format!("read the configuration file {}: {error}", path.display());
            return Err(Error::new(ErrorCode::InvalidConfig, message).hint("make it readable, or remove it"));
        }
    };
    toml::from_str(&text).map_err(|error| wrong(path, &text, &error))
}

fn wrong(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let message = format!("use the configuration file {}, line {line}: {}", path.display(), error.message());
    let hint = near::hint(error.message()).unwrap_or_else(|| "naestro doctor says what is configured".to_owned());
    Error::new(ErrorCode::InvalidConfig, message).hint(hint)
}
