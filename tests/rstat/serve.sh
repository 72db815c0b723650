#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rstat serve as seen from the network, friendly and hostile. The server is
# built with sanitizers: a report of theirs is a failure.
#
# shellcheck disable=SC1003,SC2317

set -u
# shellcheck source=tests/rstat/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
trap 'stop_servers; rm -rf "$tmp"' EXIT

store=$tmp/store
"$(readlink -f "$O/san/fake-history")" "$store" 1 || echo 'Bail out! no store'

# What the collector has kept: of a container that is gone, and of another one
# that had the name and the number of web before rescore was loaded anew.
kept()
{
	printf '{"loaded":7,"seq":%d,"time_ms":1763942400123,"container":"%s",' "$@"
	printf '"serial":1,"resource":"numproc","unit":"count","errno":"EAGAIN",'
	printf '"kind":"refused","held":20,"amount":1,"bound_value":20,'
	printf '"bound":"barrier","pid":17,"comm":"old","suppressed":0}\n'
}
{ echo '{"version":1}'; kept 1 gone; kept 2 web; } >"$store/events.log"

# get PATH [CURL OPTION...]: the body; status in $tmp/status, head in $tmp/head
get()
{
	local path=$1

	shift
	curl -s -m 20 --path-as-is -o - -D "$tmp/head" -w '%{stderr}%{http_code}' \
		"$@" "$url$path" 2>"$tmp/status"
}
status() { get "$@" >/dev/null; cat "$tmp/status"; }
is() { same "$(status "${@:2}")" "$1"; }
json() { same "$(get "$1" "${@:4}" | jq -c "$2")" "$3"; }
head_has() { get "$1" >/dev/null && grep -qi "^$2" "$tmp/head"; }
alive() { is 200 /api/v1/status; }

# --- without tokens ---------------------------------------------------------------

serve open --dir "$store"
open_pid=${servers[0]} open_url=$url

ok 'the page' is 200 /
ok 'the containers, worst first' json /api/v1/containers \
	'[.containers[].name]' '["db","web","@sum<b>\"\\"]'
ok 'a part of them' json '/api/v1/containers?limit=1&offset=1' \
	'[.total, .containers[].name]' '[3,"web"]'
ok 'beyond the end' json '/api/v1/containers?offset=7' .containers '[]'
ok 'filtered' json '/api/v1/containers?filter=b%3E' \
	'[.containers[].name]' '["@sum<b>\"\\"]'
ok 'sorted by a resource' json '/api/v1/containers?sort=cpu' \
	'.containers[0].name' '"web"'
ok 'one' json /api/v1/containers/web .container.resources.numproc.held 19
ok 'one with a strange name' json '/api/v1/containers/@sum%3Cb%3E%22%5C' \
	.container.serial 3
ok 'resources come from the registry' json /api/v1/resources \
	'.resources[3] | [.name, .unit]' '["gadgettime","ns"]'
ok 'refusals, the newest first, and those of the store' json /api/v1/events \
	'[.events[].container]' '["db","web","web","gone"]'
ok 'refusals of one' json '/api/v1/events?container=web' \
	'[.events[] | .resource, .pid]' '["numproc",4242,"numproc",17]'
ok 'history' json '/api/v1/containers/web/history?resource=gadgettime&from=-2h' \
	'[.unit, (.rows | length > 100)]' '["ns",true]'
ok 'forecast' json /api/v1/containers/web/forecast \
	'[.resources[] | .barrier.when | type] | unique' '["string"]'
ok 'all rows are fresh' json /api/v1/containers '.time_ms - .refreshed_ms' 0
table '.stale = 40'
older() { json /api/v1/containers '(.time_ms - .refreshed_ms) / 1000 | round' 40; }
ok 'what the kernel counts is older, and its age is said' until_true 20 older
table '.stale = -1'
ok 'or that it is not known' until_true 20 json /api/v1/containers .refreshed_ms null
table 'del(.stale)'
svg() { get "/api/v1/containers/web/graph?resource=$1" | head -c 200 | grep -q '<svg'; }
ok 'a graph' svg numproc
ok 'of a resource nobody has heard of' svg gadgettime
png() { get '/api/v1/containers/web/graph?resource=numproc&format=png' | head -c 4 | grep -q PNG; }
ok 'a graph as PNG' png
ok 'metrics' is 200 /metrics
ok 'HEAD' is 200 /api/v1/status -I
for header in "Content-Security-Policy: default-src 'none'" \
	'X-Content-Type-Options: nosniff' 'X-Frame-Options: DENY' \
	'Referrer-Policy: no-referrer' 'Cache-Control: no-store'; do
	ok "${header%%:*}" head_has /api/v1/status "$header"
