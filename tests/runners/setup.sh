#!/usr/bin/env bash
# Installs, into a folder given as argument, what the tests of the test runners need beyond the machine's own programs: vitest and
# jest by npm, and what Maven's test takes from Maven's repository. Uses the registries that npm and Maven are configured for.
#
#   tests/runners/setup.sh FOLDER
#   NAESTRO_TEST_NODE_MODULES=FOLDER ./test
#
# The tests themselves never use the network: without this they name what they skip.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:?name the folder to install into}
mkdir -p "$folder"

if command -v npm >/dev/null; then
    cp "$here/package.json" "$here/package-lock.json" "$folder/"
    # Not `npm ci`: it refuses lock files without download addresses that leave out other platforms' optional packages.
    npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund
    printf 'vitest and jest are in %s: NAESTRO_TEST_NODE_MODULES=%s\n' "$folder" "$folder"
else
    echo 'SKIPPED: vitest and jest: npm is not installed' >&2
fi

if command -v mvn >/dev/null; then
    # A test that is run fetches all that a test needs: the plugins, JUnit and surefire's provider for it.
    project=$(mktemp -d)
    trap 'rm -rf "$project"' EXIT
    mkdir -p "$project/src/test/java/demo"
    cp "$here/pom.xml" "$project/"
    printf 'package demo;\nclass ATest { @org.junit.jupiter.api.Test void holds() {} }\n' >"$project/src/test/java/demo/ATest.java"
    # Debian's packages have the same versions, for where Maven's own repository is not reached:
    # libmaven-resources-plugin-java libmaven-compiler-plugin-java libsurefire-java junit5
    if ! mvn -B -q -f "$project/pom.xml" test; then
        [ -d /usr/share/maven-repo ] || exit 1
        mkdir -p ~/.m2/repository
        cp -rL /usr/share/maven-repo/. ~/.m2/repository/
        mvn -o -B -q -f "$project/pom.xml" test
    fi
    echo "Maven's repository holds what its test needs"
else
    echo 'SKIPPED: Maven: mvn is not installed' >&2
fi

for program in go cmake ctest gradle; do
    command -v "$program" >/dev/null || echo "SKIPPED: $program is not installed; get it from your system's packages" >&2
done
