//! Tools of other servers: approved, then used by runs, under the policy of every other effect.

use std::time::{Duration, Instant};

use naestro_tests::projects::Project;
use nix::sys::signal::Signal;
use serde_json::json;

use super::mcp::{ALONE, Mcp};
use super::naestro::{Naestro, eventually, is, path, says, text};
use super::rpc::Rpc;
use super::upstream::{Upstream, gone};

#[test]
fn a_tool_is_approved_and_then_called() {
    let upstream = Upstream::new("plain", "evil__echo", "allow = [\"echo\"]");
    says(&upstream.naestro.run(["upstream", "list"]).exits(0).out, &["evil: nothing approved", "upstream-fixture"]);
    assert_eq!(upstream.pids().len(), 0, "a list starts nothing");
    let approved = upstream.approve().exits(0);
    assert_eq!(approved.lines[0]["approved"], 2, "{}", approved.out);
    says(&upstream.naestro.run(["upstream", "list"]).exits(0).out, &["evil: 2 tools approved"]);
    says(&upstream.naestro.run(["doctor"]).out, &["other servers", "evil: 2 tools approved"]);
    let (told, finished) = upstream.run("auto");
    says(&told, &["echo: {\"word\":\"hello\"}"]);
    assert_eq!(finished["outcome"], "succeeded");
    let offered = upstream.model.chats()[0]["tools"].to_string();
    says(&offered, &["evil__echo", "evil__wipe", "Tool of the server evil, which says of it: Echoes its arguments."]);
    assert_eq!(upstream.pids().len(), 2, "one to approve, one for the run");
    gone(&upstream.pids(), Duration::from_secs(2));
    upstream.naestro.run(["upstream", "rm", "evil"]).exits(0);
    upstream.run("auto");
    assert!(!upstream.model.chats().last().unwrap()["tools"].to_string().contains("evil__echo"), "what was forgotten is offered");
}

#[test]
fn nothing_is_started_for_a_run_that_calls_no_tool_of_it() {
    let upstream = Upstream::new("plain", "list", "");
    upstream.approve().exits(0);
    let before = upstream.pids().len();
    upstream.run("auto");
    assert_eq!(upstream.pids().len(), before);
}

#[test]
fn guide_calls_what_reads_copilot_asks_and_auto_calls_what_is_allowed() {
    let check = |more: &str, mode: &str, expect: &str| {
        let upstream = Upstream::new("plain", "evil__echo", more);
        upstream.approve().exits(0);
        let (told, finished) = upstream.run(mode);
        says(&format!("{told}\n{finished}"), &[expect]);
    };
    check("", "auto", "your configuration allows it");
    check("", "guide", "guide mode only reads");
    check("allow = [\"echo\"]", "guide", "guide mode only reads");
    check("allow = [\"wipe\"]", "auto", "your configuration allows it");
    check("read_only = [\"echo\"]", "guide", "echo: {");
    check("read_only = [\"echo\"]", "auto", "echo: {");
    check("allow = [\"echo\"]", "copilot", "echo: {");
    check("", "copilot", "Call this tool of another server?");
}

#[test]
fn copilot_shows_the_whole_call_before_it_is_made() {
    let upstream = Upstream::new("plain", "evil__wipe", "");
    upstream.approve().exits(0);
    let mut rpc = Rpc::start(&upstream.naestro);
    let run = rpc.orchestrate(&json!({ "goal": "use it", "workspace": path(upstream.project.root()) }));
    let question = rpc.update(&run, is("question"));
    assert_eq!(question["detail"], "wipe of the server evil\n{\"word\":\"hello\"}");
    assert_eq!(upstream.pids().len(), 1, "started before it was allowed");
    rpc.ask("naestro.answer", &json!({ "run": run, "question": question["question"], "choice": "allow" }));
    assert_eq!(rpc.finished(&run)["outcome"], "succeeded");
    says(&upstream.told(), &["echo: {"]);
    rpc.end().exits(0);
}

