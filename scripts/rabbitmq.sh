#!/usr/bin/env bash
# A private RabbitMQ node: own ports on loopback, own data folder, no system service touched.
#
#   rabbitmq.sh start FOLDER     start it, wait until it serves, write FOLDER/env
#   rabbitmq.sh stop FOLDER      stop it (data stays)
#   rabbitmq.sh kill FOLDER      kill -9, as a crash would (data stays)
#   rabbitmq.sh freeze FOLDER    stop it in its tracks, as a machine that hangs would; `thaw` ends that
#   rabbitmq.sh remove FOLDER    kill it and remove the folder
#   rabbitmq.sh ctl FOLDER ...   what `rabbitmqctl ...` says of it, or does to it
#   rabbitmq.sh cluster FOLDER   start three nodes as a cluster, in FOLDER/1 to FOLDER/3; each can then be
#                                stopped, killed and started by its own folder
#   rabbitmq.sh uncluster FOLDER kill all three and remove the folder
#
# ROLLCALL_RABBITMQ names the folder of `rabbitmq-server` where it is to be another one than found.
# FOLDER/env holds AMQP_URL and RABBITMQ_API (the management API). A second `start` uses the same ports.
# ROLLCALL_RABBITMQ_METRICS=1, at the first start, serves metrics at RABBITMQ_METRICS, too.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

# Prints the path of `rabbitmq-server`, installing it where it is missing. The script itself, not
# Debian's wrapper on the PATH, which insists on a user of its own.
find_server() {
    local candidate tools
    if [ -n "${ROLLCALL_RABBITMQ:-}" ]; then echo "$ROLLCALL_RABBITMQ/rabbitmq-server"; return; fi
    for candidate in /usr/lib/rabbitmq/bin /opt/homebrew/opt/rabbitmq/sbin /usr/local/opt/rabbitmq/sbin /opt/rabbitmq/sbin; do
        if [ -x "$candidate/rabbitmq-server" ]; then echo "$candidate/rabbitmq-server"; return; fi
    done
    tools=$(tools_dir) || exit 1
    unpacked="$tools/rabbitmq"
    unpack_packages "$unpacked" usr/lib/rabbitmq/bin/rabbitmq-server move_erlang rabbitmq-server
    echo "$unpacked/usr/lib/rabbitmq/bin/rabbitmq-server"
}

# Erlang's launcher has its place in the file system written into it.
move_erlang() {
    local erlang="$1/usr/lib/erlang"
    [ -d "$erlang" ] || return 0
    sed -i "s|ROOTDIR=/usr/lib/erlang|ROOTDIR=$unpacked/usr/lib/erlang|" "$erlang/bin/erl"
    find "$erlang" -path '*/bin/start' -exec sed -i "s|/usr/lib/erlang|$unpacked/usr/lib/erlang|" {} +
}

configure() {
    local amqp api dist epmd plugins metrics erlang_args
    amqp=${ROLLCALL_RABBITMQ_PORT:-$(free_port)}; api=$(free_port); dist=$(free_port)
    # Nodes of a cluster find each other by one port mapper, which none of them may take along.
    epmd=${ROLLCALL_RABBITMQ_EPMD:-$(free_port)}
    cat >"$folder/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$amqp
management.tcp.ip = 127.0.0.1
management.tcp.port = $api
# Small machines: a short write-ahead log and a fixed watermark, so that a run is repeatable.
raft.wal_max_size_bytes = 67108864
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
# Whoever looks at a private node wants to see what is, not what was five seconds ago.
collect_statistics_interval = 1000
CONF
    erlang_args=''
    if [ -n "${ROLLCALL_RABBITMQ_PEERS:-}" ]; then join_peers; fi
    cat >"$folder/node.env" <<NODE
amqp_port=$amqp
api_port=$api
export RABBITMQ_NODENAME=rollcall-$amqp@localhost
export RABBITMQ_DIST_PORT=$dist
export ERL_EPMD_PORT=$epmd
shared_epmd=${ROLLCALL_RABBITMQ_EPMD:+1}
erlang_args='${erlang_args:-}'
NODE
    cat >"$folder/env" <<ENV
export AMQP_URL=amqp://guest:guest@127.0.0.1:$amqp/%2f
export RABBITMQ_API=http://guest:guest@127.0.0.1:$api/api
ENV
    plugins=rabbitmq_management
    if [ "${ROLLCALL_RABBITMQ_METRICS:-}" = 1 ]; then
        plugins+=,rabbitmq_prometheus; metrics=127.0.0.1:$(free_port)
        printf 'prometheus.tcp.ip = %s\nprometheus.tcp.port = %s\n' "${metrics%:*}" "${metrics#*:}" >>"$folder/rabbitmq.conf"
        echo "export RABBITMQ_METRICS=$metrics" >>"$folder/env"
    fi
    echo "[$plugins]." >"$folder/enabled_plugins"
}

