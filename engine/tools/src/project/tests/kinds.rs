//! Which projects of other kinds than cargo's and pytest's there are, how they are tested, and what a change of them concerns.

use super::*;

#[track_caller]
fn check_commands(files: &[(&str, &str)], expect: Expect) {
    let folder = folder(files);
    let survey = survey(folder.path());
    let mut lines: Vec<String> = survey
        .packages
        .iter()
        .map(|package| format!("{} ({}) in {:?}: {}", package.name, package.runner.name(), package.dir, package.command.join(" ")))
        .collect();
    lines.extend(survey.problems.iter().map(|(path, why)| format!("problem: {path}: {why}")));
    expect.assert_eq(&lines.join("\n"));
}

/// npm's workspace: `app` uses `lib`, which has no tests and uses `base`.
const NPM: &[(&str, &str)] = &[
    ("package.json", r#"{"name":"root","private":true,"workspaces":["packages/*","!packages/old"]}"#),
    (
        "packages/app/package.json",
        r#"{"name":"app","scripts":{"test":"vitest"},"dependencies":{"lib":"*"},"devDependencies":{"jest":"1"}}"#,
    ),
    ("packages/lib/package.json", r#"{"name":"lib","dependencies":{"base":"workspace:*"}}"#),
    ("packages/base/package.json", r#"{"name":"base","devDependencies":{"jest":"1"}}"#),
    ("packages/base/a.test.js", ""),
    ("packages/old/package.json", r#"{"name":"old","scripts":{"test":"node --import tsx --test 'test/*.ts' --watch"}}"#),
    ("packages/app/node_modules/x/package.json", r#"{"name":"x","scripts":{"test":"jest"}}"#),
    ("node_modules/.bin/vitest", ""),
    ("packages/base/node_modules/.bin/jest", ""),
];

#[test]
fn the_runner_of_a_javascript_package_is_what_its_own_manifest_says() {
    check_commands(
        NPM,
        expect![[r#"
        app (vitest) in "packages/app": ../../node_modules/.bin/vitest run
        base (jest) in "packages/base": ./node_modules/.bin/jest
        old (node --test) in "packages/old": node --import tsx --test test/*.ts"#]],
    );
    check_commands(
        &[
            (
                "a/package.json",
                r#"{"scripts":{"test":"npm run lint && NODE_OPTIONS=--experimental-vm-modules jest -c jest.unit.js --coverage"}}"#,
            ),
            ("b/package.json", r#"{"scripts":{"test":"tsc && vitest run --config=unit.ts --ui","lint":"eslint"}}"#),
            ("c/package.json", r#"{"scripts":{"test":"echo no","unit":"c8 jest"}}"#),
            ("d/package.json", r#"{"jest":{}}"#),
            ("d/x.spec.ts", ""),
            ("e/package.json", "{}"),
            ("e/__tests__/y.js", ""),
            ("e/vitest.config.ts", ""),
            ("only/package.json", r#"{"devDependencies":{"vitest":"1"}}"#),
            ("f/package.json", r#"{"scripts":{"test":"mocha"}}"#),
            ("g/package.json", r#"{"scripts":{"test":"node --test \"$DIR\""}}"#),
            ("h/package.json", r#"{"scripts":"odd","workspaces":3,"devDependencies":[]}"#),
            ("i/package.json", "{"),
        ],
        expect![[r#"
            a (jest) in "a": node --experimental-vm-modules ./node_modules/jest/bin/jest.js -c jest.unit.js
            b (vitest) in "b": ./node_modules/.bin/vitest run --config=unit.ts
            c (jest) in "c": ./node_modules/.bin/jest
            d (jest) in "d": ./node_modules/.bin/jest
            e (vitest) in "e": ./node_modules/.bin/vitest run
            g (node --test) in "g": node --test
            problem: i/package.json: EOF while parsing an object at line 1 column 1"#]],
    );
}

#[test]
fn what_has_no_tests_belongs_to_what_uses_it_and_lock_files_concern_the_workspace() {
    check(
        NPM,
        &["packages/base/index.js"],
        expect![[r#"
        base: packages/base/index.js changed
        app: depends on base"#]],
    );
    check(NPM, &["packages/lib/index.js"], expect!["app: packages/lib/index.js changed"]);
    check(
        NPM,
        &["package-lock.json"],
        expect![[r#"
        app: package-lock.json concerns every package
        base: package-lock.json concerns every package"#]],
    );
    check(NPM, &["packages/old/a.ts"], expect!["old: packages/old/a.ts changed"]);
}

#[test]
fn a_workspace_whose_root_runs_its_packages_is_tested_from_there() {
    let files = &[
        ("package.json", r#"{"name":"root","scripts":{"test":"vitest run"}}"#),
        ("pnpm-workspace.yaml", "packages:\n  # ours\n  - 'packages/*' # all\nother:\n  - x/*\n"),
        ("vitest.config.ts", "export default { test: { projects: ['packages/*'] } }"),
        ("packages/a/package.json", r#"{"name":"a","scripts":{"test":"vitest run"}}"#),
        ("packages/b/package.json", r#"{"name":"b","scripts":{"test":"jest"}}"#),
        ("x/y/package.json", r#"{"name":"y","scripts":{"test":"vitest"}}"#),
    ];
    check_commands(
        files,
        expect![[r#"
        root (vitest) in "": ./node_modules/.bin/vitest run
        b (jest) in "packages/b": ./node_modules/.bin/jest
        y (vitest) in "x/y": ./node_modules/.bin/vitest run"#]],
    );
    check(files, &["packages/a/i.js"], expect!["root: packages/a/i.js changed"]);
}

#[test]
fn go_modules_use_each_other_by_replacement_or_workspace() {
    let files = &[
        ("go.work", "go 1.19\nuse (\n\t./app // main\n\t./lib\n)\n"),
        ("app/go.mod", "module example.com/app\n\nrequire (\n\texample.com/lib v0.0.0\n\tgithub.com/x/y v1.0.0\n)\n"),
        ("app/a_test.go", ""),
        ("lib/go.mod", "module \"example.com/lib\"\nreplace example.com/base => ../base\n"),
        ("lib/l_test.go", ""),
        ("base/go.mod", "module example.com/base\n"),
        ("base/b.go", ""),
        ("app/testdata/go.mod", "module never\n"),
        ("app/testdata/n_test.go", ""),
    ];
    check_commands(
        files,
        expect![[r#"
        example.com/app (go test) in "app": go test ./...
        example.com/lib (go test) in "lib": go test ./..."#]],
    );
    check(
        files,
        &["base/b.go"],
        expect![[r#"
        example.com/lib: base/b.go changed
        example.com/app: depends on example.com/lib"#]],
    );
    check(
        files,
        &["go.work"],
        expect![[r#"
        example.com/app: go.work concerns every package
        example.com/lib: go.work concerns every package"#]],
    );
    check(files, &["app/testdata/x"], expect!["example.com/app: app/testdata/x changed"]);
}

#[test]
fn a_build_of_java_is_one_package_with_all_its_modules() {
    let pom = "<?xml version=\"1.0\"?><project xmlns=\"http://maven.apache.org/POM/4.0.0\"><parent><artifactId>up</artifactId></parent><artifactId>shop</artifactId><modules><module>core</module></modules><profiles><profile><modules><module>web/pom.xml</module></modules></profile></profiles></project>";
    check_commands(
        &[
            ("pom.xml", pom),
            ("mvnw", ""),
            ("core/pom.xml", "<project><artifactId>core</artifactId></project>"),
            ("core/src/test/java/a/ATest.java", ""),
            ("web/pom.xml", "<project/>"),
            ("tool/pom.xml", "<project><artifactId>tool</artifactId></project>"),
            ("tool/src/test/kotlin/ATest.kt", ""),
            ("empty/pom.xml", "<project><artifactId>empty</artifactId></project>"),
            ("broken/pom.xml", "<project><artifactId>x</project>"),
            ("g/settings.gradle.kts", "rootProject.name = \"gee\"\ninclude(\":a\")\n"),
            ("g/gradlew", ""),
            ("g/a/build.gradle.kts", ""),
            ("g/a/src/integrationTest/java/ATest.java", ""),
            ("g/buildSrc/settings.gradle", ""),
            ("h/build.gradle", ""),
            ("h/src/test/java/ATest.java", ""),
        ],
        expect![[r#"
            shop (maven) in "": ./mvnw -B -q test
            gee (gradle) in "g": ./gradlew test
            h (gradle) in "h": gradle test
            tool (maven) in "tool": mvn -B -q test
            problem: broken/pom.xml: ill-formed document: expected `</artifactId>`, but `</project>` was found"#]],
    );
}

#[test]
fn a_cmake_project_has_tests_where_it_says_so() {
    check_commands(
        &[
            ("a/CMakeLists.txt", "cmake_minimum_required(VERSION 3.10)\n# project(no)\nproject(Demo C)\nadd_subdirectory(t)\n"),
            ("a/t/CMakeLists.txt", "Enable_Testing ()\n"),
            ("b/CMakeLists.txt", "PROJECT ( \"Two\" )\n  include( CTest )\n"),
            ("c/CMakeLists.txt", "project(c)\n# enable_testing()\n"),
            ("d/CMakeLists.txt", "project(${NAME})\nenable_testing()\n"),
        ],
        expect![[r#"
            Demo (ctest) in "a": ctest
            Two (ctest) in "b": ctest
            d (ctest) in "d": ctest"#]],
    );
}
