//! The configuration: one file of the user's, and the environment, which wins over it.
//!
//! The one place where the environment and the configuration file are read. Nothing in a repository is configuration.
//!
//! Invariant: a key is read from the environment only, and neither shown nor kept in the file.
#![expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]

mod file;
#[cfg(test)]
mod tests;
mod upstream;

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use naestro_api::{Error, ErrorCode};
use naestro_models::Secret;
use naestro_runtime::Tests;
use naestro_tools::UpstreamServer;

/// Where keys for the usual endpoint are.
const OPENAI_URL: &str = "https://api.openai.com/v1";
/// The variable a key comes from where the file names no other.
const KEY_VARIABLE: &str = "OPENAI_API_KEY";
/// What is assumed of a model the file says nothing about: tokens of one request and its reply, and of the reply.
const CONTEXT: u64 = 128_000;
const MAX_OUTPUT: u64 = 8_192;
/// Megabytes the journal may take where the file does not say.
const KEEP_MB: u64 = 4_096;

/// Everything the user configured, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The configuration file, whether or not it is there.
    pub(crate) file: PathBuf,
    /// The state directory.
    pub(crate) home: PathBuf,
    /// The user's own recipes.
    pub(crate) recipes: PathBuf,
    /// Folders whose AGENTS.md may speak to the model.
    pub(crate) trusted: Vec<PathBuf>,
    /// How many bytes the journal may take before its oldest finished runs are removed.
    pub(crate) keep: u64,
    /// The checkouts this process runs inside of, where Naestro started it.
    pub(crate) inside: Vec<PathBuf>,
    /// How the project's tests are run.
    pub(crate) tests: Tests,
    /// A PEM file of certificates to trust beside the system's, for servers that are no model's.
    pub(crate) ca_file: Option<PathBuf>,
    /// Servers whose tools runs may use.
    pub(crate) upstreams: Vec<UpstreamServer>,
    /// The model, or what is missing to have one.
    pub(crate) model: Result<Model, NoModel>,
}

/// A model's endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The name its endpoint knows it by.
    pub(crate) name: String,
    /// Where it answers.
    pub(crate) base_url: String,
    /// Where that address comes from, for people.
    pub(crate) url_source: String,
    /// The key, where there is one.
    pub(crate) key: Option<Secret>,
    /// The variable the key comes from.
    pub(crate) key_source: String,
    /// A PEM file of certificates to trust beside the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether plain http may leave this machine.
    pub(crate) allow_http: bool,
    /// Tokens of one request and its reply together.
    pub(crate) context: u64,
    /// The most tokens of one reply.
    pub(crate) max_output: u64,
    /// Micro-dollars per million input tokens.
    pub(crate) price_input: u64,
    /// Micro-dollars per million output tokens.
    pub(crate) price_output: u64,
}

/// Why there is no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoModel {
    /// Neither an address nor a key is configured.
    Nothing,
    /// There is an address or a key, but no name.
    Name,
}

/// Reads a variable; a function, so that tests need not change the process's environment.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads the configuration; `model` is the name asked for on the command line.
    ///
    /// # Errors
    /// `invalid_config` naming the file, the line and the key, or the variable.
    pub(crate) fn load(model: Option<&str>) -> Result<Self, Error> {
        Self::read(&|name| std::env::var(name).ok(), model)
    }

    /// The configuration as the environment alone makes it, for where the file cannot be used.
    ///
    /// # Errors
    /// `invalid_config` naming the variable.
    pub(crate) fn of_environment() -> Result<Self, Error> {
        Self::with(&|name| std::env::var(name).ok(), None, |_| Ok(file::File::default()))
    }

    fn read(variables: Variables<'_>, model: Option<&str>) -> Result<Self, Error> {
        Self::with(variables, model, file::read)
    }

    fn with(variables: Variables<'_>, model: Option<&str>, read: impl FnOnce(&Path) -> Result<file::File, Error>) -> Result<Self, Error> {
        // An empty variable is an unset one, as shells make it hard to tell the two apart.
        let get = |name: &str| variables(name).filter(|value| !value.trim().is_empty());
        let path = file_path(&get)?;
        let file = read(&path)?;
        let home = absolute("NAESTRO_HOME", get("NAESTRO_HOME").map(PathBuf::from).or(file.home.clone()), state_dir)?;
        let recipes = path.parent().unwrap_or(Path::new("/")).join("recipes");
        let ca_file = get("NAESTRO_CA_FILE").map(PathBuf::from).or(file.model.ca_file.clone());
        let model = model_of(file.model, &get, model);
        let path_shown = path.display().to_string();
        Ok(Self {
            file: path,
            home,
            recipes,
            trusted: file.trust,
            keep: file.keep_mb.unwrap_or(KEEP_MB).saturating_mul(1 << 20),
            inside: get("NAESTRO_INSIDE").map(|paths| std::env::split_paths(&paths).collect()).unwrap_or_default(),
            tests: tests(file.test, &path_shown)?,
            ca_file,
            upstreams: upstream::servers(file.upstream, &get, &path_shown)?,
            model,
        })
    }
}