# Tells the node its peers: they form a cluster when they first start.
join_peers() {
    local peer number=0
    echo 'cluster_formation.peer_discovery_backend = classic_config' >>"$folder/rabbitmq.conf"
    echo 'cluster_partition_handling = autoheal' >>"$folder/rabbitmq.conf"
    # A frozen node is given up after some 5 s: see docs/operations.md.
    echo 'net_ticktime = 4' >>"$folder/rabbitmq.conf"
    erlang_args='-kernel net_setuptime 1'
    for peer in $ROLLCALL_RABBITMQ_PEERS; do
        number=$((number + 1))
        echo "cluster_formation.classic_config.nodes.$number = rollcall-$peer@localhost" >>"$folder/rabbitmq.conf"
    done
    (umask 077; printf %s "$ROLLCALL_RABBITMQ_COOKIE" >"$folder/.erlang.cookie")
}

# Starts three nodes that know each other, and their port mapper.
start_cluster() {
    local server erlang epmd number nodes=() peers=''
    for number in 1 2 3; do peers+="$(free_port) "; done
    export ROLLCALL_RABBITMQ_PEERS="$peers" ROLLCALL_RABBITMQ_COOKIE="rollcall$RANDOM$RANDOM"
    ROLLCALL_RABBITMQ_EPMD=$(free_port)
    export ROLLCALL_RABBITMQ_EPMD
    server=$(find_server) || exit 1
    erlang="${server%/rabbitmq/bin/rabbitmq-server}/erlang"
    if [ -d "$erlang/bin" ]; then PATH="$erlang/bin:$PATH"; fi
    epmd=$(command -v epmd || find -L "$erlang" -name epmd -type f 2>/dev/null | head -n 1)
    cd "$folder"
    echo "$ROLLCALL_RABBITMQ_EPMD" >epmd.port
    background epmd.pid epmd.log "$epmd" -port "$ROLLCALL_RABBITMQ_EPMD" -address 127.0.0.1
    number=0
    for port in $peers; do
        number=$((number + 1))
        ROLLCALL_RABBITMQ_PORT=$port "$here/rabbitmq.sh" start "$folder/$number" & nodes+=($!)
    done
    for node in "${nodes[@]}"; do wait "$node" || die "a node of the cluster did not start"; done
}

end_cluster() {
    local number
    for number in 1 2 3; do "$here/rabbitmq.sh" remove "$folder/$number" || true; done
    if [ -f "$folder/epmd.port" ]; then
        end "$folder/epmd.pid" "epmd -port $(cat "$folder/epmd.port")" KILL
        rm -rf "$folder"
    fi
}

# Sets what the node's programs need: `server`, `erlang`, the ports and the environment.
prepare() {
    local root variable
    server=$(find_server) || exit 1
    # Somebody's settings for another node must not reach this one.
    for variable in ${!RABBITMQ_@}; do unset "$variable"; done
    [ -f "$folder/env" ] || configure
    # shellcheck disable=SC1091
    . "$folder/node.env"
    # An unpacked Erlang comes first on the path; an installed one is there already.
    root=${server%/rabbitmq/bin/rabbitmq-server}
    erlang="$root/erlang"
    if [ -d "$erlang/bin" ]; then PATH="$erlang/bin:$PATH"; fi
    export PATH HOME="$folder" ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_CONF_ENV_FILE=/dev/null
}

