#!/usr/bin/env bash
# Runs the tests on a RabbitMQ and a PostgreSQL of their own, which are gone afterwards.
#
#   test.sh [ARGUMENTS]     arguments of `cargo nextest run` or `cargo test`; none: --workspace
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
cd "$here/.."
command -v cargo >/dev/null || die "cargo is missing: install Rust from https://rustup.rs"

folder=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-test.XXXXXX")
# PostgreSQL's own user has to pass through it.
chmod 711 "$folder"

clean_up() {
    local status=$? broker
    trap '' EXIT INT TERM HUP
    # A server that is just starting could not be found.
    wait || true
    # Brokers are still there where a test was ended from outside.
    for broker in "$folder"/rabbitmq "$folder"/broker-*; do
        if [ -d "$broker" ]; then "$here/rabbitmq.sh" remove "$broker" || true; fi
    done
    for broker in "$folder"/cluster-*; do
        if [ -d "$broker" ]; then "$here/rabbitmq.sh" uncluster "$broker" || true; fi
    done
    "$here/postgres.sh" remove "$folder/postgres" || true
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# With points where the crash tests can end a process.
[ $# -gt 0 ] || set -- --workspace --features failpoints
if cargo nextest --version >/dev/null 2>&1; then tests=(cargo nextest run); else tests=(cargo test); fi

# The servers start while the tests compile; what the recipes run on and the browser are fetched.
"$here/rabbitmq.sh" start "$folder/rabbitmq" & rabbitmq=$!
ROLLCALL_POSTGRES_FAST=1 "$here/postgres.sh" start "$folder/postgres" & postgres=$!
recipes=''
case "$*" in *--workspace* | *recipes*) "$here/recipes.sh" >/dev/null & recipes=$! ;; esac
chromium=''
case "$*" in *--workspace* | *console*) "$here/chromium.sh" >/dev/null & chromium=$! ;; esac
compiled=0
"${tests[@]}" --no-run "$@" || compiled=$?
# The crash tests run the services as processes. All is built at once, so that tests and services
# share what they depend on; copies, so that nobody builds them anew under a running test.
case "$*" in
    *--workspace* | *crash* | *cluster*)
        mkdir "$folder/services"
        [ "$compiled" != 0 ] || {
            cargo build --workspace --bins --tests --features failpoints &&
                cp "${CARGO_TARGET_DIR:-target}"/debug/{gateway,lead-service,campaign-service} "$folder/services"
        } || compiled=$? ;;
esac
wait "$rabbitmq" && wait "$postgres" || die "the servers for the tests did not start"
[ -z "$recipes" ] || wait "$recipes" || die "what the recipes run on could not be fetched"
[ -z "$chromium" ] || wait "$chromium" || die "there is no browser for the tests of the console"
[ "$compiled" = 0 ] || exit "$compiled"

# shellcheck disable=SC1091
{ . "$folder/rabbitmq/env"; . "$folder/postgres/env"; }
export ROLLCALL_TEST_FOLDER="$folder" ROLLCALL_TEST_DATABASE_URL="$DATABASE_URL" \
    ROLLCALL_TEST_AMQP_URL="$AMQP_URL" ROLLCALL_TEST_RABBITMQ_API="$RABBITMQ_API"
# A test that wants a server asks for it; none may find one by chance.
unset DATABASE_URL AMQP_URL RABBITMQ_API
"${tests[@]}" "$@"
