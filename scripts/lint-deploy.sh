#!/usr/bin/env bash
# Checks what Rollcall is deployed with: deploy/, docker/, docker-compose.yml. Starts nothing.
#
#   lint-deploy.sh           check
#   lint-deploy.sh write     make the alerts for Kubernetes from those for compose
#
# The tools are Debian's, unpacked into a folder of our own, and need no root.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
cd "$here/.."
command -v apt-get >/dev/null || die "lint-deploy needs Debian's packages"

tools="$(tools_dir)/lint-deploy"
readonly needed=(prometheus yamllint docker-compose python3-jsonschema python3-yaml python3-pip)
# A wheel that brings the schemas of Kubernetes along. They are data to us: its code is not run.
readonly wheel=kubernetes-validate==1.34.1
readonly wheel_sum=6ad909e64c140d883f558949364aeca49637580ae88a9a00b59688ab44aae88d
# The oldest that the manifests are for, and a recent one.
readonly versions=(v1.30.0 v1.34.0)

# Unpacks the packages that are not installed and puts their programs and modules on the paths.
find_tools() {
    local package libraries missing=()
    for package in "${needed[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    # Another folder for another list.
    packages="$tools/$(echo "${missing[*]}" | cksum | cut -d ' ' -f 1)"
    unpack_packages "$packages" usr true "${missing[@]}"
    PATH="$packages/usr/bin:$PATH"
    export PYTHONPATH="$packages/usr/lib/python3/dist-packages:"
    libraries=$(ls -d "$packages"/usr/lib/*-linux-gnu* 2>/dev/null | head -n 1) || true
    [ -z "$libraries" ] || export LD_LIBRARY_PATH="$libraries"
}

# Debian's Python, which the modules are for; not another that comes first on the path.
python() {
    local program=/usr/bin/python3
    [ -x "$program" ] || program="$packages/usr/bin/python3"
    PYTHONPATH="${PYTHONPATH:-}$here" PYTHONDONTWRITEBYTECODE=1 "$program" "$@"
}

# A program from the path that may be a script for that Python.
run() {
    local program
    program=$(command -v "$1") || die "there is no $1"
    shift
    if [ "$(head -c 2 "$program")" = '#!' ]; then python "$program" "$@"; else "$program" "$@"; fi
}

# promtool, which is heard only when it refuses something: ask_promtool WHAT ARGUMENTS...
ask_promtool() {
    local what=$1
    shift
    promtool "$@" >"$work/told" 2>&1 || { cat "$work/told" >&2; die "promtool refuses $what"; }
}

# The schemas are in $tools/schemas then.
fetch_schemas() (
    [ ! -d "$tools/schemas" ] || exit 0
    mkdir -p "$tools"
    flock 9
    [ ! -d "$tools/schemas" ] || exit 0
    say "rollcall: fetching the schemas of Kubernetes into $tools"
    rm -rf "$tools/new"
    python -m pip download -q --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: \
        -d "$tools/new" "$wheel" >&2 || die "$wheel could not be downloaded"
    echo "$wheel_sum  $(ls "$tools"/new/*.whl)" | sha256sum --check --quiet || die "another wheel than we know"
    python -m zipfile -e "$tools"/new/*.whl "$tools/new"
    mv "$tools/new/kubernetes_validate/kubernetes-json-schema" "$tools/schemas"
    rm -rf "$tools/new"
) 9>"$tools.lock"

packages=''
mkdir -p "$(dirname "$tools")"
find_tools
if [ "$*" = write ]; then python -m lint_deploy write; exit; fi
[ $# = 0 ] || die "usage: lint-deploy.sh [write]"
fetch_schemas
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run yamllint --strict --config-file "$here/lint_deploy/yamllint.yaml" deploy docker docker-compose.yml
run docker-compose --profile monitoring config --quiet
python -m lint_deploy "$work/queries.yml" "${versions[@]/#/$tools/schemas/}"
ask_promtool docker/prometheus/prometheus.yml check config docker/prometheus/prometheus.yml
ask_promtool docker/prometheus/alerts.yml check rules docker/prometheus/alerts.yml
ask_promtool "a query of the dashboard" check rules "$work/queries.yml"
ask_promtool docker/prometheus/alerts.test.yml test rules docker/prometheus/alerts.test.yml
say "rollcall: what is in deploy/ and docker/ holds together"
