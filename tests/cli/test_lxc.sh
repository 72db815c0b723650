#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The LXC hook, as lxc-start calls it: limits from a container's first process on.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
if ! which lxc-start > /dev/null; then
	echo "ok 1 - the LXC hook # SKIP no lxc"
	echo "1..1"
	exit
fi
fresh
make_root
mkdir -p /var/lib/lxc/job

# configure LIMITS... [--version N]: LXC's container
configure()
{
	cat > /var/lib/lxc/job/config << END
lxc.uts.name = job
lxc.rootfs.path = dir:$root
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.init.cmd = /bin/sh /etc/job
lxc.hook.version = ${version:-1}
lxc.hook.start-host = /t/lxc/rescore-hook $*
lxc.hook.post-stop = /t/lxc/rescore-hook
END
}
# lxc VERB ARGS...
lxc()
{
	verb=$1
	shift
	run "lxc-$verb" -n job -o "$tmp/lxc" -l DEBUG "$@"
}
stopped() { ! grep -q '^lxc' /proc/*/comm 2> /dev/null; }
cat > "$root/etc/job" << 'END'
sleep 1000 &
(sleep 1000 & sleep 1000)	# one too many: a shell that cannot fork ends
wait
END

configure numproc=3:5 numfile=97
lxc start
is "lxc-start" $status 0
is "its limits" "$(row lxc-job numproc barrier) $(row lxc-job numproc limit) $(
	row lxc-job numfile limit)" '3 5 97'
refused() { [ "$(row lxc-job numproc failcnt)" -ge 1 ]; }
until_true refused
result $? "they hold from its first process on"
is "which is in them" "$(value '.containers[] | select(.name == "lxc-job")
	.processes' list)" 2
is "not LXC's monitor" "$(grep -c . \
	/sys/fs/cgroup/lxc.payload.job/cgroup.procs)" 2
lxc stop -k
is "lxc-stop" $status 0
until_true stopped
is "and go with it" "$(rlimitctl --list-containers)" web

# LXC takes another cgroup if something has the usual one
mkdir /sys/fs/cgroup/lxc.payload.job
sh -c 'echo 0 > /sys/fs/cgroup/lxc.payload.job/cgroup.procs; exec sleep 1000' &
other=$!
until_true grep -q . /sys/fs/cgroup/lxc.payload.job/cgroup.procs
lxc start
is "lxc-start in another cgroup" $status 0
rlimitctl list | grep 'lxc-job' | grep -q '/sys/fs/cgroup/lxc.payload.job-1$'
result $? "is the one with limits"
until_true refused
result $? "which hold"
lxc stop -k
until_true stopped
kill $other
wait $other
rmdir /sys/fs/cgroup/lxc.payload.job

# what a run that was killed has left
mkdir -p /sys/fs/cgroup/rescore-test-left
good create lxc-job --cgroup rescore-test-left numproc=1
lxc start
is "what was left is no hindrance" $status 0
until_true refused
is "its limits are the new ones" "$(row lxc-job numproc barrier)" 3
lxc stop -k
until_true stopped
good create lxc-job numproc=7
rlimitctl exec lxc-job -- sleep 1000 &
sleeper=$!
seven() { has lxc-job 1; }
until_true seven
lxc start
[ "$status" -ne 0 ]
result $? "another's with that name is not taken"
kill $sleeper
wait $sleeper
until_true stopped

# what is wrong fails the start
is "nor removed" "$(row lxc-job numproc barrier)" 7
good destroy lxc-job
configure frob=1
lxc start
[ "$status" -ne 0 ] && grep -q '"frob"' "$tmp/lxc"
result $? "a wrong limit fails the start, and LXC's log says why"
is "and leaves nothing" "$(rlimitctl --list-containers)" web
version=0
configure numproc=3
lxc start
[ "$status" -ne 0 ] && grep -q 'say lxc.hook.version = 1' "$tmp/lxc"
result $? "so does another version of its hooks"
rm -r /var/lib/lxc/job "$root/etc/job"
umount $root
finish
