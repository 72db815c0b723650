#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Memory in every way that stress-ng knows, by a container that may have little
# of it: it is refused, its neighbour and the host are not, and nothing is left.

. "${0%/*}/lib.sh"

if ! command -v stress-ng > /dev/null; then
	echo 'ok 1 # SKIP no stress-ng'
	echo '1..1'
	exit
fi
fresh
good create quiet
# stress-ng itself shares 19 MiB with its processes
good set web numproc=40 privvmpages=64M lockedpages=2M shmpages=32M \
	physpages=0:192M swappages=0
# what is above it the kernel asks about
ulimit -l 4
rlimitctl exec quiet -- sleep 1000 &
until_true has quiet 1
cd /tmp || exit 1

# All rows of a container that rescore counts itself.
counted()
{
	value "[.containers[0].resources[] | select(.delegated | not) | $2] | add" \
		show "$1"
}

# What is left is what the kernel still holds: segments, files in memory.
is_quiet()
{
	[ "$(row web privvmpages held)" = 0 ] && [ "$(row web numproc held)" = 0 ] &&
		[ "$(row web lockedpages held)" = 0 ] && rlimitctl audit
}

# mix ROW... -- STRESSOR...: that many seconds of it; each ROW was refused.
mix()
{
	rows=
	while [ "$1" != -- ]; do
		rows="$rows $1"
		shift
	done
	shift
	good reset web --failcnt
	run rlimitctl exec web -- stress-ng "$@" --timeout 4 --oomable
	grep -q 'dispatching hogs' "$tmp/out" "$tmp/err"
	result $? "stress-ng $*"
	until_true is_quiet
	result $? "nothing is left of stress-ng $*"
	run rlimitctl audit
	says ' 0 differences'
	for row in $rows; do
		json ".containers[0].resources.$row.failcnt > 0" show web --json
		# below the rlimit mlock cannot be refused: a page a process
		[ "$row" = lockedpages ] && more=8 || more=0
		json ".containers[0].resources.$row | .maxheld <= .limit + $more" \
			show web --json
	done
	is "its neighbour is untouched by $1" "$(counted quiet .failcnt)" 0
	is "it still has its process" "$(row quiet numproc held)" 1
}

mix privvmpages -- --vm 1 --vm-bytes 128m --mmap 1 --mmap-bytes 128m \
	--mremap 1 --mremap-bytes 96m
mix privvmpages -- --brk 1 --stack 1 --bigheap 1
mix lockedpages -- --mlock 1
mix shmpages -- --shm 1 --shm-bytes 32m --shm-sysv 1 \
	--shm-sysv-bytes 32m --memfd 1 --memfd-bytes 64m
mix privvmpages -- --fork 2 --fork-max 32 --vforkmany 1 --vm 1 --vm-bytes 48m

is 'nobody was killed outside' "$(row quiet oomguarpages failcnt)" 0
finish