start() {
    local server erlang epmd
    prepare
    ! running "$folder/pid" "$(node_mark)" || return 0
    # RUNNING_UNDER_SYSTEMD: the node takes the place of its launcher, so signals reach it.
    # +S 1:1: one scheduler, so that its processes do not wake each other across processors that the
    # services need, too. +sbwt…: threads that wait do not spin (https://www.rabbitmq.com/docs/runtime#scheduling).
    export RUNNING_UNDER_SYSTEMD=true ERL_CRASH_DUMP="$folder/log/erl_crash.dump" \
        RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" RABBITMQ_MNESIA_BASE="$folder/data" \
        RABBITMQ_LOG_BASE="$folder/log" RABBITMQ_PID_FILE="$folder/beam.pid" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} -rabbit quorum_tick_interval 1000 $(node_mark) +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none ${erlang_args:-}"
    unset NOTIFY_SOCKET
    mkdir -p "$folder/log"
    # The caller's folder may be gone or closed to us, and Erlang refuses to start from there.
    cd "$folder"
    # Our own port mapper: the one that Erlang starts by itself outlives the node.
    if [ -z "${shared_epmd:-}" ]; then
        epmd=$(command -v epmd || find -L "$erlang" -name epmd -type f 2>/dev/null | head -n 1)
        end epmd.pid "$(epmd_mark)" KILL
        background epmd.pid log/epmd.log "$epmd" -port "$ERL_EPMD_PORT" -address 127.0.0.1
    fi
    background pid log/start.log "$server"
    for _ in $(seq 1200); do
        # Listeners open last, the management API's first of them.
        if port_taken "$api_port" && port_taken "$amqp_port"; then return; fi
        if ! runs "$(cat pid)"; then
            tail -n 20 log/start.log >&2
            end epmd.pid "$(epmd_mark)" KILL
            die "RabbitMQ did not start; see $folder/log"
        fi
        sleep 0.1
    done
    end_node KILL; die "RabbitMQ did not serve within 120 seconds; see $folder/log"
}

# What tells our processes from others, in their command lines.
node_mark() { echo "-rollcall $amqp_port"; }
epmd_mark() { echo "epmd -port $ERL_EPMD_PORT"; }

# end_node SIGNAL
end_node() {
    [ -f "$folder/node.env" ] || return 0
    # shellcheck disable=SC1091
    . "$folder/node.env"
    end "$folder/pid" "$(node_mark)" "$1"
    end "$folder/epmd.pid" "$(epmd_mark)" KILL
}

remove() {
    end_node KILL
    [ ! -f "$folder/node.env" ] || rm -rf "$folder"
}

# Freezes the node, or lets it go on: signal SIGNAL.
signal() {
    # shellcheck disable=SC1091
    . "$folder/node.env"
    running "$folder/pid" "$(node_mark)" || die "the node does not run"
    kill "-$1" "$(cat "$folder/pid")"
}

ctl() {
    local server erlang
    prepare
    cd "$folder"
    "${server%-server}ctl" --quiet "$@"
}

usage() { die "usage: rabbitmq.sh start|stop|kill|freeze|thaw|remove|cluster|uncluster FOLDER, or rabbitmq.sh ctl FOLDER COMMAND..."; }
[ $# = 2 ] || { [ $# -gt 2 ] && [ "$1" = ctl ]; } || usage
mkdir -p "$2"; folder=$(cd "$2" && pwd)
case $1 in
    start) start ;;
    stop) end_node TERM ;;
    kill) end_node KILL ;;
    freeze) signal STOP ;;
    thaw) signal CONT ;;
    remove) remove ;;
    cluster) start_cluster ;;
    uncluster) end_cluster ;;
    ctl) shift 2; ctl "$@" ;;
    *) usage ;;
esac
