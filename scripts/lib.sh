# Shared by the scripts in this folder; sourced, never run.

say() { printf '%s\n' "$*" >&2; }
die() { say "rollcall: $*"; exit 1; }

# Is somebody listening on this port of the loopback address?
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Prints a port that nobody listens on and that no other call has printed lately. Outside the
# kernel's ephemeral range, so that an outgoing connection cannot take it between now and its use.
free_port() {
    local port claims
    claims="${TMPDIR:-/tmp}/rollcall-ports-$(id -u)"
    mkdir -p "$claims"
    find "$claims" -mindepth 1 -type d -mmin +2 -exec rmdir {} + 2>/dev/null || true
    for _ in $(seq 100); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if mkdir "$claims/$port" 2>/dev/null && ! port_taken "$port"; then echo "$port"; return; fi
    done
    die "no free port found between 20000 and 32000"
}

# Does this process run? One that has ended and that its parent has not asked after does not.
runs() {
    local state
    kill -0 "$1" 2>/dev/null || return 1
    if [ -r "/proc/$1/stat" ]; then state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 1
    else state=$(ps -o stat= -p "$1" 2>/dev/null) || return 1; fi
    case $state in Z* | '') return 1 ;; esac
}

# Waits until the process is gone: wait_gone PID SECONDS. False when it still runs.
wait_gone() {
    local pid=$1 left=$(($2 * 20))
    while runs "$pid"; do
        ((left-- > 0)) || return 1
        sleep 0.05
    done
}

# Does the process named in a file run, and is it ours? running FILE MARK, where MARK is part of
# its command line: after a reboot the number may be somebody else's.
running() {
    local pid
    pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && runs "$pid" || return 1
    if [ -r "/proc/$pid/cmdline" ]; then tr '\0' ' ' <"/proc/$pid/cmdline"
    else ps -o command= -p "$pid"; fi 2>/dev/null | grep -qF -- "$2"
}

# Runs a command in the background in a process group of its own, so that neither Ctrl-C at the
# terminal nor the end of this script reaches it: background PIDFILE LOGFILE COMMAND...
background() {
    local file=$1 log=$2
    shift 2
    set -m
    "$@" </dev/null >"$log" 2>&1 &
    set +m
    echo $! >"$file"
}

# Ends the process named in a file: end FILE MARK SIGNAL.
end() {
    local pid
    if running "$1" "$2"; then
        pid=$(cat "$1")
        kill "-$3" "$pid" 2>/dev/null || true
        # What is left of its group goes with it.
        wait_gone "$pid" 20 || say "rollcall: process $pid does not end; killing it"
        kill -KILL -- "-$pid" 2>/dev/null || true
        wait_gone "$pid" 5 || die "process $pid cannot be ended"
    fi
    rm -f "$1"
}

# The folder for unpacked packages: one copy for all checkouts of a user. Root's is where the user
# that root's PostgreSQL runs as can reach it.
tools_dir() {
    local home=${HOME:-}
    if [ -n "${ROLLCALL_TOOLS:-}" ]; then echo "$ROLLCALL_TOOLS"; return; fi
    if [ "$(id -u)" = 0 ]; then echo /var/cache/rollcall; return; fi
    [ -n "$home" ] || home=$(unset HOME; echo ~)
    if [ -n "${XDG_CACHE_HOME:-}" ]; then echo "$XDG_CACHE_HOME/rollcall"
    elif [ -d "$home" ] && [ -w "$home" ]; then echo "$home/.cache/rollcall"
    else private_folder "/var/tmp/rollcall-tools-$(id -u)"; fi
}

# Makes a folder in a place where everybody can write, and makes sure that it is our own.
private_folder() {
    mkdir -p -m 755 "$1"
    [ -O "$1" ] && [ ! -L "$1" ] || die "$1 belongs to somebody else"
    echo "$1"
}

# apt-get, apt-cache without root: with package lists of our own once fetch_lists has fetched them.
apt() {
    local tool=$1 state
    shift
    state="$(tools_dir)/apt"
    if [ -d "$state/lists" ]; then
        set -- -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" "$@"
    fi
    "$tool" -o APT::Sandbox::User="$(id -un 2>/dev/null || id -u)" -o Debug::NoLocking=1 "$@"
}

# Fetches package lists into a folder of our own.
fetch_lists() {
    local state
    state="$(tools_dir)/apt"
    say "rollcall: fetching apt's package lists"
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    apt apt-get update -qq >&2 || { rm -rf "$state"; die "apt-get update failed"; }
}

# Prints which packages are missing for these to be installed.
missing_packages() {
    apt apt-get -s install --no-install-recommends "$@" 2>/dev/null | awk '/^Inst/ {print $2}'
}

# Downloads Debian packages with what they need and unpacks them into a folder of our own:
# unpack_packages FOLDER FILE FINISH PACKAGE... No root is needed, no service is started, and
# nothing outside the folder changes. Does nothing when FILE is there in FOLDER; FINISH is called
# with the unpacked files' folder for the last touches. PACKAGE may be a function that prints one.
unpack_packages() {
    local folder=$1 file=$2 finish=$3
    shift 3
    [ ! -e "$folder/$file" ] || return 0
    command -v apt-get >/dev/null || die "cannot install $*: on macOS run 'brew install rabbitmq postgresql@16', elsewhere install them by your package manager"
    mkdir -p "$(dirname "$folder")" || die "cannot make $folder"
    # One at a time; whoever comes second finds the work done.
    (
        flock 9
        [ ! -e "$folder/$file" ] || exit 0
        fetch_and_unpack "$folder" "$finish" "$@"
    ) 9>"$folder.lock" || exit 1
}

# Under the lock of unpack_packages.
fetch_and_unpack() {
    local folder=$1 finish=$2 work="$1.new" wanted names deb
    shift 2
    wanted=$(package_names "$@"); names=''
    # shellcheck disable=SC2086 # one word a package
    [ -z "$wanted" ] || names=$(missing_packages $wanted) || names=''
    if [ -z "$names" ]; then
        fetch_lists
        wanted=$(package_names "$@")
        [ -n "$wanted" ] || die "apt knows no package for $*"
        # shellcheck disable=SC2086
        names=$(missing_packages $wanted) && [ -n "$names" ] || die "apt cannot find $wanted"
    fi
    say "rollcall: fetching $wanted into $folder"
    rm -rf "$work"; mkdir -p "$work/deb"
    # shellcheck disable=SC2086
    (cd "$work/deb" && apt apt-get download -qq $names >&2) || die "apt-get could not download $wanted"
    for deb in "$work"/deb/*.deb; do dpkg-deb -x "$deb" "$work" || die "cannot unpack $deb"; done
    rm -rf "$work/deb"
    "$finish" "$work" || die "cannot finish $work"
    chmod 755 "$work"
    rm -rf "$folder"
    mv "$work" "$folder"
}

# Prints the packages, calling those that are functions.
package_names() {
    local name
    for name in "$@"; do
        if [ "$(type -t "$name")" = function ]; then "$name"; else echo "$name"; fi
    done
}
