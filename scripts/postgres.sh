#!/usr/bin/env bash
# A private PostgreSQL for tests and benchmarks: own port on loopback, own data, no system service
# touched.
#
#   postgres.sh install          make sure that there is a PostgreSQL, and say where
#   postgres.sh start FOLDER     start it, wait until it serves, write FOLDER/env
#   postgres.sh stop FOLDER      stop it (data stays)
#   postgres.sh kill FOLDER      kill -9, as a crash would (data stays)
#   postgres.sh remove FOLDER    kill it and remove the folder
#
# FOLDER/env holds DATABASE_URL. A second `start` uses the same port. ROLLCALL_POSTGRES_FAST=1 trades
# the data's safety in a crash of the machine for speed, and allows 300 connections: for tests.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

# Prints the folder of `initdb` and `postgres`, installing them where they are missing.
find_binaries() {
    local folder tools
    for folder in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin 2>/dev/null | sort -rV); do
        if complete "$folder"; then echo "$folder"; return; fi
    done
    folder=$(dirname "$(command -v initdb || echo /none/initdb)")
    if complete "$folder"; then echo "$folder"; return; fi
    tools=$(tools_dir) || exit 1
    unpack_packages "$tools/postgresql" usr/lib/postgresql true newest_package
    ls -d "$tools"/postgresql/usr/lib/postgresql/*/bin
}

complete() { [ -x "$1/initdb" ] && [ -x "$1/postgres" ]; }

newest_package() { apt apt-cache pkgnames postgresql- | grep -E '^postgresql-[0-9]+$' | sort -V | tail -n 1; }

# Runs a command as a user that PostgreSQL accepts: it refuses to run as root.
as_user() {
    if [ "$(id -u)" != 0 ]; then "$@"
    else setpriv --reuid="$(server_user)" --regid="$(id -g "$(server_user)")" --clear-groups -- "$@"; fi
}

server_user() { if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi; }

# Prints where the data goes: into the folder, or beside /var/tmp where the server's user cannot
# reach the folder.
data_home() {
    local home="$folder/postgres"
    [ "$(id -u)" = 0 ] || { mkdir -p "$home"; echo "$home"; return; }
    mkdir -p "$home"
    chown "$(server_user)" "$home"
    if ! as_user test -w "$home" 2>/dev/null; then
        rmdir "$home"
        home="/var/tmp/rollcall-$(printf %s "$folder" | cksum | cut -d ' ' -f 1)"
        # A folder that somebody else put there is not ours to hand on.
        if [ -e "$home" ] || [ -L "$home" ]; then
            [ ! -L "$home" ] && [ "$(stat -c %U "$home")" = "$(server_user)" ] || die "$home belongs to somebody else"
        else
            mkdir -m 700 "$home"; chown "$(server_user)" "$home"
        fi
    fi
    echo "$home"
}

configure() {
    local bin=$1 home port
    home=$(data_home) || exit 1
    if [ ! -d "$home/data" ]; then
        # Under another name until it is whole.
        rm -rf "$home/new"
        as_user "$bin/initdb" -D "$home/new" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 ||
            as_user "$bin/initdb" -D "$home/new" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 ||
            { cat "$folder/initdb.log" >&2; die "initdb failed"; }
        mv "$home/new" "$home/data"
    fi
    port=$(free_port)
    printf 'data_home=%q\nport=%s\n' "$home" "$port" >"$folder/node.env"
    echo "export DATABASE_URL=postgres://postgres@127.0.0.1:$port/postgres" >"$folder/env"
}

start() {
    local bin libraries settings
    bin=$(find_binaries) || exit 1
    # An unpacked server finds its files by its own place, but not its libraries.
    libraries=$(ls -d "${bin%/lib/postgresql/*}"/lib/*-linux-gnu* 2>/dev/null | head -n 1) || true
    case $bin in
        /usr/*) ;;
        *) [ -z "$libraries" ] || export LD_LIBRARY_PATH="$libraries" ;;
    esac
    # The caller's folder may be closed to the server's user.
    cd /
    [ -f "$folder/env" ] || configure "$bin"
    # shellcheck disable=SC1091
    . "$folder/node.env"
    ! running "$folder/pid" "$(mark)" || return 0
    # Sockets in the file system are unused: their paths may hold 107 bytes only.
    settings=(-c listen_addresses=127.0.0.1 -c port="$port" -c unix_socket_directories='')
    if [ "${ROLLCALL_POSTGRES_FAST:-}" = 1 ]; then
        settings+=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300)
    fi
    background "$folder/pid" "$folder/postgres.log" as_user_exec "$bin/postgres" -D "$data_home/data" "${settings[@]}"
    for _ in $(seq 600); do
        if [ "$(sed -n 1p "$data_home/data/postmaster.pid" 2>/dev/null)" = "$(cat "$folder/pid")" ] &&
            sed -n 8p "$data_home/data/postmaster.pid" | grep -q ready; then return; fi
        runs "$(cat "$folder/pid")" || { tail -n 20 "$folder/postgres.log" >&2; die "PostgreSQL did not start"; }
        sleep 0.05
    done
    end_server KILL; die "PostgreSQL did not serve within 30 seconds; see $folder/postgres.log"
}

# As `as_user`, in place of this shell, so that the process in the background is the server itself.
as_user_exec() {
    if [ "$(id -u)" != 0 ]; then exec "$@"; fi
    exec setpriv --reuid="$(server_user)" --regid="$(id -g "$(server_user)")" --clear-groups -- "$@"
}

# What tells our server from others, in its command line.
mark() { echo "$data_home/data"; }

# end_server SIGNAL
end_server() {
    [ -f "$folder/node.env" ] || return 0
    # shellcheck disable=SC1091
    . "$folder/node.env"
    end "$folder/pid" "$(mark)" "$1"
}

remove() {
    end_server KILL
    [ -f "$folder/node.env" ] || return 0
    rm -rf "$data_home" "$folder"
}

usage() { die "usage: postgres.sh install, or postgres.sh start|stop|kill|remove FOLDER"; }
if [ "$*" = install ]; then find_binaries; exit; fi
[ $# = 2 ] || usage
mkdir -p "$2"; folder=$(cd "$2" && pwd)
case $1 in
    start) start ;;
    # INT: the "fast" shutdown, which does not wait for clients.
    stop) end_server INT ;;
    kill) end_server KILL ;;
    remove) remove ;;
    *) usage ;;
esac
