#!/usr/bin/env bash
# Runs the tests against RabbitMQ 4, by hand: Debian 13's package, on whatever Debian this is.
#
#   rabbitmq4.sh [ARGUMENTS]     as for test.sh
#
# The packages are unpacked into a folder of our own, with the libraries that they need. No root is
# needed, and no chroot: what is executable in them gets Debian 13's loader written into it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

readonly suite=trixie keyring=/usr/share/keyrings/debian-archive-keyring.gpg
tools=$(tools_dir)
folder="$tools/rabbitmq4"
state="$tools/apt-$suite"

# apt, as if nothing were installed, with the lists of Debian 13.
apt13() {
    local tool=$1
    shift
    "$tool" -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@"
}

unpack() {
    local names deb
    command -v apt-get >/dev/null && [ -f "$keyring" ] || die "this needs Debian's apt-get and keyring"
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    echo "deb [signed-by=$keyring] http://deb.debian.org/debian $suite main" >"$state/sources.list"
    apt13 apt-get update -qq >&2 || die "no package lists of Debian 13 to be had"
    names=$(apt13 apt-get -s install --no-install-recommends rabbitmq-server patchelf | awk '/^Inst/ {print $2}')
    [ -n "$names" ] || die "Debian 13 has no rabbitmq-server"
    say "rollcall: fetching Debian 13's rabbitmq-server into $folder"
    rm -rf "$folder.new"; mkdir -p "$folder.new/deb"
    # shellcheck disable=SC2086 # one word a package
    (cd "$folder.new/deb" && apt13 apt-get download -qq $names >&2) || die "the packages could not be downloaded"
    for deb in "$folder.new"/deb/*.deb; do dpkg-deb -x "$deb" "$folder.new"; done
    rm -rf "$folder.new/deb"
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}

# Lets the unpacked programs run where they are: under their own loader, with their own libraries,
# and with Erlang's launcher told its place.
relocate() {
    local libraries loader program erlang="$folder/usr/lib/erlang"
    libraries=$(echo "$folder"/usr/lib/*-linux-gnu*)
    loader=$(echo "$libraries"/ld-linux*.so.*)
    [ -x "$loader" ] || die "no loader in $libraries"
    find "$erlang" -type f -path '*/bin/*' -perm -u+x | while read -r program; do
        [ "$(head -c 4 "$program" | tail -c 3)" = ELF ] || continue
        # RPATH rather than RUNPATH: it holds for the libraries of libraries, too.
        "$loader" --library-path "$libraries" "$folder/usr/bin/patchelf" \
            --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$program"
    done
    find "$erlang" -type f \( -name erl -o -name start -o -name start_erl \) \
        -exec sed -i "s|=/usr/lib/erlang|=$erlang|" {} +
    touch "$folder/relocated"
}

mkdir -p "$tools"
(
    flock 9
    if [ ! -e "$folder/relocated" ]; then unpack; relocate; fi
) 9>"$folder.lock"
export ROLLCALL_RABBITMQ="$folder/usr/lib/rabbitmq/bin"
exec "$here/test.sh" "$@"
