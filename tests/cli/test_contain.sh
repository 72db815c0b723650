#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Containers with a root file system: life, namespaces, what is stored; adoption.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
fresh
good destroy web
make_root
before=$(leftovers)

running() { rlimitctl state "$1" | grep -q " $2 "; }

# --- life -------------------------------------------------------------------------

good create web --rootfs "$root" --env COLOUR=blue --hostname www numproc=23
json '.containers[0].state == "stopped"' state web --json
bad 1 '"web" does not run' exec web true
bad 1 '"web" does not run' stop web
fails '"/nosuch" could not be started: No such file' start web -- /nosuch
good start web -- sh -c 'echo hello $COLOUR; trap "echo bye; exit" TERM
	sleep 1000 & wait'
until_true grep -q hello /var/lib/rescore/web/log
run rlimitctl log web
says 'hello blue'
fails 'runs already' start web
json '.containers[0].state == "running" and .containers[0].init > 1' \
	state web --json
is "status of a container is its state" "$(rlimitctl status web --json)" \
	"$(rlimitctl state web --json)"
run rlimitctl status web -v
one_line 2 '"web": -v lists programs'
result $? "-v lists no program of a container"
fails 'there is no container "nosuch"' status nosuch
is "its hostname" "$(in_it web hostname)" www
is "the host's is another" "$(hostname)" rescore
is "pid 1 is ours" "$(in_it web cat /proc/1/comm)" rescore-init
is "no file of the host's behind it" \
	"$(in_it web readlink /proc/1/exe)" /dev/rescore/rescore-init
in_it web sh -c ': > /dev/rescore/x' | grep -q 'Read-only'
result $? "where nobody can put another"
is "its cgroup is the root of what it sees" \
	"$(in_it web cat /proc/self/cgroup)" 0::/
is "the kernel has it in our cgroup" \
	"$(cat /proc/"$(value '.containers[0].init' state web)"/cgroup)" \
	0::/rescore/web
is "what it holds is counted" "$(row web numproc held)" 3
for space in mnt uts ipc pid net cgroup time; do
	[ "$(in_it web readlink /proc/1/ns/$space)" != \
		"$(readlink /proc/1/ns/$space)" ]
	result $? "its own namespace: $space"
done
is "its user namespace is the host's" "$(in_it web readlink /proc/1/ns/user)" \
	"$(readlink /proc/self/ns/user)"
run rlimitctl exec web -- sh -c 'exit 7'
is "the status of the command" $status 7
run rlimitctl exec web -- sh -c 'kill -TERM $$'
is "and its signal" $status 143
run rlimitctl exec web -- /nosuch
is "what does not exist" $status 127
is "it has our input" "$(echo input | rlimitctl exec web -- cat)" input
# shellcheck disable=SC2016	# in the container
is "no descriptor but three, and the folder" \
	"$(in_it web ls /proc/self/fd | tr '\n' ' ')" '0 1 2 3 '
in_it web sh -c '(sleep 0 & true) & wait'
back() { [ "$(row web numproc held)" -eq 3 ]; }
until_true back
result $? "orphans are reaped"

# full: enter, freeze, stop
good set web numproc=0 numfile=0
is "a full one is entered" "$(in_it web echo inside)" inside
good freeze web
json '.containers[0].state == "frozen"' state web --json
fails '"web" is frozen: thaw it first' exec web true
good thaw web
good stop web
grep -q bye /var/lib/rescore/web/log
result $? "it was asked to end first"
json '.containers[0].state == "stopped"' state web --json
is "nothing is left charged" "$(row web numproc held)" 0
good set web numfile=unlimited
fails 'temporarily unavailable' start web
good set web numproc=23
good restart web
json '.containers[0].state == "running"' state web --json
good stop web --signal KILL
good start web -- sh -c 'trap "" TERM; sleep 1000'
good stop web --timeout 0
# a frozen one that is killed starts; below a frozen one nothing does
good start web
good freeze web
good kill web
gone() { has web 0; }
until_true gone
good start web
json '.containers[0].state == "running"' state web --json
good stop web --timeout 0
good destroy web
good create top
good create web --parent top --rootfs "$root"
good freeze top
fails 'a cgroup above "web" is frozen' start web -- sleep 1000
good thaw top
good start web -- sleep 1000
good stop web --timeout 0
good destroy web top