done
zipped() { same "$(get /metrics --compressed | md5sum)" "$(get /metrics | md5sum)" && grep -qi '^content-encoding: gzip' <(get /metrics --compressed >/dev/null; cat "$tmp/head"; get /metrics -H 'Accept-Encoding: gzip' >/dev/null; cat "$tmp/head"); }
ok 'compressed for who takes it' zipped
openmetrics() { get /metrics -H 'Accept: application/openmetrics-text' | tail -n 1 | grep -qx '# EOF'; }
ok 'OpenMetrics for who asks for it' openmetrics

# --- many containers ------------------------------------------------------------------

# Megabytes of metrics, and whoever reads them slowly: never in memory.
cp "$RSTAT_FAKE" "$tmp/few.json"
table '.containers = [range(3000) as $i | .containers[0] |
	.name = "c\($i)" | .serial = $i + 1]'
ASAN_OPTIONS=quarantine_size_mb=1 serve many --all --dir "$store"
many_pid=${servers[-1]}
most() { awk '/^VmHWM/ { print $2 * 1024 }' "/proc/$many_pid/status"; }
get '/api/v1/containers?limit=1' >/dev/null
before=$(most)
# They take next to nothing; a usual client's buffers hold some megabytes.
python3 -c '
import socket, sys, time
slow = []
for i in range(4):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", int(sys.argv[1])))
    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    slow.append(s)
print([s.recv(12) for s in slow], flush=True)
time.sleep(100)' "${url##*:}" > "$tmp/slow" &
slow=$!
ok 'four are answered' until_true 40 grep -q '200.*200.*200.*200' "$tmp/slow"
turned_away() { is 503 /metrics; }
ok 'no more than four at a time' turned_away
ok 'others are answered meanwhile' alive
kill "$slow"
all_again() { [ "$(status /metrics)" = 200 ]; }
ok 'one that goes away makes room' until_true 40 all_again
length=$(get /metrics | wc -c)
bounded() { [ "$length" -gt 3000000 ] && [ $(($(most) - before)) -lt $((length / 2)) ]; }
ok 'what is sent is not kept' bounded
kill "$many_pid"
unset 'servers[-1]'
mv "$tmp/few.json" "$RSTAT_FAKE"
url=$open_url
ok 'the few are back' until_true 40 is 200 /api/v1/containers/web

# --- hostile -----------------------------------------------------------------------

for path in /../../../etc/passwd /..%2f..%2fetc/passwd /%2e%2e/etc/passwd \
	//etc/passwd /api/v1/../../etc /api/v1/containers/.. \
	'/api/v1/containers/../../../etc/passwd' '/api/v1/containers/web%00' \
	'/api/v1/containers/web/../db' /api/v1/containers/web/graph/x \
	/api/v1/containers/ /api/v2/status /rstat.js/ /web/index.html; do
	[ "$path" = '/api/v1/containers/web%00' ] && continue
	ok "no such thing: $path" is 404 "$path"
done
ok 'a NUL ends the name and no more' is 200 '/api/v1/containers/web%00'
ok 'no path in a resource' is 404 \
	'/api/v1/containers/web/graph?resource=../../../etc/passwd'
ok 'no file but its own in a graph' is 404 \
	'/api/v1/containers/..%2f..%2fstore/graph?resource=numproc'
for query in from=yesterday from=-1 from=-99999999999d to=-99y from=2\&to=1 \
	width=99 width=2001 height=x format=pdf theme=blue width=1e3 \
	from=start%2b1h; do
	ok "bad: $query" is 400 \
		"/api/v1/containers/web/graph?resource=numproc&$query"
done
for query in limit=0 limit=1001 offset=-1 limit= sort=x limit=1%00 all=2; do
	[ "$query" = limit=1%00 ] && continue
	ok "bad: $query" is 400 "/api/v1/containers?$query"
