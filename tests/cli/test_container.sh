#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# create, destroy, attach, list.

. "${0%/*}/lib.sh"
fresh

long=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg
for name in a 101 a.b a_b a:b a@b a-b "$long"; do
	good create "$name"
	[ -d "$own/$name" ]
	result $? "it has a cgroup"
	good destroy "$name"
	[ ! -d "$own/$name" ]
	result $? "and then no more"
done

bad 1 '"" is no container name: it is empty' create ''
bad 1 'it is longer than 63' create "${long}g"
bad 1 '"a/b" is no container name' create a/b
bad 1 '"/" is no container name' create /
bad 1 '".." is no container name' create ..
bad 1 '"." is no container name' create .
bad 1 '"../a" is no container name' create ../a
bad 1 '"a b" is no container name' create 'a b'
bad 1 '" a" is no container name' create ' a'
bad 1 '"a\nb" is no container name' create 'a
b'
bad 1 '"\x1b[31m" is no container name' create "$(printf '\033[31m')"
bad 1 '"-a" is no container name' create -- -a
bad 2 'unknown option "-a"' create -a
bad 1 '"web" exists already' create web
bad 1 '"web" exists already' create web numproc=5

# --- with limits: all or nothing ----------------------------------------------------

good create db numproc=20 numfile=100:120
is "its first limit" "$(row db numproc barrier)" 20
is "one number sets both" "$(row db numproc limit)" 20
is "its second limit" "$(row db numfile barrier):$(row db numfile limit)" 100:120
good destroy db
bad 1 'unknown resource "numprocs": did you mean "numproc"?' create db numprocs=5
bad 1 '"5x" is not a number' create db numproc=5x
bad 1 '"10:5": the barrier is above the limit' create db numproc=10:5
bad 1 '"5x" is not a number' create db numproc=5 numfile=5x
bad 1 '"numproc" sets nothing' create db numproc
bad 1 'set one resource twice' create db numproc=5 numproc=6

# --- destroy ------------------------------------------------------------------------

bad 1 'there is no container "wbe": did you mean "web"?' destroy wbe
bad 1 'there is no container "frobnicate"' destroy frobnicate
bad 1 '"a/b" is no container name' destroy a/b
bad 1 '"" is no container name' destroy ''
bad 1 'there is no container "nope"' destroy web nope
bad 1 '"web" is named twice' destroy web web

rlimitctl exec web sleep 1000 &
until_true has web 1
result $? "a process in it"
good create idle
bad 1 '"web" is busy: it has 1 process' destroy web
bad 1 '"web" is busy' destroy idle web
good destroy --force web
wait
good destroy idle
json '.containers == []' show --json

# --- a file that outlives the processes ------------------------------------------------

good create web
rlimitctl exec web sh -c 'exec 3< /etc/passwd; exec sleep 1000' &
pid=$!
until_true has web 1
result $? "a process with a file"
echo $pid > /sys/fs/cgroup/cgroup.procs
until_true has web 0
result $? "it has left, the file stays charged"
bad 1 'web' destroy web
grep -q 'numfile' "$tmp/err"
result $? "and the message names the resource"
slot=$(value '.containers[0].slot' show web)
good destroy --force web
good create other
is "the slot is not used again" "$(value '.containers[0].slot' show other)" \
	$((slot + 1))
kill $pid
wait
good destroy other
taken()
{
	rlimitctl create again
	[ "$(value '.containers[0].slot' show again)" -eq "$slot" ] && return
	rlimitctl destroy again
	false
}
until_true taken
result $? "until the last charge has gone"
good destroy again

# --- cgroups of others ------------------------------------------------------------------

mkdir -p /sys/fs/cgroup/rescore-test1/below /sys/fs/cgroup/rescore-test2
sleep 1000 &
pid=$!
echo $pid > /sys/fs/cgroup/rescore-test1/below/cgroup.procs
bad 1 'nosuch' create web --cgroup nosuch
bad 1 'path is empty' create web --cgroup ''
bad 1 '/etc' create web --cgroup /etc
bad 1 '../../etc' create web --cgroup ../../etc
bad 1 'root cgroup' create web --cgroup /
good create web --cgroup rescore-test1 numproc=50
is "it has what runs there" "$(value '.containers[0].processes' show web)" 1
is "and counts it" "$(row web numproc held)" 1
json '.containers[0].cgroups == ["/sys/fs/cgroup/rescore-test1"]' show web --json
bad 1 'rescore-test1' create db --cgroup rescore-test1
bad 1 'rescore-test1' create db --cgroup /sys/fs/cgroup/rescore-test1/below
good attach web --cgroup /sys/fs/cgroup/rescore-test2
good create own
json '.containers[0].cgroups | length == 2' show web --json
bad 1 'rescore-test2' attach web --cgroup rescore-test2
bad 1 'nosuch' attach web --cgroup nosuch
bad 1 'there is no container "db"' attach db --cgroup rescore-test2
good list
grep -q '^ *1  web  *plain  *1  *0  *0  *0  /sys/fs/cgroup/rescore-test1 and 1 more$' \
	"$tmp/out"
result $? "list counts the cgroups"
bad 1 '"web" is busy' destroy web
bad 1 'was made for' detach own --cgroup rescore/own
bad 1 'is not attached to "web"' detach web --cgroup rescore-test1/below
bad 1 'nosuch' detach web --cgroup nosuch
good detach web --cgroup rescore-test1
is "what is detached is not counted" "$(row web numproc held)" 0
kill -0 $pid
result $? "and runs on"
good destroy own
good attach web --cgroup rescore-test1
kill $pid
wait
until_true has web 0
good destroy web
[ -d /sys/fs/cgroup/rescore-test1/below ] && [ -d /sys/fs/cgroup/rescore-test2 ]
result $? "an attached cgroup stays"
rmdir /sys/fs/cgroup/rescore-test1/below /sys/fs/cgroup/rescore-test[12]

# --- list ----------------------------------------------------------------------------------

good list
golden list-empty.txt
good create web
good create 42
good list
golden list.txt
json '.version == 1 and [.containers[] | .name, .slot, .near, .over, .failcnt] ==
	["web", 1, 0, 0, 0, "42", 42, 0, 0, 0]' list --json
good --list-containers

finish
