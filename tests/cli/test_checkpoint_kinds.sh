#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Which kinds of container can be checkpointed, and what those that cannot say.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
if ! which criu > /dev/null; then
	echo "ok 1 - kinds of checkpoints # SKIP no criu"
	echo "1..1"
	exit
fi
fresh
good destroy web
make_root
mkdir -p "$root/tmp"
ip addr add 10.78.0.1/32 dev lo
saved=$tmp/saved
n=0

# goes OPTIONS...: one with these is saved, and goes on with what it had
goes()
{
	n=$((n + 1))
	good create web --rootfs "$root" "$@" numproc=7 numfile=97
	good start web -- sleep 1000
	before=$(facts)
	good checkpoint web "$saved.$n"
	good restore web "$saved.$n"
	is "as it was: $*" "$(facts)" "$before"
	# CRIU forgets no_new_privs: no program may give any, then
	is "no mount gives privileges" "$(in_it web awk \
		'$4 !~ /nosuid/ { print $2 }' /proc/1/mounts)" ''
	is "its command goes on" "$(in_it web cat /proc/2/comm)" sleep
	good audit
	good stop web --signal KILL
	good destroy web
}
facts()
{
	in_it web awk '/^(CapEff|CapBnd|Seccomp):/' /proc/2/status
	in_it web cat /proc/self/uid_map
	in_it web hostname
	row web numproc limit
	for space in net uts ipc; do
		[ "$(in_it web readlink /proc/1/ns/$space)" = \
			"$(readlink /proc/self/ns/$space)" ]
		echo $space $?
	done
}

goes --cap +net_raw,-kill
goes --share uts,ipc
goes --net host
goes --net ip:10.78.0.1

# --- what cannot be done stops nothing ---------------------------------------------

# refused TEXT: it cannot be saved, says so in one line, and runs on
refused()
{
	n=$((n + 1))
	fails "$1" checkpoint web "$saved.$n"
	is "it runs on" "$(value '.containers[0].state' state web)" running
	[ ! -e "$saved.$n/rescore.json" ]
	result $? "nothing is saved"
}
good create web --rootfs "$root" --share pid
good start web -- sleep 1000
refused 'share "pid": its process ids may be taken'
good stop web --signal KILL
good destroy web

good create web --rootfs "$root" --userns auto
good start web -- sleep 1000
refused 'userns "auto": CRIU cannot restore one whose users are mapped'
good stop web --signal KILL
good destroy web

good create web --rootfs "$root" --net ip:10.78.0.1
connected() { in_it web netstat -tn | grep -q 'ESTABLISHED'; }
sleep 1000 | nc -l -p 7021 > /dev/null &
server=$!
listens() { grep -q ":1B6D 0*:0000 0A" /proc/net/tcp /proc/net/tcp6; }
until_true listens
good start web -- sh -c 'sleep 1000 | nc 10.78.0.1 7021'
until_true connected
result $? "it is connected"
refused 'criu failed: inet: Connected TCP socket'
kill $server
good stop web --signal KILL
good destroy web
ip addr del 10.78.0.1/32 dev lo
umount "$root"
finish
