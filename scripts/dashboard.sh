#!/usr/bin/env bash
# Asks a real Prometheus everything that the dashboard asks, while a real Rollcall is at work, and
# lists what has no answer. By hand (Debian, a minute and a half, servers of its own):
#
#   dashboard.sh
#
# Panels of what goes wrong need something to go wrong: dead letters, refusals and redeliveries are
# made, the others are counters that stand at 0.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
[ $# = 0 ] || die "usage: dashboard.sh"
root=$(cd "$here/.." && pwd)
PATH="$("$here/recipes.sh")/bin:$PATH"

# Prints the path of `prometheus`, unpacked where it is not installed.
find_prometheus() {
    local unpacked
    if command -v prometheus; then return; fi
    unpacked="$(tools_dir)/prometheus"
    unpack_packages "$unpacked" usr/bin/prometheus true prometheus
    echo "$unpacked/usr/bin/prometheus"
}

# A service in the background: serve NAME.
serve() { background "$folder/$1.pid" "$folder/$1.log" "$folder/$1"; disown; }

# Kills a service and starts it anew.
crash() {
    end "$folder/$1.pid" "$folder/$1" KILL
    # Threads that are still ending hold its port.
    sleep 1
    serve "$1"
}

start_services() {
    local gateway lead campaign name
    api=$(free_port) gateway=$(free_port) lead=$(free_port) campaign=$(free_port)
    export ROLLCALL__GATEWAY__LISTEN="127.0.0.1:$api" ROLLCALL__GATEWAY__ADMIN="127.0.0.1:$gateway" \
        ROLLCALL__LEAD_SERVICE__ADMIN="127.0.0.1:$lead" ROLLCALL__CAMPAIGN_SERVICE__ADMIN="127.0.0.1:$campaign"
    for name in gateway lead-service campaign-service; do serve "$name"; done
    for _ in $(seq 600); do
        ! curl -fsS "http://127.0.0.1:$api/ready" >/dev/null 2>&1 || break
        sleep 0.1
    done
    # Where docker/prometheus/prometheus.yml looks for them, they are not.
    sed -e "s/gateway:8083/127.0.0.1:$gateway/; s/lead-service:8081/127.0.0.1:$lead/" \
        -e "s/campaign-service:8082/127.0.0.1:$campaign/; s/rabbitmq:15692/$RABBITMQ_METRICS/" \
        -e 's/_interval: 15s/_interval: 2s/' \
        "$root/docker/prometheus/prometheus.yml" >"$folder/prometheus.yml"
    cp "$root/docker/prometheus/alerts.yml" "$folder"
}

start_prometheus() {
    local program
    program=$(find_prometheus)
    prometheus="127.0.0.1:$(free_port)"
    background "$folder/prometheus.pid" "$folder/prometheus.log" "$program" --config.file="$folder/prometheus.yml" \
        --storage.tsdb.path="$folder/prometheus" --web.listen-address="$prometheus"
    disown
}

# call METHOD PATH [CURL ARGUMENTS...]: a request whose answer does not matter.
call() { curl -sS --max-time 60 -o /dev/null -X "$1" "http://127.0.0.1:$api$2" -H "Authorization: Bearer ${key:-}" "${@:3}"; }

# What callers do in some 40 seconds, right and wrong.
be_busy() {
    local name=$folder/rollcall campaign leads slow n end=$((SECONDS + 40))
    key=$("$name" keys create --workspace Busy --rate-limit 0 2>/dev/null)
    slow=$("$name" keys create --workspace Busy --rate-limit 1 2>/dev/null)
    campaign=$(curl -sS "http://127.0.0.1:$api/v1/campaigns" -H "Authorization: Bearer $key" \
        -H 'Content-Type: application/json' -d '{"name": "Busy"}' | jq -r .data.id)
    leads="/v1/campaigns/$campaign/leads"
    for ((n = 0; SECONDS < end; n++)); do
        jq -n --argjson n "$n" '{leads: ([range(50) | {email: "a\($n)-\(.)@example.com"}] + [{phone: "none"}])}' >"$folder/body"
        call POST "$leads" -H 'Content-Type: application/json' -d "@$folder/body"
        call POST "$leads" -H 'Content-Type: application/json' -H 'Prefer: respond-async' -d "@$folder/body"
        call POST "$leads" -H 'Content-Type: application/json' -d '{"leads": [{"email": "a0-0@example.com"}]}'
        call POST "$leads" -H 'Content-Type: application/json' -d '{'
        call GET "/v1/leads?email=a0-0@example.com"
        key=wrong call GET /v1/leads
        key=$slow call GET /v1/leads
        # No JSON: a dead letter.
        curl -sS --max-time 60 -o /dev/null "$RABBITMQ_API/exchanges/%2f/leads/publish" -H 'Content-Type: application/json' \
            -d '{"properties": {}, "routing_key": "leads.submitted", "payload": "no", "payload_encoding": "string"}'
        # Somebody dies with work in its hands.
        if ((n % 20 == 10)); then crash campaign-service; fi
    done
}

# Asks one query, and prints how many series have a number.
ask() {
    curl -sS --max-time 60 "http://$prometheus/api/v1/query" --data-urlencode "query=$1" |
        jq -r 'if .status == "success" then [.data.result[] | select(.value[1] != "NaN")] | length else .error end'
}

check() {
    local title query answer silent=0
    while IFS=$'\t' read -r title query; do
        query=${query//\$__rate_interval/30s}
        answer=$(ask "${query//\$route/.*}")
        printf '%4s series  %-32s %s\n' "$answer" "$title" "$query"
        case $answer in '' | 0 | *[!0-9]*) silent=$((silent + 1)) ;; esac
    done < <(jq -r '.panels[] | .title as $title | .targets[]? | [$title, .expr] | join("\t")' \
        "$root/docker/grafana/dashboards/rollcall.json")
    [ "$silent" = 0 ] || die "$silent queries have no answer"
    say "rollcall: every panel shows something"
}

clean_up() {
    local status=$? name
    trap '' EXIT INT TERM HUP
    for name in prometheus gateway lead-service campaign-service; do
        end "$folder/$name.pid" "$folder/$name" KILL || true
    done
    "$here/rabbitmq.sh" remove "$folder/rabbitmq" || true
    "$here/postgres.sh" remove "$folder/postgres" || true
    rm -rf "$folder"
    exit "$status"
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-dashboard.XXXXXX")
# PostgreSQL's own user has to pass through it.
chmod 711 "$folder"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
(cd "$root" && cargo build --workspace --bins --features failpoints)
cp "${CARGO_TARGET_DIR:-$root/target}"/debug/{rollcall,gateway,lead-service,campaign-service} "$folder"
ROLLCALL_RABBITMQ_METRICS=1 "$here/rabbitmq.sh" start "$folder/rabbitmq"
ROLLCALL_POSTGRES_FAST=1 "$here/postgres.sh" start "$folder/postgres"
# shellcheck disable=SC1091
{ . "$folder/rabbitmq/env"; . "$folder/postgres/env"; }
# Settings lie in the folder where it is started: there are none in this one.
cd "$folder"
start_services
start_prometheus
be_busy
check
