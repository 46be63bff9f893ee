//! The fixture as a server: lists, and each call passed on to the file that answers it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams, CompleteResult, CompletionInfo,
    GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, Implementation, JsonObject, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, RequestStateCodec, ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
    SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{RequestContext, SubscriptionContext, SubscriptionSink};
use rmcp::task_manager::TaskManager;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use crate::{answers, asks, rounds, tasks};

/// How long a client may keep what it got.
const KEEP_MS: u64 = 60_000;

/// A tool: its name and the schema of its arguments.
pub(crate) type Row = (&'static str, Value);

/// What all clients share.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) seal: Arc<RequestStateCodec>,
    pub(crate) tasks: Arc<TaskManager>,
    listeners: Arc<Mutex<BTreeMap<u64, SubscriptionSink>>>,
    next: Arc<AtomicU64>,
}

/// The schema of a tool that takes nothing.
pub(crate) fn nothing() -> Value {
    json!({ "type": "object", "properties": {} })
}

/// A value as the object it is.
pub(crate) fn object(value: &Value) -> JsonObject {
    value.as_object().cloned().unwrap_or_default()
}

fn tool((name, schema): Row) -> Tool {
    Tool::new(name, format!("A fixture of the conformance suite: {name}"), object(&schema))
}

impl Fixture {
    /// A fixture with a key of its own.
    pub(crate) fn new() -> Result<Self, String> {
        let seal = RequestStateCodec::try_new(b"a key that is no secret, since nothing is kept by it".to_vec());
        let seal = Arc::new(seal.map_err(|error| format!("make a key: {error}"))?);
        Ok(Self { seal, tasks: Arc::new(TaskManager::new()), listeners: Arc::default(), next: Arc::default() })
    }

    /// Everyone who listens for news.
    pub(crate) fn listeners(&self) -> Vec<SubscriptionSink> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_resources_list_changed()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_completions()
            .enable_logging()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("mcp-fixture", env!("CARGO_PKG_VERSION")))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        answers::tools().into_iter().find(|(known, _)| *known == answers::WITH_HEADER && *known == name).map(tool)
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        let rows = answers::tools().into_iter().chain(asks::tools()).chain(rounds::tools()).chain(tasks::tools());
        Ok(ListToolsResult::with_all_items(rows.map(tool).collect()).with_ttl_ms(KEEP_MS).with_cache_scope(CacheScope::Public))
    }

    async fn call_tool(&self, request: CallToolRequestParams, cx: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        if let Some(answer) = answers::call(self, &request, &cx).await {
            return answer.map(Into::into);
        }
        if let Some(answer) = asks::call(&request, &cx).await {
            return answer.map(Into::into);
        }
        if let Some(answer) = rounds::call(self, &request, &cx) {
            return answer;
        }
        match tasks::call(self, &request, &cx).await {
            Some(answer) => answer,
            None => Err(ErrorData::invalid_params(format!("unknown tool {}", request.name), None)),
        }
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(answers::resources()).with_ttl_ms(KEEP_MS).with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = answers::templates();
        Ok(ListResourceTemplatesResult::with_all_items(templates).with_ttl_ms(KEEP_MS).with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let read = answers::resource(&request.uri)?;
        Ok(read.with_ttl_ms(KEEP_MS).with_cache_scope(CacheScope::Public).into())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).insert(id, cx.sink().clone());
        cx.cancelled().await;
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok(())
    }

    async fn list_prompts(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(answers::prompts()).with_ttl_ms(KEEP_MS).with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: RequestContext<RoleServer>) -> Result<GetPromptResponse, ErrorData> {
        rounds::prompt(&request).unwrap_or_else(|| answers::prompt(&request).map(Into::into))
    }

    async fn complete(&self, request: CompleteRequestParams, _: RequestContext<RoleServer>) -> Result<CompleteResult, ErrorData> {
        let words = ["paris", "park", "party"].into_iter().filter(|word| word.starts_with(&request.argument.value));
        let info = CompletionInfo::new(words.map(str::to_owned).collect()).map_err(|error| ErrorData::internal_error(error, None))?;
        Ok(CompleteResult::new(info))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn get_task(&self, request: GetTaskParams, _: RequestContext<RoleServer>) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(self.tasks.get_task(&request.task_id)?))
    }

    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.tasks.cancel_task(&request.task_id)
    }
}
