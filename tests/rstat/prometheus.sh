#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A real Prometheus scrapes rstat serve, with a token, and evaluates our alert
# rules and every query of the Grafana dashboard.
#
# shellcheck disable=SC1003,SC2317

set -u
# shellcheck source=tests/rstat/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
trap 'stop_all; rm -rf "$tmp"' EXIT

packaging=$here/../../packaging
rules=$packaging/prometheus/rescore.rules.yml
dashboard=$packaging/grafana/rescore.json
prometheus_pid=

stop_all()
{
	[ -z "$prometheus_pid" ] || { kill "$prometheus_pid"; wait "$prometheus_pid"; }
	stop_servers
} 2>/dev/null

ok 'promtool accepts the rules' promtool check rules "$rules"
sed "s|RULES|$rules|" "$here/rules_test.yml" >"$tmp/rules_test.yml"
ok 'each alert fires when it should, and only then' \
	promtool test rules "$tmp/rules_test.yml"

"$rstat" token '*' --tokens "$tmp/tokens" >"$tmp/secret"
table '.containers[0].rows.gadgettime[2:4] = [3000000000, 3000000000]'
serve scraped --tokens "$tmp/tokens"

cat >"$tmp/prometheus.yml" <<END
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ "$tmp/at-once.yml" ]
scrape_configs:
  - job_name: rescore
    static_configs: [ { targets: [ "${url#http://}" ] } ]
    authorization: { credentials_file: "$tmp/secret" }
  - job_name: no-token
    static_configs: [ { targets: [ "${url#http://}" ] } ]
END
# The rules as they are, but without their patience.
sed 's/for: .*/for: 0s/' "$rules" >"$tmp/at-once.yml"
ok 'promtool accepts the configuration' promtool check config "$tmp/prometheus.yml"
: >"$tmp/prometheus.log"
prometheus --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/data" \
	--web.listen-address=127.0.0.1:0 --log.level=info >"$tmp/prometheus.log" 2>&1 &
prometheus_pid=$!
listens() { grep -q 'msg="Listening on"' "$tmp/prometheus.log"; }
until_true 60 listens || { cat "$tmp/prometheus.log"; echo 'Bail out! no Prometheus'; exit 1; }
api=http://$(sed -n 's/.*msg="Listening on" address=\([^ ]*\).*/\1/p' "$tmp/prometheus.log")/api/v1

# query EXPRESSION: its samples, "labels value" each
query()
{
	curl -s -m 10 --data-urlencode "query=$1" "$api/query" |
		jq -r 'if .status == "success" then .data.result[]
			| "\(.metric.container // "")/\(.metric.resource // "") \(.value[1])"
			else error(.error) end'
}
gives() { until_true 30 answer "$1" "$2"; }
answer() { [ "$(query "$1")" = "$2" ]; }

ok 'it is scraped' gives 'up{job="rescore"}' '/ 1'
ok 'not without the token' gives 'up{job="no-token"}' '/ 0'
ok 'a figure arrives' gives 'rescore_resource_held{container="web",resource="numproc"}' 'web/numproc 19'
ok 'of a resource nobody has heard of' gives \
	'rescore_resource_held_seconds{container="web",resource="gadgettime"}' \
	'web/gadgettime 1.500000001'
ok 'unlimited arrives as such' gives \
	'rescore_resource_limit{container="db",resource="numproc"}' 'db/numproc +Inf'
ok 'a strange name arrives whole' gives \
	'rescore_resource_held{container="@sum<b>\"\\"}' '@sum<b>"\/numproc 1'
ok 'counters are counters' gives \
	'count(rescore_resource_failures_total{container="web"})' '/ 5'
table '.containers[0].rows.numproc[4] = 46'
ok 'more refusals arrive' gives \
	'rescore_resource_failures_total{container="web",resource="numproc"}' \
	'web/numproc 46'
kind() { same "$(curl -s "$api/metadata?metric=$1" | jq -r ".data[\"$1\"][0].type")" "$2"; }
ok 'with its type' kind rescore_resource_failures counter
ok 'as OpenMetrics' kind rescore_resource_held gauge

fires() { query "ALERTS{alertname=\"$1\",alertstate=\"firing\"}" | grep -q "^$2 "; }
ok 'an alert: full' until_true 30 fires RescoreFull db/numfile
ok 'an alert: near' until_true 30 fires RescoreNear web/numproc
ok 'an alert: refusing' until_true 30 fires RescoreRefusing web/numproc

# Every expression of the dashboard means something to Prometheus, and all but
# those for which there is nothing give something.
dashboard_queries()
{
	jq -r '.panels[].targets[].expr' "$dashboard" |
		sed "s/\\\$__rate_interval/30s/g; s/\\\$[a-z]*/.*/g"
}
ok 'the dashboard is JSON with panels' jq -e '.panels | length > 8' "$dashboard"
queries() { dashboard_queries >"$tmp/queries"; [ "$(wc -l <"$tmp/queries")" -ge 12 ]; }
ok 'it asks a dozen things' queries
while read -r expression; do
	something() { [ -n "$(query "$expression")" ]; }
	ok "the dashboard: $expression" until_true 30 something
done <"$tmp/queries"
known()
{
	"$rstat" metrics | grep -o '^[a-z_]*' | sort -u >"$tmp/known"
	cat "$rules" "$dashboard" | grep -oE '\brescore_[a-z_]+' | sort -u |
		grep -vxFf "$tmp/known"
	[ "$(grep -cE '^rescore_' "$tmp/known")" -gt 15 ] &&
		! cat "$rules" "$dashboard" | grep -oE '\brescore_[a-z_]+' |
			grep -vqxFf "$tmp/known"
}
ok 'rules and dashboard know no metric that we do not export' known

errors() { ! grep -E 'level=(warn|error)' "$tmp/prometheus.log"; }
ok 'Prometheus has nothing to complain of' errors
done_testing
