//! The rules as a specification: the whole table beside a slow obvious oracle, and what permits, consents and paths may not do.

use std::fmt::Write as _;

use expect_test::expect;
use naestro_kernel::{Digest, Millis, Mode, RunId, ToolAccess, UnitId};

use super::terms::Paths;
use super::*;
use crate::effect::{Check, Diff, Generate, Import, Open, ToolCall, Trust, UpstreamCall};

const MODES: [Mode; 3] = [Mode::Guide, Mode::Copilot, Mode::Auto];

#[test]
fn every_case_is_decided_as_the_oracle_says() {
    for case in Case::all() {
        assert_eq!(case.verdict(policies()), case.oracle(), "{case:?}");
    }
}

#[test]
fn the_table() {
    let mut table = String::new();
    for (name, effect) in kinds() {
        for mode in MODES {
            let grants = [(false, false), (true, false), (false, true), (true, true)];
            let cells = [false, true].map(|by_model| {
                let verdicts = grants.map(|(unsandboxed, apply)| {
                    Case { name, effect: effect.clone(), mode, by_model, unsandboxed, apply, consent: false }.verdict(policies())
                });
                verdicts.join(" ")
            });
            let _ = writeln!(table, "{name:20} {mode:8} | {:27} | {:27}", cells[0], cells[1], mode = format!("{mode:?}"));
        }
    }
    // Columns: chosen by the plan, then by a model; each with nothing granted, unsandboxed, apply, both.
    expect![[r#"
        generate here        Guide    | permit permit permit permit | permit permit permit permit
        generate here        Copilot  | permit permit permit permit | permit permit permit permit
        generate here        Auto     | permit permit permit permit | permit permit permit permit
        generate elsewhere   Guide    | deny deny deny deny         | deny deny deny deny        
        generate elsewhere   Copilot  | deny deny deny deny         | deny deny deny deny        
        generate elsewhere   Auto     | deny deny deny deny         | deny deny deny deny        
        open                 Guide    | permit permit permit permit | permit permit permit permit
        open                 Copilot  | permit permit permit permit | permit permit permit permit
        open                 Auto     | permit permit permit permit | permit permit permit permit
        read                 Guide    | permit permit permit permit | permit permit permit permit
        read                 Copilot  | permit permit permit permit | permit permit permit permit
        read                 Auto     | permit permit permit permit | permit permit permit permit
        explain              Guide    | permit permit permit permit | permit permit permit permit
        explain              Copilot  | permit permit permit permit | permit permit permit permit
        explain              Auto     | permit permit permit permit | permit permit permit permit
        edit                 Guide    | deny deny deny deny         | deny deny deny deny        
        edit                 Copilot  | permit permit permit permit | permit permit permit permit
        edit                 Auto     | permit permit permit permit | permit permit permit permit
        diff                 Guide    | deny deny deny deny         | deny deny deny deny        
        diff                 Copilot  | permit permit permit permit | permit permit permit permit
        diff                 Auto     | permit permit permit permit | permit permit permit permit
        test                 Guide    | deny deny deny deny         | deny deny deny deny        
        test                 Copilot  | permit permit permit permit | permit permit permit permit
        test                 Auto     | permit permit permit permit | deny permit deny permit    
        check                Guide    | deny deny deny deny         | deny deny deny deny        
        check                Copilot  | permit permit permit permit | ask ask ask ask            
        check                Auto     | permit permit permit permit | deny permit deny permit    
        exec                 Guide    | deny deny deny deny         | deny deny deny deny        
        exec                 Copilot  | ask ask ask ask             | ask ask ask ask            
        exec                 Auto     | deny permit deny permit     | deny permit deny permit    
        unknown writer       Guide    | deny deny deny deny         | deny deny deny deny        
        unknown writer       Copilot  | ask ask ask ask             | ask ask ask ask            
        unknown writer       Auto     | deny permit deny permit     | deny permit deny permit    
        import plain         Guide    | deny deny deny deny         | deny deny deny deny        
        import plain         Copilot  | ask ask permit permit       | ask ask permit permit      
        import plain         Auto     | deny deny permit permit     | deny deny permit permit    
        import protected     Guide    | deny deny deny deny         | deny deny deny deny        
        import protected     Copilot  | ask ask ask ask             | ask ask ask ask            
        import protected     Auto     | deny deny deny deny         | deny deny deny deny        
        import outside       Guide    | deny deny deny deny         | deny deny deny deny        
        import outside       Copilot  | deny deny deny deny         | deny deny deny deny        
        import outside       Auto     | deny deny deny deny         | deny deny deny deny        
        tool that reads      Guide    | permit permit permit permit | permit permit permit permit
        tool that reads      Copilot  | permit permit permit permit | permit permit permit permit
        tool that reads      Auto     | permit permit permit permit | permit permit permit permit
        tool allowed         Guide    | deny deny deny deny         | deny deny deny deny        
        tool allowed         Copilot  | permit permit permit permit | permit permit permit permit
        tool allowed         Auto     | permit permit permit permit | permit permit permit permit
        tool of a server     Guide    | deny deny deny deny         | deny deny deny deny        
        tool of a server     Copilot  | ask ask ask ask             | ask ask ask ask            
        tool of a server     Auto     | deny deny deny deny         | deny deny deny deny        
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_refusal_names_its_rule_and_the_way_on() {
    let mut refusals: Vec<String> = Vec::new();
    for case in Case::all() {
        if let Decision::Deny { reason, hint } = policies().decide(&case.context(), &case.effect) {
            assert!(!reason.is_empty() && !hint.is_empty(), "{case:?}");
            let line = format!("{reason}\n  -> {hint}");
            if !refusals.contains(&line) {
                refusals.push(line);
            }
        }
    }
    expect![[r#"
        a model call may only go to the host that the user configured
          -> set the provider's address in your user-level configuration
        guide mode only reads: it runs no command and changes no file
          -> use `--mode copilot` or `--mode auto`
        auto mode runs no unwatched command without a sandbox, and this build has none
          -> grant it with `--unsandboxed`, or use `--mode copilot` to be asked about each command
        the result stays a diff: importing it was not asked for
          -> import it with `--apply`
        auto mode does not write to paths that can run code or change how tools behave
          -> use `--mode copilot` to be asked, or apply the diff by hand
        the result names a path outside the folder
          -> look at the diff with `naestro trace show`, and apply by hand what you want of it
        guide mode only reads, and your configuration does not say that this tool of another server does
          -> name it in `read_only` of its server in your configuration, or use `--mode copilot`
        auto mode calls a tool of another server only where your configuration allows it
          -> name it in `allow` or `read_only` of its server in your configuration, or use `--mode copilot` to be asked"#]]
    .assert_eq(&refusals.join("\n"));
}

#[test]
fn a_permit_covers_the_exact_effect_and_nothing_else() {
    let permit = permitted(&context(Mode::Copilot), &check("cargo test"));
    let Effect::Check(exact) = check("cargo test") else { unreachable!() };
    let Effect::Check(other) = check("cargo test; rm -rf /") else { unreachable!() };
    assert_eq!(permit.covers(&exact), Ok(()));
    assert_eq!(permit.covers(&other).map_err(|mismatch| mismatch.permitted), Err(permit.effect()));
    assert_eq!((permit.run(), permit.unit()), (RunId([1; 16]), UnitId(7)));
    assert_eq!(permit.expires(), Millis(1_000 + 600_000));
    assert_eq!(permit.reason(), "the-users-own-commands");
}

#[test]
fn a_question_shows_the_whole_command() {
    asks(&context(Mode::Copilot), &exec("make all"), expect!["make all"]);
    let two = call("exec", ToolAccess::Write, r#"{"command":"ls","cwd":"/"}"#);
    asks(&context(Mode::Copilot), &two, expect![[r#"exec {"command":"ls","cwd":"/"}"#]]);
    asks(&context(Mode::Copilot), &call("exec", ToolAccess::Write, "no json"), expect!["exec no json"]);
}

#[test]
fn a_question_about_another_servers_tool_shows_all_of_the_call() {
    let expect = expect![[r#"
        close_issue of the server tracker
        {"id":7}"#]];
    asks(&context(Mode::Copilot), &upstream(Trust::Unsaid), expect);
}

#[test]
fn a_question_about_an_import_shows_the_protected_paths_first() {
    asks(
        &Context { apply: true, ..context(Mode::Copilot) },
        &import(&["src/a.rs", "sub/.envrc"]),
        expect![[r#"
            into /home/user/project:
            protected: sub/.envrc
            src/a.rs"#]],
    );
}

#[test]
fn consent_holds_for_one_effect_only() {
    let asked = exec("cmd A");
    let consented = Context { consent: Some(asked.digest()), ..context(Mode::Copilot) };
    assert_eq!(permitted(&consented, &asked).reason(), "ask-before-other-commands (consented)");
    for other in [exec("cmd A; B"), exec("cmd A "), exec("cmd B"), import(&["src/a.rs"])] {
        assert!(matches!(policies().decide(&consented, &other), Decision::Ask { .. }), "{other:?}");
    }
}

#[test]
fn consent_does_not_overrule_a_rule_that_forbids() {
    for (mode, effect) in [(Mode::Guide, exec("ls")), (Mode::Auto, exec("ls")), (Mode::Copilot, import(&["../x"]))] {
        let context = Context { consent: Some(effect.digest()), ..context(mode) };
        assert!(matches!(policies().decide(&context, &effect), Decision::Deny { .. }), "{effect:?}");
    }
}

#[test]
fn a_run_without_a_model_calls_none() {
    let context = Context { model_host: None, ..context(Mode::Auto) };
    assert!(matches!(policies().decide(&context, &generate("api.example.com")), Decision::Deny { .. }));
}

#[test]
fn a_tool_that_writes_and_is_unknown_is_a_command() {
    asks(&context(Mode::Copilot), &call("deploy", ToolAccess::Write, "{}"), expect!["deploy {}"]);
}

#[test]
fn paths_that_run_code_or_steer_tools_are_protected_at_any_depth() {
    let spellings = [
        ".git/hooks/pre-commit",
        "a/b/.git/config",
        ".gitmodules",
        ".gitattributes",
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        ".naestro/config.toml",
        ".mcp.json",
        "pkg/.mcp.json",
        ".vscode/tasks.json",
        ".zed/settings.json",
        ".idea/x.xml",
        ".env",
        ".env.local",
        ".envrc",
        "deep/er/.envrc",
        ".cargo/config",
        "crates/a/.cargo/config.toml",
        "rust-toolchain",
        "rust-toolchain.toml",
        ".bashrc",
        ".zshenv",
        ".profile",
        ".ci/run",
        ".circleci/config.yml",
        "Jenkinsfile",
        ".husky/pre-push",
        // Other spellings of the same.
        ".GIT/config",
        ".Git",
        ".giT./config",
        ".git::$INDEX_ALLOCATION/config",
        "GIT~1/config",
        "a\\.git\\config",
        ".g\u{200c}it/config",
        ".v\u{17f}code/tasks.json",
        ".VSCODE /x",
        "RUST-TOOLCHAIN.TOML",
        ".Cargo/Config.toml",
        "jenkinsfile.",
    ];
    classes(&spellings, Paths::Protected);
}

#[test]
fn ordinary_paths_are_plain() {
    classes(
        &["src/main.rs", "git.md", "docs/environment.md", "cargo/config.toml", "env", "my.git.txt", "ci/run", "profile", "ä/ß.txt", "a b"],
        Paths::Plain,
    );
}

#[test]
fn paths_that_could_leave_the_folder_are_outside() {
    classes(
        &["", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", "..\\x", "C:\\x", "c:x", "a\0b", "a/.. /b", ".\u{200d}./x"],
        Paths::Outside,
    );
    assert!(matches!(
        policies().decide(&Context { apply: true, ..context(Mode::Auto) }, &import(&["a", "../.git"])),
        Decision::Deny { .. }
    ));
}

#[test]
fn a_rule_that_cannot_explain_itself_is_not_loaded() {
    let load = |policies| Rules::load(include_str!("../../policies/naestro.cedarschema"), policies).err().map(|error| error.0);
    let mute = r#"@id("mute") forbid (principal, action, resource);"#;
    expect![[r#"Some("mute forbids without a @reason and a @hint")"#]].assert_eq(&format!("{:?}", load(mute)));
    expect![[r#"Some("policy0 has no @id")"#]].assert_eq(&format!("{:?}", load("permit (principal, action, resource);")));
    let misspelt = r#"@id("x") permit (principal in Mode::"pilot", action, resource);"#;
    assert!(load(misspelt).is_some_and(|error| error.contains("pilot")), "an unknown mode passed");
}

#[test]
fn every_request_there_can_be_fits_the_schema() {
    let (schema, _) = cedar_policy::Schema::from_cedarschema_str(include_str!("../../policies/naestro.cedarschema")).unwrap();
    for case in Case::all() {
        policies().rules.check(Terms::of(&case.context(), &case.effect), &schema).unwrap();
    }
}

/// One line of the specification: everything a decision depends on.
#[derive(Clone, Debug)]
struct Case {
    name: &'static str,
    effect: Effect,
    mode: Mode,
    by_model: bool,
    unsandboxed: bool,
    apply: bool,
    consent: bool,
}

impl Case {
    fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for (name, effect) in kinds() {
            for (mode, bits) in MODES.into_iter().flat_map(|mode| (0_u8..16).map(move |bits| (mode, bits))) {
                let [by_model, unsandboxed, apply, consent] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
                cases.push(Self { name, effect: effect.clone(), mode, by_model, unsandboxed, apply, consent });
            }
        }
        cases
    }

    fn context(&self) -> Context {
        let consent = self.consent.then(|| self.effect.digest());
        let Self { by_model, unsandboxed, apply, .. } = *self;
        Context { by_model, unsandboxed, apply, consent, ..context(self.mode) }
    }

    fn verdict(&self, policies: &Policies) -> &'static str {
        match policies.decide(&self.context(), &self.effect) {
            Decision::Permit(_) => "permit",
            Decision::Ask { .. } => "ask",
            Decision::Deny { .. } => "deny",
        }
    }

    /// The rules in prose order, with none of Cedar in them.
    fn oracle(&self) -> &'static str {
        let ask = if self.consent { "permit" } else { "ask" };
        let reads = ["generate here", "open", "read", "explain", "tool that reads"].contains(&self.name);
        let never = ["generate elsewhere", "import outside"].contains(&self.name);
        let own_command = self.name == "test" || (self.name == "check" && !self.by_model);
        let command = own_command || ["check", "exec", "unknown writer"].contains(&self.name);
        if never {
            return "deny";
        }
        if reads {
            return "permit";
        }
        if self.mode == Mode::Guide {
            return "deny";
        }
        if ["edit", "diff", "tool allowed"].contains(&self.name) {
            return "permit";
        }
        let auto = self.mode == Mode::Auto;
        if command {
            return match (auto, own_command) {
                (true, true) if !self.by_model => "permit",
                (true, _) if self.unsandboxed => "permit",
                (true, _) => "deny",
                (false, true) => "permit",
                (false, false) => ask,
            };
        }
        match (self.name, auto) {
            ("import plain", _) if self.apply => "permit",
            (_, true) => "deny",
            (_, false) => ask,
        }
    }
}

fn kinds() -> [(&'static str, Effect); 17] {
    let digest = Digest([9; 32]);
    [
        ("generate here", generate("API.example.com")),
        ("generate elsewhere", generate("evil.example.com")),
        ("open", Effect::Open(Open { run: RunId([1; 16]), checkout: "/home/user/project".into(), base: None, restore: None })),
        ("read", call("read", ToolAccess::Read, r#"{"path":"a"}"#)),
        ("explain", call("explain", ToolAccess::None, "{}")),
        ("edit", call("edit", ToolAccess::Write, r#"{"path":"a"}"#)),
        ("diff", Effect::Diff(Diff { base: digest, tree: digest })),
        ("test", call("test", ToolAccess::Write, "{}")),
        ("check", check("cargo test")),
        ("exec", exec("make")),
        ("unknown writer", call("deploy", ToolAccess::Write, "{}")),
        ("import plain", import(&["src/a.rs"])),
        ("import protected", import(&["src/a.rs", "sub/.envrc"])),
        ("import outside", import(&["src/a.rs", "../b"])),
        ("tool that reads", upstream(Trust::ReadOnly)),
        ("tool allowed", upstream(Trust::Allowed)),
        ("tool of a server", upstream(Trust::Unsaid)),
    ]
}

fn upstream(trust: Trust) -> Effect {
    let (run, pinned) = (RunId([1; 16]), Digest([7; 32]));
    let (server, tool) = ("tracker".into(), "close_issue".into());
    Effect::Upstream(UpstreamCall { run, server, tool, pinned, trust, args: crate::body(r#"{"id":7}"#), timeout: 1_000 })
}

fn generate(host: &str) -> Effect {
    Effect::Generate(Generate { host: host.into(), model: "m".into(), messages: Vec::new(), tools: Vec::new(), max_output: 1 })
}

fn call(tool: &str, access: ToolAccess, args: &str) -> Effect {
    let (run, checkout) = (RunId([1; 16]), "/home/user/project".into());
    Effect::Call(ToolCall { run, checkout, tool: tool.into(), access, args: crate::body(args), timeout: 1_000 })
}

fn exec(command: &str) -> Effect {
    call("exec", ToolAccess::Write, &serde_json::json!({ "command": command }).to_string())
}

fn check(command: &str) -> Effect {
    Effect::Check(Check { run: RunId([1; 16]), command: command.into(), restore: None, timeout: 1_000 })
}

fn import(paths: &[&str]) -> Effect {
    let digest = Digest([9; 32]);
    let paths = paths.iter().map(ToString::to_string).collect();
    Effect::Import(Import { checkout: "/home/user/project".into(), base: digest, tree: digest, diff: digest, paths })
}

fn context(mode: Mode) -> Context {
    Context {
        run: RunId([1; 16]),
        unit: UnitId(7),
        now: Millis(1_000),
        mode,
        unsandboxed: false,
        apply: false,
        by_model: false,
        model_host: Some("api.example.com".into()),
        consent: None,
    }
}

fn policies() -> &'static Policies {
    static POLICIES: std::sync::LazyLock<Policies> = std::sync::LazyLock::new(|| Policies::built_in().unwrap());
    &POLICIES
}

#[track_caller]
fn permitted(context: &Context, effect: &Effect) -> Permit {
    match policies().decide(context, effect) {
        Decision::Permit(permit) => permit,
        other => panic!("{effect:?}: {other:?}"),
    }
}

#[track_caller]
fn asks(context: &Context, effect: &Effect, expect: expect_test::Expect) {
    match policies().decide(context, effect) {
        Decision::Ask { detail, .. } => expect.assert_eq(&detail),
        other => panic!("{effect:?}: {other:?}"),
    }
}

#[track_caller]
fn classes(paths: &[&str], class: Paths) {
    for path in paths {
        assert_eq!(paths::class(path), class, "{path:?}");
    }
}