#[test]
fn a_server_that_is_configured_wrongly_is_named() {
    let upstream = Upstream::new("plain", "list", "timeout_s = 0");
    says(&upstream.naestro.json(["upstream", "list"]).exits(5).error(), &["invalid_config", "evil", "timeout_s"]);
    upstream.configure("plain", "");
    says(&upstream.naestro.json(["upstream", "approve", "devil", "--yes"]).exits(5).error(), &["devil", "there are: evil"]);
    says(&upstream.naestro.json(["upstream", "approve", "evil"]).exits(3).error(), &["nobody is there to ask", "--yes"]);
    says(&upstream.naestro.json(["upstream", "approve", "evil", "--yes", "--only", "nope"]).exits(5).error(), &["no such tool"]);
    let config = upstream.naestro.home().join("config.toml");
    std::fs::write(&config, "[upstream.evil]\ncommand = [\"/no/such/program\"]\n").unwrap();
    says(&upstream.approve().exits(5).error(), &["/no/such/program", "No such file"]);
}

/// A process that lives on offers what is approved now, and not what is not any more.
#[test]
fn what_is_approved_meanwhile_is_offered_to_the_next_run() {
    let upstream = Upstream::new("plain", "evil__echo", "read_only = [\"echo\"]");
    let mut mcp = Mcp::start(&upstream.naestro, ALONE, json!({}));
    let offered = |mcp: &mut Mcp| {
        mcp.does("orchestrate", &json!({ "goal": "use the tool", "mode": "guide" }));
        upstream.model.chats().last().unwrap()["tools"].to_string().contains("evil__echo")
    };
    assert!(!offered(&mut mcp), "offered before it was approved");
    upstream.approve().exits(0);
    assert!(offered(&mut mcp), "not offered after it was approved");
    upstream.naestro.run(["upstream", "rm", "evil"]).exits(0);
    assert!(!offered(&mut mcp), "offered after it was forgotten");
    mcp.end().exits(0);
}

#[test]
fn another_command_wants_another_approval() {
    let upstream = Upstream::new("plain", "evil__echo", "allow = [\"echo\"]");
    upstream.approve().exits(0);
    upstream.configure("twice", "allow = [\"echo\"]");
    says(&upstream.naestro.run(["upstream", "list"]).exits(0).out, &["reached another way"]);
    let (_, _) = upstream.run("auto");
    assert!(!upstream.model.chats()[0]["tools"].to_string().contains("evil__echo"));
}

/// Fifty runs of one process use five servers: five processes, none of which outlives it, not even when it is killed.
#[test]
fn fifty_runs_share_five_servers_and_a_kill_ends_them_all() {
    let names = ["a", "b", "c", "d", "e"];
    let project = Project::plain();
    let naestro = Naestro::new(&project);
    std::fs::create_dir_all(naestro.home()).unwrap();
    let (config, pids) = (naestro.home().join("config.toml"), naestro.home().join("pids"));
    let table = |name: &str| {
        let program = super::upstream::fixture();
        format!("[upstream.{name}]\ncommand = [{program:?}, \"pid\"]\nenv = {{ PIDS = {pids:?} }}\nallow = [\"echo\"]\n")
    };
    std::fs::write(&config, names.map(table).concat()).unwrap();
    let naestro = naestro.with("NAESTRO_CONFIG", &path(&config));
    for name in names {
        naestro.run(["upstream", "approve", name, "--yes"]).exits(0);
    }
    std::fs::remove_file(&pids).unwrap();
    let step = |name: &&str| json!({ "id": name, "kind": "tool", "tool": format!("{name}__echo"), "args": {} });
    let plan = json!({ "steps": names.iter().map(step).collect::<Vec<_>>() });
    let mut mcp = Mcp::start(&naestro, ALONE, json!({}));
    let goal = json!({ "name": "orchestrate", "arguments": { "plan": plan, "mode": "auto" } });
    let calls: Vec<u64> = (0..50).map(|_| mcp.send("tools/call", &goal)).collect();
    for call in calls {
        assert_eq!(mcp.answer(call)["result"]["structuredContent"]["state"], "succeeded");
    }
    let started: Vec<u32> = std::fs::read_to_string(&pids).unwrap().lines().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(started.len(), 5, "{started:?}");
    assert!(started.iter().all(|&pid| super::upstream::lives(pid)), "they are kept for the next run");
    mcp.going.signal(Signal::SIGKILL);
    gone(&started, Duration::from_secs(1));
}

