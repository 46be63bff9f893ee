//! Proxies come from the environment, which a test can only set for a process of its own: this executable once more.

use std::process::Command;

use naestro_policy::effect::Generate;
use naestro_tests::scripted::{Reply, Scenario, Scripted};

use super::{generate, user};
use crate::{Endpoint, OpenAi};

/// Runs the ignored test of that name with a proxy in its environment; returns whether it passed.
#[expect(clippy::disallowed_methods, reason = "an environment of its own needs a process of its own")]
fn passes_behind(proxy: &str, test: &str) -> bool {
    let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in ["NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    // In a CGI program the upper-case name would be a request's header; so it counts only where there is no request.
    command.env_remove("REQUEST_METHOD").env("HTTP_PROXY", proxy).env("NO_PROXY", "direct.invalid");
    let output = command.args(["--exact", &name, "--ignored"]).output().unwrap();
    output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed")
}

fn proxy() -> Scripted {
    Scripted::spawn(Scenario::always(Reply::text("by proxy")))
}

fn ask(base_url: &str) -> Option<String> {
    let endpoint = Endpoint { allow_http: true, ..Endpoint::new(base_url) };
    let request =
        Generate { host: endpoint.host().unwrap(), model: "m".into(), messages: vec![user("go")], tools: Vec::new(), max_output: 9 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(generate(&OpenAi::new(endpoint).unwrap(), request)).0.ok().map(|reply| reply.message.text)
}

#[test]
fn a_proxy_is_used_for_other_machines() {
    let proxy = proxy();
    assert!(passes_behind(&format!("http://{}", proxy.host()), "other_machine"));
    assert_eq!(proxy.requests()[0].path, "http://models.invalid/v1/chat/completions");
}

#[test]
fn no_proxy_is_used_for_this_machine_and_for_those_excepted() {
    let proxy = proxy();
    assert!(passes_behind(&format!("http://{}", proxy.host()), "this_machine"));
    assert_eq!(proxy.counts().requests, 0);
}

#[test]
#[ignore = "run by a_proxy_is_used_for_other_machines"]
fn other_machine() {
    assert_eq!(ask("http://models.invalid/v1").as_deref(), Some("by proxy"));
}

#[test]
#[ignore = "run by no_proxy_is_used_for_this_machine_and_for_those_excepted"]
fn this_machine() {
    let model = Scripted::spawn(Scenario::always(Reply::text("direct")));
    assert_eq!(ask(&model.url()).as_deref(), Some("direct"));
    assert_eq!(ask("http://direct.invalid/v1"), None);
}