# --- bad input -------------------------------------------------------------------------

bad 1 'it needs a root file system' create bad --net none
bad 1 'it has one root' create bad --rootfs / --overlay /tmp
bad 1 '"sub" is no absolute path' create bad --rootfs sub
bad 1 'none of none, host, veth' create bad --rootfs / --net frob
bad 1 '"1.2.3" is no address' create bad --rootfs / --net ip:1.2.3
bad 1 'no capability "frob"' create bad --rootfs / --cap frob
bad 1 '"mnt" is none of' create bad --rootfs / --share mnt
bad 1 'say SOURCE:TARGET' create bad --rootfs / --bind /tmp
bad 1 '"rx" is none of' create bad --rootfs / --bind /tmp:/x:rx
bad 1 'none of host, auto' create bad --rootfs / --userns 0:0:5
bad 1 'is no hostname' create bad --rootfs / --hostname 'a b'
bad 1 'say NAME=VALUE' create bad --rootfs / --env X
bad 1 'none of full, minimal, lxcfs' create bad --rootfs / --proc x
good create gone --rootfs /nosuch
bad 1 'cannot open "/nosuch"' start gone -- sh
good destroy gone
good create plain
bad 1 'has limits only' start plain -- sh
good freeze plain
good thaw plain
is "a plain one works as ever" "$(in_it plain cat /proc/self/cgroup)" \
	0::/rescore/plain
good destroy plain

# The stored format of version 1 stays readable; a later one is refused.
good create old --rootfs "$root"
cat > /var/lib/rescore/old/config.json << END
{"version": 1, "rootfs": "$root", "hostname": "old", "bind": ["/tmp:/mnt:ro"],
 "init": ["sleep", "1000"], "env": ["A=b"], "cap": "-kill", "net": "none"}
END
good start old
is "a configuration of version 1" "$(in_it old hostname)" old
good stop old
echo '{"version": 99}' > /var/lib/rescore/old/config.json
bad 1 'has version 99' start old
good destroy old

# --- adoption -----------------------------------------------------------------------

mkdir /sys/fs/cgroup/rescore-test-unit.service
sh -c 'echo 0 > /sys/fs/cgroup/rescore-test-unit.service/cgroup.procs
	exec sleep 1000' &
sleeper=$!
until_true grep -q . /sys/fs/cgroup/rescore-test-unit.service/cgroup.procs
good create unit
good attach unit --unit rescore-test-unit
is "its process is charged" "$(row unit numproc held)" 1
good detach unit --cgroup rescore-test-unit.service
good attach unit --pid $sleeper
is "by its pid, too" "$(row unit numproc held)" 1
bad 1 'has no cgroup' attach unit --unit nosuch
bad 1 "the cgroup's path is empty" attach unit --cgroup ''
bad 1 'there is no process 4999999' attach unit --pid 4999999
bad 2 'exclude one another' attach unit --pid 1 --unit x
good detach unit --cgroup rescore-test-unit.service
kill $sleeper
printf 'numproc=3\t# some\n numfile=99:101\n' > "$tmp/limits"
good create limited --limits "$tmp/limits" numflock=7
is "limits from a file" "$(row limited numproc limit)$(row limited numfile limit
	)$(row limited numflock limit)" 31017
bad 1 'cannot read "/nosuch"' create bad --limits /nosuch
good destroy limited unit

is "nothing is left behind" "$(leftovers)" "$before"
run rlimitctl audit
is "and all is counted right" $status 0
finish
