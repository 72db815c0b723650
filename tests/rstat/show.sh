#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rstat show and rstat metrics, from a table that is a file. What is exported
# is read by the real promtool and by Prometheus' own parser of OpenMetrics.
#
# shellcheck disable=SC1003,SC2317

set -u
# shellcheck source=tests/rstat/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
trap 'rm -rf "$tmp"' EXIT

# --- show -----------------------------------------------------------------------

cat >"$tmp/want" <<'END'
CONTAINER  RESOURCE             HELD       MAXHELD  BARRIER  LIMIT  USED        FAILCNT
db         numproc                 5             9        -      -     -              0
db         numfile               100           139      100    120  100%  79 (observed)
db         privvmpages  17179869184T  17179869184T        -      -     -              0
END
shows() { "$rstat" show "$@" >"$tmp/got" && diff "$tmp/want" "$tmp/got"; }
ok 'one container' shows db
column() { "$rstat" show "$@" | awk 'NR > 1 { print $1 }' | uniq | paste -sd ' '; }
ok 'the fullest first' same "$(column)" "db web @sum<b>\"\\"
ok 'by name' same "$(column --sort name)" '@sum<b>"\ db web'
ok 'by a resource' same "$(column --sort numproc)" 'web @sum<b>"\ db'
ok 'only the first' same "$(column --sort failcnt --top 1)" db
ok 'no idle rows' same "$("$rstat" show web | wc -l)" 6
ok 'all rows' same "$("$rstat" show --all | wc -l)" 16
ok 'CSV: every row, no formula' same \
	"$("$rstat" show --csv | grep -c "^[0-9]*,\"'@sum<b>\"\"\\\\\",3,")" 5
ok 'CSV: unlimited is empty' same \
	"$("$rstat" show db --csv | cut -d, -f4-12 | grep numproc)" \
	'"numproc",count,5,9,,,0,,enforce'
json() { same "$("$rstat" show --json | jq -c "$1")" "$2"; }
# jq rounds numbers above 2^53
exact() { "$rstat" show db --json | grep -q '"held":4611686018427387904,.*"barrier":null'; }
ok 'JSON: exact numbers' exact
ok 'JSON: what is off, and why' json '.registry[] | select(.state == "off")
	| [.name, .why]' '["numsiginfo","this kernel lacks a hook"]'
ok 'JSON: names as they are' json '.containers[2].name' '"@sum<b>\"\\"'
ok 'JSON: the worst row' json '[.containers[0] | .worst, .used]' \
	'["numfile",1]'
# What a user of another language sees: points stay points.
german()
{
	localedef -i de_DE -f UTF-8 --no-archive "$tmp/de_DE.UTF-8" >/dev/null 2>&1
	env LOCPATH="$tmp" LC_ALL=de_DE.UTF-8 "$@"
}
spoken() { german printf %.1f 0,5 | grep -q '0,5'; }
points()
{
	german "$rstat" show --json | jq -e '.containers[0].used == 1' &&
		german "$rstat" show --csv | grep -q '0\.95' &&
		german "$rstat" metrics | grep -q ' 0\.9500$' &&
		german "$rstat" top | grep -qv '[0-9],[0-9]'
}
if spoken; then
	ok 'numbers in another language' points
else
	ok 'numbers in another language # SKIP no de_DE: install locales' true
fi
ok 'no such container' fails 1 "no container 'wob'" "$rstat" show wob
ok 'no such key' fails 1 "--sort 'wob'" "$rstat" show --sort wob
ok 'not two formats' fails 2 'not both' "$rstat" show --json --csv
ok 'one name at most' fails 2 "'db' is one argument too many" \
	"$rstat" show web db
ok 'not loaded' fails 1 'not loaded' env RSTAT_FAKE=/nonexistent "$rstat" show

# --- metrics --------------------------------------------------------------------

