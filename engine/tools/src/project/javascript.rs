//! JavaScript and TypeScript: packages tested by vitest, jest or node's own runner.
//!
//! Which runner it is says the package's own `package.json`, in this order: its script `test`, its other scripts, what it depends on,
//! a configuration file; the last two only where there are tests. A package that says nothing is tested by the one around it.

use serde_json::Value;

use super::cargo::globs;
use super::unit::{self, Unit};
use super::{Files, Package, Runner, is_below, join, resolve, split};

/// Files at a workspace's root that concern every package of it.
const SHARED: &[&str] = &[
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "bun.lock",
    "bun.lockb",
    "lerna.json",
    "nx.json",
    "turbo.json",
    "tsconfig.json",
    "tsconfig.base.json",
    ".npmrc",
    ".nvmrc",
    ".node-version",
    ".babelrc",
];

/// Beginnings of configuration files at a workspace's root that concern every package of it.
const CONFIGS: &[&str] =
    &["vitest.config.", "vitest.workspace.", "vitest.setup.", "vite.config.", "jest.config.", "jest.preset.", "babel.config."];

/// The tables that hold dependencies.
const DEPENDENCIES: &[&str] = &["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];

/// Beginnings of a version that lead to another folder of the repository.
const PATHS: &[&str] = &["file:", "link:", "portal:", "workspace:./", "workspace:../"];

/// A manifest that was read.
struct Manifest {
    dir: String,
    /// The workspace's folder; its own where it stands alone.
    home: String,
    json: Value,
}

/// Every package one of the runners tests.
pub(super) fn packages(files: &mut Files<'_>) -> Vec<Package> {
    let manifests = manifests(files);
    let units: Vec<Unit> = manifests.iter().map(|manifest| unit(files, &manifests, manifest)).collect();
    unit::packages(units)
}

fn manifests(files: &mut Files<'_>) -> Vec<Manifest> {
    let mut found: Vec<(String, Value)> = Vec::new();
    for dir in files.folders_with("package.json").into_iter().filter(|dir| !is_installed(dir)) {
        if let Some(json) = files.json(&join(&dir, "package.json")).filter(Value::is_object) {
            found.push((dir, json));
        }
    }
    let workspaces: Vec<(String, Members)> =
        found.iter().filter_map(|(dir, json)| Members::of(files, dir, json).map(|members| (dir.clone(), members))).collect();
    let home = |dir: &str| {
        let around = workspaces.iter().filter(|(root, members)| root == dir || is_below(root, dir) && members.hold(dir));
        around.map(|(root, _)| root.clone()).min_by_key(String::len).unwrap_or_else(|| dir.to_owned())
    };
    found.into_iter().map(|(dir, json)| Manifest { home: home(&dir), dir, json }).collect()
}

/// Whether the folder holds what was installed rather than written here.
fn is_installed(dir: &str) -> bool {
    dir.split('/').any(|part| part == "node_modules")
}

fn unit(files: &Files<'_>, manifests: &[Manifest], manifest: &Manifest) -> Unit {
    let runner = runner(files, manifest).filter(|runner| !is_run_from_above(files, manifests, manifest, *runner));
    let needs = needs(manifests, manifest);
    Unit { dir: manifest.dir.clone(), needs, package: runner.map(|runner| package(files, manifest, runner)) }
}

fn package(files: &Files<'_>, manifest: &Manifest, runner: Runner) -> Package {
    let (dir, home) = (manifest.dir.clone(), manifest.home.clone());
    let named = manifest.json.get("name").and_then(Value::as_str).map(str::to_owned);
    let name = named.unwrap_or_else(|| if dir.is_empty() { "javascript".into() } else { split(&dir).1.to_owned() });
    let command = command(files, manifest, runner);
    Package { runner, name, dir, command, also: vec![], needs: vec![], shared: shared(files, &home), guessed: false, home }
}

/// The command, with those options of the project's own script that say what its tests are.
fn command(files: &Files<'_>, manifest: &Manifest, runner: Runner) -> Vec<String> {
    let script = manifest.json.get("scripts").and_then(|scripts| scripts.get("test")).and_then(Value::as_str).unwrap_or_default();
    let words = words(script, runner);
    let program = |name: &str| program(files, &manifest.dir, name);
    match runner {
        Runner::Vitest => [vec![program("vitest"), "run".into()], configs(&words)].concat(),
        // As jest's own guide has it for modules, where its program cannot be started by itself.
        Runner::Jest if script.contains("--experimental-vm-modules") => {
            let jest = program("jest").replace(".bin/jest", "jest/bin/jest.js");
            [vec!["node".into(), "--experimental-vm-modules".into(), jest], configs(&words)].concat()
        }
        Runner::Jest => [vec![program("jest")], configs(&words)].concat(),
        _ => node(&words),
    }
}

/// The words of a script after the runner's program; none where it takes a shell to know them.
fn words(script: &str, runner: Runner) -> Vec<String> {
    let name = match runner {
        Runner::Vitest => "vitest",
        Runner::Jest => "jest",
        _ => "node",
    };
    let commands = script.split(['&', '|', ';', '<', '>']).map(|command| command.split_whitespace().collect::<Vec<_>>());
    let after = |words: Vec<&str>| {
        let at = words.iter().position(|word| word.rsplit('/').next().is_some_and(|word| word.split('.').next() == Some(name)))?;
        Some(words[at + 1..].iter().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect::<Vec<_>>())
    };
    let words = commands.filter_map(after).find(|words| runner != Runner::Node || words.iter().any(|word| word == "--test"));
    words.filter(|words| words.iter().all(|word| !word.contains(['$', '`', '\\', '"', '\'']))).unwrap_or_default()
}

/// The options that name a configuration or a project.
fn configs(words: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (option, value) = word.split_once('=').map_or((word.as_str(), None), |(option, value)| (option, Some(value)));
        if ["--config", "-c", "--project", "--projects", "--selectProjects"].contains(&option) {
            kept.push(word.clone());
            if value.is_none() {
                kept.extend(words.next().cloned());
            }
        }
    }
    kept
}

