//! `mcp-floor`: the least an MCP server on the same SDK can cost, for `naestro bench mcp --peer` to be measured beside.

use std::process::ExitCode;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt as _};

/// A server with one tool, which says hello.
struct Floor;

impl ServerHandler for Floor {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![Tool::new_with_raw("hello", None, Arc::default())]))
    }

    async fn call_tool(&self, _: CallToolRequestParams, _: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text("hello")]).into())
    }
}

#[expect(clippy::print_stderr, reason = "a program prints")]
fn main() -> ExitCode {
    let served = tokio::runtime::Builder::new_multi_thread().enable_all().build().map(|runtime| {
        runtime.block_on(async {
            match Floor.serve(rmcp::transport::stdio_pipes()).await {
                Ok(running) => drop(running.waiting().await),
                Err(error) => eprintln!("failed to serve: {error}"),
            }
        });
    });
    if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
