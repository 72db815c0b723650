#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rstat forecast and plan as a user types them, on a store whose future is known.
#
# shellcheck disable=SC2317	# ok calls the functions

set -u
here=$(dirname "$(readlink -f "$0")")
O=${O:-build}
rstat=$(readlink -f "$O/rstat")
make_fleet=$(readlink -f "$O/san/tests/rstat/test_outlook")
# shellcheck source=tests/rstat/tap.bash
. "$here/tap.bash"

make_stores=$(readlink -f "$O/san/tests/rstat/test_graph")
"$make_fleet" --make "$tmp/fleet" && "$make_stores" --make "$tmp" || exit 2
cd "$tmp" || exit 2

forecast() { "$rstat" forecast -d fleet "$@"; }
json() { forecast --json "${@:2}" | jq -e "$1"; }

check_table()
{
	forecast >table &&
	grep -Eq '^full +numproc +100 .* now +100 +now$' table &&
	grep -Eq '^leak +numproc .*\+4(\.[0-9]+)? a day .* 240 +1[4-6] d' table &&
	grep -Eq '^web +numproc .* 200 +(4[6-9]|5[0-4]) d \([0-9]+\.\.[0-9]+\)' table &&
	! grep -Eq '^(still|ended|free|shrink) ' table &&
	grep -q 'rows have no bound' table
}
ok 'soonest first, and only what meets a bound' check_table
check_order()
{
	same "$(sed -n '/^CONTAINER/,/^[0-9]/p' table | awk '$2 == "numproc" { print $1 }' |
		tr '\n' ' ')" 'full young leak web '
}
ok 'in order' check_order
check_host()
{
	grep -Eq '^processes +held .* 1000 +[0-9]+% +\+9\.[0-9]+ a day +[1-9] d' table &&
	grep -Eq '^processes +promised +1140 +1000 +114% .* now  \(without 1 unlimited\)' table &&
	grep -Eq '^memory +promised +12 GiB +16 GiB +75%' table &&
	grep -Eq '^CPU +held +150 % +400 %' table &&
	grep -Eq '^files +held +[0-9]+ +- +-' table
}
ok 'the machine: RAM, threads, CPU; no maximum is none' check_host

ok 'all rows' sh -c "'$rstat' forecast -d fleet --all | grep -q '^shrink *numproc.*-1 a day\|^shrink *numproc.*-[01]\.[0-9]* a day'"
ok 'an ended one is asked for by its name' sh -c "'$rstat' forecast ended -d fleet |
	grep -q '^ended *numproc'"
ok 'one resource' sh -c "'$rstat' forecast web -r numproc -d fleet | wc -l | grep -qx 2"
ok 'a horizon' sh -c "! '$rstat' forecast -d fleet --horizon 12d | grep '^leak *numproc'"
check_horizon()
{
	forecast leak -r numproc --horizon 2w | grep -q '240  > 14 d' &&
		forecast leak -r numproc --horizon 336h | grep -q '240  > 14 d'
}
ok 'in weeks and hours' check_horizon

ok 'JSON: rows' json '.version == 1 and .damaged == 0 and (.rows | length) == 35'
ok 'JSON: a date' json '.rows[] | select(.name == "web" and .resource == "numproc") |
	.limit.when == "expected" and .limit.earliest <= .limit.at and
	.limit.at <= .limit.latest and .limit.bound == 200 and .trend == "rising"'
ok 'JSON: nothing is null where it has a value' json '.rows[] |
	select(.name == "free" and .resource == "numproc") |
	.limit.bound == null and .limit.when == "unlimited" and .now > 0'
ok 'JSON: the machine' json '.host[] | select(.name == "memory" and .what == "held") |
	.full.bound == 17179869184'
ok 'JSON: of one' json '(.rows | length) == 1 and (.host | length) == 0' web -r numproc