done
ok 'nothing but GET and HEAD' is 405 /api/v1/status -X POST -d x=1
ok 'not DELETE' is 405 /api/v1/containers/web -X DELETE
ok 'no body' is 413 /api/v1/status -X GET -d "$(head -c 5000 /dev/zero | tr '\0' x)"
long=$(head -c 20000 /dev/zero | tr '\0' a)
too_long() { case $(status "$@") in 4[0-9][0-9]|000) ;; *) cat "$tmp/status"; false ;; esac; }
ok 'a path of 20 kB' too_long "/$long"
ok 'a header of 20 kB' too_long / -H "X-Long: $long"
ok 'a token of 20 kB' too_long /api/v1/status -H "Authorization: Bearer $long"
ok 'another host name: no rebinding' is 403 /api/v1/containers -H 'Host: evil.example'
ok 'nor one that begins well' is 403 /api/v1/containers -H 'Host: 127.0.0.1.evil.example'
ok 'nor localhost with more' is 403 /api/v1/containers -H 'Host: localhost.evil.example'
ok 'localhost is fine' is 200 /api/v1/containers -H 'Host: localhost:80'
ok 'it still answers' alive

# What never sends its head is cut off while others are served; so is one that
# sends a byte a second, which resets the clock of an ordinary server.
slow_loris() { /usr/bin/python3 "$here/slow.py" "${url##*:}"; }
ok 'slow clients are cut off, others are served' slow_loris
ok 'and it still answers' alive
noise() { head -c 100000 /dev/urandom | timeout 20 curl -s -m 15 --http0.9 -T - "telnet://${url#http://}" >/dev/null 2>&1; alive; }
ok 'noise' noise
many()
{
	local i pids=()

	for i in $(seq 40); do
		curl -s -m 60 -o /dev/null -w '%{http_code}\n' \
			"$url/api/v1/containers/web/graph?resource=numproc&from=-${i}m" &
		pids+=($!)
	done >"$tmp/codes"
	wait "${pids[@]}"
	sort "$tmp/codes" | uniq -c
	# Some are drawn, the others are told to come again; none is lost.
	[ "$(grep -cE '^(200|503)$' "$tmp/codes")" -eq 40 ] &&
		grep -q 200 "$tmp/codes" && alive
}
ok '40 graphs at once' many

# --- when things change --------------------------------------------------------------

table '.containers[1].rows.numproc[0] = 7'
changed() { get /api/v1/containers/db | grep -q '"held":7,'; }
ok 'the table is read again' until_true 20 changed
# A rate is of the last reading alone: so they go on until it is seen.
refusing() { table '.containers[0].rows.numproc[4] += 23'; get /api/v1/containers | jq -e '.containers[0].name == "web" and .levels.rate > 0' >/dev/null; }
ok 'who is being refused comes first' until_true 20 refusing
mv "$RSTAT_FAKE" "$tmp/away"
unloaded() { get /api/v1/status | grep -q '"loaded":false'; }
ok 'unloaded' until_true 20 unloaded
ok 'no metrics then, rather than old ones' is 503 /metrics
mv "$tmp/away" "$RSTAT_FAKE"
loaded() { get /api/v1/status | grep -q '"loaded":true'; }
ok 'loaded again' until_true 20 loaded

# --- with tokens ---------------------------------------------------------------------

tokens=$tmp/tokens
all=$("$rstat" token '*' --tokens "$tokens")
web=$("$rstat" token web --tokens "$tokens")
db=$("$rstat" token db --tokens "$tokens")
serve closed --dir "$store" --tokens "$tokens"
bearer() { printf 'Authorization: Bearer %s' "$1"; }

ok 'secrets are not in the file' same "$(grep -c "$web" "$tokens")" 0
ok 'which only its owner reads' same "$(stat -c %a "$tokens")" 600
ok 'the page needs none, it says nothing' is 200 /
for path in status resources events containers containers/web \
	'containers/web/graph?resource=numproc' \
	'containers/web/history?resource=numproc' containers/web/forecast; do
	ok "no token, no $path" is 401 "/api/v1/$path"
done
ok 'no metrics either' is 401 /metrics
ok 'a wrong token' is 401 /metrics -H "$(bearer "${web%?}x")"
ok 'a hash is no token' is 401 /metrics -H "$(bearer "$(awk 'NR == 1 { print $2 }' "$tokens")")"
ok 'an empty one' is 401 /metrics -H 'Authorization: Bearer '
ok 'another scheme' is 401 /metrics -H "Authorization: Basic $web"
ok 'not in the address' is 401 "/metrics?token=$web"
ok 'one that sees all' json /api/v1/containers '.total' 3 -H "$(bearer "$all")"

