//! The requests of the protocol, each passed on to the file that knows it.
//!
//! Invariant: every request is answered, once: one that panics is answered as a bug and takes no other down.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use naestro_api::{Command, Engine, Error, Handle, Trace, TraceReply};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam, CompleteRequestParams,
    CompleteResult, CompletionInfo, CustomRequest, CustomResult, DiscoverResult, ErrorCode, ErrorData, GetPromptRequestParams,
    GetPromptResponse, GetTaskParams, GetTaskResult, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, Reference,
    ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cancellations::Cancellations;
use crate::client::{self, Context};
use crate::consent::Seal;
use crate::subscriptions::{self, Subscriptions};
use crate::{Settings, failure, follow, prompts, resources, tasks, tools};

/// How long a client may keep what only a new version of the program changes.
const KEEP_MS: u64 = 3_600_000;
/// The most values a completion has.
const VALUES: usize = 100;

/// What a client can ask for that `rmcp` reads strictly: parameters that do not fit are wrong ones, not unknown methods.
const KNOWN: [&str; 13] = [
    "completion/complete",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "server/discover",
    "subscriptions/listen",
    "tasks/cancel",
    "tasks/get",
    "tasks/update",
    "tools/call",
    "tools/list",
];

/// What only a client can ask for whose requests do not stand alone; another is told that there is no such method.
const KNOWN_IN_SESSIONS: [&str; 4] = ["initialize", "ping", "resources/subscribe", "resources/unsubscribe"];

/// What to do with the tools, for a model that sees them for the first time.
const INSTRUCTIONS: &str = "Naestro works on the project in the folder it was started in, or in the one a call names as workspace. \
    explain and test need no model. A result with state \"running\" names a run: wait for it with trace, op \"wait\". A run never \
    changes the checkout itself; it ends in a diff.";

/// What all clients of a process share.
pub(crate) struct Face {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) settings: Settings,
    pub(crate) seal: Seal,
    /// Cancelled when the process is about to end: what is cancelled then was not cancelled by anybody.
    pub(crate) closing: CancellationToken,
    /// Runs that are to go on when this process ends.
    detached: Mutex<Vec<Detached>>,
}

/// A run that is to go on when its client, and with it this process, is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detached {
    /// The run.
    pub run: String,
    /// The client that started it, under whose name it goes on.
    pub client: String,
}

impl Face {
    /// Takes note of a run that is to go on.
    pub(crate) fn detach(&self, run: Detached) {
        self.detached.lock().unwrap_or_else(PoisonError::into_inner).push(run);
    }

    /// Asks the journal.
    ///
    /// # Errors
    /// `unknown_run`, or what is wrong with the journal.
    pub(crate) async fn trace(&self, cx: &Context, trace: Trace) -> Result<TraceReply, Error> {
        match self.engine.submit(Command::Trace(trace), client::caller(cx, None)).await? {
            Handle::Trace(reply) => Ok(reply),
            _ => Err(failure::unexpected("a trace")),
        }
    }
}

/// One client, or every client whose requests stand alone.
#[derive(Clone)]
pub struct Handler {
    face: Arc<Face>,
    subscriptions: Arc<Subscriptions>,
    cancellations: Arc<Cancellations>,
}

impl Handler {
    /// Requests become commands of `engine`.
    ///
    /// # Errors
    /// `internal` where no key can be made.
    pub fn new(engine: Arc<dyn Engine>, settings: Settings) -> Result<Self, Error> {
        let face = Face { engine, settings, seal: Seal::new()?, closing: CancellationToken::new(), detached: Mutex::default() };
        Ok(Self { face: Arc::new(face), subscriptions: Arc::default(), cancellations: Arc::default() })
    }

    /// The same for another client, with subscriptions of its own.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { face: Arc::clone(&self.face), subscriptions: Arc::default(), cancellations: Arc::default() }
    }

    /// The runs that are to go on elsewhere, once this process has suspended them.
    pub async fn detached(&self) -> Vec<Detached> {
        let mut unfinished = Vec::new();
        let noted = std::mem::take(&mut *self.face.detached.lock().unwrap_or_else(PoisonError::into_inner));
        for detached in noted {
            let state = follow::state(&*self.face.engine, &detached.run).await;
            if state.is_ok_and(|state| state.outcome.is_none()) {
                unfinished.push(detached);
            }
        }
        unfinished
    }

    /// Says that the process is about to end, and suspends every run.
    pub async fn close(&self) {
        self.face.closing.cancel();
        self.face.engine.close().await;
    }
}

/// Answers even where a bug stops the work.
async fn guarded<T>(method: &'static str, work: impl Future<Output = Result<T, ErrorData>>) -> Result<T, ErrorData> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        let error = Error::new(naestro_api::ErrorCode::Internal, format!("answer {method}: a bug stopped it"));
        Err(failure::of(&error.hint("standard error says where; other requests are not affected")))
    })
}

fn of(error: Error) -> ErrorData {
    failure::of(&error)
}

