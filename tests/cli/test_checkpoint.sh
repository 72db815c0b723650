#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Checkpoints: processes, limits and counters go on where they were.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
fresh
good destroy web
make_root
saved=$tmp/saved

# Bounds, modes and counters of a container, without what is held just now.
rows()
{
	rlimitctl show --all --json "$1" | jq -c '.containers[0].resources |
		map_values(select(.delegated | not) |
			{barrier, limit, mode, maxheld, failcnt})'
}
# CRIU opens a program's file once for each process that runs it, a fork never.
but_files() { jq -c 'del(.numfile.maxheld)'; }

# A number in memory goes through a pipe to a file that stays open. All that are
# written are there once, in their order, whatever happened in between.
# shellcheck disable=SC2016	# in the container
counter='exec 3>>/tmp/out; i=0
	while :; do i=$((i + 1)); echo $i; usleep 20000; done |
	while read -r n; do echo "$n" >&3; done'
in_order() { awk '$1 != NR { wrong = 1 } END { exit wrong || NR < '"$1"' }' \
	"$root/tmp/out"; }
written() { wc -l < "$root/tmp/out"; }
goes_on()
{
	from=$(written)
	further() { [ "$(written)" -gt $((from + 5)) ]; }
	until_true further && in_order 1
	result $? "$1"
}

mkdir -p "$root/tmp"
good create above
good create web --rootfs "$root" --parent above numproc=7 numfile=23:29 \
	privvmpages=64M numflock=5
good mode web observe numflock
good action web numproc log
good start web -- sh -c "$counter"
until_true in_order 5
# Refused files, not forks: a shell that cannot fork ends, and the counter is one.
# shellcheck disable=SC2046	# words
run rlimitctl exec web -- paste $(yes /bin/busybox | head -n 30)
four() { has web 4; }
until_true four
json '.containers[0].resources.numfile.failcnt > 0' show web --json

# --- it goes on in any case ---------------------------------------------------------------

before=$(rows web)
good checkpoint web "$saved.1" --leave-running
is "what CRIU needs in it raises no mark" "$(rows web)" "$before"
goes_on "it runs on"
fails 'has a checkpoint already' checkpoint web "$saved.1"
rlimitctl exec web -- sh -c ': > /tmp/in
	while [ ! -e /tmp/end ]; do usleep 50000; done' &
until_true [ -e "$root/tmp/in" ]
run rlimitctl checkpoint web "$saved.2"
one_line 1 'was entered from outside'
result $? "what was entered cannot be saved"
: > "$root/tmp/end"
wait $!
until_true four
good freeze web
fails 'is frozen: thaw it' checkpoint web "$saved.2"
good thaw web
mount --bind /dev/null /usr/sbin/criu
fails 'criu is not installed' checkpoint web "$saved.2"
umount /usr/sbin/criu
goes_on "none of this was noticed"

# --- and stops and goes on -----------------------------------------------------------------

before=$(rows web | but_files)
good checkpoint web "$saved.3"
json '.containers[0].state == "stopped"' state web --json
is "nothing is left charged" "$(row web numproc held)" 0
is "nothing of it runs" "$(cat $own/above/web/cgroup.procs)" ''
stood=$(written)
is "what a checkpoint has" "$(jq -r 'keys | join(" ")' "$saved.3/rescore.json")" \
	'actions config log mounts name parent resources userns version'
good restore web "$saved.3"
is "limits, modes and counters are as before" "$(rows web | but_files)" "$before"
[ "$(written)" -ge "$stood" ]
goes_on "it goes on where it was"
json '.containers[0].state == "running" and .containers[0].init > 1' \
	state web --json
is "in its own cgroup" \
	"$(cat /proc/"$(value '.containers[0].init' state web)"/cgroup)" \
	0::/rescore/above/web
is "which it sees as the root" "$(rlimitctl exec web -- cat /proc/self/cgroup)" \
	0::/
good audit
fails 'runs already' restore web "$saved.3"

# full: neither the one nor the other is refused anything
# one more than there are: entering it takes that, and a shell dies if it cannot fork
good set above numproc=6 numfile=0
good set web numproc=6 numfile=0
good checkpoint web "$saved.4"
good restore web "$saved.4"
goes_on "a full one goes on"
is "and is full" "$(row web numproc barrier) $(row web numfile barrier)" "6 0"
run rlimitctl exec web -- sh -c 'exec < /bin/busybox'
[ $status -ne 0 ] && grep -q 'Too many open files' "$tmp/err"
result $? "what it asks for is refused again"
good set above numproc=unlimited numfile=unlimited
good audit

