#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What fails half-way leaves all as it was: a store that cannot be written, a
# container that goes while a command waits, a command that is killed.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
unloaded
store=/var/lib/rescore
# few controllers: quick
few='--containers 100 --events 64 --only numproc,files,locks,cpu'
# As after a reboot: what is stored is all that there is.
reload()
{
	rlimitctl unload --force
	rm -rf /run/rescore
	# shellcheck disable=SC2086
	rlimitctl load $few
}
# shellcheck disable=SC2086
good load $few

# --- a store that cannot be written ---------------------------------------------------

good create top numproc=50
good create web --parent top numproc=5 cpulimit=50%/20ms
good create idle
good mode web observe numflock
mount --bind $store $store
mount -o remount,bind,ro $store
failed()
{
	bad 1 'Read-only file system' "$@"
	is "the kernel has what it had" "$(cat "$own/top/web/cpu.max")" "10000 20000"
}
failed set web numproc=6 numfile=7 cpulimit=20%/50ms
is "no period that was not kept" "$(row web cpulimit barrier)" 50
failed mode web observe
failed mode web enforce numflock
failed move web --parent idle
is "it is where it was" \
	"$(value '.containers[] | select(.name == "web") | .parent' list)" top
failed destroy idle
failed create other numproc=5
bad 1 'Read-only file system' action web numproc log
umount $store
mount -t tmpfs -o size=32k full $store
dd if=/dev/zero of=$store/fill bs=4k count=16 2> /dev/null
bad 1 'No space left on device' create other numproc=5
rm $store/fill
good create other numproc=5
make_root
good create box --rootfs "$root"
good start box -- sleep 1000
good stop box --timeout 0
fails '"/nosuch" could not be started' start box -- /nosuch
dd if=/dev/zero of=$store/fill bs=4k count=16 2> /dev/null
bad 1 'No space left on device' set other numproc=6
bad 1 'No space left on device' start box -- sleep 2000
json '.containers[0].state == "stopped"' state box --json
bad 1 'No space left on device' action other numproc log
rm $store/fill
good start box
is "what it ran last is what it runs" \
	"$(in_it box cat /proc/2/cmdline | tr '\0' ' ')" "sleep 1000 "
good destroy --force box
umount $store
good destroy other
good set web numproc=6 cpulimit=20%/50ms
is "with room it goes on" "$(row web numproc barrier) \
$(cat "$own/top/web/cpu.max")" "6 10000 50000"

# --- what is stored and cannot be made again ---------------------------------------

# more than this machine has; and a mode, which comes before it
good create many numproc=7 numfile=8
good mode many observe numproc
jq '.resources.cpus = {"barrier": 99, "limit": 99}' $store/many/limits.json \
	> "$tmp/many"
cp "$tmp/many" $store/many/limits.json
reload > "$tmp/out" 2>&1
fails 'cpus: 99 CPUs' start many
cmp $store/many/limits.json "$tmp/many" > "$tmp/out"
result $? "it stays stored as it was"
# limits come back though there is no room to write
mount --bind $store $store
mount -o remount,bind,ro $store
good start web
is "from a store that is read-only" "$(row web numproc barrier)" 6
umount $store
good destroy many web top idle

# limits are not stored of a cgroup of others: how to run it is
mkdir -p /sys/fs/cgroup/rescore-test
good create theirs --cgroup rescore-test --rootfs /
reload > "$tmp/out" 2>&1
bad 1 '"theirs" is stored' create theirs
good destroy theirs
good create theirs
good destroy theirs

# --- gone while a command waits ------------------------------------------------------

# stopped ARGS...: rlimitctl ARGS, as $pid, stopped where it waits for the lock.
# Who has that is a destroy that waits for what is charged to go.
waits() { grep -q -- "-> FLOCK .* $1 " /proc/locks; }
stopped()
{
	rlimitctl destroy charged > /dev/null 2>&1 &
	holder=$!
	until_true grep -q ": FLOCK .* $holder " /proc/locks
	rlimitctl "$@" > "$tmp/out" 2> "$tmp/err" &
	pid=$!
	until_true waits $pid
	result $? "it waits: rlimitctl $*"
	kill -STOP $pid
	wait $holder
}
# resumed: it goes on, and has nothing to do any more
resumed()
{
	kill -CONT $pid
	wait $pid
	status=$?
	one_line 1 '"first" has been destroyed meanwhile'
	result $? "what was meant is gone"
}
rlimitctl create charged
rlimitctl exec charged sh -c 'exec 3< /etc/passwd; exec sleep 1000' &
keeper=$!
until_true has charged 1
echo $keeper > /sys/fs/cgroup/cgroup.procs
until_true has charged 0
for verb in 'set first numproc=1' 'destroy --force first'; do
	good create first
	# shellcheck disable=SC2086
	stopped $verb
	good destroy first
	good create second numproc=9
	json '[.containers[].slot] == [1, 2]' list --json
	state > "$tmp/before"
	resumed
	state > "$tmp/after"
	cmp "$tmp/before" "$tmp/after"
	result $? "who has its slot is left alone"
	good destroy second
done
kill $keeper
wait $keeper
good destroy charged

# --- killed --------------------------------------------------------------------------

# killed CGROUP ARGS...: rlimitctl ARGS, killed when it looks at CGROUP's cpu.max: the
# cgroup counts for the slot by then, and the rest is still to be done.
mkfifo "$tmp/fifo"
killed()
{
	file=$1/cpu.max
	shift
	mount --bind "$tmp/fifo" "$file"
	rlimitctl "$@" > /dev/null 2>&1 &
	pid=$!
	until_true grep -q wait_for_partner /proc/$pid/wchan
	result $? "it is on its way: rlimitctl $*"
	kill -9 $pid
	wait $pid
	umount "$file"
}

cgroup=/sys/fs/cgroup/rescore-test
mkdir -p $cgroup
killed $cgroup create first --cgroup rescore-test numproc=5
good create second
sleep 1000 &
sleeper=$!
echo $sleeper > $cgroup/cgroup.procs
is "what it left counts for nobody" "$(row second numproc held)" 0
good create first --cgroup rescore-test numproc=5
is "it is made when it is said again" "$(row first numproc held)" 1
good detach first --cgroup rescore-test
good destroy first
killed $cgroup create first --cgroup rescore-test numproc=5
good attach second --cgroup rescore-test
is "or is another's" "$(row second numproc held)" 1
good detach second --cgroup rescore-test
good create first cpulimit=50%
killed $cgroup attach first --cgroup rescore-test
good detach first --cgroup rescore-test
good attach first --cgroup rescore-test
is "attached once" "$(value '.containers[] | select(.name == "first") |
	.cgroups | length' list)" 2
is "and counted" "$(row first numproc held)" 1
good detach first --cgroup rescore-test
killed $cgroup attach first --cgroup rescore-test
good destroy --force first
wait $sleeper
good destroy second
rmdir $cgroup
good audit
unloaded
finish
