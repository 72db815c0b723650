#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# --proc lxcfs, with lxcfs: a container sees its own memory, processors, uptime.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
served=/var/lib/lxcfs
modprobe -q fuse
if [ ! -e /dev/fuse ]; then
	echo "ok 1 - lxcfs # SKIP this kernel has no fuse"
	exit
fi
if ! which lxcfs > /dev/null; then
	echo "ok 1 - lxcfs # SKIP no lxcfs"
	exit
fi
fresh
good destroy web
make_root
mkdir -p $served
before=$(leftovers)

serve()
{
	lxcfs -f $served > "$tmp/lxcfs" 2>&1 &
	server=$!
	until_true [ -e $served/proc/meminfo ]
	result $? "lxcfs runs"
}
stop_serving()
{
	kill $server
	wait $server
	umount -l $served 2> "$tmp/err"
}
total() { in_it "$1" awk '/^MemTotal:/ { print $2 }' /proc/meminfo; }
uptime_of() { "$@" cut -d. -f1 /proc/uptime; }

# --- one that does not run ----------------------------------------------------------

good create web --rootfs "$root" --proc lxcfs numproc=23 physpages=61M
fails 'lxcfs does not run here: nothing of it is at /var/lib/lxcfs/proc/meminfo' \
	start web -- sleep 1000
is "nothing of it has started" "$(value '.containers[0].state' state web)" stopped
# what it once served, or somebody has put there
mkdir $served/proc
echo 'MemTotal: 1 kB' > $served/proc/meminfo
fails 'lxcfs does not run here' start web -- sleep 1000
rm -r $served/proc

# --- one that does -------------------------------------------------------------------

serve
since=$(uptime_of)
good start web -- sleep 1000
is "its memory" "$(total web)" $((61 * 1024))
[ "$(total web)" -ne "$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)" ]
result $? "the machine has another"
good set web physpages=47M
is "a new bound" "$(total web)" $((47 * 1024))
inside=$(uptime_of in_it web)
[ "$inside" -ge 0 ] && [ "$inside" -le $(($(uptime_of) - since + 1)) ] &&
	[ "$inside" -lt "$since" ]
result $? "its uptime is its own: $inside s"
for file in meminfo cpuinfo uptime stat loadavg swaps diskstats; do
	is "lxcfs's: $file" "$(in_it web awk -v at=/proc/$file \
		'$2 == at { print $3, substr($4, 1, 2) }' /proc/mounts)" \
		'fuse.lxcfs ro'
done
good set web cpus=1
cpus=$(grep -c '^processor' /proc/cpuinfo)
if [ "$cpus" -gt 1 ]; then
	is "its processors" "$(in_it web grep -c ^processor /proc/cpuinfo)" 1
	good set web cpus=2
	is "a new bound" "$(in_it web grep -c ^processor /proc/cpuinfo)" 2
else
	skip "its processors" "the machine has one"
fi

# two see each their own; mapped users see theirs
good create other --rootfs "$root" --proc lxcfs --userns auto physpages=53M
good start other -- sleep 1000
is "another's memory" "$(total other)" $((53 * 1024))
is "not its neighbour's" "$(total web)" $((47 * 1024))
in_it other umount /proc/meminfo | grep -qi 'not permitted'
result $? "its root cannot look behind it"
is "what lxcfs serves beside is hidden" \
	"$(in_it other stat -c %t:%T /proc/slabinfo)" 1:3
good destroy --force other

# --- and dies ---------------------------------------------------------------------------

stop_serving
in_it web cat /proc/meminfo | grep -q 'MemTotal'
is "nothing of the machine's shows when it is gone" $? 1
good stop web
fails 'lxcfs does not run here' start web
serve
good start web
is "it is served again" "$(total web)" $((47 * 1024))

# a checkpoint knows where that came from
if which criu > /dev/null; then
	good checkpoint web "$tmp/saved"
	good restore web "$tmp/saved"
	is "its memory, restored" "$(total web)" $((47 * 1024))
	good checkpoint web "$tmp/saved.2"
	stop_serving
	run rlimitctl restore web "$tmp/saved.2"
	one_line 1 'what was mounted is not there: host:/var/lib/lxcfs/proc/'
	result $? "a restore without lxcfs says so"
else
	stop_serving
fi
good destroy --force web

is "nothing is left behind" "$(leftovers)" "$before"
good audit
umount $root
finish
