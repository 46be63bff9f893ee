#!/usr/bin/env bash
# Unpacks the projects that `naestro bench select` measures on: real ones, from the source packages of their registries.
#
#   tests/bench/select/projects.sh FOLDER [NAME...]     into FOLDER/NAME; all of them where none is named
#
# Each becomes a repository with one commit, so that a change to it is seen. What its package lacks is supplied here: tools of a
# fixed version where git does not look (node_modules, .venv), a test configuration that ends a test which would go on for ever.
# Packages come through cargo, pip and npm, so that the user's own configuration of registries holds; each is checked against
# the sum below. Needs cargo (with cargo-nextest), python3 and npm. A project that is there already is left as it is.
set -euo pipefail

declare -A version=([pathfinding]=4.16.0 [boltons]=26.2.0 [tldraw-utils]=5.1.1)
declare -A sum=(
    [pathfinding]=dbb041402cdb260d46c836e67bd1193d2258cac438d2638db97ada0ef712d6c7
    [boltons]=d39cfd15c1a1c3bd4d705c82252fa9edb8e4f5e8cc039f8e39afac7b1b47e92c
    [tldraw-utils]=d1a5ec85c45b320e5eac2db19cf4eceea710b4956ec803b92ea68922b388d360
)
# Nothing that was published later is installed, whatever a dependency would allow.
before=2026-11-20

[ $# -gt 0 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '== %s\n' "$*"; }
check() { # NAME SUM
    [ "$2" = "${sum[$1]}" ] || { printf '%s %s is not the package it was: sha256 %s\n' "$1" "${version[$1]}" "$2" >&2; exit 1; }
}
unpack() { # NAME ARCHIVE
    check "$1" "$(sha256sum "$2" | cut -d ' ' -f 1)"
    mkdir "$work/$1"
    tar xzf "$2" -C "$work/$1" --strip-components 1
}
commit() {
    printf '%s\n' target/ node_modules/ .venv/ __pycache__/ .pytest_cache/ >.gitignore
    git init --quiet --initial-branch=main
    git add --all
    GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z \
        git -c user.name=bench -c user.email=bench@localhost commit --quiet --message 'As published'
}

# Rust, cargo: graph algorithms. The package holds its tests and its Cargo.lock.
get_pathfinding() {
    local from=$work/cargo name=pathfinding-${version[pathfinding]}
    mkdir -p "$from/src" && : >"$from/src/lib.rs"
    printf '[package]\nname = "from"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\npathfinding = "=%s"\n' \
        "${version[pathfinding]}" >"$from/Cargo.toml"
    (cd "$from" && cargo vendor --quiet --versioned-dirs vendor >/dev/null)
    # cargo has checked the package against this sum when it came.
    check pathfinding "$(sed -n 's/.*"package":"\([0-9a-f]*\)".*/\1/p' "$from/vendor/$name/.cargo-checksum.json")"
    mv "$from/vendor/$name" "$work/pathfinding"
    cd "$work/pathfinding"
    rm .cargo-checksum.json
    mkdir .config
    # Left out is what runs cargo itself, on programs that must not compile.
    cat >.config/nextest.toml <<'END'
[profile.default]
default-filter = "not binary(ui)"
fail-fast = false
slow-timeout = { period = "10s", terminate-after = 1 }
END
    cargo fetch --quiet --locked
}

# Python, pytest: functions that could be built in.
get_boltons() {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary boltons --dest "$work" \
        "boltons==${version[boltons]}"
    unpack boltons "$work/boltons-${version[boltons]}.tar.gz"
    cd "$work/boltons"
    printf '[pytest]\ntestpaths = tests\ntimeout = 10\n' >pytest.ini
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps \
        pytest==9.2.0 pytest-timeout==2.4.0 iniconfig==2.3.1 packaging==26.3 pluggy==1.7.0 Pygments==2.21.0
}

# TypeScript, vitest: the small functions below a drawing program. Of what is compiled in the package nothing is kept.
get_tldraw-utils() {
    (cd "$work" && npm pack --silent "@tldraw/utils@${version[tldraw-utils]}" >/dev/null)
    unpack tldraw-utils "$work/tldraw-utils-${version[tldraw-utils]}.tgz"
    cd "$work/tldraw-utils"
    rm -r dist-cjs dist-esm
    npm pkg delete scripts devDependencies
    npm pkg set type=module scripts.test='vitest run' devDependencies.vitest=3.2.4 devDependencies.happy-dom=21.0.4
    # Only these need a browser's window, and making one takes longer than most files' tests.
    cat >vitest.config.ts <<'END'
import { defineConfig } from 'vitest/config'

const windowed = ['src/lib/{network,throttle,timers}.test.ts']

export default defineConfig({
	test: {
		globals: true,
		projects: [
			{ extends: true, test: { name: 'node', environment: 'node', include: ['src/**/*.test.ts'], exclude: windowed } },
			{ extends: true, test: { name: 'window', environment: 'happy-dom', include: windowed } },
		],
	},
})
END
    npm install --silent --ignore-scripts --no-package-lock --no-audit --no-fund --before="$before"
}

[ $# -gt 0 ] || set -- pathfinding boltons tldraw-utils
for name; do
    [ -n "${version[$name]:-}" ] || { printf 'there is no project %s, only: %s\n' "$name" "${!version[*]}" >&2; exit 2; }
    if [ -e "$folder/$name" ]; then
        say "$name is there"
        continue
    fi
    say "$name ${version[$name]}"
    # A folder that is there is complete: it is moved into place last. What it was made from is removed at the end.
    (set -euo pipefail; "get_$name"; cd "$work/$name"; commit)
    mv "$work/$name" "$folder/$name"
done