/// There is only one page of everything.
fn no_cursor(request: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|request| request.cursor) {
        Some(_) => Err(ErrorData::invalid_params("unknown cursor: all there is comes in one page", None)),
        None => Ok(()),
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let about = Implementation::new("naestro", self.face.settings.version)
            .with_title("Naestro")
            .with_description("Plans, runs, tests and explains work on a project; every effect permitted and recorded.");
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_completions()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
            .with_server_info(about)
            .with_instructions(INSTRUCTIONS)
    }

    async fn discover(&self, _: Context) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()).with_ttl_ms(KEEP_MS).with_cache_scope(CacheScope::Public))
    }

    async fn list_tools(&self, request: Option<PaginatedRequestParams>, _: Context) -> Result<ListToolsResult, ErrorData> {
        no_cursor(request)?;
        let tools = tools::all(&self.face.settings);
        Ok(ListToolsResult::with_all_items(tools).with_ttl_ms(KEEP_MS).with_cache_scope(CacheScope::Public))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all(&self.face.settings).into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(&self, request: CallToolRequestParams, mut cx: Context) -> Result<CallToolResponse, ErrorData> {
        cx.extensions.insert(Arc::clone(&self.cancellations));
        let answered = guarded("tools/call", tools::call(&self.face, &cx, request)).await;
        self.cancellations.forget(&cx.id);
        answered
    }

    async fn on_cancelled(&self, cancelled: CancelledNotificationParam, _: NotificationContext<RoleServer>) {
        if let Some(id) = cancelled.request_id {
            self.cancellations.note(id);
        }
    }

    async fn list_resources(&self, request: Option<PaginatedRequestParams>, _: Context) -> Result<ListResourcesResult, ErrorData> {
        no_cursor(request)?;
        guarded("resources/list", async { resources::list(&*self.face.engine).await.map_err(of) }).await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        no_cursor(request)?;
        Ok(resources::templates())
    }

    async fn read_resource(&self, request: ReadResourceRequestParams, _: Context) -> Result<ReadResourceResponse, ErrorData> {
        let work = async {
            match resources::read(&*self.face.engine, &request.uri).await {
                Ok(read) => Ok(read.into()),
                Err(error) if error.code == naestro_api::ErrorCode::UnknownRun => {
                    Err(ErrorData::resource_not_found(error.to_string(), Some(json!({ "uri": request.uri }))))
                }
                Err(error) => Err(of(error)),
            }
        };
        guarded("resources/read", work).await
    }

    async fn subscribe(&self, request: SubscribeRequestParams, cx: Context) -> Result<(), ErrorData> {
        let added = self.subscriptions.add(Arc::clone(&self.face.engine), request.uri, cx.peer.clone());
        guarded("resources/subscribe", async { added.await.map_err(of) }).await
    }

    async fn unsubscribe(&self, request: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        self.subscriptions.remove(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        guarded("subscriptions/listen", async { subscriptions::listen(Arc::clone(&self.face.engine), &cx).await.map_err(of) }).await
    }

    async fn list_prompts(&self, request: Option<PaginatedRequestParams>, _: Context) -> Result<ListPromptsResult, ErrorData> {
        no_cursor(request)?;
        guarded("prompts/list", async { prompts::list(&*self.face.engine).await.map_err(of) }).await
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: Context) -> Result<GetPromptResponse, ErrorData> {
        guarded("prompts/get", async { prompts::get(&*self.face.engine, &request).await.map(Into::into).map_err(of) }).await
    }

    async fn complete(&self, request: CompleteRequestParams, _: Context) -> Result<CompleteResult, ErrorData> {
        let (engine, argument) = (&*self.face.engine, &request.argument);
        let work = async {
            let mut values = match (&request.r#ref, argument.name.as_str()) {
                (Reference::Resource(_), "id") => resources::complete_run(engine, &argument.value).await.map_err(of)?,
                (Reference::Prompt(_), "workspace") => resources::complete_workspace(engine, &argument.value).await.map_err(of)?,
                _ => Vec::new(),
            };
            let total = u32::try_from(values.len()).ok();
            let more = values.len() > VALUES;
            values.truncate(VALUES);
            let info = CompletionInfo::with_pagination(values, total, more).map_err(|error| ErrorData::internal_error(error, None))?;
            Ok(CompleteResult::new(info))
        };
        guarded("completion/complete", work).await
    }

    async fn get_task(&self, request: GetTaskParams, _: Context) -> Result<GetTaskResult, ErrorData> {
        let work = async { tasks::get(&*self.face.engine, &request.task_id).await.map(GetTaskResult::new).map_err(of) };
        guarded("tasks/get", work).await
    }

    async fn update_task(&self, request: UpdateTaskParams, cx: Context) -> Result<(), ErrorData> {
        let work = async { tasks::update(&cx, &*self.face.engine, &request.task_id, &request.input_responses).await.map_err(of) };
        guarded("tasks/update", work).await
    }

    async fn cancel_task(&self, request: CancelTaskParams, cx: Context) -> Result<(), ErrorData> {
        guarded("tasks/cancel", async { tasks::cancel(&cx, &*self.face.engine, &request.task_id).await.map_err(of) }).await
    }

    async fn on_custom_request(&self, request: CustomRequest, cx: Context) -> Result<CustomResult, ErrorData> {
        let method: String = request.method.chars().take(64).collect();
        let name = request.method.as_str();
        if KNOWN.contains(&name) || (KNOWN_IN_SESSIONS.contains(&name) && !client::is_modern(&cx)) {
            return Err(ErrorData::invalid_params(format!("the params of {method} do not have the form that method takes"), None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("unknown method `{method}`"), None))
    }
}