/// Node's options, then `--test`, then the files.
fn node(words: &[String]) -> Vec<String> {
    let valued = ["--import", "-r", "--require", "--loader", "--experimental-loader", "-C", "--conditions"];
    let (mut options, mut files) = (vec!["node".to_owned()], Vec::new());
    let mut words = words.iter().filter(|word| *word != "--test" && !word.starts_with("--watch") && !word.starts_with("--test-reporter"));
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            files.push(word.clone());
            continue;
        }
        options.push(word.clone());
        if valued.contains(&word.as_str()) {
            options.extend(words.next().cloned());
        }
    }
    options.push("--test".to_owned());
    [options, files].concat()
}

/// The program the project itself installed: in its own folder or in one above, as node looks for it.
fn program(files: &Files<'_>, dir: &str, name: &str) -> String {
    let mut above = String::from("./");
    let mut at = Some(dir);
    while let Some(folder) = at {
        let path = format!("node_modules/.bin/{name}");
        if files.root.join(join(folder, &path)).exists() {
            return format!("{above}{path}");
        }
        above = if above == "./" { "../".to_owned() } else { format!("{above}../") };
        at = (!folder.is_empty()).then(|| split(folder).0);
    }
    // Where none is installed, the place it should be in says what is missing.
    format!("./node_modules/.bin/{name}")
}

fn shared(files: &Files<'_>, home: &str) -> Vec<String> {
    let configs = files.paths.iter().filter(|path| split(path).0 == home && CONFIGS.iter().any(|start| split(path).1.starts_with(start)));
    SHARED.iter().map(|name| join(home, name)).chain(configs.cloned()).collect()
}

fn runner(files: &Files<'_>, manifest: &Manifest) -> Option<Runner> {
    let scripts = manifest.json.get("scripts").and_then(Value::as_object);
    let test = scripts.and_then(|scripts| scripts.get("test")).and_then(Value::as_str).and_then(started);
    let others = || scripts.into_iter().flatten().filter_map(|(_, script)| script.as_str()).find_map(started);
    let meant = || depended(&manifest.json).or_else(|| configured(files, manifest)).filter(|_| has_tests(files, &manifest.dir));
    test.or_else(others).or_else(meant)
}

/// Whether a file below the folder has a name that vitest and jest take for a test's.
fn has_tests(files: &Files<'_>, dir: &str) -> bool {
    let is_test = |path: &str| {
        let (folder, name) = split(path);
        name.contains(".test.") || name.contains(".spec.") || folder.split('/').any(|part| part == "__tests__")
    };
    files.paths.iter().any(|path| is_below(dir, path) && !is_installed(path) && is_test(path))
}

/// The runner a script starts.
fn started(script: &str) -> Option<Runner> {
    let words: Vec<&str> = script.split([' ', '\t', ';', '&', '|', '(', ')', '"', '\'']).filter(|word| !word.is_empty()).collect();
    let named = |word: &&str| match word.rsplit('/').next().unwrap_or(word) {
        "vitest" | "vitest.mjs" => Some(Runner::Vitest),
        "jest" | "jest.js" => Some(Runner::Jest),
        _ => None,
    };
    let node = || {
        let at = words.iter().position(|word| word.rsplit('/').next() == Some("node"))?;
        words[at..].contains(&"--test").then_some(Runner::Node)
    };
    words.iter().find_map(named).or_else(node)
}