/// Nobody knows what became of a call that was lost: a human is asked before it is made again, unless the tool only reads.
#[test]
fn a_lost_call_is_not_made_again_unasked() {
    for (more, asks) in [("allow = [\"echo\"]", true), ("read_only = [\"echo\"]", false)] {
        let upstream = Upstream::new("drip", "evil__echo", more);
        upstream.approve().exits(0);
        let going = upstream.naestro.start(["orchestrate", "use the tool", "--mode", "auto", "--json"]);
        eventually(|| upstream.pids().len() == 2);
        let run = upstream.naestro.only_run();
        eventually(|| upstream.naestro.trace(["show", &run])["events"].to_string().contains("evil__echo"));
        going.kill();
        gone(&upstream.pids(), Duration::from_secs(1));
        upstream.configure("drip", &format!("{more}\ntimeout_s = 1"));
        let resumed = upstream.naestro.json(["orchestrate", "--resume", &run]);
        assert_eq!(resumed.of("question").len(), usize::from(asks), "{more}: {}", resumed.out);
        assert_eq!(upstream.pids().len(), if asks { 2 } else { 3 }, "{more}");
    }
}

/// The same program that is a server for other assistants is one that runs can use, by HTTP.
#[test]
fn a_server_by_http_is_used_with_its_token() {
    let served = Naestro::new(&Project::plain());
    let server = served.start(["mcp", "--listen", "127.0.0.1:0"]);
    let url = format!("http://{}", server.says_after("listening on http://"));
    let token = std::fs::read_to_string(served.home().join("mcp-token")).unwrap();
    let upstream = Upstream::new("plain", "other__trace", "");
    let config = upstream.naestro.home().join("config.toml");
    std::fs::write(&config, format!("[upstream.other]\nurl = {url:?}\nbearer_env = \"OTHER_TOKEN\"\nread_only = [\"trace\"]\n")).unwrap();
    let approve = ["upstream", "approve", "other", "--yes", "--only", "trace"];
    says(&upstream.naestro.json(approve).exits(5).error(), &["other", "bearer_env"]);
    let Upstream { naestro, project, model } = upstream;
    let naestro = naestro.with("OTHER_TOKEN", &token);
    naestro.json(approve).exits(0);
    let upstream = Upstream { naestro, project, model };
    let (told, finished) = upstream.run("guide");
    says(&told, &["unknown field `word`"]);
    assert_eq!(finished["outcome"], "succeeded");
    assert_eq!(upstream.naestro.trace(["verify"])["problems"], json!([]));
    server.signal(Signal::SIGTERM);
    server.finish().exits(0);
}

#[test]
fn a_server_that_nobody_uses_any_more_ends_with_its_process_soon() {
    let upstream = Upstream::new("plain", "evil__echo", "allow = [\"echo\"]");
    upstream.approve().exits(0);
    let begun = Instant::now();
    upstream.run("auto");
    gone(&upstream.pids(), Duration::from_millis(200));
    assert!(begun.elapsed() < Duration::from_secs(20));
    eventually(|| upstream.naestro.runs().len() == 1);
    assert!(text(&upstream.naestro.trace(["show", &upstream.naestro.only_run()])).contains("evil__echo"));
}
