#!/usr/bin/env bash
# Measures the pipeline on a RabbitMQ and a PostgreSQL of their own, which are gone afterwards.
#
#   bench.sh table [ARGUMENTS]     `bench table --help` says which
#   bench.sh size [ARGUMENTS]
#
# The data goes to a disk, where fsync costs what it costs: /var/tmp, or ROLLCALL_BENCH_TMP.
# Nothing else should run on the machine meanwhile. ROLLCALL_BENCH_BUILD=0 measures what is built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
[ "$(uname)" = Linux ] || die "the benchmark reads /proc, which only Linux has"
[ $# -gt 0 ] || die "usage: bench.sh table|size [ARGUMENTS]"
programs="${CARGO_TARGET_DIR:-$here/../target}/dist"
if [ "${ROLLCALL_BENCH_BUILD:-1}" = 1 ]; then (
    cd "$here/.."
    cargo build --profile dist -p bench -p gateway -p lead-service -p campaign-service -p rollcall --bins
); fi
programs=$(cd "$programs" && pwd)

folder=$(mktemp -d "${ROLLCALL_BENCH_TMP:-/var/tmp}/rollcall-bench.XXXXXX")
# PostgreSQL's own user has to pass through it.
chmod 711 "$folder"

clean_up() {
    local status=$? file
    trap '' EXIT INT TERM HUP
    # The benchmark first: it ends what it has started. What is left after that had no chance to.
    end "$folder/bench.pid" "$programs/bench" TERM
    for file in "$folder"/*.pid; do
        if [ -e "$file" ]; then end "$file" "$programs/" TERM || true; fi
    done
    "$here/rabbitmq.sh" remove "$folder/rabbitmq" || true
    "$here/postgres.sh" remove "$folder/postgres" || true
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A server of some size, made repeatable: no checkpoint and no autovacuum falls into one row and not
# into the other. (Pages are written to the log whole after a checkpoint: `size` has none at all,
# or the largest table would pay for all its pages within a few seconds.)
case $1 in
    size) settings=$'max_wal_size = 64GB\ncheckpoint_timeout = 4h' ;;
    *) settings=$'max_wal_size = 8GB\ncheckpoint_timeout = 15min' ;;
esac
# A quarter of the memory, as PostgreSQL's manual advises:
# https://www.postgresql.org/docs/15/runtime-config-resource.html#GUC-SHARED-BUFFERS
shared_buffers="$(($(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo) / 4))kB"
"$here/rabbitmq.sh" start "$folder/rabbitmq" & rabbitmq=$!
"$here/postgres.sh" start "$folder/postgres"
# shellcheck disable=SC1091
. "$folder/postgres/node.env"
# shellcheck disable=SC2154 # data_home comes from node.env
cat >>"$data_home/data/postgresql.conf" <<CONF
shared_buffers = $shared_buffers
$settings
min_wal_size = 2GB
autovacuum = off
CONF
"$here/postgres.sh" stop "$folder/postgres"
"$here/postgres.sh" start "$folder/postgres"
wait "$rabbitmq" || die "RabbitMQ did not start"

# shellcheck disable=SC1091
{ . "$folder/rabbitmq/env"; . "$folder/postgres/env"; }
ports="$(free_port),$(free_port),$(free_port)"
ROLLCALL_BENCH_FOLDER="$folder" ROLLCALL_BENCH_PORTS="$ports" "$programs/bench" "$@" &
# In the background, so that a signal to this script is heard at once.
echo $! >"$folder/bench.pid"
wait $!
