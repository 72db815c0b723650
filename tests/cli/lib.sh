# SPDX-License-Identifier: GPL-2.0
#
# What the test_*.sh beside this share. They run as root in a VM, under
# busybox, with rlimitctl and jq; each begins with no container. To load takes
# long here, so what is loaded stays, for the next one that calls fresh(). Who loads
# in another way leaves nothing loaded.

cli=${0%/*}
tmp=$(mktemp -d)
tests=0
failures=0
status=0
own=/sys/fs/cgroup/rescore

# --- TAP -----------------------------------------------------------------------

# result STATUS NAME: one test; STATUS is 0 if it passed.
result()
{
	tests=$((tests + 1))
	set -- "$1" "$(printf '%s' "$2" | tr '\n\t\033\#' '????')"
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $tests - $2"
	echo "# status $status"
	sed 's/^/# out: /' "$tmp/out" | head -n 40
	sed 's/^/# err: /' "$tmp/err" | head -n 10
}

# skip NAME REASON: one test that cannot be made here.
skip()
{
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# is NAME GOT WANT
is()
{
	[ "$2" = "$3" ] || printf '# got "%s", want "%s"\n' "$2" "$3"
	[ "$2" = "$3" ]
	result $? "$1"
}

finish()
{
	clean
	rm -r "$tmp"
	echo "1..$tests"
	[ "$failures" -eq 0 ]
	exit
}

# --- running --------------------------------------------------------------------

# run COMMAND...: leaves its $status, $tmp/out and $tmp/err.
run()
{
	"$@" > "$tmp/out" 2> "$tmp/err"
	status=$?
}

# good ARGS...: rlimitctl ARGS succeeds and has nothing to complain of.
good()
{
	run rlimitctl "$@"
	[ "$status" -eq 0 ] && [ ! -s "$tmp/err" ]
	result $? "rlimitctl $*"
}

# Everything that a failed command might have changed. Not what is held: time goes
# by, and a program in the background may still be starting.
state()
{
	rlimitctl show --all --json 2>&1 | jq '.containers[].resources |=
		map_values({barrier, limit, mode} +
			if .delegated then {} else {failcnt} end)'
	grep -s '' "$own"/*/cgroup.procs
	echo "$own"/*
}

# bad STATUS TEXT ARGS...: rlimitctl ARGS fails with STATUS, says so in one line
# that has TEXT in it, and changes nothing.
bad()
{
	want=$1 text=$2
	shift 2
	state > "$tmp/before"
	run rlimitctl "$@"
	state > "$tmp/after"
	one_line "$want" "$text" && cmp -s "$tmp/before" "$tmp/after" &&
		[ ! -s "$tmp/out" ]
	result $? "bad: rlimitctl $*"
	cmp -s "$tmp/before" "$tmp/after" ||
		diff "$tmp/before" "$tmp/after" | sed 's/^/# changed: /'
}

# The last run ended with STATUS and one line on standard error with TEXT in it.
one_line()
{
	[ "$status" -eq "$1" ] && [ "$(wc -l < "$tmp/err")" -eq 1 ] &&
		grep -q '^rlimitctl: ' "$tmp/err" &&
		grep -qF -e "$2" "$tmp/err"
}

# says TEXT: the last output has it.
says()
{
	grep -qF -e "$1" "$tmp/out"
	result $? "it says: $1"
}

# json FILTER ARGS...: the document of rlimitctl ARGS passes the jq FILTER.
json()
{
	filter=$1
	shift
	run rlimitctl "$@"
	jq -e "$filter" < "$tmp/out" > /dev/null 2>> "$tmp/err"
	result $? "rlimitctl $*: $filter"
}

# value FILTER ARGS...: what jq makes of it.
value()
{
	filter=$1
	shift
	rlimitctl "$@" --json 2> /dev/null | jq -r "$filter"
}

# row NAME RESOURCE KEY: one value of `show`, exactly: jq knows only doubles.
row()
{
	rlimitctl show "$1" --json | awk -v row="\"$2\":" -v key="\"$3\":" '
		$1 == row { inside = 1 }
		inside && $1 == key { gsub(/[",]/, "", $2); print $2; exit }'
}

# golden FILE: the last output is that of golden/FILE. With UPDATE set, new ones
# are left in $OUT.
golden()
{
	[ -z "$UPDATE" ] || cp "$tmp/out" "$OUT/$1"
	cmp -s "$tmp/out" "$cli/golden/$1"
	result $? "output as in golden/$1"
	diff "$cli/golden/$1" "$tmp/out" | sed 's/^/# /'
}

# until COMMAND...: wait for it, ten seconds at most.
until_true()
{
	tries=200
	while ! "$@" > /dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		usleep 50000
	done
}

# --- containers ------------------------------------------------------------------

# has NAME N: the container has N processes.
has()
{
	rlimitctl show "$1" | grep -q "^$1: $2 process"
}

# Leaves no container, and no cgroup of ours.
clean()
{
	# all at once: it knows which are below others
	# shellcheck disable=SC2046
	rlimitctl destroy --force $(rlimitctl --list-containers)
	rm -rf /var/lib/rescore/*
	for dir in "$own"/*/ "$own" /sys/fs/cgroup/rescore-test*; do
		[ -d "$dir" ] || continue
		echo 1 > "$dir/cgroup.kill"
		until_true rmdir "$dir"
	done
} > /dev/null 2>&1

# Leaves nothing loaded.
unloaded()
{
	clean
	rlimitctl unload --force > /dev/null 2>&1
}

# fresh: begin with rescore loaded and one container, web.
fresh()
{
	clean
	if ! rlimitctl status | grep -q '^containers  0 of 100$'; then
		unloaded
		good load --containers 100 --events 64
	fi
	good create web
}

: > "$tmp/out"
: > "$tmp/err"
clean