fn depended(json: &Value) -> Option<Runner> {
    let has = |name: &str| DEPENDENCIES.iter().any(|table| json.get(*table).and_then(|table| table.get(name)).is_some());
    match () {
        () if has("vitest") => Some(Runner::Vitest),
        () if has("jest") => Some(Runner::Jest),
        () => None,
    }
}

fn configured(files: &Files<'_>, manifest: &Manifest) -> Option<Runner> {
    if manifest.json.get("jest").is_some() {
        return Some(Runner::Jest);
    }
    let mut names = files.paths.iter().filter(|path| split(path).0 == manifest.dir).map(|path| split(path).1);
    names.find_map(|name| match name {
        name if name.starts_with("vitest.config.") => Some(Runner::Vitest),
        name if name.starts_with("jest.config.") => Some(Runner::Jest),
        _ => None,
    })
}

/// Whether the workspace's root runs the tests of its packages as projects of its own, by the same runner.
fn is_run_from_above(files: &Files<'_>, manifests: &[Manifest], manifest: &Manifest, of: Runner) -> bool {
    if manifest.dir == manifest.home {
        return false;
    }
    let Some(root) = manifests.iter().find(|other| other.dir == manifest.home) else { return false };
    runner(files, root) == Some(of) && has_projects(files, root)
}

fn has_projects(files: &Files<'_>, root: &Manifest) -> bool {
    let inside = root.json.get("jest").is_some_and(|jest| jest.get("projects").is_some());
    let mut configs =
        files.paths.iter().filter(|path| split(path).0 == root.dir && CONFIGS.iter().any(|start| split(path).1.starts_with(start)));
    // A configuration is a program: that it speaks of projects at all is the most that can be read without running it.
    inside
        || configs
            .any(|path| split(path).1.starts_with("vitest.workspace.") || files.peek(path).is_some_and(|text| text.contains("projects")))
}

/// The folders of the packages here that it depends on: of its own workspace by name, any by path.
fn needs(manifests: &[Manifest], manifest: &Manifest) -> Vec<String> {
    let wanted = DEPENDENCIES.iter().filter_map(|table| manifest.json.get(*table)?.as_object()).flatten();
    let folder = |(name, version): (&String, &Value)| {
        let version = version.as_str().unwrap_or_default();
        if let Some(path) = PATHS.iter().find_map(|start| version.strip_prefix(start).map(|rest| (start, rest))) {
            let up = if path.0.ends_with("../") { "../" } else { "" };
            return resolve(&manifest.dir, &format!("{up}{}", path.1));
        }
        let named = |other: &&Manifest| other.home == manifest.home && other.json.get("name").and_then(Value::as_str) == Some(name);
        manifests.iter().find(named).map(|other| other.dir.clone())
    };
    wanted.filter_map(folder).filter(|dir| *dir != manifest.dir).collect()
}

/// The packages a workspace names.
struct Members {
    named: globset::GlobSet,
    not: globset::GlobSet,
}

impl Members {
    /// Those of npm's and yarn's `workspaces`, or of pnpm's own file.
    fn of(files: &Files<'_>, dir: &str, json: &Value) -> Option<Self> {
        let workspaces = json.get("workspaces");
        let list = workspaces.and_then(|list| list.as_array().or_else(|| list.get("packages")?.as_array()));
        let mut patterns: Vec<String> = list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        if let Some(text) = files.peek(&join(dir, "pnpm-workspace.yaml")) {
            patterns.extend(yaml_list(&text, "packages"));
        }
        if patterns.is_empty() {
            return None;
        }
        let (not, named): (Vec<&str>, Vec<&str>) = patterns.iter().map(String::as_str).partition(|pattern| pattern.starts_with('!'));
        let below = |patterns: Vec<&str>| -> Vec<String> {
            patterns.iter().filter_map(|pattern| resolve(dir, pattern.trim_start_matches('!'))).collect()
        };
        Some(Self { named: globs(&below(named)), not: globs(&below(not)) })
    }

    fn hold(&self, dir: &str) -> bool {
        self.named.is_match(dir) && !self.not.is_match(dir)
    }
}

/// The texts of a list at the top of a YAML file, as pnpm's are written.
fn yaml_list(text: &str, key: &str) -> Vec<String> {
    let below = text.lines().skip_while(|line| line.trim_end().strip_suffix(':') != Some(key)).skip(1);
    let items = below.take_while(|line| line.starts_with([' ', '\t', '-', '#']) || line.trim().is_empty());
    let item = |line: &str| Some(line.trim().strip_prefix('-')?.split(" #").next()?.trim().trim_matches(['"', '\'']).to_owned());
    items.filter_map(item).collect()
}