tenant() { "$1" "${@:2}" -H "$(bearer "$web")"; }
ok 'a tenant sees its own' tenant json /api/v1/containers \
	'[.total, .containers[].name]' '[1,"web"]'
ok 'with its graphs' tenant is 200 '/api/v1/containers/web/graph?resource=numproc'
for path in '' '/graph?resource=numproc' '/history?resource=numproc' \
	/forecast; do
	ok "not db$path of another" tenant is 404 "/api/v1/containers/db$path"
	ok "which looks like one that is not there: $path" tenant is 404 \
		"/api/v1/containers/nobody$path"
done
same_answer() { same "$(tenant get /api/v1/containers/db)" "$(tenant get /api/v1/containers/nobody)"; }
ok 'to the letter' same_answer
ok 'nor by a filter' tenant json '/api/v1/containers?filter=db' '.total' 0
ok 'only its own count' tenant json /api/v1/containers '.levels.full' 0
ok 'only its own refusals' tenant json /api/v1/events \
	'[.events[] | .container, .pid]' '["web",null]'
ok 'nor by asking for them' tenant json '/api/v1/events?container=db' '.events' '[]'
ok 'nothing of the host' tenant json /api/v1/status '[.containers, .container]' '[null,"web"]'
own_metrics()
{
	tenant get /metrics >"$tmp/own"
	grep -q 'container="web"' "$tmp/own" &&
		! grep -qE 'container="(db|@sum)|rescore_containers|build_info' "$tmp/own"
}
ok 'only its own metrics' own_metrics
nowhere()
{
	local path

	for path in status resources events containers containers/web \
		containers/web/forecast 'containers/web/history?resource=numproc'; do
		tenant get "/api/v1/$path"
	done >"$tmp/all"
	tenant get /metrics >>"$tmp/all"
	! grep -n -E '"db"|sum<b>|mysql' "$tmp/all"
}
ok 'no other name in any answer' nowhere

table '.containers[0].serial = 17'
renewed() { tenant json /api/v1/containers '.containers[0].serial' 17; }
ok 'made again under its name' until_true 20 renewed
ok 'it does not see the refusals of the one before' tenant json /api/v1/events .events '[]'

sed -i '/^web /d' "$tokens"
ok 'a token taken back' tenant is 401 /api/v1/containers
ok 'others are still good' is 200 /metrics -H "$(bearer "$db")"
truncate -s -1 "$tokens"	# as some editors leave it
ann=$("$rstat" token ann --tokens "$tokens")
ok 'a line is added to a last one that was left open' \
	is 200 /api/v1/status -H "$(bearer "$ann")"
ok 'which stays good' is 200 /metrics -H "$(bearer "$db")"
echo 'web nonsense' >>"$tokens"
ok 'a file that cannot be read lets nobody in' is 401 /metrics -H "$(bearer "$all")"
ok 'the log says why, once' same "$(grep -c 'line 4' "$tmp/closed.log")" 1
ok 'no token is added to it' fails 1 'line 4' "$rstat" token x --tokens "$tokens"

# --- the command line -----------------------------------------------------------------

ok 'not for others without tokens' fails 1 'give --tokens FILE' \
	"$rstat" serve --listen 0.0.0.0:0
ok 'no such address' fails 1 "--listen 'example.org:80'" \
	"$rstat" serve --listen example.org:80
ok 'a port that is taken' fails 1 'cannot listen on' \
	"$rstat" serve --listen "${open_url#http://}"
ok 'no such file of tokens' fails 1 "'$tmp/none'" \
	"$rstat" serve --listen 127.0.0.1:0 --tokens "$tmp/none"
ok 'a token for no name' fails 1 "../x" "$rstat" token ../x --tokens "$tmp/t2"
ok 'and no file is made' [ ! -e "$tmp/t2" ]
ok 'token needs its file' fails 2 'give --tokens FILE' "$rstat" token web

stops() { kill "$open_pid"; wait "$open_pid"; }
ok 'it stops when told to' stops
clean() { ! grep -hE 'ERROR|runtime error|Sanitizer' "$tmp"/*.log; }
ok 'no report of a sanitizer' clean
ok 'and nothing else in the log' same "$(cat "$tmp/open.log")" ''

done_testing