check_other_machine()
{
	cp -r fleet nohost && rm nohost/host.json &&
		"$rstat" forecast -d nohost | grep -q 'does not say of which machine'
}
ok 'a store without its machine' check_other_machine
check_damaged()
{
	cp -r fleet damaged && echo x >damaged/*/still@3/peak.rrd &&
		"$rstat" forecast -d damaged >out.txt 2>err.txt &&
		grep -q "still@3/peak.rrd" err.txt && grep -q '^web *numproc' out.txt &&
		same "$(wc -l <err.txt)" 1
}
ok 'a damaged file does not hide the others' check_damaged

ok 'half a minute is enough for half a minute' sh -c "'$rstat' forecast web -d short |
	grep -q '^web *numproc'"
ok 'one sample is too little' sh -c "'$rstat' forecast a:b@c -d single |
	grep -q 'numproc .*too little data'"

# --- report ----------------------------------------------------------------------------

report() { "$rstat" report "$@"; }
check_refused()
{
	report -d long --from end-60d >text &&
		grep -Eq '^ *2999 +web-0042 +privvmpages .* 6 GiB +6 GiB$' text &&
		grep -Eq '^100% +web-0042 +privvmpages' text
}
ok 'who was refused what' check_refused
check_refused_short()
{
	local want

	want=$("$rstat" fetch web numproc -d short --csv |
		awk -F, 'NR > 1 { n += $4 } END { print n }')
	[ "$want" -gt 50 ] && report -d short |
		grep -Eq "^ *$want +web +numproc"
}
ok 'as fetch counts it' check_refused_short
check_nearest()
{
	report -d fleet -n 3 >text && grep -q '^Nothing was refused' text &&
		grep -Eq '^111% +full +numproc' text &&
		same "$(grep -c '%' text)" 3
}
ok 'who came nearest, of a few' check_nearest
ok 'JSON' sh -c "'$rstat' report -d long --from end-60d --json | jq -e \
	'.rows[0].failures == 2999 and .rows[0].used == 1 and .containers == 1'"
# kept NUMBER SECOND COMM: a refusal that the collector has kept
kept()
{
	printf '{"loaded":7,"seq":%d,"time_ms":%d123,"container":"web-0042",' "$1" "$2"
	printf '"serial":1,"resource":"privvmpages","unit":"pages","errno":"ENOMEM",'
	printf '"kind":"refused","held":1572860,"amount":16,"bound_value":1572864,'
	printf '"bound":"barrier","pid":17,"comm":"%s","suppressed":0}\n' "$3"
}
check_kept()
{
	local last

	last=$("$rstat" report -d long --json | jq .to)
	{
		echo '{"version":1}'
		kept 1 "$((last - 90 * 86400))" ages-ago
		kept 2 "$((last - 7200))" php
		kept 3 "$((last - 3600))" $'my\\u001bsql'
	} >long/events.log
	report -d long -n 1 >text &&
		grep -Eq '^20.* +web-0042 +privvmpages +6.00 GiB +64 KiB +6 GiB +my\?sql$' text &&
		grep -q '^1 more are kept' text && ! grep -q ages-ago text &&
		report -d long --json | jq -e '[.events[].pid] == [17, 17]'
}
ok 'one by one, those that are kept' check_kept
check_kept_newer()
{
	echo '{"version":2}' >long/events.log
	report -d long >text 2>words
	same "$?" 0 && grep -q "events.log' is of version 2" words &&
		grep -q 'privvmpages' text
	rm long/events.log
}
ok 'a log of a later version hides nothing else' check_kept_newer
ok 'a range without anything' sh -c "'$rstat' report -d long --from 20200101 \
	--to 20200201 | grep -q ', 0 containers'"
ok 'a range backwards' fails 1 'is not before' "$rstat" report -d long --from now --to 20200101
ok 'no such store' fails 1 "'/nowhere'" "$rstat" report -d /nowhere

# --- plan ------------------------------------------------------------------------------

ok 'what a store takes' sh -c "'$rstat' plan --containers 2 --resources 5 --step 3600 \
	-d '$tmp/new' --json | jq -e '.bytes == 1070400 and .files == 6'"
ok 'and nothing is made' [ ! -e new ]
ok 'no room' sh -c "! '$rstat' plan -c 10000000 -d '$tmp/new' >text && grep -q NOT text"
ok 'a strange step' fails 2 "--step 7" "$rstat" plan --step 7

ok 'a strange horizon' fails 2 "'soon'" "$rstat" forecast -d fleet --horizon soon
ok 'none' fails 2 "'0d'" "$rstat" forecast -d fleet --horizon 0d
ok 'no such container' fails 1 "'nope'" "$rstat" forecast nope -d fleet
ok 'no such resource' fails 1 "'nope'" "$rstat" forecast web -r nope -d fleet
ok 'nor of any container' fails 1 "'nope'" "$rstat" forecast -r nope -d fleet
ok 'no such store' fails 1 "'/nowhere'" "$rstat" forecast -d /nowhere
ok 'too many names' fails 2 "'db'" "$rstat" forecast web db -d fleet
ok 'a full disk is said' fails 1 'No space left' \
	sh -c "'$rstat' forecast -d fleet >/dev/full"

done_testing