# openmetrics FILTER: read by Prometheus' parser, as "name{labels} value" lines
cat >"$tmp/read.py" <<'END'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
seen = set()
for family in text_string_to_metric_families(sys.stdin.read()):
    for s in family.samples:
        key = (s.name, tuple(sorted(s.labels.items())))
        assert key not in seen, f'twice: {key}'
        seen.add(key)
        print(family.type, family.unit or '-', s.name,
              ','.join(f'{k}={v}' for k, v in s.labels.items()) or '-',
              s.value)
END
openmetrics() { "$rstat" metrics "$@" | /usr/bin/python3 "$tmp/read.py"; }
parses() { openmetrics >"$tmp/samples" && [ -s "$tmp/samples" ]; }
ok 'the OpenMetrics parser accepts it, no series twice' parses
sample() { grep -qxF -- "$1" "$tmp/samples" || { grep -F -- "${1% *}" "$tmp/samples"; false; }; }
ok 'a gauge' sample \
	'gauge - rescore_resource_held container=web,resource=numproc 19'
ok 'pages as bytes' sample 'gauge bytes rescore_resource_held_bytes container=web,resource=privvmpages 4096000'
ok 'a resource nobody has heard of, in seconds' sample 'gauge seconds rescore_resource_held_seconds container=web,resource=gadgettime 1.500000001'
ok 'percent as a ratio' sample \
	'gauge ratio rescore_resource_limit_ratio container=web,resource=cpu 2.0'
ok 'a counter' sample 'counter - rescore_resource_failures_total container=web,resource=numproc 23'
ok 'unlimited' sample \
	'gauge - rescore_resource_limit container=db,resource=numproc inf'
ok 'names come back as they were' sample 'gauge - rescore_resource_held container=@sum<b>"\,resource=numproc 1'
ok 'how full they are' sample 'gauge - rescore_containers_by_level resource=numfile,level=full 1'
ok 'what is off' sample \
	'gauge - rescore_resource_enabled resource=numsiginfo 0'

promtool_accepts()
{
	"$rstat" metrics --format text | promtool check metrics >"$tmp/lint" 2>&1
	local status=$?

	cat "$tmp/lint"
	[ "$status" -eq 0 ] && [ ! -s "$tmp/lint" ]
}
ok 'promtool has nothing to say' promtool_accepts
broken() { ! "$rstat" metrics --format text | sed 's/ 19$/ x19/' | promtool check metrics; }
ok 'promtool would say so' broken

ok 'series of so many only' same "$(openmetrics --top 1 |
	grep -o 'container=[^, ]*' | sort -u | xargs)" 'container=db'
ok 'but all are counted' same \
	"$(openmetrics --top 1 | grep rescore_containers\ )" \
	'gauge - rescore_containers - 3'

file()
{
	"$rstat" metrics -o "$tmp/$1" && [ "$(stat -c %a "$tmp/$1")" = 644 ] &&
		same "$(grep -c '^# EOF$' "$tmp/$1")" "$2"
}
umask 022
ok 'a file in OpenMetrics' file metrics.txt 1
ok 'a file for node_exporter' file metrics.prom 0
ino=$(stat -c %i "$tmp/metrics.prom")
ok 'again' file metrics.prom 0
replaced() { [ "$(stat -c %i "$tmp/metrics.prom")" != "$ino" ]; }
ok 'it is another file: never half of one' replaced
leftovers() { same "$(find "$tmp" -maxdepth 1 -name '*metrics*' | wc -l)" 2; }
ok 'nothing is left beside it' leftovers
kept()
{
	cp "$tmp/metrics.prom" "$tmp/before"
	RSTAT_FAKE=/nonexistent "$rstat" metrics -o "$tmp/metrics.prom"
	[ $? -eq 1 ] && cmp "$tmp/metrics.prom" "$tmp/before"
}
ok 'a failure keeps the old one' kept
ok 'no such folder' fails 1 "'$tmp/no/x.prom'" "$rstat" metrics -o "$tmp/no/x.prom"
ok 'no such format' fails 2 "--format 'xml'" "$rstat" metrics --format xml

done_testing
