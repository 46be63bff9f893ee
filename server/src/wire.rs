//! The one place where the parts are plugged together.

use std::sync::Arc;

use naestro_api::{Engine, Error, ErrorCode};
use naestro_index::Index;
use naestro_journal::SqliteJournal;
use naestro_kernel::ModelFacts;
use naestro_models::{Endpoint, OpenAi};
use naestro_policy::port::{Journal, Upstreams, Workspaces};
use naestro_runtime::{LocalEngine, ModelPart, Parts, Settings};
use naestro_tools::{LocalUpstreams, LocalWorkspaces, Means, hands};

use crate::config::{Config, Model};

/// The engine over this configuration; opens nothing yet.
///
/// # Errors
/// `invalid_config` where the model's address or key cannot be right.
pub(crate) fn engine(config: &Config) -> Result<Arc<dyn Engine>, Error> {
    let (for_journal, for_past, for_workspaces) = (config.home.clone(), config.home.clone(), config.home.clone());
    let parts = Parts {
        journal: Box::new(move || SqliteJournal::open(&for_journal).map(|journal| Arc::new(journal) as Arc<dyn Journal>)),
        past: Box::new(move || SqliteJournal::open_read_only(&for_past).ok().map(|journal| Arc::new(journal) as Arc<dyn Journal>)),
        code: Arc::new(Index::new(config.home.clone())),
        workspaces: Box::new(move |contents, code| {
            Arc::new(LocalWorkspaces::new(for_workspaces.clone(), contents, code)) as Arc<dyn Workspaces>
        }),
        upstreams: (!config.upstreams.is_empty()).then(|| Arc::new(upstreams(config)) as Arc<dyn Upstreams>),
        model: config.model.as_ref().ok().map(model).transpose()?,
        settings: Settings {
            home: config.home.clone(),
            recipes: config.recipes.is_dir().then(|| config.recipes.clone()),
            trusted: config.trusted.clone(),
            keep: config.keep,
            inside: config.inside.clone(),
            tests: config.tests.clone(),
        },
    };
    Ok(Arc::new(LocalEngine::new(parts)))
}

/// The configured servers of others; starts nothing.
pub(crate) fn upstreams(config: &Config) -> LocalUpstreams {
    let ca_file = config.ca_file.clone();
    let http = Box::new(move |url: &str| naestro_models::http_client(url, ca_file.as_ref()));
    LocalUpstreams::new(Means { home: config.home.clone(), exe: hands::executable(), http }, config.upstreams.clone())
}

/// The endpoint of a configured model.
pub(crate) fn endpoint(model: &Model) -> Endpoint {
    Endpoint {
        api_key: model.key.clone(),
        key_source: model.key_source.clone(),
        ca_file: model.ca_file.clone(),
        allow_http: model.allow_http,
        ..Endpoint::new(&model.base_url)
    }
}

fn model(model: &Model) -> Result<ModelPart, Error> {
    let port = OpenAi::new(endpoint(model)).map_err(|error| Error::new(ErrorCode::InvalidConfig, error.message).hint(error.hint))?;
    let facts = ModelFacts {
        name: model.name.clone(),
        host: port.host().to_owned(),
        context: model.context,
        max_output: model.max_output,
        price_input: model.price_input,
        price_output: model.price_output,
    };
    Ok(ModelPart { facts, port: Arc::new(port) })
}
