//! Tools that become tasks.

use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateTaskResult, InputRequests,
    InputRequiredResult,
};
use rmcp::service::RequestContext;
use rmcp::task_manager::{TaskContext, TaskExit, TaskOptions};
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use crate::answers::argument;
use crate::forms::field;
use crate::handler::{Fixture, Row, nothing};
use crate::rounds::{content, response};

/// Tools that can be nothing but a task.
const ONLY_TASKS: [&str; 4] = ["failing_job", "confirm_delete", "multi_input", "test_tool_with_task"];

/// The tools of this file.
pub(crate) fn tools() -> Vec<Row> {
    let text = |name: &str| json!({ "type": "object", "properties": { name: { "type": "string" } } });
    let slow = json!({ "type": "object", "properties": { "seconds": { "type": "number" }, "label": { "type": "string" } } });
    vec![
        ("greet", text("name")),
        ("slow_compute", slow),
        ("failing_job", nothing()),
        ("protocol_error_job", nothing()),
        ("confirm_delete", text("filename")),
        ("multi_input", nothing()),
        ("test_tool_with_task", nothing()),
    ]
}

/// What a task is to do.
enum Job {
    Sleep { time: Duration, says: String },
    Fail,
    Break,
    Confirm(String),
    Gather,
}

/// Answers a call, where the tool is one of this file.
pub(crate) async fn call(
    fixture: &Fixture,
    request: &CallToolRequestParams,
    cx: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let takes_tasks = cx.client_capabilities().is_some_and(|can| can.supports_tasks());
    if ONLY_TASKS.contains(&request.name.as_ref()) && !takes_tasks {
        let needed = ClientCapabilities::builder().enable_tasks().build();
        return Some(Err(ErrorData::missing_required_client_capability(needed)));
    }
    let job = match request.name.as_ref() {
        "greet" => {
            let said = format!("Hello, {}!", argument(request, "name").unwrap_or_default());
            return Some(Ok(CallToolResult::success(vec![ContentBlock::text(said)]).into()));
        }
        "slow_compute" => {
            let seconds = request.arguments.as_ref().and_then(|arguments| arguments.get("seconds")).and_then(Value::as_f64);
            let time = Duration::from_secs_f64(seconds.unwrap_or(1.0).clamp(0.0, 60.0));
            Job::Sleep { time, says: format!("{} is done", argument(request, "label").unwrap_or_default()) }
        }
        "failing_job" => Job::Fail,
        "protocol_error_job" => Job::Break,
        "confirm_delete" => Job::Confirm(argument(request, "filename").unwrap_or_default()),
        "multi_input" => Job::Gather,
        "test_tool_with_task" => match response(request.input_responses.as_ref(), "user_name") {
            Some(response) => Job::Sleep { time: Duration::from_millis(200), says: format!("Hello, {}!", content(response, "name")) },
            None => return Some(name_first()),
        },
        _ => return None,
    };
    if !takes_tasks {
        return Some(at_once(job).await);
    }
    let task = fixture.tasks.spawn(TaskOptions::default(), move |task| Box::pin(async move { work(job, &task).await }));
    Some(Ok(CreateTaskResult::new(task).into()))
}

fn name_first() -> Result<CallToolResponse, ErrorData> {
    let requests = InputRequests::from([("user_name".to_owned(), field("What is your name?", "name", "string")?)]);
    Ok(InputRequiredResult::from_input_requests(requests).into())
}

/// What needs no task, for a client that takes none.
async fn at_once(job: Job) -> Result<CallToolResponse, ErrorData> {
    match job {
        Job::Sleep { time, says } => {
            tokio::time::sleep(time).await;
            Ok(CallToolResult::success(vec![ContentBlock::text(says)]).into())
        }
        _ => Err(broken()),
    }
}

async fn work(job: Job, task: &TaskContext) -> Result<CallToolResult, TaskExit> {
    let says = |text: String| Ok(CallToolResult::success(vec![ContentBlock::text(text)]));
    match job {
        Job::Sleep { time, says: text } => tokio::select! {
            () = task.cancelled() => Err(TaskExit::Cancelled),
            () = tokio::time::sleep(time) => says(text),
        },
        Job::Fail => {
            tokio::time::sleep(Duration::from_millis(1000)).await;
            Ok(CallToolResult::error(vec![ContentBlock::text("It was meant to fail.")]))
        }
        Job::Break => {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Err(TaskExit::Error(broken()))
        }
        Job::Confirm(file) => {
            let form = field(&format!("Delete {file}?"), "confirm", "boolean").map_err(TaskExit::Error)?;
            let said = task.request_input("confirm", form).await?;
            says(format!("{file}: {}", said["content"]["confirm"]))
        }
        Job::Gather => {
            let ask = |key: &'static str| async move {
                let form = field("Give a value.", "value", "string").map_err(TaskExit::Error)?;
                task.request_input(key, form).await
            };
            let (first, second) = tokio::try_join!(ask("first"), ask("second"))?;
            says(format!("{} and {}", first["content"]["value"], second["content"]["value"]))
        }
    }
}

fn broken() -> ErrorData {
    ErrorData::internal_error("It was meant to break.", None)
}
