//! Java and its kin: builds by Maven or Gradle.
//!
//! A build is one package, whatever modules it has: Maven and Gradle know themselves which module needs which, and build those first.
//! Of a build only some tests are run where the tests to run are known.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, Package, Runner, is_below, join, manifest, resolve, split};

/// The names of Gradle's own files.
const GRADLE: &[&str] = &["settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"];

/// Every build that has tests. Where one folder is both, it is Maven's.
pub(super) fn packages(files: &mut Files<'_>) -> Vec<Package> {
    let maven = maven(files);
    let gradle: Vec<(String, String)> = gradle(files).into_iter().filter(|(dir, _)| maven.iter().all(|(other, _)| other != dir)).collect();
    let all = maven.into_iter().map(|build| (Runner::Maven, build)).chain(gradle.into_iter().map(|build| (Runner::Gradle, build)));
    let all: Vec<(Runner, (String, String))> = all.collect();
    let dirs: Vec<&str> = all.iter().map(|(_, (dir, _))| dir.as_str()).collect();
    all.iter()
        .filter(|(_, (dir, _))| has_tests(files, &dirs, dir))
        .map(|(runner, (dir, name))| package(files, *runner, dir, name))
        .collect()
}

fn package(files: &Files<'_>, runner: Runner, dir: &str, name: &str) -> Package {
    let (wrapper, program, words): (_, _, &[&str]) = match runner {
        Runner::Maven => ("mvnw", "mvn", &["-B", "-q", "test"]),
        _ => ("gradlew", "gradle", &["test"]),
    };
    let program = if files.one_of(dir, &[wrapper]).is_some() { format!("./{wrapper}") } else { program.to_owned() };
    Package {
        runner,
        name: name.to_owned(),
        dir: dir.to_owned(),
        home: dir.to_owned(),
        command: std::iter::once(program).chain(words.iter().map(|word| (*word).to_owned())).collect(),
        also: vec![],
        needs: vec![],
        shared: vec![],
        guessed: false,
    }
}

/// Whether a test lies in the build itself, not in one inside it.
fn has_tests(files: &Files<'_>, builds: &[&str], dir: &str) -> bool {
    let owner = |path: &str| builds.iter().copied().filter(|build| is_below(build, path)).max_by_key(|build| build.len());
    files.paths.iter().any(|path| is_test(path) && owner(path) == Some(dir))
}

/// Whether the file is code in a source set for tests: `src/test/java/...`, `src/integrationTest/kotlin/...`.
fn is_test(path: &str) -> bool {
    let code = [".java", ".kt", ".groovy", ".scala"].iter().any(|ending| path.ends_with(ending));
    let parts: Vec<&str> = path.split('/').collect();
    code && parts.windows(2).any(|pair| pair[0] == "src" && pair[1].to_ascii_lowercase().contains("test"))
}

/// The folder and name of each Maven build: a `pom.xml` that no other one lists as its module.
fn maven(files: &mut Files<'_>) -> Vec<(String, String)> {
    let mut poms: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for dir in files.folders_with("pom.xml") {
        let path = join(&dir, "pom.xml");
        let Some(text) = files.text(&path) else { continue };
        match manifest::xml(&text) {
            Ok(texts) => drop(poms.insert(dir, texts)),
            Err(e) => files.problems.push((path, e)),
        }
    }
    let modules: BTreeSet<String> = poms.iter().flat_map(|(dir, texts)| modules(dir, texts)).collect();
    let builds = poms.iter().filter(|(dir, _)| !modules.contains(*dir));
    builds.map(|(dir, texts)| (dir.clone(), text(texts, "project/artifactId").unwrap_or_else(|| named(dir, "maven")))).collect()
}

/// The folders of a build's modules, those of its profiles included.
fn modules(dir: &str, texts: &[(String, String)]) -> Vec<String> {
    let named = texts.iter().filter(|(path, _)| path.ends_with("/modules/module") || path.ends_with("/subprojects/subproject"));
    named.filter_map(|(_, module)| resolve(dir, module.strip_suffix("/pom.xml").unwrap_or(module))).filter(|module| module != dir).collect()
}

fn text(texts: &[(String, String)], wanted: &str) -> Option<String> {
    texts.iter().find(|(path, _)| path == wanted).map(|(_, text)| text.clone())
}

/// The folder and name of each Gradle build: one with settings, or one with none above it.
fn gradle(files: &Files<'_>) -> Vec<(String, String)> {
    let with = |names: &[&str]| -> BTreeSet<String> { names.iter().flat_map(|name| files.folders_with(name)).collect() };
    let (settled, any) = (with(&GRADLE[..2]), with(GRADLE));
    let alone = any.iter().filter(|dir| !any.iter().any(|other| other != *dir && is_below(other, dir)));
    // `buildSrc` is built, and tested, by the build it serves.
    let builds: BTreeSet<&String> = settled.iter().chain(alone).filter(|dir| split(dir).1 != "buildSrc").collect();
    builds.into_iter().map(|dir| (dir.clone(), gradle_name(files, dir))).collect()
}

/// What the settings call the build: `rootProject.name = "x"`.
fn gradle_name(files: &Files<'_>, dir: &str) -> String {
    let settings = GRADLE[..2].iter().find_map(|name| files.peek(&join(dir, name))).unwrap_or_default();
    let line = settings.lines().find_map(|line| line.trim().strip_prefix("rootProject.name")).unwrap_or_default();
    let name = line.trim_start_matches([' ', '=']).trim().trim_matches(['"', '\'']);
    if name.is_empty() { named(dir, "gradle") } else { name.to_owned() }
}

fn named(dir: &str, otherwise: &str) -> String {
    if dir.is_empty() { otherwise.to_owned() } else { split(dir).1.to_owned() }
}
