#!/usr/bin/env bash
# Holds the published specifications against their standards, and a running system against them.
#
#   api.sh lint           are /openapi.json and /asyncapi.json good documents?
#   api.sh fuzz [SEED]    does the API do what /openapi.json says, whatever it is sent?
#
# The system is a `rollcall up` on a PostgreSQL of its own, which are gone afterwards. The tools come
# from PyPI, into a folder of our own.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
# shellcheck source=scripts/python.sh
. "$here/python.sh"
usage() { die "usage: api.sh lint, or api.sh fuzz [SEED]"; }
case ${1:-} in
    lint) [ $# = 1 ] || usage ;;
    fuzz) [ $# -le 2 ] || usage ;;
    *) usage ;;
esac
command -v cargo >/dev/null || die "cargo is missing: install Rust from https://rustup.rs"
# Another folder for another list.
tools="$(tools_dir)/api/$(cksum <"$here/api/requirements.txt" | cut -d ' ' -f 1)"

python() { PYTHONPATH="$tools/site:$modules:$here" PYTHONDONTWRITEBYTECODE=1 "$interpreter" "$@"; }

# The tools are in $tools/site then.
fetch_tools() (
    [ ! -d "$tools/site" ] || exit 0
    flock 9
    [ ! -d "$tools/site" ] || exit 0
    say "rollcall: fetching the tools that check the API into $tools"
    rm -rf "$tools/new"
    install_wheels "$here/api/requirements.txt" "$tools/new" ||
        die "the tools that check the API could not be installed"
    mv "$tools/new" "$tools/site"
) 9>"$tools.lock"

# Starts everything: it serves at $url then, and $key opens a workspace.
start() {
    local gateway admin lead campaign
    # As the tests build it, so that nothing is built twice.
    (cd "$here/.." && cargo build --workspace --bins --features failpoints)
    cp "${CARGO_TARGET_DIR:-$here/../target}/debug/rollcall" "$folder"
    ROLLCALL_POSTGRES_FAST=1 "$here/postgres.sh" start "$folder/postgres"
    # shellcheck disable=SC1091
    . "$folder/postgres/env"
    gateway=$(free_port) admin=$(free_port) lead=$(free_port) campaign=$(free_port)
    url="http://127.0.0.1:$gateway"
    # Settings lie in the folder where it is started: there are none in this one.
    cd "$folder"
    export ROLLCALL__GATEWAY__LISTEN="127.0.0.1:$gateway" ROLLCALL__GATEWAY__ADMIN="127.0.0.1:$admin" \
        ROLLCALL__LEAD_SERVICE__ADMIN="127.0.0.1:$lead" ROLLCALL__CAMPAIGN_SERVICE__ADMIN="127.0.0.1:$campaign"
    unset AMQP_URL
    background "$folder/rollcall.pid" "$folder/rollcall.log" "$folder/rollcall" up
    for _ in $(seq 600); do
        if "$folder/rollcall" healthcheck "$url/ready" >/dev/null 2>&1; then
            key=$("$folder/rollcall" keys create --workspace Fuzz --scope admin --scope operator --rate-limit 0 2>"$folder/keys.log")
            return
        fi
        runs "$(cat "$folder/rollcall.pid")" || break
        sleep 0.05
    done
    tail -n 20 "$folder/rollcall.log" >&2
    die "Rollcall did not start"
}

clean_up() {
    local status=$?
    trap '' EXIT INT TERM HUP
    end "$folder/rollcall.pid" "$folder/rollcall" TERM || true
    "$here/postgres.sh" remove "$folder/postgres" || true
    rm -rf "$folder"
    exit "$status"
}

fuzz() {
    local seed=${1:-$RANDOM}
    say "rollcall: make fuzz-api SEED=$seed repeats this run"
    SCHEMATHESIS_HOOKS=api.hooks python -c 'from schemathesis.cli import schemathesis; schemathesis()' \
        --config-file "$here/api/schemathesis.toml" run "$url/openapi.json" \
        --header "Authorization: Bearer $key" --seed "$seed"
}

mkdir -p "$tools"
find_python "$tools/debian"
fetch_tools
folder=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-api.XXXXXX")
# PostgreSQL's own user has to pass through it.
chmod 711 "$folder"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
start
if [ "$1" = lint ]; then python -W ignore::UserWarning -m api.lint "$url"; else fuzz "${2:-}"; fi