impl NoModel {
    /// What is missing, as a sentence for people.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Nothing => "no model is configured",
            Self::Name => "an endpoint is configured, but no model name",
        }
    }

    /// What to do about it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Nothing => {
                "set OPENAI_BASE_URL (for instance http://localhost:11434/v1) and NAESTRO_MODEL, or OPENAI_API_KEY and NAESTRO_MODEL"
            }
            Self::Name => "set NAESTRO_MODEL, give --model, or write model.name into the configuration file",
        }
    }
}

/// The filter for what is logged to stderr.
pub(crate) fn log_filter() -> String {
    std::env::var("NAESTRO_LOG").ok().filter(|filter| !filter.is_empty()).unwrap_or_else(|| "warn,async_openai=off".to_owned())
}

/// The user's own folder, where there is one.
pub(crate) fn user_home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

/// The first executable file of that name on the search path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn file_path(get: Variables<'_>) -> Result<PathBuf, Error> {
    absolute("NAESTRO_CONFIG", get("NAESTRO_CONFIG").map(PathBuf::from), || {
        strategy("NAESTRO_CONFIG").map(|strategy| strategy.config_dir().join("naestro/config.toml"))
    })
}

fn state_dir() -> Result<PathBuf, Error> {
    let strategy = strategy("NAESTRO_HOME")?;
    Ok(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("naestro"))
}

fn strategy(instead: &str) -> Result<impl etcetera::BaseStrategy, Error> {
    etcetera::choose_base_strategy().map_err(|error| {
        Error::new(ErrorCode::InvalidConfig, format!("find your home directory: {error}")).hint(format!("set HOME or {instead}"))
    })
}

fn absolute(name: &str, given: Option<PathBuf>, otherwise: impl FnOnce() -> Result<PathBuf, Error>) -> Result<PathBuf, Error> {
    match given {
        None => otherwise(),
        Some(path) if path.is_absolute() => Ok(path),
        Some(path) => {
            let message = format!("use the folder or file '{}' that {name} names: it is a relative path", path.display());
            Err(Error::new(ErrorCode::InvalidConfig, message).hint(format!("make {name} an absolute path")))
        }
    }
}

fn tests(file: file::Test, path: &str) -> Result<Tests, Error> {
    match file.runners.iter().find(|(_, command)| command.first().is_none_or(|program| program.is_empty())) {
        Some((of, _)) => {
            let message = format!("use the configuration file {path}: the runner of {of:?} has no program");
            Err(Error::new(ErrorCode::InvalidConfig, message).hint(r#"write it as a list of words: ["cargo", "test"]"#))
        }
        None => Ok(Tests { retries: file.retries, runners: file.runners }),
    }
}

fn model_of(file: file::Model, get: Variables<'_>, asked: Option<&str>) -> Result<Model, NoModel> {
    let key_source = file.api_key_env.unwrap_or_else(|| KEY_VARIABLE.to_owned());
    let key = get(&key_source).map(|key| Secret::from(key.trim().to_owned()));
    let (base_url, url_source) = match (get("OPENAI_BASE_URL"), file.base_url) {
        (Some(url), _) => (url, "OPENAI_BASE_URL"),
        (None, Some(url)) => (url, "the configuration file"),
        (None, None) if key.is_some() => (OPENAI_URL.to_owned(), "the default"),
        (None, None) => return Err(NoModel::Nothing),
    };
    let name = get("NAESTRO_MODEL").or(file.name).or_else(|| asked.map(str::to_owned)).ok_or(NoModel::Name)?;
    let context = file.context.unwrap_or(CONTEXT);
    Ok(Model {
        name,
        base_url,
        url_source: url_source.to_owned(),
        key,
        key_source,
        ca_file: get("NAESTRO_CA_FILE").map(PathBuf::from).or(file.ca_file),
        allow_http: file.allow_http,
        context,
        // A reply never takes more than half of what fits, or nothing would fit before it.
        max_output: file.max_output.unwrap_or(MAX_OUTPUT).min(context / 2),
        price_input: file.price_input_per_mtok.micros(),
        price_output: file.price_output_per_mtok.micros(),
    })
}