# --- in another life -------------------------------------------------------------------------

good set web numproc=7 numfile=23:29 privvmpages=64M
before=$(rows web | jq -c 'map_values(del(.maxheld, .failcnt))')
good checkpoint web "$saved.5"
good destroy --force web above
[ ! -e /var/lib/rescore/web ]
result $? "nothing of it is there"
unloaded
good load --containers 100 --events 64
bad 1 'it was below "above", which does not exist' restore web "$saved.5"
good create above
good restore web "$saved.5"
is "limits come with it" \
	"$(rows web | jq -c 'map_values(del(.maxheld, .failcnt))')" "$before"
is "and what watch does" "$(rlimitctl action web | grep -c log)" 1
goes_on "and it goes on"
good audit
good stop web
good restart web
good stop web

# --- what is wrong ----------------------------------------------------------------------------

jq '.version = 99' "$saved.5/rescore.json" > "$tmp/new"
cp -r "$saved.5" "$saved.6"
cp "$tmp/new" "$saved.6/rescore.json"
bad 1 'has version 99, this rescore knows versions up to 1' restore web "$saved.6"
bad 1 'has no checkpoint' restore web /tmp
good set web numproc=3
cp "$saved.5/rescore.json" "$saved.6"
: > "$saved.6/pstree.img"
before=$(rows web)
run rlimitctl restore web "$saved.6"
one_line 1 'criu failed: ' && grep -q "its log: $saved.6/restore.log" "$tmp/err"
result $? "a failure of criu is quoted"
is "and leaves it as it was" "$(rows web)" "$before"
is "without a process" "$(cat $own/above/web/cgroup.procs)" ''
run rlimitctl restore other "$saved.6"
one_line 1 'criu failed: '
result $? "one that is not there"
[ ! -e $own/other ] && [ ! -e $own/above/other ] && \
	[ ! -e /var/lib/rescore/other ]
result $? "is not there after that"

# Killed at any moment: each bound is the one or the other, what there is of it can be
# removed, and the next start has the bounds that the table shows, in the kernel, too.
bounds()
{
	rlimitctl show --all --json web | jq -r '.containers[0].resources |
		"\(.numproc.barrier) \(.numfile.limit) \(.privvmpages.limit)"'
}
centiseconds() { awk '{ print int($1 * 100) }' /proc/uptime; }
begun=$(centiseconds)
good restore web "$saved.5"
took=$(($(centiseconds) - begun))
good stop web --signal KILL
whole=0
for percent in 40 75 100; do
	delay=$((took * percent / 10))
	good set web numproc=3 numfile=31 privvmpages=61M physpages=23M \
		cpulimit=50%/20ms
	rlimitctl restore web "$saved.5" 2> "$tmp/err" &
	restorer=$!
	usleep ${delay}000
	kill -KILL $restorer 2> "$tmp/err"
	wait $restorer 2> "$tmp/err"
	now=$(bounds)
	case $now in
	'3 31 15616'|'7 29 16384') whole=$((whole + 1)) ;;
	*) echo "$now" | grep -qE '^(3|7) (31|29) (15616|16384)$' ;;
	esac
	result $? "killed after $delay of ${took}0 ms: bounds are $now"
	rlimitctl kill web > "$tmp/out" 2>&1
	until_true has web 0
	result $? "and no process remains"
	# a shell that cannot fork ends
	run rlimitctl start web -- sh -c '(sleep 1000 & sleep 1000 & sleep 1000 &
		sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000 &)
		exec sleep 1000'
	is "it starts" $status 0
	full() { [ "$(row web numproc failcnt)" -ge 1 ]; }
	until_true full
	result $? "no lease is left: it is refused what is above its bounds"
	case $(row web physpages barrier) in
	$((23 * 256))) want="$((23 << 20)) 10000 20000" ;;
	*) want='max max' ;;
	esac
	is "what the kernel keeps is what the table says" \
		"$(cat $own/above/web/memory.high) $(sed 's/^max .*/max/' \
			$own/above/web/cpu.max)" \
		"$want"
	good stop web --signal KILL
	good reset web
done
[ $whole -ge 1 ]
result $? "mostly they are whole: $whole"
good audit
good destroy --force web above
is "nothing is mounted" "$(grep -c rescore/web /proc/mounts)" 0
finish
