#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In the VM, under busybox: rstat looks at a real table, among it a resource that
# it has never heard of. TAP.

cli=/t/cli
# shellcheck source=tests/cli/lib.sh
. $cli/lib.sh

server=
clean_server() { [ -z "$server" ] || kill "$server"; server=; }

objects=$tmp/bpf
mkdir "$objects"
cp /usr/lib/rescore/*.bpf.o /t/live/gadgets.bpf.o "$objects"
RESCORE_BPF_DIR=$objects good load
good create web numproc=23 gadgets=92K
good create db numproc=29

# 23 directories of 4096 bytes, and three more that are refused.
inside='cd "$0" && for i in $(seq 26); do mkdir d$i; done; sleep 600'
mkdir "$tmp/web"
rlimitctl exec web -- sh -c "$inside" "$tmp/web" > "$tmp/mkdir" 2>&1 &
full() { [ "$(rlimitctl show web --json | jq .containers[0].resources.gadgets.failcnt)" = 3 ]; }
until_true full
is 'the container is at its bound' "$(grep -c quota "$tmp/mkdir")" 3

stat() { rstat "$@" 2> "$tmp/err"; status=$?; }
is 'show: the unknown resource' \
	"$(stat show web | awk '$2 == "gadgets" { print $3, $4, $5, $6, $7, $8 }')" \
	'92K 92K 92K 92K 100% 3'
is 'show: the fullest first' "$(stat show | awk 'NR == 2 { print $1 }')" web
is 'show --json: it comes from the registry' \
	"$(stat show --json | jq -c '.registry[] | select(.name == "gadgets") | [.unit, .help]')" \
	'["bytes","bytes of directories, for a test"]'
is 'show changes nothing: the peaks are the collector'"'"'s' \
	"$(stat show web --json | jq .containers[0].resources.gadgets.maxheld)" 94208
is 'top, in a batch' "$(stat top --sort gadgets | awk '$1 == "web" { print $2 }')" gadgets
is 'metrics: held' "$(stat metrics | grep 'held_bytes{container="web",resource="gadgets"}')" \
	'rescore_resource_held_bytes{container="web",resource="gadgets"} 94208
rescore_resource_maxheld_bytes{container="web",resource="gadgets"} 94208'
is 'metrics: refused' "$(stat metrics | grep 'failures_total{container="web",resource="gadgets"}')" \
	'rescore_resource_failures_total{container="web",resource="gadgets"} 3'
is 'metrics: the core has lost nothing' \
	"$(stat metrics | grep -E '^rescore_(members_lost|payers_lost|missed_frees)_total|^rescore_underflow' | awk '{ n += $2 } END { print NR, n }')" '4 0'

good create busy
rlimitctl exec busy -- sh -c 'while :; do :; done' &
store=$tmp/store
stat collect --dir "$store" --step 1 --count 5 --quiet
is 'collect' "$status" 0
is 'it is stored' "$(stat list --dir "$store" --json |
	jq -c '.containers[] | select(.name == "web").resources[] | select(.name == "gadgets").unit')" '"bytes"'
is 'with its peak' "$(stat fetch web gadgets --dir "$store" --csv |
	awk -F, 'NR > 1 && $3 != "" { print $3 }' | sort -u)" 94208
# A sum of nanoseconds is stored, and a percentage of one CPU shown.
is 'CPU time, as a rate' "$(stat fetch busy cpulimit --dir "$store" --json |
	jq -c '[.unit, ([.rows[].held | values] | max | . > 1 and . < 400)]')" \
	'["percent",true]'
stat graph web gadgets --dir "$store" -o "$tmp/gadgets.svg"
is 'refusals are kept' "$(stat report --dir "$store" --json |
	jq -c '[.events[] | select(.resource == "gadgets") | .container, .errno] | .[0:2]')" \
	'["web","EDQUOT"]'
is 'drawn' "$(grep -c '<svg' "$tmp/gadgets.svg")" 1

# --- over HTTP --------------------------------------------------------------------

ip link set lo up
token=$(stat token web --tokens "$tmp/tokens")
all=$(stat token '*' --tokens "$tmp/tokens")
rstat serve --dir "$store" --tokens "$tmp/tokens" --listen 127.0.0.1:9119 \
	> "$tmp/serve" 2>&1 &
server=$!
listens() { grep -q '^listening' "$tmp/serve"; }
until_true listens
get() { wget -q -O - --header "Authorization: Bearer $2" "http://127.0.0.1:9119$1" 2> "$tmp/err"; }
api() { get "/api/v1/$1" "${3:-$all}" | jq -c "$2"; }
is 'without any capability' "$(awk '/^Cap(Prm|Eff|Inh)/ { print $2 }' /proc/$server/status | sort -u)" 0000000000000000
is 'containers' "$(api containers '[.containers[].name]')" '["web","db","busy"]'
is 'the unknown resource' "$(api containers/web .container.resources.gadgets.used)" 1
cpu_time() { api containers/busy .container.resources.cpulimit.held; }
before=$(cpu_time)
grows() { [ "$(cpu_time)" -gt "$before" ]; }
until_true grows
is 'what the kernel counts is read anew, without any capability' \
	"$(api containers '.time_ms - .refreshed_ms')" 0
rlimitctl kill busy > "$tmp/out" 2>&1
is 'its refusals' "$(api events '[.events[] | select(.resource == "gadgets") | .container, .errno, .held] | .[0:3]')" \
	'["web","EDQUOT",94208]'
is 'its graph' "$(get '/api/v1/containers/web/graph?resource=gadgets&from=-1h' "$all" | grep -c '<svg')" 1
is 'its metrics' "$(get /metrics "$all" | grep -c 'container="web",resource="gadgets"')" 6
is 'a tenant: its own' "$(api containers '[.containers[].name]' "$token")" '["web"]'
is 'a tenant: not another' "$(get /api/v1/containers/db "$token"; grep -c 404 "$tmp/err")" 1
is 'a tenant: no figure of another' "$(get /metrics "$token" | grep -c '"db"')" 0

# What was loaded goes, and comes again as another one.
for name in web db busy; do
	rlimitctl kill $name > "$tmp/out" 2>&1
done
run rlimitctl unload --force
unloaded() { [ "$(api status .loaded)" = false ]; }
until_true unloaded
is 'unloaded: no old figures' "$(get /metrics "$all"; grep -c 503 "$tmp/err")" 1
good load
good create fresh numproc=31
loaded() { [ "$(api containers '[.containers[].name]')" = '["fresh"]' ]; }
until_true loaded
is 'loaded again: the new ones' "$(api resources '[.resources[] | select(.name == "gadgets")]')" '[]'
clean_server
finish
